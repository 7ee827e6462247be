"""Six numbers of a placement, against the matrices they stand for."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window's extra, or a library it needs, is not installed", exc_type=ImportError)

from hypothesis import given
from hypothesis import strategies as st

from volstudio.apps.studio.six import own_pivot, placed_by, six_of
from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.geometry.spaces import SCENE, scanner
from volstudio.scene.model import Layer, Placement
from volstudio.volumes.volume import Volume

AFFINE = np.array([[2.0, 0, 0, -10], [0, 3.0, 0, 5], [0, 0, 4.0, 20], [0, 0, 0, 1]])
CENTRE = AFFINE[:3, :3] @ [2, 3, 4] + AFFINE[:3, 3]  # of a 5 x 7 x 9 grid


@pytest.fixture(scope="module")
def volume():
    return Volume(np.zeros((5, 7, 9), dtype=np.float32), Grid((5, 7, 9), Affine(AFFINE, "v:voxel", "v:scanner")), "v")


def layer(matrix=None, pivot=None):
    placed = Affine(np.eye(4) if matrix is None else matrix, scanner("v"), SCENE)
    return Layer("v", "v.nii", placement=Placement.of(placed, made_by="hand", pivot=pivot))


def about_z(degrees: float, centre: np.ndarray) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.array([[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1.0, 0], [0, 0, 0, 1]])
    matrix[:3, 3] = centre - matrix[:3, :3] @ centre
    return matrix


def test_a_turn_about_the_pivot_is_no_shift(volume):
    six = six_of(layer(about_z(30, CENTRE)), volume)
    assert six == pytest.approx((0, 0, 0, 0, 0, 30), abs=1e-12)


@pytest.mark.parametrize("pivot", [(0.0, 0.0, 0.0), (7.0, -3.0, 11.0)])
def test_the_same_matrix_about_another_point_has_the_same_turn_and_another_shift(volume, pivot):
    matrix = about_z(30, CENTRE)
    six = six_of(layer(matrix, pivot), volume)
    assert six[3:] == pytest.approx((0, 0, 30), abs=1e-12)
    assert six[:3] == pytest.approx(matrix[:3, :3] @ pivot + matrix[:3, 3] - pivot, abs=1e-12)


def test_the_pivot_is_the_middle_of_the_voxels_until_a_person_chooses(volume):
    assert own_pivot(layer(), volume) == pytest.approx(CENTRE)
    assert own_pivot(layer(pivot=(1.0, 2.0, 3.0)), volume) == pytest.approx((1, 2, 3))


@given(
    st.tuples(*[st.floats(-200, 200)] * 3),
    st.tuples(st.floats(-179, 179), st.floats(-89, 89), st.floats(-179, 179)),
    st.one_of(st.none(), st.tuples(*[st.floats(-100, 100)] * 3)),
)
def test_numbers_written_are_numbers_read(volume, shift, turns, pivot):
    """Short of a quarter turn about y, where the turns about x and z are one."""
    placement = placed_by(layer(pivot=pivot), volume, (*shift, *turns))
    moved = Layer("v", "v.nii", placement=placement)
    assert six_of(moved, volume) == pytest.approx((*shift, *turns), abs=1e-7)
    assert placement.pivot == pivot


def test_what_is_not_rigid_has_no_six_numbers(volume):
    assert six_of(layer(np.diag([1.1, 1, 1, 1])), volume) is None
    assert six_of(layer(np.diag([-1.0, 1, 1, 1])), volume) is None
