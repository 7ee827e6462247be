from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from volstudio.errors import Cancelled, SpaceMismatchError
from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.progress import Progress
from volstudio.volumes import plain_voxels, sampling
from volstudio.volumes import resample as module
from volstudio.volumes.readers import open_volume, volume_from_array
from volstudio.volumes.resample import resample
from volstudio.volumes.series import Decoder, voxel_array


def world_ramp(affine, shape):
    """x + 2 y - 3 z + 5 at every voxel: what linear interpolation reproduces exactly."""
    ijk = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), axis=-1)
    xyz = ijk @ affine[:3, :3].T + affine[:3, 3]
    return xyz @ [1.0, 2.0, -3.0] + 5


@pytest.fixture
def target(affine, rigid_move):
    """A grid inside the volume of shape 9 x 10 x 11, turned against it, of other voxel sizes."""
    inner = affine @ np.array([[0.5, 0.1, 0, 2.013], [-0.1, 0.5, 0.1, 3.021], [0, 0.05, 0.6, 2.517], [0, 0, 0, 1]])
    return Grid((6, 5, 7), Affine(rigid_move @ inner, "t1:voxel", "t1:scanner"))


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
def test_a_ramp_of_the_world_is_reproduced_for_any_affine(affine, rigid_move, target, interpolation):
    moving = volume_from_array(world_ramp(affine, (9, 10, 11)), affine, name="epi")
    move = Affine(rigid_move, "epi:scanner", "t1:scanner")
    result = resample(moving, onto=target, moving_to_fixed=move, interpolation=interpolation)
    truth = world_ramp(np.linalg.inv(rigid_move) @ target.affine.matrix, target.shape)
    # A cubic spline is exact on a ramp far from the ends only, where its mirrored border has died away.
    np.testing.assert_allclose(
        result.data, truth, rtol=0, atol=1e-9 * np.abs(truth).max() if interpolation == "linear" else 0.05 * np.ptp(truth)
    )
    np.testing.assert_array_equal(result.affine.matrix, target.affine.matrix)
    assert (result.name, result.affine.target) == ("epi", "epi:scanner")


def test_nearest_takes_the_voxel_whose_centre_is_nearest(affine, rigid_move, target):
    data = np.arange(990, dtype=np.int64).reshape(9, 10, 11) + (1 << 60)  # more digits than float64 has
    moving = volume_from_array(data, affine, name="epi")
    result = resample(moving, onto=target, moving_to_fixed=Affine(rigid_move, "epi:scanner", "t1:scanner"), interpolation="nearest")
    ijk = np.stack(np.meshgrid(*[np.arange(n) for n in target.shape], indexing="ij"), axis=-1)
    back = np.linalg.inv(affine) @ np.linalg.inv(rigid_move) @ target.affine.matrix
    near = np.rint(ijk @ back[:3, :3].T + back[:3, 3]).astype(int)
    np.testing.assert_array_equal(result.data, data[tuple(np.moveaxis(near, -1, 0))])


@pytest.mark.parametrize("interpolation", ["nearest", "linear", "cubic", "sinc"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64])
def test_its_own_grid_gives_it_back(affine, interpolation, dtype):
    data = np.random.default_rng(1).integers(0, 255, (6, 7, 8)).astype(dtype)
    volume = volume_from_array(data, affine, name="a")
    result = resample(volume, onto=volume, interpolation=interpolation)
    assert result.data.dtype == dtype
    np.testing.assert_allclose(result.data, data, rtol=0, atol=1e-3 if dtype == np.float32 else 1e-9)
    assert result.data.flags.f_contiguous


def test_integers_are_rounded_and_clipped():
    volume = volume_from_array(np.array([0, 10, 255, 255, 0, 0], np.uint8).reshape(6, 1, 1), np.eye(4), name="a")
    half = Grid((5, 1, 1), Affine(np.array([[1, 0, 0, 0.47], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]), "b:voxel", "a:scanner"))
    np.testing.assert_array_equal(np.ravel(resample(volume, onto=half).data), np.rint([4.7, 125.15, 255, 135.15, 0]))
    cubic = np.ravel(resample(volume, onto=half, interpolation="cubic").data)
    assert cubic.max() == 255
    assert cubic.min() == 0


