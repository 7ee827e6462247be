"""Values between voxels, against closed forms and scipy's own interpolation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from volstudio.volumes.sampling import sampler_of

SHAPE = (12, 11, 13)
SLAB = (4, 5, 6)
# Voxels of a slab -> voxels of the volume: turned and stretched, within it with four voxels to spare for the greatest kernel.
WITHIN = np.array([[0.6, 0.2, 0.0, 3.31], [-0.1, 0.55, 0.1, 3.43], [0.05, 0.0, 0.7, 4.12], [0, 0, 0, 1]])


def points_of(matrix, slab=SLAB):
    """(3, n) voxel coordinates of a slab's voxels, last axis fastest."""
    return matrix[:3, :3] @ np.indices(slab).reshape(3, -1) + matrix[:3, 3:]


def asked(values, how, matrix=WITHIN, slab=SLAB):
    return sampler_of(np.asfortranarray(values), how)(matrix, np.ones(slab, bool))


def at_point(values, how, *place):
    """Value at one place."""
    matrix = np.eye(4)
    matrix[:3, 3] = place
    return asked(values, how, matrix, (1, 1, 1))[0]


@pytest.fixture
def noise():
    return np.random.default_rng(8).normal(100, 30, SHAPE)


@pytest.mark.parametrize(("how", "order", "mode"), [("linear", 1, "nearest"), ("cubic", 3, "mirror")])
def test_splines_are_scipys(noise, how, order, mode):
    truth = ndimage.map_coordinates(noise, points_of(WITHIN), order=order, mode=mode)
    np.testing.assert_allclose(asked(noise, how), truth, rtol=1e-10)
    single = asked(noise.astype(np.float32), how)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, truth, rtol=1e-5)


def test_sinc_is_the_sum_over_eight_neighbours_under_kaisers_window(noise):
    """The formula of the class, written out for each point in float64, without its table of weights."""
    points = points_of(WITHIN)
    truth = []
    for point in points.T:
        value = noise
        for at in point:
            below = int(np.floor(at))
            away = np.arange(below - 3, below + 5) - at
            window = np.i0(6.0 * np.sqrt(np.clip(1 - (away / 4) ** 2, 0, 1))) / np.i0(6.0)
            weights = np.sinc(away) * window * (np.abs(away) < 4)
            value = np.tensordot(weights / weights.sum(), value[below - 3 : below + 5], axes=1)
        truth.append(float(value))
    np.testing.assert_allclose(asked(noise, "sinc"), truth, rtol=1e-5)


@pytest.mark.parametrize("how", ["nearest", "linear", "cubic", "sinc"])
def test_on_a_voxel_it_is_that_voxel_and_a_constant_stays_one(noise, how):
    matrix = np.eye(4)
    matrix[:3, 3] = 0, 3, 7  # at a face of the volume
    np.testing.assert_allclose(asked(noise, how, matrix).reshape(SLAB), noise[:4, 3:8, 7:13], rtol=1e-12)
    np.testing.assert_allclose(asked(np.full(SHAPE, 7.25), how), 7.25, rtol=1e-12)


@pytest.mark.parametrize("how", ["linear", "cubic", "sinc"])
def test_a_wave_comes_back_as_well_as_the_manual_says(how):
    """Of 0.2 cycles a voxel along one axis: docs/command_line.md, table of errors."""
    i = np.arange(64)
    wave = np.broadcast_to(np.cos(2 * np.pi * 0.2 * i)[:, None, None], (64, 9, 9)).copy()
    matrix = np.diag([0.09, 1, 1, 1])
    matrix[:3, 3] = 20, 4, 4
    found = asked(wave, how, matrix, (200, 1, 1))
    truth = np.cos(2 * np.pi * 0.2 * (20 + 0.09 * np.arange(200)))
    limit = {"linear": 0.191, "cubic": 0.0095, "sinc": 0.0006}[how]
    assert limit / 3 < np.abs(found - truth).max() < limit


@pytest.mark.parametrize("how", ["linear", "cubic", "sinc"])
def test_half_a_voxel_beyond_the_last_centre_there_are_values_and_no_invented_zero(how):
    ramp = np.broadcast_to(np.linspace(50, 60, 12)[:, None, None], SHAPE).copy()
    low, high = at_point(ramp, how, -0.5, 5, 5), at_point(ramp, how, 11.5, 5, 5)
    if how == "linear":
        assert (low, high) == (50, 60)
    step = 10 / 11
    assert 50 - step < low < 50 + step
    assert 60 - step < high < 60 + step


def test_nearest_keeps_every_bit_and_takes_the_greater_index_of_two():
    whole = np.arange(np.prod(SHAPE), dtype=np.int64).reshape(SHAPE) + (1 << 60)
    assert at_point(whole, "nearest", 2.5, 3.49, 4.51) == whole[3, 3, 5]
    assert at_point(whole, "nearest", -0.5, 0, 12.5) == whole[0, 0, 12]
    colours = np.zeros(SHAPE, [("R", "u1"), ("G", "u1"), ("B", "u1")])
    colours["G"][3, 3, 5] = 200
    assert at_point(colours, "nearest", 2.6, 3.2, 4.9)["G"] == 200


def test_only_the_places_asked_for_are_answered_in_their_order(noise):
    inside = np.random.default_rng(2).random(SLAB) < 0.4
    for how in ("nearest", "linear", "cubic", "sinc"):
        sampler = sampler_of(np.asfortranarray(noise), how)
        np.testing.assert_array_equal(sampler(WITHIN, inside), sampler(WITHIN, np.ones(SLAB, bool)).reshape(SLAB)[inside])


def test_voxels_without_a_number_are_left_out_of_linear_weights():
    values = np.full(SHAPE, 5.0)
    values[6, 5, 5] = np.nan
    values[7, 5, 5] = 9.0
    assert at_point(values, "linear", 5.25, 5, 5) == pytest.approx(5)  # a quarter of the weight is gone, and the rest is taken whole
    assert at_point(values, "linear", 5.5, 5, 5) == pytest.approx(5)
    assert np.isnan(at_point(values, "linear", 5.51, 5, 5))
    assert at_point(values, "linear", 6.75, 5, 5) == pytest.approx(9)
    assert np.isnan(at_point(values, "nearest", 6.2, 5, 5))
    values[6, 5, 5] = np.inf
    assert at_point(values, "linear", 5.25, 5, 5) == pytest.approx(5)


@pytest.mark.parametrize("how", ["cubic", "sinc"])
def test_elsewhere_they_count_as_zero_and_most_of_their_weight_is_nan(how):
    rng = np.random.default_rng(4)
    values = rng.normal(10, 1, SHAPE)
    values[6, 5, 5] = np.nan
    filled = values.copy()
    filled[6, 5, 5] = 0
    assert at_point(values, how, 4.3, 5.1, 5) == at_point(filled, how, 4.3, 5.1, 5)
    assert np.isnan(at_point(values, how, 6.1, 5.1, 5))


@pytest.mark.parametrize(
    ("dtype", "computed"),
    [("u1", "f4"), ("i2", "f4"), ("u2", "f4"), ("f4", "f4"), ("i4", "f8"), ("u4", "f8"), ("i8", "f8"), ("f8", "f8")],
)
@pytest.mark.parametrize("how", ["linear", "cubic", "sinc"])
def test_single_precision_where_it_holds_the_numbers(dtype, computed, how):
    values = np.random.default_rng(3).integers(0, 200, SHAPE).astype(dtype)
    assert asked(values, how).dtype == np.dtype(computed)
