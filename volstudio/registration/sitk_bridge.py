"""The border to SimpleITK: arrays in a frame <-> ITK images, poses <-> ITK transforms, one climb of mutual information.

ITK's world is left-posterior-superior. That does not matter here: ITK only ever sees images in a frame of ours (see
`volstudio.registration.prepare`), and rigid maps between two frames. Lengths are counted in radii of the object, so that a unit of turn
and a unit of shift move it alike, and ITK's steps are as long as they say. Its transform maps *fixed to moving* points; the names
``source`` (ITK's fixed image, where samples lie) and ``target`` keep that apart from what a person calls fixed and moving.

Measured on SimpleITK 2.5: ``Execute`` releases Python's lock (a window's thread beside it waits for at most 10 ms), and its
mutual information differs from run to run with two threads, never with one. The method's own ``SetNumberOfThreads`` does not reach the
metric, so ITK's global count is borrowed while a climb lasts.
"""

from __future__ import annotations

import math
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the name everybody knows it by

from volstudio.errors import RegistrationError
from volstudio.registration.orientations import cube_rotations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from volstudio.geometry.affine import FloatArray
    from volstudio.registration.plan import RegistrationPlan
    from volstudio.registration.prepare import Level

__all__ = ["ITK_METRICS", "Climb", "climb", "itk_versions"]

# Of the plan's metrics, those that SimpleITK has.
ITK_METRICS = ("mi", "ncc", "mse")
# The climb begins next to the summit, with equal units of turn and shift: steps may shrink as fast as ITK's do by default.
RELAXATION = 0.5


def itk_versions() -> dict[str, str]:
    """Versions of SimpleITK and of the ITK in it."""
    return {"SimpleITK": str(sitk.Version.VersionString()), "ITK": str(sitk.Version.ITKVersionString())}


# --------------------------------------------------------------------------------------------------------------------- climbing
@dataclass(frozen=True, slots=True)
class Climb:
    """Where a climb ended.

    Parameters
    ----------
    pose : (4, 4) float array
        Source frame -> target frame.
    value : float
        Of the metric there; larger is more alike.
    stop_reason : str
    """

    pose: FloatArray
    value: float
    stop_reason: str


def climb(
    source: Level,
    target: Level,
    pose: FloatArray,
    *,
    centre: FloatArray,
    plan: RegistrationPlan,
    samples: int,
    step_mm: tuple[float, float],
    report: Callable[[int, float, float, FloatArray], None],
) -> Climb:
    """Raise the likeness of two levels from a pose: the plan's metric, Euler angles about a centre, regular steps.

    Parameters
    ----------
    source, target : Level
        Samples lie in the source and are looked up in the target.
    pose : (4, 4) float array
        Rigid, source frame -> target frame.
    centre : (3,) float array
        Centre of rotation in the source frame.
    samples : int
        About how many points are compared.
    step_mm : (first, last)
        Length of the first step, and of the step that ends the climb.
    report : callable
        Called at every step with iteration, likeness, step length in mm and pose. What it raises stops the climb and is raised here.

    Raises
    ------
    RegistrationError
        The images do not overlap at the pose, or ITK gives up.
    """
    turn = _facing(pose)
    unit = math.sqrt(float(source.moments()[1].sum()))
    method = sitk.ImageRegistrationMethod()
    _set_samples(method, source, samples, plan.seed, unit)
    if target.seen is not None:
        method.SetMetricMovingMask(_image_of(target.seen.astype(np.uint8), target.origin, target.steps, unit=unit, turn=turn))
    _set_metric(method, plan)
    method.SetInterpolator(sitk.sitkLinear)
    # Gradients straight from the interpolated target, not from a smoothed image of them: that would belong to another function than the
    # one climbed (bench/register: 0.41 against 0.26 mm on simulated EPI), and takes 24 bytes per voxel.
    method.MetricUseFixedImageGradientFilterOff()
    method.MetricUseMovingImageGradientFilterOff()
    first, last = (step / unit for step in step_mm)
    method.SetOptimizerAsRegularStepGradientDescent(first, last, plan.iterations, RELAXATION, 1e-10)
    method.SetOptimizerScales(_scales(source, centre, unit))
    transform = _euler(_turned(pose, turn), centre, unit)
    method.SetInitialTransform(transform, inPlace=True)
    raised: list[BaseException] = []
    last_position: list[tuple[float, ...]] = []

    def at_iteration() -> None:
        if raised:
            return
        try:
            here = method.GetOptimizerPosition()
            # ITK tells its first step length for ever; the true one is how far the parameters went.
            step = math.dist(here, last_position[0]) * unit if last_position else step_mm[0]
            last_position[:] = [here]
            report(method.GetOptimizerIteration() + 1, _likeness(method, plan), step, _turned(_euler_matrix(here, centre, unit), turn.T))
        except BaseException as error:  # noqa: BLE001 - carried over ITK's frames and raised below; ITK would lose it
            raised.append(error)
            method.StopRegistration()

    method.AddCommand(sitk.sitkIterationEvent, at_iteration)
    try:
        with _one_thread():
            reach = _corners(source) @ pose[:3, :3].T + pose[:3, 3]
            method.Execute(_cut(source, _corners(source), unit=unit), _cut(target, reach, unit=unit, turn=turn))
    except RuntimeError as error:
        if not raised:
            raise RegistrationError(_in_words(str(error))) from error
    finally:
        method.RemoveAllCommands()  # the command holds the method and the method the command: Python cannot see that ring to free it
    if raised:
        raise raised[0]
    end = _turned(_euler_matrix(transform.GetParameters(), centre, unit), turn.T)
    return Climb(end, _likeness(method, plan), _stop_in_words(method))


