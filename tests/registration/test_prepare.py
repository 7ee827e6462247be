"""The pyramid: where its voxels lie, what its values are, and what it takes for the object."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volstudio.errors import Cancelled, RegistrationError
from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.progress import Progress
from volstudio.registration.blocks import block_means, smoothed
from volstudio.registration.contrast import Contrast
from volstudio.registration.otsu import lower_threshold
from volstudio.registration.prepare import choose_levels, own_frame, prepare
from volstudio.volumes.readers import volume_from_array

SHAPE = (48, 60, 46)
SHEAR = np.array([[1, 0.25, 0], [0, 1, 0.2], [0, 0, 1]])


def grid(shape, linear, centre=(5, -3, 8)):
    matrix = np.eye(4)
    matrix[:3, :3] = linear
    matrix[:3, 3] = np.array(centre) - matrix[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, Affine(matrix, "v:voxel", "v:scanner"))


LINEAR = {
    "RAS": np.diag([3.0, 3, 3]),
    "LAS": np.diag([-3.0, 3, 3]),
    "PIR": np.array([[0, 0, 3.0], [-3.0, 0, 0], [0, -3.0, 0]]),
    "sheared": SHEAR @ np.diag([3.0, 3, 3]),
    "flipped and sheared": SHEAR @ np.diag([3.0, 3, -3]),
    "thick": np.diag([2.0, 2.0, 6.0]),
}


# ---------------------------------------------------------------------------------------------------------------------- frames
@pytest.mark.parametrize("kind", LINEAR)
def test_frames_are_rigid_and_sit_in_the_middle(kind):
    at = grid(SHAPE, LINEAR[kind])
    frame = own_frame(at)
    np.testing.assert_allclose(frame[:3, :3] @ frame[:3, :3].T, np.eye(3), atol=1e-12)
    assert np.linalg.det(frame[:3, :3]) == pytest.approx(1)
    np.testing.assert_allclose(frame[:3, 3], at.centre)


# ---------------------------------------------------------------------------------------------------------------------- levels
def test_levels_of_a_head_are_8_4_2_mm():
    head, epi = grid((192, 256, 192), np.eye(3)), grid((64, 64, 34), np.diag([3, 3, 3.6]))
    assert choose_levels(head, epi) == (8.0, 4.0, 2.14)
    assert choose_levels(head, epi) == choose_levels(epi, head)


@given(st.floats(1e-4, 1e3))
def test_levels_scale_with_the_object(scale):
    one, same = (choose_levels(grid(SHAPE, np.eye(3) * s), grid(SHAPE, np.eye(3) * s)) for s in (1.0, scale))
    np.testing.assert_allclose(same, np.array(one) * scale, rtol=1e-2)


def test_no_level_has_more_voxels_than_memory_likes():
    huge = grid((512, 512, 539), np.eye(3) * 0.5)
    finest = choose_levels(huge, huge)[-1]
    assert np.prod(np.array(huge.shape) * huge.voxel_sizes / finest) < 5.1e6


# --------------------------------------------------------------------------------------------------------------------- pyramid
@pytest.mark.parametrize("kind", LINEAR)
def test_bright_spot_lies_where_its_voxels_lie(heads, kind):
    """The one claim that matters: a known point of the volume is found at its place in every level."""
    at = grid(SHAPE, LINEAR[kind])
    place = at.affine.apply([30, 22, 20])
    indices = np.stack(np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij"), axis=-1)
    distance = np.linalg.norm(at.affine.apply(indices) - place, axis=-1)
    volume = heads.volume_of((1000 * np.exp(-0.5 * (distance / 14) ** 2)).astype(np.float32), at.affine.matrix, "v")
    frame = own_frame(at)
    for level in prepare(volume, frame, (8.0, 4.0, 2.0), progress=Progress()):
        weight = np.clip(level.values - 0.4, 0, None)  # falls to nought smoothly, so that no voxel's edge counts
        index = np.array([np.average(i, weights=weight) for i in np.indices(weight.shape)])
        found = frame[:3, :3] @ (level.origin + level.steps @ index) + frame[:3, 3]
        np.testing.assert_allclose(found, place, atol=0.1)
        assert level.values.flags.f_contiguous
        assert level.values.dtype == np.float32
        assert level.seen is None


@pytest.mark.parametrize("kind", LINEAR)
def test_a_header_in_float32_that_turns_a_volume_leaves_no_trace(heads, kind):
    affine = grid(SHAPE, LINEAR[kind] * 0.9531).affine.matrix
    data = heads.head(SHAPE, affine, name="t1").frame(0)
    turned = (heads.rigid((1, 2, -1), 130, (80, -60, 110)) @ affine).astype(np.float32).astype(float)
    one, other = (volume_from_array(data, matrix) for matrix in (affine.astype(np.float32).astype(float), turned))
    pair = [prepare(volume, own_frame(volume.grid), (8, 4), progress=Progress()) for volume in (one, other)]
    for straight, twisted in zip(*pair, strict=True):
        np.testing.assert_array_equal(straight.values, twisted.values)
        np.testing.assert_array_equal(straight.steps, twisted.steps)
        np.testing.assert_array_equal(straight.origin, twisted.origin)


def test_values_run_from_0_to_1_and_keep_their_order(heads):
    volume = heads.head(SHAPE, grid(SHAPE, LINEAR["RAS"]).affine.matrix, name="v", noise=0)
    level = prepare(volume, own_frame(volume.grid), (3.0,), progress=Progress())[0]
    assert 0 <= level.values.min() < 0.05
    assert 0.95 < level.values.max() <= 1
    order = np.argsort(volume.data, axis=None, kind="stable")  # the level's voxels are the volume's own
    assert (np.diff(level.values.ravel()[order]) >= 0).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.uint16, np.float32])
def test_the_table_maps_as_interpolation_does(dtype):
    values = np.random.default_rng(3).normal(60, 25, (20, 21, 22)).clip(-100, 200).astype(dtype)
    contrast = Contrast.of(values, "v")
    np.testing.assert_allclose(contrast.mapped(values), np.interp(values, contrast.knots, contrast.heights), atol=2e-3)


def test_object_is_found_with_a_margin_and_without_the_air(heads):
    shape = (90, 100, 80)
    volume = heads.head(shape, heads.grid_affine(shape, np.diag([3.0, 3, 3])), name="v")
    found = prepare(volume, own_frame(volume.grid), (8.0, 4.0), progress=Progress())[-1].foreground
    points = np.stack(np.meshgrid(*(np.arange(n) for n in found.shape), indexing="ij"), -1) @ found.steps.T + found.origin
    inside, mask = heads.head_at(points) > 200, found.mask()
    assert mask[inside].mean() > 0.999
    assert 1 < mask.sum() / inside.sum() < 2
    np.testing.assert_allclose(found.mean, points[mask].mean(axis=0))
    np.testing.assert_allclose(found.variance, points[mask].var(axis=0))
    np.testing.assert_allclose(np.sort(found.centres().T, axis=0), np.sort(points[mask], axis=0))
    low, high = found.box()
    np.testing.assert_allclose([low, high], [points[mask].min(axis=0) - 1.5, points[mask].max(axis=0) + 1.5])
    assert found.extent == pytest.approx(mask.sum() * 27)


def test_levels_are_blocks_of_about_their_size_whatever_the_voxels(heads):
    """Thick slices stay single until a block of them fits, and a few slices are never made one."""
    volume = heads.head((96, 96, 7), heads.grid_affine((96, 96, 7), np.diag([1.0, 1.5, 3.0])), name="v")
    coarse, middle, fine = prepare(volume, own_frame(volume.grid), (8.0, 4.0, 2.0), progress=Progress())
    np.testing.assert_allclose(fine.edges, [2, 1.5, 3])
    np.testing.assert_allclose(middle.edges, [4, 4.5, 3])
    np.testing.assert_allclose(coarse.edges, [8, 9, 3])


@pytest.mark.parametrize("sigma", [(0.6, 0.6, 0.6), (0.0, 0.8, 1.1)])
def test_smoothing_has_the_width_asked_for_and_keeps_sums_and_ends(sigma):
    values = np.zeros((15, 16, 17), np.int16)
    values[7, 8, 9] = 1000
    soft = smoothed(values, np.array(sigma), tick=lambda: None)
    assert soft.sum() == pytest.approx(1000, rel=1e-5)
    for axis, n in enumerate((7, 8, 9)):
        line = soft.sum(axis=tuple(k for k in range(3) if k != axis)) / soft.sum()
        assert np.sqrt((line * (np.arange(len(line)) - n) ** 2).sum()) == pytest.approx(sigma[axis], abs=1e-3)
    np.testing.assert_allclose(smoothed(np.full((5, 6, 1), 3.0, np.float32), np.array(sigma), tick=lambda: None), 3.0, rtol=1e-6)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("factors", [(1, 1, 1), (2, 3, 1), (4, 2, 5)])
def testblock_means(order, factors):
    data = np.asarray(np.random.default_rng(1).integers(-900, 900, (9, 13, 11)), np.int16, order=order)
    count = np.array(data.shape) // factors
    cut = data[tuple(slice(0, n * f) for n, f in zip(count, factors, strict=True))].astype(float)
    shape = [n for pair in zip(count, factors, strict=True) for n in pair]
    expected = cut.reshape(shape).mean(axis=(1, 3, 5))
    np.testing.assert_allclose(block_means(data, factors, lambda: None), expected, atol=1e-3)


def test_threshold_parts_air_from_object():
    random = np.random.default_rng(2)
    values = np.concatenate([random.normal(5, 1, 6000), random.normal(300, 20, 2000), random.normal(700, 20, 2000)]).astype(np.float32)
    assert 9 < lower_threshold(values) < 250


def test_object_smaller_than_the_percentiles_is_still_seen(heads):
    data = np.zeros(SHAPE, np.float32)
    data[20:23, 20:23, 20:23] = 100
    volume = heads.volume_of(data, grid(SHAPE, LINEAR["RAS"]).affine.matrix, "v")
    level = prepare(volume, own_frame(volume.grid), (3.0,), progress=Progress())[0]
    assert level.values[21, 21, 21] > 0.5
    assert level.values[5, 5, 5] < 0.1


def test_constant_volume_is_refused(heads):
    volume = heads.volume_of(np.full(SHAPE, 3.5), grid(SHAPE, LINEAR["RAS"]).affine.matrix, "flat")
    with pytest.raises(RegistrationError, match=r"flat has the same value everywhere \(3.5\)"):
        prepare(volume, own_frame(volume.grid), (8.0, 4.0), progress=Progress())


def test_preparing_can_be_cancelled(heads):
    volume = heads.head(SHAPE, grid(SHAPE, LINEAR["RAS"]).affine.matrix, name="v")
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        prepare(volume, own_frame(volume.grid), (8.0,), progress=progress)


def big_numbers(dtype, base):
    ball = np.linalg.norm(np.moveaxis(np.indices((32, 32, 32)), 0, -1) - 15.5, axis=-1) < 9
    return ball * np.dtype(dtype).type(900) + np.dtype(dtype).type(base)


@pytest.mark.parametrize(("dtype", "base"), [(np.uint64, 2**63), (np.int64, -(2**62)), (np.uint32, 2**32 - 1000), (np.float64, 1e12)])
def test_small_differences_of_large_numbers_are_seen(dtype, base):
    volume = volume_from_array(big_numbers(dtype, base), np.diag([3.0, 3, 3, 1]))
    plain = volume_from_array(big_numbers(np.int16, 0), np.diag([3.0, 3, 3, 1]))
    frame = own_frame(plain.grid)
    (level,), (expected,) = (prepare(each, frame, (4.0,), progress=Progress()) for each in (volume, plain))
    np.testing.assert_allclose(level.values, expected.values, atol=1e-5)


def test_a_scan_that_is_lost_in_the_voxels_of_the_other_is_called_so():
    volume = volume_from_array(big_numbers(np.int16, 0), np.diag([3.0, 3, 3, 1]), name="head")
    with pytest.raises(RegistrationError, match=r"head measures 96 x 96 x 96 mm, .* 1500 mm .*unit of length"):
        prepare(volume, own_frame(volume.grid), (2000.0, 1500.0), progress=Progress())
