"""Means of blocks against their definition, and the width of the smoothing."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.registration.blocks import block_means, smoothed


def nothing():
    """No tick."""


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float64])
def test_means_are_those_of_whole_blocks(order, dtype):
    data = np.asarray(np.random.default_rng(1).integers(0, 200, (13, 12, 11)), dtype, order=order)
    means = block_means(data, (3, 2, 4), nothing)
    blocks = data[:12, :12, :8].reshape(4, 3, 6, 2, 2, 4).astype(np.float64)
    assert means.flags.f_contiguous
    np.testing.assert_allclose(means, blocks.mean(axis=(1, 3, 5)), rtol=1e-6)


def test_blocks_of_one_voxel_are_no_copy():
    data = np.asfortranarray(np.arange(60, dtype=np.int16).reshape(3, 4, 5))
    assert block_means(data, (1, 1, 1), nothing) is data


def test_a_tick_that_raises_ends_the_work():
    def stop():
        raise InterruptedError

    data = np.zeros((8, 8, 8), np.float32, order="F")
    with pytest.raises(InterruptedError):
        block_means(data, (2, 2, 2), stop)
    with pytest.raises(InterruptedError):
        smoothed(data, np.ones(3), tick=stop)


@pytest.mark.parametrize("sigma", [(0.6, 1.0, 2.5), (0.0, 0.0, 1.5), (1.2, 0.3, 0.8)])
def test_a_point_spreads_by_the_variance_asked_for_and_loses_nothing(sigma):
    point = np.zeros((41, 41, 41), np.float32, order="F")
    point[20, 20, 20] = 1
    spread = smoothed(point, np.array(sigma), tick=nothing).astype(np.float64)
    assert spread.sum() == pytest.approx(1, abs=1e-5)
    at = np.arange(41) - 20
    for axis, wanted in enumerate(sigma):
        line = spread.sum(axis=tuple(other for other in range(3) if other != axis))
        assert line @ at == pytest.approx(0, abs=1e-5)
        assert line @ at**2 == pytest.approx(wanted**2 if wanted >= 0.5 else 0, abs=1e-4), "narrower than half a voxel is left out"


def test_a_constant_stays_and_a_single_slice_is_smoothed_in_its_plane_only():
    flat = np.full((9, 9, 1), 7, np.float32, order="F")
    np.testing.assert_allclose(smoothed(flat, np.full(3, 2.0), tick=nothing), flat, rtol=1e-6)
