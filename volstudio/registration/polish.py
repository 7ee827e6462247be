"""The last steps of a climb: some hundred thousand points, of both volumes, in a few Newton steps.

A climb compares some ten thousand points of one volume, the source, with the other. What that leaves is chance, of noise and of where the
points fell, and a pull: values between the target's voxels are blurred by interpolation, those of the source are not. So the last steps
compare many more points, those of the source in the target and those of the target in the source, and climb the mean of both
likenesses. Noise of a point is that of one voxel only, for the points are the volumes' own voxels; unless these lie alike between the
other volume's voxels, as on two grids of one scanner: the likeness would then change with the distance of the grids, and so the points
are jittered (Pluim, Maintz & Viergever, "Interpolation artefacts in mutual information-based image registration", 2000).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from volstudio.geometry.points import moved
from volstudio.registration.abreast import abreast
from volstudio.registration.ascent import Pace, climb_each, turn
from volstudio.registration.comparison import Comparison, Likeness
from volstudio.registration.field import Field, Samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from volstudio.geometry.affine import FloatArray
    from volstudio.registration.ascent import Summit
    from volstudio.registration.bounds import Bounds
    from volstudio.registration.plan import RegistrationPlan
    from volstudio.registration.prepare import Level

__all__ = ["BothWays", "both_count", "distance", "polished"]

# A stack of fewer is looked up nowhere: on single slices of heads that halves the error.
SLICES = 8
# Fewer points than this give classes of intensity too few entries if there are twice as many of them.
MANY = 100_000
# Of the other volume, where it is larger, up to this many times as many points are drawn; those in view count.
MOST_SPARE = 2.0
# Points within this many voxels of a field of view may come into it; farther ones never count.
NEAR = 2.0
# Places between voxels are even where their mean on the circle, of one turn per voxel, two or three, is below the first of these, and
# as alike as need be where it is above the second.
EVEN, ALIKE = 0.03, 0.15
PLACES = 5_000  # that tell how even all are
# The curvature is measured with so many points, between places this share of a voxel to either side; its least is this share of its
# largest.
FEW, ASIDE, FLATTEST = 25_000, 0.25, 0.02
# Longest first step, in voxels, and most steps.
STEP, MOST_STEPS = 0.1, 12


def polished(
    levels: tuple[Level, Level],
    pose: FloatArray,
    plan: RegistrationPlan,
    *,
    both: bool,
    within: Bounds | None,
    report: Callable[[Summit], None],
    pause: Callable[[], None],
) -> Summit | None:
    """The summit of many points' likeness next to a pose; None where the two share no point of the source's object.

    Parameters
    ----------
    levels : (source, target)
    pose : (4, 4) float array
        Rigid, source frame -> target frame.
    plan : RegistrationPlan
        Says how many points of either volume, and what is climbed.
    both : bool
        Whether the target's points are compared, too. Not where a mask says what counts: in the source, it only says where points lie.
    within : Bounds or None
    report : callable
        Called after every step; what it raises ends the climb.
    pause : callable
        Called before every comparison; likewise.
    """
    source, target = levels
    pause()
    ways = _ways(source, target, pose, plan, both=both)
    if not ways:
        return None
    pace = Pace(STEP * source.spacing, plan.tolerance * source.spacing, min(MOST_STEPS, plan.iterations), within)
    inverse = curvature(BothWays(*(way.comparison(most=FEW) for way in ways), pause=pause), pose, ASIDE * source.spacing)
    comparison = BothWays(*(way.comparison() for way in ways), pause=pause)
    (summit,) = climb_each(comparison, [pose], pace, report=lambda _, summit: report(summit), inverse=inverse)
    return summit


def both_count(levels: tuple[Level, Level]) -> bool:
    """Whether the target's points say something, too: between and beside a few slices they only meet values that are interpolated."""
    return all(min(level.values.shape) >= SLICES for level in levels)


def distance(source: Level, one: FloatArray, other: FloatArray) -> float:
    """Root mean square distance of two poses over the source's object, mm."""
    mean, variance = source.moments()
    turned, shifted = (one - other)[:3, :3], (one - other)[:3, 3]
    return float(np.sqrt(np.sum((np.einsum("ab,b->a", turned, mean) + shifted) ** 2) + np.sum(turned**2 * variance)))


class BothWays:
    """The source's samples in the target and the target's in the source, compared as one at any pose: the mean of both likenesses.

    Few points are as alike by chance as many are by their places, so fewer points of the target than of the source count less.

    Parameters
    ----------
    there : Comparison
        Of the source's samples with the target.
    back : Comparison, optional
        Of the target's samples with the source; without it, one way only.
    pause : callable
        Called before every comparison.
    """

    def __init__(self, there: Comparison, back: Comparison | None = None, *, pause: Callable[[], None] = lambda: None) -> None:
        self.samples = there.samples
        self._there, self._back, self._pause = there, back, pause
        counts = [0 if each is None else len(each.samples.values) for each in (there, back)]
        self._weights = 1 - min(0.5, counts[1] / sum(counts)), min(0.5, counts[1] / sum(counts))

    def at_each(self, rotations: FloatArray, positions: FloatArray, *, slope: bool = True) -> list[Likeness]:
        """Likeness at several poses, as of `Comparison.at_each`, whose rotations and positions these are."""
        self._pause()
        if self._back is None:
            return self._there.at_each(rotations, positions, slope=slope)
        origin, away = self.samples.centroid, self._back.samples.centroid - positions
        backwards = np.ascontiguousarray(rotations.transpose(0, 2, 1))
        places = np.einsum("mij,mj->mi", backwards, away) + origin
        there, back = abreast(
            [
                partial(self._there.at_each, rotations, positions, slope=slope),
                partial(self._back.at_each, backwards, places, slope=slope),
            ]
        )
        found = []
        of_one, of_other = self._weights
        for rotation, arm, one, other in zip(rotations, away, there, back, strict=True):
            # Moving the source one way is moving the target's points the other way, turned about the same place.
            force = -np.einsum("ij,j->i", rotation, other.force)
            torque = np.cross(arm, force) - np.einsum("ij,j->i", rotation, other.torque)
            value = of_one * one.value + of_other * other.value
            found.append(Likeness(value, one.overlap, of_one * one.force + of_other * force, of_one * one.torque + of_other * torque))
        return found


