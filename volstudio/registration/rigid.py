"""Rigid registration: `register` finds the move that lays one volume on another, from anywhere or from a given placement.

Without a start every orientation is searched (`volstudio.registration.search`), the best places contest each other
(`volstudio.registration.anywhere`), and the winner is refined, by SimpleITK or by the built-in metric. From a given start the climb goes
through all levels, from where it is to the nearest summit.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np

import volstudio
from volstudio.errors import RegistrationError, SpaceMismatchError
from volstudio.geometry.affine import Affine
from volstudio.geometry.spaces import scanner
from volstudio.progress import Progress
from volstudio.registration.anywhere import CONTESTED, ascend, contest
from volstudio.registration.ascent import Summit
from volstudio.registration.pairing import Pairing
from volstudio.registration.plan import DEFAULT, METRIC_WORDS, RegistrationPlan
from volstudio.registration.prepare import choose_levels
from volstudio.registration.result import RegistrationResult, TraceStep
from volstudio.registration.sitk_bridge import ITK_METRICS, Climb, climb, itk_versions
from volstudio.volumes.volume import check_volume, distinct_names

if TYPE_CHECKING:
    from volstudio.geometry.affine import FloatArray
    from volstudio.registration.prepare import Level
    from volstudio.registration.shelf import Shelf
    from volstudio.volumes.volume import Volume

__all__ = ["register"]

# Rigid to this: larger than what float32 headers and 6-digit transform files leave, far below a millimetre over a body.
RIGID_TOLERANCE = 1e-4
LEAST_OVERLAP = 0.1
# Below these the answer may be wrong and the result says so: the prototype's failures had less than half of the overlap or 0.15 nats.
DOUBTFUL_OVERLAP = 0.5
DOUBTFUL_INFORMATION = 0.15
# Successes of bench/register have 0.1 to 0.6 here.
DOUBTFUL_RIVAL = 0.95
LEAST_VOXELS = 256
LEAST_ALONG = 8
# First step of a level, in its voxels; the coarsest has a long way to go, finer ones only correct.
FIRST_STEP, NEXT_STEP = 0.5, 0.25
# After the search only the last tenths of a voxel are missing.
ONLY_STEP = 0.2
# Coarser levels end once they are this much finer than their voxels: the next level begins there.
ROUGH_END = 0.02
SAMPLES_RATIO = 4  # a level takes this many times the samples of the one above it
SHARE_OF_PREPARING = 0.25


def register(
    fixed: Volume,
    moving: Volume,
    *,
    plan: RegistrationPlan = DEFAULT,
    start: Affine | None = None,
    progress: Progress | None = None,
    shelf: Shelf | None = None,
) -> RegistrationResult:
    """Rigid map that lays the moving volume on the fixed one.

    Parameters
    ----------
    fixed, moving : Volume
        Of a 4D volume the first time point is used, and the result says so.
    plan : RegistrationPlan
        The defaults need no change.
    start : Affine, optional
        Rigid map ``"<moving>:scanner"`` -> ``"<fixed>:scanner"`` to climb from. None: every orientation is searched; where the headers
        lead to a place as good as the best one found, they are believed. ``plan.start`` can ask for either, whatever is given.
    progress : Progress, optional
        Gets a `TraceStep` at every step; ``cancel()`` stops within a step, some 0.1 s.
    shelf : Shelf, optional
        Keeps prepared volumes from one registration to the next, for a scan that takes part in several; the answer is the same.

    Returns
    -------
    RegistrationResult
        The same to the last bit on every run and for any number of threads.

    Raises
    ------
    RegistrationError
        A volume without structure, volumes that do not overlap at a given start, or a start that is not rigid.
    SpaceMismatchError
        ``start`` does not lead from the moving to the fixed scanner space.
    Cancelled

    Notes
    -----
    Mutual information of Mattes et al. 2003 on 32 bins, maximised by regular steps over Euler angles about the object's centre and a shift
    (Viola & Wells 1997; Collignon et al. 1995), coarse to fine. See ``docs/registration.md`` for measured accuracy and limits.

    Examples
    --------
    >>> from volstudio.volumes.samples import sample, truth  # doctest: +SKIP
    >>> found = register(sample("t1"), sample("epi"))  # doctest: +SKIP
    >>> found.moving_to_fixed.is_close(truth(), atol=0.1)  # doctest: +SKIP
    True
    """
    began = time.perf_counter()
    progress = progress or Progress()
    check_volume(fixed, "The fixed scan of a registration")
    check_volume(moving, "The moving scan of a registration")
    asked, plan = plan, _resolved(plan.checked(), fixed, moving)
    begin = _checked_start(fixed, moving, start)
    pairing = Pairing.of(fixed, moving, plan.levels_mm, progress=progress.part(0.0, SHARE_OF_PREPARING), shelf=shelf)
    way = _Way(pairing, plan, [])
    if plan.start == "search" or (plan.start == "auto" and start is None):
        end, rival = way.from_anywhere(pairing.pose(begin.matrix), progress.part(SHARE_OF_PREPARING, 1.0))
    else:
        _refuse_apart(fixed, moving, pairing, begin)
        end, rival = way.from_here(pairing.pose(begin.matrix), progress.part(SHARE_OF_PREPARING, 1.0)), 0.0
    return RegistrationResult(
        moving_to_fixed=Affine(pairing.moving_to_fixed(end.pose), begin.source, begin.target),
        start=begin,
        metric=end.value,
        stop_reason=end.stop_reason,
        trace=tuple(way.trace),
        plan=plan,
        notes=(
            *_engine_notes(asked, plan),
            *_notes((fixed, moving), plan, end.value, _overlap(pairing.source[0], pairing.target[0], end.pose), rival),
        ),
        versions={"volstudio": volstudio.__version__, "numpy": np.__version__, **itk_versions()},
        seconds=time.perf_counter() - began,
    )


@dataclass(frozen=True, slots=True)
class _Way:
    """One registration under way: what is compared, how, and every step so far."""

    pairing: Pairing
    plan: RegistrationPlan
    trace: list[TraceStep]

    def from_anywhere(self, header: FloatArray, progress: Progress) -> tuple[Climb, float]:
        """The end of a search among all poses, and the score of the best other place over the one found."""
        found = contest(self.pairing, self.plan, header=header, progress=progress.part(0.0, 0.5), report=_say)
        self.trace.extend(self._step(spacing, summit) for spacing, summit in found.way)
        if self.plan.refine == "builtin":
            return self._built_in(found.best.pose, progress.part(0.5, 1.0), contested=True), found.rival
        coarser = replace(self.pairing, source=self.pairing.source[:-1], target=self.pairing.target[:-1])
        pose = found.best.pose
        if len(coarser.source) > CONTESTED:
            pose = ascend(coarser, self.plan, pose, contested=True, progress=progress.part(0.5, 0.6), report=self.note).pose
        return self._itk(pose, progress.part(0.6, 1.0), levels=range(len(self.pairing.source) - 1, len(self.pairing.source))), found.rival

    def from_here(self, pose: FloatArray, progress: Progress) -> Climb:
        """The end of a climb from a pose, through all levels."""
        if self.plan.refine == "builtin":
            return self._built_in(pose, progress, contested=False)
        return self._itk(pose, progress, levels=range(len(self.pairing.source)))

    def _built_in(self, pose: FloatArray, progress: Progress, *, contested: bool) -> Climb:
        """The end of a climb by the built-in metric."""
        end = ascend(self.pairing, self.plan, pose, contested=contested, progress=progress, report=self.note)
        if end.converged:
            return Climb(end.pose, end.value, f"converged after {end.steps} steps: the step became shorter than the tolerance")
        return Climb(end.pose, end.value, f"stopped at the limit of {end.steps} steps before it had converged")

    def _itk(self, pose: FloatArray, progress: Progress, *, levels: range) -> Climb:
        """The end of a climb by SimpleITK through some levels."""
        source, target = self.pairing.source, self.pairing.target
        centre, _ = source[0].moments()  # the middle of the object: about it, turns disturb shifts least
        samples = [max(1000, self.plan.samples // SAMPLES_RATIO**below) for below in range(len(source))][::-1]
        total, done, first = sum(samples[n] for n in levels), 0, FIRST_STEP if len(levels) > 1 else ONLY_STEP
        for number in levels:
            here = source[number]
            last = self.plan.tolerance if here is source[-1] else max(ROUGH_END, self.plan.tolerance)
            steps = (first * here.spacing, last * here.spacing)
            part = progress.part(done / total, (done + samples[number]) / total)
            report = _ItkReport(self, here.spacing, steps, part)
            end = climb(here, target[number], pose, centre=centre, plan=self.plan, samples=samples[number], step_mm=steps, report=report)
            pose, done, first = end.pose, done + samples[number], NEXT_STEP
        return end

    def note(self, level_mm: float, summit: Summit, progress: Progress, share: float) -> None:
        """Write a step into the trace and tell it."""
        self.trace.append(self._step(level_mm, summit))
        progress(f"{level_mm:.3g} mm, step {summit.steps}", share, self.trace[-1])

    def _step(self, level_mm: float, summit: Summit) -> TraceStep:
        """A summit as a step of the trace."""
        return TraceStep(level_mm, summit.steps, summit.value, self.pairing.moving_to_fixed(summit.pose))


def _say(level_mm: float, summit: Summit, progress: Progress, share: float) -> None:
    """Tell of a step that may not be on the way: its pose is nothing to show."""
    progress(f"comparing places, {level_mm:.3g} mm, step {summit.steps}", share)


@dataclass(frozen=True, slots=True)
class _ItkReport:
    """Tells of the steps of one of ITK's climbs."""

    way: _Way
    level_mm: float
    steps_mm: tuple[float, float]
    progress: Progress

    def __call__(self, iteration: int, information: float, step_mm: float, pose: FloatArray) -> None:
        """Note a step; the share done is how far the step has shrunk on its way from first to last."""
        first, last = self.steps_mm
        done = math.log(first / min(max(step_mm, last), first)) / math.log(first / last)
        self.way.note(self.level_mm, Summit(pose, information, 1.0, iteration), self.progress, done)


