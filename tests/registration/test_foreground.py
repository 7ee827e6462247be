"""Voxels of an object: their places and moments in closed form, and points drawn among them."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.geometry.rotation import from_axis_angle
from volstudio.registration.foreground import LEAST_VOXELS, Foreground, grown

ORIGIN = np.array([5.0, -7.0, 11.0])
STEPS = from_axis_angle(np.array([1.0, 2.0, 3.0]), 0.4) @ np.array([[2.0, 0.3, 0], [0, 2.5, 0], [0, 0, -3.0]])  # turned, sheared, flipped


@pytest.fixture
def block():
    mask = np.zeros((20, 22, 24), bool)
    mask[4:14, 6:18, 3:11] = True
    return mask


def test_moments_are_those_of_a_block(block):
    found = Foreground.of(block, ORIGIN, STEPS)
    middle = np.array([8.5, 11.5, 6.5])
    spread = np.diag([(n * n - 1) / 12 for n in (10, 12, 8)])  # of equally spaced points
    np.testing.assert_allclose(found.mean, ORIGIN + STEPS @ middle, atol=1e-9)
    np.testing.assert_allclose(found.variance, np.diag(STEPS @ spread @ STEPS.T), rtol=1e-9)
    assert found.extent == pytest.approx(960 * 2 * 2.5 * 3)
    np.testing.assert_array_equal(found.mask(), block)


def test_points_drawn_lie_within_half_a_voxel_and_spread_evenly(block):
    found = Foreground.of(block, ORIGIN, STEPS)
    points = found.draw(480, seed=20)
    index = np.linalg.solve(STEPS, points - ORIGIN[:, None])
    nearest = np.rint(index).astype(int)
    assert block[tuple(nearest)].all()
    # One point for every two voxels: of each pair of neighbours in memory, one.
    flat = np.sort(np.ravel_multi_index(tuple(nearest), block.shape, order="F"))
    assert (np.searchsorted(found.voxels, flat) // 2 == np.arange(480)).all()
    np.testing.assert_array_equal(points, found.draw(480, seed=20))
    assert not np.array_equal(points, found.draw(480, seed=21))


def test_the_box_holds_the_outer_faces(block):
    least, greatest = Foreground.of(block, ORIGIN, np.diag([2.0, 2.5, -3.0])).box()
    np.testing.assert_allclose(least, ORIGIN + np.array([2 * 3.5, 2.5 * 5.5, -3 * 10.5]))
    np.testing.assert_allclose(greatest, ORIGIN + np.array([2 * 13.5, 2.5 * 17.5, -3 * 2.5]))


def test_where_keeps_some(block):
    found = Foreground.of(block, ORIGIN, STEPS)
    half = found.where(np.arange(len(found)) % 2 == 0)
    assert len(half) == len(found) // 2
    assert set(half.voxels) <= set(found.voxels)


def test_a_mask_grows_by_so_many_voxels_along_each_axis(block):
    wanted = np.zeros_like(block)
    wanted[3:15, 4:20, 3:11] = True
    np.testing.assert_array_equal(grown(block, times=np.array([1, 2, 0])), wanted)


def test_next_to_nothing_is_everything():
    mask = np.zeros((9, 9, 9), bool)
    mask.ravel()[: LEAST_VOXELS - 1] = True
    assert grown(mask, times=np.ones(3, int)).all()
