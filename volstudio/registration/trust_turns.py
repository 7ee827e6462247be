"""Places that an object's outline suits as well: half a turn about each of its principal axes.

The moments of a body are the same after half a turn about any of its principal axes. So an object that is long and nearly the same from
the front and from the back, or at both ends, can be laid on itself in four ways; all of them are summits, and no climb leads from one to
another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from volstudio.geometry.points import moved
from volstudio.registration.ascent import Pace, Summit, climb_each

if TYPE_CHECKING:
    from volstudio.geometry.affine import FloatArray
    from volstudio.registration.comparison import Comparison
    from volstudio.registration.field import Samples

__all__ = ["AIR", "best_of", "half_turns", "score"]

# `prepare` gives the object values above this.
AIR = 0.12
# Places whose middles lie this many coarse voxels apart, or turned by as much, are two.
APART = 3.0
# A climb is given up after some steps if it has come to less than this share of the best fit.
STEPS, HOPELESS = 3, 0.5
# A pose that leaves much of the object out of view is as alike by chance.
FULL_VIEW = 0.8


def half_turns(pose: FloatArray, source: Samples, target: Samples, *, apart_mm: float) -> list[FloatArray]:
    """Poses half a turn from one.

    Parameters
    ----------
    pose : (4, 4) float array
        Source frame -> target frame.
    source, target : Samples
        Of the two objects: the axes of either serve, for the smaller one may be a part of the larger.
    apart_mm : float
        Places nearer to each other than this count once.
    """
    poses = [pose]
    points = _object(source)
    for each in [*(pose @ turn for turn in _turns(points)), *(turn @ pose for turn in _turns(_object(target)))]:
        if all(_distance(each - other, points) > apart_mm for other in poses):
            poses.append(each)
    return poses[1:]


def best_of(comparison: Comparison, pose: FloatArray, others: list[FloatArray], pace: Pace) -> tuple[float, Summit | None]:
    """The best of the summits near other poses, and how good it is over the summit near the first one; 0 and None where all are poor."""

    def poor(summits: list[Summit]) -> list[bool]:
        least = HOPELESS * score(summits[0])
        return [False, *(summit.steps >= STEPS and score(summit) < least for summit in summits[1:])]

    first, *rest = climb_each(comparison, [pose, *others], pace, hopeless=poor)
    best = max(rest, key=score, default=None)
    if best is None or not score(best) >= HOPELESS * score(first):
        return 0.0, None
    return score(best) / max(score(first), 1e-9), best


def score(summit: Summit) -> float:
    """Likeness, less where much of the object is out of view."""
    return float(summit.value * np.sqrt(min(1.0, summit.overlap / FULL_VIEW))) if np.isfinite(summit.value) else -1.0


def _object(samples: Samples) -> FloatArray:
    """(3, n) mm: the samples that lie in the object; all where none does."""
    inside = samples.values > AIR
    points = samples.points[:, inside] if inside.any() else samples.points
    return np.asarray(points + samples.centroid[:, None], np.float64)


def _turns(points: FloatArray) -> list[FloatArray]:
    """(4, 4) half turns about the principal axes of points (3, n), through their middle."""
    middle = points.mean(axis=1)
    spread = points - middle[:, None]
    _, axes = np.linalg.eigh(np.einsum("an,bn->ab", spread, spread))  # not by BLAS, whose sums depend on the number of threads
    turns = []
    for axis in axes.T:
        turn = np.eye(4)
        turn[:3, :3] = 2 * np.outer(axis, axis) - np.eye(3)
        turn[:3, 3] = middle - turn[:3, :3] @ middle
        turns.append(turn)
    return turns


def _distance(difference: FloatArray, points: FloatArray) -> float:
    """Mean distance of two poses over points (3, n), mm, from the difference of their matrices."""
    return float(np.linalg.norm(moved(points, difference[:3, :3], difference[:3, 3]), axis=0).mean())
