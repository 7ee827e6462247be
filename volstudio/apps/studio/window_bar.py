"""The intensity window as a picture: histogram, colours, and two handles to drag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from volstudio.apps.studio.swatches import gradient
from volstudio.apps.studio.theme import colour

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PySide6.QtGui import QMouseEvent, QPaintEvent

__all__ = ["WindowBar"]

HEIGHT = 58
STRIP = 8  # of colours, under the histogram
PAD = 6  # so that a handle at the end can be seen whole
REACH = 8  # of a handle, pixels
LEAST_SHARE = 1e-3  # of the range, between the two handles


@dataclass(frozen=True, slots=True)
class Counts:
    """Histogram of a volume: (n,) heights 0 to 1 over an even range."""

    heights: NDArray[np.float64]
    low: float
    high: float


class WindowBar(QWidget):
    """Histogram with a handle at each end of the window; dragging between them moves both.

    Attributes
    ----------
    changed : Signal(float, float)
        While dragging: the new low and high.
    pressed, released : Signal()
        Around a drag.
    """

    changed = Signal(float, float)
    pressed = Signal()
    released = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.setToolTip("Drag the ends of the window, or between them to shift it; double-click for the robust window")
        self._counts: Counts | None = None
        self._low, self._high = 0.0, 1.0
        self._colours = "gray"
        self._held: str | None = None
        self._from = (0.0, 0.0, 0.0)

    def show_counts(self, heights: NDArray[np.float64], low: float, high: float) -> None:
        """Show a histogram over ``low`` to ``high``."""
        tallest = float(np.percentile(heights[1:], 98)) if len(heights) > 2 else 1.0
        self._counts = Counts(np.clip(heights / max(tallest, 1.0), 0, 1) ** 0.5, low, high)
        self.update()

    def show_window(self, low: float, high: float, colours: str) -> None:
        """Show a window and its colours."""
        self._low, self._high, self._colours = low, high, colours
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, ARG002 - Qt's name
        """Histogram, strip and handles."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(0.5, 0.5, self.width() - 1, self.height() - 1)
        painter.setPen(QPen(colour("line")))
        painter.setBrush(colour("ground"))
        painter.drawRoundedRect(box, 5, 5)
        if self._counts is None or not self.isEnabled():
            return
        floor = self.height() - STRIP - 5
        left, right = self._x(self._low), self._x(self._high)
        outline = QPainterPath(QPointF(PAD, floor))
        xs = np.linspace(PAD, self.width() - PAD, len(self._counts.heights))
        for x, height in zip(xs, self._counts.heights, strict=True):
            outline.lineTo(x, floor - height * (floor - 6))
        outline.lineTo(self.width() - PAD, floor)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour("edge"))
        painter.drawPath(outline)
        painter.save()
        painter.setClipRect(QRectF(left, 0, max(right - left, 1), self.height()))
        painter.setBrush(colour("dim"))
        painter.drawPath(outline)
        painter.restore()
        self._paint_strip(painter, left, right)
        painter.setPen(QPen(colour("accent"), 1.6))
        for x in (left, right):
            painter.drawLine(QPointF(x, 4), QPointF(x, self.height() - 4))

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Grab the nearer handle, or the window between them."""
        if event.button() != Qt.MouseButton.LeftButton or self._counts is None:
            return
        self._held = self._under(event.position().x())
        self._from = (event.position().x(), self._low, self._high)
        self.pressed.emit()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Drag what is held."""
        x = event.position().x()
        if self._held is None:
            over = self._under(x)
            self.setCursor(Qt.CursorShape.SizeHorCursor if over in ("low", "high") else Qt.CursorShape.ArrowCursor)
            return
        way = self._value(x) - self._value(self._from[0])
        low = self._from[1] + (way if self._held in ("low", "both") else 0.0)
        high = self._from[2] + (way if self._held in ("high", "both") else 0.0)
        least = self._range() * LEAST_SHARE
        if self._held == "low":
            low = min(low, high - least)
        elif self._held == "high":
            high = max(high, low + least)
        self.changed.emit(low, high)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802, ARG002 - Qt's name
        """Let go."""
        if self._held is not None:
            self._held = None
            self.released.emit()

    def _under(self, x: float) -> str:
        left, right = self._x(self._low), self._x(self._high)
        if min(abs(x - left), abs(x - right)) <= REACH:
            return "low" if abs(x - left) < abs(x - right) or (x < left) else "high"
        return "both" if left < x < right else ("low" if x < left else "high")

    def _paint_strip(self, painter: QPainter, left: float, right: float) -> None:
        y = self.height() - STRIP - 3
        scale = self.devicePixelRatioF()
        strip = gradient(self._colours, 160, STRIP, scale)
        first, last = strip.toImage().pixelColor(0, 0), strip.toImage().pixelColor(strip.width() - 1, 0)
        painter.fillRect(QRectF(PAD, y, left - PAD, STRIP), first)
        painter.fillRect(QRectF(right, y, self.width() - PAD - right, STRIP), last)
        painter.drawPixmap(QRectF(left, y, max(right - left, 1), STRIP), strip, QRectF(strip.rect()))

    def _range(self) -> float:
        return max(self._counts.high - self._counts.low, 1e-12) if self._counts else 1.0

    def _x(self, value: float) -> float:
        if self._counts is None:
            return 0.0
        share = (value - self._counts.low) / self._range()
        return PAD + min(max(share, 0.0), 1.0) * (self.width() - 2 * PAD)

    def _value(self, x: float) -> float:
        low = self._counts.low if self._counts else 0.0
        return low + (x - PAD) / max(self.width() - 2 * PAD, 1) * self._range()
