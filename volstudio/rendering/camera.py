"""The eye of the 3D view: a first view of everything, and the way between a scene's camera and VTK's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from volstudio.scene.model import Camera, vec3

if TYPE_CHECKING:
    from volstudio.rendering.rays import FloatArray
    from volstudio.rendering.vtk_types import Renderer
    from volstudio.scene.model import Vec3

__all__ = ["FROM", "apply_camera", "camera_of", "first_camera"]

# From the patient's front right, a little above: face, one ear and the top of the head are seen.
FROM = (0.60, 0.72, 0.36)
VIEW_ANGLE = 24.0
MARGIN = 1.06


def first_camera(corners: FloatArray, aspect: float, *, direction: Vec3 = FROM, parallel: bool = False) -> Camera:
    """A camera that holds all of a box, as near as it can be.

    Parameters
    ----------
    corners : (n, 3) float array
        Points that must be seen, scene mm.
    aspect : float
        Width over height of the view.
    direction : (x, y, z)
        From the middle of the box to the eye.
    parallel : bool
    """
    back = np.asarray(direction, dtype=float) / np.linalg.norm(direction)
    up = (0.0, 0.0, 1.0) if abs(back[2]) < 0.99 else (0.0, 1.0, 0.0)
    right = np.cross(up, back)
    right /= np.linalg.norm(right)
    top = np.cross(back, right)
    centre = (corners.min(axis=0) + corners.max(axis=0)) / 2
    arm = corners - centre
    across, high, near = arm @ right, arm @ top, arm @ back
    if parallel:
        half = MARGIN * max(float(np.abs(high).max()), float(np.abs(across).max()) / aspect, 1e-6)
        return Camera(vec3(centre + back * 4 * half), vec3(centre), vec3(up), VIEW_ANGLE, half)
    slope = np.tan(np.radians(VIEW_ANGLE / 2)) / MARGIN
    distance = float((near + np.maximum(np.abs(high), np.abs(across) / aspect) / slope).max())
    return Camera(vec3(centre + back * max(distance, 1e-6)), vec3(centre), vec3(up), VIEW_ANGLE)


def apply_camera(renderer: Renderer, camera: Camera) -> None:
    """Put a renderer's eye where the scene says."""
    eye = renderer.GetActiveCamera()
    eye.SetPosition(*camera.position)
    eye.SetFocalPoint(*camera.focal_point)
    eye.SetViewUp(*camera.view_up)
    eye.SetViewAngle(camera.view_angle)
    eye.SetParallelProjection(camera.parallel_scale is not None)
    if camera.parallel_scale is not None:
        eye.SetParallelScale(camera.parallel_scale)
    renderer.ResetCameraClippingRange()


def camera_of(renderer: Renderer) -> Camera:
    """The scene's camera for a renderer's eye as it stands, such as after a person has turned it."""
    eye = renderer.GetActiveCamera()
    scale = eye.GetParallelScale() if eye.GetParallelProjection() else None
    return Camera(vec3(eye.GetPosition()), vec3(eye.GetFocalPoint()), vec3(eye.GetViewUp()), eye.GetViewAngle(), scale)
