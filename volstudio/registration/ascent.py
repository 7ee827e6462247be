"""Climbing a likeness over the rigid poses: BFGS on the group of rotations and shifts.

A step is six numbers in mm, three of turn (times the samples' radius) and three of shift, applied on the left of the present pose; the
inverse Hessian of BFGS is kept in that moving frame as if it were flat, which it is to second order over steps this short (Absil, Mahony &
Sepulchre, "Optimization algorithms on matrix manifolds", 2008, ch. 8; Nocedal & Wright, "Numerical optimization", 2006, ch. 6).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from volstudio.geometry.rotation import proper, to_axis_angle

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from volstudio.geometry.affine import FloatArray
    from volstudio.registration.bounds import Bounds
    from volstudio.registration.comparison import Likeness
    from volstudio.registration.field import Samples

__all__ = ["Compared", "Pace", "Summit", "climb", "climb_each", "turn"]

# Armijo's share of the promised gain that a step must bring, and by how much a step that fails it shrinks.
SUFFICIENT = 1e-4
SHRINK = 0.4
MOST_HALVINGS = 6
# Longest step, in first steps; an inverse Hessian of few steps may promise the moon.
LONGEST = 4.0
FLAT = 1e-12


class Compared(Protocol):
    """What can be climbed: samples, and the likeness where their centroid lies at a position, turned; see `Comparison.at_each`."""

    samples: Samples

    def at_each(self, rotations: FloatArray, positions: FloatArray, *, slope: bool = True) -> list[Likeness]:
        """Likeness at several poses."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Summit:
    """Where a climb is, or ended.

    Parameters
    ----------
    pose : (4, 4) float array
        Source frame -> target frame.
    value : float
        Likeness there.
    overlap : float
        Share of the samples in view.
    steps : int
        Taken so far.
    converged : bool
        Whether the last step was shorter than the tolerance.
    """

    pose: FloatArray
    value: float
    overlap: float
    steps: int = 0
    converged: bool = False


@dataclass(frozen=True, slots=True)
class _Place:
    """A pose as it is climbed, and the likeness and slope (6,) there, per mm."""

    rotation: FloatArray
    position: FloatArray
    value: float
    overlap: float
    slope: FloatArray


@dataclass(frozen=True, slots=True)
class Pace:
    """How a climb goes.

    Parameters
    ----------
    step_mm : float
        Length of the first step.
    tolerance_mm : float
        A step shorter than this ends the climb.
    iterations : int
    within : Bounds or None
        No step leaves them: one that would is cut short where it meets them, so that a climb goes on along their edge.
    """

    step_mm: float
    tolerance_mm: float
    iterations: int
    within: Bounds | None = None


def climb(
    comparison: Compared,
    pose: FloatArray,
    *,
    step_mm: float,
    tolerance_mm: float,
    iterations: int,
    report: Callable[[Summit], None] = lambda _: None,
) -> Summit:
    """The nearest summit uphill of a pose.

    Parameters
    ----------
    comparison : Comparison or its like
    pose : (4, 4) float array
        Rigid, source frame -> target frame.
    step_mm, tolerance_mm, iterations
        As of `Pace`.
    report : callable
        Called after every step; what it raises ends the climb.
    """
    (summit,) = climb_each(comparison, [pose], Pace(step_mm, tolerance_mm, iterations), report=lambda _, summit: report(summit))
    return summit


def climb_each(
    comparison: Compared,
    poses: Sequence[FloatArray],
    pace: Pace,
    *,
    report: Callable[[int, Summit], None] = lambda *_: None,
    hopeless: Callable[[list[Summit]], Sequence[bool]] | None = None,
    inverse: FloatArray | None = None,
) -> list[Summit]:
    """The nearest summit uphill of each pose.

    The climbs go abreast, and the places that they ask for are looked at together: with few samples, numpy spends its time on being called.

    Parameters
    ----------
    comparison : Comparison or its like
    poses : sequence of (4, 4) float array
    pace : Pace
    report : callable
        Called with the number of the pose after every step.
    hopeless : callable, optional
        Says of the summits so far, one per pose, which climbs need not go on: they end where they are.
    inverse : (6, 6) float array, optional
        Inverse Hessian of the negative likeness to begin with, in mm of turn and of shift; None: the first step goes straight uphill.
    """
    centroid, radius = comparison.samples.centroid, max(comparison.samples.radius, FLAT)

    here: dict[int, Summit] = {}

    def teller(number: int) -> Callable[[Summit], None]:
        def tell(summit: Summit) -> None:
            here[number] = summit
            report(number, summit)

        return tell

    climbs = {number: _climbing(centroid, radius, pose, pace, teller(number), inverse=inverse) for number, pose in enumerate(poses)}
    asked = {number: next(each) for number, each in climbs.items()}
    while asked:
        rotations, positions = (np.stack(each) for each in zip(*asked.values(), strict=True))
        told = comparison.at_each(rotations, positions)
        for number, likeness in zip(tuple(asked), told, strict=True):
            try:
                asked[number] = climbs[number].send(likeness)
            except StopIteration as end:
                here[number] = end.value
                del asked[number]
        if hopeless is not None and asked and len(here) == len(climbs):
            for number, drop in enumerate(hopeless([here[n] for n in climbs])):
                if drop:
                    asked.pop(number, None)
    return [here[number] for number in climbs]


