"""Simulated EPI of real heads whose place is known exactly: fluid bright, dropout and distortion near air, thick oblique slices.

A case is an anatomy and an EPI made from it. The anatomy's tissue is given the signal of a T2*-weighted scan (fat is suppressed, bone is
dark), multiplied by a receive profile and by the dropout above the frontal sinus and the ear canals, displaced along the phase axis near
those places by up to 6 mm with the brightening that goes with it, averaged over each voxel, and given Rician noise. The truth is the
place of the *undistorted* brain; errors are counted over all of the brain in view, and over the part that moved by less than half a
millimetre.

``python tests/bench/epi_cases.py [CASES] [ENGINES]`` prints the errors of `register` from near the truth, without and with its last step.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter, gaussian_filter1d, label, map_coordinates

from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.geometry.rigid import RigidTransform
from volstudio.volumes.readers import open_volume
from volstudio.volumes.samples import sample
from volstudio.volumes.volume import Volume

DATA = Path(os.environ.get("VOLSTUDIO_SHARED", Path(__file__).parents[3] / "shared")) / "data"
ANATOMIES = ("sample", "chris", "spm152", "someones")
FILES = {"chris": "head/chris_t1.nii.gz", "spm152": "head/spm152.nii.gz", "someones": "pair/someones_anatomy.nii.gz"}

# T1 as a share of white matter's -> signal at an echo time of 30 ms: fluid, grey, white; fat and vessels are brighter than white matter.
T1_KNOTS, SIGNAL = (0.0, 0.35, 0.65, 0.9, 1.0, 1.3), (1000, 1000, 720, 540, 520, 480)
SCALP = 160  # times T1: muscle and what the fat suppression leaves
# Where air meets brain, in half-widths of the brain from its middle (left-right, back-front, down-up), and the sign of the displacement.
SITES = (((0.0, 0.62, -0.5), 1), ((-0.72, -0.1, -0.7), -1), ((0.72, -0.1, -0.7), -1))
SUB = 3  # points per voxel and axis that a voxel's signal is averaged from
QUIET_MM = 0.5


@dataclass(frozen=True)
class Settings:
    """One scan: where its slices lie, and how bad it is."""

    voxel_mm: tuple[float, float, float]
    slices: int
    tilt_deg: tuple[float, float, float]
    shift_mm: tuple[float, float, float]
    noise: float
    bias: float
    lost: float
    displaced_mm: float
    seed: int

    @classmethod
    def drawn(cls, seed: int) -> Settings:
        """A scan as bad as its seed says."""
        random = np.random.default_rng((20, seed))
        plane = random.choice([2.0, 2.4, 3.0, 3.2, 3.75])
        return cls(
            voxel_mm=(plane, plane, random.choice([2.4, 3.0, 3.6, 4.0])),
            slices=int(random.integers(20, 35)),
            tilt_deg=(random.uniform(-25, 15), random.uniform(-5, 5), random.uniform(-6, 6)),
            shift_mm=(random.uniform(-4, 4), random.uniform(-6, 6), random.uniform(-8, 16)),
            noise=random.uniform(10, 50),
            bias=random.uniform(0.1, 0.4),
            lost=random.uniform(0.6, 0.97),
            displaced_mm=random.uniform(1.0, 6.0),
            seed=seed,
        )


@dataclass(frozen=True)
class Case:
    """An anatomy, an EPI of it, and where the EPI belongs.

    ``points`` (n, 3) mm lie in the brain in fixed:scanner, ``quiet`` (n,) says where the distortion is below half a millimetre.
    """

    name: str
    fixed: Volume
    moving: Volume
    truth: np.ndarray
    points: np.ndarray
    quiet: np.ndarray

    def errors(self, moving_to_fixed):
        """Mean mm over all of the brain, and over its undistorted part."""
        change = np.asarray(moving_to_fixed) @ np.linalg.inv(self.truth) - np.eye(4)
        far = np.linalg.norm(self.points @ change[:3, :3].T + change[:3, 3], axis=1)
        return float(far.mean()), float(far[self.quiet].mean())

    def start(self, seed=0):
        """A map some 2 mm and 2 degrees from the truth."""
        random = np.random.default_rng((7, seed))
        axis, shift = random.normal(size=(2, 3))
        centre = self.points.mean(axis=0)
        move = RigidTransform.from_axis_angle(axis, np.radians(2.0), shift / np.linalg.norm(shift) * 2.0, centre=centre).matrix
        return Affine(move @ self.truth, f"{self.moving.name}:scanner", f"{self.fixed.name}:scanner")


@cache
def anatomy(name: str) -> tuple[Volume, np.ndarray, float]:
    """A T1, the mask of its brain, and the brightness of its white matter."""
    volume = sample("t1") if name == "sample" else open_volume(DATA / FILES[name], name="fixed")
    grid = Grid(volume.shape[:3], Affine(volume.affine.matrix, "fixed:voxel", "fixed:scanner"))
    volume = Volume(np.asarray(volume.frame(0), np.float32), grid, "fixed")
    values, edge = volume.frame(0), volume.grid.voxel_sizes
    inside = values[values > 0.25 * values.max()]
    counts, edges = np.histogram(inside, 60)
    upper = np.argmax(counts * (edges[1:] > np.median(inside)))
    white = float(edges[upper : upper + 2].mean())
    return volume, brain_mask(values > 0.45 * white, float(edge.mean())), white


def brain_mask(bright: np.ndarray, edge: float) -> np.ndarray:
    """The largest bright thing that an erosion by 4 mm leaves, grown again to hold the fluid in it and around it."""
    margin = round(20 / edge)
    bright = np.pad(bright, margin)
    core, count = label(distance_transform_edt(bright) * edge > 4)
    sizes = np.bincount(core.ravel(), minlength=count + 1)[1:]
    away = distance_transform_edt(core != 1 + np.argmax(sizes)) * edge
    inner = (slice(margin, -margin),) * 3
    return (distance_transform_edt(away < 15) * edge > 9)[inner]


def simulated(name: str, settings: Settings) -> Case:
    """An EPI of an anatomy."""
    fixed, brain, white = anatomy(name)
    random = np.random.default_rng(settings.seed)
    where = np.argwhere(brain)
    low, high = (fixed.affine.apply(np.percentile(where, q, axis=0)) for q in (0.5, 99.5))
    middle, half = (low + high) / 2, np.abs(high - low) / 2
    zoom = np.array(settings.voxel_mm)
    shape = (round(float(210 / zoom[0])), round(float(216 / zoom[1])), settings.slices)
    affine = np.eye(4)
    affine[:3, :3] = RigidTransform.from_euler(np.deg2rad(settings.tilt_deg)).rotation @ np.diag(zoom)
    affine[:3, 3] = middle + settings.shift_mm - affine[:3, :3] @ ((np.array(shape) - 1) / 2)

    fine = np.stack(np.meshgrid(*((np.arange(n * SUB) - (SUB - 1) / 2) / SUB for n in shape), indexing="ij"))
    world = np.tensordot(affine[:3, :3], fine, 1).astype(np.float32) + affine[:3, 3].astype(np.float32)[:, None, None, None]
    displaced, left = _susceptibility(world, middle, half, settings, random)
    along = affine[:3, 1] / zoom[1]
    from_where = world - along[:, None, None, None] * displaced
    signal = _signal(fixed, brain, white, from_where)
    signal *= left * (1 - np.gradient(displaced, zoom[1] / SUB, axis=1)) * _receive(world, middle, settings.bias, random)
    for axis, width in enumerate((1.0, random.uniform(1.0, 1.4), 1.0)):  # of the point spread, voxels; T2* widens it along the phase
        signal = gaussian_filter1d(signal, width * SUB / 2.3548, axis=axis)
    image = signal[SUB // 2 :: SUB, SUB // 2 :: SUB, SUB // 2 :: SUB]
    noise = random.normal(0, settings.noise, (2, *image.shape))
    image = np.hypot(image + noise[0], noise[1]).astype(np.float32)

    centres = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"))[:, ::2, ::2]
    there = np.tensordot(affine[:3, :3], centres, 1) + affine[:3, 3][:, None, None, None]
    there_index = np.tensordot(np.linalg.inv(fixed.affine.matrix)[:3], np.concatenate([there, np.ones((1, *there.shape[1:]))]), 1)
    in_brain = map_coordinates(brain.astype(np.float32), there_index, order=0) > 0
    moved = np.abs(displaced[SUB // 2 :: SUB, SUB // 2 :: SUB, SUB // 2 :: SUB][::2, ::2])
    wrong = _wrong(middle, random)
    moving = Volume(image, Grid(shape, Affine(wrong @ affine, "moving:voxel", "moving:scanner")), "moving")
    return Case(f"{name} {settings.seed}", fixed, moving, np.linalg.inv(wrong), there[:, in_brain].T, (moved < QUIET_MM)[in_brain])


def _wrong(centre, random):
    """A move of 10 degrees and 10 mm that the header is wrong by."""
    axis, shift = random.normal(size=(2, 3))
    return RigidTransform.from_axis_angle(axis, np.radians(10), shift / np.linalg.norm(shift) * 10, centre=centre).matrix


def _signal(fixed, brain, white, world):
    """Tissue signal at places (3, ...)."""
    values = fixed.frame(0)
    edge = float(fixed.grid.voxel_sizes.mean())
    index = np.tensordot(np.linalg.inv(fixed.affine.matrix)[:3, :3], world, 1)
    index += np.linalg.inv(fixed.affine.matrix)[:3, 3][:, None, None, None]
    t1 = map_coordinates(values, index, order=1, prefilter=False) / np.float32(white)
    # The brain's mask with a soft edge of a millimetre, so that no step of its voxels is seen.
    soft = np.clip(0.5 + (distance_transform_edt(brain) - distance_transform_edt(~brain)) * edge / 2, 0, 1).astype(np.float32)
    share = map_coordinates(gaussian_filter(soft, 0.7 / edge), index, order=1, prefilter=False)
    return share * np.interp(t1, T1_KNOTS, SIGNAL).astype(np.float32) + (1 - share) * np.float32(SCALP) * np.clip(t1, 0, 1)


def _susceptibility(world, middle, half, settings, random):
    """Displacement along the phase axis in mm, and the share of the signal that is left, at places (3, ...)."""
    displaced, left = np.zeros(world.shape[1:], np.float32), np.ones(world.shape[1:], np.float32)
    sign = random.choice([-1, 1])
    for at, side in SITES:
        centre = middle + half * (np.array(at) + random.uniform(-0.06, 0.06, 3))
        widths = half * random.uniform(0.2, 0.3, 3)
        square = sum(((world[k] - np.float32(centre[k])) / np.float32(widths[k])) ** 2 for k in range(3))
        left *= 1 - np.float32(settings.lost * random.uniform(0.8, 1)) * np.exp(-0.5 * square * np.sqrt(square))
        displaced += np.float32(sign * side * settings.displaced_mm * random.uniform(0.6, 1)) * np.exp(-0.5 * square / 1.3**2)
    return displaced, left


def _receive(world, middle, bias, random):
    """Sensitivity of the coil at places (3, ...)."""
    slope = random.normal(size=3)
    slope *= bias / np.linalg.norm(slope)
    x, y, z = ((world[k] - np.float32(middle[k])) / np.float32(90) for k in range(3))
    return (1 + np.float32(slope[0]) * x + np.float32(slope[1]) * y + np.float32(slope[2]) * z
            + np.float32(bias / 2) * (x * x + y * y + z * z)).clip(0.1)  # fmt: skip


def cases(count: int, *, first: int = 0):
    """Cases one after the other, over the anatomies that are there."""
    there = [name for name in ANATOMIES if name == "sample" or (DATA / FILES[name]).is_file()]
    for seed in range(first, first + count):
        yield simulated(there[seed % len(there)], Settings.drawn(seed))


def main(count: int, engines: list[str]) -> None:
    from volstudio.registration.plan import RegistrationPlan
    from volstudio.registration.rigid import register

    print("case            engine      settle   all mm  quiet mm  CPU s")
    for case in cases(count):
        for engine in engines:
            for settle in ("none", "auto"):
                began = time.process_time()
                plan = RegistrationPlan(start="given", refine=engine, settle=settle)
                found = register(case.fixed, case.moving, plan=plan, start=case.start(), judge=False)
                over_all, over_quiet = case.errors(found.moving_to_fixed.matrix)
                cost = time.process_time() - began
                print(f"{case.name:<16}{engine:<12}{settle:<8}{over_all:7.3f}{over_quiet:10.3f}{cost:7.2f}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8, sys.argv[2].split(",") if len(sys.argv) > 2 else ["builtin"])
