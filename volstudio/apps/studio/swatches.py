"""Colour maps as little pictures, for lists and combo boxes."""

from __future__ import annotations

from functools import cache

import numpy as np
from PySide6.QtGui import QImage, QPixmap

from volstudio.scene import colourmaps

__all__ = ["gradient"]


@cache
def gradient(name: str, width: int, height: int, scale: float = 1.0) -> QPixmap:
    """A colour map from left to right, sharp on a screen of that scale."""
    across, down = round(width * scale), round(height * scale)
    row = colourmaps.get(name).table(across)
    pixels = np.ascontiguousarray(np.broadcast_to(row[None], (down, across, 3)))
    image = QImage(pixels.data, across, down, 3 * across, QImage.Format.Format_RGB888)
    drawn = QPixmap.fromImage(image)
    drawn.setDevicePixelRatio(scale)
    return drawn
