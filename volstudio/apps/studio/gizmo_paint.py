"""The gizmo's handles as lines on a slice picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from volstudio.rendering.paint import draw_disc, draw_polyline
from volstudio.rendering.palette import ACCENT

if TYPE_CHECKING:
    from volstudio.rendering.compositor import Picture
    from volstudio.rendering.gizmo import Gizmo, Handle
    from volstudio.rendering.planes import SliceView
    from volstudio.scene.model import Vec3

__all__ = ["AXIS_COLOURS", "paint_gizmo"]

# x, y, z: red, green, blue as the field has them, softened for a dark ground.
AXIS_COLOURS: tuple[Vec3, Vec3, Vec3] = ((0.90, 0.44, 0.42), (0.50, 0.75, 0.42), (0.43, 0.64, 0.93))
HOT: Vec3 = (1.0, 1.0, 1.0)
SHADE: Vec3 = (0.0, 0.0, 0.0)
HEAD = (9.0, 4.5)  # length and half width of an arrow's head, pixels


def paint_gizmo(picture: Picture, gizmo: Gizmo, view: SliceView, *, hot: str | None, scale: float) -> None:
    """Draw the handles over a slice, with a dark rim so that they show on bright anatomy.

    Parameters
    ----------
    picture : (h, w, 3) uint8 array
    gizmo : Gizmo
    view : SliceView
    hot : str or None
        The handle under the mouse or in hand; it is drawn bright.
    scale : float
        Device pixels per pixel.
    """
    handles = gizmo.handles(view)
    lines = [(handle, view.project(handle.line)) for handle in handles]
    for handle, line in lines:
        if handle.kind != "free":
            _stroke(picture, handle, line, SHADE, (4.5 if handle.name == hot else 3.5) * scale, 0.45, scale)
    for handle, line in lines:
        colour = HOT if handle.name == hot else _colour(handle)
        if handle.kind == "free":
            middle = line[:-1].mean(axis=0)
            draw_disc(picture, middle, 5.0 * scale, colour=SHADE, opacity=0.45)
            draw_disc(picture, middle, 3.5 * scale, colour=colour)
        else:
            _stroke(picture, handle, line, colour, (2.5 if handle.name == hot else 1.75) * scale, 1.0, scale)


def _stroke(picture: Picture, handle: Handle, line: np.ndarray, colour: Vec3, width: float, opacity: float, scale: float) -> None:
    draw_polyline(picture, line, colour=colour, width=width, opacity=opacity)
    if handle.kind == "move":
        way = line[-1] - line[0]
        way = way / max(float(np.hypot(*way)), 1e-9)
        side = np.array([-way[1], way[0]])
        tip, base = line[-1] + way * 3 * scale, line[-1] - way * (HEAD[0] - 3) * scale
        for share in np.linspace(0, 1, round(HEAD[0] * scale) + 1):
            middle, half = tip + (base - tip) * share, side * HEAD[1] * scale * share
            draw_polyline(picture, np.stack([middle - half, middle + half]), colour=colour, width=1.4, opacity=opacity)


def _colour(handle: Handle) -> Vec3:
    """That of the scene axis a handle runs along; handles of no axis have the accent."""
    along = np.abs(handle.axis)
    return AXIS_COLOURS[int(along.argmax())] if handle.kind == "move" and along.max() > 0.9 else ACCENT
