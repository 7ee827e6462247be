"""From any start to the right place: the search's best poses are climbed together, and level by level fewer of them go on.

The header is one start among many. Where it leads to the place that the search finds too, the search's way there is taken: the answer is
then the same, whatever the header said. Where it leads to another place that is as good, the header is believed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from volstudio.registration.ascent import Pace, Summit, climb_each
from volstudio.registration.comparison import Comparison
from volstudio.registration.field import Samples
from volstudio.registration.search import QUICK, THOROUGH, search

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from volstudio.geometry.affine import FloatArray
    from volstudio.progress import Progress
    from volstudio.registration.bounds import Bounds
    from volstudio.registration.pairing import Pairing
    from volstudio.registration.plan import Metric, RegistrationPlan
    from volstudio.registration.prepare import Level
    from volstudio.registration.search import Effort

    Report = Callable[[float, Summit, Progress, float], None]
    Way = tuple[tuple[float, Summit], ...]

__all__ = ["Contest", "ascend", "contest"]

# How many places of the search are climbed a few steps with few samples; how many of these, if they have come to this share of the best
# one's score, then with more; and how many go on at the next level. (Of 110 hard pairs, three in four had the true place among the best
# three after the few steps, and one below the sixteenth, which the middles led to as well.)
STARTS, PROMISING, WORTH, FINALISTS = 40, 16, 0.5, 6
# Poses this many coarse voxels apart climb to one place.
TOGETHER = 0.4
# A finalist is left behind if it comes to less than this share of the best one's score at the next level, too.
CLOSE = 0.7
# Summits this many coarse voxels apart (mean over the object) are different places.
APART = 0.75
# A header is believed against a better score of another place if its own is at least this share of it.
AS_GOOD = 0.98
# Where another place comes this near, the search is made again, harder.
UNCLEAR = 0.9
# A pose that leaves much of the object out of view is as alike by chance; below this share its score counts less.
FULL_VIEW = 0.8
CONTESTED = 2  # levels
# A climb is given up after some steps if it has come to less than this share of the best one's score. A body of two metres, long and
# turned, rises slowly to its true place: at 3 steps and 0.6 it was given up.
LEAST_STEPS, HOPELESS = 5, 0.4
FINE_ITERATIONS = 40
LEADING = 30_000  # points


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
    way: Way = ()


ROUGH = Stage(samples=600, bins=12, step=0.75, tolerance=0.04, iterations=3)
COARSE = Stage(samples=2500, bins=16, step=0.75, tolerance=0.04, iterations=12)
HALFWAY = Stage(samples=3000, bins=20, step=0.5, tolerance=0.05, iterations=6)
MIDDLE = Stage(samples=10_000, bins=24, step=0.5, tolerance=0.0125, iterations=15)
# Levels between the contested ones and the finest only lead there.
BETWEEN = Stage(samples=20_000, bins=32, step=0.25, tolerance=0.02, iterations=15)


def fine(plan: RegistrationPlan) -> Stage:
    """The stage of the finest level; where more points of both scans are compared after it, it only leads there."""
    ends = plan.polish == "none"
    return Stage(
        samples=plan.samples if ends else min(plan.samples, LEADING),
        bins=plan.bins,
        step=0.25,
        tolerance=plan.tolerance if ends else max(plan.tolerance, BETWEEN.tolerance),
        iterations=FINE_ITERATIONS,
        metric=plan.metric,
    )


def contest(
    pairing: Pairing, plan: RegistrationPlan, *, header: FloatArray, progress: Progress, report: Report, within: Bounds | None = None
) -> Contest:
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
    within : Bounds, optional
        Poses beyond them are not looked at.
    """
    listener = _Listener(plan.seed, progress, report, within)
    found = _contested(pairing, header, listener.part(0.0, 0.6))
    if found.rival <= UNCLEAR:
        return found
    # Other samples and more rotations may find what these did not: so one in three hard cases that were unclear is found.
    again = _contested(pairing, header, replace(listener.part(0.6, 1.0), seed=plan.seed + 1), effort=THOROUGH)
    if AS_GOOD * _score(again.best) <= _score(found.best) or _near(again.best, found.best, pairing, 2 * APART):
        return found
    return replace(again, rival=max(again.rival, _score(found.best) / _score(again.best)))


