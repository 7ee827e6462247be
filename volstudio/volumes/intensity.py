"""What the numbers of a volume look like: the window to show them in, their histogram, and whether they are labels or statistics.

Everything here looks at a sample of the voxels, spread over whole slices, so that a large volume costs no more than a small one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from volstudio.geometry.affine import FloatArray
    from volstudio.volumes.volume import Volume, VoxelArray

__all__ = ["foreground", "full_range", "histogram", "is_labels", "is_stat_map", "robust_window", "sample_values", "spread_slices"]

SAMPLE = 200_000  # voxels looked at; percentiles of so many are good to about 0.1 %
SLICES = 24  # whole slices read: a file that is mapped into memory is then not read as a whole
PADDING = 0.02  # a single value that this share of the voxels has, at the bottom or 0, is background and not tissue
AIR = 1 / 8  # of the mean: what is darker is air. SPM's criterion for its global mean (spm_global)
AIR_BINS = 128
AIR_PEAK = 0.05  # of the range: the highest peak of the histogram is air if it lies lower than this and is as narrow
STAT_INTENTS = range(2, 25)  # NIFTI_INTENT_CORREL to NIFTI_INTENT_LOG10PVAL
LABEL_INTENT = 1002
MOST_LABELS = 2048
LABEL_RUN = 0.75  # share of neighbours along i that are alike in labels; grey values of 8 bits stay below 0.3


def robust_window(array: VoxelArray | NDArray[Any], percentiles: tuple[float, float] = (2.0, 98.0)) -> tuple[float, float]:
    """Values to show as black and white: percentiles of the foreground.

    Parameters
    ----------
    array : (i, j, k) or (i, j, k, t) array
        The first time point of a series is used.
    percentiles : (low, high)

    Returns
    -------
    (low, high) : floats
        Finite, ``low < high`` for any input.

    Examples
    --------
    >>> head = np.zeros((20, 20, 20)); head[5:15, 5:15, 5:15] = np.linspace(100, 200, 1000).reshape(10, 10, 10)
    >>> [round(x) for x in robust_window(head)]
    [102, 198]
    >>> robust_window(np.full((4, 4, 4), 7))
    (6.5, 7.5)
    """
    values = foreground(sample_values(array))
    if values.size == 0:
        return 0.0, 1.0
    low, high = (float(x) for x in np.percentile(values, percentiles))
    if not low < high:  # the foreground is of one value, as in a mask: show it against everything else
        finite = sample_values(array)
        finite = finite[np.isfinite(finite)]
        low, high = float(finite.min()), float(finite.max())
    if not low < high:
        # As much room as the number itself needs to differ from its neighbours.
        half = max(0.5, abs(low) * 1e-6)
        return low - half, high + half
    return low, high


def full_range(array: NDArray[Any]) -> tuple[float, float]:
    """From 0, or the least value below it, to the greatest: the window of labels, of which none may fall outside.

    Examples
    --------
    >>> full_range(np.array([[[0, 3, 1017]]], dtype=np.int16))
    (0.0, 1017.0)
    """
    low, high = float(np.fmin.reduce(array, axis=None)), float(np.fmax.reduce(array, axis=None))
    if not np.isfinite([low, high]).all():
        finite = array[np.isfinite(array)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    low = min(low, 0.0)
    return low, high if high > low else low + 1.0


def foreground(values: NDArray[Any]) -> FloatArray:
    """Values that show something: finite, without padding, without air.

    Parameters
    ----------
    values : (n,) array

    Returns
    -------
    (m,) float64 array
        All finite values where nothing stands out as background.

    Notes
    -----
    Padding is one value that many voxels share, at the bottom or 0. Air is what is darker than an eighth of the mean above the bottom,
    or belongs to a peak of the histogram at its dark end; in values on both sides of a padding of 0 (statistics) there is none.
    """
    finite: FloatArray = values[np.isfinite(values)].astype(np.float64)
    if finite.size == 0:
        return finite
    bottom = float(finite.min())
    signed = bottom < 0 < float(finite.max()) and np.count_nonzero(finite == 0) > PADDING * finite.size
    pad = 0.0 if signed else bottom
    padded = np.count_nonzero(finite == pad) > PADDING * finite.size
    rest: FloatArray = finite[finite != pad] if padded else finite
    if rest.size == 0:
        return finite
    if signed:
        return rest
    # CT and its like begin below 0; the half-percent quantile, since a single wild voxel must not become the floor.
    floor = min(float(np.percentile(rest, 0.5)), 0.0)
    bright: FloatArray = rest[rest > max(floor + AIR * float(np.mean(rest - floor)), _air_below(rest, floor))]
    return bright if bright.size else rest


def _air_below(values: FloatArray, floor: float) -> float:
    """Value under which lies the noise of air; the floor itself where no peak at the dark end looks like air.

    Where most of the field of view is air, the mean is that of air too and says nothing: then the histogram has its peak at the dark end.
    """
    top = float(np.percentile(values, 99.8))
    if not floor < top:
        return floor
    counts, edges = np.histogram(values, bins=AIR_BINS, range=(floor, top))
    smooth = np.convolve(counts, np.ones(3), mode="same")  # whole numbers that were scaled leave every other bin empty
    peak = int(smooth.argmax())
    if peak > AIR_PEAK * AIR_BINS:
        return floor
    fallen = np.flatnonzero(smooth[peak:] < smooth[peak] / 10)
    width = int(fallen[0]) if fallen.size else AIR_BINS
    # Noise falls off steeply; a peak with a long slope is tissue of few bright voxels, as in an angiogram.
    return float(edges[peak + 2 * width]) if width <= AIR_PEAK * AIR_BINS else floor


def histogram(array: VoxelArray | NDArray[Any], bins: int = 256) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Counts and (bins + 1) edges of a sample of the finite values, from the 0.1 % to the 99.9 % quantile, the tails in the end bins.

    Examples
    --------
    >>> counts, edges = histogram(np.arange(1000.0).reshape(10, 10, 10), bins=4)
    >>> counts.sum(), len(edges)
    (np.int64(1000), 5)
    """
    values = sample_values(array)
    values = values[np.isfinite(values)].astype(np.float64)
    if values.size == 0:
        return np.zeros(bins, dtype=np.int64), np.linspace(0.0, 1.0, bins + 1)
    low, high = (float(x) for x in np.percentile(values, (0.1, 99.9)))
    if not low < high:
        low, high = low - 0.5, low + 0.5
    counts, edges = np.histogram(np.clip(values, low, high), bins=bins, range=(low, high))
    return counts.astype(np.int64), edges.astype(np.float64)


