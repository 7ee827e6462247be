"""Distances in mm and degrees against closed forms and against counting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volstudio.errors import GeometryError, SpaceMismatchError
from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.geometry.measure import Distance, angle_deg, distance_mm, framewise_displacement, over_grid, rms_deviation
from volstudio.geometry.rigid import RigidTransform, compose

small = st.floats(-20, 20)
turns = st.floats(-1.5, 1.5)
poses = st.builds(RigidTransform.from_six, st.tuples(small, small, small, turns, turns, turns))


def shifted(x: float, y: float, z: float) -> np.ndarray:
    return RigidTransform(np.eye(3), (x, y, z)).matrix


def test_a_shift_is_as_far_everywhere(grid):
    distance = over_grid(shifted(3, 4, 12), np.eye(4), grid)
    assert (distance.mean, distance.rms, distance.max) == pytest.approx((13, 13, 13))
    assert distance_mm(shifted(3, 4, 12), np.eye(4), grid.corners()).max == pytest.approx(13)


@given(a=poses, b=poses)
def test_over_a_grid_agrees_with_many_points(a, b):
    grid = Grid((20, 20, 20), Affine([[3, 0, 0, -30], [0, 2, 0, -20], [0, 0, 4, -40], [0, 0, 0, 1]], "a:voxel", "a:scanner"))
    axes = [(np.arange(20) + 0.5) / 20 - 0.5] * 3
    cube = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 3)
    inner = distance_mm(a.matrix, b.matrix, cube @ grid.box()[:3, :3].T + grid.box()[:3, 3])
    exact = over_grid(a.matrix, b.matrix, grid)
    assert exact.max == pytest.approx(distance_mm(a.matrix, b.matrix, grid.corners()).max)
    assert exact.mean == pytest.approx(inner.mean, rel=3e-3, abs=1e-9)
    assert exact.rms == pytest.approx(inner.rms, rel=3e-3, abs=1e-9)
    assert exact.mean <= exact.rms * (1 + 1e-12)
    assert exact.rms <= exact.max * (1 + 1e-12)


def test_mean_over_a_cube_that_turns_about_its_middle(make_grid):
    cube = make_grid(np.eye(3), (-49.5, -49.5, -49.5), (100, 100, 100))
    angle = 0.01
    turned = RigidTransform.from_axis_angle((0, 0, 1), angle).matrix
    # Mean distance of a square's points to its middle: side / 6 (sqrt 2 + asinh 1).
    expected = 2 * np.sin(angle / 2) * 100 / 6 * (np.sqrt(2) + np.arcsinh(1))
    assert over_grid(turned, np.eye(4), cube).mean == pytest.approx(expected, rel=2e-3)


@given(poses, st.floats(0, 3.1))
def test_angle_is_the_turn_between(pose, angle):
    turned = compose(RigidTransform.from_axis_angle((1, 2, 3), angle), pose)
    assert angle_deg(turned.matrix, pose.matrix) == pytest.approx(np.degrees(angle), abs=1e-6)
    sizes, others = np.diag([-1.0, 2, 3, 1]), np.diag([-2.0, 2, 0.5, 1])
    assert angle_deg(turned.matrix @ sizes, pose.matrix @ others) == pytest.approx(np.degrees(angle), abs=1e-6)


def test_no_angle_leads_to_a_mirror():
    with pytest.raises(GeometryError, match="mirrors"):
        angle_deg(np.diag([-1.0, 1, 1, 1]), np.eye(4))


@given(poses, poses)
def test_rms_deviation_is_the_mean_over_a_ball(a, b):
    centre, radius = np.array([5.0, -10.0, 20.0]), 80.0
    points = np.random.default_rng(0).normal(size=(4000, 3))
    points = np.vstack([points, -points])
    points *= radius * np.random.default_rng(1).uniform(0, 1, (len(points), 1)) ** (1 / 3) / np.linalg.norm(points, axis=1, keepdims=True)
    counted = distance_mm(a.matrix, b.matrix, points + centre).rms
    assert rms_deviation(a.matrix, b.matrix, centre=centre, radius=radius) == pytest.approx(counted, rel=0.02, abs=1e-9)


def test_rms_deviation_is_jenkinsons_formula():
    a, b = RigidTransform.from_six((1, 2, 3, 0.1, 0.2, -0.1)).matrix, RigidTransform.from_six((0, 1, 3, 0.1, 0.1, 0)).matrix
    # As TR99MJ1 writes it, about the centre's image under the first map.
    change = b @ np.linalg.inv(a) - np.eye(4)
    shift = change[:3, 3]
    expected = np.sqrt(80**2 / 5 * np.trace(change[:3, :3].T @ change[:3, :3]) + shift @ shift)
    assert rms_deviation(a, b, centre=(np.linalg.inv(a) @ (0, 0, 0, 1))[:3]) == pytest.approx(expected)


def test_framewise_displacement_of_known_steps():
    steps = [np.eye(4), shifted(0.3, 0, 0.4), RigidTransform.from_six((0.3, 0, 0.4, 0, 0.02, 0)).matrix]
    assert framewise_displacement(steps) == pytest.approx([0, 0.5, 80 / np.sqrt(5) * np.sqrt(8) * np.sin(0.01)])
    assert framewise_displacement(steps, method="power") == pytest.approx([0, 0.7, 50 * 0.02])
    assert framewise_displacement(steps, method="power", radius=80) == pytest.approx([0, 0.7, 80 * 0.02])
    assert framewise_displacement(steps[:1]) == pytest.approx([0])


def test_power_counts_a_turn_past_half_a_circle_as_small():
    steps = [RigidTransform.from_euler((0, 0, angle)).matrix for angle in (np.pi - 0.01, np.pi + 0.01)]
    assert framewise_displacement(steps, method="power")[1] == pytest.approx(50 * 0.02)


def test_maps_with_other_ends_are_not_compared(grid):
    there = Affine.identity("a:scanner", "b:scanner")
    with pytest.raises(SpaceMismatchError, match="inverse"):
        distance_mm(there, there.inverse(), [(0, 0, 0)])
    with pytest.raises(SpaceMismatchError, match="grid lies in a:scanner"):
        over_grid(there.inverse(), there.inverse(), grid)
    assert over_grid(there, there, grid) == Distance(0, 0, 0)


def test_nonsense_is_refused():
    with pytest.raises(GeometryError, match="point"):
        distance_mm(np.eye(4), np.eye(4), np.empty((0, 3)))
    with pytest.raises(GeometryError, match=r"\(n, 4, 4\)"):
        framewise_displacement(np.eye(4))
    assert str(Distance(1, 1.2, 2)) == "1 mm on average, 2 mm at most"
