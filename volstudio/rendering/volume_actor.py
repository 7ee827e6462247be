"""All volumes of a 3D view as one actor, so that each hides the others as it should and none comes first.

Two `vtkVolume`s in one renderer draw one over the other, whatever lies in front. `vtkMultiVolume` casts one ray through all of them; the
march along that ray is ours, see `volstudio.rendering.ray_march`. Each volume is placed by its user matrix alone: moving a layer sends
sixteen numbers to the graphics card and no voxels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import vtkmodules.vtkRenderingOpenGL2  # noqa: F401 - registers the OpenGL classes
from vtkmodules.vtkCommonDataModel import vtkPlane
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkRenderingCore import vtkVolume, vtkVolumeProperty
from vtkmodules.vtkRenderingVolume import vtkMultiVolume
from vtkmodules.vtkRenderingVolumeOpenGL2 import vtkOpenGLGPUVolumeRayCastMapper

from volstudio.rendering.labels import is_label_look, label_image
from volstudio.rendering.ray_march import MARK, extension_texts
from volstudio.rendering.transfer import MATERIAL, UNLIT, dress, fade, size_factor
from volstudio.rendering.voxel_image import VoxelImage, voxel_image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from volstudio.rendering.rays import FloatArray
    from volstudio.rendering.vtk_types import Renderer, VtkObject
    from volstudio.scene.model import Clip, Look

__all__ = ["MAX_VOLUMES", "DrawnVolume", "VolumeActor", "limits_for"]

# Each volume takes three texture units; VTK needs a few for itself. Every driver has sixteen, most have thirty-two.
UNITS_PER_VOLUME, UNITS_OF_VTK, LEAST_UNITS = 3, 4, 16
MAX_VOLUMES = 8
# How thick a surface is, in mm: the slope of the values over this length, against the window, tells surface from tissue.
SURFACE_MM = 2.0
# A range of values this many windows wide still gives the window enough entries of VTK's tables.
FINEST = 64.0


@dataclass(frozen=True, slots=True, eq=False)
class DrawnVolume:
    """A layer as the volume actor needs it.

    Parameters
    ----------
    key : tuple
        Sorts the volumes; does not depend on the order of the layers.
    frame : (i, j, k) array
    voxel_to_scene : (4, 4) float array
    look : Look
    window : (low, high)
    """

    key: tuple[object, ...]
    frame: NDArray[Any]
    voxel_to_scene: FloatArray
    look: Look
    window: tuple[float, float]

    @property
    def diagonal_mm(self) -> float:
        """From corner to corner of the box."""
        return float(np.linalg.norm(self.voxel_to_scene[:3, :3] @ np.array(self.frame.shape)))

    @property
    def voxel_mm(self) -> float:
        """The voxel's shortest edge."""
        return float(np.linalg.norm(self.voxel_to_scene[:3, :3], axis=0).min())


