"""Grids of every kind that scanners and converters write."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.geometry.rigid import RigidTransform


def _grid(linear: np.ndarray, offset: tuple[float, float, float], shape: tuple[int, int, int] = (20, 24, 16), name: str = "a") -> Grid:
    matrix = np.eye(4)
    matrix[:3, :3] = linear
    matrix[:3, 3] = offset
    return Grid(shape, Affine(matrix, f"{name}:voxel", f"{name}:scanner"))


TILT = RigidTransform.from_euler(np.radians((17.2, -6.0, 9.0))).rotation
SHEAR = np.array([[1, 0.3, 0], [0, 1, -0.1], [0, 0, 1.0]])
KINDS = {
    "RAS": _grid(np.diag([3.0, 3, 3]), (-30, -36, -24)),
    "LAS": _grid(np.diag([-3.0, 3, 3]), (30, -36, -24)),
    "LPS": _grid(np.diag([-3.0, -3, 3]), (30, 36, -24)),
    "PIR": _grid(np.array([[0, 0, 2.0], [-1, 0, 0], [0, -1, 0]]), (-16, 10, 12)),
    "anisotropic": _grid(np.diag([0.8, 1.1, 5.0]), (-8, -13, -40)),
    "oblique": _grid(TILT @ np.diag([3.0, 3, 3.5]), (-40, -20, -10)),
    "oblique and flipped": _grid(TILT @ np.diag([-1.0, 2, 3]), (12, -20, -10)),
    "sheared": _grid(np.diag([2.0, 2, 4]) @ SHEAR, (-20, -20, -30)),
    "sheared, oblique and flipped": _grid(TILT @ np.diag([2.0, -2, 4]) @ SHEAR, (-20, 20, -30)),
}


@pytest.fixture(params=KINDS, ids=lambda name: name.replace(" ", "-"))
def grid(request: pytest.FixtureRequest) -> Grid:
    return KINDS[request.param]


@pytest.fixture
def make_grid():
    return _grid
