"""Rigid registration: `register` finds the move that lays one volume on another, from a given placement.

The volume with the smaller field of view gives the sample points, so that a slab is compared where it lies and not where it does not;
the map is turned round at the end where that volume is the fixed one. From level to level the pose is handed on as it is.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

import volstudio
from volstudio.errors import RegistrationError, SpaceMismatchError
from volstudio.geometry.affine import Affine
from volstudio.geometry.spaces import scanner
from volstudio.progress import Progress
from volstudio.registration.plan import DEFAULT, RegistrationPlan
from volstudio.registration.prepare import Level, aligned_frame, choose_levels, own_frame, prepare
from volstudio.registration.result import RegistrationResult, TraceStep
from volstudio.registration.sitk_bridge import Climb, climb, itk_versions
from volstudio.volumes.volume import distinct_names

if TYPE_CHECKING:
    from volstudio.geometry.affine import FloatArray
    from volstudio.geometry.grid import Grid
    from volstudio.volumes.volume import Volume

__all__ = ["register"]

# Rigid to this: larger than what float32 headers and 6-digit transform files leave, far below a millimetre over a body.
RIGID_TOLERANCE = 1e-4
LEAST_OVERLAP = 0.1
# Below these the answer may be wrong and the result says so: the prototype's failures had less than half of the overlap or 0.15 nats.
DOUBTFUL_OVERLAP = 0.5
DOUBTFUL_INFORMATION = 0.15
LEAST_VOXELS = 256
LEAST_ALONG = 8
# First step of a level, in its voxels; the coarsest has a long way to go, finer ones only correct.
FIRST_STEP, NEXT_STEP = 0.5, 0.25
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
) -> RegistrationResult:
    """Rigid map that lays the moving volume on the fixed one.

    Parameters
    ----------
    fixed, moving : Volume
        Of a 4D volume the first time point is used, and the result says so.
    plan : RegistrationPlan
        The defaults need no change.
    start : Affine, optional
        Rigid map ``"<moving>:scanner"`` -> ``"<fixed>:scanner"`` to begin from. None: the headers as they are.
    progress : Progress, optional
        Gets a `TraceStep` at every step; ``cancel()`` stops within a step, some 0.1 s.

    Returns
    -------
    RegistrationResult
        The same to the last bit on every run and for any number of threads.

    Raises
    ------
    RegistrationError
        A volume without structure, volumes that do not overlap at the start, or a start that is not rigid.
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
    plan = _with_levels(plan.checked(), fixed, moving)
    ends = _Ends.of(fixed, moving, start)
    source, target = ends.prepared(plan, progress.part(0.0, SHARE_OF_PREPARING))
    end, trace = _climb_levels(ends, source, target, plan, progress.part(SHARE_OF_PREPARING, 1.0))
    return RegistrationResult(
        moving_to_fixed=Affine(ends.moving_to_fixed(end.pose), ends.start.source, ends.start.target),
        start=ends.start,
        metric=end.information,
        stop_reason=end.stop_reason,
        trace=trace,
        plan=plan,
        notes=_notes((fixed, moving), end.information, _overlap(source[0], target[0], end.pose)),
        versions={"volstudio": volstudio.__version__, "numpy": np.__version__, **itk_versions()},
        seconds=time.perf_counter() - began,
    )


