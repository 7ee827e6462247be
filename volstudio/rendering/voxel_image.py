"""A voxel array as VTK wants it, in the array's own memory wherever that is possible.

VTK reads arrays whose first index runs fastest. An array in another order of its axes is not copied but renamed: its fastest axis becomes
VTK's first, and the matrix that places it takes the change. Copies are made for types that VTK cannot draw, for NaN, for arrays with gaps,
for single slices, and for volumes too large for a texture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from volstudio.rendering.rays import FloatArray
    from volstudio.rendering.vtk_types import VtkObject

__all__ = ["MAX_EDGE", "MAX_VOXELS", "VoxelImage", "voxel_image"]

# 3D textures of most drivers end at 2048 along an edge; the number of voxels keeps a 16-bit volume within half a gigabyte of texture.
MAX_EDGE = 2048
MAX_VOXELS = 2**28
# Types that the volume mapper uploads as they are. Wider ones would become doubles inside VTK.
DRAWN_AS_THEY_ARE = frozenset("bBhHiIf")


@dataclass(frozen=True, slots=True, eq=False)
class VoxelImage:
    """A vtkImageData and what connects it to its array.

    Parameters
    ----------
    image : vtkImageData
        Point data, origin 0, no direction.
    voxels : array
        The memory that ``image`` reads; VTK does not own it.
    to_voxel : (4, 4) float array
        VTK's index of a sample -> voxel index (i, j, k) of the array that was given.
    reduced : int
        Every so many voxels one is drawn along each long axis; 1: all.
    value_range : (low, high)
    labels : (n,) int array or None
        The row of the label table that each number of the image stands for; None: it holds values.
    """

    image: VtkObject
    voxels: NDArray[Any]
    to_voxel: FloatArray
    reduced: int
    value_range: tuple[float, float]
    labels: NDArray[np.intp] | None = None

    def user_matrix(self, voxel_to_scene: FloatArray) -> FloatArray:
        """(4, 4) matrix of the actor that puts every voxel where its affine says.

        Notes
        -----
        ``affine @ to_voxel @ diag(1/spacing)``: the image keeps its spacing, because opacity is counted along it, and the matrix holds the
        rest, for a direction matrix is not honoured by all of VTK's mappers (flipped volumes vanish).
        """
        return voxel_to_scene @ self.to_voxel @ np.diag([*(1 / np.array(self.image.GetSpacing())), 1.0])


def voxel_image(
    frame: NDArray[Any],
    voxel_to_scene: FloatArray,
    *,
    max_voxels: int = MAX_VOXELS,
    limits: tuple[float, float] | None = None,
    labels: NDArray[np.intp] | None = None,
) -> VoxelImage:
    """A frame for VTK's volume and slice mappers.

    Parameters
    ----------
    frame : (i, j, k) array
    voxel_to_scene : (4, 4) float array
        Gives the spacing.
    max_voxels : int
        Larger frames are averaged in blocks.
    limits : (low, high) or None
        Values beyond are drawn as these.
    labels : (n,) int array or None
        See `VoxelImage`; of labels that are too many for a texture, every so many are drawn and none averaged.
    """
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonDataModel import vtkImageData

    voxels, factors = _within_budget(_drawable(frame), max_voxels, average=labels is None)
    if limits is not None:
        voxels = np.clip(voxels, *limits)
    voxels, offset = _at_least_two(voxels)
    order = _fastest_first(voxels)
    voxels = np.asfortranarray(voxels.transpose(order))
    to_voxel = np.zeros((4, 4))
    to_voxel[3, 3] = 1.0
    for image_axis, axis in enumerate(order):
        to_voxel[axis, image_axis] = factors[axis]
        to_voxel[axis, 3] = (factors[axis] - 1) / 2 + offset[axis]
    image = vtkImageData()
    image.SetDimensions(*voxels.shape)
    image.SetSpacing(*np.linalg.norm((voxel_to_scene @ to_voxel)[:3, :3], axis=0))
    image.GetPointData().SetScalars(numpy_to_vtk(voxels.ravel(order="F")))
    low, high = image.GetScalarRange()
    return VoxelImage(image, voxels, to_voxel, max(factors), (float(low), float(high)), labels)


def _drawable(frame: NDArray[Any]) -> NDArray[Any]:
    """The frame in a type that VTK draws, without NaN or infinities."""
    if frame.dtype.kind == "b":
        return frame.astype(np.uint8)
    if frame.dtype.kind == "c":
        frame = np.abs(frame)
    if not (frame.dtype.isnative and frame.dtype.char in DRAWN_AS_THEY_ARE):
        with np.errstate(over="ignore"):  # becomes infinity, and that the greatest value there is
            frame = frame.astype(np.float32)
    if frame.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            # One hole makes the sum one, and a sum needs no memory.
            whole = bool(np.isfinite(frame.sum(dtype=np.float64)))
        return frame if whole else _without_holes(frame)
    return frame


def _without_holes(frame: NDArray[Any]) -> NDArray[Any]:
    """A copy whose NaN hold the least finite value: what is not known is drawn as nothing."""
    finite = np.isfinite(frame)
    low = float(frame[finite].min()) if finite.any() else 0.0
    high = float(frame[finite].max()) if finite.any() else 0.0
    filled: NDArray[Any] = np.nan_to_num(frame, nan=low, posinf=high, neginf=low)
    return filled


def _within_budget(voxels: NDArray[Any], max_voxels: int, *, average: bool) -> tuple[NDArray[Any], list[int]]:
    """The frame in blocks, as many as fit a texture, each the mean or the middle of its voxels; and the block's edges in voxels."""
    factors = [-(-n // MAX_EDGE) for n in voxels.shape]
    while np.prod([n // f for n, f in zip(voxels.shape, factors, strict=True)]) > max_voxels:
        longest = int(np.argmax([n / f for n, f in zip(voxels.shape, factors, strict=True)]))
        factors[longest] += 1
    if max(factors) == 1:
        return voxels, factors
    counts = [max(n // f, 1) for n, f in zip(voxels.shape, factors, strict=True)]
    if not average:
        picked = tuple(slice(factor // 2, count * factor, factor) for factor, count in zip(factors, counts, strict=True))
        return voxels[picked], factors
    mean = np.empty(counts, voxels.dtype, order="F")
    # Slab by slab: a float copy of the whole volume would be what the budget is there to avoid.
    for k in range(counts[2]):
        slab = voxels[: counts[0] * factors[0], : counts[1] * factors[1], k * factors[2] : (k + 1) * factors[2]]
        blocks = slab.reshape(counts[0], factors[0], counts[1], factors[1], factors[2]).mean(axis=(1, 3, 4), dtype=np.float32)
        mean[:, :, k] = np.rint(blocks) if voxels.dtype.kind in "iu" else blocks
    return mean, factors


def _at_least_two(voxels: NDArray[Any]) -> tuple[NDArray[Any], list[float]]:
    """The frame with single slices doubled, onto the two faces of their voxels, and the shift that this means per axis."""
    offset = [0.0, 0.0, 0.0]
    for axis, n in enumerate(voxels.shape):
        if n == 1:
            voxels = np.repeat(voxels, 2, axis=axis)
            # A ray caster needs two samples along each axis.
            offset[axis] = -0.5
    return voxels, offset


def _fastest_first(voxels: NDArray[Any]) -> tuple[int, int, int]:
    """Order of the axes from the fastest in memory to the slowest, if the array has no gaps; else as they are."""
    order = sorted(range(3), key=lambda axis: (voxels.strides[axis], axis))
    return tuple(order) if voxels.transpose(order).flags.f_contiguous else (0, 1, 2)  # type: ignore[return-value]  # three axes