def _set_metric(method: sitk.ImageRegistrationMethod, plan: RegistrationPlan) -> None:
    """Give ITK the plan's metric; it has no normalised mutual information, and `register` never asks for it here."""
    if plan.metric == "ncc":
        method.SetMetricAsCorrelation()
    elif plan.metric == "mse":
        method.SetMetricAsMeanSquares()
    else:
        method.SetMetricAsMattesMutualInformation(plan.bins)


def _likeness(method: sitk.ImageRegistrationMethod, plan: RegistrationPlan) -> float:
    """ITK's figure as the built-in metric gives it: ITK minimises, and squares the correlation."""
    value = -float(method.GetMetricValue())
    return math.sqrt(max(value, 0.0)) if plan.metric == "ncc" else value


class _OneThread:
    """Borrows ITK's global thread count for as long as any climb runs, and gives it back after the last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._lent = 0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            if self._users == 0:
                self._lent = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
            self._users += 1
            sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(self._lent)


_one_thread = _OneThread()


def _image_of(
    values: NDArray[np.generic], origin: FloatArray, steps: FloatArray, *, unit: float, turn: FloatArray | None = None
) -> sitk.Image:
    """ITK image of values on voxels of a frame, its axes turned and its lengths counted in units of so many mm.

    Steps that are not at right angles make a direction matrix that ITK's file formats refuse, and its images take.
    """
    edges = np.linalg.norm(steps, axis=0)
    turn = np.eye(3) if turn is None else turn
    image = sitk.GetImageFromArray(values.T)
    image.SetSpacing((edges / unit).tolist())
    image.SetOrigin((turn @ origin / unit).tolist())
    image.SetDirection((turn @ (steps / edges)).ravel().tolist())
    return image


def _facing(pose: FloatArray) -> FloatArray:
    """(3, 3) turn that lays axes on axes, and the target's nearest to the source's at a pose.

    The turn left between both is then below 63 degrees, far from the poles of Euler angles.
    """
    return max(cube_rotations(), key=lambda turned: float(np.trace(turned @ pose[:3, :3])))


def _turned(pose: FloatArray, turn: FloatArray) -> FloatArray:
    """A pose whose target is turned about its frame's origin."""
    whole = np.eye(4)
    whole[:3, :3] = turn
    return np.asarray(whole @ pose)


