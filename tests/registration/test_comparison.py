"""Likeness and its slope, against closed forms and finite differences."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.registration.comparison import Comparison
from volstudio.registration.field import Field, Samples
from volstudio.registration.foreground import Foreground
from volstudio.registration.measures import MEASURES
from volstudio.registration.prepare import Level


def waves(points):
    """A smooth image of no symmetry, 0 to 1, at points (..., 3) in mm."""
    x, y, z = np.moveaxis(points, -1, 0)
    return 0.5 + 0.2 * np.sin(x / 9 + 0.3) * np.cos(y / 11) + 0.15 * np.cos(z / 8 + x / 15) + 0.1 * np.sin((x + y - z) / 13)


def level_of(image, shape=(40, 44, 36), spacing=1.0, origin=(-20.0, -22.0, -18.0), seen=None):
    index = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), -1)
    values = np.asfortranarray(image(index * spacing + np.array(origin)), dtype=np.float32)
    steps = np.eye(3) * spacing
    foreground = Foreground.of(np.ones(shape, bool), np.array(origin), steps)
    return Level(spacing, np.array(origin), steps, values, foreground, seen)


def finite_difference(value, step):
    """Slope of a function of six numbers at zero."""
    return np.array([(value(step * axis) - value(-step * axis)) / (2 * step) for axis in np.eye(6)])


def turned(heads, vector):
    angle = np.linalg.norm(vector)
    return heads.turn(vector, np.degrees(angle)) if angle else np.eye(3)


@pytest.mark.parametrize("metric", list(MEASURES))
@pytest.mark.parametrize(("shift", "least", "most"), [((1.3, -0.7, 0.9), 0.9, 1.0), ((9, 3, -4), 0.5, 0.8)])
def test_slope_is_that_of_the_value_even_where_samples_leave(heads, metric, shift, least, most):
    fixed, moving = level_of(waves), level_of(lambda p: waves(p + np.array((1.0, 0.5, -0.4))) ** 2)
    comparison = Comparison(Samples.draw(fixed, 40_000, seed=3), moving, bins=24, metric=metric)
    rotation, position = heads.turn((1, 2, -1), 4), comparison.samples.centroid + np.array(shift)

    def value(six):
        return comparison.at(turned(heads, six[3:]) @ rotation, position + six[:3], slope=False).value

    here = comparison.at(rotation, position)
    assert least <= here.overlap <= most
    steps = np.array([1.0, 1.0, 1.0, comparison.samples.radius, comparison.samples.radius, comparison.samples.radius])
    measured = finite_difference(lambda six: value(six / steps), 0.02)
    given = np.concatenate([here.force, here.torque]) / steps
    np.testing.assert_allclose(given, measured, atol=0.02 * np.linalg.norm(measured))


@pytest.mark.parametrize("metric", list(MEASURES))
def test_likeness_is_greatest_where_the_images_agree(metric):
    level = level_of(waves)
    comparison = Comparison(Samples.draw(level, 20_000, seed=3), level, metric=metric)
    best = comparison.at(np.eye(3), comparison.samples.centroid, slope=False).value
    for shift in np.concatenate([np.eye(3), -np.eye(3)]) * 1.5:
        assert comparison.at(np.eye(3), comparison.samples.centroid + shift, slope=False).value < best


def test_value_is_the_same_with_and_without_slope_and_from_run_to_run():
    comparison = Comparison(Samples.draw(level_of(waves), 20_000, seed=3), level_of(waves))
    values = {comparison.at(np.eye(3), comparison.samples.centroid + 1.2, slope=s).value for s in (True, False, True, False)}
    assert len(values) == 1


def test_no_overlap_is_no_likeness():
    comparison = Comparison(Samples.draw(level_of(waves), 5000, seed=3), level_of(waves))
    away = comparison.at(np.eye(3), np.array([200.0, 0, 0]))
    assert away.value == -np.inf
    assert away.overlap == 0
    assert not away.force.any()


def test_field_is_exact_for_a_plane_and_fades_at_its_border():
    field = Field(level_of(lambda p: 0.5 + p @ np.array([0.004, -0.003, 0.002])))
    inside = np.random.default_rng(0).uniform(0, 34, (3, 200)).astype(np.float32)
    value, slope, border = field.look(*inside)
    expected = 0.5 + (inside.T + np.array([-20, -22, -18])) @ np.array([0.004, -0.003, 0.002])
    np.testing.assert_allclose(value, expected, atol=1e-6)
    np.testing.assert_allclose(slope, np.array([0.004, -0.003, 0.002])[:, None] * np.ones(200), atol=1e-6)
    assert not border.index.size
    x = np.array([-1.5, -1.0, -0.75, -0.5, 0.0, 4.0, 39.5, 40.0], np.float32)
    value, slope, border = field.look(x, np.full(8, 9, np.float32), np.full(8, 9, np.float32))
    np.testing.assert_array_equal(border.index, [0, 1, 2, 3, 6, 7])
    np.testing.assert_allclose(border.weight, [0, 0, 0.25, 0.5, 0.5, 0], atol=1e-6)
    np.testing.assert_allclose(border.slope[0], [0, 0, 1, 1, -1, 0])
    np.testing.assert_allclose(value[:4], value[4])  # beyond the outermost voxel the value stays
    np.testing.assert_allclose(slope[0], [0, 0, 0, 0, 0.004, 0.004, 0, 0], atol=1e-6)


@pytest.mark.parametrize("slope", [True, False])
def test_several_poses_at_once_give_the_same_bits_as_one_by_one(heads, slope):
    """Of few samples and of many, with poses of which part or all of the object is out of view among them."""
    for count in (700, 20_000):
        comparison = Comparison(Samples.draw(level_of(waves), count, seed=3), level_of(waves))
        rotations = np.stack([heads.turn((1, 2, n), 7 * n) for n in range(7)])
        positions = comparison.samples.centroid + np.arange(7)[:, None] ** 2 * [1.0, -0.5, 0.7]
        together = comparison.at_each(rotations, positions, slope=slope)
        assert together[0].overlap > 0.9 > together[-1].overlap
        for likeness, rotation, position in zip(together, rotations, positions, strict=True):
            alone = comparison.at(rotation, position, slope=slope)
            assert (likeness.value, likeness.overlap) == (alone.value, alone.overlap)
            np.testing.assert_array_equal(likeness.force, alone.force)
            np.testing.assert_array_equal(likeness.torque, alone.torque)


def test_sheared_voxels_are_where_their_steps_put_them():
    steps = np.array([[1.5, 0.3, 0], [0, -1.2, 0.4], [0.2, 0, 2.0]])
    shape, origin = (30, 40, 20), np.array([-20.0, 25.0, -18.0])
    index = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), -1)
    values = np.asfortranarray(waves(index @ steps.T + origin), np.float32)
    sheared = Level(1.5, origin, steps, values, Foreground.of(np.ones(shape, bool), origin, steps))
    samples = Samples.draw(sheared, 5000, seed=1)
    np.testing.assert_allclose(samples.values, waves(samples.points.T + samples.centroid), atol=0.03)
    for source, target in ((sheared, level_of(waves)), (level_of(waves), sheared)):
        comparison = Comparison(Samples.draw(source, 30_000, seed=3), target)
        best = comparison.at(np.eye(3), comparison.samples.centroid).value
        for shift in np.concatenate([np.eye(3), -np.eye(3)]) * 1.5:
            assert comparison.at(np.eye(3), comparison.samples.centroid + shift).value < best


def test_single_slice_is_a_field():
    level = level_of(waves, shape=(40, 44, 1), origin=(-20.0, -22.0, 0.0))
    comparison = Comparison(Samples.draw(level, 5000, seed=3), level_of(waves))
    here = comparison.at(np.eye(3), comparison.samples.centroid)
    assert here.overlap == pytest.approx(1, abs=0.03)
    assert np.isfinite(here.force).all()
    assert here.value > comparison.at(np.eye(3), comparison.samples.centroid + np.array((0, 0, 3)), slope=False).value


def test_what_is_not_to_be_seen_has_no_weight():
    seen = np.ones((40, 44, 36), bool, order="F")
    seen[:20] = False
    comparison = Comparison(Samples.draw(level_of(waves), 20_000, seed=3), level_of(waves, seen=seen))
    assert comparison.at(np.eye(3), comparison.samples.centroid).overlap == pytest.approx(0.5, abs=0.02)


def test_samples_are_even_jittered_and_repeat():
    level = level_of(waves)
    first, second, other = (Samples.draw(level, 5000, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.points, second.points)
    assert not np.array_equal(first.points, other.points)
    counts = np.histogramdd(first.points.T + first.centroid, bins=(4, 4, 4))[0]
    assert counts.min() > 0.7 * counts.mean()
    np.testing.assert_allclose(first.values, waves(first.points.T + first.centroid), atol=0.02)
