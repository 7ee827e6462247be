"""What stands around the volumes in the 3D view: lines in the scene, landmarks, and axes with letters in the corner.

The volumes hide the lines behind them; the crosshair also shows through, faintly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkFiltersSources import vtkSphereSource
from vtkmodules.vtkRenderingCore import vtkActor, vtkActor2D, vtkCoordinate, vtkPolyDataMapper, vtkPolyDataMapper2D

from volstudio.rendering.overlay import Overlay, Stroke, Word
from volstudio.rendering.palette import DIM, ERROR, TEXT

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from volstudio.rendering.rays import FloatArray, ViewRays
    from volstudio.rendering.vtk_types import Renderer, VtkObject
    from volstudio.scene.model import Look, Vec3

__all__ = ["CornerAxes", "Lines", "Sphere", "crosshair_lines", "layer_colour"]

LETTERS = (("R", "L"), ("A", "P"), ("S", "I"))
CORNER_PX = 46.0
ARM_PX = 27.0
LEAST_CORNER = 0.6  # in a lower picture the letters could not be read, and there are none


def layer_colour(look: Look) -> Vec3:
    """The colour that stands for a layer: a clear tone of its colour map, quiet grey for grey ones."""
    from volstudio.scene import colourmaps

    table = colourmaps.get(look.colourmap).table(256) / 255.0
    red, green, blue = (float(x) for x in table[176])
    return DIM if max(red, green, blue) - min(red, green, blue) < 0.08 else (red, green, blue)


class Lines:
    """Segments in the scene, in one colour.

    Parameters
    ----------
    renderer : vtkRenderer
    colour : (r, g, b), 0 to 1
    width : float
        Pixels.
    through : float
        Opacity of the same lines over everything else; 0: hidden by what is in front.
    """

    def __init__(self, renderer: Renderer, colour: Vec3, *, width: float = 1.2, through: float = 0.0) -> None:
        self._renderer = renderer
        self._data = vtkPolyData()
        mapper = vtkPolyDataMapper()
        mapper.SetInputData(self._data)
        self._actor = vtkActor()
        self._actor.SetMapper(mapper)
        self._actor.PickableOff()
        # Boxes and crosshair frame the volumes; they do not decide how far the camera stands off.
        self._actor.UseBoundsOff()
        prop = self._actor.GetProperty()
        prop.LightingOff()
        prop.SetColor(*colour)
        # Never translucent: such lines write no depth, so that volumes behind them would cover them, and are not smoothed.
        prop.SetLineWidth(width)
        renderer.AddActor(self._actor)
        self._ghost = _ghost(self._data, colour, width, through) if through > 0 else None
        if self._ghost is not None:
            renderer.AddViewProp(self._ghost)

    def show(self, points: FloatArray, segments: ArrayLike) -> None:
        """Draw segments (pairs of rows) between points (n, 3), scene mm."""
        corners, cells = vtkPoints(), vtkCellArray()
        corners.SetDataTypeToDouble()
        corners.SetData(numpy_to_vtk(np.ascontiguousarray(points, dtype=np.float64), deep=1))
        for first, last in np.reshape(segments, (-1, 2)):
            cells.InsertNextCell(2, (int(first), int(last)))
        self._data.SetPoints(corners)
        self._data.SetLines(cells)

    def close(self) -> None:
        """Take the lines out of the renderer."""
        self._renderer.RemoveActor(self._actor)
        if self._ghost is not None:
            self._renderer.RemoveViewProp(self._ghost)


class Sphere:
    """A landmark: a small ball in the scene."""

    def __init__(self, renderer: Renderer, colour: Vec3, centre: Vec3, radius: float) -> None:
        self._renderer = renderer
        ball, mapper = vtkSphereSource(), vtkPolyDataMapper()
        ball.SetCenter(*centre)
        ball.SetRadius(radius)
        ball.SetThetaResolution(24)
        ball.SetPhiResolution(16)
        mapper.SetInputConnection(ball.GetOutputPort())
        self._actor = vtkActor()
        self._actor.SetMapper(mapper)
        self._actor.GetProperty().SetColor(*colour)
        self._actor.PickableOff()
        renderer.AddActor(self._actor)

    def close(self) -> None:
        """Take the ball out of the renderer."""
        self._renderer.RemoveActor(self._actor)


class CornerAxes:
    """Three axes with the letters of their ends in the lower left corner, turning with the camera.

    Parameters
    ----------
    renderer : vtkRenderer
    scale : float
        Device pixels per pixel.
    """

    def __init__(self, renderer: Renderer, *, scale: float = 1.0) -> None:
        self._overlay = Overlay(renderer)
        self._scale = scale
        self._renderer = renderer

    def draw(self, view: ViewRays | None, *, known: bool = True, tile: tuple[int, int, tuple[int, int]] | None = None) -> None:
        """Show the axes as a view sees them; None hides them.

        Parameters
        ----------
        view : ViewRays or None
        known : bool
            False where a file does not say which side is left: the letters are question marks.
        tile : (x, y, (width, height)) or None
            For a tile of a larger picture: where the tile lies in it, and the picture's size, pixels.
        """
        if view is None:
            self._overlay.draw(())
            return
        left, top, size = tile or (0, 0, self._renderer.GetSize())
        scale = self._scale * min(1.0, min(size) / (2 * self._scale * CORNER_PX))
        if scale < LEAST_CORNER * self._scale:
            self._overlay.draw(())
            return
        centre = np.array([CORNER_PX * scale - left, size[1] - CORNER_PX * scale - top])
        ends = []
        for axis, letters in enumerate(LETTERS):
            for sign, letter in zip((1.0, -1.0), letters, strict=True):
                way = np.array([view.right[axis], -view.up[axis]]) * sign
                ends.append((float(view.direction[axis]) * sign, way, letter, sign))
        strokes, words = [], []
        for depth, way, letter, sign in sorted(ends, key=lambda end: -end[0]):  # the far ones first
            near = 0.5 - 0.5 * depth
            tip = centre + way * ARM_PX * scale
            faint = float(np.clip(np.linalg.norm(way) * 2.2 - 0.35, 0, 1)) * (0.45 + 0.55 * near)
            strokes.append(Stroke(np.stack([centre, tip]), TEXT if sign > 0 else DIM, 1.6 * scale, 0.35 + 0.45 * near))
            at = centre + way * (ARM_PX + 9) * scale
            text, colour = (letter, TEXT if sign > 0 else DIM) if known else ("?", ERROR)
            words.append(Word(text, (float(at[0]), float(at[1])), colour, 12 * scale, faint))
        self._overlay.draw(strokes, words)

    def close(self) -> None:
        """Take the axes out of the renderer."""
        self._overlay.close()


def crosshair_lines(point: Vec3, corners: FloatArray) -> tuple[FloatArray, tuple[tuple[int, int], ...]]:
    """Three lines through a point, as long as the box around the corners (n, 3)."""
    low = np.minimum(corners.min(axis=0), point)
    high = np.maximum(corners.max(axis=0), point)
    ends = np.repeat(np.array([point], dtype=float), 6, axis=0)
    for axis in range(3):
        ends[2 * axis, axis], ends[2 * axis + 1, axis] = low[axis], high[axis]
    return ends, ((0, 1), (2, 3), (4, 5))


def _ghost(data: VtkObject, colour: Vec3, width: float, opacity: float) -> VtkObject:
    """The same lines drawn over the picture."""
    place, mapper, actor = vtkCoordinate(), vtkPolyDataMapper2D(), vtkActor2D()
    place.SetCoordinateSystemToWorld()
    mapper.SetInputData(data)
    mapper.SetTransformCoordinate(place)
    actor.SetMapper(mapper)
    actor.GetProperty().SetColor(*colour)
    actor.GetProperty().SetOpacity(opacity)
    actor.GetProperty().SetLineWidth(width)
    actor.PickableOff()
    return actor
