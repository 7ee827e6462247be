"""Rigid registration: `register` finds the move that lays one volume on another, from anywhere or from a given placement.

Without a start every orientation is searched (`volstudio.registration.search`), the best places contest each other
(`volstudio.registration.anywhere`), and the winner is refined, by SimpleITK or by the built-in metric. From a given start the climb goes
through all levels, from where it is to the nearest summit.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

import volstudio
from volstudio.geometry.affine import Affine
from volstudio.progress import Progress
from volstudio.registration.anywhere import ascend, contest
from volstudio.registration.ascent import Summit
from volstudio.registration.beginning import beginning, bounds_about, checked_start, frames, refuse_apart, regions_of, resolved, searches
from volstudio.registration.finish import finished
from volstudio.registration.notes import doubts, of_bounds, of_plan
from volstudio.registration.pairing import Pairing
from volstudio.registration.plan import DEFAULT, RegistrationPlan
from volstudio.registration.polish import both_count, distance, polished
from volstudio.registration.result import RegistrationResult, TraceStep
from volstudio.registration.sitk_bridge import Climb, climb, itk_versions
from volstudio.volumes.volume import check_volume

if TYPE_CHECKING:
    from volstudio.geometry.affine import FloatArray
    from volstudio.registration.bounds import Bounds
    from volstudio.registration.epi import Report
    from volstudio.registration.shelf import Shelf
    from volstudio.registration.trust import Trust
    from volstudio.volumes.volume import Volume

__all__ = ["register"]

# SimpleITK begins on the built-in metric's summit: its first step, in voxels of the finest level, is what the two may differ by.
ITK_STEP = 0.05
# It covers the object as evenly with half of many samples, each of which costs it ten times as much; where more are compared after it, the
# fewest will do.
ENOUGH_SAMPLES, LEADING_SAMPLES = 30_000, 15_000
# Shares of the progress: preparing, searching and climbing, judging.
PARTS = ((0.0, 0.2), (0.2, 0.75), (0.75, 1.0))
UNJUDGED_PARTS = ((0.0, 0.25), (0.25, 1.0), (1.0, 1.0))


def register(
    fixed: Volume,
    moving: Volume,
    *,
    plan: RegistrationPlan = DEFAULT,
    start: Affine | None = None,
    fixed_mask: Volume | None = None,
    moving_mask: Volume | None = None,
    judge: bool = True,
    progress: Progress | None = None,
    shelf: Shelf | None = None,
) -> RegistrationResult:
    """Rigid map that lays the moving volume on the fixed one.

    Parameters
    ----------
    fixed, moving : Volume
        Of a 4D volume the first time point is used (or what ``plan.time`` says), of colours the luminance, and the result says so.
    plan : RegistrationPlan
        The defaults need no change; ``RegistrationPlan.named("ct-to-mr")`` and its like suit a kind of pair.
    start : Affine, optional
        Rigid map ``"<moving>:scanner"`` -> ``"<fixed>:scanner"`` to climb from. None: every orientation is searched; where the headers
        lead to a place as good as the best one found, they are believed. ``plan.start`` can ask for either, whatever is given.
    fixed_mask, moving_mask : Volume, optional
        Volumes in the world of either scan, on any grid: of the scan, only what lies in a voxel other than zero counts. They stand before
        the masks that the plan names.
    judge : bool
        Whether the answer is judged, too, at less than half of the cost on top: ``result.trust`` (see `volstudio.registration.trust`).
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
        A volume without structure, volumes that do not overlap at a given start, a start that is not rigid, or a mask that leaves nothing.
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
    asked = plan.checked()
    scans, said = frames(asked, (fixed, moving), progress)
    fixed, moving = scans
    start = checked_start(asked, scans, start)
    regions = regions_of(asked, scans, (fixed_mask, moving_mask))
    plan = resolved(asked, scans, regions)
    preparing, climbing, judging = (progress.part(*part) for part in (PARTS if judge else UNJUDGED_PARTS))
    pairing = Pairing.of(fixed, moving, plan.levels_mm, progress=preparing, shelf=shelf, regions=regions)
    begin = beginning(plan, scans, start, pairing)
    pose = pairing.pose(begin.matrix)
    bounds = bounds_about(plan, pairing, pose)
    way = _Way(pairing, plan, [], bounds)
    if searches(plan, start):
        end, rival = way.from_anywhere(pose, climbing)
    else:
        refuse_apart(scans, pairing, pose)
        end, rival = way.from_here(pose, climbing), 0.0
    fitting = way.fit_report(climbing), lambda: climbing("fitting the signal", 1.0)
    climbed = end
    end, fit_notes = finished(climbed, pairing, plan, scans=scans, regions=regions, bounds=bounds, reports=fitting)
    if end is climbed and plan.polish == "auto":
        end = way.polished(end, climbing, masked=regions != (None, None))
    overlap = pairing.overlap(end.pose)
    return RegistrationResult(
        moving_to_fixed=Affine(pairing.moving_to_fixed(end.pose), begin.source, begin.target),
        start=begin,
        metric=end.value,
        stop_reason=end.stop_reason,
        trace=tuple(way.trace),
        plan=plan,
        notes=(
            *said,
            *of_plan(asked, plan, regions),
            *of_bounds(bounds, end.pose),
            *fit_notes,
            *doubts(plan, likeness=climbed.value, overlap=overlap, rival=rival),
        ),
        trust=_trust(pairing, end.pose, rival, judging) if judge else None,
        versions={"volstudio": volstudio.__version__, "numpy": np.__version__, **itk_versions()},
        seconds=time.perf_counter() - began,
    )


