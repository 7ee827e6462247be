"""Voxels averaged in blocks and smoothed a little, which a pyramid is made of; plane by plane, so that they stay in the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from volstudio.geometry.affine import FloatArray

__all__ = ["block_means", "smoothed"]

# A Gaussian narrower than this, in voxels, changes less than the interpolation between them does.
LEAST_SIGMA = 0.5
# Only a stack of a few very thin slices would want more; it is as good as one slice then.
MOST_SIGMA = 3.0
# Three taps are like a Gaussian up to this variance, in squared voxels; a wider one is made of several.
MOST_VARIANCE = 0.5
TICK_PLANES = 4


def block_means(data: NDArray[Any], factors: tuple[int, ...], tick: Callable[[], None]) -> NDArray[Any]:
    """Means of blocks of voxels, float32, first axis fastest in memory; read in the order in which the data lie.

    Blocks of one voxel are given back as they are, where their type has at most 16 bits or is float32 already.
    """
    if data.strides[0] > data.strides[2]:
        return np.asfortranarray(block_means(data.T, factors[::-1], tick).T)
    if max(factors) == 1 and (data.dtype.itemsize < 4 or data.dtype == np.float32):
        tick()
        return data
    count = [n // f for n, f in zip(data.shape, factors, strict=True)]
    means = np.empty(count, np.float32, order="F")
    for k in range(count[2]):
        if k % TICK_PLANES == 0:
            tick()
        slab = data[: count[0] * factors[0], : count[1] * factors[1], k * factors[2] : (k + 1) * factors[2]]
        plane = slab.sum(axis=2, dtype=np.float32)
        plane = sum(plane[:, j :: factors[1]] for j in range(factors[1]))
        means[:, :, k] = sum(plane[i :: factors[0]] for i in range(factors[0]))
    means /= np.float32(np.prod(factors))
    return means


def smoothed(values: NDArray[Any], sigma: FloatArray, *, tick: Callable[[], None]) -> NDArray[Any]:
    """Values convolved with about a Gaussian of so many voxels along each axis; as they are where that is too narrow to matter.

    Parameters
    ----------
    values : (i, j, k) array
        First axis fastest in memory.
    sigma : (3,) float array, voxels
    tick : callable
        Called every few planes; what it raises ends the work.

    Notes
    -----
    Taps ``(t / 2, 1 - t, t / 2)`` have the variance ``t``, and so add up like those of Gaussians do.
    """
    sigma = np.where((sigma >= LEAST_SIGMA) & (np.array(values.shape) > 1), np.minimum(sigma, MOST_SIGMA), 0.0)
    if not sigma.any():
        return values
    rounds = int(np.ceil((sigma**2).max() / MOST_VARIANCE))
    for _ in range(rounds):
        values = _softened(values, (sigma**2 / rounds).tolist(), tick)
    return values


def _softened(values: NDArray[Any], variance: list[float], tick: Callable[[], None]) -> NDArray[np.float32]:
    """Values after three taps along each axis; beyond the ends they go on as they end."""
    count = values.shape[2]
    out = np.empty(values.shape, np.float32, order="F")

    def plane(k: int) -> NDArray[np.float32]:
        return _along(_along(values[:, :, k].astype(np.float32), variance[0], 0), variance[1], 1)

    side = np.float32(variance[2] / 2)
    before = here = plane(0)
    for k in range(count):
        if k % TICK_PLANES == 0:
            tick()
        after = plane(k + 1) if k + 1 < count else here
        np.multiply(here, np.float32(1 - variance[2]), out=out[:, :, k])
        out[:, :, k] += side * (before + after)
        before, here = here, after
    return out


def _along(plane: NDArray[np.float32], variance: float, axis: int) -> NDArray[np.float32]:
    """A plane after three taps along one of its axes."""
    if variance == 0:
        return plane
    side = np.float32(variance / 2)
    first, last = ([slice(None)] * 2 for _ in range(2))
    first[axis], last[axis] = slice(None, -1), slice(1, None)
    step = side * (plane[tuple(last)] - plane[tuple(first)])
    plane = plane.copy(order="K")
    plane[tuple(first)] += step
    plane[tuple(last)] -= step
    return plane
