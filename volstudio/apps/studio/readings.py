"""What each layer holds at the crosshair, in as many lines as it takes: names are cut short, voxels and values never."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea

from volstudio.apps.studio.elide import keep_end
from volstudio.apps.studio.theme import COLOURS, numbers_font
from volstudio.rendering.annotations import number_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QResizeEvent

    from volstudio.rendering.readout import Reading

__all__ = ["Readings"]

CELL = 36  # digits: three indices, a value, and the end of a name
GAP = 3  # digits between two layers
SCROLL_BAR = 9  # pixels, as the style sheet has it
LINES = 4  # seen at once; more are scrolled


class Readings(QScrollArea):
    """Voxel and value of every layer; the tool tip has them with their whole names.

    The number of lines depends on the number of layers and the width only, so that nothing jumps while the crosshair moves.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._readings: tuple[Reading, ...] = ()
        self._words = QLabel()
        self._words.setFont(numbers_font())
        self._words.setTextFormat(Qt.TextFormat.RichText)
        self.setWidget(self._words)
        self._digit = self._words.fontMetrics().horizontalAdvance("0")
        self.setMinimumWidth((CELL + GAP) * self._digit)
        self._fill()

    def text(self) -> str:
        """What is on show, as rich text."""
        return self._words.text()

    def show_readings(self, readings: Sequence[Reading]) -> None:
        """Show other readings, top layer first."""
        self._readings = tuple(readings)
        self._fill()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Lay out anew."""
        super().resizeEvent(event)
        self._fill()

    @property
    def columns(self) -> int:
        """How many layers stand side by side."""
        return max((self.width() - SCROLL_BAR) // ((CELL + GAP) * self._digit), 1)

    def _fill(self) -> None:
        columns = self.columns
        rows = [self._readings[start : start + columns] for start in range(0, len(self._readings), columns)]
        width = (self.width() - SCROLL_BAR) // min(columns, max(len(self._readings), 1))
        room = width - GAP * self._digit
        line = self._words.fontMetrics().lineSpacing()
        self.setFixedHeight(max(min(len(rows), LINES), 1) * line + 2)
        if len(rows) < 2:
            self._words.setText((GAP * "&nbsp;").join(self._cell(reading, room) for reading in self._readings))
        else:
            lines = ("".join(f"<td width='{width}'>{self._cell(reading, room)}</td>" for reading in row) for row in rows)
            self._words.setText("<table cellspacing='0' cellpadding='0'><tr>" + "</tr><tr>".join(lines) + "</tr></table>")
        whole = "\n".join(" ".join((reading.layer, *_facts(reading))) for reading in self._readings)
        self.setToolTip(f"<p style='white-space: pre'>{escape(whole)}</p>" if whole else "")

    def _cell(self, reading: Reading, room: int) -> str:
        """One layer within a width in pixels."""
        voxel, value = _facts(reading)
        name = keep_end(reading.layer, self._words.fontMetrics(), room - (len(voxel) + len(value) + 2) * self._digit)
        faint, dim, text = COLOURS["faint"], COLOURS["dim"], COLOURS["text"]
        if reading.value is None:
            return f"<span style='color:{faint}'>{_whole(f'{name}  {value}')}</span>"
        return f"<span style='color:{dim}'>{_whole(f'{name} {voxel}')}</span>&nbsp;<span style='color:{text}'>{_whole(value)}</span>"


def _facts(reading: Reading) -> tuple[str, str]:
    """Voxel and value in words."""
    if reading.value is None:
        return "", "outside"
    return f"[{' '.join(str(round(float(index))) for index in reading.ijk)}]", number_text(reading.value)


def _whole(words: str) -> str:
    """Words as rich text that is not broken into lines."""
    return escape(words).replace(" ", "&nbsp;")
