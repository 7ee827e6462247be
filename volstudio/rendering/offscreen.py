"""A scene's 3D view as an array of pixels, without a window on any screen."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from msgspec import structs

from volstudio.errors import OpenGLUnavailableError, SceneError
from volstudio.rendering.gl_probe import APT_LINE, Probe, probe_opengl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from volstudio.rendering.planes import Volumes
    from volstudio.rendering.vtk_types import Renderer, Window
    from volstudio.scene.model import Scene

__all__ = ["APT_LINE", "Probe", "grab", "offscreen_window", "probe_opengl", "render_3d"]

# Larger pictures are put together from tiles: drivers end at 16384 pixels, and memory long before.
MAX_EDGE = 2560


def render_3d(scene: Scene, volumes: Volumes, size: tuple[int, int], *, beside: Scene | None = None) -> NDArray[np.uint8]:
    """The 3D view of a scene.

    Parameters
    ----------
    scene : Scene
    volumes : callable, Layer -> Volume
    size : (width, height), pixels
    beside : Scene or None
        Beside whose picture this one will be looked at: where the scene has no camera, both see all of both.

    Returns
    -------
    (h, w, 3) uint8 array
        First row on top. The same machine gives the same pixels each time.

    Raises
    ------
    OpenGLUnavailableError
        No OpenGL works here.
    SceneError
        The size is not positive.
    """
    if min(size) < 1:
        raise SceneError(f"A picture needs at least one pixel each way, got {size[0]} x {size[1]}.")
    if scene.camera is None:
        from volstudio.rendering.camera import first_camera
        from volstudio.rendering.planes import seen_box

        corners = np.concatenate([seen_box(each, volumes) for each in (scene, beside) if each is not None])
        scene = structs.replace(scene, camera=first_camera(corners, size[0] / size[1]))
    columns, rows = (-(-n // MAX_EDGE) for n in size)
    tile = -(-size[0] // columns), -(-size[1] // rows)
    picture = np.empty((tile[1] * rows, tile[0] * columns, 3), np.uint8)
    with offscreen_window(tile) as window:
        from vtkmodules.vtkRenderingCore import vtkRenderer

        from volstudio.rendering.view import SceneView

        renderer = vtkRenderer()
        window.AddRenderer(renderer)
        view = SceneView(renderer, volumes)
        view.sync(None, scene)
        for column, row in np.ndindex(columns, rows):
            corner = column * tile[0], row * tile[1]
            if columns * rows > 1:
                _aim(renderer, size, corner, tile)
                view.set_tile(*corner, size)
            window.Render()
            if view.volume_actor.lit is False and (column, row) == (0, 0):
                window.Render()
            picture[corner[1] : corner[1] + tile[1], corner[0] : corner[0] + tile[0]] = grab(window)
        view.close()
    return np.ascontiguousarray(picture[: size[1], : size[0]])


@contextmanager
def offscreen_window(size: tuple[int, int]) -> Iterator[Window]:
    """A vtkRenderWindow that is on no screen, finalized at the end.

    Raises
    ------
    OpenGLUnavailableError
        No OpenGL works here.
    """
    probe = probe_opengl()
    if not probe.ok:
        raise OpenGLUnavailableError(probe.sentence)
    # VTK also tells of X libraries that only shape the mouse's arrow.
    with _errors_only():
        from vtkmodules import vtkRenderingOpenGL2
        from vtkmodules.vtkRenderingCore import vtkRenderWindow

        window = getattr(vtkRenderingOpenGL2, probe.how)() if probe.how else vtkRenderWindow()
    window.SetOffScreenRendering(1)
    # Lines are smoothed by multisampling; volumes have no edges that it could smooth.
    window.SetMultiSamples(4)
    window.SetSize(*size)
    # What the driver can do is asked before the first picture.
    window.Initialize()
    try:
        yield window
    finally:
        window.Finalize()


@contextmanager
def _errors_only() -> Iterator[None]:
    """VTK's log without its warnings, borrowed and given back."""
    from vtkmodules.vtkCommonCore import vtkLogger

    before = vtkLogger.GetCurrentVerbosityCutoff()
    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_ERROR)
    try:
        yield
    finally:
        vtkLogger.SetStderrVerbosity(before)


def grab(window: Window) -> NDArray[np.uint8]:
    """(h, w, 3) pixels of a window that has been rendered, first row on top."""
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkUnsignedCharArray

    width, height = window.GetSize()
    pixels = vtkUnsignedCharArray()
    window.GetPixelData(0, 0, width - 1, height - 1, 0, pixels, 0)
    return np.ascontiguousarray(vtk_to_numpy(pixels).reshape(height, width, 3)[::-1])


def _aim(renderer: Renderer, size: tuple[int, int], corner: tuple[int, int], tile: tuple[int, int]) -> None:
    """Let the camera see one tile of a picture: the lens of the whole, then the tile stretched to the window."""
    from vtkmodules.vtkCommonMath import vtkMatrix4x4

    eye = renderer.GetActiveCamera()
    eye.UseExplicitProjectionTransformMatrixOff()
    whole = eye.GetProjectionTransformMatrix(size[0] / size[1], -1, 1)
    lens = np.array([[whole.GetElement(i, j) for j in range(4)] for i in range(4)])
    stretch = np.eye(4)
    for axis, sign in ((0, 1.0), (1, -1.0)):
        scale = size[axis] / tile[axis]
        middle = sign * ((2 * corner[axis] + tile[axis]) / size[axis] - 1)
        stretch[axis, axis], stretch[axis, 3] = scale, -scale * middle
    matrix = vtkMatrix4x4()
    matrix.DeepCopy((stretch @ lens).ravel().tolist())
    eye.SetExplicitProjectionTransformMatrix(matrix)
    eye.UseExplicitProjectionTransformMatrixOn()
