"""Names cut to the room there is: files of one study differ at the end of their names, so the end is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QLabel, QSizePolicy

if TYPE_CHECKING:
    from PySide6.QtGui import QFontMetrics, QResizeEvent

__all__ = ["NameLabel", "keep_end"]

HEAD = 3  # one letter in so many is of the beginning
LEAST_WIDTH = 40


def keep_end(text: str, metrics: QFontMetrics, width: float) -> str:
    """The text, or its beginning and the longer part of its end around an ellipsis, within a width in pixels."""
    if metrics.horizontalAdvance(text) <= width:
        return text
    for kept in range(len(text) - 1, 0, -1):
        head = kept // HEAD
        cut = f"{text[:head]}…{text[len(text) - kept + head :]}"
        if metrics.horizontalAdvance(cut) <= width:
            return cut
    return "…"


class NameLabel(QLabel):
    """A label that cuts a name to its own width, whatever that becomes."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._name = ""
        self.show_name(name)

    def show_name(self, name: str) -> None:
        """Show another name."""
        self._name = name
        self.setText(keep_end(name, self.fontMetrics(), self.contentsRect().width()))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """A few letters."""
        return QSize(LEAST_WIDTH, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Cut anew."""
        super().resizeEvent(event)
        self.show_name(self._name)
