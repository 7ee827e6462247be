"""Lines and letters on top of a 3D view, in its pixels: gizmo handles, the corner's axes.

Lines are ribbons of triangles whose edges fade over one pixel, so that they are smooth whether or not the window has multisampling, and lie
over the volumes without a second renderer or any trick with depth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import vtkmodules.vtkRenderingFreeType
import vtkmodules.vtkRenderingOpenGL2  # noqa: F401 - registers the OpenGL classes
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkRenderingCore import vtkActor2D, vtkPolyDataMapper2D, vtkTextActor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from volstudio.rendering.rays import FloatArray
    from volstudio.rendering.vtk_types import Renderer, VtkObject
    from volstudio.scene.model import Vec3

__all__ = ["Overlay", "Stroke", "Word"]

FEATHER = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Stroke:
    """A line over the picture.

    Parameters
    ----------
    points : (n, 2) float array
        Pixels from the top left; segments with NaN are left out.
    colour : (r, g, b), 0 to 1
    width : float
        Pixels.
    opacity : (n,) float array or float
    filled : bool
        Fill the (convex) polygon of the points instead of drawing its outline.
    """

    points: FloatArray
    colour: Vec3
    width: float = 2.0
    opacity: FloatArray | float = 1.0
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """A short text, centred on a pixel from the top left."""

    text: str
    at: tuple[float, float]
    colour: Vec3
    size: float = 13.0
    opacity: float = 1.0


class Overlay:
    """Strokes and words over one renderer.

    Parameters
    ----------
    renderer : vtkRenderer
    """

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._data = vtkPolyData()
        mapper = vtkPolyDataMapper2D()
        mapper.SetInputData(self._data)
        self._actor = vtkActor2D()
        self._actor.SetMapper(mapper)
        self._actor.GetProperty().SetDisplayLocationToForeground()
        self._actor.PickableOff()
        self._actor.VisibilityOff()
        renderer.AddViewProp(self._actor)
        self._texts: list[VtkObject] = []
        self._words: tuple[Word, ...] = ()

    def draw(self, strokes: Sequence[Stroke], words: Sequence[Word] = ()) -> None:
        """Show these and nothing else; pixels count from the top left of the viewport."""
        height = self._renderer.GetSize()[1]
        pieces = [_filled(stroke) if stroke.filled else _ribbon(stroke) for stroke in strokes]
        pieces = [piece for piece in pieces if len(piece[0])]
        self._actor.SetVisibility(bool(pieces))
        if pieces:
            offsets = np.cumsum([0, *(len(points) for points, _, _ in pieces[:-1])])
            points = np.concatenate([points for points, _, _ in pieces])
            self._fill(
                np.column_stack([points[:, 0] + 0.5, height - 0.5 - points[:, 1], np.zeros(len(points))]),
                np.concatenate([triangles + offset for (_, triangles, _), offset in zip(pieces, offsets, strict=True)]),
                np.concatenate([colours for _, _, colours in pieces]),
            )
        self._write(tuple(words), height)

    def close(self) -> None:
        """Take everything out of the renderer."""
        for actor in (self._actor, *self._texts):
            self._renderer.RemoveViewProp(actor)
        self._texts = []

    def _fill(self, points: FloatArray, triangles: NDArray[np.int64], colours: NDArray[np.uint8]) -> None:
        corners = vtkPoints()
        corners.SetData(numpy_to_vtk(np.ascontiguousarray(points), deep=1))
        cells = vtkCellArray()
        starts = np.arange(0, 3 * len(triangles) + 1, 3, dtype=np.int64)
        cells.SetData(numpy_to_vtkIdTypeArray(starts, deep=1), numpy_to_vtkIdTypeArray(np.ascontiguousarray(triangles).ravel(), deep=1))
        rgba = numpy_to_vtk(np.ascontiguousarray(colours), deep=1)
        self._data.SetPoints(corners)
        self._data.SetPolys(cells)
        self._data.GetPointData().SetScalars(rgba)
        self._data.Modified()

    def _write(self, words: tuple[Word, ...], height: float) -> None:
        while len(self._texts) < len(words):
            actor = vtkTextActor()
            actor.PickableOff()
            look = actor.GetTextProperty()
            look.SetFontFamilyToArial()
            look.SetBold(1)
            look.SetJustificationToCentered()
            look.SetVerticalJustificationToCentered()
            self._renderer.AddViewProp(actor)
            self._texts.append(actor)
        for actor, word in zip(self._texts, words, strict=False):
            actor.SetInput(word.text)
            look = actor.GetTextProperty()
            look.SetFontSize(round(word.size))
            look.SetColor(*word.colour)
            look.SetOpacity(word.opacity)
            actor.SetDisplayPosition(0, 0)
            actor.SetPosition(word.at[0] + 0.5, height - 0.5 - word.at[1])
        for k, actor in enumerate(self._texts):
            actor.SetVisibility(k < len(words))


def _ribbon(stroke: Stroke) -> tuple[FloatArray, NDArray[np.int64], NDArray[np.uint8]]:
    """Vertices (m, 2), triangles (k, 3) and RGBA (m, 4) of a polyline with soft edges and mitred joints."""
    points = np.asarray(stroke.points, dtype=float)
    opacity = np.broadcast_to(np.asarray(stroke.opacity, dtype=float), len(points))
    closed = len(points) > 2 and bool(np.allclose(points[0], points[-1]))
    step = np.diff(points, axis=0)
    length = np.linalg.norm(step, axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        normal = np.where(length > 1e-9, np.column_stack([-step[:, 1], step[:, 0]]) / length, 0.0)
    before = np.concatenate([normal[-1:] if closed else normal[:1], normal])
    after = np.concatenate([normal, normal[:1] if closed else normal[-1:]])
    joint = before + after
    square = np.maximum((joint**2).sum(axis=1, keepdims=True), 0.5)  # a sharp corner is cut rather than drawn out to a spike
    across = 2 * joint / square
    half = max(stroke.width, FEATHER) / 2
    rows = [across * reach for reach in (-(half + FEATHER / 2), -(half - FEATHER / 2), half - FEATHER / 2, half + FEATHER / 2)]
    vertices = np.concatenate([points + row for row in rows])
    strength = opacity * min(stroke.width / FEATHER, 1.0)
    alpha = np.concatenate([0 * strength, strength, strength, 0 * strength])
    n = len(points)
    whole = np.flatnonzero(np.isfinite(step).all(axis=1))
    triangles = []
    for row in range(3):
        a, b = whole + row * n, whole + (row + 1) * n
        triangles += [np.column_stack([a, a + 1, b]), np.column_stack([a + 1, b + 1, b])]
    return _finite(vertices), np.concatenate(triangles), _rgba(stroke.colour, alpha)


def _filled(stroke: Stroke) -> tuple[FloatArray, NDArray[np.int64], NDArray[np.uint8]]:
    """The same for a convex polygon with a soft edge."""
    points = np.asarray(stroke.points, dtype=float)
    if not np.isfinite(points).all():
        return np.empty((0, 2)), np.empty((0, 3), np.int64), np.empty((0, 4), np.uint8)
    points = points[:-1] if np.allclose(points[0], points[-1]) else points
    centre, n = points.mean(axis=0), len(points)
    arm = points - centre
    reach = np.maximum(np.linalg.norm(arm, axis=1, keepdims=True), 1e-9)
    inner, outer = points - arm / reach * FEATHER / 2, points + arm / reach * FEATHER / 2
    strength = float(np.max(stroke.opacity))
    alpha = np.concatenate([[strength], np.full(n, strength), np.zeros(n)])
    k = np.arange(n)
    after = (k + 1) % n
    fan = np.column_stack([np.zeros(n, int), 1 + k, 1 + after])
    rim = [np.column_stack([1 + k, 1 + n + k, 1 + after]), np.column_stack([1 + after, 1 + n + k, 1 + n + after])]
    return np.concatenate([centre[None], inner, outer]), np.concatenate([fan, *rim]), _rgba(stroke.colour, alpha)


def _finite(points: FloatArray) -> FloatArray:
    return np.where(np.isfinite(points), points, 0.0)


def _rgba(colour: Vec3, alpha: FloatArray) -> NDArray[np.uint8]:
    rgb = np.broadcast_to(np.asarray(colour, dtype=float), (len(alpha), 3))
    return np.asarray(np.rint(np.column_stack([rgb, alpha]) * 255), dtype=np.uint8)