def _resolved(plan: RegistrationPlan, fixed: Volume, moving: Volume) -> RegistrationPlan:
    """The plan as it will be carried out, with nothing left open; volumes too small to hold any structure are refused."""
    for volume in (fixed, moving):
        if math.prod(volume.shape) < LEAST_VOXELS or sorted(volume.shape)[1] < LEAST_ALONG:
            shape = " x ".join(map(str, volume.shape))
            raise RegistrationError(f"{volume.name} has {shape} voxels, too few to register: a plane of {LEAST_ALONG} x 16 is the least.")
    if min(fixed.shape) == 1 and min(moving.shape) == 1:
        raise RegistrationError(
            f"{fixed.name} and {moving.name} are single slices; where one lies across the other cannot be told, so one must be a volume."
        )
    if plan.metric not in ITK_METRICS:
        plan = msgspec.structs.replace(plan, refine="builtin")
    return plan if plan.levels_mm else msgspec.structs.replace(plan, levels_mm=choose_levels(fixed.grid, moving.grid))


def _checked_start(fixed: Volume, moving: Volume, start: Affine | None) -> Affine:
    """Where to begin, between the scanner spaces of the two, and rigid."""
    fixed_name, moving_name = distinct_names((fixed, moving))
    spaces = scanner(moving_name), scanner(fixed_name)
    if start is None:
        return Affine.identity(*spaces)
    if (start.source, start.target) not in (spaces, (moving.affine.target, fixed.affine.target)):
        raise SpaceMismatchError(
            f"The start must lead from {spaces[0]} to {spaces[1]}, got {start.source} -> {start.target}; is an .inverse() missing?"
        )
    stretch = np.linalg.svd(start.linear, compute_uv=False)
    if np.abs(stretch - 1).max() > RIGID_TOLERANCE or np.linalg.det(start.linear) < 0:
        raise RegistrationError(
            f"The start {start.source} -> {start.target} is not rigid (it stretches by {stretch[-1]:.4g} to {stretch[0]:.4g} or mirrors); "
            "begin from a turn and a shift."
        )
    return Affine(start.matrix, *spaces)


