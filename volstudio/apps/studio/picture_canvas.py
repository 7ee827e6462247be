"""A pane that shows one RGB picture, each of its pixels on one device pixel.

A plain widget: slices are cut and composed on the CPU, and to send a finished picture through OpenGL costs more than to make it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QWidget

from volstudio.apps.studio.pointing import Pointing
from volstudio.scene.model import Scene

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PySide6.QtGui import QPaintEvent

__all__ = ["PictureCanvas"]


class PictureCanvas(Pointing, QWidget):
    """Shows the last picture it was given, and the scene's ground before the first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.begin_pointing()
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._pixels: NDArray[np.uint8] | None = None
        self._ground = QColor.fromRgbF(*Scene().background)

    @property
    def picture(self) -> NDArray[np.uint8] | None:
        """(h, w, 3) uint8: what is on show."""
        return self._pixels

    def show_picture(self, rgb: NDArray[np.uint8]) -> None:
        """Put a picture on the screen with the window's next painting.

        Parameters
        ----------
        rgb : (h, w, 3) uint8 array
            First row on top; as large as `device_size`.
        """
        self._pixels = np.ascontiguousarray(rgb)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """The picture, and the ground where it does not reach: on a screen of a broken scale, half a pixel at an edge."""
        painter = QPainter(self)
        pixels = self._pixels
        if pixels is None or pixels.shape[:2] != self.device_size[::-1] or self.devicePixelRatioF() % 1:
            painter.fillRect(event.rect(), self._ground)
        if pixels is not None:
            height, width = pixels.shape[:2]
            image = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)
            image.setDevicePixelRatio(self.devicePixelRatioF())
            painter.drawImage(QPointF(0, 0), image)
        painter.end()
