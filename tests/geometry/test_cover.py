"""A grid over several others: nothing sticks out, and nothing is wasted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volstudio.errors import GeometryError
from volstudio.geometry.affine import Affine
from volstudio.geometry.cover import isotropic_cover
from volstudio.geometry.grid import Grid
from volstudio.geometry.rigid import RigidTransform

sixes = st.tuples(*[st.floats(-50, 50)] * 3, *[st.floats(-3, 3)] * 3)


def grid(six: tuple[float, ...], sizes: tuple[float, ...] = (2.0, -2.0, 3.0)) -> Grid:
    return Grid((7, 9, 5), Affine(RigidTransform.from_six(six).matrix @ np.diag([*sizes, 1]), "a:voxel", "t1:scanner"))


@given(first=sixes, second=sixes, spacing=st.floats(0.5, 6))
def test_covers_every_corner_and_wastes_less_than_a_voxel(first, second, spacing):
    grids = [grid(first), grid(second, (1.0, 4.0, -2.0))]
    cover = isotropic_cover(grids, spacing)
    corners = np.concatenate([each.corners() for each in grids])
    low, high = cover.bounds()
    slack = 1e-5 * spacing
    assert (corners.min(axis=0) >= low - slack).all()
    assert (corners.max(axis=0) <= high + slack).all()
    assert ((high - low) - (corners.max(axis=0) - corners.min(axis=0)) < spacing + slack).all()
    assert np.allclose(cover.voxel_sizes, spacing)
    assert (cover.axis_codes, cover.obliquity_deg, cover.affine.target) == ("RAS", 0, "t1:scanner")


def test_a_grid_that_is_isotropic_already_is_its_own_cover():
    plain = Grid((7, 9, 5), Affine(np.diag([2.0, 2, 2, 1]), "a:voxel", "t1:scanner"))
    cover = isotropic_cover([plain], 2.0)
    assert cover.shape == plain.shape
    assert np.allclose(cover.affine.matrix, plain.affine.matrix)


@pytest.mark.parametrize(
    ("grids", "spacing", "words"),
    [
        ([], 1.0, "none"),
        ([grid((0,) * 6), Grid((2, 2, 2), Affine(np.eye(4), "b:voxel", "b:scanner"))], 1.0, "one world"),
        ([grid((0,) * 6)], 0.0, "positive number"),
        ([grid((0,) * 6)], -1.0, "positive number"),
        ([grid((0,) * 6)], float("nan"), "positive number"),
        ([grid((0,) * 6)], 1e-3, "larger spacing"),
    ],
)
def test_what_cannot_be_covered_is_refused(grids, spacing, words):
    with pytest.raises(GeometryError, match=words):
        isotropic_cover(grids, spacing)
