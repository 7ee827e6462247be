"""Things to be scanned for the hard cases: a head, a brain, a bone, a piece of tissue, a body; and the scanner that samples them.

An `Anatomy` is known at every point of the world, so a scan on any grid has an exact place. Heads come from files, everything else is
made of a seed. Values run from 0 (air) to about 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

import nibabel
import numpy as np
from scipy.ndimage import (
    binary_closing,
    binary_fill_holes,
    distance_transform_edt,
    gaussian_filter,
    map_coordinates,
    spline_filter,
)

from volstudio.volumes.samples import sample

MRICRON = Path("/usr/share/mricron/templates")
OBJECT = 0.1  # values above it belong to the object
DOWN = 0.7  # a grid that much coarser than the anatomy is averaged over its voxels, and linear interpolation is enough


@dataclass(frozen=True, eq=False)
class Anatomy:
    """(i, j, k) float32 values on a grid with a (4, 4) affine, and their spline coefficients."""

    values: np.ndarray
    affine: np.ndarray
    spline: np.ndarray

    @classmethod
    def of(cls, values, affine):
        values = np.asarray(values, np.float32)
        return cls(values, np.asarray(affine, float), spline_filter(values, 3, output=np.float32))

    @property
    def voxel(self):
        return float(np.linalg.norm(self.affine[:3, 0]))

    @property
    def inside(self):
        """(n, 3) mm: voxels of the object, every fourth along each axis."""
        index = np.argwhere(self.values[::4, ::4, ::4] > OBJECT) * 4
        return index @ self.affine[:3, :3].T + self.affine[:3, 3]

    @property
    def box(self):
        """(2, 3) mm: corners of the object's box."""
        points = self.inside
        return np.stack([points.min(axis=0), points.max(axis=0)])

    @property
    def centre(self):
        return self.box.mean(axis=0)

    @property
    def width(self):
        """Median edge of the box, mm."""
        return float(np.median(np.diff(self.box, axis=0)))

    def scaled(self, factor):
        """The same thing in another size."""
        return replace(self, affine=np.diag([factor, factor, factor, 1.0]) @ self.affine)

    def scan(self, grid):
        """(i, j, k) read-only float32 values of a grid, averaged over its voxels where these are larger than the anatomy's."""
        return _scan(self, grid.shape, grid.affine.tobytes())


@dataclass(frozen=True)
class Scanned:
    """Shape and (4, 4) affine of a grid in the anatomy's world."""

    shape: tuple[int, int, int]
    affine: np.ndarray

    @property
    def points(self):
        """(i, j, k, 3) mm."""
        index = np.stack(np.meshgrid(*(np.arange(n) for n in self.shape), indexing="ij"), -1)
        return index @ self.affine[:3, :3].T + self.affine[:3, 3]

    @property
    def centre(self):
        return self.affine[:3, :3] @ ((np.array(self.shape) - 1) / 2) + self.affine[:3, 3]

    def coarser(self, factor):
        """The same field of view in larger voxels, along the axes that have the voxels for it."""
        steps = np.where(np.array(self.shape) >= 16, factor, 1.0)
        edges = np.linalg.norm(self.affine[:3, :3], axis=0)
        return grid_about(self.centre, edges * self.shape, edges * steps, self.affine[:3, :3] / edges)


@lru_cache(maxsize=8)  # many cases share their fixed scan
def _scan(anatomy, shape, affine_bytes):
    affine = np.frombuffer(affine_bytes).reshape(4, 4)
    to_index = np.linalg.inv(anatomy.affine) @ affine
    step = np.linalg.norm(to_index[:3, :3], axis=0)
    parts = np.where(step * DOWN > 1, np.clip(np.rint(step), 2, 6), 1).astype(int)
    order = 3 if parts.max() == 1 else 1
    total = np.zeros(shape, np.float32)
    offsets = np.stack(np.meshgrid(*((np.arange(n) + 0.5) / n - 0.5 for n in parts), indexing="ij"), -1).reshape(-1, 3)
    index = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")).reshape(3, -1)
    for offset in offsets:
        at = (to_index[:3, :3] @ (index + offset[:, None]) + to_index[:3, 3:]).astype(np.float32)
        source = anatomy.spline if order == 3 else anatomy.values
        total += map_coordinates(source, at, order=order, prefilter=False).reshape(shape)
    values = np.clip(total / len(offsets), 0, None)
    values.setflags(write=False)
    return values


