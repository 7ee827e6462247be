"""Rigid transforms: algebra on random poses, the conventions on known ones, and the ends where formulas break."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volstudio.errors import GeometryError
from volstudio.geometry.rigid import RigidTransform, compose, interpolate, mean

millimetres = st.floats(-200, 200)
points = st.tuples(millimetres, millimetres, millimetres)
angles = st.floats(-np.pi, np.pi)
poses = st.builds(RigidTransform.from_six, st.tuples(millimetres, millimetres, millimetres, angles, angles, angles), points)
CLOUD = np.random.default_rng(7).uniform(-100, 100, (20, 3))


def same(a: RigidTransform, b: RigidTransform, atol: float = 1e-10) -> bool:
    return bool(np.abs(a.apply(CLOUD) - b.apply(CLOUD)).max() < atol)


def quarter(axis: tuple[int, int, int]) -> np.ndarray:
    return RigidTransform.from_axis_angle(axis, np.pi / 2).rotation


@given(poses)
def test_inverse_undoes_and_its_inverse_is_the_transform(pose):
    assert same(compose(pose.inverse(), pose), RigidTransform.identity())
    assert same(compose(pose, pose.inverse()), RigidTransform.identity())
    assert same(pose.inverse().inverse(), pose)
    assert np.allclose(pose.inverse().matrix, np.linalg.inv(pose.matrix), atol=1e-10)


@given(poses, poses, poses)
def test_chain_is_the_product_of_matrices_and_associates(a, b, c):
    assert np.allclose(compose(a, b, c).matrix, a.matrix @ b.matrix @ c.matrix, atol=1e-10)
    assert same(compose(compose(a, b), c), compose(a, compose(b, c)))
    assert np.array_equal(compose(a, b, c).centre, c.centre)


@given(poses, points)
def test_points_move_as_the_matrix_and_the_formula_say(pose, centre):
    by_matrix = CLOUD @ pose.matrix[:3, :3].T + pose.matrix[:3, 3]
    by_formula = (CLOUD - pose.centre) @ pose.rotation.T + pose.centre + pose.translation
    assert np.allclose(pose.apply(CLOUD), by_matrix, atol=1e-10)
    assert np.allclose(pose.apply(CLOUD), by_formula, atol=1e-10)
    assert same(pose.about(centre), pose)
    assert np.array_equal(pose.about(centre).centre, centre)


@given(poses)
def test_every_other_name_of_a_pose_gives_it_back(pose):
    t, c = pose.translation, pose.centre
    assert same(RigidTransform.from_euler(pose.euler(), t, centre=c), pose)
    assert same(RigidTransform.from_quaternion(pose.quaternion(), t, centre=c), pose)
    assert same(RigidTransform.from_axis_angle(*pose.axis_angle(), t, centre=c), pose)
    assert same(RigidTransform.from_six(pose.six(), c), pose)
    assert same(RigidTransform.from_matrix(pose.matrix, centre=c), pose)
    assert same(RigidTransform.nearest(pose.matrix, centre=c), pose)


@given(millimetres, angles, st.floats(-1.57, 1.57), angles)
def test_six_numbers_come_back_as_they_were_typed(t, rx, ry, rz):
    six = (t, -t, 2 * t, rx, ry, rz)
    back = RigidTransform.from_six(six, (5, 6, 7)).six()
    # Closer to gimbal lock than this the x and z angles lose digits, each against the other.
    tolerance = 1e-12 / np.cos(ry)
    assert np.allclose(np.exp(1j * np.array(back[3:])), np.exp(1j * np.array(six[3:])), atol=tolerance)
    assert back[:3] == six[:3]


def test_euler_angles_turn_about_fixed_x_then_y_then_z():
    a, b, c = 0.3, -0.4, 0.5
    rx = RigidTransform.from_axis_angle((1, 0, 0), a).rotation
    ry = RigidTransform.from_axis_angle((0, 1, 0), b).rotation
    rz = RigidTransform.from_axis_angle((0, 0, 1), c).rotation
    assert np.allclose(RigidTransform.from_euler((a, b, c)).rotation, rz @ ry @ rx, atol=1e-15)


def test_positive_turns_are_right_handed():
    assert np.allclose(quarter((1, 0, 0)) @ (0, 1, 0), (0, 0, 1))
    assert np.allclose(quarter((0, 1, 0)) @ (0, 0, 1), (1, 0, 0))
    assert np.allclose(quarter((0, 0, 1)) @ (1, 0, 0), (0, 1, 0))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("off", [0.0, 1e-15, 1e-13, 1e-12, 1e-9, 1e-6])
@given(x=angles, z=angles)
def test_gimbal_lock_rebuilds_the_rotation(sign, off, x, z):
    pose = RigidTransform.from_euler((x, sign * (np.pi / 2 - off), z))
    again = RigidTransform.from_euler(pose.euler())
    assert np.abs(again.rotation - pose.rotation).max() < 1e-12


def test_gimbal_lock_gives_all_of_the_turn_to_x():
    x, y, z = RigidTransform.from_euler((0.2, np.pi / 2, 0.5)).euler()
    assert (x, y, z) == pytest.approx((0.2 - 0.5, np.pi / 2, 0.0), abs=1e-12)


@pytest.mark.parametrize("angle", [0.0, 1e-100, 1e-12, 1e-8, 1.0, np.pi - 1e-8, np.pi - 1e-12, np.pi])
@pytest.mark.parametrize("axis", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (-1, 2, -3)])
def test_angles_near_zero_and_half_a_turn_keep_their_digits(axis, angle):
    pose = RigidTransform.from_axis_angle(axis, angle)
    found_axis, found = pose.axis_angle()
    assert found == pytest.approx(angle, rel=1e-9, abs=3e-16)
    assert pose.angle == found
    if angle > 0:
        unit = np.array(axis) / np.linalg.norm(axis)
        # At half a turn an axis and its opposite are the same rotation.
        assert np.abs(found_axis @ unit) == pytest.approx(1, abs=1e-12)
    assert np.linalg.norm(pose.quaternion()) == pytest.approx(1, abs=1e-15)


def test_quaternion_is_hamiltons_and_its_sign_does_not_matter():
    half = np.sqrt(0.5)
    quarter_z = RigidTransform.from_quaternion((half, 0, 0, half))
    assert np.allclose(quarter_z.rotation @ (1, 0, 0), (0, 1, 0))
    assert same(RigidTransform.from_quaternion((-3 * half, 0, 0, -3 * half)), quarter_z)
    assert quarter_z.quaternion()[0] > 0


@pytest.mark.parametrize(
    ("linear", "word"),
    [
        (np.diag([1.0, 1.0, 1.00001]), "stretches or shears"),
        (np.diag([-1.0, 1.0, 1.0]), "mirrors"),
        (np.array([[1, 1e-5, 0], [0, 1, 0], [0, 0, 1]]), "stretches or shears"),
        (np.diag([1.0, 1.0, np.nan]), "finite"),
    ],
)
def test_what_is_not_rigid_is_refused_with_its_cause(linear, word):
    matrix = np.eye(4)
    matrix[:3, :3] = linear
    with pytest.raises(GeometryError, match=word):
        RigidTransform.from_matrix(matrix)


def test_wrong_shapes_and_rows_are_refused():
    with pytest.raises(GeometryError, match="4 x 4"):
        RigidTransform.from_matrix(np.eye(3))
    with pytest.raises(GeometryError, match="last row"):
        RigidTransform.from_matrix(np.eye(4)[[0, 1, 2, 2]])
    with pytest.raises(GeometryError, match="translation"):
        RigidTransform(np.eye(3), (1, 2))
    with pytest.raises(GeometryError, match="six numbers"):
        RigidTransform.from_six((1, 2, 3))
    with pytest.raises(GeometryError, match="axis"):
        RigidTransform.from_axis_angle((0, 0, 0), 1)
    with pytest.raises(GeometryError, match="quaternion"):
        RigidTransform.from_quaternion((0, 0, 0, 0))


@given(poses, st.floats(-4e-7, 4e-7))
def test_single_precision_noise_is_cleaned(pose, noise):
    matrix = pose.matrix
    matrix[0, 1] += noise
    clean = RigidTransform.from_matrix(matrix)
    assert np.abs(clean.rotation.T @ clean.rotation - np.eye(3)).max() < 1e-14
    assert np.abs(clean.matrix - matrix).max() <= 4.1e-7


@given(poses, st.floats(0.5, 2), st.floats(-0.3, 0.3), points)
def test_nearest_is_nearer_than_its_neighbours_and_keeps_the_centre(pose, scale, shear, centre):
    stretched = pose.matrix @ np.array([[scale, shear, 0, 0], [0, 1, shear, 0], [0, 0, 1.1, 0], [0, 0, 0, 1]])
    near = RigidTransform.nearest(stretched, centre=centre)
    assert np.allclose(near.apply(centre), stretched[:3, :3] @ centre + stretched[:3, 3], atol=1e-10)
    distance = np.linalg.norm(near.rotation - stretched[:3, :3])
    for axis in np.eye(3):
        for angle in (-0.01, 0.01):
            other = RigidTransform.from_axis_angle(axis, angle).rotation @ near.rotation
            assert np.linalg.norm(other - stretched[:3, :3]) > distance


def test_nearest_to_a_mirror_is_proper_and_to_a_point_reflection_is_refused():
    assert np.allclose(RigidTransform.nearest(np.diag([-0.1, 1, 1, 1])).rotation, np.eye(3))
    with pytest.raises(GeometryError, match="No single rotation"):
        RigidTransform.nearest(np.diag([-1.0, -1.0, -1.0, 1.0]))


@given(poses, poses, st.floats(0, 1))
def test_interpolation_moves_evenly_from_end_to_end(a, b, s):
    assert interpolate(a, b, 0.0) == a
    assert same(interpolate(a, b, 1.0), b)
    way = interpolate(a, b, s)
    whole = compose(b, a.inverse()).angle
    assert compose(way, a.inverse()).angle == pytest.approx(s * whole, abs=1e-7)
    assert np.allclose(way.apply(a.centre), (1 - s) * a.apply(a.centre) + s * b.apply(a.centre), atol=1e-9)


def test_interpolation_of_a_turning_head_keeps_its_middle():
    middle = (10.0, 20.0, 30.0)
    start = RigidTransform.identity(centre=middle)
    end = RigidTransform.from_euler((0, 0, np.pi / 2), centre=middle)
    for s in np.linspace(0, 1, 5):
        way = interpolate(start, end, s)
        assert np.allclose(way.apply(middle), middle, atol=1e-12)
        assert way.euler()[2] == pytest.approx(s * np.pi / 2)


@given(poses, st.integers(1, 5))
def test_mean_of_one_pose_is_the_pose(pose, count):
    assert same(mean([pose] * count), pose, atol=1e-7)


@given(poses, poses)
def test_mean_of_two_is_half_way(a, b):
    if compose(b, a.inverse()).angle < 3:
        assert same(mean([a, b]), interpolate(a, b, 0.5), atol=1e-6)
        assert same(mean([a, b], weights=[1, 0]), a, atol=1e-6)


def test_mean_has_the_least_squared_distance_over_a_ball():
    rng = np.random.default_rng(3)
    centre = np.array([5.0, -3.0, 8.0])
    around = [RigidTransform.from_six(rng.normal(0, 0.2, 6) * (20, 20, 20, 1, 1, 1), centre) for _ in range(6)]
    # Six points on the axes have the same second moments as a ball.
    ball = centre + 50 * np.vstack([np.eye(3), -np.eye(3)])

    def cost(pose: RigidTransform) -> float:
        return sum(float(((pose.apply(ball) - other.apply(ball)) ** 2).sum()) for other in around)

    middle = mean(around)
    for step in np.vstack([np.eye(6), -np.eye(6)]) * 1e-3:
        assert cost(compose(RigidTransform.from_six(step, middle.apply(centre)), middle)) > cost(middle)


def test_mean_without_an_answer_is_refused():
    half_turn = RigidTransform.from_axis_angle((0, 0, 1), np.pi)
    with pytest.raises(GeometryError, match="no single mean"):
        mean([RigidTransform.identity(), half_turn])
    with pytest.raises(GeometryError, match="at least one"):
        mean([])
    with pytest.raises(GeometryError, match="weights"):
        mean([half_turn], weights=[0])


def test_values_are_frozen_comparable_and_read_only():
    a = RigidTransform.from_six((1, 2, 3, 0.1, 0.2, 0.3))
    assert a == RigidTransform.from_six((1, 2, 3, 0.1, 0.2, 0.3))
    assert hash(a) == hash(RigidTransform.from_six((1, 2, 3, 0.1, 0.2, 0.3)))
    assert a != RigidTransform.identity()
    assert a != "a pose"
    for array in (a.rotation, a.translation, a.centre):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    assert "deg" in repr(a)


def test_affine_between_named_spaces():
    pose = RigidTransform.from_six((1, 2, 3, 0.1, 0.2, 0.3), (4, 5, 6))
    affine = pose.affine("epi:scanner", "t1:scanner")
    assert (affine.source, affine.target) == ("epi:scanner", "t1:scanner")
    assert np.allclose(affine.apply(CLOUD), pose.apply(CLOUD))