@dataclass(frozen=True, slots=True)
class _Way:
    """One registration under way: what is compared, how, and every step so far."""

    pairing: Pairing
    plan: RegistrationPlan
    trace: list[TraceStep]
    bounds: Bounds | None = None

    def from_anywhere(self, header: FloatArray, progress: Progress) -> tuple[Climb, float]:
        """The end of a search among all poses, and the score of the best other place over the one found."""
        found = contest(self.pairing, self.plan, header=header, progress=progress.part(0.0, 0.5), report=_say, within=self.bounds)
        self.trace.extend(self._step(spacing, summit) for spacing, summit in found.way)
        return self._refined(found.best.pose, progress.part(0.5, 1.0), contested=True), found.rival

    def from_here(self, pose: FloatArray, progress: Progress) -> Climb:
        """The end of a climb from a pose, through all levels."""
        return self._refined(pose, progress, contested=False)

    def _refined(self, pose: FloatArray, progress: Progress, *, contested: bool) -> Climb:
        """The end of a climb by the built-in metric; SimpleITK, where the plan asks for it, takes the last steps."""
        share = 1.0 if self.plan.refine == "builtin" else 0.5
        own = progress.part(0.0, share)
        end = ascend(self.pairing, self.plan, pose, contested=contested, progress=own, report=self.note, within=self.bounds)
        held_back = self.bounds is not None and self.bounds.stops(end.pose)
        if self.plan.refine == "simpleitk" and not held_back:
            last = self._itk(end.pose, progress.part(share, 1.0))
            if self.bounds is None or self.bounds.holds(last.pose):
                return last
        if held_back:
            return Climb(end.pose, end.value, f"stopped after {end.steps} steps at the plan's bounds")
        if end.converged:
            return Climb(end.pose, end.value, f"converged after {end.steps} steps: the step became shorter than the tolerance")
        return Climb(end.pose, end.value, f"stopped at the limit of {end.steps} steps before it had converged")

    def polished(self, end: Climb, progress: Progress, *, masked: bool) -> Climb:
        """The end of a climb, or where many points of both scans fit best next to it; an end at the plan's bounds stays."""
        if self.bounds is not None and self.bounds.stops(end.pose):
            return end
        levels = source, _ = self.pairing.source[-1], self.pairing.target[-1]
        both = not masked and both_count(levels)
        last = polished(
            levels,
            end.pose,
            self.plan,
            both=both,
            within=self.bounds,
            report=lambda summit: self.note(source.spacing, summit, progress, 1.0, engine="polish"),
            pause=lambda: progress("comparing more points", 1.0),
        )
        if last is None:
            return end
        scans, steps = "both scans" if both else "one scan", f"{last.steps} step{'' if last.steps == 1 else 's'}"
        words = f"then {steps} on more points of {scans} led {distance(source, end.pose, last.pose):.2g} mm on"
        return Climb(last.pose, last.value, f"{end.stop_reason}; {words}")

    def _itk(self, pose: FloatArray, progress: Progress) -> Climb:
        """The end of a climb by SimpleITK at the finest level, from the summit of the built-in metric."""
        source, target = self.pairing.source[-1], self.pairing.target[-1]
        centre, _ = source.moments()  # the middle of the object: about it, turns disturb shifts least
        steps = (ITK_STEP * source.spacing, min(self.plan.tolerance, ITK_STEP / 2) * source.spacing)
        report = _ItkReport(self, source.spacing, steps, progress)
        enough = max(ENOUGH_SAMPLES, self.plan.samples // 2) if self.plan.polish == "none" else LEADING_SAMPLES
        samples = min(self.plan.samples, enough)
        return climb(source, target, pose, centre=centre, plan=self.plan, samples=samples, step_mm=steps, report=report)

    def note(
        self,
        level_mm: float,
        summit: Summit,
        progress: Progress,
        share: float,
        *,
        engine: Literal["builtin", "simpleitk", "polish"] = "builtin",
    ) -> None:
        """Write a step into the trace and tell it."""
        self.trace.append(replace(self._step(level_mm, summit), engine=engine))
        progress(f"{level_mm:.3g} mm, step {summit.steps}", share, self.trace[-1])

    def fit_report(self, progress: Progress) -> Report:
        """Listener of the steps that fit a coarse scan's signal; their metric is the share of it that is explained."""

        def report(voxel_mm: float, step: int, explained: float, pose: FloatArray) -> None:
            self.trace.append(replace(self._step(voxel_mm, Summit(pose, explained, 1.0, step)), engine="signal"))
            progress(f"fitting the signal, step {step}", 1.0, self.trace[-1])

        return report

    def _step(self, level_mm: float, summit: Summit) -> TraceStep:
        """A summit as a step of the trace."""
        return TraceStep(level_mm, summit.steps, summit.value, self.pairing.moving_to_fixed(summit.pose))


def _trust(pairing: Pairing, pose: FloatArray, rival: float, progress: Progress) -> Trust:
    """The verdict on a pose."""
    from volstudio.registration.trust import judge  # it may want to register, too

    verdict = judge(pairing, pose, rival=rival, progress=progress)
    progress("judged", 1.0)
    return verdict


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
        summit = Summit(pose, information, 1.0, iteration)
        self.way.note(self.level_mm, summit, self.progress, done, engine="simpleitk")
