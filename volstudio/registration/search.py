"""Where to start: every orientation and many places tried at the coarsest level, and the best of them kept.

Each trial is the mutual information of some hundred samples at whole-voxel places, which `volstudio.registration.tally` counts; the best
places of the likely rotations are tried again with three times the samples. So a hundred thousand poses take a twentieth of a second,
without Fourier transforms and without a guess that could be wrong. Lengths are counted in voxels of the coarsest level, a 24th of the
object's width: a mouse's brain and a whole body are searched alike.

Source: hybrid global and local search (Jenkinson & Smith, Med. Image Anal. 5, 2001).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import count, product
from typing import TYPE_CHECKING

import numpy as np

from volstudio.geometry.rotation import from_axis_angle, to_axis_angle
from volstudio.registration.field import Samples
from volstudio.registration.orientations import cube_rotations, spread_rotations
from volstudio.registration.tally import CLASSES, Crowd, Labels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from volstudio.geometry.affine import FloatArray
    from volstudio.progress import Progress
    from volstudio.registration.bounds import Bounds
    from volstudio.registration.prepare import Level

__all__ = ["QUICK", "THOROUGH", "Effort", "Trial", "search"]

SAMPLES = 1000
CLASS_SAMPLES = 4000
PLACES = 64  # of a likely rotation that are judged by all samples
LOOKED_UP = 1 << 14  # voxels at once: their numbers and indices stay in a core's cache
# Shifts are tried this many voxels apart.
STRIDE = 2
# At least so far from the target's middle, as a share of its half-width: middles of partial views lie apart.
LEAST_REACH = 0.4
MOST_SHIFTS = 2500
THINNEST = 0.25
# A place that was tried goes before its neighbours, which are hoped to score as well.
LESS = np.float32(1e-6)
# Values up to here are air: `prepare` gives the object 0.06 and more.
AIR = 0.06
# Below this largest turn the spread rotations leave gaps; each axis is then tried by this part of it, both ways.
NARROW_DEG, PART_OF_BOUND = 60.0, 0.6
# Two trials count as one below this turn (Frobenius norm of the difference of the matrices) and this many voxels.
SAME_TURN, SAME_SHIFT = 0.05, 3.0


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard is searched.

    Parameters
    ----------
    rotations : int
        Spread evenly. One of 300 is within 18 degrees of half of all poses, 27 of 95 %, 34 of any: MI at this level draws in from 30.
    few : int
        Every so many-th sample judges a rotation first, at every other place.
    likely : int
        So many rotations are then judged by all samples, at their best places.
    """

    rotations: int
    few: int
    likely: int


QUICK, THOROUGH = Effort(300, 3, 64), Effort(600, 2, 128)


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


