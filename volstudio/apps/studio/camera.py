"""How mouse ways turn, shift and bring nearer the eye of the 3D pane; the geometry is vtkCamera's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from vtkmodules.vtkRenderingCore import vtkCamera, vtkRenderer

from volstudio.rendering.camera import FROM, apply_camera, camera_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from volstudio.scene.model import Camera, Vec3

__all__ = ["SIDES", "panned", "turned", "zoomed"]

TURN_DEG = 220.0  # for a way across the smaller side of the pane
SIDES: dict[str, Vec3] = {
    "anterior": (0.0, 1.0, 0.0),
    "posterior": (0.0, -1.0, 0.0),
    "left": (-1.0, 0.0, 0.0),
    "right": (1.0, 0.0, 0.0),
    "superior": (0.0, 0.0, 1.0),
    "inferior": (0.0, 0.0, -1.0),
    "corner": FROM,
}


def turned(camera: Camera, way: ArrayLike, size: tuple[int, int]) -> Camera:
    """The camera after the mouse went (dx, dy) pixels in a pane of that size: the scene follows the hand."""
    dx, dy = np.asarray(way, dtype=float) / min(size) * TURN_DEG

    def turn(eye: Any) -> None:  # noqa: ANN401 - VTK ships no usable types
        eye.Azimuth(-dx)
        eye.OrthogonalizeViewUp()
        eye.Elevation(dy)
        eye.OrthogonalizeViewUp()

    return _after(camera, turn)


def panned(camera: Camera, way: ArrayLike, size: tuple[int, int]) -> Camera:
    """The camera after the scene was shifted by (dx, dy) pixels at the depth of the focal point."""
    dx, dy = np.asarray(way, dtype=float) / size[1]

    def shift(eye: Any) -> None:  # noqa: ANN401 - VTK ships no usable types
        height = 2 * eye.GetParallelScale()
        if not eye.GetParallelProjection():
            height = 2 * eye.GetDistance() * np.tan(np.radians(eye.GetViewAngle() / 2))
        look = eye.GetViewTransformMatrix()
        right, up = (np.array([look.GetElement(row, k) for k in range(3)]) for row in range(2))
        step = height * (dy * up - dx * right)
        position, focus = np.array(eye.GetPosition()) + step, np.array(eye.GetFocalPoint()) + step
        eye.SetPosition(*position)
        eye.SetFocalPoint(*focus)

    return _after(camera, shift)


def zoomed(camera: Camera, factor: float) -> Camera:
    """The camera nearer by a factor; with parallel rays, the scene larger by it."""

    def approach(eye: Any) -> None:  # noqa: ANN401 - VTK ships no usable types
        if eye.GetParallelProjection():
            eye.SetParallelScale(eye.GetParallelScale() / factor)
        else:
            eye.Dolly(factor)

    return _after(camera, approach)


def _after(camera: Camera, change: Callable[[Any], None]) -> Camera:
    desk = vtkRenderer()
    desk.SetActiveCamera(vtkCamera())
    apply_camera(desk, camera)
    change(desk.GetActiveCamera())
    return camera_of(desk)
