"""Landmarks: exact on exact points, as the theory says under noise, and unmoved by wrong pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volstudio.errors import RegistrationError
from volstudio.geometry.rigid import RigidTransform
from volstudio.registration.landmarks import fit, fit_robustly


def points_of(seed, count=8, spread=60.0):
    return np.random.default_rng(seed).normal(0, spread, (count, 3))


def move_of(seed):
    rng = np.random.default_rng(seed + 1000)
    return RigidTransform.from_axis_angle(rng.normal(size=3), rng.uniform(0, np.pi), rng.normal(0, 80, 3))


@given(seed=st.integers(0, 10_000), count=st.integers(3, 12))
def test_exact_points_give_the_exact_map(seed, count):
    points, move = points_of(seed, count), move_of(seed)
    found = fit(points, move.apply(points))
    np.testing.assert_allclose(found.moving_to_fixed.matrix, move.matrix, rtol=0, atol=1e-12 * 1000)  # 1e-12 of coordinates of a metre
    np.testing.assert_allclose(found.residuals_mm, 0, atol=1e-12 * 1000)
    assert found.scale == pytest.approx(1, abs=1e-12)


@given(seed=st.integers(0, 10_000))
def test_points_in_a_plane_are_not_mirrored(seed):
    points, move = points_of(seed) * [1, 1, 0], move_of(seed)
    found = fit(points, move.apply(points))
    assert np.linalg.det(found.moving_to_fixed.rotation) == pytest.approx(1)
    np.testing.assert_allclose(found.moving_to_fixed.apply(points), move.apply(points), atol=1e-9)


@given(seed=st.integers(0, 10_000))
def test_the_other_way_round_is_the_inverse(seed):
    points, move = points_of(seed), move_of(seed)
    partners = move.apply(points) + np.random.default_rng(seed).normal(0, 1, points.shape)
    there, back = fit(points, partners), fit(partners, points)
    np.testing.assert_allclose((there.moving_to_fixed.matrix @ back.moving_to_fixed.matrix), np.eye(4), atol=1e-10)


def test_weights_count_as_so_many_pairs():
    points = points_of(1, 6)
    partners = move_of(1).apply(points) + np.random.default_rng(1).normal(0, 2, points.shape)
    twice = fit(np.vstack([points, points[:2]]), np.vstack([partners, partners[:2]]))
    weighted = fit(points, partners, weights=[2, 2, 1, 1, 1, 1])
    np.testing.assert_allclose(weighted.moving_to_fixed.matrix, twice.moving_to_fixed.matrix, atol=1e-10)
    without = fit(points, partners, weights=[0, 1, 1, 1, 1, 1])
    np.testing.assert_allclose(without.moving_to_fixed.matrix, fit(points[1:], partners[1:]).moving_to_fixed.matrix, atol=1e-10)
    assert not without.used[0]


def test_scale_is_told_and_not_applied():
    points, move = points_of(2), move_of(2)
    found = fit(points, move.apply(points * 1.1))
    assert found.scale == pytest.approx(1.1)
    np.testing.assert_allclose(found.moving_to_fixed.rotation, move.rotation, atol=1e-12)


def test_noise_gives_the_errors_of_fitzpatrick_and_west():
    noise, trials = 1.5, 800  # per axis, so FLE^2 = 3 * 1.5^2
    points, move, target = points_of(3, 7, 40), move_of(3), np.array([50.0, -30, 80])
    rng = np.random.default_rng(0)
    residual, error, told = [], [], []
    for _ in range(trials):
        found = fit(points, move.apply(points) + rng.normal(0, noise, points.shape))
        residual.append(np.mean(found.residuals_mm**2))
        error.append(np.sum((found.moving_to_fixed.apply(target) - move.apply(target)) ** 2))
        told.append(found.expected_error_mm(target) ** 2)
    localisation = 3 * noise**2
    assert np.mean(residual) == pytest.approx((1 - 2 / 7) * localisation, rel=0.06)
    centred = points - points.mean(axis=0)
    variance, axes = np.linalg.eigh(centred.T @ centred / 7)
    along = ((target - points.mean(axis=0)) @ axes) ** 2
    theory = localisation / 7 * (1 + np.sum((along.sum() - along) / (variance.sum() - variance)) / 3)
    assert np.mean(error) == pytest.approx(theory, rel=0.1)
    assert np.mean(told) == pytest.approx(theory, rel=0.1)


def test_a_wrong_pair_shows_when_it_is_left_out():
    points, move = points_of(4), move_of(4)
    partners = move.apply(points)
    partners[3] += [0, 25, 0]
    found = fit(points, partners)
    assert np.argmax(found.left_out_mm) == 3
    assert found.left_out_mm[3] == pytest.approx(25)
    assert found.residuals_mm[3] < 25


@pytest.mark.parametrize("count", [10, 40])
def test_three_tenths_of_wrong_pairs_do_no_harm(count):
    points, move = points_of(5, count), move_of(5)
    rng = np.random.default_rng(5)
    partners = move.apply(points) + rng.normal(0, 0.5, points.shape)
    wrong = rng.permutation(count)[: 3 * count // 10]
    partners[wrong] += rng.normal(0, 60, (len(wrong), 3))
    found = fit_robustly(points, partners, tolerance_mm=3)
    np.testing.assert_array_equal(np.flatnonzero(~found.used), np.sort(wrong))
    right = np.delete(np.arange(count), wrong)
    np.testing.assert_allclose(found.moving_to_fixed.matrix, fit(points[right], partners[right]).moving_to_fixed.matrix, atol=1e-9)


def test_pairs_that_do_not_agree_are_refused():
    with pytest.raises(RegistrationError, match=r"No rigid map brings more than . of the 8 pairs within 1 mm"):
        fit_robustly(points_of(6), points_of(7), tolerance_mm=1)


@pytest.mark.parametrize(
    ("moving", "fixed", "said"),
    [
        (np.zeros((2, 3)), np.zeros((2, 3)), "at least 3 pairs"),
        (np.zeros((4, 3)), np.zeros((5, 3)), "come in pairs"),
        (np.outer(np.arange(5), [1, 2, 3]), points_of(0, 5), "on a line"),
        (np.full((4, 3), np.nan), points_of(0, 4), "not finite"),
    ],
)
def test_what_cannot_be_fitted_is_refused(moving, fixed, said):
    with pytest.raises(RegistrationError, match=said):
        fit(moving, fixed)


def test_three_points_leave_nothing_over():
    found = fit(points_of(8, 3), move_of(8).apply(points_of(8, 3)))
    assert np.isnan(found.left_out_mm).all()
    assert np.isnan(found.expected_error_mm((0, 0, 0)))