def search(
    source: Level,
    target: Level,
    *,
    keep: int,
    seed: int,
    progress: Progress,
    within: Bounds | None = None,
    effort: Effort = QUICK,
) -> list[Trial]:
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
    effort : Effort
    """
    target = _thickened(target)
    samples = Samples.draw(source, SAMPLES, seed=seed)
    crisp = np.searchsorted(_class_edges(source, seed), samples.values)
    middle, shifts = target.moments()[0], _shifts(samples, target)
    rotations = np.concatenate([cube_rotations(), spread_rotations(effort.rotations)])
    if within is not None:
        rotations = _rotations_within(within, rotations)
        shifts = _shifts_within(within, shifts, target, samples.centroid)
    labels = Labels(target, shifts, _class_edges(target, seed))
    half = _every_other(shifts)

    def judged(crowd: Crowd, turns: FloatArray, which: NDArray[np.intp], part: Progress) -> NDArray[np.float32]:
        """Scores of rotations at shifts; piece by piece, each by itself."""
        begun = count()
        pieces = np.array_split(np.arange(len(turns)), math.ceil(len(turns) * len(crowd.table) / LOOKED_UP))

        def piece(some: NDArray[np.intp]) -> NDArray[np.float32]:
            part("searching all orientations", next(begun) / len(pieces))
            return labels.scores(crowd, turns[some], which[some] if len(which) > 1 else which, middle)

        return np.concatenate([piece(some) for some in pieces])

    # A part of the samples, spread as evenly as all, tells which rotations are worth all of them.
    rough = judged(Crowd(samples.points[:, :: effort.few], crisp[:: effort.few]), rotations, half[None], progress.part(0.0, 0.7))
    likely = np.sort(np.argsort(-rough.max(axis=1), kind="stable")[: effort.likely])
    which = _likely_places(shifts, half, rough[likely])
    scores = judged(Crowd(samples.points, crisp), rotations[likely], which, progress.part(0.7, 1.0))
    places = middle + np.einsum("ab,nb->na", target.steps, shifts)
    return _distinct(scores, rotations[likely], places[which], samples.centroid, keep=keep, spacing=target.spacing)


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
    away = np.linalg.norm(target.moments()[0] + np.einsum("ab,nb->na", target.steps, shifts) - start, axis=1)
    return np.asarray(shifts[away <= max(within.shift_mm + STRIDE * target.spacing, float(away.min()))])


def _every_other(shifts: NDArray[np.intp]) -> NDArray[np.intp]:
    """Which places of a lattice are half of them, like the black fields of a board: the nearest of them is hardly farther away."""
    half = np.flatnonzero((shifts // _strides(shifts)).sum(axis=1) % 2 == 0)
    return half if half.size else np.arange(len(shifts))


def _strides(shifts: NDArray[np.intp]) -> NDArray[np.intp]:
    """(3,) steps of a lattice around nought, voxels."""
    return np.array([min(np.abs(line[line != 0]), default=1) for line in shifts.T])


def _likely_places(shifts: NDArray[np.intp], half: NDArray[np.intp], rough: NDArray[np.float32]) -> NDArray[np.intp]:
    """(m, k) which of the shifts are worth a closer look: those that did well, and their neighbours; all of them where they are few.

    Parameters
    ----------
    shifts : (n, 3) int array
        Of a lattice.
    half : (h,) int array
        Those tried.
    rough : (m, h) float32 array
        Their scores.
    """
    if len(shifts) <= PLACES:
        return np.tile(np.arange(len(shifts)), (len(rough), 1))
    index = shifts // _strides(shifts)
    index = index - index.min(axis=0) + 1  # one free field around all
    lattice = np.full((len(rough), *(index.max(axis=0) + 2)), -1, np.float32)
    lattice[:, *index[half].T] = rough
    hoped = lattice.copy()
    for axis, way in product((1, 2, 3), (1, -1)):
        np.maximum(hoped, np.roll(lattice, way, axis=axis) - LESS, out=hoped)
    return np.sort(np.argsort(-hoped[:, *index.T], axis=1, kind="stable")[:, :PLACES], axis=1)


def _distinct(
    scores: NDArray[np.float32], rotations: FloatArray, places: FloatArray, centroid: FloatArray, *, keep: int, spacing: float
) -> list[Trial]:
    """The best trials that are not neighbours of better ones."""
    flat = scores.ravel()
    best = np.argsort(-flat, kind="stable")[: 8 * keep]
    best = best[flat[best] >= 0]
    turns, places = rotations[best // scores.shape[1]], places.reshape(-1, 3)[best]
    kept: list[int] = []
    for number in range(len(best)):
        like = ((turns[kept] - turns[number]) ** 2).sum(axis=(1, 2)) < SAME_TURN**2
        near = ((places[kept] - places[number]) ** 2).sum(axis=1) < (SAME_SHIFT * spacing) ** 2
        if not (like & near).any():
            kept.append(number)
        if len(kept) == keep:
            break
    poses = np.tile(np.eye(4), (len(kept), 1, 1))
    poses[:, :3, :3], poses[:, :3, 3] = turns[kept], places[kept] - turns[kept] @ centroid
    return [Trial(score, pose) for score, pose in zip(flat[best[kept]].tolist(), poses, strict=True)]
