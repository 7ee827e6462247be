"""Grids: what their boxes hold and are called, held against nibabel, against closed forms and against counting."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volstudio.errors import GeometryError, SpaceMismatchError
from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid, overlap_fraction
from volstudio.geometry.rigid import RigidTransform

angles = st.floats(-np.pi, np.pi)
shifts = st.floats(-12, 12)
poses = st.builds(RigidTransform.from_six, st.tuples(shifts, shifts, shifts, angles, angles, angles))


def test_agrees_with_nibabel(grid):
    matrix = grid.affine.matrix
    assert grid.axis_codes == "".join(nib.aff2axcodes(matrix))
    assert np.allclose(grid.voxel_sizes, nib.affines.voxel_sizes(matrix))
    if grid.shear < 1e-9:
        assert grid.obliquity_deg == pytest.approx(np.degrees(nib.affines.obliquity(matrix)).max(), abs=1e-5)


@given(poses, st.tuples(*[st.sampled_from([-3.0, -1.0, 0.5, 2.0])] * 3))
def test_axis_codes_agree_with_nibabel_at_any_angle(pose, sizes):
    matrix = pose.matrix @ np.diag([*sizes, 1])
    assert Grid((2, 2, 2), Affine(matrix, "a:voxel", "a:scanner")).axis_codes == "".join(nib.aff2axcodes(matrix))


@pytest.mark.parametrize("degrees", [0.0, 1e-6, 0.01, 17.2, 44.9])
def test_obliquity_is_the_angle_that_was_turned(make_grid, degrees):
    for axis in np.eye(3):
        turned = RigidTransform.from_axis_angle(axis, np.radians(degrees)).rotation
        assert make_grid(turned @ np.diag([1, 2, 3]), (0, 0, 0)).obliquity_deg == pytest.approx(degrees, rel=1e-9, abs=1e-12)


def test_shear_is_the_cosine_between_axes(make_grid):
    slanted = np.array([[1, np.tan(np.radians(20)), 0], [0, 1, 0], [0, 0, 2]])
    assert make_grid(slanted, (0, 0, 0)).shear == pytest.approx(np.sin(np.radians(20)))
    assert make_grid(RigidTransform.from_euler((1, 2, 3)).rotation * 2, (0, 0, 0)).shear < 1e-15


def test_handedness(make_grid):
    assert make_grid(np.diag([2, 2, 2.0]), (0, 0, 0)).handedness == 1
    assert make_grid(np.diag([-2, 2, 2.0]), (0, 0, 0)).handedness == -1
    assert make_grid(np.diag([-2, -2, 2.0]), (0, 0, 0)).handedness == 1


def test_contains_what_rounds_to_a_voxel(grid):
    rng = np.random.default_rng(1)
    ijk = rng.uniform(-3, np.array(grid.shape) + 2, (500, 3))
    nearest = np.round(ijk)
    expected = ((nearest >= 0) & (nearest < grid.shape)).all(axis=1)
    assert 50 < expected.sum() < 450
    assert np.array_equal(grid.contains(grid.affine.apply(ijk)), expected)
    assert grid.contains(grid.centre) == True  # noqa: E712 - a numpy truth value, not any truthy thing


def test_box_maps_the_cube_onto_the_corners(grid):
    cube = np.array([(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    assert np.allclose(cube @ grid.box()[:3, :3].T + grid.box()[:3, 3], grid.corners())


def test_overlap_with_itself_with_its_reflection_and_with_nothing(grid):
    assert overlap_fraction(grid, grid) == pytest.approx(1, abs=1e-12)
    matrix = grid.affine.matrix @ np.diag([-1.0, 1, 1, 1])
    matrix[:3, 3] += grid.affine.matrix[:3, 0] * (grid.shape[0] - 1)
    mirrored = Grid(grid.shape, Affine(matrix, "a:voxel", "a:scanner"))
    assert overlap_fraction(grid, mirrored) == pytest.approx(1, abs=1e-12)
    beside = Affine.identity("a:scanner", "a:scanner").matrix.copy()
    beside[:3, 3] = grid.affine.matrix[:3, 0] * grid.shape[0]
    assert overlap_fraction(grid, grid, Affine(beside, "a:scanner", "a:scanner")) == pytest.approx(0, abs=1e-12)
    beside[:3, 3] *= 10
    assert overlap_fraction(grid, grid, Affine(beside, "a:scanner", "a:scanner")) == 0


def test_overlap_of_turned_squares_is_the_octagon(make_grid):
    turned = RigidTransform.from_axis_angle((0, 0, 1), np.pi / 4).rotation
    a = make_grid(np.eye(3), (-4.5, -4.5, -4.5), (10, 10, 10))
    b = make_grid(turned, tuple(turned @ (-4.5, -4.5, 0) + (0, 0, -4.5)), (10, 10, 10))
    assert overlap_fraction(a, b) == pytest.approx(2 * (np.sqrt(2) - 1), abs=1e-12)


def test_overlap_of_a_box_inside(make_grid, grid):
    inner = make_grid(grid.affine.linear / 10, tuple(grid.centre), (3, 3, 3))
    assert overlap_fraction(grid, inner) == pytest.approx(1, abs=1e-12)
    share = 27 / 1000 / np.prod(grid.shape)
    assert overlap_fraction(inner, grid) == pytest.approx(share, rel=1e-9)


@given(poses)
def test_overlap_agrees_with_counting_points(pose):
    a = Grid((8, 12, 10), Affine(np.diag([2.0, 1, 1, 1]), "a:voxel", "a:scanner"))
    sheared = np.array([[1, 0.3, 0, 0], [0, 1.5, 0.2, 0], [0, 0, -1, 0], [0, 0, 0, 1.0]])
    b = Grid((9, 7, 11), Affine(sheared, "b:voxel", "b:scanner"))
    b_to_a = pose.affine("b:scanner", "a:scanner")
    axes = [(np.arange(24) + 0.5) / 24 - 0.5] * 3
    cube = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 3)
    inside = a.contains(b_to_a.apply(cube @ b.box()[:3, :3].T + b.box()[:3, 3]))
    assert overlap_fraction(a, b, b_to_a) == pytest.approx(inside.mean(), abs=0.02)


@given(poses)
def test_overlap_is_one_volume_seen_from_either_side(pose):
    a = Grid((8, 12, 10), Affine(np.diag([2.0, 1, 1, 1]), "a:voxel", "a:scanner"))
    b = Grid((9, 7, 11), Affine(np.diag([1.5, 1, -1, 1]), "b:voxel", "b:scanner"))
    b_to_a = pose.affine("b:scanner", "a:scanner")
    in_a = overlap_fraction(a, b, b_to_a) * abs(np.linalg.det(b.box()))
    in_b = overlap_fraction(b, a, b_to_a.inverse()) * abs(np.linalg.det(a.box()))
    assert in_a == pytest.approx(in_b, abs=1e-8)


@pytest.mark.parametrize("exponent", range(-16, -3))
def test_overlap_of_faces_that_nearly_meet_counts_nothing_twice(make_grid, exponent):
    a = make_grid(np.eye(3), (-4.5, -4.5, -4.5), (10, 10, 10))
    for axis in np.eye(3):
        nearly = RigidTransform.from_axis_angle(axis, 10.0**exponent).affine("a:scanner", "a:scanner")
        # Two equal squares turned by t about their middle share 1 - t/2 of their area, to first order.
        assert overlap_fraction(a, a, nearly) == pytest.approx(1 - 10.0**exponent / 2, abs=1e-11 + 100.0**exponent)


def test_overlap_asks_for_a_map_between_the_two_worlds(make_grid):
    a, b = make_grid(np.eye(3), (0, 0, 0)), make_grid(np.eye(3), (0, 0, 0), name="b")
    with pytest.raises(SpaceMismatchError, match="inverse"):
        overlap_fraction(a, b, Affine.identity("a:scanner", "b:scanner"))
    with pytest.raises(SpaceMismatchError, match="inverse"):
        overlap_fraction(a, b, Affine.identity("b:scanner", "scene"))


def test_the_documentation_pair_lies_together(shared_data):
    def grid_of(name: str) -> Grid:
        image = nib.load(shared_data / "pair" / f"someones_{name}.nii.gz")
        return Grid(image.shape[:3], Affine(image.affine, f"{name}:voxel", f"{name}:scanner"))

    anatomy, epi = grid_of("anatomy"), grid_of("epi")
    assert epi.obliquity_deg == pytest.approx(17.2, abs=0.05)
    assert overlap_fraction(anatomy, epi) > 0.5


@pytest.mark.parametrize("shape", [(0, 1, 1), (1, 1), (3, -1, 2)])
def test_shapes_that_hold_no_voxel_are_refused(shape):
    with pytest.raises(GeometryError, match="positive"):
        Grid(shape, Affine.identity("a:voxel", "a:scanner"))
