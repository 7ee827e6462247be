"""Sums over neighbourhoods and smooth fields, against scipy's filters and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, uniform_filter

from volstudio.registration.epi_fields import halved, kernels, smoothed, spread_out, summed

SHAPES = [(12, 14, 16), (11, 13, 15), (3, 9, 2)]


@pytest.mark.parametrize("shape", SHAPES)
def test_sums_are_those_of_two_boxes(shape):
    values = np.random.default_rng(0).uniform(0, 1, shape).astype(np.float32)
    found = summed(values, np.array([1.155, 2.0, 1.155]))  # boxes of 3, 5 and 3
    expected = values.astype(float)
    for axis, width in enumerate((3, 5, 3)):
        for _ in range(2):
            size = [width if a == axis else 1 for a in range(3)]
            expected = uniform_filter(expected, size, mode="constant") * width
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_blocks_hold_all_of_what_their_voxels_hold(shape):
    values = np.random.default_rng(1).uniform(0, 1, shape).astype(np.float32)
    blocks = halved(values)
    assert blocks.shape == tuple((n + 1) // 2 for n in shape)
    assert blocks.sum() == pytest.approx(values.sum(), rel=1e-5)
    np.testing.assert_allclose(blocks[0, 0, 0], values[:2, :2, :2].sum(), rtol=1e-5)


def test_a_ramp_over_blocks_is_one_over_voxels():
    blocks = np.broadcast_to(2 * np.arange(6, dtype=np.float32) + 0.5, (4, 5, 6)).copy()
    voxels = spread_out(blocks, (8, 9, 12))
    assert voxels.shape == (8, 9, 12)
    np.testing.assert_allclose(voxels[3, 4, 1:-1], np.arange(1, 11), atol=1e-5)
    np.testing.assert_allclose(voxels[3, 4, [0, -1]], [0.5, 10.5], atol=1e-5)


def test_a_field_is_as_smooth_as_by_a_gaussian():
    values = np.zeros((30, 32, 34), np.float32)
    values[14:16, 16:18, 16:18] = 1
    sigma = np.array([2.5, 2.8, 3.1])
    found = spread_out(smoothed(halved(values), kernels(sigma)), values.shape)
    expected = gaussian_filter(values.astype(float), sigma) * 8
    assert np.abs(found - expected).max() < 0.12 * expected.max()
    at = np.arange(30) - 14.5
    width = np.sqrt((found.sum(axis=(1, 2)) * at**2).sum() / found.sum())
    assert width == pytest.approx(2.5, rel=0.06)
