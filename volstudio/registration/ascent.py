"""Climbing a likeness over the rigid poses: BFGS on the group of rotations and shifts.

A step is six numbers in mm, three of turn (times the samples' radius) and three of shift, applied on the left of the present pose; the
inverse Hessian of BFGS is kept in that moving frame as if it were flat, which it is to second order over steps this short (Absil, Mahony &
Sepulchre, "Optimization algorithms on matrix manifolds", 2008, ch. 8; Nocedal & Wright, "Numerical optimization", 2006, ch. 6).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from volstudio.geometry.rotation import from_axis_angle

if TYPE_CHECKING:
    from collections.abc import Callable

    from volstudio.geometry.affine import FloatArray
    from volstudio.registration.comparison import Comparison

__all__ = ["Summit", "climb"]

# Armijo's share of the promised gain that a step must bring, and by how much a step that fails it shrinks.
SUFFICIENT = 1e-4
SHRINK = 0.4
MOST_HALVINGS = 6
# Longest step, in first steps; an inverse Hessian of few steps may promise the moon.
LONGEST = 4.0
FLAT = 1e-12


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


def climb(
    comparison: Comparison,
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
    comparison : Comparison
    pose : (4, 4) float array
        Rigid, source frame -> target frame.
    step_mm : float
        Length of the first step.
    tolerance_mm : float
        A step shorter than this ends the climb.
    iterations : int
    report : callable
        Called after every step; what it raises ends the climb.
    """
    centroid, radius = comparison.samples.centroid, max(comparison.samples.radius, FLAT)
    place = _look(comparison, radius, pose[:3, :3], pose[:3, :3] @ centroid + pose[:3, 3])
    summit = _summit(place, centroid, steps=0)
    inverse: FloatArray | None = None
    for number in range(1, iterations + 1):
        if not np.isfinite(place.value) or np.linalg.norm(place.slope) < FLAT:
            break
        move = _direction(place.slope, inverse, step_mm)
        found = _line_search(comparison, radius, place, move)
        if found is None:  # no gain along it: forget the Hessian, and try a shorter step straight uphill
            if step_mm < tolerance_mm:
                return replace(summit, converged=True)
            inverse, step_mm = None, step_mm * SHRINK**2
            continue
        there, move = found
        inverse = _bfgs(inverse, move, place.slope - there.slope)
        place = there
        summit = _summit(place, centroid, steps=number)
        report(summit)
        if np.linalg.norm(move) < tolerance_mm:
            return replace(summit, converged=True)
    return summit


def _look(comparison: Comparison, radius: float, rotation: FloatArray, position: FloatArray) -> _Place:
    """Likeness and slope at a pose."""
    here = comparison.at(rotation, position)
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


def _line_search(comparison: Comparison, radius: float, place: _Place, move: FloatArray) -> tuple[_Place, FloatArray] | None:
    """The first place along a move, ever shorter, that gains enough; None where none does."""
    for _ in range(MOST_HALVINGS):
        there = _look(comparison, radius, _turn(move[:3] / radius) @ place.rotation, place.position + move[3:])
        if there.value > place.value + SUFFICIENT * (place.slope @ move):
            return there, move
        move = move * SHRINK
    return None


def _bfgs(inverse: FloatArray | None, move: FloatArray, change: FloatArray) -> FloatArray | None:
    """Inverse Hessian of the negative likeness, after a move that changed its slope by so much (Nocedal & Wright, eq. 6.17 and 6.20)."""
    curvature = float(move @ change)
    if curvature <= FLAT:
        return inverse
    if inverse is None:
        inverse = np.eye(6) * (curvature / float(change @ change))
    keep = np.eye(6) - np.outer(move, change) / curvature
    return np.asarray(keep @ inverse @ keep.T + np.outer(move, move) / curvature)


def _turn(vector: FloatArray) -> FloatArray:
    """Rotation by a vector's length, in radians, about its direction."""
    angle = float(np.linalg.norm(vector))
    return from_axis_angle(vector, angle) if angle > FLAT else np.eye(3)


def _summit(place: _Place, centroid: FloatArray, *, steps: int) -> Summit:
    """A place as others know it."""
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = place.rotation, place.position - place.rotation @ centroid
    return Summit(pose, place.value, place.overlap, steps)
