from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from volstudio.volumes.intensity import histogram, is_labels, is_stat_map, robust_window, sample_values
from volstudio.volumes.readers import open_volume, volume_from_array

CHANCE = np.random.default_rng(3)
SHAPE = (40, 40, 40)


def ball(radius=12):
    return np.sqrt(sum(axis**2 for axis in np.meshgrid(*[np.arange(40) - 19.5] * 3, indexing="ij"))) < radius


def test_air_does_not_set_the_window_of_a_head():
    noisy = np.abs(CHANCE.normal(0, 8, SHAPE))
    noisy[ball()] = CHANCE.uniform(300, 900, ball().sum())
    low, high = robust_window(noisy.astype(np.int16))
    assert 280 < low < 340
    assert 860 < high < 900


def test_padding_does_not_set_the_window():
    padded = np.zeros(SHAPE, np.float32)
    padded[ball()] = CHANCE.uniform(100, 200, ball().sum())
    low, high = robust_window(padded)
    assert 100 < low < 105
    assert 195 < high < 200


def test_air_of_ct_is_left_out():
    ct = np.full(SHAPE, -1000.0)
    ct += CHANCE.normal(0, 5, SHAPE)
    ct[ball()] = CHANCE.uniform(-50, 150, ball().sum())
    low, high = robust_window(np.rint(ct).astype(np.int16))
    assert -60 < low < 0
    assert 100 < high < 150


def test_a_statistical_map_keeps_both_sides():
    z = np.zeros(SHAPE, np.float32)
    z[ball()] = CHANCE.normal(0, 2, ball().sum())
    low, high = robust_window(z)
    assert low == pytest.approx(-4.1, abs=0.4)
    assert high == pytest.approx(4.1, abs=0.4)


def test_a_wild_voxel_changes_nothing():
    head = np.zeros(SHAPE, np.float32)
    head[ball()] = CHANCE.uniform(100, 200, ball().sum())
    head[0, 0, 0] = -1e6
    head[20, 20, 20] = 1e9
    low, high = robust_window(head)
    assert 90 < low < 110
    assert 190 < high < 201


@pytest.mark.parametrize(
    ("array", "window"),
    [
        (np.full((4, 4, 4), 7), (6.5, 7.5)),
        (np.zeros((4, 4, 4)), (-0.5, 0.5)),
        (np.full((4, 4, 4), np.nan), (0.0, 1.0)),
        (np.full((4, 4, 4), np.inf), (0.0, 1.0)),
        (np.eye(4, dtype=np.uint8)[:, :, None], (0.0, 1.0)),
        (np.full((2, 2, 2), 1e30), (1e30 - 1e24, 1e30 + 1e24)),
    ],
)
def test_odd_arrays_have_a_window_too(array, window):
    assert robust_window(array) == pytest.approx(window)


@settings(deadline=None, max_examples=60)
@given(hnp.arrays(st.sampled_from([np.float32, np.int16, np.uint8, np.int64]), hnp.array_shapes(min_dims=3, max_dims=4, max_side=4)))
def test_a_window_is_finite_and_not_empty_for_any_array(array):
    low, high = robust_window(array)
    assert np.isfinite([low, high]).all()
    assert low < high


def test_histogram_counts_the_sample_once():
    values = CHANCE.normal(0, 1, (30, 30, 30)).astype(np.float32)
    values[0] = np.nan
    counts, edges = histogram(values, bins=50)
    assert counts.sum() == 29 * 30 * 24  # of the slices looked at
    assert edges.shape == (51,)
    assert (np.diff(edges) > 0).all()
    assert histogram(np.full((3, 3, 3), np.nan))[0].sum() == 0
    assert histogram(np.full((3, 3, 3), 5))[0].sum() == 27


def test_a_large_volume_is_sampled_and_a_small_one_is_not():
    assert sample_values(np.zeros((10, 10, 10))).size == 1000
    assert 100_000 < sample_values(np.broadcast_to(np.int16(1), (500, 500, 300))).size < 400_000


def test_labels_are_known_by_their_runs():
    labels = np.zeros(SHAPE, np.int32)
    labels[ball(12)] = 41
    labels[ball(6)] = 1017
    assert is_labels(volume_from_array(labels, np.eye(4)))
    assert is_labels(volume_from_array(ball(), np.eye(4)))
    assert is_labels(volume_from_array(labels.astype(np.float32), np.eye(4)))


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_one_value_everywhere_is_no_labels(dtype):
    assert not is_labels(volume_from_array(np.full((15, 16, 17), 3, dtype), np.eye(4)))


def test_grey_values_are_no_labels():
    grey = (ball() * CHANCE.integers(50, 200, SHAPE)).astype(np.uint8)
    assert not is_labels(volume_from_array(grey, np.eye(4)))
    assert not is_labels(volume_from_array(np.zeros(SHAPE, np.int16), np.eye(4)))
    assert not is_labels(volume_from_array(grey + 0.5, np.eye(4)))


def test_statistics_are_known_by_two_sides_and_a_background():
    z = np.zeros(SHAPE, np.float32)
    z[ball()] = CHANCE.normal(0, 2, ball().sum())
    assert is_stat_map(volume_from_array(z, np.eye(4)))
    assert not is_stat_map(volume_from_array(np.abs(z), np.eye(4)))
    assert not is_stat_map(volume_from_array(z.astype(np.int16), np.eye(4)))
    assert not is_stat_map(volume_from_array(CHANCE.normal(0, 1, SHAPE), np.eye(4)))


def test_the_header_says_so_first():
    plain = np.abs(CHANCE.normal(0, 1, (5, 5, 5)))
    assert is_stat_map(volume_from_array(plain, np.eye(4), facts={"intent_code": 5}))
    assert is_labels(volume_from_array(plain, np.eye(4), facts={"intent_code": 1002}))


@pytest.mark.parametrize(
    ("name", "labels", "statistics"),
    [
        ("head/spmMotor.nii.gz", False, True),
        ("head/chris_t1.nii.gz", False, False),
        ("head/CT_AVM.nii.gz", False, False),
        ("head/CT_pitch.nii.gz", False, False),
        ("pair/someones_epi.nii.gz", False, False),
        ("odd/aparc.a2009s+aseg.mgz", True, False),
        ("series/ds003_sub-01_mc_brainmask.nii.gz", True, False),
    ],
)
def test_real_volumes_are_told_apart(shared_data, name, labels, statistics):
    volume = open_volume(shared_data / name)
    assert is_labels(volume) == labels
    assert is_stat_map(volume) == statistics
