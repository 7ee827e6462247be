"""The line that says how alike the two layers are, while one of them is moved."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from volstudio.apps.studio.theme import COLOURS, numbers_font

if TYPE_CHECKING:
    from volstudio.apps.studio.likeness import Likeness, Reading

__all__ = ["LikenessLine", "reading_words"]

NOTHING = 5e-5  # what four decimals do not show
TIP = (
    "Mutual information of the two layers as they lie, in nats (0: nothing in common, larger: more alike), how much this move has "
    "changed it, and the share of the smaller object that lies in the other's field of view. "
    "It is looked at coarsely: the number of a result is finer"
)


class LikenessLine(QLabel):
    """Value, change and overlap; one line whatever is known.

    Parameters
    ----------
    likeness : Likeness
    """

    def __init__(self, likeness: Likeness) -> None:
        super().__init__()
        self._likeness = likeness
        self.setFont(numbers_font(11))
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setToolTip(TIP)
        self.setAccessibleName("Likeness")
        likeness.changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        likeness = self._likeness
        reading = likeness.reading
        words = {
            "off": "shown while a layer is moved",
            "preparing": "getting ready …",
            "refused": "these two cannot be compared",
            "ready": "",
        }
        if likeness.state == "ready" and reading is not None:
            self.setText(reading_words(reading))
        else:
            self.setText(f"<span style='color:{COLOURS['faint']}'>{words[likeness.state]}</span>")
        self.setToolTip(likeness.refusal or TIP)


def reading_words(reading: Reading) -> str:
    """A reading as rich text."""
    if not math.isfinite(reading.value):
        return f"<span style='color:{COLOURS['faint']}'>they do not overlap</span>"
    change = ""
    if math.isfinite(reading.change) and abs(reading.change) >= NOTHING:
        tint, sign = (COLOURS["accent"], "▲") if reading.change > 0 else (COLOURS["warn"], "▼")
        change = f"&nbsp;&nbsp;<span style='color:{tint}'>{sign}&nbsp;{abs(reading.change):.4f}</span>"
    dim = COLOURS["dim"]
    return f"MI&nbsp;{reading.value:.4f}{change}&nbsp;&nbsp;<span style='color:{dim}'>overlap&nbsp;{reading.overlap:.0%}</span>"
