"""The last steps with many points of both volumes: slopes, who gives the points, and what they are good for."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.registration.ascent import climb, turn
from volstudio.registration.comparison import Comparison, Likeness
from volstudio.registration.field import Samples
from volstudio.registration.foreground import Foreground
from volstudio.registration.plan import RegistrationPlan
from volstudio.registration.polish import BothWays, curvature, distance, own_samples, polished, unevenness
from volstudio.registration.prepare import Level
from volstudio.registration.rigid import register


def waves(points):
    """A smooth image of no symmetry, 0 to 1, at points (..., 3) in mm."""
    x, y, z = np.moveaxis(points, -1, 0)
    return 0.5 + 0.2 * np.sin(x / 9 + 0.3) * np.cos(y / 11) + 0.15 * np.cos(z / 8 + x / 15) + 0.1 * np.sin((x + y - z) / 13)


def level_of(image, shape, spacing, *, noise=0.0, seed=0):
    """Level about the origin of its frame."""
    index = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), -1)
    steps = np.diag(np.broadcast_to(spacing, 3)).astype(float)
    origin = -steps @ (np.array(shape) - 1) / 2
    values = image(index @ steps.T + origin) + np.random.default_rng(seed).normal(0, noise, shape)
    foreground = Foreground.of(np.ones(shape, bool), origin, steps)
    return Level(float(np.mean(spacing)), origin, steps, np.asfortranarray(np.clip(values, 0, 1), dtype=np.float32), foreground)


def inverted(points):
    return (1 - waves(points)) ** 2


def pose_of(vector, shift):
    """(4, 4) of a turn vector and a shift."""
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = turn(np.array(vector, float)), shift
    return pose


def all_of(level, other, pose, count=40_000):
    return own_samples(level, other, pose, count, seed=3)


TRUE = pose_of((0.1, -0.05, 0.08), (1.0, -0.6, 0.8))


def pair(noise=0.0):
    """Source and target whose true pose is `TRUE`."""
    back = np.linalg.inv(TRUE)

    def seen(points):
        return inverted(points @ back[:3, :3].T + back[:3, 3])

    return level_of(waves, (30, 34, 28), 1.5, noise=noise), level_of(seen, (40, 40, 24), (1.3, 1.3, 2.1), noise=noise, seed=1)


# ----------------------------------------------------------------------------------------------------------------- both ways
@pytest.mark.parametrize("most", [None, 3000], ids=["as many", "fewer of the target"])
def test_slope_is_that_of_the_value(most):
    source, target = pair()
    there = Comparison(all_of(source, target, TRUE), target, bins=24)
    back = all_of(target, source, np.linalg.inv(TRUE), most or 40_000)
    both = BothWays(there, Comparison(back, source, bins=24))
    rotation, position = turn(np.array([0.12, -0.02, 0.05])), both.samples.centroid + np.array((0.6, -0.9, 1.1))

    def value(six):
        return both.at_each((turn(six[3:]) @ rotation)[None], (position + six[:3])[None], slope=False)[0].value

    (here,) = both.at_each(rotation[None], position[None])
    steps = 0.02 * np.array([1, 1, 1, *[1 / both.samples.radius] * 3])
    measured = np.array([(value(step * axis) - value(-step * axis)) / 0.04 for step, axis in zip(steps, np.eye(6), strict=True)])
    given = np.concatenate([here.force, here.torque / both.samples.radius])
    np.testing.assert_allclose(given, measured, atol=0.03 * np.linalg.norm(measured))


def test_it_is_the_same_seen_from_the_other_side():
    source, target = pair()
    samples = [all_of(source, target, TRUE, 5000), all_of(target, source, np.linalg.inv(TRUE), 5000)]
    least = min(len(each.values) for each in samples)
    one, other = (Samples(s.centroid, np.ascontiguousarray(s.points[:, :least]), s.values[:least]) for s in samples)
    forth = BothWays(Comparison(one, target), Comparison(other, source))
    back = BothWays(Comparison(other, source), Comparison(one, target))
    values = []
    for both, pose in ((forth, TRUE), (back, np.linalg.inv(TRUE))):
        position = pose[:3, :3] @ both.samples.centroid + pose[:3, 3]
        values.append(both.at_each(pose[None, :3, :3], position[None])[0].value)
    assert values[0] == pytest.approx(values[1], abs=1e-6)


def test_few_points_of_the_target_count_little():
    """A handful are alike by chance: with sixty points, mutual information of 32 classes is above one nat wherever they lie."""
    source, target = pair()
    there = Comparison(all_of(source, target, TRUE), target)
    few = Comparison(all_of(target, source, np.linalg.inv(TRUE), 60), source)
    place = np.eye(3)[None], there.samples.centroid[None] + 9
    alone, (both,) = there.at_each(*place)[0].value, BothWays(there, few).at_each(*place)
    assert both.value == pytest.approx(alone, abs=0.01)


def test_any_number_of_threads_gives_the_same_bits(monkeypatch):
    source, target = pair(noise=0.05)
    ends = []
    for threads in ("1", "2", "4"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        end = polished((source, target), pose_of((0.1, -0.05, 0.09), (1.2, -0.6, 0.8)), RegistrationPlan(), **NO_ONE)
        ends.append(end.pose.tobytes())
    assert ends[0] == ends[1] == ends[2]


NO_ONE = {"both": True, "within": None, "report": lambda _: None, "pause": lambda: None}


# -------------------------------------------------------------------------------------------------------------------- points
def test_points_are_the_levels_own_voxels_where_grids_lie_across_each_other():
    source, target = pair(noise=0.1)
    samples = all_of(source, target, TRUE)
    index = (samples.points + samples.centroid[:, None] - source.origin[:, None]) / 1.5
    assert np.abs(index - np.rint(index)).max() < 1e-4
    i, j, k = np.rint(index).astype(int)
    np.testing.assert_allclose(samples.values, source.values[i, j, k], atol=1e-4)
    assert len(np.unique(np.stack([i, j, k]), axis=1).T) == len(samples.values)


def test_points_are_jittered_where_grids_lie_along_each_other():
    source = level_of(waves, (30, 34, 28), 1.5)
    samples = all_of(source, source, pose_of((0, 0, 0), (0.4, 0.2, 0.3)))
    index = (samples.points + samples.centroid[:, None] - source.origin[:, None]) / 1.5
    assert np.abs(index - np.rint(index)).max() == pytest.approx(0.5, abs=0.01)


def test_two_noisy_scans_on_one_grid_stay_on_each_other():
    """Two contrasts on one grid: between voxels noise is averaged away, and points at voxels would drive the scans off each other."""
    source, target = level_of(waves, (36, 34, 30), 1.5, noise=0.04), level_of(inverted, (36, 34, 30), 1.5, noise=0.04, seed=1)
    end = polished((source, target), pose_of((0, 0, 0), (0.2, 0.1, 0.1)), RegistrationPlan(), **NO_ONE)
    assert distance(source, end.pose, np.eye(4)) < 0.2


def test_points_out_of_view_are_left_out():
    source = level_of(waves, (40, 40, 40), 1.5)
    slab = level_of(waves, (40, 40, 4), 1.5)
    samples = all_of(source, slab, pose_of((0, 0.02, 0), (0, 0, 0)), 100_000)
    z = samples.points[2] + samples.centroid[2]
    assert 3 < np.abs(z).max() < 1.5 * (2 + 3) + 0.02 * 30
    nowhere = all_of(source, slab, pose_of((0, 0, 0), (0, 0, 500)))
    assert len(nowhere.values) == 0
    assert polished((source, slab), pose_of((0, 0, 0), (0, 0, 500)), RegistrationPlan(), **NO_ONE) is None


@pytest.mark.parametrize(("ratio", "least", "most"), [(1.0, 1.0, 1.0), (0.5, 0.9, 1.0), (1 / 3, 0.9, 1.0), (0.618, 0.0, 0.1)])
def test_unevenness_of_places(ratio, least, most):
    places = np.stack([np.arange(2000) * ratio + 0.2, np.arange(2000) * 0.731, np.arange(2000) * 0.377])
    assert least - 1e-9 <= unevenness(places) <= most + 1e-9


# --------------------------------------------------------------------------------------------------------------------- steps
class Bowl:
    """A likeness that falls with the square of the way from a place, along each of six axes at its own pace."""

    samples = Samples(np.zeros(3), np.array([[10.0, -10], [0, 0], [0, 0]], np.float32), np.zeros(2, np.float32))
    falls = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 0.001])

    def at_each(self, rotations, positions, *, slope=True):
        found = []
        for rotation, position in zip(rotations, positions, strict=True):
            turned = 0.5 * np.array([rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]])
            six = np.concatenate([turned * 10, position])
            pull = -self.falls * six
            found.append(Likeness(float(pull @ six / 2), 1.0, pull[3:], pull[:3] * 10))
        return found


def test_curvature_of_a_bowl_and_its_least():
    inverse = curvature(Bowl(), np.eye(4), 0.1)
    np.testing.assert_allclose(inverse, np.diag(1 / np.maximum(Bowl.falls, 0.02 * 5)), atol=1e-3)


def test_many_points_of_both_come_nearer_than_few_of_one():
    source, target = pair(noise=0.02)
    few = []
    for seed in (1, 2, 3):
        one_way = climb(Comparison(Samples.draw(source, 4000, seed=seed), target), TRUE, step_mm=0.2, tolerance_mm=0.005, iterations=40)
        many = polished((source, target), one_way.pose, RegistrationPlan(seed=seed), **NO_ONE)
        assert many.converged
        few.append((distance(source, one_way.pose, TRUE), distance(source, many.pose, TRUE)))
    one_way, many = np.mean(few, axis=0)
    assert many < 0.7 * one_way


def test_distance_is_the_mean_square_over_the_object():
    source, _ = pair()
    one, other = TRUE, pose_of((0.02, 0.1, -0.04), (0.3, 2.0, -1.0))
    points = source.foreground.centres()
    apart = (one - other)[:3, :3] @ points + (one - other)[:3, 3:]
    # The frame's axes are the voxels' here: nothing varies together.
    assert distance(source, one, other) == pytest.approx(np.sqrt((apart**2).sum(axis=0).mean()), rel=1e-6)


# ------------------------------------------------------------------------------------------------------------------ register
@pytest.fixture(scope="module")
def scans(heads):
    moved = heads.rigid((1, -1, 0.5), 3, (2, -1, 2))
    fixed = heads.head((60, 72, 56), heads.grid_affine((60, 72, 56), np.diag([2.5, 2.5, 2.5])), name="fixed")
    tilted = heads.turn((1, 2, 3), 25) @ np.diag([3.0, 3.0, 3.0])
    moving = heads.head((48, 60, 46), heads.grid_affine((48, 60, 46), tilted), name="moving", moved=moved, seed=1)
    return fixed, moving, moved


@pytest.mark.parametrize("refine", ["simpleitk", "builtin"])
def test_the_last_steps_are_told_and_can_be_left_out(heads, scans, refine):
    fixed, moving, moved = scans
    plan = RegistrationPlan(start="given", refine=refine, samples=40_000)
    found, without = (register(fixed, moving, plan=plan.with_(polish=polish), judge=False) for polish in ("auto", "none"))
    assert found.trace[-1].engine == "polish"
    assert "on more points of both scans led" in found.stop_reason
    assert without.trace[-1].engine == refine
    assert "more points" not in without.stop_reason
    assert found.metric == pytest.approx(found.trace[-1].metric)
    assert heads.error_mm(found.fixed_to_moving.matrix, moved) < 0.05


def test_with_a_mask_the_points_are_of_one_scan(heads, scans):
    fixed, moving, _ = scans
    box = heads.volume_of(np.ones((30, 36, 28), np.uint8), fixed.affine.matrix @ np.diag([2, 2, 2, 1.0]), "box")
    counts = box.data.copy()
    counts[:8] = 0
    mask = heads.volume_of(counts, box.affine.matrix, "mask")
    found = register(fixed, moving, plan=RegistrationPlan(start="given", samples=20_000), fixed_mask=mask, judge=False)
    assert "on more points of one scan led" in found.stop_reason


def test_of_few_slices_the_points_are_those_of_the_slices(heads, scans):
    fixed, _, moved = scans
    few = heads.head((80, 90, 3), heads.grid_affine((80, 90, 3), np.diag([2, 2, 4.0])), name="moving", moved=moved, seed=1)
    found = register(fixed, few, plan=RegistrationPlan(start="given", samples=40_000), judge=False)
    assert "on more points of one scan led" in found.stop_reason
    assert heads.error_mm(found.fixed_to_moving.matrix, moved) < 0.8


def test_the_bounds_of_a_plan_hold_to_the_end(heads, scans):
    fixed, moving, _ = scans
    found = register(fixed, moving, plan=RegistrationPlan(start="given", samples=20_000, max_shift_mm=1), judge=False)
    assert "at the plan's bounds" in found.stop_reason
    assert "polish" not in {step.engine for step in found.trace}
