"""Both scans made ready: which values are used as they are, and what is told of them."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.registration.epi_scans import prepared

FINE = (40, 44, 48)


def ball(shape, radius):
    """Bright inside, grey about it, dark outside, a little noise; axes i, j, k."""
    i, j, k = (np.arange(n) - (n - 1) / 2 for n in shape)
    far = np.sqrt(i[:, None, None] ** 2 + j[:, None] ** 2 + k**2)
    return np.select([far < 0.8 * radius, far < radius], [150.0, 80.0], 5.0) + np.random.default_rng(0).uniform(0, 10, shape)


@pytest.fixture
def ready(heads):
    """`prepared` for a fine scan of a type."""
    coarse = heads.volume_of(ball((20, 22, 24), 6).astype(np.float32), heads.grid_affine((20, 22, 24), np.eye(3) * 4), "coarse")

    def of(values, edge=2.0):
        return prepared(coarse, heads.volume_of(values, heads.grid_affine(FINE, np.eye(3) * edge), "fine"), lambda: None)

    return of


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float32])
def test_a_fine_scan_of_small_numbers_is_taken_as_it_is(ready, kind):
    values = ball(FINE, 14).astype(kind)
    found = ready(values)
    np.testing.assert_array_equal(found.fine.values, values.T)
    assert found.fine.values.dtype == kind
    assert 0 <= found.shades.air < 14 < found.shades.dark < 80
    assert 150 < found.shades.bright < 160


@pytest.mark.parametrize("kind", [np.float64, np.int32, ">i2"])
def test_any_other_is_counted_from_0_to_1(ready, kind):
    values = ball(FINE, 14).astype(kind)
    found = ready(values)
    assert found.fine.values.dtype == np.float32
    assert found.fine.values.min() == 0
    assert found.fine.values.max() == pytest.approx(1)
    assert 0 <= found.shades.air < found.shades.dark < 0.9 < found.shades.bright


def test_what_is_not_finite_is_the_least(ready):
    values = ball(FINE, 14).astype(np.float32)
    values[20, 20, 20], values[21, 20, 20] = np.nan, np.inf
    found = ready(values)
    assert found.fine.values[20, 20, 20] == 0
    assert found.fine.values[20, 20, 21] == 0
    assert np.isfinite(found.fine.values).all()


def test_a_finer_scan_is_averaged_in_blocks(ready):
    found = ready(ball(FINE, 14).astype(np.uint8), edge=0.7)
    assert found.fine.values.shape == tuple(n // 3 for n in FINE[::-1])
    assert found.fine.edge == pytest.approx(2.1)


def test_the_coarse_scan_is_cut_to_its_object(ready):
    found = ready(ball(FINE, 14).astype(np.uint8))
    # A ball of 13 voxels across, with two of air on either side.
    assert found.coarse.values.shape == found.near.shape
    assert all(14 <= n <= 18 for n in found.near.shape)
    assert found.near[tuple(n // 2 for n in found.near.shape)]
    assert not found.near[0, 0, 0]
    middle = found.coarse.to_scanner @ np.array([*((n - 1) / 2 for n in found.near.shape[::-1]), 1.0])
    np.testing.assert_allclose(middle[:3], 0, atol=4)
