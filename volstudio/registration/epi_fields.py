"""Sums over the neighbourhoods of a box's voxels: of single voxels, or of blocks of two by two by two, with a field between these.

What is smooth over two voxels or more is told as well by an eighth of the points, at an eighth of the cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from volstudio.geometry.affine import FloatArray

__all__ = ["halved", "kernels", "smoothed", "spread_out", "summed"]

# Variance, in voxels, that sums over two and a line between two add to a field's smoothness: 1/4 and 2/3.
OWN = 1 / 4 + 2 / 3
LEAST = 0.1  # variance in blocks
REACH = 2.6  # standard deviations


def summed(values: NDArray[np.float32], sigma: FloatArray) -> NDArray[np.float32]:
    """Sums over triangles about as wide as a Gaussian, zero lies outside.

    Parameters
    ----------
    values : (k, j, i) float32 array
    sigma : (3,) float array
        Standard deviation along each axis, voxels.
    """
    for axis, one in enumerate(sigma):
        half = max(1, round((float(np.sqrt(6 * one**2 + 1)) - 1) / 2))  # two boxes of 2 half + 1 have that variance
        for _ in range(2):
            total = values.copy()
            for away in range(1, min(half + 1, values.shape[axis])):
                total[_along(axis, away, None)] += values[_along(axis, 0, -away)]
                total[_along(axis, 0, -away)] += values[_along(axis, away, None)]
            values = total
    return values


def kernels(sigma: FloatArray) -> tuple[NDArray[np.float32], ...]:
    """Half of a kernel along each axis, its middle first: on blocks, so that fields are as smooth as by a Gaussian on voxels.

    Parameters
    ----------
    sigma : (3,) float array
        Standard deviation along each axis, voxels.
    """
    found = []
    for one in np.sqrt(np.maximum((np.square(sigma) - OWN) / 4, LEAST)):
        weights = np.exp(-0.5 * (np.arange(int(np.ceil(REACH * one)) + 1) / one) ** 2)
        found.append((weights / (2 * weights.sum() - weights[0])).astype(np.float32))
    return tuple(found)


def halved(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sums over blocks of two voxels along every axis; the last of an odd number stand alone."""
    for axis in range(3):
        lower, upper = values[_along(axis, 0, None, 2)], values[_along(axis, 1, None, 2)]
        values = lower.copy()
        values[_along(axis, 0, upper.shape[axis])] += upper
    return values


def smoothed(blocks: NDArray[np.float32], kernel: tuple[NDArray[np.float32], ...]) -> NDArray[np.float32]:
    """Weighted means over the neighbours of each block, zero lies outside."""
    for axis, weights in enumerate(kernel):
        total = blocks * weights[0]
        for away, weight in enumerate(weights[1 : blocks.shape[axis]], start=1):
            part = blocks * weight
            total[_along(axis, away, None)] += part[_along(axis, 0, -away)]
            total[_along(axis, 0, -away)] += part[_along(axis, away, None)]
        blocks = total
    return blocks


def spread_out(blocks: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """A field on voxels, evenly between the blocks' middles; beyond the last ones it is theirs."""
    for axis in (2, 1, 0):
        near, far = blocks * np.float32(0.75), blocks * np.float32(0.25)
        size = list(blocks.shape)
        size[axis] *= 2
        values = np.empty(size, np.float32)
        lower, upper = values[_along(axis, 0, None, 2)], values[_along(axis, 1, None, 2)]
        first, last, but_first, but_last = (_along(axis, *ends) for ends in ((0, 1), (-1, None), (1, None), (0, -1)))
        np.add(near[but_first], far[but_last], out=lower[but_first])
        np.add(near[but_last], far[but_first], out=upper[but_last])
        lower[first], upper[last] = blocks[first], blocks[last]
        blocks = values[_along(axis, 0, shape[axis])]
    return np.ascontiguousarray(blocks)


def _along(axis: int, first: int, last: int | None, step: int = 1) -> tuple[slice, ...]:
    """Index of a part of an array along one axis."""
    return (*(slice(None),) * axis, slice(first, last, step))
