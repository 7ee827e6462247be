"""A scene's 3D view as an array of pixels, without a window on any screen."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from volstudio.errors import OpenGLUnavailableError, SceneError
from volstudio.rendering.gl_probe import APT_LINE, Probe, probe_opengl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from volstudio.rendering.planes import Volumes
    from volstudio.rendering.vtk_types import Window
    from volstudio.scene.model import Scene

__all__ = ["APT_LINE", "Probe", "grab", "offscreen_window", "probe_opengl", "render_3d"]


def render_3d(scene: Scene, volumes: Volumes, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The 3D view of a scene.

    Parameters
    ----------
    scene : Scene
    volumes : callable, Layer -> Volume
    size : (width, height), pixels

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
    with offscreen_window(size) as window:
        from vtkmodules.vtkRenderingCore import vtkRenderer

        from volstudio.rendering.view import SceneView

        renderer = vtkRenderer()
        window.AddRenderer(renderer)
        view = SceneView(renderer, volumes)
        view.sync(None, scene)
        window.Render()
        if view.volume_actor.lit is False:
            window.Render()
        pixels = grab(window)
        view.close()
        return pixels


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


def grab(window: Window) -> NDArray[np.uint8]:
    """(h, w, 3) pixels of a window that has been rendered, first row on top."""
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkUnsignedCharArray

    width, height = window.GetSize()
    pixels = vtkUnsignedCharArray()
    window.GetPixelData(0, 0, width - 1, height - 1, 0, pixels, 0)
    return np.ascontiguousarray(vtk_to_numpy(pixels).reshape(height, width, 3)[::-1])