def grid_about(centre, extent, voxel, axes=None):
    """Grid of a centre, an extent and voxel edges in mm along the columns of a (3, 3) rotation."""
    voxel = np.broadcast_to(np.asarray(voxel, float), 3)
    shape = tuple(int(n) for n in np.maximum(1, np.rint(np.asarray(extent) / voxel)))
    affine = np.eye(4)
    affine[:3, :3] = (np.eye(3) if axes is None else axes) @ np.diag(voxel)
    affine[:3, 3] = np.asarray(centre) - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Scanned(shape, affine)


# ------------------------------------------------------------------------------------------------------------- what is scanned
@cache
def brain():
    """The built-in sample's brain, 1 mm."""
    volume = sample("t1")
    values = np.asarray(volume.frame(), np.float32)
    return Anatomy.of(values / np.percentile(values[values > 0], 99.5), volume.affine.matrix)


@cache
def head(folder):
    """The whole head of a folder of scans (`head/chris_t1.nii.gz`, 0.88 mm); the sample's brain where there is none."""
    path = Path(folder) / "head" / "chris_t1.nii.gz" if folder else None
    return _read(path) if path and path.is_file() else brain()


def heads(folder):
    """All heads that are there by name: the sample's brain, those of a folder of scans, and Colin's of Debian's package mricron-data."""
    paths = {name: Path(folder or "") / "head" / f"{name}.nii.gz" for name in ("chris_t1", "spm152")} | {"colin": MRICRON / "ch2.nii.gz"}
    return {"sample": brain()} | {name: _read(path) for name, path in paths.items() if path.is_file()}


@cache
def macaque(folder):
    """A monkey's brain of mricron-data, 0.5 mm; where there is none, a head of its size."""
    path = MRICRON / "inia19-t1-brain.nii.gz"
    return _read(path) if path.is_file() else head(folder).scaled(0.45)


@cache
def _read(path):
    image = nibabel.load(path)
    values = np.nan_to_num(np.asarray(image.dataobj, np.float32))
    return Anatomy.of(values / np.percentile(values[values > 0], 99.5), image.affine)


@cache
def with_skull(anatomy):
    """Computed tomography of a head, for `hard_cases.hounsfield`: what is dark inside it and near its rim is bone, all else is soft."""
    hull = binary_fill_holes(binary_closing(anatomy.values > 0.15, iterations=3))
    near_rim = distance_transform_edt(hull) * anatomy.voxel < 0.085 * anatomy.width
    bone = gaussian_filter((hull & near_rim & (anatomy.values < 0.28)).astype(np.float32), 0.7)
    soft = np.where(hull, 0.4 + 0.15 * np.clip(anatomy.values, 0, 1.2), 0)
    return Anatomy.of(np.maximum(soft, 0.95 * bone), anatomy.affine)


def _lattice(shape, voxel):
    """Affine of a centred grid, and its points (3, i, j, k) from -1 to 1."""
    grid = grid_about((0, 0, 0), np.array(shape) * voxel, voxel)
    return grid.affine, np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")).astype(np.float32)


def _smooth(rng, shape, sigma):
    """Smooth noise of unit variance."""
    noise = gaussian_filter(rng.normal(size=shape).astype(np.float32), sigma)
    return noise / noise.std()


@cache
def bone(seed):
    """A bone 20 mm long: a cortical shell of uneven thickness, beams inside, marrow, a thin coat of muscle; 0.125 mm."""
    rng, shape = np.random.default_rng((seed, 1)), (150, 130, 190)
    affine, (x, y, z) = _lattice(shape, 0.125)
    waist = 0.45 + 0.25 * z**2 + 0.08 * z
    radius = np.hypot((x - 0.1 * z**2) / waist, (y + 0.12 * z) / (0.8 * waist)) + 0.06 * _smooth(rng, shape, 14)
    radius = np.maximum(radius, np.abs(z) * 1.1)
    beams = _smooth(rng, shape, 2.2)
    values = np.where(radius < 1.25, 0.18, 0.0)
    values = np.where(radius < 1, 0.95, values)
    values = np.where(radius < 0.85 - 0.08 * x, np.where(beams > 0.7, 0.8, 0.12), values)
    return Anatomy.of(gaussian_filter(values, 0.6), affine)


