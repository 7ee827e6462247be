"""Volumes made ready for comparing: a pyramid of block means, intensities of like range, and where the object is.

Each volume keeps its own voxels: a level is made of means over whole blocks of them, and a linear map says where these lie in the
volume's *frame*, a rigid, right-handed set of axes near its own. So nothing is interpolated before it is compared, unequal, flipped and
sheared voxels are like any others, and a whole head is ready in a tenth of a second. Lengths follow the object: the coarsest voxels are
about a 24th of its width, 8 mm for a head, 0.6 mm for a mouse's brain.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from volstudio.errors import RegistrationError
from volstudio.registration.blocks import block_means, smoothed
from volstudio.registration.contrast import Contrast
from volstudio.registration.foreground import Foreground, grown

if TYPE_CHECKING:
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
# Most voxels of a level, if they were as large as its spacing says: 20 MB of values. More show no more (bench/register: T1 on T1 at
# 1.1 mm and at 0.9 alike, 0.02 mm; at 1.4 mm 0.05).
MOST_VOXELS = 5_000_000
# A block is as many voxels as fit into a level's edge this many times over: 1.25 mm voxels stay single at 1.8 mm, and are paired at 2.
ROUNDING = 0.05
# Bits of a voxel's edge that count: far above the rounding of headers in float32 (24 bits), far below what can be seen.
KEPT_BITS = 18
LEAST_ALONG = 4  # blocks along an axis that has the voxels for it, at any level
LEAST_ACROSS = 4  # voxels of the finest level over the median edge of a volume
# The level that shows where the object is: this many of its voxels are one of the coarsest.
FOREGROUND_PARTS = 2
# A level is smoothed to this share of its voxels, of which a voxel of this size has so much already: two scans are compared at the
# resolution of the coarser one (bench/register, 0.6 and 0.4: PET 0.15 mm; 0.22 without; CT and EPI alike).
SIGMA, OWN_SIGMA = 0.6, 0.4
# A range of values this many times smaller than the values themselves would lose its last steps in float32.
MUCH_SMALLER = 1024


@dataclass(frozen=True, slots=True)
class Level:
    """One resolution of a volume in its frame; its array lies in memory with the first axis fastest.

    Parameters
    ----------
    spacing : float
        About the edge of its voxels, mm: what step lengths and distances between places are counted in.
    origin : (3,) float array
        Frame position of the first voxel's centre, mm.
    steps : (3, 3) float array
        Columns: what one voxel along each axis is in the frame, mm; position = ``origin + steps @ index``.
    values : (i, j, k) float32 array
        Intensities from 0 to 1, half by amount and half by rank within the object.
    foreground : Foreground
        The object and a margin of one coarse voxel around it: where samples are worth drawing.
    seen : (i, j, k) bool array or None
        What may be looked at; None: all of it.
    """

    spacing: float
    origin: FloatArray
    steps: FloatArray
    values: NDArray[np.float32]
    foreground: Foreground
    seen: NDArray[np.bool_] | None = None

    @property
    def edges(self) -> FloatArray:
        """(3,) lengths of the voxels' edges, mm."""
        return np.asarray(np.linalg.norm(self.steps, axis=0))

    def moments(self) -> tuple[FloatArray, FloatArray]:
        """(3,) mean and (3,) variance of the frame coordinates of the foreground, mm and mm^2."""
        return self.foreground.mean, self.foreground.variance


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

    Parameters
    ----------
    volume : Volume
    frame : (4, 4) float array
        Frame -> scanner, as of `own_frame`.
    levels_mm : tuple of float
        Voxel edges, mm, coarse to fine.
    progress : Progress

    Raises
    ------
    RegistrationError
        The volume holds no structure: no finite number, or one value everywhere; or the levels' voxels are too large to show any.
    """
    _refuse_coarse(volume, levels_mm[-1])
    grids = _pyramid(volume, _voxels_in(frame, volume.grid), levels_mm, progress)
    middle = next((grid for grid in grids[::-1] if grid.spacing >= levels_mm[0] / FOREGROUND_PARTS), grids[0])
    contrast = Contrast.of(middle.values, volume.name)
    margin = np.clip(np.rint(levels_mm[0] / middle.edges), 1, middle.values.shape).astype(int)
    foreground = Foreground.of(grown(contrast.is_object(middle.values), times=margin), middle.origin, middle.steps)
    levels: list[Level] = []
    for grid in grids:
        tick = partial(progress, f"preparing {volume.name}, {grid.spacing:.3g} mm", 0.5 + 0.5 * len(levels) / len(grids))
        tick()
        sigma = np.sqrt(np.maximum(0.0, (SIGMA * grid.spacing) ** 2 - (OWN_SIGMA * grid.edges) ** 2)) / grid.edges
        values = smoothed(grid.values, sigma, tick=tick)
        levels.append(Level(grid.spacing, grid.origin, grid.steps, contrast.mapped(values), foreground))
    return tuple(levels)


def _voxels_in(frame: FloatArray, grid: Grid) -> FloatArray:
    """(4, 4) voxel -> frame without what a header in float32 rounds: turning a volume changes these digits, and climbs would end apart."""
    linear = frame[:3, :3].T @ grid.affine.linear
    step = np.exp2(np.floor(np.log2(grid.voxel_sizes)) - KEPT_BITS)
    to_frame = np.eye(4)
    to_frame[:3, :3] = np.rint(linear / step) * step
    to_frame[:3, 3] = -to_frame[:3, :3] @ ((np.array(grid.shape) - 1) / 2)
    return to_frame


def _refuse_coarse(volume: Volume, finest: float) -> None:
    """Levels suit the larger voxels of two scans; where these are as large as the other scan, one header is most likely wrong."""
    edges = np.array(volume.shape) * volume.grid.voxel_sizes
    if np.median(edges) < LEAST_ACROSS * finest:
        size = " x ".join(f"{edge:.3g}" for edge in edges)
        raise RegistrationError(
            f"{volume.name} measures {size} mm, too little to be seen in the voxels of {finest:.4g} mm that suit the other scan; "
            "is the unit of length of one of them wrong?"
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """Raw values of a level, and where they lie.

    Parameters
    ----------
    spacing : float
    origin, steps
        As of `Level`.
    values : (i, j, k) array
    """

    spacing: float
    origin: FloatArray
    steps: FloatArray
    values: NDArray[Any]

    @property
    def edges(self) -> FloatArray:
        """(3,) mm."""
        return np.asarray(np.linalg.norm(self.steps, axis=0))


def _pyramid(volume: Volume, to_frame: FloatArray, levels_mm: tuple[float, ...], progress: Progress) -> list[_Grid]:
    """Raw block means, coarse to fine; each level is made of the blocks of the next finer one."""
    data = volume.frame(0)
    if data.dtype.kind not in "biuf":
        raise RegistrationError(f"{volume.name} holds {data.dtype} voxels; registration needs one real number per voxel.")
    data = data.view(np.uint8) if data.dtype.kind == "b" else _near_zero(data.astype(data.dtype.newbyteorder("="), copy=False))
    grids = [_Grid(0.0, to_frame[:3, 3], to_frame[:3, :3], data)]
    for mm in levels_mm[::-1]:
        last = grids[-1]
        factors = np.maximum(1, np.floor(mm / last.edges + 0.5 - ROUNDING)).astype(int)
        factors = np.minimum(factors, np.maximum(1, np.array(last.values.shape) // LEAST_ALONG))
        first = (np.array(last.values.shape) % factors) // 2  # what is left over is left out on both sides alike
        kept = last.values[tuple(slice(int(n), None) for n in first)]
        tick = partial(progress, f"reading {volume.name}", (len(grids) - 1) / (2 * len(levels_mm)))
        means = block_means(kept, tuple(factors.tolist()), tick)
        if len(grids) == 1 and data.dtype.kind == "f":
            means = _finite(means, volume.name)
        origin = last.origin + last.steps @ (first + (factors - 1) / 2)
        grids.append(_Grid(mm, origin, last.steps * factors, means))
    return grids[:0:-1]


def _near_zero(data: NDArray[Any]) -> NDArray[Any]:
    """The values less the least one where float32 could not tell them apart, such as counts that begin at 2^63; else as they are."""
    if data.dtype.itemsize < 4 or data.dtype.kind not in "iuf":
        return data
    low, high = np.fmin.reduce(data, axis=None), np.fmax.reduce(data, axis=None)
    if not (np.isfinite(low) and np.isfinite(high)):
        return data
    spread = float(high) - float(low) if data.dtype.kind == "f" else float(int(high) - int(low))
    return data - low if 0 < MUCH_SMALLER * spread < abs(float(low)) else data


def _finite(means: NDArray[Any], name: str) -> NDArray[Any]:
    """The same values; what is no number becomes the least one, as air is."""
    finite = np.isfinite(means)
    if finite.all():
        return means
    if not finite.any():
        raise RegistrationError(f"{name} holds no finite number and cannot be registered.")
    return np.where(finite, means, means[finite].min())
