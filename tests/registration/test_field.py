"""Values between voxels against closed forms: what is linear along each axis comes back exactly, and weights fade as they are said to."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.registration.field import Field, Samples
from volstudio.registration.foreground import Foreground
from volstudio.registration.prepare import Level

SHAPE = (7, 6, 5)
STEPS = np.array([[2.0, 0.3, 0.0], [-0.2, 1.5, 0.1], [0.1, 0.0, 3.0]])  # oblique, unequal
ORIGIN = np.array([-4.0, 3.0, 11.0])


def corners(x, y, z):
    """Linear along each axis: what trilinear interpolation cannot get wrong."""
    return 0.2 + 0.05 * x - 0.04 * y + 0.07 * z + 0.01 * x * y - 0.005 * y * z + 0.002 * x * y * z


def slopes(x, y, z):
    return 0.05 + 0.01 * y + 0.002 * y * z, -0.04 + 0.01 * x - 0.005 * z + 0.002 * x * z, 0.07 - 0.005 * y + 0.002 * x * y


def level_of(values, *, seen=None, mask=None):
    shape = values.shape
    foreground = Foreground.of(np.ones(shape, bool) if mask is None else mask, ORIGIN, STEPS)
    return Level(2.0, ORIGIN, STEPS, np.asfortranarray(values, dtype=np.float32), foreground, seen)


@pytest.fixture
def field():
    return Field(level_of(corners(*np.indices(SHAPE))))


def places(rng, count, *, beyond=0.0):
    """Coordinates in voxels, within the outermost centres or so far beyond them."""
    return tuple(rng.uniform(-beyond, n - 1 + beyond, count).astype(np.float32) for n in SHAPE)


def weights_of(border, count):
    """The weight of every place."""
    weights = np.ones(count)
    weights[border.index] = border.weight
    return weights


def test_values_and_slopes_within_the_voxels(field):
    at = places(np.random.default_rng(1), 500)
    values, slope, border = field.look(*at)
    np.testing.assert_allclose(values, corners(*at), atol=2e-6)
    for along, truth in zip(slope, slopes(*at), strict=True):
        np.testing.assert_allclose(along, truth, atol=5e-6)
    np.testing.assert_array_equal(weights_of(border, 500), 1)
    bare, none, _ = field.look(*at, slope=False)
    np.testing.assert_array_equal(bare, values)
    assert none is None


def test_places_keep_their_shape(field):
    at = tuple(each.reshape(4, 5) for each in places(np.random.default_rng(2), 20))
    values, slope, _ = field.look(*at)
    assert {each.shape for each in (values, *slope)} == {(4, 5)}


def test_a_voxel_beyond_the_last_one_the_field_has_faded(field):
    at = places(np.random.default_rng(3), 3000, beyond=1.5)
    values, slope, border = field.look(*at)
    nearest = [np.clip(p, 0, n - 1) for p, n in zip(at, SHAPE, strict=True)]
    np.testing.assert_allclose(values, corners(*nearest), atol=3e-6)  # the value of the nearest place within
    out = [np.maximum(np.maximum(-p, p - (n - 1)), 0) for p, n in zip(at, SHAPE, strict=True)]
    fade = [np.clip(1 - each, 0, 1) for each in out]  # linear over one voxel, along each axis by itself
    np.testing.assert_allclose(weights_of(border, 3000), fade[0] * fade[1] * fade[2], atol=2e-6)
    for axis, (along, beyond) in enumerate(zip(slope, out, strict=True)):
        np.testing.assert_array_equal(along[beyond > 0], 0)
        truth = slopes(*nearest)[axis]
        np.testing.assert_allclose(along[beyond == 0], truth[beyond == 0], atol=5e-6)


def test_the_weights_slope_is_that_of_the_weight(field):
    rng = np.random.default_rng(4)
    step = 1 / 64  # a power of two: the differences are not rounded
    at = [np.round(p * 32) / 32 + step / 2 for p in places(rng, 2000, beyond=1.4)]  # never on a bend
    _, _, border = field.look(*(p.astype(np.float32) for p in at))
    for axis in range(3):
        ahead, behind = ([*at] for _ in range(2))
        ahead[axis], behind[axis] = at[axis] + step / 4, at[axis] - step / 4
        ends = [weights_of(field.look(*(p.astype(np.float32) for p in end))[2], 2000) for end in (ahead, behind)]
        measured = (ends[0] - ends[1]) / (step / 2)
        given = np.zeros(2000)
        given[border.index] = border.slope[axis]
        np.testing.assert_allclose(given, measured, atol=1e-4)


def test_a_single_slice_is_a_field_that_fades(field):
    flat = Field(level_of(corners(*np.indices((7, 6, 1)))))
    x, y = (np.full(5, each, np.float32) for each in (2.25, 3.5))
    z = np.array([-1.0, -0.5, 0.0, 0.25, 1.0], np.float32)
    values, slope, border = flat.look(x, y, z)
    np.testing.assert_allclose(values, corners(2.25, 3.5, 0), atol=1e-6)
    np.testing.assert_allclose(weights_of(border, 5), [0, 0.5, 1, 0.75, 0], atol=1e-6)
    np.testing.assert_array_equal(slope[2], 0)


def test_what_may_not_be_looked_at_weighs_nothing():
    """Weights are trilinear between voxels that are seen (1) and those that are not (0); around the level nothing is seen."""
    seen = np.random.default_rng(5).random(SHAPE) < 0.6
    masked = Field(level_of(corners(*np.indices(SHAPE)), seen=seen))
    at = places(np.random.default_rng(6), 800, beyond=1.2)
    values, _, border = masked.look(*at)
    around = np.pad(seen, 2).astype(float)
    truth = np.zeros(800)
    low = [np.floor(p).astype(int) for p in at]
    for offset in np.ndindex(2, 2, 2):
        share = np.prod([np.where(o, p - i, 1 - (p - i)) for o, p, i in zip(offset, at, low, strict=True)], axis=0)
        truth += share * around[tuple(i + o + 2 for i, o in zip(low, offset, strict=True))]
    np.testing.assert_allclose(weights_of(border, 800), truth, atol=1e-5)
    np.testing.assert_array_equal(values, Field(level_of(corners(*np.indices(SHAPE)))).look(*at)[0])


def test_the_way_to_voxels_is_the_inverse_of_the_way_from_them(field):
    index = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(field.to_voxels @ (ORIGIN + STEPS @ index - field.origin), index, atol=1e-12)


def test_samples_know_what_the_level_holds_where_they_lie():
    level = level_of(corners(*np.indices(SHAPE)))
    drawn = Samples.draw(level, 150, seed=7)
    assert drawn.points.shape == (3, 150)
    assert {drawn.points.dtype, drawn.values.dtype} == {np.dtype(np.float32)}
    at = np.linalg.inv(STEPS) @ (drawn.points + (drawn.centroid - ORIGIN)[:, None])
    within = np.clip(at, 0, np.array(SHAPE)[:, None] - 1)  # jittered by half a voxel, some lie beyond the outermost centres
    np.testing.assert_allclose(drawn.values, corners(*within), atol=1e-5)
    np.testing.assert_allclose(drawn.points.mean(axis=1), 0, atol=1e-5)
    assert drawn.radius == pytest.approx(np.sqrt((drawn.points**2).sum(axis=0).mean()), rel=1e-6)
    again, other = Samples.draw(level, 150, seed=7), Samples.draw(level, 150, seed=8)
    np.testing.assert_array_equal(again.points, drawn.points)
    assert (other.points != drawn.points).any()


def test_there_are_no_more_samples_than_voxels_of_the_object():
    mask = np.zeros(SHAPE, bool)
    mask[2:5, 1:4, 1:3] = True  # 18 voxels
    level = level_of(corners(*np.indices(SHAPE)), mask=mask)
    drawn = Samples.draw(level, 1000, seed=7)
    assert drawn.points.shape == (3, 18)
    at = np.linalg.inv(STEPS) @ (drawn.points + (drawn.centroid - ORIGIN)[:, None])
    assert mask[tuple(np.rint(at).astype(int))].all()  # the jitter is half a voxel at most
