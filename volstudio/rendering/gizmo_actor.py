"""The gizmo drawn over a 3D view, and the lines it consists of for whoever paints it elsewhere.

Handles lie over the volumes whatever is in front: a handle that hides cannot be grabbed. Their far halves are faint, so that the shape
reads. Colours follow the field (x red, y green, z blue), in muted tones; the one under the cursor is bright, the others step back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from volstudio.rendering.overlay import Overlay, Stroke
from volstudio.rendering.palette import ACCENT, TEXT
from volstudio.rendering.rays import CameraRays, FloatArray, ViewRays

if TYPE_CHECKING:
    from volstudio.rendering.gizmo import Gizmo, Handle
    from volstudio.rendering.vtk_types import Renderer
    from volstudio.scene.model import Vec3

__all__ = ["AXIS_COLOURS", "GizmoActor", "polylines"]

AXIS_COLOURS: tuple[Vec3, Vec3, Vec3] = ((0.90, 0.44, 0.42), (0.50, 0.75, 0.42), (0.43, 0.64, 0.93))
HOT: Vec3 = (1.0, 1.0, 1.0)
SHADE: Vec3 = (0.0, 0.0, 0.0)
HEAD = (11.0, 4.6)  # length and half width of an arrow's head, pixels
WIDTH = 1.9
FAINT = 0.28
ALONG = 0.999  # cosine; a handle of an oblique plane belongs to no axis
QUIET = 0.45  # what the other handles keep while one is in hand


def polylines(gizmo: Gizmo, view: ViewRays, *, hot: str | None = None, scale: float = 1.0, held: bool = False) -> list[Stroke]:
    """Strokes of the handles as a view sees them, in the order they are painted.

    Parameters
    ----------
    gizmo : Gizmo
    view : ViewRays
    hot : str or None
        The handle under the cursor or in hand.
    scale : float
        Device pixels per pixel.
    held : bool
        Whether ``hot`` is being dragged: the others step back.
    """
    strokes: list[Stroke] = []
    handles = gizmo.handles(view)
    for handle in sorted(handles, key=lambda one: one.name == hot):
        line = view.project(handle.line)
        strength = np.where(handle.faint, FAINT, 1.0) * (QUIET if held and handle.name != hot else 1.0)
        colour = HOT if handle.name == hot else _colour(handle)
        width = WIDTH * scale * (1.5 if handle.name == hot else 1.0)
        strokes += _strokes(handle, line, colour, width, strength, scale=scale)
    return strokes


class GizmoActor:
    """The gizmo of one 3D view; follows the camera by itself.

    Parameters
    ----------
    renderer : vtkRenderer
    scale : float
        Device pixels per pixel.
    """

    def __init__(self, renderer: Renderer, *, scale: float = 1.0) -> None:
        self._renderer, self._scale = renderer, scale
        self._overlay = Overlay(renderer)
        self._gizmo: Gizmo | None = None
        self._hot: str | None = None
        self._held = False
        self._watch = renderer.AddObserver("StartEvent", self._draw)

    def show(self, gizmo: Gizmo | None, *, hot: str | None = None, held: bool = False) -> None:
        """What the next picture shows; None: no gizmo."""
        self._gizmo, self._hot, self._held = gizmo, hot, held

    def close(self) -> None:
        """Take the gizmo out of the renderer."""
        self._renderer.RemoveObserver(self._watch)
        self._overlay.close()

    def _draw(self, *_event: object) -> None:
        if self._gizmo is None:
            self._overlay.draw(())
            return
        view = CameraRays.of(self._renderer)
        corner = np.array(view.viewport[:2])
        strokes = polylines(self._gizmo, view, hot=self._hot, scale=self._scale, held=self._held)
        self._overlay.draw([Stroke(s.points - corner, s.colour, s.width, s.opacity, s.filled) for s in strokes])


def _strokes(handle: Handle, line: FloatArray, colour: Vec3, width: float, strength: FloatArray, *, scale: float) -> list[Stroke]:
    """A handle with a dark rim, so that it shows on bright anatomy too."""
    rim = width + 2.2 * scale
    if handle.kind == "free":
        return [Stroke(line, SHADE, filled=True, opacity=0.35), Stroke(line, colour, width, strength)]
    if handle.kind == "plane":
        return [Stroke(line, colour, filled=True, opacity=0.30 * float(strength.max())), Stroke(line, colour, width * 0.7, strength * 0.8)]
    if handle.kind == "move":
        head, neck = _arrow_head(line, scale)
        shaft = np.stack([line[0], neck])
        return [
            Stroke(shaft, SHADE, rim, 0.40 * strength[:2]),
            Stroke(head, SHADE, rim * 0.6, 0.40 * float(strength.max())),
            Stroke(shaft, colour, width, strength[:2]),
            Stroke(head, colour, filled=True, opacity=float(strength.max())),
        ]
    return [Stroke(line, SHADE, rim, 0.40 * strength), Stroke(line, colour, width, strength)]


def _arrow_head(line: FloatArray, scale: float) -> tuple[FloatArray, FloatArray]:
    """(4, 2) closed triangle at the end of a line, and the point where the shaft meets it."""
    way = line[-1] - line[0]
    length = float(np.hypot(*way))
    way = way / max(length, 1e-9)
    reach = min(HEAD[0] * scale, 0.7 * length)
    side = np.array([-way[1], way[0]]) * HEAD[1] * scale * reach / (HEAD[0] * scale)
    neck = line[-1] - way * reach
    return np.stack([line[-1], neck + side, neck - side, line[-1]]), neck


def _colour(handle: Handle) -> Vec3:
    """By the axis a handle moves along, turns about or stands on; those along no axis of the scene have the accent."""
    axis = handle.name.partition("-")[2]
    if axis in ("x", "y", "z"):
        return AXIS_COLOURS["xyz".index(axis)]
    nearest = int(np.abs(handle.axis).argmax())
    if handle.kind in ("move", "roll") and abs(handle.axis[nearest]) > ALONG:
        return AXIS_COLOURS[nearest]
    return TEXT if handle.kind == "free" else ACCENT
