"""From any start to the right place: the search's best poses are climbed together, and level by level fewer of them go on.

The header is one start among many. Where it leads to the place that the search finds too, the search's way there is taken: the answer is
then the same, whatever the header said. Where it leads to another place that is as good, the header is believed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from volstudio.registration.ascent import Summit, climb
from volstudio.registration.comparison import Comparison
from volstudio.registration.field import Samples
from volstudio.registration.search import search

if TYPE_CHECKING:
    from collections.abc import Callable

    from volstudio.geometry.affine import FloatArray
    from volstudio.progress import Progress
    from volstudio.registration.pairing import Pairing
    from volstudio.registration.plan import Metric, RegistrationPlan
    from volstudio.registration.prepare import Level

    Report = Callable[[float, Summit, Progress, float], None]

__all__ = ["Contest", "ascend", "contest"]

# How many poses are climbed at the coarsest level and at the next; then only the best goes on.
STARTS, FINALISTS = 40, 6
# Summits this many coarse voxels apart (mean over the object) are different places.
APART = 0.75
# A header is believed against a better score of another place if its own is at least this share of it.
AS_GOOD = 0.98
# A pose that leaves much of the object out of view is as alike by chance; below this share its score counts less.
FULL_VIEW = 0.8
CONTESTED = 2  # levels
FINE_ITERATIONS = 40


@dataclass(frozen=True, slots=True)
class Stage:
    """How one level is climbed.

    Parameters
    ----------
    samples, bins : int
    step, tolerance : float
        First and last step, in the level's voxels.
    iterations : int
    metric : {"mi", "nmi", "ncc", "mse"}
        Places far apart are compared by mutual information alone, whatever the plan climbs: it is right for every pair.
    """

    samples: int
    bins: int
    step: float
    tolerance: float
    iterations: int
    metric: Metric = "mi"


@dataclass(frozen=True, slots=True)
class Contest:
    """Where the climbs from all starts met and parted.

    Parameters
    ----------
    best : Summit
        Of the last contested level.
    rival : float
        Score of the best other place over the best one's; 0 where there is none.
    way : tuple of (float, Summit)
        Voxel edge and summit of every step that led to the best.
    """

    best: Summit
    rival: float
    way: tuple[tuple[float, Summit], ...] = ()


COARSE = Stage(samples=2500, bins=16, step=0.75, tolerance=0.04, iterations=12)
MIDDLE = Stage(samples=10_000, bins=24, step=0.5, tolerance=0.0125, iterations=15)


def fine(plan: RegistrationPlan) -> Stage:
    """The stage of every level below the two contested ones."""
    return Stage(samples=plan.samples, bins=plan.bins, step=0.25, tolerance=plan.tolerance, iterations=FINE_ITERATIONS, metric=plan.metric)


def contest(pairing: Pairing, plan: RegistrationPlan, *, header: FloatArray, progress: Progress, report: Report) -> Contest:
    """The best place at the two coarsest levels, of all that the search and the header lead to.

    Parameters
    ----------
    pairing : Pairing
    plan : RegistrationPlan
    header : (4, 4) float array
        Pose that the headers, or a start given, say.
    progress : Progress
    report : callable
        Told of every step: the level's voxel edge, the summit so far, the progress of this climb and the share of it that is done.
    """
    steps: list[tuple[float, Summit]] = []

    def note(spacing: float, summit: Summit, part: Progress, share: float) -> None:
        steps.append((spacing, summit))
        report(spacing, summit, part, share)

    first = pairing.source[0], pairing.target[0]
    second = pairing.source[:2][-1], pairing.target[:2][-1]  # the first again where there is one level only
    trials = search(*first, keep=STARTS, seed=plan.seed, progress=progress.part(0.0, 0.5))
    poses = [*(trial.pose for trial in trials), *_middles(pairing), header]
    summits = _climb_all(first, poses, COARSE, _Listener(plan.seed, progress.part(0.5, 0.8), note))
    from_header = summits[-1]
    finalists = _distinct(sorted(summits, key=_score, reverse=True), pairing, from_header, keep=FINALISTS)
    if not finalists:
        return Contest(from_header, 0.0, _way(steps, [from_header]))
    last = _climb_all(second, [s.pose for s in finalists], MIDDLE, _Listener(plan.seed, progress.part(0.8, 1.0), note))
    best = _believed(from_header, finalists, last, pairing)
    others = [_score(s) for s in last if _apart(s.pose, best.pose, pairing) > 2 * APART * pairing.source[0].spacing]
    return Contest(best, max(others, default=0.0) / max(_score(best), 1e-9), _way(steps, [finalists[last.index(best)], best]))


def ascend(pairing: Pairing, plan: RegistrationPlan, pose: FloatArray, *, contested: bool, progress: Progress, report: Report) -> Summit:
    """Climb from a pose through the levels to the finest.

    Parameters
    ----------
    pairing : Pairing
    plan : RegistrationPlan
    pose : (4, 4) float array
    contested : bool
        Whether the pose comes from `contest`: of its two levels, only the finest there is may be climbed again.
    progress, report
        As in `contest`.
    """
    count = len(pairing.source)
    climbs = [(number, fine(plan)) for number in range(min(CONTESTED, count - 1), count)]
    if not contested:
        rough = [replace(stage, metric=plan.metric) for stage in (COARSE, MIDDLE)]
        climbs = [*enumerate(rough[: count - 1]), *climbs]
    for done, (number, stage) in enumerate(climbs):
        listener = _Listener(plan.seed, progress.part(done / len(climbs), (done + 1) / len(climbs)), report)
        (here,) = _climb_all((pairing.source[number], pairing.target[number]), [pose], stage, listener)
        pose = here.pose
    return here


@dataclass(frozen=True, slots=True)
class _Listener:
    """What the climbs of one level share: the seed of their samples, and whom they tell."""

    seed: int
    progress: Progress
    report: Report

    def of(self, number: int, count: int, spacing: float, iterations: int) -> Callable[[Summit], None]:
        """Listener of one of ``count`` climbs."""
        part = self.progress.part(number / count, (number + 1) / count)
        return lambda summit: self.report(spacing, summit, part, summit.steps / iterations)


def _climb_all(levels: tuple[Level, Level], poses: list[FloatArray], stage: Stage, listener: _Listener) -> list[Summit]:
    """Summits of one level of source and target, from each pose."""
    source, target = levels
    comparison = Comparison(Samples.draw(source, stage.samples, seed=listener.seed), target, bins=stage.bins, metric=stage.metric)
    return [
        climb(
            comparison,
            pose,
            step_mm=stage.step * source.spacing,
            tolerance_mm=stage.tolerance * source.spacing,
            iterations=stage.iterations,
            report=listener.of(number, len(poses), source.spacing, stage.iterations),
        )
        for number, pose in enumerate(poses)
    ]


def _way(steps: list[tuple[float, Summit]], summits: list[Summit]) -> tuple[tuple[float, Summit], ...]:
    """Of the steps of all climbs, one after the other, those that ended on the given summits."""
    way: list[tuple[float, Summit]] = []
    for summit in summits:
        end = next((n for n, (_, step) in enumerate(steps) if np.array_equal(step.pose, summit.pose)), None)
        if end is not None:
            way += steps[end + 1 - steps[end][1].steps : end + 1]
    return tuple(way)


def _believed(from_header: Summit, finalists: list[Summit], last: list[Summit], pairing: Pairing) -> Summit:
    """The best of the last summits; or the one of the place that the header led to, if it is as good.

    In either case it is one that the search came to by itself, if there is one at that place: so the header leaves no trace in it.
    """
    best = max(last, key=_score)
    there = [end for start, end in zip(finalists, last, strict=True) if _near(start, from_header, pairing)]
    believed = max(there, key=_score, default=best)
    if _score(believed) >= AS_GOOD * _score(best):
        best = believed
    found = [end for start, end in zip(finalists, last, strict=True) if start is not from_header and _near(end, best, pairing)]
    return max(found, key=_score, default=best)


def _near(one: Summit, other: Summit, pairing: Pairing) -> bool:
    """Whether two summits are one place."""
    return _apart(one.pose, other.pose, pairing) < APART * pairing.source[0].spacing


def _score(summit: Summit) -> float:
    """Likeness, less where much of the object is out of view."""
    return summit.value * np.sqrt(min(1.0, summit.overlap / FULL_VIEW)) if np.isfinite(summit.value) else -1.0


def _middles(pairing: Pairing) -> list[FloatArray]:
    """Two poses without a turn: the objects' middles on each other, and those of the fields of view."""
    poses = []
    for shift in (pairing.target[0].moments()[0] - pairing.source[0].moments()[0], np.zeros(3)):
        pose = np.eye(4)
        pose[:3, 3] = shift
        poses.append(pose)
    return poses


def _distinct(summits: list[Summit], pairing: Pairing, last: Summit, *, keep: int) -> list[Summit]:
    """The best summits at different places; ``last`` among them only if no other leads to its place, and then always."""
    kept: list[Summit] = []

    def is_new(summit: Summit) -> bool:
        return bool(np.isfinite(summit.value)) and not any(_near(summit, other, pairing) for other in kept)

    for summit in summits:
        if summit is not last and len(kept) < keep and is_new(summit):
            kept.append(summit)
    return [*kept, last] if is_new(last) else kept


def _apart(one: FloatArray, other: FloatArray, pairing: Pairing) -> float:
    """Root mean square distance of two poses over the source's object, mm."""
    mean, variance = pairing.source[0].moments()
    difference = (one - other)[:3]
    shift = difference[:, :3] @ mean + difference[:, 3]
    return float(np.sqrt(shift @ shift + np.sum(difference[:, :3] ** 2 @ variance)))
