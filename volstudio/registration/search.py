"""Where to start: every orientation and many places tried at the coarsest level, and the best of them kept.

Each trial is the mutual information of some hundred samples at whole-voxel places, because shifting by whole voxels is adding a number to
an index; a rotation whose best place is good is tried again with three times the samples. So some hundred thousand poses take a fraction of
a second, without Fourier transforms and without a guess that could be wrong. Lengths are counted in voxels of the coarsest level, a 24th of
the object's width: a mouse's brain and a whole body are searched alike.

Source: hybrid global and local search (Jenkinson & Smith, Med. Image Anal. 5, 2001).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from volstudio.geometry.rotation import from_axis_angle, to_axis_angle
from volstudio.registration.field import Samples
from volstudio.registration.orientations import cube_rotations, spread_rotations

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from volstudio.geometry.affine import FloatArray
    from volstudio.progress import Progress
    from volstudio.registration.bounds import Bounds
    from volstudio.registration.prepare import Level

__all__ = ["Trial", "search"]

# 300 rotations lie about 35 degrees apart, so that some start is within 20 of any pose: MI at this level draws in from 30.
ROTATIONS = 300
SAMPLES = 1000
CLASSES = 8  # bytes of a 64-bit number
MOST_COUNTED = 255
CLASS_SAMPLES = 4000
# Every so many-th sample judges a rotation first, at every other place; so many rotations are judged by all samples, at all places.
FEW, LIKELY = 3, 64
TICK = 8  # rotations between two reports
# Shifts are tried this many voxels apart.
STRIDE = 2
# At least so far from the target's middle, as a share of its half-width: middles of partial views lie apart.
LEAST_REACH = 0.4
MOST_SHIFTS = 2500
THINNEST = 0.25
LOOKED_UP = 1 << 16  # voxels at once: their numbers stay in the cache
# With less of the object in view, chance alone agrees well.
LEAST_OVERLAP = 0.5
# Values up to here are air: `prepare` gives the object 0.06 and more.
AIR = 0.06
# Below this largest turn the spread rotations leave gaps; each axis is then tried by this part of it, both ways.
NARROW_DEG, PART_OF_BOUND = 60.0, 0.6
# Two trials count as one below this turn (Frobenius norm of the difference of the matrices) and this many voxels.
SAME_TURN, SAME_SHIFT = 0.05, 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One pose tried.

    Parameters
    ----------
    score : float
        Mutual information in nats, times the root of the overlap.
    pose : (4, 4) float array
        Source frame -> target frame.
    """

    score: float
    pose: FloatArray


def search(source: Level, target: Level, *, keep: int, seed: int, progress: Progress, within: Bounds | None = None) -> list[Trial]:
    """The best distinct poses of a level in another, best first.

    Parameters
    ----------
    source, target : Level
        Coarsest levels of like spacing.
    keep : int
        Most poses that are given back.
    seed : int
        Of the samples.
    progress : Progress
        Told after every few rotations.
    within : Bounds, optional
        Only rotations and places within them are tried, about the pose in their middle.
    """
    target = _thickened(target)
    samples = Samples.draw(source, SAMPLES, seed=seed)
    crisp = np.searchsorted(_class_edges(source, seed), samples.values)
    middle, shifts = target.moments()[0], _shifts(samples, target)
    rotations = np.concatenate([cube_rotations(), spread_rotations(ROTATIONS)])
    if within is not None:
        rotations = _rotations_within(within, rotations)
        shifts = _shifts_within(within, shifts, target, samples.centroid)
    labels = _Labels(target, shifts, _class_edges(target, seed))
    half = _every_other(shifts)
    # A part of the samples, spread as evenly as all, tells which rotations are worth all of them.
    few = _Crowd(samples.points[:, ::FEW], crisp[::FEW])
    rough = np.empty(len(rotations), np.float32)
    for number, rotation in enumerate(rotations):
        if number % TICK == 0:
            progress("searching all orientations", 0.6 * number / len(rotations))
        rough[number] = labels.scores(few, rotation, middle, half).max()
    likely = np.sort(np.argsort(-rough, kind="stable")[:LIKELY])
    crowd, scores = _Crowd(samples.points, crisp), np.empty((len(likely), len(shifts)), np.float32)
    for number, rotation in enumerate(rotations[likely]):
        if number % TICK == 0:
            progress("searching all orientations", 0.6 + 0.4 * number / len(likely))
        scores[number] = labels.scores(crowd, rotation, middle, slice(None))
    places = middle + shifts @ target.steps.T
    return _distinct(scores, rotations[likely], places, samples.centroid, keep=keep, spacing=target.spacing)


