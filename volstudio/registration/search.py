"""Where to start: every orientation and many places tried at the coarsest level, and the best of them kept.

Each trial is the mutual information of a thousand samples at whole-voxel places: for one rotation, the joint histograms of all shifts come
out of a single count, because shifting by whole voxels is adding a number to an index. So some hundred thousand poses take a fraction of a
second, without Fourier transforms and without a guess that could be wrong. Lengths are counted in voxels of the coarsest level, a 24th of
the object's width: a mouse's brain and a whole body are searched alike.

Source: hybrid global and local search (Jenkinson & Smith, Med. Image Anal. 5, 2001).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from volstudio.registration.field import Samples
from volstudio.registration.orientations import cube_rotations, spread_rotations

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from volstudio.geometry.affine import FloatArray
    from volstudio.progress import Progress
    from volstudio.registration.prepare import Level

__all__ = ["Trial", "search"]

# 300 rotations lie about 35 degrees apart, so that some start is within 20 of any pose: MI at this level draws in from 30.
ROTATIONS = 300
SAMPLES = 1000
CLASSES = 8
# Shifts are tried this many voxels apart.
STRIDE = 2
# At least so far from the target's middle, as a share of its half-width: middles of partial views lie apart.
LEAST_REACH = 0.4
MOST_SHIFTS = 2500
SHIFTS_AT_ONCE = 125
# With less of the object in view, chance alone agrees well.
LEAST_OVERLAP = 0.5
# Values up to here are air: `prepare` gives the object 0.06 and more.
AIR = 0.06
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


def search(source: Level, target: Level, *, keep: int, seed: int, progress: Progress) -> list[Trial]:
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
    """
    samples = Samples.draw(source, SAMPLES, seed=seed)
    labels = _Labels(target, _shifts(samples, target))
    crisp = np.searchsorted(_class_edges(source), samples.values)
    middle = target.moments()[0]
    rotations = np.concatenate([cube_rotations(), spread_rotations(ROTATIONS)])
    scores = np.empty((len(rotations), len(labels.shifts)), np.float32)
    for number, rotation in enumerate(rotations):
        if number % 8 == 0:
            progress("searching all orientations", number / len(rotations))
        scores[number] = labels.scores(crisp, rotation @ samples.points + middle[:, None])
    return _distinct(scores, rotations, middle + labels.shifts * target.spacing, samples.centroid, keep=keep, spacing=target.spacing)


class _Labels:
    """A target as classes of intensity, in a margin of 'outside', and the shifts to be tried in it.

    Parameters
    ----------
    target : Level
    shifts : (n, 3) int array
        Voxels.
    """

    def __init__(self, target: Level, shifts: NDArray[np.intp]) -> None:
        self.shifts = shifts
        self._origin, self._spacing = target.origin, target.spacing
        self._reach = int(np.abs(shifts).max()) + 1
        # A sample lies at most this far out before it is shifted; further out it is outside at every shift.
        margin = 2 * self._reach
        classes = np.searchsorted(_class_edges(target), target.values.ravel(order="F")).astype(np.uint8)
        classes = classes.reshape(target.values.shape, order="F")
        if target.seen is not None:
            classes[~target.seen] = CLASSES
        padded = np.pad(classes, margin, constant_values=CLASSES)
        self._flat = padded.ravel(order="F")
        self._strides = np.array([1, padded.shape[0], padded.shape[0] * padded.shape[1]])
        self._shape = np.array(target.values.shape)
        self._margin = margin
        self._steps = shifts @ self._strides

    def scores(self, crisp: NDArray[np.intp], places: FloatArray) -> NDArray[np.float32]:
        """Score of every shift of samples with classes (n,) at frame positions (3, n)."""
        voxel = np.rint((places - self._origin[:, None]) / self._spacing).astype(np.intp)
        voxel = np.clip(voxel, -self._reach, self._shape[:, None] + self._reach - 1) + self._margin
        base = self._strides @ voxel
        cells = CLASSES * (CLASSES + 1)
        found = []
        for first in range(0, len(self._steps), SHIFTS_AT_ONCE):
            steps = self._steps[first : first + SHIFTS_AT_ONCE]
            cell = self._flat.take(base + steps[:, None]) + crisp * (CLASSES + 1)
            cell += (np.arange(len(steps)) * cells)[:, None]
            joint = np.bincount(cell.ravel(), minlength=len(steps) * cells)
            found.append(_information(joint.reshape(-1, CLASSES, CLASSES + 1)[:, :, :CLASSES], len(crisp)))
        return np.concatenate(found)


def _information(counts: NDArray[np.intp], total: int) -> NDArray[np.float32]:
    """Mutual information times the root of the overlap, of joint counts (n, a, b); -1 where too little overlaps."""
    joint = counts.astype(np.float32)
    hits = joint.sum(axis=(1, 2))
    joint /= np.maximum(hits, 1)[:, None, None]
    information = _entropy(joint.sum(axis=2), (1,)) + _entropy(joint.sum(axis=1), (1,)) - _entropy(joint, (1, 2))
    overlap = hits / total
    return np.where(overlap >= LEAST_OVERLAP, information * np.sqrt(overlap), -1).astype(np.float32)


def _entropy(share: NDArray[np.float32], axes: tuple[int, ...]) -> NDArray[np.float32]:
    """Entropy in nats along axes."""
    return np.asarray(-(share * np.log(share + np.float32(1e-9))).sum(axis=axes))


def _class_edges(level: Level) -> FloatArray:
    """(CLASSES - 1,) values between the classes: air, and the object's values in equally large parts."""
    values = level.values.ravel(order="K")[level.near.ravel(order="K")]
    values = values[values > AIR]
    if not values.size:
        return np.linspace(AIR, 1, CLASSES - 1)
    return np.concatenate([[AIR], np.quantile(values, np.linspace(0, 1, CLASSES)[1:-1])])


def _shifts(samples: Samples, target: Level) -> NDArray[np.intp]:
    """(n, 3) voxels from the target's middle, on a lattice, at which the source's middle may lie.

    A source as large as the target lies near its middle; a smaller one, a slab or a corner, anywhere in it.
    """
    variance = target.moments()[1]
    half = np.sqrt(3 * variance)  # of a box with these moments
    source = np.sort(np.abs(samples.points).max(axis=1))[0]
    reach = np.maximum(LEAST_REACH * half.max(), half - source)
    stride = STRIDE
    while True:
        steps = np.ceil(reach / (stride * target.spacing) - 0.5).astype(int)
        lines = [np.arange(-n, n + 1) * stride for n in steps]
        lattice = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(-1, 3)
        if len(lattice) <= MOST_SHIFTS:
            return lattice
        stride += 1


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
