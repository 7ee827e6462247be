"""A field for one number: typed, stepped with the arrow keys, and never rounding what was not touched."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QLineEdit

from volstudio.apps.studio.theme import numbers_font

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent, QWheelEvent

__all__ = ["NumberField"]

WIDTH, LEAST_WIDTH = 66, 48
# What a field would take for itself although it is of use to the window only; Ctrl+E is the end of the line under X11.
WINDOW_KEYS = (Qt.Key.Key_E, Qt.Key.Key_R, Qt.Key.Key_S, Qt.Key.Key_P, Qt.Key.Key_O)


class NumberField(QLineEdit):
    """A number with a fixed number of decimals on show.

    The value set by the program is kept whole; only what a person types or steps is emitted, so that looking at a number never changes it.

    Parameters
    ----------
    name : str
        What it is, for tool tips and screen readers.
    decimals : int
    step : float
        One press of an arrow key; ten times with Shift, a tenth with Ctrl.
    empty_ok : bool
        Whether an emptied field means "none", told as None.

    Attributes
    ----------
    edited : Signal(object)
        The new float, or None where that is allowed.
    entered : Signal()
        Return was pressed on a number, so the field has done its duty.
    """

    edited = Signal(object)
    entered = Signal()

    def __init__(self, name: str, *, decimals: int = 2, step: float = 1.0, empty_ok: bool = False) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setFont(numbers_font())
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self._name, self._decimals, self._step, self._empty_ok = name, decimals, step, empty_ok
        self._value: float | None = None
        self._shown = ""
        self.editingFinished.connect(self.commit)
        self.textEdited.connect(lambda _: self._mark(wrong=False))

    @property
    def value(self) -> float | None:
        """The number, unrounded."""
        return self._value

    def show_value(self, value: float | None) -> None:
        """Show a number of the program's; emits nothing, and leaves a field alone that is being typed in."""
        self._value = value
        shown = "" if value is None else self._text(value)
        if shown == self._shown and not self.isModified():
            return
        self._shown = shown
        if not (self.hasFocus() and self.isModified()):
            self.setText(shown)
            self.setCursorPosition(0)
            self._mark(wrong=False)

    def commit(self) -> None:
        """Take what has been typed so far, as Return does."""
        text = self.text().strip().replace(",", ".").replace("−", "-").rstrip("°").removesuffix("mm").strip()
        if not self.isModified():
            return
        if text == self._shown:
            self.setModified(False)
            return
        if not text and self._empty_ok:
            self._take(None)
            return
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if math.isfinite(value):
            self._take(value)
        else:
            self._mark(wrong=True)

    def set_step(self, step: float, decimals: int) -> None:
        """Fit the steps to the numbers at hand."""
        self._step, self._decimals = step, decimals

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Room for a number, not for a sentence."""
        return QSize(WIDTH, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As narrow as a short number."""
        return QSize(LEAST_WIDTH, super().minimumSizeHint().height())

    def event(self, event: QEvent) -> bool:
        """Esc and undo are the field's own while something is being typed; otherwise they belong to the window, as its commands do."""
        if event.type() == QEvent.Type.ShortcutOverride:
            if event.key() == Qt.Key.Key_Escape and self.isModified():  # type: ignore[attr-defined]  # a QKeyEvent
                event.accept()
                return True
            if self._is_of_the_window(event):  # type: ignore[arg-type]  # as above
                event.ignore()
                return False
        return bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Arrow keys step, Esc takes back what was typed."""
        sign = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}.get(Qt.Key(event.key()))
        if sign is not None:
            self._nudge(sign, event.modifiers())
        elif event.key() == Qt.Key.Key_Escape and self.isModified():
            self._revert()
        else:
            super().keyPressEvent(event)
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not self.property("wrong"):
                self.entered.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        """The wheel steps a field that has the focus; elsewhere it scrolls the panel."""
        if self.hasFocus() and event.angleDelta().y():
            self._nudge(1 if event.angleDelta().y() > 0 else -1, event.modifiers())
            event.accept()
        else:
            event.ignore()

    def _is_of_the_window(self, event: QKeyEvent) -> bool:
        if event.matches(QKeySequence.StandardKey.Undo) or event.matches(QKeySequence.StandardKey.Redo):
            return not self.isModified()
        return bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier) and event.key() in WINDOW_KEYS

    def _nudge(self, sign: int, modifiers: Qt.KeyboardModifier) -> None:
        factor = 10.0 if modifiers & Qt.KeyboardModifier.ShiftModifier else 0.1 if modifiers & Qt.KeyboardModifier.ControlModifier else 1.0
        self.commit()
        if self._value is not None:
            self._take(self._value + sign * factor * self._step)

    def _take(self, value: float | None) -> None:
        self._value = value
        self._shown = "" if value is None else self._text(value)
        self.setText(self._shown)
        self._mark(wrong=False)
        self.edited.emit(value)

    def _revert(self) -> None:
        self.setText(self._shown)
        self._mark(wrong=False)

    def _text(self, value: float) -> str:
        text = f"{value:.{self._decimals}f}"
        return text.removeprefix("-") if float(text) == 0 else text

    def _mark(self, *, wrong: bool) -> None:
        if bool(self.property("wrong")) != wrong:
            self.setProperty("wrong", wrong)
            self.style().unpolish(self)
            self.style().polish(self)
        self.setToolTip(f"{self._name}: this is not a number" if wrong else self._name)
