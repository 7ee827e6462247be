"""The gizmo's handles painted on a slice picture: the same strokes as over the 3D view, by Qt's painter, which takes a millisecond."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPolygonF

from volstudio.rendering.gizmo_actor import polylines

if TYPE_CHECKING:
    from volstudio.rendering.compositor import Picture
    from volstudio.rendering.gizmo import Gizmo
    from volstudio.rendering.planes import SliceView

__all__ = ["paint_gizmo"]


def paint_gizmo(picture: Picture, gizmo: Gizmo, view: SliceView, *, hot: str | None, held: bool, scale: float) -> None:
    """Paint the handles over a slice, in place.

    Parameters
    ----------
    picture : (h, w, 3) uint8 array
        Contiguous.
    gizmo : Gizmo
    view : SliceView
    hot : str or None
        The handle under the mouse or in hand.
    held : bool
    scale : float
        Device pixels per pixel.
    """
    height, width = picture.shape[:2]
    image = QImage(picture.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(0.5, 0.5)  # ours are pixel centres, Qt's are corners
    for stroke in polylines(gizmo, view, hot=hot, scale=scale, held=held):
        colour = QColor.fromRgbF(*stroke.colour, float(np.max(stroke.opacity)))
        outline = QPolygonF([QPointF(x, y) for x, y in stroke.points.tolist()])
        if stroke.filled:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawPolygon(outline)
        else:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(colour, stroke.width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
            painter.drawPolyline(outline)
    painter.end()
