"""Where a registration begins and what it is held to: the doors' wishes checked, and every choice that they leave open made."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from volstudio.errors import RegistrationError, SpaceMismatchError
from volstudio.geometry.affine import Affine
from volstudio.geometry.spaces import scanner
from volstudio.registration.bounds import Bounds
from volstudio.registration.masks import Region, opened
from volstudio.registration.prepare import choose_levels
from volstudio.registration.single import one_frame
from volstudio.registration.sitk_bridge import ITK_METRICS
from volstudio.volumes.volume import check_volume, distinct_names

if TYPE_CHECKING:
    from volstudio.geometry.affine import FloatArray
    from volstudio.progress import Progress
    from volstudio.registration.pairing import Pairing
    from volstudio.registration.plan import RegistrationPlan
    from volstudio.registration.single import Time
    from volstudio.volumes.volume import Volume

__all__ = ["beginning", "bounds_about", "checked_start", "frames", "refuse_apart", "regions_of", "resolved", "searches"]

# Rigid to this: larger than what float32 headers and 6-digit transform files leave, far below a millimetre over a body.
RIGID_TOLERANCE = 1e-4
LEAST_OVERLAP = 0.1
LEAST_VOXELS = 256
LEAST_ALONG = 8
# A strip of light-sheet microscopy is 20 times as long as wide, and a slice of a thick stack 50 times as thick as its voxels.
LONGEST, LONGEST_VOXEL = 100, 1000

Regions = tuple[Region | None, Region | None]


def frames(plan: RegistrationPlan, scans: tuple[Volume, Volume], progress: Progress) -> tuple[tuple[Volume, Volume], tuple[str, ...]]:
    """Both scans with one real number per voxel, of series at the plan's time, and notes of what was left out.

    Raises
    ------
    RegistrationError
        The plan names a time point, and no scan has it.
    """
    if plan.time != "first" and all(scan.n_times == 1 for scan in scans):
        raise RegistrationError(f"Time {plan.time} was asked for, and neither {scans[0].name} nor {scans[1].name} is a series.")
    taken: list[Volume] = []
    notes: list[str] = []
    for scan in scans:
        time: Time = plan.time if scan.n_times > 1 else "first"
        frame, said = one_frame(scan, time=time, tick=partial(progress, f"reading {scan.name}", 0.0))
        taken.append(frame)
        notes += said
    return (taken[0], taken[1]), tuple(notes)


def regions_of(plan: RegistrationPlan, scans: tuple[Volume, Volume], masks: tuple[Volume | None, Volume | None]) -> Regions:
    """Regions of the fixed and the moving scan: of masks handed over, else of those that the plan names.

    Raises
    ------
    RegistrationError, UnreadableFileError
        A mask cannot be read, or is none.
    """
    regions: list[Region | None] = []
    for scan, mask, named, role in zip(scans, masks, (plan.fixed_mask, plan.moving_mask), ("fixed", "moving"), strict=True):
        if mask is not None:
            regions.append(Region.of(check_volume(mask, f"The mask of the {role} scan"), scan))
        else:
            regions.append(None if named is None else Region.of(opened(named), scan))
    return regions[0], regions[1]


def resolved(plan: RegistrationPlan, scans: tuple[Volume, Volume], regions: Regions) -> RegistrationPlan:
    """The plan as it will be carried out, with nothing left open; volumes too small to hold any structure are refused."""
    fixed, moving = scans
    for volume in scans:
        if math.prod(volume.shape) < LEAST_VOXELS or sorted(volume.shape)[1] < LEAST_ALONG:
            shape = " x ".join(map(str, volume.shape))
            raise RegistrationError(f"{volume.name} has {shape} voxels, too few to register: a plane of {LEAST_ALONG} x 16 is the least.")
        _refuse_stretched(volume)
    if min(fixed.shape) == 1 and min(moving.shape) == 1:
        raise RegistrationError(
            f"{fixed.name} and {moving.name} are single slices; where one lies across the other cannot be told, so one must be a volume."
        )
    if plan.metric not in ITK_METRICS:
        plan = plan.with_(refine="builtin")
    if plan.levels_mm:
        return plan
    widths = tuple(region.width_mm for region in regions if region is not None)
    return plan.with_(levels_mm=choose_levels(fixed.grid, moving.grid, masks_mm=widths))


def _refuse_stretched(volume: Volume) -> None:
    """Scans are no needles, and their voxels no needles or leaves: such a header is wrong, and its grids would fill the memory."""
    voxels = volume.grid.voxel_sizes
    edges = voxels * np.array(volume.shape)
    if np.sort(edges)[-1] > LONGEST * np.sort(edges)[1] or voxels.max() > LONGEST_VOXEL * voxels.min():
        sizes, voxel = (" x ".join(f"{edge:.3g}" for edge in each) for each in (edges, voxels))
        raise RegistrationError(
            f"{volume.name} measures {sizes} mm in voxels of {voxel} mm, which no scan does; check the sizes in its header."
        )


def searches(plan: RegistrationPlan, start: Affine | None) -> bool:
    """Whether every orientation is to be tried."""
    return plan.start == "search" or (plan.start == "auto" and start is None)


def checked_start(plan: RegistrationPlan, scans: tuple[Volume, Volume], start: Affine | None) -> Affine | None:
    """A given start between the scanner spaces of the two, and rigid.

    Raises
    ------
    SpaceMismatchError
        It leads from or to another space.
    RegistrationError
        It is not rigid, or the plan begins elsewhere.
    """
    if start is None:
        return None
    fixed, moving = scans
    if plan.start in {"header", "centres", "moments"}:
        raise RegistrationError(f"A start is given, and the plan starts from the {plan.start}; leave one of them out.")
    spaces = _spaces(fixed, moving)
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


def beginning(plan: RegistrationPlan, scans: tuple[Volume, Volume], start: Affine | None, pairing: Pairing) -> Affine:
    """Where to begin, between the scanner spaces of the two: the start given, the headers, or the middles laid on each other."""
    if start is not None:
        return start
    fixed, moving = scans
    matrix = np.eye(4)
    if plan.start == "centres":
        matrix[:3, 3] = fixed.grid.centre - moving.grid.centre
    elif plan.start == "moments":
        source, target = (
            frame[:3, :3] @ levels[0].moments()[0] + frame[:3, 3]
            for levels, frame in ((pairing.source, pairing.source_frame), (pairing.target, pairing.target_frame))
        )
        matrix[:3, 3] = target - source if pairing.source_is_moving else source - target
    return Affine(matrix, *_spaces(fixed, moving))


def bounds_about(plan: RegistrationPlan, pairing: Pairing, pose: FloatArray) -> Bounds | None:
    """The plan's bounds about the pose to begin from; None: there are none."""
    if plan.max_turn_deg is None and plan.max_shift_mm is None:
        return None
    middle, _ = pairing.source[0].moments()
    return Bounds(pose, middle, plan.max_turn_deg or math.inf, plan.max_shift_mm or math.inf)


def refuse_apart(scans: tuple[Volume, Volume], pairing: Pairing, pose: FloatArray) -> None:
    """Raise where next to nothing of the source's object lies in the target's field of view at the start."""
    inside = pairing.overlap(pose)
    if inside < LEAST_OVERLAP:
        raise RegistrationError(
            f"{scans[0].name} and {scans[1].name} do not overlap where the registration starts ({inside:.0%} of the smaller one lies in "
            "the other); move one onto the other roughly, then refine, or search without a start."
        )


def _spaces(fixed: Volume, moving: Volume) -> tuple[str, str]:
    """Scanner spaces, moving first."""
    fixed_name, moving_name = distinct_names((fixed, moving))
    return scanner(moving_name), scanner(fixed_name)