@dataclass(frozen=True, slots=True)
class _Ends:
    """Who gives the samples, in which frames the two are compared, and the way back to scanner spaces."""

    source: Volume
    target: Volume
    source_frame: FloatArray
    target_frame: FloatArray
    start: Affine
    source_is_moving: bool

    @classmethod
    def of(cls, fixed: Volume, moving: Volume, start: Affine | None) -> _Ends:
        """Ends of a registration that begins at ``start``."""
        begin = _checked_start(fixed, moving, start)
        source_is_moving = _extent(moving.grid) < _extent(fixed.grid)
        source, target = (moving, fixed) if source_is_moving else (fixed, moving)
        source_to_target = begin.matrix if source_is_moving else begin.inverse().matrix
        source_frame = own_frame(source.grid)
        target_frame = aligned_frame(target.grid, source_to_target[:3, :3] @ source_frame[:3, :3])
        return cls(source, target, source_frame, target_frame, begin, source_is_moving)

    @property
    def first_pose(self) -> FloatArray:
        """(4, 4) source frame -> target frame at the start, rigid to rounding."""
        source_to_target = self.start.matrix if self.source_is_moving else self.start.inverse().matrix
        pose = np.linalg.inv(self.target_frame) @ source_to_target @ self.source_frame
        left, _, right = np.linalg.svd(pose[:3, :3])
        pose[:3, :3] = left @ right
        return np.asarray(pose)

    def moving_to_fixed(self, pose: FloatArray) -> FloatArray:
        """(4, 4) moving scanner -> fixed scanner of a pose; read-only."""
        source_to_target = self.target_frame @ pose @ np.linalg.inv(self.source_frame)
        matrix = source_to_target if self.source_is_moving else np.linalg.inv(source_to_target)
        matrix[3] = 0.0, 0.0, 0.0, 1.0
        matrix.setflags(write=False)
        return np.asarray(matrix)

    def prepared(self, plan: RegistrationPlan, progress: Progress) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Pyramids of source and target."""
        source = prepare(self.source, self.source_frame, plan.levels_mm, progress=progress.part(0.0, 0.5))
        target = prepare(self.target, self.target_frame, plan.levels_mm, progress=progress.part(0.5, 1.0))
        return source, target


def _climb_levels(
    ends: _Ends, source: tuple[Level, ...], target: tuple[Level, ...], plan: RegistrationPlan, progress: Progress
) -> tuple[Climb, tuple[TraceStep, ...]]:
    """The climb through all levels: its end, and every step."""
    trace: list[TraceStep] = []
    centre, _ = source[0].moments()  # the middle of the object: about it, turns disturb shifts least
    _refuse_apart(ends, source[0], target[0])
    pose, end = ends.first_pose, None
    samples = [max(1000, plan.samples // SAMPLES_RATIO**below) for below in range(len(source))][::-1]
    for number, (here, there) in enumerate(zip(source, target, strict=True)):
        last = plan.tolerance if here is source[-1] else max(ROUGH_END, plan.tolerance)
        steps = ((NEXT_STEP if number else FIRST_STEP) * here.spacing, last * here.spacing)
        part = progress.part(sum(samples[:number]) / sum(samples), sum(samples[: number + 1]) / sum(samples))
        report = _Report(ends, here.spacing, steps, part, trace)
        end = climb(here, there, pose, centre=centre, plan=plan, samples=samples[number], step_mm=steps, report=report)
        pose = end.pose
    assert end is not None  # noqa: S101 - a plan has at least one level
    return end, tuple(trace)


@dataclass(frozen=True, slots=True)
class _Report:
    """Writes each step of one level into the trace and tells the progress."""

    ends: _Ends
    level_mm: float
    steps_mm: tuple[float, float]
    progress: Progress
    trace: list[TraceStep]

    def __call__(self, iteration: int, information: float, step_mm: float, pose: FloatArray) -> None:
        """Note a step; the share done is how far the step has shrunk on its way from first to last."""
        self.trace.append(TraceStep(self.level_mm, iteration, information, self.ends.moving_to_fixed(pose)))
        first, last = self.steps_mm
        done = math.log(first / min(max(step_mm, last), first)) / math.log(first / last)
        self.progress(f"{self.level_mm:.3g} mm, step {iteration}", done, self.trace[-1])


def _with_levels(plan: RegistrationPlan, fixed: Volume, moving: Volume) -> RegistrationPlan:
    """The plan, its levels chosen where it leaves them open; volumes too small to hold any structure are refused."""
    for volume in (fixed, moving):
        if math.prod(volume.shape) < LEAST_VOXELS or sorted(volume.shape)[1] < LEAST_ALONG:
            shape = " x ".join(map(str, volume.shape))
            raise RegistrationError(f"{volume.name} has {shape} voxels, too few to register: a plane of {LEAST_ALONG} x 16 is the least.")
    if min(fixed.shape) == 1 and min(moving.shape) == 1:
        raise RegistrationError(
            f"{fixed.name} and {moving.name} are single slices; where one lies across the other cannot be told, so one must be a volume."
        )
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


def _refuse_apart(ends: _Ends, source: Level, target: Level) -> None:
    """Raise where next to nothing of the source's object lies in the target's field of view at the start."""
    inside = _overlap(source, target, ends.first_pose)
    if inside < LEAST_OVERLAP:
        raise RegistrationError(
            f"{ends.source.name} and {ends.target.name} do not overlap where the registration starts ({inside:.0%} of the smaller "
            "one lies in the other); move one onto the other roughly, then refine."
        )


def _notes(volumes: tuple[Volume, Volume], information: float, overlap: float) -> tuple[str, ...]:
    """What a person should know of how the answer came about."""
    notes = [f"of {v.name}, the first of {v.n_times} time points was used" for v in volumes if v.n_times > 1]
    if overlap < DOUBTFUL_OVERLAP:
        notes.append(f"look closely: only {overlap:.0%} of the smaller volume's object lies in the field of view of the other")
    if information < DOUBTFUL_INFORMATION:
        notes.append(f"look closely: the two images share next to no information ({information:.2f} nats)")
    return tuple(notes)


def _extent(grid: Grid) -> float:
    """Volume of the field of view, mm^3."""
    return float(abs(np.linalg.det(grid.affine.linear)) * math.prod(grid.shape))
