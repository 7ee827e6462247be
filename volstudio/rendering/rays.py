"""Pixels to lines in the scene and back: all that a gizmo or a pick needs to know of a view.

Pixels are counted from the centre of the top left pixel of the window or picture, x to the right and y down, in device pixels; this holds
for slice panes and 3D panes alike, so that the same mouse position means the same in both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from volstudio.errors import GeometryError

if TYPE_CHECKING:
    from volstudio.rendering.vtk_types import Renderer

__all__ = ["CameraRays", "FloatArray", "ViewRays", "pixel_mm"]

FloatArray = NDArray[np.float64]


class ViewRays(Protocol):
    """A view as seen by gizmos and picks; `CameraRays` and `volstudio.rendering.planes.SliceView` are two."""

    @property
    def flat(self) -> bool:
        """Whether the view is a slice: only its own plane can be reached."""
        ...

    @property
    def direction(self) -> FloatArray:
        """(3,) unit vector into the screen, scene."""
        ...

    @property
    def right(self) -> FloatArray:
        """(3,) unit vector to the right of the screen, scene."""
        ...

    @property
    def up(self) -> FloatArray:
        """(3,) unit vector up the screen, scene."""
        ...

    def project(self, points: ArrayLike) -> FloatArray:
        """(n, 2) pixels of (n, 3) scene points; NaN for points behind the eye."""
        ...

    def ray(self, pixel: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Origin (3,) and unit direction (3,) of the line under a pixel, scene mm."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class CameraRays:
    """Rays of a 3D view.

    Parameters
    ----------
    matrix : (4, 4) float array
        Scene mm, homogeneous -> normalised device coordinates, each axis -1 to 1, z growing away from the eye.
    viewport : (x, y, width, height)
        The part of the window that the view fills, pixels from the top left corner.
    right, up, direction : (3,) float arrays
        The screen's axes in the scene, unit length; ``direction`` points into the screen.

    Raises
    ------
    GeometryError
        The matrix is singular or the viewport is empty.
    """

    matrix: FloatArray
    viewport: tuple[float, float, float, float]
    right: FloatArray
    up: FloatArray
    direction: FloatArray

    def __post_init__(self) -> None:
        if min(self.viewport[2:]) <= 0 or not np.isfinite(self.matrix).all() or np.linalg.det(self.matrix) == 0:
            raise GeometryError("A 3D view needs an area of at least one pixel and a camera whose position differs from its focal point.")

    @classmethod
    def of(cls, renderer: Renderer) -> CameraRays:
        """Rays of a vtkRenderer as it stands now; the renderer must belong to a window."""
        camera = renderer.GetActiveCamera()
        composite = camera.GetCompositeProjectionTransformMatrix(renderer.GetTiledAspectRatio(), -1, 1)
        matrix = np.array([[composite.GetElement(i, j) for j in range(4)] for i in range(4)])
        look = camera.GetViewTransformMatrix()
        right, up, back = (np.array([look.GetElement(i, j) for j in range(3)]) for i in range(3))
        (x, y), (width, height) = renderer.GetOrigin(), renderer.GetSize()
        window_height = renderer.GetRenderWindow().GetSize()[1]
        return cls(matrix, (x, window_height - y - height, width, height), right, up, -back)

    @property
    def flat(self) -> bool:
        """False: a 3D view reaches every depth."""
        return False

    def project(self, points: ArrayLike) -> FloatArray:
        """(n, 2) pixels of (n, 3) scene points; NaN for points behind the eye."""
        pts = np.atleast_2d(np.asarray(points, dtype=float))
        clip = pts @ self.matrix[:, :3].T + self.matrix[:, 3]
        weight = np.where(clip[:, 3:] > 0, clip[:, 3:], np.nan)
        x, y, width, height = self.viewport
        return (clip[:, :2] / weight * (1, -1) + 1) / 2 * (width, height) + (x - 0.5, y - 0.5)

    def towards_eye(self, point: ArrayLike) -> FloatArray:
        """(3,) unit vector from a scene point to the eye."""
        # What the lens maps to no weight is the eye's plane; in a parallel view it is infinitely far, and every direction the same.
        eye = np.linalg.svd(self.matrix[[0, 1, 3]])[2][-1]
        way = eye[:3] - eye[3] * np.asarray(point, dtype=float)
        return np.asarray(way / np.linalg.norm(way) * -np.sign(way @ self.direction))

    def ray(self, pixel: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Origin (3,) on the near plane and unit direction (3,) of the line under a pixel."""
        x, y, width, height = self.viewport
        across, down = (np.asarray(pixel, dtype=float) - (x - 0.5, y - 0.5)) / (width, height) * 2 - 1
        ends = np.linalg.solve(self.matrix, np.array([[across, -down, z, 1.0] for z in (-1.0, 1.0)]).T).T
        near, far = ends[:, :3] / ends[:, 3:]
        return near, (far - near) / np.linalg.norm(far - near)


def pixel_mm(view: ViewRays, point: ArrayLike) -> float:
    """Millimetres that one pixel covers at the depth of a scene point; NaN behind the eye.

    Examples
    --------
    >>> from volstudio.rendering.planes import SliceView
    >>> round(pixel_mm(SliceView("axial", (0, 0, 0), 100.0, (200, 200)), (5, 5, 5)), 9)
    0.5
    """
    centre = np.asarray(point, dtype=float)
    ends = view.project(np.stack([centre - view.up, centre + view.up]))
    # Two millimetres lie between the ends; in perspective their mean is exact, because a step up the screen keeps the depth.
    return float(2 / np.linalg.norm(ends[1] - ends[0]))