def _overlap(source: Level, target: Level, pose: FloatArray) -> float:
    """Share of the source's object that lies in the target's field of view."""
    points = np.argwhere(source.near) * source.spacing + source.origin
    index = np.rint((points @ pose[:3, :3].T + pose[:3, 3] - target.origin) / target.spacing)
    return float(((index >= 0) & (index < target.values.shape)).all(axis=1).mean())


def _refuse_apart(fixed: Volume, moving: Volume, pairing: Pairing, start: Affine) -> None:
    """Raise where next to nothing of the source's object lies in the target's field of view at the start."""
    inside = _overlap(pairing.source[0], pairing.target[0], pairing.pose(start.matrix))
    if inside < LEAST_OVERLAP:
        raise RegistrationError(
            f"{fixed.name} and {moving.name} do not overlap where the registration starts ({inside:.0%} of the smaller one lies in the "
            "other); move one onto the other roughly, then refine, or search without a start."
        )


def _engine_notes(asked: RegistrationPlan, plan: RegistrationPlan) -> tuple[str, ...]:
    """Who refined, where it is not who was asked."""
    if asked.refine == plan.refine:
        return ()
    return (f"SimpleITK has no {METRIC_WORDS[plan.metric]}; the built-in metric refined instead",)


def _notes(volumes: tuple[Volume, Volume], plan: RegistrationPlan, information: float, overlap: float, rival: float) -> tuple[str, ...]:
    """What a person should know of how the answer came about."""
    notes = [f"of {v.name}, the first of {v.n_times} time points was used" for v in volumes if v.n_times > 1]
    if overlap < DOUBTFUL_OVERLAP:
        notes.append(f"look closely: only {overlap:.0%} of the smaller volume's object lies in the field of view of the other")
    if plan.metric == "mi" and information < DOUBTFUL_INFORMATION:
        notes.append(f"look closely: the two images share next to no information ({information:.2f} nats)")
    if rival > DOUBTFUL_RIVAL:
        notes.append(f"look closely: in another place the two images are nearly as alike ({rival:.0%})")
    return tuple(notes)
