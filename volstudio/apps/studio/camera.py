"""How mouse ways turn, shift and bring nearer the eye of the 3D pane; the geometry is vtkCamera's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from vtkmodules.vtkRenderingCore import vtkCamera, vtkRenderer

from volstudio.scene.model import Camera

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

__all__ = ["Eye"]

TURN_DEG = 220.0  # across the whole pane
# From where, and which way is up; "corner" shows three sides at once.
SIDES: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "anterior": ((0, 1, 0), (0, 0, 1)),
    "posterior": ((0, -1, 0), (0, 0, 1)),
    "left": ((-1, 0, 0), (0, 0, 1)),
    "right": ((1, 0, 0), (0, 0, 1)),
    "superior": ((0, 0, 1), (0, 1, 0)),
    "inferior": ((0, 0, -1), (0, 1, 0)),
    "corner": ((-0.75, 1.1, 0.6), (0, 0, 1)),
}


class Eye:
    """A camera that gives other cameras and never changes.

    Parameters
    ----------
    camera : vtkCamera
        Copied.
    """

    def __init__(self, camera: Any) -> None:  # noqa: ANN401 - VTK ships no usable types
        self._camera = vtkCamera()
        self._camera.DeepCopy(camera)

    @classmethod
    def of(cls, renderer: Any) -> Eye:  # noqa: ANN401 - VTK ships no usable types
        """The eye of a vtkRenderer as it stands now."""
        return cls(renderer.GetActiveCamera())

    @property
    def camera(self) -> Camera:
        """As a scene stores it."""
        camera = self._camera
        return Camera(
            position=camera.GetPosition(),
            focal_point=camera.GetFocalPoint(),
            view_up=camera.GetViewUp(),
            view_angle=camera.GetViewAngle(),
            parallel_scale=camera.GetParallelScale() if camera.GetParallelProjection() else None,
        )

    def turned(self, way: ArrayLike, size: tuple[int, int]) -> Eye:
        """After the mouse went (dx, dy) pixels in a pane of that size: the scene follows the hand."""
        dx, dy = np.asarray(way, dtype=float) / min(size) * TURN_DEG
        eye = Eye(self._camera)
        eye._camera.Azimuth(-dx)  # noqa: SLF001 - its own class
        eye._camera.OrthogonalizeViewUp()  # noqa: SLF001 - its own class
        eye._camera.Elevation(dy)  # noqa: SLF001 - its own class
        eye._camera.OrthogonalizeViewUp()  # noqa: SLF001 - its own class
        return eye

    def panned(self, way: ArrayLike, size: tuple[int, int]) -> Eye:
        """The scene shifted by (dx, dy) pixels at the depth of the focal point."""
        camera = self._camera
        half = camera.GetParallelScale()
        if not camera.GetParallelProjection():
            half = camera.GetDistance() * np.tan(np.radians(camera.GetViewAngle() / 2))
        dx, dy = np.asarray(way, dtype=float) * 2 * half / size[1]
        look = camera.GetViewTransformMatrix()
        right, up = (np.array([look.GetElement(row, k) for k in range(3)]) for row in range(2))
        shift = -dx * right + dy * up
        eye = Eye(camera)
        eye._camera.SetPosition(*(np.array(camera.GetPosition()) + shift))  # noqa: SLF001 - its own class
        eye._camera.SetFocalPoint(*(np.array(camera.GetFocalPoint()) + shift))  # noqa: SLF001 - its own class
        return eye

    def zoomed(self, factor: float) -> Eye:
        """Nearer by a factor; with parallel rays, larger."""
        eye = Eye(self._camera)
        if eye._camera.GetParallelProjection():  # noqa: SLF001 - its own class
            eye._camera.SetParallelScale(self._camera.GetParallelScale() / factor)  # noqa: SLF001 - its own class
        else:
            eye._camera.Dolly(factor)  # noqa: SLF001 - its own class
        return eye

    def seen_from(self, side: str, bounds: Sequence[float]) -> Eye:
        """All of a box (xmin, xmax, ymin, ...) seen from a side."""
        direction, up = SIDES[side]
        eye = Eye(self._camera)
        eye._camera.SetFocalPoint(0, 0, 0)  # noqa: SLF001 - its own class
        eye._camera.SetPosition(*direction)  # noqa: SLF001 - its own class
        eye._camera.SetViewUp(*up)  # noqa: SLF001 - its own class
        fitter = vtkRenderer()
        fitter.SetActiveCamera(eye._camera)  # noqa: SLF001 - its own class
        fitter.ResetCamera(*bounds)
        return eye
