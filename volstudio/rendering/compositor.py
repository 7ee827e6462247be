"""Slices through all layers, sampled and blended on the CPU: no OpenGL library is touched.

Every slice of the house comes from here, in the window and in pictures. Each layer is cut by `vtkImageReslice` straight from its own
voxels, through one matrix from pixels to voxel indices: whatever the affines are, nothing is resampled twice and no layer is the grid of
another.

A voxel is drawn up to its faces, half a voxel beyond the outer centres; the edge of a volume that lies oblique in the picture is
anti-aliased by how much of each pixel it covers. Outside a volume, and where it holds NaN, it is transparent.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkImagingCore import vtkImageReslice

from volstudio.errors import SceneError
from volstudio.rendering.blend import blend
from volstudio.rendering.content import Content, find_content
from volstudio.rendering.labels import is_label_look

if TYPE_CHECKING:
    from collections.abc import Sequence

    from volstudio.geometry.affine import Affine
    from volstudio.geometry.grid import Grid
    from volstudio.rendering.planes import SliceView, Volumes
    from volstudio.scene.model import Layer, Scene
    from volstudio.volumes.volume import Volume

__all__ = ["Picture", "content_of", "forget", "frame_of", "layer_slice", "sample", "shown_part", "slice_rgb", "window_of"]

Picture = NDArray[np.uint8]  # (h, w, 3), row 0 on top
Slice = NDArray[np.floating[Any]]  # (h, w), row 0 on top; float64 where float32 could not hold the values
Interpolation = Literal["linear", "nearest"]

VTK_FLOAT, VTK_DOUBLE = 10, 11
HUGE = 1e37  # float32 ends at 3.4e38, and differences are taken
# Voxel arrays that stay wired to a filter, and the bytes they may hold: those of a few layers, not of a whole series that runs by.
MAX_CUTTERS = 16
MAX_CUTTER_BYTES = 2**30
# Cut slices that are kept, so that a drag of one layer, or a change of colours, does not cut the others again.
MAX_SLICE_BYTES = 96 * 2**20
# Blends of all layers but the uppermost: those of three panes, and of the one that was drawn coarsely before.
MAX_GROUNDS = 6
MAX_GROUND_BYTES = 96 * 2**20
MAX_FINER = 4  # samples per pixel and axis in a slice that is smaller than its volume
AIR = 0.05  # of the window: noise around a head stays below
SAMPLED = frozenset(["i1", "i2", "i4", "u1", "u2", "u4", "f4", "f8"])  # numbers that VTK's interpolator knows


@dataclass(slots=True)
class _Cutter:
    """One voxel array, wired to the filter that cuts it."""

    array: NDArray[Any]
    reslice: Any
    nbytes: int
    output: dict[Interpolation, int]
    lock: threading.Lock = field(default_factory=threading.Lock)
    content: Content | None = None
    windows: dict[tuple[bool, bool], tuple[float, float]] = field(default_factory=dict)


_cutters: OrderedDict[int, _Cutter] = OrderedDict()
_slices: OrderedDict[tuple[Any, ...], tuple[NDArray[Any], Slice, Slice | None]] = OrderedDict()
_grounds: OrderedDict[tuple[Any, ...], tuple[tuple[NDArray[Any], ...], NDArray[np.float32]]] = OrderedDict()
_lock = threading.RLock()


def slice_rgb(scene: Scene, volumes: Volumes, view: SliceView) -> Picture:
    """The visible layers of a scene, cut by a view and blended bottom to top on the scene's background.

    Parameters
    ----------
    scene : Scene
    volumes : callable, Layer -> Volume
    view : SliceView

    Returns
    -------
    (h, w, 3) uint8 array
    """
    width, height = view.size
    drawn = [(layer, volumes(layer)) for layer in scene.layers if layer.look.visible and layer.look.opacity > 0]
    planes = _ground(scene, drawn[:-1], view)
    for layer, volume in drawn[-1:]:
        _lay(planes, layer, volume, view)
    planes += np.float32(0.5)
    picture = np.empty((height, width, 3), dtype=np.uint8)
    for channel in range(3):
        picture[..., channel] = planes[channel]
    return picture


def sample(frame: NDArray[Any], grid: Grid, placement: Affine, view: SliceView, interpolation: Interpolation = "linear") -> Slice:
    """Values of a volume under the pixels of a view.

    Parameters
    ----------
    frame : (i, j, k) array
    grid : Grid
        Places the array in its scanner space.
    placement : Affine
        Scanner space to scene.
    view : SliceView
    interpolation : "linear", "nearest"

    Returns
    -------
    (h, w) float32 array
        NaN outside the boxes of the outer voxels.
    """
    return _cut(_cutter(frame), _pixel_to_voxel(placement.matrix @ grid.affine.matrix, view), view.size, interpolation, 0.5)


def layer_slice(layer: Layer, volume: Volume, view: SliceView) -> tuple[Slice, Slice | None]:
    """Values of a layer under the pixels of a view, and how much of each pixel the volume covers.

    Returns
    -------
    values : (h, w) float32 array
        NaN outside and where the volume holds NaN; reaches half a pixel further than the volume.
    cover : (h, w) float32 array or None
        0 to 1; None: the volume covers the whole picture.
    """
    frame = frame_of(layer, volume)
    interpolation: Interpolation = "nearest" if is_label_look(layer.look) else layer.look.interpolation
    key = (id(frame), layer.placement.matrix, volume.affine, view, interpolation)
    with _lock:
        known = _slices.get(key)
        if known is not None and known[0] is frame:
            _slices.move_to_end(key)
            return known[1], known[2]
    matrix = _pixel_to_voxel(np.array(layer.placement.matrix) @ volume.affine.matrix, view)
    cover = _coverage(matrix, volume.shape, view.size)
    reach = 0.5 if cover is None else 0.51 + 0.5 * float(np.hypot(matrix[:3, 0], matrix[:3, 1]).max())
    values = _cut_finely(_cutter(frame), matrix, view.size, interpolation, reach)
    with _lock:
        _slices[key] = (frame, values, cover)
        while len(_slices) > 1 and sum(kept[1].nbytes * (1 if kept[2] is None else 2) for kept in _slices.values()) > MAX_SLICE_BYTES:
            _slices.popitem(last=False)
    return values, cover


def shown_part(layer: Layer, volume: Volume, view: SliceView) -> NDArray[np.bool_]:
    """(h, w): where a layer draws more than its darkest colours, that is, where a reader sees anatomy and not air."""
    values, _ = layer_slice(layer, volume, view)
    low, high = window_of(layer, volume)
    with np.errstate(invalid="ignore"):
        size = np.abs(values) if layer.look.two_sided else values
        least = (0.5 if is_label_look(layer.look) else low + AIR * (high - low)) if layer.look.hide_below is None else layer.look.hide_below
        shown: NDArray[np.bool_] = size > least
    return shown


def frame_of(layer: Layer, volume: Volume) -> NDArray[Any]:
    """(i, j, k) array of the time point that a layer shows, from the house's cache.

    Raises
    ------
    SceneError
        The volume has no such time point.
    """
    from volstudio.volumes.store import STORE

    if not 0 <= layer.time < volume.n_times:
        raise SceneError(f"Layer {layer.name!r} asks for time point {layer.time}; its volume has 0 to {volume.n_times - 1}.")
    frame: NDArray[Any] = STORE.frame(volume, layer.time)
    return frame


def window_of(layer: Layer, volume: Volume) -> tuple[float, float]:
    """Values drawn as first and last colour: the look's own window, else a robust one of the volume.

    A series takes the window of its first time point throughout, so that its brightness does not flicker as time runs.
    """
    from volstudio.volumes.intensity import full_range, robust_window
    from volstudio.volumes.store import STORE

    if layer.look.window is not None:
        return layer.look.window
    cutter = _cutter(STORE.frame(volume, 0))
    kind = layer.look.two_sided, is_label_look(layer.look)
    if kind not in cutter.windows:
        array = np.abs(cutter.array) if layer.look.two_sided else cutter.array
        cutter.windows[kind] = full_range(array) if kind[1] else robust_window(array)
    return cutter.windows[kind]


def content_of(volume: Volume) -> Content:
    """Where in a volume there is something to see; of a series, in its first time point."""
    from volstudio.volumes.store import STORE

    cutter = _cutter(STORE.frame(volume, 0))
    if cutter.content is None:
        cutter.content = find_content(cutter.array)
    return cutter.content


def forget() -> None:
    """Let go of every cached array and slice."""
    with _lock:
        _cutters.clear()
        _slices.clear()
        _grounds.clear()


def _pixel_to_voxel(voxel_to_scene: NDArray[np.float64], view: SliceView) -> NDArray[np.float64]:
    """(4, 4): (x, y, depth, 1) of a picture to (i, j, k, 1)."""
    matrix: NDArray[np.float64] = np.linalg.inv(voxel_to_scene) @ view.pixel_to_scene
    return matrix


def _cutter(frame: NDArray[Any]) -> _Cutter:
    """The filter of a voxel array, wired once; the array's memory is shared wherever VTK can read it."""
    with _lock:
        cutter = _cutters.get(id(frame))
        if cutter is not None and cutter.array is frame:
            _cutters.move_to_end(id(frame))
            return cutter
        cutter = _cutters[id(frame)] = _wire(frame)
        while len(_cutters) > 1 and (len(_cutters) > MAX_CUTTERS or sum(c.nbytes for c in _cutters.values()) > MAX_CUTTER_BYTES):
            _cutters.popitem(last=False)
        return cutter


