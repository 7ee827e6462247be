"""Two small scans of the same head-like blob: a fine anatomy and a coarse, tilted, shifted EPI, in a folder with a difficult name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import nibabel
import numpy as np
import pytest

from volstudio.geometry.rigid import RigidTransform

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Pair:
    folder: Path
    anatomy: Path
    epi: Path
    truth: np.ndarray  # epi scanner -> anatomy scanner


def blob(points: np.ndarray) -> np.ndarray:
    """An asymmetric object with inner structure; (n,) values of (n, 3) world points in mm."""
    x, y, z = points.T
    head = (x / 34) ** 2 + (y / 42) ** 2 + (z / 36) ** 2 < 1
    inner = ((x - 8) / 12) ** 2 + ((y - 12) / 16) ** 2 + ((z + 5) / 10) ** 2 < 1
    ball = ((x + 14) / 9) ** 2 + ((y + 18) / 8) ** 2 + ((z - 12) / 11) ** 2 < 1
    bar = (np.abs(x - 4) < 4) & (np.abs(y + 22) < 9) & (np.abs(z + 14) < 6)
    return head * 500.0 + inner * 300.0 - ball * 250.0 + bar * 220.0


def sampled(shape: tuple[int, int, int], affine: np.ndarray) -> np.ndarray:
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1).reshape(-1, 3)
    return blob(index @ affine[:3, :3].T + affine[:3, 3]).reshape(shape)


@pytest.fixture(scope="session")
def pair(tmp_path_factory) -> Pair:
    folder = tmp_path_factory.mktemp("扫描") / "病人 一"
    folder.mkdir()
    rng = np.random.default_rng(5)
    fine = np.diag([2.0, 2.0, 2.0, 1.0])
    fine[:3, 3] = (-45, -52, -46)
    anatomy = sampled((46, 53, 47), fine) + rng.normal(0, 8, (46, 53, 47))
    tilt = RigidTransform.from_euler(np.radians([-14, 4, 3]), (2, -1, 4)).matrix
    coarse = tilt @ np.array([[4.0, 0, 0, -44], [0, 4.0, 0, -50], [0, 0, 4.5, -34], [0, 0, 0, 1]])
    # Another contrast of the same object, as an EPI has.
    epi = 900 - 0.8 * sampled((23, 26, 16), coarse) + rng.normal(0, 8, (23, 26, 16))
    epi[sampled((23, 26, 16), coarse) < 100] = 20
    truth = RigidTransform.from_euler(np.radians([3, -2, 4]), (4, -3, 2.5)).matrix
    stated = np.linalg.inv(truth) @ coarse
    for name, data, affine in (("解剖.nii.gz", anatomy, fine), ("epi.nii", epi, stated)):
        image = nibabel.Nifti1Image(np.clip(data, 0, 2000).astype(np.int16), affine)
        image.header.set_xyzt_units("mm", "sec")
        image.to_filename(folder / name)
    read = nibabel.load(folder / "epi.nii").affine
    return Pair(folder, folder / "解剖.nii.gz", folder / "epi.nii", coarse @ np.linalg.inv(read))
