"""The border to SimpleITK: arrays in a frame <-> ITK images, poses <-> ITK transforms, one climb of mutual information.

ITK's world is left-posterior-superior, and its images carry direction matrices that it refuses when sheared. Neither matters here: ITK only
ever sees isotropic images with identity direction, in the millimetres of a frame (see `volstudio.registration.prepare`), and rigid
maps between two frames. Its transform maps *fixed to moving* points; the names ``source`` (ITK's fixed image, where samples lie) and
``target`` keep that apart from what a person calls fixed and moving.

Measured on SimpleITK 2.5: ``Execute`` releases Python's lock (a window's thread beside it waits for at most 10 ms), and its
mutual information differs from run to run with two threads, never with one. The method's own ``SetNumberOfThreads`` does not reach the
metric, so ITK's global count is borrowed while a climb lasts.
"""

from __future__ import annotations

import math
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
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

__all__ = ["ITK_METRICS", "Climb", "climb", "itk_versions", "resampled"]

# Of the plan's metrics, those that SimpleITK has.
ITK_METRICS = ("mi", "ncc", "mse")
# A recursive Gaussian needs four samples, and one narrower than half a voxel is not what it says.
LEAST_SAMPLES = 4
LEAST_SIGMA = 0.5
# Steps shrink gently: with ITK's usual 0.5 or 0.6 the climb ends halfway along a narrow ridge, such as the turns of a near-round head
# (blobs of tests/registration: 0.6 mm off at 0.6, 0.3 at 0.7, below 0.1 from 0.75 on).
RELAXATION = 0.8


def itk_versions() -> dict[str, str]:
    """Versions of SimpleITK and of the ITK in it."""
    return {"SimpleITK": str(sitk.Version.VersionString()), "ITK": str(sitk.Version.ITKVersionString())}


# ------------------------------------------------------------------------------------------------------------------ resampling
def resampled(
    values: NDArray[np.float32], to_frame: FloatArray, *, sigma_mm: float, spacing: float, box: FloatArray
) -> tuple[NDArray[np.float32], FloatArray]:
    """Voxels smoothed, then interpolated on an isotropic grid that fills a box of the frame.

    Parameters
    ----------
    values : (i, j, k) float32 array
    to_frame : (4, 4) float array
        Voxel indices -> frame, mm; any affine.
    sigma_mm : float
        Of the Gaussian, along the voxel axes that have the samples for it.
    spacing : float
        Edge of the new voxels, mm.
    box : (2, 3) float array
        Least and greatest frame coordinates to be filled; the grid lies centred in it.

    Returns
    -------
    (i, j, k) float32 array, and the (3,) frame position of its first voxel
    """
    image = sitk.GetImageFromArray(values.T)
    for axis, step in enumerate(np.linalg.norm(to_frame[:3, :3], axis=0)):
        sigma = sigma_mm / step
        if sigma >= LEAST_SIGMA and values.shape[axis] >= LEAST_SAMPLES:
            smoothing = sitk.RecursiveGaussianImageFilter()
            smoothing.SetSigma(float(sigma))
            smoothing.SetDirection(axis)
            image = smoothing.Execute(image)
    extent = box[1] - box[0]
    count = np.maximum(1, np.rint(extent / spacing)).astype(int)
    origin = box.mean(axis=0) - (count - 1) / 2 * spacing
    to_index = sitk.AffineTransform(3)
    inverse = np.linalg.inv(to_frame)
    to_index.SetMatrix(inverse[:3, :3].ravel().tolist())
    to_index.SetTranslation(inverse[:3, 3].tolist())
    filling = sitk.ResampleImageFilter()
    filling.SetTransform(to_index)
    filling.SetSize(count.tolist())
    filling.SetOutputOrigin(origin.tolist())
    filling.SetOutputSpacing([spacing] * 3)
    # Beyond the outer voxel centres lies half a voxel that belongs to the volume: it takes the nearest value, not zero.
    filling.UseNearestNeighborExtrapolatorOn()
    image = filling.Execute(image)
    return sitk.GetArrayViewFromImage(image).T.copy(order="F"), origin