def _wire(frame: NDArray[Any]) -> _Cutter:
    readable = frame
    if frame.dtype.kind == "b":
        readable = frame.view(np.uint8)
    elif frame.dtype.str[1:] not in SAMPLED:
        readable = frame.astype(np.float64 if frame.dtype.itemsize > 4 else np.float32)
    elif not frame.dtype.isnative:
        readable = frame.astype(frame.dtype.newbyteorder("="))
    image = vtkImageData()
    image.SetDimensions(*frame.shape)
    image.GetPointData().SetScalars(numpy_to_vtk(readable.ravel(order="F")))
    reslice = vtkImageReslice()
    reslice.SetInputData(image)
    # NaN tells outside from every value a volume can hold.
    reslice.SetBackgroundColor(np.nan, np.nan, np.nan, np.nan)
    reslice.SetOutputSpacing(1, 1, 1)
    reslice.SetOutputOrigin(0, 0, 0)
    reslice.SetOutputDirection(1, 0, 0, 0, 1, 0, 0, 0, 1)
    reslice.BorderOn()
    return _Cutter(frame, reslice, frame.nbytes, _output_types(readable))


def _output_types(voxels: NDArray[Any]) -> dict[Interpolation, int]:
    """Floats keep the fraction that interpolation adds to integers; long label numbers and huge values need doubles."""
    if voxels.dtype.kind in "iu":
        return {"linear": VTK_FLOAT, "nearest": VTK_DOUBLE if voxels.dtype.itemsize > 2 else VTK_FLOAT}
    huge = voxels.dtype.itemsize > 4 and max(np.fmax.reduce(voxels, axis=None), -np.fmin.reduce(voxels, axis=None)) > HUGE
    return dict.fromkeys(("linear", "nearest"), VTK_DOUBLE if huge else VTK_FLOAT)


