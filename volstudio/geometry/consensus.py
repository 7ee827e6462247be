"""Poses of several scans from maps between pairs of them: every pair has its say, and pairs that contradict the others lose it.

With more maps than scans the maps do not close: going from a to b and on to c ends somewhat beside the direct way. The poses are those that
spread these gaps as evenly as least squares does, over pairs weighted by how well they agree with the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from volstudio.errors import GeometryError
from volstudio.geometry import rotation as rot
from volstudio.geometry.rigid import ORIGIN, RigidTransform, compose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

    from volstudio.geometry.affine import FloatArray

    Pair = tuple[int, int]
    Maps = Mapping[Pair, RigidTransform]

__all__ = ["Consensus", "consensus"]

ROUNDS = 60
CONVERGED = 1e-10  # change of the weights
TURN_STEPS = 20
PER_DEVIATION = 1.4826  # standard deviation of a normal distribution over its median deviation


@dataclass(frozen=True, slots=True, eq=False)
class Consensus:
    """Poses that agree with maps between pairs as well as they can.

    Parameters
    ----------
    poses : tuple of RigidTransform
        A common space -> each scan's space. The common space is that of the first scan.
    gaps_mm : mapping of (i, j) to float
        How far the map of each pair is from what the poses say: root mean square over a ball about the scan's centre.
    weights : mapping of (i, j) to float
        What each pair counted for in the end, 0 to 1.
    """

    poses: tuple[RigidTransform, ...]
    gaps_mm: Mapping[Pair, float]
    weights: Mapping[Pair, float]


def consensus(maps: Maps, centres: ArrayLike, *, radius_mm: float, floor_mm: float, prior: Mapping[Pair, float] | None = None) -> Consensus:
    """Poses of n scans from maps between pairs of them.

    Parameters
    ----------
    maps : mapping of (i, j) to RigidTransform
        Scan i's space -> scan j's space; together they join all scans.
    centres : (n, 3) array_like, mm
        The middle of the object in each scan's space.
    radius_mm : float
        Of the ball about the centres over which maps are compared.
    floor_mm : float
        Gaps below this are taken for the noise of good maps.
    prior : mapping of (i, j) to float, optional
        How far each pair is believed before the others are heard, above 0, 1 at most; None: all alike.

    Raises
    ------
    GeometryError
        The maps do not join all scans.

    Notes
    -----
    Iteratively reweighted least squares with Geman and McClure's weights ``1 / (1 + (gap / s)^2)^2``, s from the median gap; turns by steps
    of the logarithm on the graph of pairs (Chatterjee & Govindu, "Efficient and robust large-scale rotation averaging", ICCV 2013), then
    shifts. It begins with weights from the smallest gap of any triangle that a pair belongs to: a wrong map closes none.
    """
    middles = np.asarray(centres, dtype=np.float64)
    shifts = [RigidTransform(np.eye(3), middle) for middle in middles]
    centred = {(i, j): compose(shifts[j].inverse(), each, shifts[i]) for (i, j), each in maps.items()}
    pairs = sorted(centred)
    believed = np.array([1.0 if prior is None else prior[pair] for pair in pairs])
    joined = _Graph(len(middles), tuple(pairs), centred)
    weights = believed * _weights(joined.triangle_gaps(radius_mm), floor_mm)
    poses = joined.along_tree(weights)
    for _ in range(ROUNDS):
        poses = joined.settled(poses, weights)
        gaps = joined.gaps(poses, radius_mm)
        before, weights = weights, believed * _weights(gaps, floor_mm)
        if np.abs(weights - before).max() < CONVERGED:
            break
    first = poses[0].inverse()
    found = tuple(compose(shift, pose, first, shifts[0].inverse()) for shift, pose in zip(shifts, poses, strict=True))
    return Consensus(found, dict(zip(pairs, gaps.tolist(), strict=True)), dict(zip(pairs, weights.tolist(), strict=True)))


@dataclass(frozen=True, slots=True)
class _Graph:
    """Scans, each in a frame about its own centre, and the maps between pairs of them."""

    count: int
    pairs: tuple[Pair, ...]
    maps: Maps

    def map(self, i: int, j: int) -> RigidTransform | None:
        """The map from i to j, whichever way it is known."""
        if (i, j) in self.maps:
            return self.maps[i, j]
        return self.maps[j, i].inverse() if (j, i) in self.maps else None

    def triangle_gaps(self, radius: float) -> FloatArray:
        """For each pair the smallest gap, mm, of the way over any third scan; 0 where there is none."""
        smallest = np.zeros(len(self.pairs))
        for number, (i, j) in enumerate(self.pairs):
            found = []
            for k in range(self.count):
                there, on = self.map(i, k), self.map(k, j)
                if there is not None and on is not None:
                    found.append(_apart(compose(on, there), self.maps[i, j], radius))
            smallest[number] = min(found, default=0.0)
        return smallest

    def along_tree(self, weights: FloatArray) -> list[RigidTransform]:
        """First poses: from the first scan along the best pairs to all others."""
        poses = {0: RigidTransform.identity()}
        best_first = [self.pairs[number] for number in np.argsort(-weights, kind="stable")]
        while len(poses) < self.count:
            step = next(((i, j) for i, j in best_first if (i in poses) != (j in poses)), None)
            if step is None:
                raise GeometryError("The maps between the scans do not join all of them.")
            near, far = step if step[0] in poses else step[::-1]
            onward = self.map(near, far)
            assert onward is not None  # noqa: S101 - the pair is one of the maps
            poses[far] = compose(onward, poses[near])
        return [poses[number] for number in range(self.count)]

    def settled(self, poses: list[RigidTransform], weights: FloatArray) -> list[RigidTransform]:
        """Poses of weighted least squares: first the turns, then with these the shifts."""
        steps_of_gaps = self._steps_of_gaps(weights)
        turns = [pose.rotation for pose in poses]
        for _ in range(TURN_STEPS):
            open_turns = [_vector(turns[j].T @ self.maps[i, j].rotation @ turns[i]) for i, j in self.pairs]
            steps = steps_of_gaps @ np.array(open_turns)
            turns = [_turned(turn, step) for turn, step in zip(turns, steps, strict=True)]
            if np.abs(steps).max() < CONVERGED:
                break
        places = np.array([turn.T @ pose.translation for turn, pose in zip(turns, poses, strict=True)])
        for _ in range(TURN_STEPS):
            ends = [turn @ place for turn, place in zip(turns, places, strict=True)]
            open_shifts = [turns[j].T @ (self.maps[i, j].apply(ends[i]) - ends[j]) for i, j in self.pairs]
            steps = steps_of_gaps @ np.array(open_shifts)
            places = places + steps
            if np.abs(steps).max() < CONVERGED:
                break
        return [RigidTransform(turn, turn @ place) for turn, place in zip(turns, places, strict=True)]

    def gaps(self, poses: list[RigidTransform], radius: float) -> FloatArray:
        """For each pair how far its map is from what the poses say, mm."""
        return np.array([_apart(compose(poses[j], poses[i].inverse()), self.maps[i, j], radius) for i, j in self.pairs])

    def _steps_of_gaps(self, weights: FloatArray) -> FloatArray:
        """(scans, pairs) matrix: the steps of all scans, nothing on average, that close the gaps of the pairs best."""
        incidence = np.zeros((len(self.pairs), self.count))
        for number, (i, j) in enumerate(self.pairs):
            incidence[number, i], incidence[number, j] = -1.0, 1.0
        laplacian = incidence.T @ (weights[:, None] * incidence)
        return np.asarray(np.linalg.pinv(laplacian, hermitian=True) @ incidence.T * weights)


def _weights(gaps: FloatArray, floor: float) -> FloatArray:
    """Geman and McClure's weights, by the median gap."""
    width = max(floor, 2 * PER_DEVIATION * float(np.median(gaps)))
    return np.asarray(1 / (1 + (gaps / width) ** 2) ** 2)


def _apart(a: RigidTransform, b: RigidTransform, radius: float) -> float:
    """Root mean square distance of two maps over a ball about the origin, mm."""
    return float(np.sqrt(radius**2 / 5 * ((a.rotation - b.rotation) ** 2).sum() + ((a.apply(ORIGIN) - b.apply(ORIGIN)) ** 2).sum()))


def _vector(rotation: FloatArray) -> FloatArray:
    """(3,) axis times angle."""
    axis, angle = rot.to_axis_angle(rotation)
    return axis * angle


def _turned(rotation: FloatArray, step: FloatArray) -> FloatArray:
    """A rotation after a small turn in its source space, given as axis times angle."""
    angle = float(np.linalg.norm(step))
    return rot.nearest(rotation @ rot.from_axis_angle(step, angle)) if angle > 0 else rotation
