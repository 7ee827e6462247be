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

__all__ = ["Blocks", "Likenesses"]

BINS = 24
SAMPLES = 60_000
LEAST_SAMPLES = 30  # of a block, in view
LEAST_IN_VIEW = 0.8
CHUNK = 8192
# Two likenesses of a block count as equal where they differ by less than this share of what the whole images share.
TIE = 0.02
# A block that fits best within this many steps fits where it is; it is tried up to twice as far.
NEAR = 1.5


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
        Mutual information of all blocks together, nats.
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
    edge_mm : float
        Of the blocks. Every other one is used, like the black fields of a board: neighbours say much the same.
    seed : int
        Of the samples' jitter.
    """

    def __init__(self, source: Level, target: Level, *, edge_mm: float, seed: int) -> None:
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
        self._row = np.rint(np.clip(samples.values[order], 0, 1) * (BINS - 1)).astype(np.intp) * (BINS + 1)
        self._first = np.flatnonzero(np.diff(key, prepend=-1))
        self._count = np.diff(np.append(self._first, len(key)))
        self._field = Field(target)

    def at(self, pose: FloatArray) -> Likenesses:
        """Likeness of each block at a pose; a pose that mirrors is welcome."""
        column = self._columns(pose, np.zeros(3))
        table, information = _table(self._row, column)
        usable = self._in_view(column)
        return Likenesses(self._means(table, column), usable, information)

    def share_in_place(self, pose: FloatArray, *, step_mm: float) -> tuple[float, int]:
        """Share of the usable blocks that fit best within 1.5 steps of where the pose lays them; and how many are usable.

        Each is tried in 71 places, up to three steps away. Chance alone would leave a quarter of them in place.
        """
        column = self._columns(pose, np.zeros(3))
        table, _ = _table(self._row, column)
        usable = self._in_view(column)
        if not usable.any():
            return 0.0, 0
        shifts = _shifts()
        tried = np.stack([self._means(table, self._columns(pose, shift * step_mm))[usable] for shift in shifts])
        best = np.linalg.norm(shifts[np.argmax(tried, axis=0)], axis=1)
        return float(np.mean(best <= NEAR)), int(usable.sum())

    def _columns(self, pose: FloatArray, shift: FloatArray) -> NDArray[np.intp]:
        """Class of the target at every sample, shifted by so many mm in the target's frame; ``BINS`` where that is out of view."""
        edges = np.broadcast_to(self._field.spacing, 3)
        matrix = (pose[:3, :3] / edges[:, None]).astype(np.float32)
        origin = ((pose[:3, :3] @ self._centroid + pose[:3, 3] + shift - self._field.origin) / edges).astype(np.float32)
        column = np.full(len(self._row), BINS, np.intp)
        for first in range(0, len(column), CHUNK):
            points = self._points[:, first : first + CHUNK]
            x, y, z = (matrix[k, 0] * points[0] + matrix[k, 1] * points[1] + matrix[k, 2] * points[2] + origin[k] for k in range(3))
            chosen = np.flatnonzero(self._field.in_view(x, y, z))
            values, _, border = self._field.look(x[chosen], y[chosen], z[chosen], slope=False)
            classes = np.rint(np.clip(values, 0, 1) * (BINS - 1)).astype(np.intp)
            classes[border.index[border.weight < 0.5]] = BINS
            column[first + chosen] = classes
        return column

    def _means(self, table: FloatArray, column: NDArray[np.intp]) -> FloatArray:
        """Mean of the table over each block's samples; what is out of view counts as nought."""
        return np.asarray(np.add.reduceat(table.take(self._row + column), self._first) / self._count)

    def _in_view(self, column: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Whether enough of each block is in view."""
        seen = np.add.reduceat((column < BINS).astype(np.intp), self._first)
        return np.asarray((seen >= LEAST_IN_VIEW * self._count) & (seen >= LEAST_SAMPLES))


def _table(row: NDArray[np.intp], column: NDArray[np.intp]) -> tuple[FloatArray, float]:
    """Pointwise mutual information of every pair of classes, flat, nought for what is out of view; and its mean over the samples."""
    joint = np.bincount(row + column, minlength=BINS * (BINS + 1)).reshape(BINS, BINS + 1)[:, :BINS].astype(np.float64)
    padded = np.pad(joint, 1, mode="edge")
    padded = padded[:-2] + 2 * padded[1:-1] + padded[2:]  # empty cells learn from their neighbours
    joint = (padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]) / 16 + 1e-3
    share = joint / joint.sum()
    table = np.log(share / (share.sum(axis=1, keepdims=True) * share.sum(axis=0, keepdims=True)))
    return np.pad(table, ((0, 0), (0, 1))).ravel(), float((share * table).sum())


def _shifts() -> FloatArray:
    """(71, 3) steps: none; one along the axes and across the faces of a cube; then all directions of that cube, 2.2 and 3.1 far."""
    directions = np.array([d for d in product((-1.0, 0.0, 1.0), repeat=3) if any(d)])
    lengths = np.linalg.norm(directions, axis=1, keepdims=True)
    near = directions[lengths[:, 0] < NEAR]
    return np.concatenate([np.zeros((1, 3)), near, 2.2 * directions / lengths, 3.1 * directions / lengths])