def _image_of(level: Level, values: NDArray[np.generic]) -> sitk.Image:
    """ITK image, identity direction, of values on a level's voxels."""
    image = sitk.GetImageFromArray(values.T)
    image.SetSpacing([level.spacing] * 3)
    image.SetOrigin(level.origin.tolist())
    return image


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
    target, facing = _facing(target, pose)
    back = np.linalg.inv(facing)
    transform = _euler(facing @ pose, centre)
    method = sitk.ImageRegistrationMethod()
    source = _cut(source)
    method.SetMetricFixedMask(_image_of(source, source.near.astype(np.uint8)))
    if target.seen is not None:
        method.SetMetricMovingMask(_image_of(target, target.seen.astype(np.uint8)))
    _set_metric(method, plan)
    method.SetInterpolator(sitk.sitkLinear)
    # Gradients straight from the interpolated target, not from a smoothed image of them: that would belong to another function than the
    # one climbed (bench/register: 0.41 against 0.26 mm on simulated EPI), and takes 24 bytes per voxel.
    method.MetricUseFixedImageGradientFilterOff()
    method.MetricUseMovingImageGradientFilterOff()
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(_share(source, samples), plan.seed)
    method.SetOptimizerAsRegularStepGradientDescent(step_mm[0], step_mm[1], plan.iterations, RELAXATION, 1e-10)
    method.SetOptimizerScales(_scales(source, centre))
    method.SetInitialTransform(transform, inPlace=True)
    raised: list[BaseException] = []
    last_position: list[tuple[float, ...]] = []

    def at_iteration() -> None:
        if raised:
            return
        try:
            here = method.GetOptimizerPosition()
            # ITK tells its first step length for ever; the true one is how far the parameters went.
            step = math.dist(here, last_position[0]) if last_position else step_mm[0]
            last_position[:] = [here]
            report(method.GetOptimizerIteration() + 1, _likeness(method, plan), step, back @ _euler_matrix(here, centre))
        except BaseException as error:  # noqa: BLE001 - carried over ITK's frames and raised below; ITK would lose it
            raised.append(error)
            method.StopRegistration()

    method.AddCommand(sitk.sitkIterationEvent, at_iteration)
    try:
        with _one_thread():
            method.Execute(_image_of(source, source.values), _image_of(target, target.values))
    except RuntimeError as error:
        if not raised:
            raise RegistrationError(_in_words(str(error))) from error
    finally:
        method.RemoveAllCommands()  # the command holds the method and the method the command: Python cannot see that ring to free it
    if raised:
        raise raised[0]
    return Climb(back @ _euler_matrix(transform.GetParameters(), centre), _likeness(method, plan), _stop_in_words(method))


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


def _facing(target: Level, pose: FloatArray) -> tuple[Level, FloatArray]:
    """The same target with its axes named and signed to lie nearest to the source's at a pose, and the (4, 4) map into its new frame.

    The turn left between both is then below 63 degrees, far from the poles of Euler angles.
    """
    turn = max(cube_rotations(), key=lambda turned: float(np.trace(turned @ pose[:3, :3])))
    order = np.abs(turn).argmax(axis=1)
    signs = turn.sum(axis=1)
    flips = tuple(slice(None, None, int(sign)) for sign in signs)
    ends = target.origin + target.spacing * (np.array(target.values.shape) - 1)
    origin = np.where(signs > 0, target.origin[order], -ends[order])
    seen = None if target.seen is None else target.seen.transpose(order)[flips]
    values, near = target.values.transpose(order)[flips], target.near.transpose(order)[flips]
    facing = np.eye(4)
    facing[:3, :3] = turn
    return replace(target, origin=origin, values=values, near=near, seen=seen), facing


def _cut(level: Level) -> Level:
    """A level without the outer planes that hold no sample."""
    ends = [np.flatnonzero(level.near.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    cut = tuple(slice(int(index[0]), int(index[-1]) + 1) for index in ends)
    origin = level.origin + level.spacing * np.array([part.start for part in cut])
    return replace(level, origin=origin, values=level.values[cut], near=level.near[cut])


def _share(source: Level, samples: int) -> float:
    """Share of the source's voxels that makes ITK take about so many samples.

    ITK takes every n-th voxel in memory order; an n that shares a factor with a line or a plane would take some columns and no others.
    """
    line, plane = source.near.shape[0], source.near.shape[0] * source.near.shape[1]
    stride = max(1, round(int(source.near.sum()) / samples))
    while math.gcd(stride, line) > 1 or math.gcd(stride, plane) > 1:
        stride += 1
    return 1 / (stride - 1e-6) if stride > 1 else 1.0  # ITK rounds the reciprocal up


def _scales(source: Level, centre: FloatArray) -> list[float]:
    """ITK's scales that make a unit of each parameter move the object alike: mean square mm per radian about x, y, z, and 1 per mm.

    ITK's own estimate looks at the corners of the image, which lie farther out than the object and make it turn too slowly.
    """
    mean, variance = source.moments()
    square = variance + (mean - centre) ** 2
    return [*(max(float(square.sum() - own), source.spacing**2) for own in square), 1.0, 1.0, 1.0]


def _euler(pose: FloatArray, centre: FloatArray) -> sitk.Euler3DTransform:
    """ITK's transform of a rigid pose."""
    transform = sitk.Euler3DTransform()
    transform.SetCenter(centre.tolist())
    transform.SetMatrix(pose[:3, :3].ravel().tolist(), 1e-6)
    transform.SetTranslation((pose[:3, :3] @ centre + pose[:3, 3] - centre).tolist())
    return transform


def _euler_matrix(parameters: tuple[float, ...], centre: FloatArray) -> FloatArray:
    """(4, 4) pose of ITK's parameters: angles about x, y, z in radians, applied as Rz Rx Ry, then a shift in mm."""
    (sx, sy, sz), (cx, cy, cz) = ([f(a) for a in parameters[:3]] for f in (math.sin, math.cos))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    pose = np.eye(4)
    pose[:3, :3] = about_z @ about_x @ about_y
    pose[:3, 3] = np.array(parameters[3:]) + centre - pose[:3, :3] @ centre
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
