"""Maps and images of every kind that a transform file must survive."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.geometry.rigid import RigidTransform
from volstudio.volumes.volume import Volume

BOX = np.array([(x, y, z) for x in (-90.0, 90.0) for y in (-120.0, 90.0) for z in (-70.0, 110.0)])  # of a head in RAS mm
millimetres = st.floats(-100, 100)
turns = st.floats(-3.1, 3.1)


def _rigid(six: tuple[float, ...], centre: tuple[float, ...]) -> np.ndarray:
    return RigidTransform.from_six(six, centre).matrix


def _affine(rigid: np.ndarray, scale: tuple[float, ...], shear: tuple[float, ...], flip: bool) -> np.ndarray:
    matrix = np.diag([*scale, 1.0])
    matrix[0, 1], matrix[0, 2], matrix[1, 2] = shear
    if flip:
        matrix[:, 0] *= -1
    return rigid @ matrix


RIGID = st.builds(_rigid, st.tuples(*[millimetres] * 3, *[turns] * 3), st.tuples(*[millimetres] * 3))
LINEAR = st.builds(_affine, RIGID, st.tuples(*[st.floats(0.5, 2)] * 3), st.tuples(*[st.floats(-0.3, 0.3)] * 3), st.booleans())


def _volume(name: str, matrix: np.ndarray, shape: tuple[int, int, int]) -> Volume:
    return Volume(np.zeros(shape, np.int16), Grid(shape, Affine(matrix, f"{name}:voxel", f"{name}:scanner")), name)


@pytest.fixture(scope="session")
def maps():
    """Strategies: rigid and any linear map of fixed to moving points."""
    return {"rigid": RIGID, "linear": LINEAR}


@pytest.fixture(scope="session")
def box() -> np.ndarray:
    return BOX


@pytest.fixture(scope="session")
def t1() -> Volume:
    """Fixed: left-handed, oblique, 1 mm."""
    return _volume("t1", _affine(_rigid((-80, 90, -60, 0.1, -0.05, 0.2), (0, 0, 0)), (1, 1, 1.2), (0, 0, 0), flip=True), (160, 180, 150))


@pytest.fixture(scope="session")
def epi() -> Volume:
    """Moving: right-handed, oblique, 3 mm."""
    return _volume("epi", _affine(_rigid((-90, -80, -40, 0.3, 0, 0), (0, 0, 0)), (3, 3, 3.5), (0, 0, 0), flip=False), (64, 62, 33))