def test_outside_is_background_and_the_outer_half_voxel_is_inside():
    volume = volume_from_array(np.full((4, 4, 4), 7, np.int16), np.eye(4), name="a")
    line = Grid((12, 1, 1), Affine(np.array([[0.5, 0, 0, -1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]), "b:voxel", "a:scanner"))
    for interpolation in ("nearest", "linear", "cubic", "sinc"):
        values = np.ravel(resample(volume, onto=line, interpolation=interpolation, background=-5).data)
        np.testing.assert_array_equal(values, [-5] + [7] * 9 + [-5] * 2)
    assert np.isnan(resample(volume_from_array(np.zeros((4, 4, 4)), np.eye(4), name="a"), onto=line, background=np.nan).data[0, 0, 0])


def test_a_single_slice_is_as_thick_as_its_voxels():
    volume = volume_from_array(np.full((3, 3, 1), 4.0), np.diag([1, 1, 5, 1]), name="a")
    line = Grid((1, 1, 7), Affine(np.array([[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 1, -3], [0, 0, 0, 1.0]]), "b:voxel", "a:scanner"))
    np.testing.assert_array_equal(np.ravel(resample(volume, onto=line).data), [0, 4, 4, 4, 4, 4, 0])


@pytest.mark.parametrize("interpolation", ["linear", "cubic", "sinc"])
def test_nan_stays_where_it_is(interpolation):
    data = np.ones((7, 7, 7), np.float32)
    data[3, 3, 3] = np.nan
    data[0, 0, 0] = np.inf
    volume = volume_from_array(data, np.eye(4), name="a")
    same = np.asarray(resample(volume, onto=volume, interpolation=interpolation).data)
    assert np.isnan(same[3, 3, 3])
    assert np.isnan(same).sum() == 2
    if interpolation == "linear":
        np.testing.assert_allclose(same[np.isfinite(same)], 1)


def wave(at, n, cycles):
    """A wave that is its own mirror image at both ends of n voxels, of so many half-cycles over them."""
    return np.cos(np.pi * cycles * at / (n - 1))


@pytest.mark.parametrize(("share", "sinc_within", "better_than_cubic"), [(0.3, 0.004, 1), (0.5, 0.004, 10), (0.6, 0.08, 2)])
def test_sinc_keeps_fine_detail(share, sinc_within, better_than_cubic):
    """Waves along all three axes, up to a share of the greatest frequency that voxels can hold, moved by a part of a voxel: closed form."""
    n, shift = 41, np.array([0.5, -0.25, 0.4])
    cycles = np.floor(share * (n - 1))
    here, there = np.ogrid[:n, :n, :n], np.ogrid[2 : n - 2, 2 : n - 2, 2 : n - 2]
    data = np.prod(np.broadcast_arrays(*(wave(at, n, cycles) for at in here)), axis=0)
    truth = np.prod(np.broadcast_arrays(*(wave(at + d, n, cycles) for at, d in zip(there, shift, strict=True))), axis=0)
    grid = np.eye(4)
    grid[:3, 3] = 2 + shift
    onto = Grid(truth.shape, Affine(grid, "b:voxel", "a:scanner"))
    volume = volume_from_array(data, np.eye(4), name="a")
    worst = {name: np.abs(np.asarray(resample(volume, onto=onto, interpolation=name).data) - truth).max() for name in ("sinc", "cubic")}
    assert worst["sinc"] < sinc_within
    assert worst["sinc"] * better_than_cubic < worst["cubic"]


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64])
def test_a_constant_stays_one_up_to_the_faces(affine, rigid_move, target, dtype):
    volume = volume_from_array(np.full((9, 10, 11), 200, dtype), affine, name="epi")
    result = resample(volume, onto=target, moving_to_fixed=Affine(rigid_move, "epi:scanner", "t1:scanner"), interpolation="sinc")
    np.testing.assert_allclose(result.data, 200, rtol=1e-6 if dtype == np.float32 else 1e-12)


def test_sinc_rings_at_an_edge_by_an_eighth_and_no_further_than_its_window():
    step = np.zeros((40, 1, 1))
    step[20:] = 1.0
    grid = Grid((380, 1, 1), Affine(np.diag([0.1, 1, 1, 1]), "b:voxel", "a:scanner"))
    values = np.ravel(resample(volume_from_array(step, np.eye(4), name="a"), onto=grid, interpolation="sinc").data)
    at = np.arange(380) * 0.1
    assert 0.02 < values.max() - 1 < 0.125
    assert 0.02 < -values.min() < 0.125
    np.testing.assert_allclose(values[at <= 15], 0, atol=1e-12)
    np.testing.assert_allclose(values[at >= 24], 1, atol=1e-12)