class _Crowd:
    """Samples in the order of their classes, so that those of one class are counted in one go.

    Parameters
    ----------
    points : (3, n) float array, mm
    crisp : (n,) int array
        Classes.
    """

    def __init__(self, points: NDArray[np.float32], crisp: NDArray[np.intp]) -> None:
        order = np.argsort(crisp, kind="stable")
        self.points = points[:, order].astype(np.float64)
        ends = np.searchsorted(crisp[order], np.arange(CLASSES + 1))
        # Counters of 8 bits hold no more than 255.
        starts = [np.arange(first, last, MOST_COUNTED) for first, last in pairwise(ends.tolist())]
        self.starts = np.concatenate(starts)
        self.classes = np.repeat(np.arange(CLASSES), [len(part) for part in starts])
        number = np.arange(1, len(crisp) + 1)
        self.table = np.concatenate([[0.0], number * np.log(number)]).astype(np.float32)  # c log c


class _Labels:
    """A target as classes of intensity, in a margin of 'outside', and the shifts to be tried in it.

    Every voxel holds a 64-bit number with a one in the byte of its class, so that adding up the numbers of some voxels counts their
    classes, eight counters at a time; what lies outside is nought.

    Parameters
    ----------
    target : Level
    shifts : (n, 3) int array
        Voxels.
    edges : (CLASSES - 1,) float array
        Values between the classes.
    """

    def __init__(self, target: Level, shifts: NDArray[np.intp], edges: FloatArray) -> None:
        self._origin, self._to_voxels = target.origin, np.linalg.inv(target.steps)
        self._reach = np.abs(shifts).max(axis=0)[:, None] + 1
        # A sample lies at most this far out before it is shifted; further out it is outside at every shift.
        self._margin = 2 * self._reach
        words = np.left_shift(np.uint64(1), (8 * np.searchsorted(edges, target.values)).astype(np.uint64))
        if target.seen is not None:
            words[~target.seen] = 0
        padded = np.pad(words, np.repeat(self._margin, 2, axis=1))
        self._flat = padded.ravel(order="F")
        self._strides = np.array([1, padded.shape[0], padded.shape[0] * padded.shape[1]])
        self._shape = np.array(target.values.shape)
        self._steps = shifts @ self._strides

    def scores(self, crowd: _Crowd, rotation: FloatArray, middle: FloatArray, which: NDArray[np.intp] | slice) -> NDArray[np.float32]:
        """Score of some of the shifts of samples, turned about their centroid, which lies at ``middle`` (3,) before."""
        turned = np.einsum("ab,bn->an", self._to_voxels @ rotation, crowd.points)  # not by BLAS, whose sums may depend on threads
        voxel = np.rint(turned + (self._to_voxels @ (middle - self._origin))[:, None]).astype(np.intp)
        voxel = np.clip(voxel, -self._reach, self._shape[:, None] + self._reach - 1) + self._margin
        base = self._strides @ voxel
        found = []
        at_once, steps = max(1, LOOKED_UP // len(base)), self._steps[which]
        for first in range(0, len(steps), at_once):
            words = self._flat.take(base + steps[first : first + at_once, None])
            counts = np.add.reduceat(words, crowd.starts, axis=1).view(np.uint8).reshape(-1, len(crowd.starts), CLASSES)
            joint = np.zeros((len(counts), CLASSES, CLASSES), np.intp)
            for number, of_class in enumerate(crowd.classes):
                joint[:, of_class] += counts[:, number]
            found.append(joint)
        return _information(np.concatenate(found), crowd.table)


def _information(joint: NDArray[np.intp], table: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mutual information times the root of the overlap, of joint counts (n, a, b); -1 where too little overlaps.

    Of counts c that add up to h, the entropy is log h less the sum of c log c over h; ``table`` holds c log c of all that can be.
    """
    hits = joint.sum(axis=(1, 2))
    both = table.take(joint).sum(axis=(1, 2))
    each = table.take(joint.sum(axis=2)).sum(axis=1) + table.take(joint.sum(axis=1)).sum(axis=1)
    some = np.maximum(hits, 1)
    information = (both - each) / some + np.log(some)
    overlap = hits / (len(table) - 1)
    return np.where(overlap >= LEAST_OVERLAP, information * np.sqrt(overlap), -1).astype(np.float32)


def _class_edges(level: Level, seed: int) -> FloatArray:
    """(CLASSES - 1,) values between the classes: air, and the object's values in equally large parts."""
    values = Samples.draw(level, CLASS_SAMPLES, seed=seed).values
    values = values[values > AIR]
    if not values.size:
        return np.linspace(AIR, 1, CLASSES - 1)
    return np.concatenate([[AIR], np.quantile(values, np.linspace(0, 1, CLASSES)[1:-1])])


def _shifts(samples: Samples, target: Level) -> NDArray[np.intp]:
    """(n, 3) voxels from the target's middle, on a lattice, at which the source's middle may lie.

    A source as large as the target lies near its middle; a smaller one, a slab or a corner, anywhere in it.
    """
    half = np.sqrt(3 * target.moments()[1])  # of a box with these moments
    source = np.sort(np.abs(samples.points).max(axis=1))[0]
    reach = np.maximum(LEAST_REACH * min(half.max(), 2 * np.median(half)), half - source)  # a needle is not tried beside itself
    stride = STRIDE
    while True:
        strides = np.maximum(1, np.rint(stride * target.spacing / target.edges)).astype(int)
        steps = np.ceil(reach / (strides * target.edges) - 0.5).astype(int)
        if math.prod((2 * steps + 1).tolist()) <= MOST_SHIFTS:
            break
        stride = math.ceil(1.2 * stride)
    lines = [np.arange(-n, n + 1) * each for n, each in zip(steps, strides, strict=True)]
    return np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(-1, 3)


def _thickened(level: Level) -> Level:
    """The same level about its middle, with voxels no thinner than a part of its spacing: a slice is then seen from either side of it."""
    stretch = np.maximum(1.0, THINNEST * level.spacing / level.edges)
    middle = (np.array(level.values.shape) - 1) / 2
    return replace(level, origin=level.origin + level.steps @ (middle - stretch * middle), steps=level.steps * stretch)


def _rotations_within(within: Bounds, rotations: FloatArray) -> FloatArray:
    """The start's rotation turned by those of ``rotations`` that bounds allow; where they are narrow, by a part of them about each axis."""
    allowed = [turn for turn in rotations if np.degrees(to_axis_angle(turn)[1]) <= within.turn_deg]
    if within.turn_deg < NARROW_DEG:
        angle = np.radians(within.turn_deg) * PART_OF_BOUND
        allowed = [np.eye(3), *(from_axis_angle(sign * axis, angle) for axis in np.eye(3) for sign in (-1, 1))]
    return np.asarray(np.array(allowed) @ within.start[:3, :3])


def _shifts_within(within: Bounds, shifts: NDArray[np.intp], target: Level, centroid: FloatArray) -> NDArray[np.intp]:
    """Of shifts from the target's middle, those that lead near enough to where the start puts the source's; the nearest at least."""
    start = within.start[:3, :3] @ centroid + within.start[:3, 3]
    away = np.linalg.norm(target.moments()[0] + shifts @ target.steps.T - start, axis=1)
    return np.asarray(shifts[away <= max(within.shift_mm + STRIDE * target.spacing, float(away.min()))])


def _every_other(shifts: NDArray[np.intp]) -> NDArray[np.intp]:
    """Which places of a lattice are half of them, like the black fields of a board: the nearest of them is hardly farther away."""
    stride = np.array([min(np.abs(line[line != 0]), default=1) for line in shifts.T])
    half = np.flatnonzero((shifts // stride).sum(axis=1) % 2 == 0)
    return half if half.size else np.arange(len(shifts))


def _distinct(
    scores: NDArray[np.float32], rotations: FloatArray, places: FloatArray, centroid: FloatArray, *, keep: int, spacing: float
) -> list[Trial]:
    """The best trials that are not neighbours of better ones."""
    flat = scores.ravel()
    kept: list[tuple[FloatArray, FloatArray]] = []
    trials: list[Trial] = []
    for index in np.argsort(-flat, kind="stable")[: 8 * keep]:
        rotation, place = rotations[index // len(places)], places[index % len(places)]
        near = (np.linalg.norm(rotation - r) < SAME_TURN and np.linalg.norm(place - p) < SAME_SHIFT * spacing for r, p in kept)
        if flat[index] < 0 or any(near):
            continue
        kept.append((rotation, place))
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = rotation, place - rotation @ centroid
        trials.append(Trial(float(flat[index]), pose))
        if len(trials) == keep:
            break
    return trials