def _set_samples(method: sitk.ImageRegistrationMethod, source: Level, samples: int, seed: int, unit: float) -> None:
    """Have ITK compare about so many points of the source's foreground: those of a cubic lattice, each moved by chance, by a seed.

    The lattice is ITK's virtual domain, of which it takes every point. A share of the image's own voxels would be lined up with its rows.
    """
    found = source.foreground
    voxel = abs(float(np.linalg.det(source.steps)))
    edge = (found.extent / min(samples, found.extent / voxel)) ** (1 / 3)
    low, high = found.box()
    count = np.maximum(1, np.rint((high - low) / edge)).astype(int)
    origin = (low + high) / 2 - (count - 1) / 2 * edge
    method.SetVirtualDomain(count.tolist(), (origin / unit).tolist(), [edge / unit] * 3, np.eye(3).ravel().tolist())
    method.SetMetricFixedMask(_image_of(found.mask().astype(np.uint8), found.origin, found.steps, unit=unit))
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(1.0, seed)


def _corners(source: Level) -> FloatArray:
    """(8, 3) frame positions of the corners of a box around all samples, mm."""
    low, high = source.foreground.box()
    return np.array(list(product(*zip(low - source.spacing, high + source.spacing, strict=True))))


def _cut(level: Level, corners: FloatArray, *, unit: float, turn: FloatArray | None = None) -> sitk.Image:
    """ITK image of the part of a level that a box with these corners takes in: ITK copies, and looks at, every voxel before it begins."""
    index, end = (corners - level.origin) @ np.linalg.inv(level.steps).T, np.array(level.values.shape) - 1
    first = np.clip(np.floor(index.min(axis=0)), 0, end).astype(int)
    last = np.clip(np.ceil(index.max(axis=0)), first, end).astype(int)
    part = level.values[tuple(slice(a, b + 1) for a, b in zip(first.tolist(), last.tolist(), strict=True))]
    return _image_of(part, level.origin + level.steps @ first, level.steps, unit=unit, turn=turn)


def _scales(source: Level, centre: FloatArray, unit: float) -> list[float]:
    """ITK's scales that make equal parameters move the object alike: mean square units per radian about x, y, z, and 1 per unit.

    ITK's own estimate looks at the corners of the image, which lie farther out than the object and make it turn too slowly.
    """
    mean, variance = source.moments()
    square = variance + (mean - centre) ** 2
    return [*(max(float(square.sum() - own), source.spacing**2) / unit**2 for own in square), 1.0, 1.0, 1.0]


def _euler(pose: FloatArray, centre: FloatArray, unit: float) -> sitk.Euler3DTransform:
    """ITK's transform of a rigid pose, its lengths in units of so many mm."""
    transform = sitk.Euler3DTransform()
    transform.SetCenter((centre / unit).tolist())
    transform.SetMatrix(pose[:3, :3].ravel().tolist(), 1e-6)
    transform.SetTranslation(((pose[:3, :3] @ centre + pose[:3, 3] - centre) / unit).tolist())
    return transform


def _euler_matrix(parameters: tuple[float, ...], centre: FloatArray, unit: float) -> FloatArray:
    """(4, 4) pose of ITK's parameters: angles about x, y, z in radians, applied as Rz Rx Ry, then a shift in units of so many mm."""
    (sx, sy, sz), (cx, cy, cz) = ([f(a) for a in parameters[:3]] for f in (math.sin, math.cos))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    pose = np.eye(4)
    pose[:3, :3] = about_z @ about_x @ about_y
    pose[:3, 3] = np.array(parameters[3:]) * unit + centre - pose[:3, :3] @ centre
    return pose


def _stop_in_words(method: sitk.ImageRegistrationMethod) -> str:
    """Why ITK's optimiser stopped, without its class names."""
    said = method.GetOptimizerStopConditionDescription()
    steps = method.GetOptimizerIteration()
    if "Step too small" in said:
        return f"converged after {steps} steps: the step became shorter than the tolerance"
    if "Maximum number of iterations" in said:
        return f"stopped at the plan's limit of {steps} steps before it had converged"
    if "Gradient magnitude tolerance" in said:
        return f"converged after {steps} steps: the metric is flat"
    return str(said.partition(": ")[2] or said)


def _in_words(said: str) -> str:
    """One sentence for what ITK threw."""
    if "map outside moving image" in said or "VirtualSampledPointSet must have" in said or "valid points" in said.lower():
        return "The two images hardly overlap where the registration starts; move one onto the other roughly, then refine."
    last = said.strip().splitlines()[-1].strip()
    return f"ITK could not register the two images: {last}"