def test_colours_and_complex_numbers_that_are_read_when_asked_for_are_resampled(write_nifti, affine, monkeypatch):
    monkeypatch.setattr(plain_voxels, "AT_ONCE", 0)
    colours = np.zeros((3, 4, 5), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    colours["G"] = np.arange(60).reshape(3, 4, 5)
    for name, data in (("rgb.nii", colours), ("complex.nii", (colours["G"] * (1 + 2j)).astype(np.complex64))):
        volume = open_volume(write_nifti(name, data, affine))
        moved = resample(volume, onto=volume, interpolation="nearest")
        np.testing.assert_array_equal(moved.data.raw, data)


def test_colours_and_complex_numbers_are_resampled_part_by_part(affine, rigid_move, target):
    chance = np.random.default_rng(2)
    parts = chance.integers(0, 256, (3, 9, 10, 11)).astype(np.uint8)
    colours = np.empty((9, 10, 11), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    for name, part in zip("RGB", parts, strict=True):
        colours[name] = part
    move = Affine(rigid_move, "epi:scanner", "t1:scanner")

    def moved(data, **options):
        volume = dataclasses.replace(volume_from_array(np.zeros((9, 10, 11)), affine, name="epi"), data=data)
        return resample(volume, onto=target, moving_to_fixed=move, interpolation="cubic", **options).data

    result = moved(voxel_array(colours, Decoder(colours.dtype)), background=3).raw
    for name, part in zip("RGB", parts, strict=True):
        np.testing.assert_array_equal(result[name], moved(part, background=3))
    numbers = (parts[0] + 1j * parts[1]).astype(np.complex64)
    result = moved(voxel_array(numbers, Decoder(numbers.dtype)), background=3).raw
    np.testing.assert_array_equal(result.real, moved(parts[0].astype(np.float32), background=3))
    np.testing.assert_array_equal(result.imag, moved(parts[1].astype(np.float32)))


def test_it_tells_how_far_it_is_and_can_be_stopped(affine, monkeypatch):
    monkeypatch.setattr(module, "SLAB", 60)
    volume = volume_from_array(np.zeros((5, 6, 7, 2), np.float32), affine, name="epi")
    seen = []
    resample(volume, onto=volume, progress=Progress(lambda step: seen.append(step.done)))
    np.testing.assert_allclose(seen, [0, 2 / 14, 4 / 14, 6 / 14, 0.5, 9 / 14, 11 / 14, 13 / 14])
    stopped = Progress(lambda step: stopped.cancel() if step.done > 0.2 else None)
    with pytest.raises(Cancelled):
        resample(volume, onto=volume, progress=stopped)


def test_a_series_is_resampled_frame_by_frame(affine, monkeypatch):
    monkeypatch.setattr(module, "SLAB", 60)
    data = np.random.default_rng(0).normal(size=(5, 6, 7, 3)).astype(np.float32)
    volume = volume_from_array(data, affine, name="epi", facts={"time_step_s": 2.0})
    result = resample(volume, onto=volume)
    assert result.n_times == 3
    assert result.facts["time_step_s"] == 2.0
    np.testing.assert_allclose(result.data, data, atol=1e-5)


@pytest.mark.parametrize("interpolation", ["cubic", "sinc"])
def test_slabs_change_nothing(affine, target, rigid_move, monkeypatch, interpolation):
    moving = volume_from_array(np.random.default_rng(0).normal(size=(9, 10, 11)), affine, name="epi")
    move = Affine(rigid_move, "epi:scanner", "t1:scanner")
    whole = resample(moving, onto=target, moving_to_fixed=move, interpolation=interpolation)
    monkeypatch.setattr(module, "SLAB", 1)
    monkeypatch.setattr(sampling, "AT_ONCE", 7)
    again = resample(moving, onto=target, moving_to_fixed=move, interpolation=interpolation)
    np.testing.assert_allclose(again.data, whole.data, atol=1e-12)


def test_a_map_the_wrong_way_round_is_an_error(affine):
    moving = volume_from_array(np.zeros((3, 3, 3)), affine, name="epi")
    fixed = volume_from_array(np.zeros((3, 3, 3)), affine, name="t1")
    with pytest.raises(SpaceMismatchError):
        resample(moving, onto=fixed, moving_to_fixed=Affine.identity("t1:scanner", "epi:scanner"))
    with pytest.raises(SpaceMismatchError):
        resample(moving, onto=fixed, moving_to_fixed=Affine.identity("epi:scanner", "scene"))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_linear_agrees_with_map_coordinates_everywhere_inside(seed):
    chance = np.random.default_rng(seed)
    data = chance.normal(size=(6, 5, 7))
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3) + chance.normal(0, 0.2, (3, 3))
    matrix[:3, 3] = chance.normal(0, 1, 3)
    moving = volume_from_array(data, np.eye(4), name="a")
    grid = Grid((5, 6, 4), Affine(matrix, "b:voxel", "a:scanner"))
    at = np.moveaxis(
        np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), -1) @ matrix[:3, :3].T + matrix[:3, 3], -1, 0
    )
    inside = np.all([(x >= 0) & (x <= n - 1) for x, n in zip(at, data.shape, strict=True)], axis=0)
    truth = ndimage.map_coordinates(data, at, order=1)
    np.testing.assert_allclose(np.asarray(resample(moving, onto=grid).data)[inside], truth[inside], atol=1e-10)
