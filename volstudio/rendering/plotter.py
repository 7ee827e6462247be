"""A scene inside a person's own pyvista.Plotter, beside their meshes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from volstudio.rendering.view import SceneView
from volstudio.scene.checks import check_kind

if TYPE_CHECKING:
    from volstudio.rendering.planes import Volumes
    from volstudio.rendering.vtk_types import Renderer, VtkObject
    from volstudio.scene.model import Scene

__all__ = ["add_to"]


def add_to(plotter: VtkObject, scene: Scene, volumes: Volumes | None = None) -> SceneView:
    """Draw a scene in a plotter's active renderer.

    Parameters
    ----------
    plotter : pyvista.Plotter
        Or a vtkRenderer.
    scene : Scene
    volumes : callable, Layer -> Volume, or None
        None: files are opened as the layers say.

    Returns
    -------
    SceneView
        ``view.sync(scene, other)`` shows another scene; ``view.close()`` takes everything out again.

    Notes
    -----
    The plotter's camera is set to the scene's, and its background to the scene's background.

    Examples
    --------
    ::

        plotter = pyvista.Plotter()
        plotter.add_mesh(electrodes)
        volstudio.add_to(plotter, scene)
        plotter.show()
    """
    check_kind(scene)
    renderer: Renderer = getattr(plotter, "renderer", plotter)
    view = SceneView(renderer, volumes)
    view.sync(None, scene)
    # PyVista resets the camera at the first show unless it believes that somebody has set it.
    if hasattr(renderer, "camera_set"):
        renderer.camera_set = True
    return view