def _cut(cutter: _Cutter, matrix: NDArray[np.float64], size: tuple[int, int], interpolation: Interpolation, reach: float) -> Slice:
    """One slice; ``reach`` is how many voxels beyond the outer centres still get the value of the outer voxel."""
    axes = vtkMatrix4x4()
    axes.DeepCopy(matrix.ravel().tolist())
    width, height = size
    with cutter.lock:
        reslice = cutter.reslice
        if interpolation == "nearest":
            reslice.SetInterpolationModeToNearestNeighbor()
        else:
            reslice.SetInterpolationModeToLinear()
        reslice.SetOutputScalarType(cutter.output[interpolation])
        reslice.SetBorderThickness(reach)
        reslice.SetResliceAxes(axes)
        # One pixel deep and three-dimensional: a two-dimensional output would drop the depth and show another slice.
        reslice.SetOutputExtent(0, width - 1, 0, height - 1, 0, 0)
        reslice.Update()
        values: Slice = vtk_to_numpy(reslice.GetOutput().GetPointData().GetScalars()).reshape(height, width).copy()
    values.setflags(write=False)
    return values


def _cut_finely(cutter: _Cutter, matrix: NDArray[np.float64], size: tuple[int, int], interpolation: Interpolation, reach: float) -> Slice:
    """One slice; where a pixel spans several voxels it takes their mean: small pictures lose no thin structure."""
    steps = np.linalg.norm(matrix[:3, :2], axis=0).max()
    factor = min(int(np.rint(steps)), MAX_FINER)
    if factor < 2 or interpolation == "nearest":
        return _cut(cutter, matrix, size, interpolation, reach)
    finer = np.diag([1 / factor, 1 / factor, 1, 1])
    finer[:2, 3] = (1 / factor - 1) / 2
    values = _cut(cutter, matrix @ finer, (size[0] * factor, size[1] * factor), interpolation, reach)
    blocks = values.reshape(size[1], factor, size[0], factor)
    inside = np.isfinite(blocks)
    count = np.count_nonzero(inside, axis=(1, 3))
    total = np.where(inside, blocks, 0).sum(axis=(1, 3), dtype=values.dtype)
    mean: Slice = np.where(count > 0, total / np.maximum(count, 1).astype(values.dtype), values.dtype.type(np.nan))
    mean.setflags(write=False)
    return mean