def curvature(comparison: BothWays, pose: FloatArray, step_mm: float) -> FloatArray | None:
    """(6, 6) inverse of how fast the slope of a likeness falls, in mm of turn and of shift; None where there is no likeness nearby."""
    centroid, radius = comparison.samples.centroid, comparison.samples.radius
    rotation, position = pose[:3, :3], pose[:3, :3] @ centroid + pose[:3, 3]
    moves = step_mm * np.concatenate([np.eye(6), -np.eye(6)])
    rotations = np.stack([turn(move[:3] / radius) @ rotation for move in moves])
    told = comparison.at_each(rotations, position + moves[:, 3:])
    if not all(np.isfinite(each.value) for each in told):
        return None
    slopes = np.stack([np.concatenate([each.torque / radius, each.force]) for each in told])
    falls = (slopes[6:] - slopes[:6]) / (2 * step_mm)
    values, axes = np.linalg.eigh((falls + falls.T) / 2)
    if values[-1] <= 0:
        return None
    return np.asarray(axes / np.maximum(values, FLATTEST * values[-1]) @ axes.T)


@dataclass(frozen=True, slots=True)
class _Way:
    """Points of one level to be looked up in the other."""

    samples: Samples
    other: Level
    plan: RegistrationPlan

    def comparison(self, *, most: int | None = None) -> Comparison:
        """Of all of the points, or of about so many."""
        every = 1 if most is None else 1 + len(self.samples.values) // most
        few = Samples(self.samples.centroid, np.ascontiguousarray(self.samples.points[:, ::every]), self.samples.values[::every])
        bins = self.plan.bins * 2 if len(few.values) >= MANY else self.plan.bins
        return Comparison(few, self.other, bins=bins, metric=self.plan.metric)


def _ways(source: Level, target: Level, pose: FloatArray, plan: RegistrationPlan, *, both: bool) -> list[_Way]:
    """So many points of either level as the plan says, those in view of the other one; none of the target where it has none in view."""
    more = min(MOST_SPARE, max(1.0, target.foreground.extent / source.foreground.extent))
    drawn = [partial(own_samples, source, target, pose, plan.samples, seed=plan.seed)]
    if both:
        drawn.append(
            partial(own_samples, target, source, np.asarray(np.linalg.inv(pose), float), round(more * plan.samples), seed=plan.seed)
        )
    ways = [_Way(samples, other, plan) for samples, other in zip(abreast(drawn), (target, source), strict=False)]
    return ways[: next((number for number, way in enumerate(ways) if not len(way.samples.values)), None)]


def own_samples(level: Level, other: Level, pose: FloatArray, count: int, *, seed: int) -> Samples:
    """About so many of a level's voxels in and around its object, those in view of another level near a pose.

    They are jittered, within their voxels, as far as they lie unevenly between the other level's voxels.

    Parameters
    ----------
    level, other : Level
    pose : (4, 4) float array
        Frame of the level -> frame of the other.
    count : int
    seed : int
    """
    to_index = np.linalg.inv(level.steps)
    voxels = level.foreground.extent / abs(float(np.linalg.det(level.steps)))
    frame = level.foreground.draw(max(1, min(count, round(2 * voxels))), seed=seed)
    index = np.rint(moved(frame, to_index, -to_index @ level.origin)).astype(np.intp)
    index = index[:, ((index >= 0) & (index < np.array(level.values.shape)[:, None])).all(axis=0)]
    flat = np.sort(np.ravel_multi_index((index[0], index[1], index[2]), level.values.shape, order="F"))
    index = np.stack(np.unravel_index(flat[np.diff(flat, prepend=-1) > 0], level.values.shape, order="F"))
    # Of all points, whatever is in view: poses next to each other then have the same points.
    jitter = np.random.default_rng(seed).uniform(-0.5, 0.5, index.shape)
    to_other = np.linalg.inv(other.steps)
    linear = to_other @ pose[:3, :3]
    offset = to_other @ (pose[:3, 3] - other.origin)
    there = moved(index, linear @ level.steps, linear @ level.origin + offset)
    size = np.array(other.values.shape)[:, None]
    near = ((there > -1 - NEAR) & (there < size + NEAR)).all(axis=0)
    index, there = index[:, near], there[:, near]
    share = np.clip((unevenness(there[:, :: 1 + there.shape[1] // PLACES]) - EVEN) / (ALIKE - EVEN), 0, 1) if near.any() else 0.0
    places = index + share * jitter[:, near]
    x, y, z = places.astype(np.float32)
    values, _, _ = Field(level).look(x, y, z, slope=False)
    points = moved(places, level.steps, level.origin)
    centroid = points.mean(axis=1) if near.any() else level.origin
    return Samples(centroid, np.ascontiguousarray(points - centroid[:, None], np.float32), values)


def unevenness(places: FloatArray) -> float:
    """How far from even places (3, n) lie between voxels: 1 where all lie alike along an axis, next to 0 where anywhere.

    Twice and three times the phase tell of voxels that are so many times as large as the others.
    """
    once = np.exp(2j * np.pi * places)
    return float(np.abs([once.mean(axis=1), (once**2).mean(axis=1), (once**3).mean(axis=1)]).max())
