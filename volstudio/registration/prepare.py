"""Volumes made ready for comparing: a pyramid of isotropic grids in mm, intensities of like range, and where the object is.

Each volume is brought onto grids that lie along the axes of a *frame*: a rigid, right-handed set of axes near the volume's own. All
flips, shears and unequal voxels of its affine are used up by that one resampling, so that what follows (ITK in the first place) only
sees isotropic voxels along the coordinate axes, and no direction matrix that it could refuse or misread. Lengths follow the object: the
coarsest voxels are a 24th of its width, 8 mm for a head, 0.6 mm for a mouse's brain.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from volstudio.errors import RegistrationError
from volstudio.registration.sitk_bridge import resampled

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from volstudio.geometry.affine import FloatArray
    from volstudio.geometry.grid import Grid
    from volstudio.progress import Progress
    from volstudio.volumes.volume import Volume

__all__ = ["Level", "choose_levels", "own_frame", "prepare"]

# The coarsest voxels are the object's width over this: 8 mm for the 192 mm of a head, where MI has few false peaks (Jenkinson 2002).
COARSE_PARTS = 24
# Finest level: this share of the larger voxel edge. Below it nothing new is seen (bench/register: 1 mm grids do not help a 3 mm EPI).
FINEST_OF_VOXEL = 0.67
# Most voxels of a level; with ITK's gradient image this stays below 200 MB.
MOST_VOXELS = 5_000_000
# Smoothing of a level, in its voxels: removes what the level cannot hold, keeps edges (bench/register, 0.3 to 0.5 alike).
SIGMA_OF_SPACING = 0.4
# A shear of less than this many voxels per voxel moves no corner of a volume by a whole voxel.
LEAST_SHEAR = 1e-3
LEAST_FOREGROUND = 64
LEAST_ACROSS = 4  # voxels of the finest level over the median edge of a volume
# A range of values this many times smaller than the values themselves would lose its last steps in float32.
MUCH_SMALLER = 1024


@dataclass(frozen=True, slots=True)
class Level:
    """One resolution of a volume in its frame; its arrays lie in memory as ITK's do, first axis fastest.

    Parameters
    ----------
    spacing : float
        Edge of the isotropic voxels, mm.
    origin : (3,) float array
        Frame position of the first voxel's centre, mm.
    values : (i, j, k) float32 array
        Intensities from 0 to 1, half by amount and half by rank within the object.
    near : (i, j, k) bool array
        The object and a margin of one coarse voxel around it, inside the field of view: where samples are worth drawing.
    seen : (i, j, k) bool array or None
        What lies inside the field of view; None: all of it (only a sheared volume leaves corners of its box empty).
    """

    spacing: float
    origin: FloatArray
    values: NDArray[np.float32]
    near: NDArray[np.bool_]
    seen: NDArray[np.bool_] | None

    def moments(self) -> tuple[FloatArray, FloatArray]:
        """(3,) mean and (3,) variance of the frame coordinates of ``near``, mm and mm^2; from its projections, not point by point."""
        mean, variance = np.empty(3), np.empty(3)
        for axis, others in enumerate(((1, 2), (0, 2), (0, 1))):
            weight = np.count_nonzero(self.near, axis=others)
            at = self.origin[axis] + self.spacing * np.arange(len(weight))
            mean[axis] = np.average(at, weights=weight)
            variance[axis] = np.average((at - mean[axis]) ** 2, weights=weight)
        return mean, variance


# ------------------------------------------------------------------------------------------------------------ frames and levels
def own_frame(grid: Grid) -> FloatArray:
    """(4, 4) frame -> scanner: the rigid right-handed axes nearest to the directions of the grid's steps, origin in its centre."""
    left, _, right = np.linalg.svd(grid.affine.linear / grid.voxel_sizes)
    axes = left @ right
    if np.linalg.det(axes) < 0:
        axes[:, 0] *= -1
    frame = np.eye(4)
    frame[:3, :3], frame[:3, 3] = axes, grid.centre
    return frame


def choose_levels(fixed: Grid, moving: Grid, *, masks_mm: tuple[float, ...] = ()) -> tuple[float, ...]:
    """Voxel edges of a pyramid that suits both, mm, coarse to fine.

    The coarsest is a 24th of the smaller one's width (the median of its three edges, so that slabs count by their plane), then halves, down
    to two thirds of the larger voxel and to no more than five million voxels. Masks of these widths are seen by twelve voxels at least.
    """
    width = min(float(np.median(np.array(grid.shape) * grid.voxel_sizes)) for grid in (fixed, moving))
    width = min([width, *(2 * mask for mask in masks_mm)])
    voxel = max(float(np.prod(grid.voxel_sizes)) ** (1 / 3) for grid in (fixed, moving))
    largest = max(float(np.prod(np.array(grid.shape) * grid.voxel_sizes)) for grid in (fixed, moving))
    finest = max(FINEST_OF_VOXEL * voxel, (largest / MOST_VOXELS) ** (1 / 3))
    levels = [max(width / COARSE_PARTS, finest)]
    while levels[-1] > 1.25 * finest:
        levels.append(max(levels[-1] / 2, finest))
    return tuple(float(f"{mm:.3g}") for mm in levels)  # numbers that a person can read back


