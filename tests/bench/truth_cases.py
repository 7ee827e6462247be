"""Pairs with a known truth, as files that any program can read: from a folder of cases, of `hard_cases`, or of the built-in sample.

A folder of cases holds ``cases.json``: ``pairs`` (files of a fixed and of moving volumes, ``T0``: the true fixed -> moving map of the
headers as they are, ``box``: where errors count) and ``cases`` (pair, level, seed, number of the moving volume, and a wrong move: axis,
angle_deg, t_mm). The move is written into the moving header; the voxels stay.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

import nibabel
import numpy as np
from hard_cases import LEVELS, build

from volstudio.geometry.rigid import RigidTransform
from volstudio.volumes.samples import brain_points, sample_path, truth

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class TruthCase:
    """Two files, the true (4, 4) fixed -> moving map in RAS+ mm, the (n, 3) fixed points where errors count, and what is near."""

    pair: str
    level: str
    seed: int
    fixed: Path
    moving: Path
    truth: np.ndarray
    points: np.ndarray
    tolerance_mm: float = 2.0

    def error_mm(self, matrix):
        """Mean distance of a map from the truth."""
        change = np.asarray(matrix) - self.truth
        return float(np.linalg.norm(self.points @ change[:3, :3].T + change[:3, 3], axis=1).mean())

    @property
    def voxel_mm(self):
        """Edge of a cube as large as a voxel of the finer scan."""
        return float(min(abs(np.linalg.det(nibabel.load(path).affine[:3, :3])) for path in (self.fixed, self.moving)) ** (1 / 3))

    def exchanged(self):
        """The same two files, the other one fixed: programs mind which of two holds only a part."""
        points = self.points @ self.truth[:3, :3].T + self.truth[:3, 3]
        sides = {"fixed": self.moving, "moving": self.fixed, "truth": np.linalg.inv(self.truth), "points": points}
        return replace(self, pair=f"{self.pair}, exchanged", **sides)

    def save(self, folder):
        """Keep the files, the truth and the points in a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for path, name in ((self.fixed, "fixed.nii"), (self.moving, "moving.nii")):
            shutil.copyfile(path, folder / name)
        np.save(folder / "truth.npy", self.truth)
        np.save(folder / "points.npy", self.points)


def from_folder(folder, scratch, *, pairs=None, levels=None, seeds=range(2), skip=lambda *_case: False):
    """Cases of a folder, the first few seeds of each pair and level; files are written to a scratch folder.

    ``skip(pair, level, seed)`` says which are not wanted, here and below.
    """
    book = json.loads((folder / "cases.json").read_text())
    wanted = [c for c in book["cases"] if (not pairs or c["pair"] in pairs) and (not levels or c["level"] in levels)]
    for group in dict.fromkeys((c["pair"], c["level"]) for c in wanted):
        here = sorted((c for c in wanted if (c["pair"], c["level"]) == group), key=lambda c: c["seed"])
        for case in here[seeds.start : seeds.stop]:
            if skip(case["pair"], case["level"], case["seed"]):
                continue
            pair = book["pairs"][case["pair"]]
            fixed, moving = (_plain(folder / name, scratch) for name in (pair["fixed"], pair["moving"][case["moving"]]))
            path, really = _moved(moving, case["axis"], case["angle_deg"], case["t_mm"], scratch / f"{case['id']}.nii")
            low, high = (np.array(pair["box"][end], float) for end in ("lo", "hi"))
            lattice = np.stack(np.meshgrid(*(np.linspace(0, 1, 7),) * 3, indexing="ij"), -1).reshape(-1, 3)
            points = low + (high - low) * lattice
            yield TruthCase(case["pair"], case["level"], case["seed"], fixed, path, really @ np.array(pair["T0"]), points)


