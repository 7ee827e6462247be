"""A pane of the window: every mouse event told in the same words, and a frame only when it was asked for.

Whatever widget a pane is (VTK's, or a plain one that shows a picture), its events become `Pointer` values for whoever listens, and however
many changes come, one frame is drawn at the next tick.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPointF, Qt, QTimer, Signal

if TYPE_CHECKING:
    from PySide6.QtGui import QMouseEvent, QResizeEvent, QWheelEvent
    from PySide6.QtWidgets import QWidget as Base
else:
    Base = object  # mixed into widgets of several kinds

__all__ = ["Pointer", "Pointing"]

# A press that travels less than this (device-independent pixels) is a click.
CLICK_REACH = 3.0
NOTCH = 120.0  # Qt's angle units of one step of a mouse wheel


@dataclass(frozen=True, slots=True)
class Pointer:
    """Where the mouse is and what is held down.

    Parameters
    ----------
    pixel : (x, y)
        Device pixels from the centre of the upper left one.
    button : Qt.MouseButton
        The button pressed, held or let go; NoButton while hovering.
    modifiers : Qt.KeyboardModifier
    notches : float
        Steps of the wheel, away from the person positive.
    moved : bool
        Whether the mouse has left the place it was pressed on since.
    """

    pixel: tuple[float, float]
    button: Qt.MouseButton = Qt.MouseButton.NoButton
    modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
    notches: float = 0.0
    moved: bool = False

    @property
    def shift(self) -> bool:
        """Whether Shift is held."""
        return bool(self.modifiers & Qt.KeyboardModifier.ShiftModifier)

    @property
    def ctrl(self) -> bool:
        """Whether Ctrl (Command on a Mac) is held."""
        return bool(self.modifiers & Qt.KeyboardModifier.ControlModifier)


class Pointing(Base):
    """What every pane does, mixed into a widget; `begin_pointing` is to be called once that has been made.

    Attributes
    ----------
    pressed, dragged, released, hovered, wheeled, doubled : Signal(Pointer)
    left : Signal()
        The mouse has gone.
    sized : Signal()
        The number of device pixels has changed.
    """

    pressed = Signal(object)
    dragged = Signal(object)
    released = Signal(object)
    hovered = Signal(object)
    wheeled = Signal(object)
    doubled = Signal(object)
    left = Signal()
    sized = Signal()

    def begin_pointing(self) -> None:
        """Make ready what the events need."""
        self.setAcceptDrops(False)  # files dropped on a pane belong to the window
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(80, 80)
        self._button = Qt.MouseButton.NoButton
        self._press = QPointF()
        self._moved = False
        self._forgotten = False
        self._frame = QTimer(self)
        self._frame.setSingleShot(True)
        self._frame.setInterval(0)
        self._frame.timeout.connect(self._tick)
        self._closed_for_good = False

    @property
    def device_size(self) -> tuple[int, int]:
        """Width and height in device pixels."""
        scale = self.devicePixelRatioF()
        return max(1, round(self.width() * scale)), max(1, round(self.height() * scale))

    def request(self, delay_ms: int = 0) -> None:
        """Ask for a frame at the next tick; many requests give one frame."""
        if self._closed_for_good:
            return
        if not self._frame.isActive() or self._frame.remainingTime() > delay_ms:
            self._frame.start(delay_ms)

    def postpone(self, delay_ms: int) -> None:
        """Ask for a frame after a pause that begins anew with every request."""
        if not self._closed_for_good:
            self._frame.start(delay_ms)

    def forget_press(self) -> None:
        """Tell nobody of what the mouse does until the button that is held is let go."""
        self._forgotten = self._button != Qt.MouseButton.NoButton

    def cancel_drag(self) -> bool:
        """Take back the running drag of a handle, in panes that have some; whether there was one."""
        return False

    def draw(self) -> None:
        """Prepare and show one frame; panes say what."""

    def shut(self) -> None:
        """Draw nothing any more."""
        self._closed_for_good = True
        self._frame.stop()
        self.close()

    def _tick(self) -> None:
        if not self._closed_for_good and self.isVisible():
            self.draw()

    def _pointer(self, event: QMouseEvent | QWheelEvent, *, notches: float = 0.0) -> Pointer:
        scale = self.devicePixelRatioF()
        at = event.position()
        return Pointer((at.x() * scale, at.y() * scale), self._button, event.modifiers(), notches, self._moved)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Begin a drag; a second button during one cancels it, which the pane decides."""
        if self._forgotten:
            return
        if self._button != Qt.MouseButton.NoButton:
            held, self._button = self._button, event.button()
            self.pressed.emit(self._pointer(event))
            self._button = held
            return
        self._button, self._press, self._moved = event.button(), event.position(), False
        self.pressed.emit(self._pointer(event))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Hover, or go on with a drag."""
        if self._button == Qt.MouseButton.NoButton:
            self.hovered.emit(self._pointer(event))
            return
        if self._forgotten:
            return
        self._moved = self._moved or (event.position() - self._press).manhattanLength() > CLICK_REACH
        self.dragged.emit(self._pointer(event))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """End a drag when its own button is let go."""
        if event.button() != self._button:
            return
        pointer = self._pointer(event)
        forgotten, self._button, self._forgotten = self._forgotten, Qt.MouseButton.NoButton, False
        (self.hovered if forgotten else self.released).emit(pointer)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """A second click."""
        self.doubled.emit(self._pointer(event))

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        """The wheel; Alt turns it sideways in Qt, so both axes count."""
        angle = event.angleDelta()
        self.wheeled.emit(self._pointer(event, notches=(angle.y() or angle.x()) / NOTCH))
        event.accept()

    def enterEvent(self, event: Any) -> None:  # noqa: N802, ANN401 - Qt's name and type
        """Nothing of VTK's own."""

    def leaveEvent(self, event: Any) -> None:  # noqa: N802, ANN401, ARG002 - Qt's name and type
        """The mouse has gone."""
        self.left.emit()

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802, ANN401 - Qt's name and type
        """Keys belong to the window."""
        event.ignore()

    def keyReleaseEvent(self, event: Any) -> None:  # noqa: N802, ANN401 - Qt's name and type
        """Keys belong to the window."""
        event.ignore()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Draw again at the new size."""
        super().resizeEvent(event)
        self.sized.emit()
        self.request()

    def showEvent(self, event: Any) -> None:  # noqa: N802, ANN401 - Qt's name and type
        """A pane that was hidden may have missed changes."""
        super().showEvent(event)
        self.request()