def is_labels(volume: Volume) -> bool:
    """Whether the voxels name regions (a segmentation, a mask) and must not be interpolated.

    They do if the header says so, or if they are few whole numbers that come in runs.
    """
    intent = volume.facts.get("intent_code")
    if intent == LABEL_INTENT:
        return True
    if volume.data.dtype.kind not in "iuf" or intent in STAT_INTENTS:
        return False
    rows = spread_slices(volume.data)
    if not np.isfinite(rows).all() or (rows != np.rint(rows)).any() or rows.min() < 0:
        return False
    inside = rows[:-1] != 0
    if not inside.any():
        return False
    alike = np.count_nonzero(inside & (rows[1:] == rows[:-1])) / np.count_nonzero(inside)
    return bool(alike > LABEL_RUN) and 2 <= len(np.unique(rows)) <= MOST_LABELS  # one value everywhere tells nothing from anything


def is_stat_map(volume: Volume) -> bool:
    """Whether the voxels are statistics on both sides of 0, such as z or t.

    They are if the header says so, or if they are real numbers with a background of 0 (or NaN) and substantial tails on either side.
    """
    if volume.facts.get("intent_code") in STAT_INTENTS:
        return True
    if volume.data.dtype.kind != "f":
        return False
    values = sample_values(volume.data)
    finite = values[np.isfinite(values)]
    background = np.count_nonzero(finite == 0) + (values.size - finite.size)
    inside = finite[finite != 0]
    if background < 0.1 * values.size or inside.size == 0:
        return False
    low, high = np.percentile(inside, (2, 98))
    return bool(low < 0 < high and min(-low, high) > 0.1 * max(-low, high))


def sample_values(array: VoxelArray | NDArray[Any]) -> NDArray[Any]:
    """(n,) about `SAMPLE` values of the first time point, evenly spread, the same ones each time."""
    rows = spread_slices(array)
    step = max(1, round((rows.size / SAMPLE) ** 0.5))
    return np.asarray(rows[::step, ::step].ravel(order="K"))


def spread_slices(array: VoxelArray | NDArray[Any]) -> NDArray[Any]:
    """(i, j, n) some whole slices across k of the first time point."""
    depth = array.shape[2]
    ks = np.unique(np.linspace(0, depth - 1, min(depth, SLICES)).round().astype(int))
    first = (0,) if len(array.shape) == 4 else ()
    picked = [np.asarray(array[(slice(None), slice(None), int(k), *first)]) for k in ks]
    return np.stack(picked, axis=-1)