def _contested(pairing: Pairing, header: FloatArray, listener: _Listener, *, effort: Effort = QUICK) -> Contest:
    """One contest, of the search's places, the middles and the header."""
    levels, searching = (pairing.source[0], pairing.target[0]), listener.progress.part(0.0, 0.4)
    trials = search(*levels, keep=STARTS, seed=listener.seed, progress=searching, within=listener.within, effort=effort)
    rough, _ = _climb_all(levels, listener.kept([trial.pose for trial in trials]), ROUGH, listener.part(0.4, 0.5))
    # The middles' climbs may rise slowly to the true place: they are not hurried. The header's is the last.
    poses = [*_promising(rough, pairing), *listener.kept([*_middles(pairing), header])]
    summits, ways = _climb_all(levels, poses, COARSE, listener.part(0.5, 0.8), hopeless=partial(_hopeless, pairing=pairing))
    from_header = summits[-1]
    finalists = _distinct(sorted(summits, key=_score, reverse=True), pairing, from_header, keep=FINALISTS)
    if not finalists:
        return Contest(from_header, 0.0, ways[-1])
    winner, end = _final(finalists, from_header, pairing, listener.part(0.8, 1.0))
    return replace(end, way=(*ways[summits.index(winner)], *end.way))


def _promising(rough: list[Summit], pairing: Pairing) -> list[FloatArray]:
    """Poses of the climbs that have come far after a few steps, without those that are together with better ones."""
    ranked = sorted(rough, key=_score, reverse=True)
    kept: list[Summit] = []
    for summit in ranked:
        if (
            len(kept) < PROMISING
            and _score(summit) >= WORTH * _score(ranked[0])
            and not any(_near(summit, k, pairing, TOGETHER) for k in kept)
        ):
            kept.append(summit)
    return [summit.pose for summit in kept]


def _final(finalists: list[Summit], from_header: Summit, pairing: Pairing, listener: _Listener) -> tuple[Summit, Contest]:
    """Which of the finalists wins, and its way at the next level: all take a few steps with few samples, and the close ones go on."""
    levels = pairing.source[:2][-1], pairing.target[:2][-1]  # the first again where there is one level only
    halfway, _ = _climb_all(levels, [summit.pose for summit in finalists], HALFWAY, listener.part(0.0, 0.5))
    close = _close(halfway, [summit is from_header for summit in finalists], pairing)
    going, left = [halfway[number] for number in close], [summit for number, summit in enumerate(halfway) if number not in close]
    last, ways = _climb_all(levels, [summit.pose for summit in going], MIDDLE, listener.part(0.5, 1.0))
    best = _believed(from_header, [finalists[number] for number in close], last, pairing)
    number = last.index(best)
    # How near another place comes is asked of one stage: samples and bins count in a score.
    rivals = [
        _score(summit) / max(_score(first), 1e-9)
        for summits, first in ((left, max(going, key=_score)), (last, best))
        for summit in summits
        if not _near(summit, best, pairing, 2 * APART)
    ]
    return finalists[close[number]], Contest(best, max([0.0, *rivals]), ways[number])


def _close(halfway: list[Summit], is_header: list[bool], pairing: Pairing) -> list[int]:
    """Which finalists may still win: those that come close to the best, and lie at no better one's place, were it not the header's."""
    top = max(map(_score, halfway))
    close = []
    for number, summit in enumerate(halfway):
        better = [s for s, header in zip(halfway, is_header, strict=True) if not header and _score(s) > _score(summit)]
        if _score(summit) >= min(CLOSE * top, top) and not any(_near(summit, s, pairing) for s in better):
            close.append(number)
    return close