@cache
def tissue(seed):
    """A piece of tissue 0.5 mm wide, at 2 microns: an outline, a grain, vessels as holes, and 400 nuclei."""
    rng, shape = np.random.default_rng((seed, 2)), (220, 240, 90)
    affine, (x, y, _) = _lattice(shape, 0.002)
    outline = np.sqrt(x**2 + (y + 0.2 * x) ** 2) + 0.12 * _smooth(rng, shape, 20)
    values = np.where(outline < 0.85, 0.35 + 0.05 * _smooth(rng, shape, 5), 0.0)
    values[(_smooth(rng, shape, 8) > 2.0) & (outline < 0.8)] = 0.05
    marks = np.zeros(shape, np.float32)
    marks[tuple(rng.integers(0, n, 700) for n in shape)] = 1
    nuclei = gaussian_filter(marks, 2.2) * (2 * np.pi) ** 1.5 * 2.2**3
    values += np.where(outline < 0.85, np.clip(nuclei, 0, 1), 0) * 0.6
    return Anatomy.of(values.astype(np.float32), affine)


# Centre and half-widths in mm; brightness in CT and in PET.
ORGANS = {
    "torso": ((0, 0, 200), (190, 120, 330), 0.5, 0.15),
    "head": ((0, 10, 780), (78, 95, 115), 0.5, 0.15),
    "brain": ((0, 10, 790), (66, 82, 80), 0.54, 0.95),
    "left arm": ((240, 0, 180), (45, 48, 340), 0.5, 0.15),
    "right arm": ((-246, 15, 170), (45, 48, 330), 0.5, 0.15),
    "left leg": ((98, 0, -540), (72, 78, 480), 0.5, 0.15),
    "right leg": ((-102, 20, -530), (72, 78, 480), 0.5, 0.15),
    "left lung": ((85, 0, 350), (68, 88, 125), 0.15, 0.06),
    "right lung": ((-88, 0, 345), (74, 90, 120), 0.15, 0.06),
    "heart": ((35, 30, 320), (50, 48, 55), 0.56, 0.8),
    "liver": ((-75, 10, 190), (95, 80, 65), 0.57, 0.5),
    "spleen": ((110, -35, 195), (35, 30, 50), 0.56, 0.4),
    "left kidney": ((70, -60, 100), (28, 26, 55), 0.58, 0.85),
    "right kidney": ((-72, -60, 85), (28, 26, 55), 0.58, 0.85),
    "bladder": ((5, 20, -80), (40, 34, 36), 0.48, 1.1),
    "spine": ((0, -75, 250), (20, 22, 360), 0.85, 0.2),
    "pelvis": ((0, -30, -50), (130, 40, 28), 0.85, 0.2),
    "left thigh bone": ((98, 0, -330), (14, 14, 210), 0.95, 0.1),
    "right thigh bone": ((-102, 20, -325), (14, 14, 210), 0.95, 0.1),
    "left shin": ((96, 5, -790), (13, 13, 190), 0.95, 0.1),
    "right shin": ((-104, 25, -780), (13, 13, 190), 0.95, 0.1),
}


@cache
def body(contrast):
    """A body of 1.9 m made of organs, 5 mm; "ct" or "pet"."""
    grid = grid_about((0, 0, -60), (640, 340, 2000), 5.0)
    points, column = grid.points, 2 if contrast == "ct" else 3
    values = np.zeros(grid.shape, np.float32)
    for organ in ORGANS.values():
        radius = np.linalg.norm((points - organ[0]) / np.array(organ[1]), axis=-1)
        values[radius < 1] = organ[column]
    return Anatomy.of(gaussian_filter(values, 0.5), grid.affine)
