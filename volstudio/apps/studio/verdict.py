"""Whether a placement is to be believed, as a badge that is seen from afar and the reasons beside it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from volstudio.apps.studio.section import Paragraph, label

if TYPE_CHECKING:
    from volstudio.registration.trust import Trust

__all__ = ["VerdictView", "error_words"]

# A sign and a word each, so that nothing hangs on the colour.
BADGES = {"pass": "✓ Pass", "look": "? Look", "fail": "✕ Fail"}
MEANINGS = {
    "pass": "Every check of this placement agrees with it.",
    "look": "Something speaks against this placement: look at it closely before you use it.",
    "fail": "This placement is very probably wrong: do not use it as it is.",
}
PLAIN_MM = 10.0  # beyond this a tenth of a millimetre says nothing


def error_words(error_mm: float) -> str:
    """The bound on the error, as a person says it."""
    if not math.isfinite(error_mm):
        return "error unknown"
    return f"error up to {error_mm:.0f} mm" if error_mm > PLAIN_MM else f"error up to {error_mm:.2g} mm"


class VerdictView(QWidget):
    """A badge, the error in mm, and the reasons; nothing where there is no verdict."""

    def __init__(self) -> None:
        super().__init__()
        self.badge = QLabel()
        self.badge.setObjectName("badge")
        self.badge.setAccessibleName("Verdict")
        self.error = label("", kind="strong")
        self.error.setToolTip("The mean error over the object is at most this, nineteen times in twenty")
        self.reasons = Paragraph()
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.setSpacing(9)
        for widget in (self.badge, self.error):
            head.addWidget(widget)
        head.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(5)
        column.addLayout(head)
        column.addWidget(self.reasons)
        self.show_verdict(None)

    def show_verdict(self, trust: Trust | None) -> None:
        """Show another verdict, or none."""
        self.setVisible(trust is not None)
        if trust is None:
            return
        self.badge.setText(BADGES[trust.verdict])
        self.badge.setToolTip(MEANINGS[trust.verdict])
        self.badge.setProperty("verdict", trust.verdict)
        self.badge.style().polish(self.badge)  # the style sheet looks at the property
        self.error.setText(error_words(trust.error_mm))
        self.reasons.say("\n".join(f"{reason[0].upper()}{reason[1:]}." for reason in trust.reasons))
