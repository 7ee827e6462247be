"""Small files with known content, made by nibabel: another program's hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

SHAPE = (5, 6, 7)


def turn(axis: tuple[float, float, float], angle_deg: float) -> NDArray[np.float64]:
    """(4, 4) rotation by Rodrigues' formula."""
    n = np.array(axis) / np.linalg.norm(axis)
    cross = np.array([[0, -n[2], n[1]], [n[2], 0, -n[0]], [-n[1], n[0], 0]])
    angle = np.radians(angle_deg)
    matrix = np.eye(4)
    matrix[:3, :3] += np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return matrix


def shift(x: float, y: float, z: float) -> NDArray[np.float64]:
    matrix = np.eye(4)
    matrix[:3, 3] = x, y, z
    return matrix


SHEAR = np.eye(4)
SHEAR[0, 1] = 0.3

AFFINES = {
    "ras": shift(-10, 20, 30) @ np.diag([2, 2.5, 3, 1.0]),
    "las": shift(-10, 20, 30) @ np.diag([-2, 2.5, 3, 1.0]),
    "lps": shift(-10, 20, 30) @ np.diag([-2, -2.5, 3, 1.0]),
    "oblique": shift(5, -7, 11) @ turn((1, 2, 3), 35) @ np.diag([2, 2.5, 3, 1.0]),
    "oblique-flipped": shift(5, -7, 11) @ turn((3, -2, 1), 160) @ np.diag([-2, 2.5, 3, 1.0]),
    "sheared": shift(5, -7, 11) @ turn((1, 0, 3), 20) @ np.diag([2, 2.5, 3, 1.0]) @ SHEAR,
    "anisotropic": shift(1, 2, 3) @ turn((0, 1, 0), 10) @ np.diag([0.1, 0.1, 10, 1.0]),
}


@pytest.fixture(params=AFFINES, ids=str)
def affine(request: pytest.FixtureRequest) -> NDArray[np.float64]:
    """One of the ways in which grids lie in the world."""
    return AFFINES[request.param]


@pytest.fixture
def oblique() -> NDArray[np.float64]:
    """One of them, where the way does not matter."""
    return AFFINES["oblique"]


@pytest.fixture
def rigid_move() -> NDArray[np.float64]:
    """A rotation by 17 degrees about an oblique axis, then a shift."""
    return shift(4, -6, 9) @ turn((1, -1, 2), 17)


@pytest.fixture
def write_nifti(tmp_path: Path) -> Callable[..., Path]:
    """Write an array with nibabel: ``write_nifti(name, data, affine, **header fields)`` -> path."""

    def write(name: str, data: NDArray[Any], matrix: NDArray[np.float64], *, version: int = 1, **fields: object) -> Path:
        import nibabel as nib

        kind = {1: nib.Nifti1Image, 2: nib.Nifti2Image}[version]
        if name.endswith((".hdr", ".img")):
            kind = {1: nib.Nifti1Pair, 2: nib.Nifti2Pair}[version]
        image = kind(data, matrix, dtype=data.dtype)
        for field, value in fields.items():
            image.header[field] = value
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        nib.save(image, path)
        return path

    return write


@pytest.fixture
def ramp() -> NDArray[np.int16]:
    """Voxels 1, 2, 3, ... with i fastest: a value names one place."""
    return np.arange(1, 211, dtype=np.int16).reshape(SHAPE, order="F")