def _coverage(matrix: NDArray[np.float64], shape: tuple[int, int, int], size: tuple[int, int]) -> Slice | None:
    """How much of each pixel lies between the outer faces of the voxels, by the distance of its centre from each face; None: all of it."""
    width, height = size
    x, y = np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64)
    cover: Slice | None = None
    for axis, count in enumerate(shape):
        slope = float(np.hypot(matrix[axis, 0], matrix[axis, 1]))
        along, down = matrix[axis, 0] * x + matrix[axis, 3] - (count - 1) / 2, matrix[axis, 1] * y
        reach = max(abs(end + side) for end in (along[0], along[-1]) for side in (down[0], down[-1]))
        if reach <= count / 2 - slope / 2:
            continue
        offset = np.abs(np.add.outer(down, along).astype(np.float32))
        if slope < 1e-9:  # the slice runs along this face: it is inside or outside as a whole
            share = (offset <= np.float32(count / 2)).astype(np.float32)
        else:
            share = np.clip((np.float32(count / 2) - offset) / np.float32(slope) + np.float32(0.5), 0, 1)
        cover = share if cover is None else cover * share
    if cover is not None:
        cover.setflags(write=False)
    return cover


def _ground(scene: Scene, drawn: Sequence[tuple[Layer, Volume]], view: SliceView) -> NDArray[np.float32]:
    """(3, h, w): what the uppermost layer is laid on, for the caller to draw on; kept, because that layer is the one that is moved."""
    looks = tuple((layer.placement.matrix, volume.affine, layer.look, window_of(layer, volume)) for layer, volume in drawn)
    key = (view, scene.background, looks)
    frames = tuple(frame_of(layer, volume) for layer, volume in drawn)
    with _lock:
        kept = _grounds.pop(key, None)
        fits = kept is not None and len(kept[0]) == len(frames) and all(one is other for one, other in zip(kept[0], frames, strict=True))
        if kept is not None and fits:
            _grounds[key] = kept
            return kept[1].copy()
    width, height = view.size
    planes = np.empty((3, height, width), dtype=np.float32)
    planes[:] = np.asarray(scene.background, dtype=np.float32)[:, None, None] * 255
    for layer, volume in drawn:
        _lay(planes, layer, volume, view)
    if drawn:
        with _lock:
            _grounds[key] = (frames, planes.copy())
            while len(_grounds) > MAX_GROUNDS or sum(ground.nbytes for _, ground in _grounds.values()) > MAX_GROUND_BYTES:
                _grounds.popitem(last=False)
    return planes


def _lay(planes: NDArray[np.float32], layer: Layer, volume: Volume, view: SliceView) -> None:
    """Draw one layer on what is below it, in place."""
    values, cover = layer_slice(layer, volume, view)
    blend(planes, values, cover, layer.look, window_of(layer, volume))
