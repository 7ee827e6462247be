"""A pair of images seen block by block: whether each part of the one lies where it fits the other best.

Two heads can be laid on each other so that all of one agrees with all of the other on the whole, and still no fold of one lies on that
fold of the other. So each block, an eighth of the object wide, is asked by itself. What it is asked is its share of the mutual information
of the whole: the mean of ``log p(a, b) / (p(a) p(b))`` over its samples, with one table for all blocks, made at the pose that is asked
about (pointwise mutual information; the table of a block alone would rest on too few samples).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from volstudio.registration.field import Field, Samples

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from volstudio.geometry.affine import FloatArray
    from volstudio.registration.prepare import Level

    Floats = NDArray[np.float32]

__all__ = ["SHELLS", "Blocks", "Likenesses"]

BINS = 24
SAMPLES = 60_000
LEAST_SAMPLES = 30  # of a block, in view
LEAST_IN_VIEW = 0.8
# Two likenesses of a block count as equal where they differ by less than this share of what the whole images share.
TIE = 0.02
# A block that fits best within this many steps fits where it is; it is tried in two shells further out.
NEAR = 1.5
SHELLS = (2.2, 3.1)


@dataclass(frozen=True, slots=True)
class Likenesses:
    """How alike two images are at one pose, block by block.

    Parameters
    ----------
    each : (n,) float array
        Mean pointwise mutual information of each block, nats.
    usable : (n,) bool array
        Whether enough of the block is in view.
    information : float
        The same of all samples in view: their mutual information, but for the smoothing of the table.
    """

    each: FloatArray
    usable: NDArray[np.bool_]
    information: float

    def share_above(self, other: Likenesses) -> tuple[float, int]:
        """Share of the blocks, usable in both, that are more alike here than there; equal ones count half. And how many blocks."""
        both = self.usable & other.usable
        if not both.any():
            return 0.5, 0
        gain = (self.each - other.each)[both]
        tie = TIE * max(self.information, other.information)
        return float(np.mean(np.where(np.abs(gain) < tie, 0.5, gain > 0))), int(both.sum())


class Blocks:
    """A source's samples, block by block, against a target.

    Parameters
    ----------
    source, target : Level
    edge_mm, reach_mm : float
        Edge of the blocks, and how far they will be tried. Every other block is used, like the black fields of a board: neighbours say
        much the same.
    seed : int
        Of the samples' jitter.
    """

    def __init__(self, source: Level, target: Level, *, edge_mm: float, reach_mm: float, seed: int) -> None:
        samples = Samples.draw(source, SAMPLES, seed=seed)
        block = np.floor(samples.points / edge_mm).astype(np.intp)
        block -= block.min(axis=1, keepdims=True)
        counts = block.max(axis=1) + 1
        key = block[0] + counts[0] * (block[1] + counts[1] * block[2])
        order = np.argsort(key, kind="stable")
        order = order[block.sum(axis=0)[order] % 2 == 0]
        key = key[order]
        self._points: Floats = samples.points[:, order]
        self._centroid = samples.centroid
        self._row = _classes(samples.values[order]).astype(np.intp) * (BINS + 1)
        self._first = np.flatnonzero(np.diff(key, prepend=-1))
        self._count = np.diff(np.append(self._first, len(key)))
        self._target = _Classes(target, reach_mm)
        self._field = Field(target)

    def at(self, pose: FloatArray) -> Likenesses:
        """Likeness of each block at a pose; a pose that mirrors is welcome."""
        column = self._between_voxels(self._places(pose))
        each = self._means(_table(self._row, column), column)
        seen = int(np.count_nonzero(column < BINS))
        return Likenesses(each, self._in_view(column), float(each @ self._count) / max(seen, 1))

    def share_in_place(self, pose: FloatArray, *, step_mm: float) -> tuple[float, int]:
        """Share of the usable blocks that fit best within 1.5 steps of where the pose lays them; and how many are usable.

        Each is tried in 71 places, up to three steps away. Chance alone would leave a quarter of them in place.
        """
        places = self._places(pose)
        column = self._target.at(places, np.zeros(3))
        table = _table(self._row, column)
        usable = self._in_view(column)
        if not usable.any():
            return 0.0, 0
        shifts = _shifts()
        tried = np.stack([self._means(table, self._target.at(places, shift * step_mm))[usable] for shift in shifts])
        best = np.linalg.norm(shifts[np.argmax(tried, axis=0)], axis=1)
        return float(np.mean(best <= NEAR)), int(usable.sum())

    def _places(self, pose: FloatArray) -> Floats:
        """(3, n) mm in the target's frame: where a pose lays the samples."""
        middle = pose[:3, :3] @ self._centroid + pose[:3, 3]
        turn = pose[:3, :3].astype(np.float32)
        x, y, z = self._points  # not by BLAS, whose sums depend on the number of threads
        return np.stack([turn[k, 0] * x + turn[k, 1] * y + turn[k, 2] * z + np.float32(middle[k]) for k in range(3)])

    def _between_voxels(self, places: Floats) -> NDArray[np.uint8]:
        """(n,) classes of the target at places (3, n), interpolated: whether a mirror fits better can hang on little."""
        to_voxels, origin = self._field.to_voxels, self._field.origin
        x, y, z = (_along(row, places) + np.float32(first) for row, first in zip(to_voxels, -to_voxels @ origin, strict=True))
        values, _, border = self._field.look(x, y, z, slope=False)
        classes = _classes(values)
        classes[border.index[border.weight < 0.5]] = BINS
        return classes

    def _means(self, table: FloatArray, column: NDArray[np.uint8]) -> FloatArray:
        """Mean of the table over each block's samples; what is out of view counts as nought."""
        return np.asarray(np.add.reduceat(table.take(self._row + column), self._first) / self._count)

    def _in_view(self, column: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Whether enough of each block is in view."""
        seen = np.add.reduceat((column < BINS).astype(np.intp), self._first)
        return np.asarray((seen >= LEAST_IN_VIEW * self._count) & (seen >= LEAST_SAMPLES))


class _Classes:
    """A level as classes of intensity, in a margin of 'out of view', looked up at the nearest voxel.

    The samples' jitter does what interpolation would do, at a tenth of the cost.
    """

    def __init__(self, level: Level, reach_mm: float) -> None:
        self._to_voxels = np.linalg.inv(level.steps)
        self._reach = int(np.ceil(reach_mm / level.edges.min())) + 1
        self._origin = level.origin
        self._shape = level.values.shape
        classes = _classes(level.values)
        if level.seen is not None:
            classes = np.where(level.seen, classes, np.uint8(BINS))
        padded = np.pad(classes, 2 * self._reach, constant_values=BINS)
        self._flat = padded.ravel(order="F")
        self._strides = (1, padded.shape[0], padded.shape[0] * padded.shape[1])

    def at(self, places: Floats, shift: FloatArray) -> NDArray[np.uint8]:
        """(n,) classes at places (3, n), all shifted by some mm, no more than the reach; ``BINS`` where that is out of view."""
        index = np.zeros(places.shape[1], np.int32)
        from_origin = self._to_voxels @ (shift - self._origin) + 2 * self._reach + 0.5
        for row, first, count, stride in zip(self._to_voxels, from_origin, self._shape, self._strides, strict=True):
            along = _along(row, places) + np.float32(first)
            # Whatever is further out than the margin is as far out as the margin.
            np.clip(along, 0, count + 4 * self._reach - 1, out=along)
            index += along.astype(np.int32) * np.int32(stride)
        return self._flat.take(index)


def _along(row: FloatArray, places: Floats) -> Floats:
    """(n,) sum of places (3, n) times the numbers of a row, of which all but one are nought where the voxels are not sheared."""
    found = np.zeros(places.shape[1], np.float32)
    for k, each in enumerate(row):
        if each:
            found += places[k] * np.float32(each)
    return found


def _classes(values: Floats) -> NDArray[np.uint8]:
    """Class of intensity of values from 0 to 1."""
    return (np.clip(values, 0, 1) * np.float32(BINS - 1) + np.float32(0.5)).astype(np.uint8)


def _table(row: NDArray[np.intp], column: NDArray[np.uint8]) -> FloatArray:
    """Pointwise mutual information of every pair of classes, flat; nought for what is out of view."""
    joint = np.bincount(row + column, minlength=BINS * (BINS + 1)).reshape(BINS, BINS + 1)[:, :BINS].astype(np.float64)
    padded = np.pad(joint, 1, mode="edge")
    padded = padded[:-2] + 2 * padded[1:-1] + padded[2:]  # empty cells learn from their neighbours
    joint = (padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]) / 16 + 1e-3
    share = joint / joint.sum()
    table = np.log(share / (share.sum(axis=1, keepdims=True) * share.sum(axis=0, keepdims=True)))
    return np.asarray(np.pad(table, ((0, 0), (0, 1))).ravel())


def _shifts() -> FloatArray:
    """(71, 3) steps: none; one along the axes and across the faces of a cube; then all directions of that cube, 2.2 and 3.1 far."""
    directions = np.array([d for d in product((-1.0, 0.0, 1.0), repeat=3) if any(d)])
    lengths = np.linalg.norm(directions, axis=1, keepdims=True)
    near = directions[lengths[:, 0] < NEAR]
    return np.concatenate([np.zeros((1, 3)), near, *(shell * directions / lengths for shell in SHELLS)])