# --------------------------------------------------------------------------------------------------------------------- pyramid
def prepare(volume: Volume, frame: FloatArray, levels_mm: tuple[float, ...], *, progress: Progress) -> tuple[Level, ...]:
    """Levels of a volume, coarse to fine; of a 4D volume, its first time point.

    Raises
    ------
    RegistrationError
        The volume holds no structure: no finite number, or one value everywhere; or the levels' voxels are too large to show any.
    """
    _refuse_coarse(volume, levels_mm[-1])
    array, step = _shrunk(volume, levels_mm[-1], progress)
    to_frame = np.linalg.inv(frame) @ volume.affine.matrix @ step
    box, sheared = _box(to_frame, array.shape), _is_sheared(to_frame)
    grids: list[_Grid] = []
    smooth = 0.0
    for mm in levels_mm[::-1]:
        progress(f"preparing {volume.name}, {mm:.3g} mm", len(grids) / len(levels_mm))
        wanted = SIGMA_OF_SPACING * mm
        array, origin = resampled(array, to_frame, sigma_mm=float(np.sqrt(max(wanted**2 - smooth**2, 0.0))), spacing=mm, box=box)
        grids.append(_Grid(mm, origin, array))
        to_frame = np.diag([mm, mm, mm, 1.0])
        to_frame[:3, 3] = origin
        smooth = wanted
    middle = grids[len(grids) // 2]
    knots, heights, threshold = _intensity_map(middle.values, volume.name)
    found = _grown(middle.values > threshold, times=max(1, round(levels_mm[0] / middle.spacing)))
    levels = []
    for grid in reversed(grids):
        for plane in grid.values.T:  # plane by plane: np.interp works in float64
            plane[:] = np.interp(plane, knots, heights)
        seen = _inside(volume, frame, grid) if sheared else None
        near = _nearest(found, middle, grid)
        levels.append(Level(grid.spacing, grid.origin, grid.values, near if seen is None else near & seen, seen))
    return tuple(levels)


def _refuse_coarse(volume: Volume, finest: float) -> None:
    """Levels suit the larger voxels of two scans; where these are as large as the other scan, one header is most likely wrong."""
    edges = np.array(volume.shape) * volume.grid.voxel_sizes
    if np.median(edges) < LEAST_ACROSS * finest:
        size = " x ".join(f"{edge:.3g}" for edge in edges)
        raise RegistrationError(
            f"{volume.name} measures {size} mm, too little to be seen in the voxels of {finest:.4g} mm that suit the other scan; "
            "is the unit of length of one of them wrong?"
        )


@dataclass(frozen=True, slots=True)
class _Grid:
    """Raw values on isotropic voxels along the axes of a frame."""

    spacing: float
    origin: FloatArray
    values: NDArray[np.float32]


def _shrunk(volume: Volume, finest: float, progress: Progress) -> tuple[NDArray[np.float32], FloatArray]:
    """The first time point averaged in blocks about as large as the finest level, and the map of its voxels to the volume's."""
    data = volume.frame(0)
    if data.dtype.kind not in "biuf":
        raise RegistrationError(f"{volume.name} holds {data.dtype} voxels; registration needs one real number per voxel.")
    factors = np.maximum(1, np.rint(finest / volume.grid.voxel_sizes - 0.2)).astype(int)
    factors = np.minimum(factors, data.shape)
    blocks = _block_means(_near_zero(data), tuple(factors.tolist()), lambda: progress(f"reading {volume.name}", 0.0))
    finite = np.isfinite(blocks)
    if not finite.any():
        raise RegistrationError(f"{volume.name} holds no finite number and cannot be registered.")
    if not finite.all():
        blocks[~finite] = blocks[finite].min()
    step = np.diag([*factors.astype(float), 1.0])
    step[:3, 3] = (factors - 1) / 2
    return blocks, step


def _near_zero(data: NDArray[Any]) -> NDArray[Any]:
    """The values less the least one where float32 could not tell them apart, such as counts that begin at 2^63; else as they are."""
    if data.dtype.itemsize < 4 or data.dtype.kind not in "iuf":
        return data
    low, high = np.fmin.reduce(data, axis=None), np.fmax.reduce(data, axis=None)
    if not (np.isfinite(low) and np.isfinite(high)):
        return data
    spread = float(high) - float(low) if data.dtype.kind == "f" else float(int(high) - int(low))
    return data - low if 0 < MUCH_SMALLER * spread < abs(float(low)) else data


def _block_means(data: NDArray[Any], factors: tuple[int, ...], tick: Callable[[], None]) -> NDArray[np.float32]:
    """Means of blocks of voxels, float32, first axis fastest in memory; read in the order in which the data lie."""
    if data.strides[0] > data.strides[2]:
        return _block_means(data.T, factors[::-1], tick).T.copy(order="F")
    count = [n // f for n, f in zip(data.shape, factors, strict=True)]
    means = np.empty(count, np.float32, order="F")
    for k in range(count[2]):
        if k % 4 == 0:
            tick()
        slab = data[: count[0] * factors[0], : count[1] * factors[1], k * factors[2] : (k + 1) * factors[2]]
        plane = slab.sum(axis=2, dtype=np.float32)
        plane = sum(plane[:, j :: factors[1]] for j in range(factors[1]))
        means[:, :, k] = sum(plane[i :: factors[0]] for i in range(factors[0]))
    means /= np.float32(np.prod(factors))
    return means


def _box(to_frame: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """(2, 3) mm: least and greatest frame coordinates of the outer faces of a grid."""
    ends = np.array(list(product(*((-0.5, n - 0.5) for n in shape))))
    corners = ends @ to_frame[:3, :3].T + to_frame[:3, 3]
    return np.stack([corners.min(axis=0), corners.max(axis=0)])


def _is_sheared(to_frame: FloatArray) -> bool:
    """Whether the steps of a grid do not lie along the axes of its frame."""
    steps = np.abs(to_frame[:3, :3]) / np.linalg.norm(to_frame[:3, :3], axis=0)
    return bool(np.sort(steps, axis=0)[1].max() > LEAST_SHEAR)


def _inside(volume: Volume, frame: FloatArray, grid: _Grid) -> NDArray[np.bool_]:
    """Which voxels of a level lie in the volume's field of view."""
    to_index = np.linalg.inv(volume.affine.matrix) @ frame
    x, y, z = (grid.origin[k] + grid.spacing * np.arange(n) for k, n in enumerate(grid.values.shape))
    inside = np.ones(grid.values.shape, bool, order="F")
    for row, n in zip(to_index[:3], volume.shape, strict=True):
        for k, along_z in enumerate(row[2] * z + row[3]):
            index = row[0] * x[:, None] + (row[1] * y + along_z)
            inside[:, :, k] &= (index >= -0.5) & (index <= n - 0.5)
    return inside


# ----------------------------------------------------------------------------------------------------------------- intensities
def _intensity_map(values: NDArray[np.float32], name: str) -> tuple[FloatArray, FloatArray, float]:
    """Knots of the map of raw intensities to 0..1 (mean of linear and of rank in the object), and the threshold of the object.

    Rank alone would tear noise apart, amount alone would squeeze a CT's soft tissue into two bins; their mean serves MR, CT and PET alike.
    """
    low, high = (float(x) for x in np.percentile(values, (0.2, 99.8)))
    if high <= low:  # an object smaller than 0.2 % of the field of view
        low, high = float(values.min()), float(values.max())
    if high <= low:
        raise RegistrationError(f"{name} has the same value everywhere ({low:g}) and cannot be registered: it shows no structure.")
    clipped = np.clip(values, low, high).ravel()
    threshold = _lower_threshold(clipped)
    object_values = clipped[clipped > threshold]
    quantiles = np.quantile(object_values if object_values.size else clipped, np.linspace(0, 1, 65))
    knots = np.concatenate([[low], quantiles]).astype(np.float64)
    knots = np.maximum.accumulate(knots + np.arange(len(knots)) * 1e-6 * (high - low))  # np.interp needs rising knots
    rank = np.concatenate([[0.0], np.linspace(0.12, 1.0, 65)])
    return knots, 0.5 * (rank + np.clip((knots - low) / (high - low), 0, 1)), threshold


def _lower_threshold(values: NDArray[np.float32]) -> float:
    """The lower of the two thresholds that part a histogram best in three (Otsu 1979): air from everything else."""
    counts, edges = np.histogram(values, 128)
    centres = (edges[1:] + edges[:-1]) / 2
    weight, mass = np.cumsum(counts).astype(float), np.cumsum(counts * centres)
    first, last = np.triu_indices(len(counts), 1)
    weights = np.stack([weight[first], weight[last] - weight[first], weight[-1] - weight[last]])
    masses = np.stack([mass[first], mass[last] - mass[first], mass[-1] - mass[last]])
    between = np.divide(masses**2, weights, out=np.zeros_like(masses), where=weights > 0).sum(axis=0)
    return float(centres[first[np.argmax(between)]])


def _grown(mask: NDArray[np.bool_], *, times: int) -> NDArray[np.bool_]:
    """A mask grown by one voxel, to all 26 neighbours, several times; all of the grid where the mask is next to nothing."""
    if mask.sum() < LEAST_FOREGROUND:
        return np.ones_like(mask)
    for _ in range(times):
        for axis in range(3):
            here, out = np.moveaxis(mask, axis, 0), np.moveaxis(grown := mask.copy(order="K"), axis, 0)
            out[1:] |= here[:-1]
            out[:-1] |= here[1:]
            mask = grown
    return mask


def _nearest(mask: NDArray[np.bool_], of: _Grid, grid: _Grid) -> NDArray[np.bool_]:
    """A mask of one level on the voxels of another."""
    index = []
    for k, n in enumerate(grid.values.shape):
        at = (grid.origin[k] + grid.spacing * np.arange(n) - of.origin[k]) / of.spacing
        index.append(np.clip(np.rint(at).astype(int), 0, mask.shape[k] - 1))
    return mask.T[np.ix_(*index[::-1])].T