def from_sample(scratch, *, levels=None, seeds=range(2), skip=lambda *_case: False):
    """Cases of the built-in sample: its EPI, put right and then moved by a level's move."""
    fixed, right = _plain(sample_path("t1"), scratch), truth().matrix
    image = nibabel.load(sample_path("epi"))
    epi = scratch / "epi.nii"
    nibabel.save(nibabel.Nifti1Image(np.asanyarray(image.dataobj), right @ image.affine), epi)
    points = brain_points() @ right[:3, :3].T + right[:3, 3]
    for level in levels or LEVELS:
        for seed in seeds:
            if skip("sample", level, seed):
                continue
            random = np.random.default_rng((seed, len(level)))
            (low_deg, high_deg), (low_mm, high_mm) = LEVELS[level]
            axis, direction = random.normal(size=(2, 3))
            shift = direction / np.linalg.norm(direction) * random.uniform(low_mm, high_mm)
            path, really = _moved(epi, axis, random.uniform(low_deg, high_deg), shift, scratch / f"sample-{level}-{seed}.nii")
            yield TruthCase("sample", level, seed, fixed, path, really, points)


def from_hard(kinds, scratch, *, levels=None, seeds=range(2), data=None, skip=lambda *_case: False):
    """Some kinds of `hard_cases`, as files that are there until the next case."""
    for number, (kind, seed, level) in enumerate(product(kinds, seeds, levels or LEVELS)):
        if skip(kind, level, seed):
            continue
        case = build(kind, level, seed, data=data)
        paths = [scratch / f"hard-{number}-{volume.name}.nii" for volume in (case.fixed, case.moving)]
        stored = []
        for volume, path in zip((case.fixed, case.moving), paths, strict=True):
            image = nibabel.Nifti1Image(volume.frame(), volume.affine.matrix)
            nibabel.save(image, path)
            stored.append(nibabel.load(path).affine @ np.linalg.inv(volume.affine.matrix))  # what float32 makes of the header
        really = stored[1] @ case.truth @ np.linalg.inv(stored[0])
        yield TruthCase(kind, level, seed, *paths, really, case.points, case.tolerance_mm)
        for path in paths:
            path.unlink()


def tiny(scratch):
    """Two small files that any program can register, to wake it up: an egg with a yolk, and the same a voxel further."""
    x, y, z = np.meshgrid(*(np.linspace(-1.2, 1.2, 32),) * 3, indexing="ij")
    egg = 100 * (x**2 + 1.4 * y**2 + 1.9 * z**2 < 1) + 80 * ((x - 0.3) ** 2 + y**2 + z**2 < 0.1) + 5 * np.sin(40 * x * y)
    paths = scratch / "tiny-fixed.nii", scratch / "tiny-moving.nii"
    for path, values in zip(paths, (egg, np.roll(egg, 1, axis=1)), strict=True):
        nibabel.save(nibabel.Nifti1Image(values.astype(np.float32), np.diag([5.0, 5.0, 5.0, 1.0])), path)
    return paths


def _plain(path, scratch):
    """An uncompressed copy, so that no program is timed by its unpacking."""
    copy = scratch / path.name.removesuffix(".gz")
    if not copy.exists():
        nibabel.save(nibabel.load(path), copy)
    return copy


def _moved(source, axis, angle_deg, shift, path):
    """A file with a header wrong by a turn about its middle and a shift; its path, and the move that its float32 header really holds."""
    image = nibabel.load(source)
    centre = image.affine[:3, :3] @ ((np.array(image.shape[:3]) - 1) / 2) + image.affine[:3, 3]
    move = RigidTransform.from_axis_angle(axis, np.radians(angle_deg), shift, centre=centre).matrix
    moved = nibabel.Nifti1Image(np.asanyarray(image.dataobj), move @ image.affine)
    moved.set_sform(move @ image.affine, 1)
    moved.set_qform(move @ image.affine, 1)
    moved.header.set_xyzt_units("mm", "sec")
    nibabel.save(moved, path)
    return path, nibabel.load(path).affine @ np.linalg.inv(image.affine)
