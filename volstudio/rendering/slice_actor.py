"""The three slices of the 2D views as pictures standing in the 3D view, where they cut the volumes.

Each is a rectangle that carries the very picture the compositor makes for the slice panes, so that all layers, windows and blends agree to
the pixel with what the panes show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkFiltersSources import vtkPlaneSource
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkTexture

from volstudio.rendering.compositor import slice_rgb
from volstudio.rendering.planes import PLANES, SliceView, axes_of, content_box, crosshair_of, depth_axis
from volstudio.scene.model import vec3

if TYPE_CHECKING:
    from volstudio.rendering.planes import Plane, Volumes
    from volstudio.rendering.vtk_types import Renderer
    from volstudio.scene.model import Scene

__all__ = ["SlicePlanes"]

LONG_EDGE_PX = 512


class SlicePlanes:
    """The slices of one renderer; none while the scene does not ask for them.

    Parameters
    ----------
    renderer : vtkRenderer
    """

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._quads: dict[Plane, _Quad] = {}

    def sync(self, scene: Scene, volumes: Volumes) -> None:
        """Show the slices through the scene's crosshair, or none."""
        if not (scene.slices_in_3d and any(layer.look.visible for layer in scene.layers)):
            self.close()
            return
        for plane in PLANES:
            if plane not in self._quads:
                self._quads[plane] = _Quad(self._renderer)
            self._quads[plane].show(scene, volumes, _view_of(scene, volumes, plane))

    def close(self) -> None:
        """Take the slices out of the renderer."""
        for quad in self._quads.values():
            quad.close()
        self._quads = {}


class _Quad:
    """One slice."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._source, self._image, self._texture, self._actor = vtkPlaneSource(), vtkImageData(), vtkTexture(), vtkActor()
        mapper = vtkPolyDataMapper()
        mapper.SetInputConnection(self._source.GetOutputPort())
        self._texture.SetInputData(self._image)
        self._texture.InterpolateOn()
        self._texture.SetWrap(vtkTexture.ClampToEdge)
        self._actor.SetMapper(mapper)
        self._actor.SetTexture(self._texture)
        self._actor.GetProperty().LightingOff()
        self._actor.PickableOff()
        renderer.AddActor(self._actor)

    def show(self, scene: Scene, volumes: Volumes, view: SliceView) -> None:
        picture = slice_rgb(scene, volumes, view)
        covered = self._covered(scene, volumes, view)
        pixels = np.concatenate([picture, covered[..., None]], axis=2)[::-1]
        height, width = covered.shape
        self._image.SetDimensions(width, height, 1)
        self._image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(pixels).reshape(-1, 4), deep=1))
        self._image.Modified()
        self._texture.Modified()
        corners = view.to_scene([[-0.5, height - 0.5], [width - 0.5, height - 0.5], [-0.5, -0.5]])
        self._source.SetOrigin(*corners[0])
        self._source.SetPoint1(*corners[1])
        self._source.SetPoint2(*corners[2])

    @staticmethod
    def _covered(scene: Scene, volumes: Volumes, view: SliceView) -> np.ndarray:
        """(h, w) uint8: opaque where a visible layer has a voxel; elsewhere the 3D view is seen."""
        from volstudio.rendering.compositor import layer_slice

        width, height = view.size
        covered = np.zeros((height, width), bool)
        for layer in scene.layers:
            if layer.look.visible and layer.look.opacity > 0:
                covered |= np.isfinite(layer_slice(layer, volumes(layer), view)[0])
        return covered.astype(np.uint8) * 255

    def close(self) -> None:
        self._renderer.RemoveActor(self._actor)


def _view_of(scene: Scene, volumes: Volumes, plane: Plane) -> SliceView:
    """A slice view that holds all layers exactly, whatever zoom the panes have."""
    corners = content_box(scene, volumes)
    low, high = corners.min(axis=0), corners.max(axis=0)
    right, up = (np.abs(axis) for axis in axes_of(plane, "neurological"))
    width, height = float((high - low) @ right), float((high - low) @ up)
    pixel = max(width, height) / LONG_EDGE_PX
    size = max(round(width / pixel), 1), max(round(height / pixel), 1)
    centre = (low + high) / 2
    centre[depth_axis(plane)] = crosshair_of(scene, volumes)[depth_axis(plane)]
    return SliceView(plane, vec3(centre), pixel * size[1], size)