class VolumeActor:
    """The volumes of one renderer.

    Parameters
    ----------
    renderer : vtkRenderer

    Attributes
    ----------
    uploads : int
        Voxel arrays handed to VTK so far.
    builds : int
        Mappers made so far.
    lit : bool or None
        Whether our ray march is the one that runs; None before the first picture.
    """

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._drawn: tuple[DrawnVolume, ...] = ()
        self._images: dict[tuple[int, object], tuple[NDArray[Any], VoxelImage]] = {}
        self._shown: dict[int, VoxelImage] = {}
        self._multi: VtkObject = None
        self._volumes: list[VtkObject] = []
        self._coarse = self._pixels = 1.0
        self._corner = 0.0, 0.0
        self._clips: tuple[Clip, ...] = ()
        self.uploads = self.builds = 0
        self.lit: bool | None = None
        self._seen = False
        self._padding: VoxelImage | None = None

    @property
    def drawn(self) -> tuple[DrawnVolume, ...]:
        """What is drawn, in the order of the mapper's ports."""
        return self._drawn

    @property
    def reduced(self) -> dict[tuple[object, ...], int]:
        """Volumes too large for a texture, by key, and the edge in voxels of the blocks they are averaged in."""
        return {item.key: self._image(item).reduced for item in self._drawn if self._image(item).reduced > 1}

    def show(self, items: Sequence[DrawnVolume]) -> tuple[DrawnVolume, ...]:
        """Draw these volumes and no others, touching only what differs from what is drawn.

        Returns
        -------
        tuple of DrawnVolume
            Those that were left out because a graphics card takes no more at once.
        """
        ordered = sorted(items, key=lambda item: item.key)
        most = self._most()
        drawn, left_out = tuple(ordered[:most]), tuple(ordered[most:])
        before, self._drawn = self._drawn, drawn
        if [item.key for item in before] != [item.key for item in drawn]:
            self._build()
            before = ()
        for port, item in enumerate(drawn):
            self._update(port, before[port] if before else None, item)
        used = {id(item.frame) for item in drawn}
        labelled = {_label_key(item) for item in drawn}
        kept = {key: value for key, value in self._images.items() if key[0] in used and (value[1].labels is None or key in labelled)}
        self._images = kept
        self._set_step()
        return left_out

    def clip(self, clips: tuple[Clip, ...]) -> None:
        """Cut all volumes by planes in the scene."""
        self._clips = clips
        if self._multi is None:
            return
        mapper = self._multi.GetMapper()
        mapper.RemoveAllClippingPlanes()
        for clip in clips:
            plane = vtkPlane()
            plane.SetOrigin(*clip.origin)
            plane.SetNormal(*(np.array(clip.normal) / np.linalg.norm(clip.normal)))
            mapper.AddClippingPlane(plane)

    def set_detail(self, *, pixels: float, steps: float) -> None:
        """How coarse the picture may be.

        Parameters
        ----------
        pixels : float
            One ray is cast for so many pixels each way.
        steps : float
            The ray's step in units of the fine one.
        """
        self._pixels, self._coarse = pixels, steps
        self._set_step()

    def set_corner(self, x: float, y: float) -> None:
        """Where the lower left pixel of this picture lies in a larger one, so that tiles fit without a seam."""
        self._corner = x, y
        if self._multi is not None:
            self._multi.GetShaderProperty().GetFragmentCustomUniforms().SetUniform2f("vs_corner", self._corner)

    def close(self) -> None:
        """Take the volumes out of the renderer and let go of everything."""
        self._drop()
        self._drawn, self._images = (), {}

    def _most(self) -> int:
        """How many volumes the driver takes at once; until the window has a driver, as many as any takes."""
        window = self._renderer.GetRenderWindow()
        manager = window.GetTextureUnitManager() if window is not None else None
        units = (manager.GetNumberOfTextureUnits() if manager is not None else 0) or LEAST_UNITS
        return min(MAX_VOLUMES, (units - UNITS_OF_VTK) // UNITS_PER_VOLUME)

    def _build(self) -> None:
        """A new mapper for another set of volumes."""
        self._drop()
        if not self._drawn:
            return
        self.builds += 1
        self._multi, mapper = vtkMultiVolume(), vtkOpenGLGPUVolumeRayCastMapper()
        mapper.SetAutoAdjustSampleDistances(0)
        mapper.SetUseJittering(0)
        self._multi.SetMapper(mapper)
        for port, item in enumerate(self._drawn):
            self._add(port, mapper, self._image(item))
        if len(self._drawn) == 1:
            self._pad(mapper)
        shader = self._multi.GetShaderProperty()
        for tag, text in extension_texts(len(self._drawn)) if self.lit is not False else ():
            shader.AddFragmentShaderReplacement(tag, True, text, False)  # noqa: FBT003 - VTK's own positional flags
        mapper.AddObserver("VolumeMapperRenderEndEvent", self._see_shader)
        self._renderer.AddVolume(self._multi)
        self.set_corner(*self._corner)
        self.clip(self._clips)

    def _pad(self, mapper: VtkObject) -> None:
        """A second, empty volume beside a single one: VTK takes its other path for one, which would look different."""
        empty = voxel_image(np.arange(8, dtype=np.uint8).reshape(2, 2, 2), np.eye(4))
        self._add(1, mapper, empty)
        centre = np.eye(4)
        first = self._drawn[0]
        centre[:3, 3] = (first.voxel_to_scene @ [*((np.array(first.frame.shape) - 1) / 2), 1])[:3]
        scale = np.diag([*(np.full(3, first.voxel_mm * 0.1)), 1.0])
        self._volumes[1].SetUserMatrix(_matrix(centre @ scale))
        self._padding = empty  # its memory is read by VTK, which does not own it

    def _add(self, port: int, mapper: VtkObject, image: VoxelImage) -> None:
        volume = vtkVolume()
        volume.SetProperty(vtkVolumeProperty())
        mapper.SetInputDataObject(port, image.image)
        self._multi.SetVolume(volume, port)
        self._volumes.append(volume)

    def _update(self, port: int, before: DrawnVolume | None, item: DrawnVolume) -> None:
        volume = self._volumes[port]
        image = self._image(item)
        new_image = self._shown.get(port) is not image
        moved = before is None or not np.array_equal(before.voxel_to_scene, item.voxel_to_scene)
        if new_image:
            self._multi.GetMapper().SetInputDataObject(port, image.image)
            self._shown[port] = image
            self.uploads += 1
        if new_image or moved:
            volume.SetUserMatrix(_matrix(image.user_matrix(item.voxel_to_scene)))
        if new_image or before is None or before.look is not item.look or before.window != item.window:
            low, high = image.value_range
            dress(volume.GetProperty(), item.look, item.window, diagonal_mm=item.diagonal_mm, span=high - low, labels=image.labels)
        self._set_uniforms(port, item)

    def _set_uniforms(self, port: int, item: DrawnVolume) -> None:
        image = self._image(item)
        low, high = image.value_range
        # From one label to the next is a surface, whatever their numbers.
        window = item.window[1] - item.window[0] if image.labels is None else 1.0
        uniforms = self._multi.GetShaderProperty().GetFragmentCustomUniforms()
        uniforms.SetUniform4f(f"vs_material{port}", MATERIAL if item.look.shade else UNLIT)
        surface = SURFACE_MM * size_factor(item.diagonal_mm) * max(high - low, 1e-12) / max(window, 1e-12)
        uniforms.SetUniform4f(f"vs_layer{port}", (fade(item.look), surface, 0.0, 0.0))

    def _set_step(self) -> None:
        if self._multi is None:
            return
        smallest = min(item.voxel_mm for item in self._drawn)
        largest = max(item.diagonal_mm for item in self._drawn)
        # Half a voxel shows every voxel; more than 1200 steps across shows no more on any screen.
        step = max(smallest * 0.5, largest / 1200) * self._coarse
        mapper = self._multi.GetMapper()
        mapper.SetSampleDistance(step)
        mapper.SetImageSampleDistance(self._pixels)

    def _image(self, item: DrawnVolume) -> VoxelImage:
        """The item's image, made once for each array and range of values, or threshold of labels."""
        if is_label_look(item.look):
            key = _label_key(item)
            if key not in self._images:
                numbers, rows = label_image(item.frame, item.look)
                self._images[key] = item.frame, voxel_image(numbers, item.voxel_to_scene, labels=rows)
            return self._images[key][1]
        whole = self._kept(item, None)
        limits = limits_for(whole.value_range, item.window)
        return whole if limits is None else self._kept(item, limits)

    def _kept(self, item: DrawnVolume, limits: tuple[float, float] | None) -> VoxelImage:
        key = id(item.frame), limits
        if key not in self._images:
            self._images[key] = item.frame, voxel_image(item.frame, item.voxel_to_scene, limits=limits)
        return self._images[key][1]

    def judge(self) -> bool:
        """After a picture: whether our march drew the volumes; if not, VTK's own takes over from the next picture on.

        A release of VTK that renames what our text relies on leaves the text out, or fails to compile it and draws nothing.
        """
        if self._multi is not None and self.lit is None:
            self.lit = self._seen
            if not self.lit:
                self._multi.GetShaderProperty().ClearAllFragmentShaderReplacements()
        return self.lit is not False

    def _see_shader(self, *_event: object) -> None:
        """Look for our march in the shader that drew the volumes, while it is still bound."""
        if self.lit is None:
            program = self._renderer.GetRenderWindow().GetShaderCache().GetLastShaderBound()
            self._seen = program is not None and MARK in (program.GetFragmentShader().GetSource() or "")

    def _drop(self) -> None:
        if self._multi is not None:
            self._renderer.RemoveVolume(self._multi)
            window = self._renderer.GetRenderWindow()
            if window is not None:
                self._multi.ReleaseGraphicsResources(window)
        self._multi, self._volumes, self._shown = None, [], {}


def limits_for(value_range: tuple[float, float], window: tuple[float, float]) -> tuple[float, float] | None:
    """Between which values an image must be cut off to be drawn well, or None.

    VTK's tables of colours and opacities run from the least value to the greatest; a few wild values would leave the window a handful of
    entries. The limits go in powers of two, so that a window that is dragged seldom needs other ones.

    >>> limits_for((0.0, 4095.0), (100.0, 900.0)) is None
    True
    >>> limits_for((-3e7, 1.0), (0.1, 0.9))
    (-4.0, 4.0)
    """
    low, high = window
    if value_range[1] - value_range[0] <= FINEST * (high - low):
        return None
    reach = 2.0 ** np.ceil(np.log2(4 * max(abs(low), abs(high), 1e-30)))
    return -float(reach), float(reach)


def _label_key(item: DrawnVolume) -> tuple[int, object]:
    """What an image of labels depends on."""
    return id(item.frame), ("labels", item.look.hide_below, item.look.two_sided)


def _matrix(values: FloatArray) -> VtkObject:
    matrix = vtkMatrix4x4()
    matrix.DeepCopy(values.ravel().tolist())
    return matrix