def _climbing(
    centroid: FloatArray,
    radius: float,
    pose: FloatArray,
    pace: Pace,
    report: Callable[[Summit], None],
    *,
    inverse: FloatArray | None,
) -> Generator[tuple[FloatArray, FloatArray], Likeness, Summit]:
    """One climb: asks for the likeness at a rotation and a position of the centroid, is sent it, and so on to the summit."""
    place = yield from _look(radius, pose[:3, :3], pose[:3, :3] @ centroid + pose[:3, 3])
    summit = _summit(place, centroid, steps=0)
    step_mm = pace.step_mm
    for number in range(1, pace.iterations + 1):
        if not np.isfinite(place.value) or np.linalg.norm(place.slope) < FLAT:
            break
        move = _direction(place.slope, inverse, step_mm)
        found = yield from _line_search(centroid, radius, place, move, pace.within)
        if found is None:  # no gain along it: forget the Hessian, and try a shorter step straight uphill
            if step_mm < pace.tolerance_mm:
                return replace(summit, converged=True)
            inverse, step_mm = None, step_mm * SHRINK**2
            continue
        there, move = found
        inverse = _bfgs(inverse, move, place.slope - there.slope)
        place = there
        summit = _summit(place, centroid, steps=number)
        report(summit)
        if np.linalg.norm(move) < pace.tolerance_mm:
            return replace(summit, converged=True)
    return summit


def _look(radius: float, rotation: FloatArray, position: FloatArray) -> Generator[tuple[FloatArray, FloatArray], Likeness, _Place]:
    """Likeness and slope at a pose."""
    here = yield rotation, position
    return _Place(rotation, position, here.value, here.overlap, np.concatenate([here.torque / radius, here.force]))


def _direction(slope: FloatArray, inverse: FloatArray | None, step_mm: float) -> FloatArray:
    """Where to try next: BFGS's step, kept short, or the first step straight uphill."""
    steepest: FloatArray = slope * (step_mm / np.linalg.norm(slope))
    if inverse is None:
        return steepest
    move: FloatArray = inverse @ slope
    if move @ slope <= 0:
        return steepest
    return move * min(1.0, LONGEST * step_mm / float(np.linalg.norm(move)))


def _line_search(
    centroid: FloatArray, radius: float, place: _Place, move: FloatArray, within: Bounds | None
) -> Generator[tuple[FloatArray, FloatArray], Likeness, tuple[_Place, FloatArray] | None]:
    """The first place along a move, ever shorter, that gains enough, and the move to it; None where none does."""
    for _ in range(MOST_HALVINGS):
        rotation, position, done = turn(move[:3] / radius) @ place.rotation, place.position + move[3:], move
        if within is not None:
            rotation, position = _kept(within, rotation, position, centroid)
            axis, angle = to_axis_angle(proper(rotation @ place.rotation.T))
            done = np.concatenate([axis * angle * radius, position - place.position])
        there = yield from _look(radius, rotation, position)
        if there.value > place.value + SUFFICIENT * max(float(place.slope @ done), 0.0):
            return there, done
        move = move * SHRINK
    return None


def _kept(within: Bounds, rotation: FloatArray, position: FloatArray, centroid: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Rotation, and position of the centroid, within bounds."""
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation, position - rotation @ centroid
    pose = within.clip(pose)
    return pose[:3, :3], pose[:3, :3] @ centroid + pose[:3, 3]


def _bfgs(inverse: FloatArray | None, move: FloatArray, change: FloatArray) -> FloatArray | None:
    """Inverse Hessian of the negative likeness, after a move that changed its slope by so much (Nocedal & Wright, eq. 6.17 and 6.20)."""
    curvature = float(move @ change)
    if curvature <= FLAT:
        return inverse
    if inverse is None:
        inverse = np.eye(6) * (curvature / float(change @ change))
    keep = np.eye(6) - np.outer(move, change) / curvature
    return np.asarray(keep @ inverse @ keep.T + np.outer(move, move) / curvature)


def turn(vector: FloatArray) -> FloatArray:
    """Rotation by a vector's length, in radians, about its direction (Rodrigues' formula)."""
    x, y, z = vector.tolist()
    angle = math.sqrt(x * x + y * y + z * z)
    if angle < FLAT:
        return np.eye(3)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]]) / angle
    return np.asarray(np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * (cross @ cross))


def _summit(place: _Place, centroid: FloatArray, *, steps: int) -> Summit:
    """A place as others know it."""
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = place.rotation, place.position - place.rotation @ centroid
    return Summit(pose, place.value, place.overlap, steps)