def ascend(
    pairing: Pairing,
    plan: RegistrationPlan,
    pose: FloatArray,
    *,
    contested: bool,
    progress: Progress,
    report: Report,
    within: Bounds | None = None,
) -> Summit:
    """Climb from a pose through the levels to the finest.

    Parameters
    ----------
    pairing : Pairing
    plan : RegistrationPlan
    pose : (4, 4) float array
    contested : bool
        Whether the pose comes from `contest`: of its two levels, only the finest there is may be climbed again.
    progress, report, within
        As in `contest`.
    """
    count = len(pairing.source)
    first = min(CONTESTED, count - 1) if contested else 0
    rough = [replace(stage, metric=plan.metric) for stage in (COARSE, MIDDLE, *[BETWEEN] * count)]
    climbs = [*enumerate(rough[: count - 1]), (count - 1, fine(plan))][first:]
    for done, (number, stage) in enumerate(climbs):
        listener = _Listener(plan.seed, progress.part(done / len(climbs), (done + 1) / len(climbs)), report, within)
        ((here,), _) = _climb_all((pairing.source[number], pairing.target[number]), [pose], stage, listener)
        pose = here.pose
    return here


@dataclass(frozen=True, slots=True)
class _Listener:
    """What the climbs of one level share: the seed of their samples, whom they tell, and their bounds."""

    seed: int
    progress: Progress
    report: Report
    within: Bounds | None = None

    def kept(self, poses: list[FloatArray]) -> list[FloatArray]:
        """Poses within the bounds."""
        return poses if self.within is None else [self.within.clip(pose) for pose in poses]

    def part(self, start: float, stop: float) -> _Listener:
        """Listener of climbs that fill a part of the progress."""
        return replace(self, progress=self.progress.part(start, stop))


def _climb_all(
    levels: tuple[Level, Level],
    poses: list[FloatArray],
    stage: Stage,
    listener: _Listener,
    *,
    hopeless: Callable[[list[Summit]], Sequence[bool]] | None = None,
) -> tuple[list[Summit], list[Way]]:
    """Summits of one level of source and target, from each pose, and the ways there."""
    source, target = levels
    comparison = Comparison(Samples.draw(source, stage.samples, seed=listener.seed), target, bins=stage.bins, metric=stage.metric)
    pace = Pace(stage.step * source.spacing, stage.tolerance * source.spacing, stage.iterations, listener.within)
    ways: list[Way] = [()] * len(poses)
    done = 0.0

    def note(number: int, summit: Summit) -> None:
        nonlocal done
        ways[number] = (*ways[number], (source.spacing, summit))
        done = max(done, summit.steps / stage.iterations)
        listener.report(source.spacing, summit, listener.progress, done)

    return climb_each(comparison, poses, pace, report=note, hopeless=hopeless), ways


def _hopeless(summits: list[Summit], *, pairing: Pairing) -> list[bool]:
    """Which climbs, some steps on, are far below the best one, or on the way to the place of a better one.

    The last is the header's: where it lies is no reason to give up another climb, and it is not given up for another's place.
    """
    scores = np.array([_score(summit) for summit in summits])
    underway = np.array([summit.steps >= LEAST_STEPS for summit in summits])
    beaten = scores < HOPELESS * scores[:-1].max()
    mean, variance = pairing.source[0].moments()
    poses = np.stack([summit.pose[:3] for summit in summits])
    difference = poses[:, None] - poses[:-1]
    shift = np.einsum("abij,j->abi", difference[..., :3], mean) + difference[..., 3]
    square = (shift**2).sum(axis=-1) + np.einsum("abij,j->ab", difference[..., :3] ** 2, variance)
    near = square < (APART * pairing.source[0].spacing) ** 2
    led = (near & (scores[:-1] > scores[:, None])).any(axis=1)
    led[-1] = False
    return list(underway & (beaten | led))


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


def _near(one: Summit, other: Summit, pairing: Pairing, voxels: float = APART) -> bool:
    """Whether two summits are one place, so many coarse voxels wide."""
    return _apart(one.pose, other.pose, pairing) < voxels * pairing.source[0].spacing


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
