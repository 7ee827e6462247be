"""Otsu's thresholds: where air ends and an object begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["air_threshold", "lower_threshold"]

BINS = 128


def air_threshold(values: NDArray[np.float32]) -> float:
    """The lower of the two thresholds that part the values best in three: air from everything else.

    Parameters
    ----------
    values : float array
        Of a whole scan; what lies beyond their 0.2 and 99.8 % percentiles counts as these.
    """
    low, high = (float(v) for v in np.percentile(values, (0.2, 99.8)))
    return lower_threshold(np.clip(values, low, high))


def lower_threshold(values: NDArray[np.float32]) -> float:
    """The lower of the two thresholds that part values best in three, single hot ones and all.

    Notes
    -----
    Otsu, IEEE Trans. SMC 9, 1979: the pair of thresholds with the largest variance between classes, tried one and all on a histogram.
    """
    counts, edges = np.histogram(values, BINS)
    centres = (edges[1:] + edges[:-1]) / 2
    weight, mass = np.cumsum(counts).astype(float), np.cumsum(counts * centres)
    first, last = np.triu_indices(BINS, 1)
    weights = np.stack([weight[first], weight[last] - weight[first], weight[-1] - weight[last]])
    masses = np.stack([mass[first], mass[last] - mass[first], mass[-1] - mass[last]])
    between = np.divide(masses**2, weights, out=np.zeros_like(masses), where=weights > 0).sum(axis=0)
    return float(centres[first[np.argmax(between)]])
