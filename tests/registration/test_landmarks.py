"""Landmarks: exact on exact points, as the theory says under noise, and unmoved by wrong pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volstudio.errors import RegistrationError
from volstudio.geometry.rigid import RigidTransform
from volstudio.registration import landmarks
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
    # Coordinates reach 300 mm, whose last bit is 6e-14; the worst of 2000 such sets is 1.0e-12 mm off.
    np.testing.assert_allclose(found.moving_to_fixed.apply(points), move.apply(points), rtol=0, atol=2e-12)
    np.testing.assert_allclose(found.residuals_mm, 0, atol=2e-12)
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


@pytest.mark.parametrize(("seed", "count"), [(3, 7), (9, 4), (11, 20)])
def test_noise_gives_the_errors_of_fitzpatrick_and_west(seed, count):
    """The law holds to first order in noise over spread, 1 to 40 here; 4000 draws leave about 2 % of chance in a mean square."""
    noise, trials = 1.0, 4000  # per axis, so FLE^2 = 3
    points, move, target = points_of(seed, count, 40), move_of(seed), np.array([50.0, -30, 80])
    rng = np.random.default_rng(0)
    residual, error, told = [], [], []
    for _ in range(trials):
        found = _quick_fit(points, move.apply(points) + rng.normal(0, noise, points.shape))
        residual.append(np.mean(found.residuals_mm**2))
        error.append(np.sum((found.moving_to_fixed.apply(target) - move.apply(target)) ** 2))
        told.append(found.expected_error_mm(target) ** 2)
    localisation = 3 * noise**2
    assert np.mean(residual) == pytest.approx((1 - 2 / count) * localisation, rel=0.04)
    centred = points - points.mean(axis=0)
    variance, axes = np.linalg.eigh(centred.T @ centred / count)
    along = ((target - points.mean(axis=0)) @ axes) ** 2
    theory = localisation / count * (1 + np.sum((along.sum() - along) / (variance.sum() - variance)) / 3)
    assert np.mean(error) == pytest.approx(theory, rel=0.05)
    assert np.mean(told) == pytest.approx(theory, rel=0.06)


def _quick_fit(points, partners):
    """`fit` without the fits of all but one, which take most of its time."""
    share = np.ones(len(points))
    transform = landmarks._solve(points, partners, share)
    residuals = landmarks._distances(transform, points, partners)
    used = share > 0
    return landmarks.LandmarkFit(transform, residuals, 0.0, residuals, 1.0, used, points, share)


def test_a_wrong_pair_shows_when_it_is_left_out():
    points, move = points_of(4), move_of(4)
    partners = move.apply(points)
    partners[3] += [0, 25, 0]
    found = fit(points, partners)
    assert np.argmax(found.left_out_mm) == 3
    assert found.left_out_mm[3] == pytest.approx(25)
    assert found.residuals_mm[3] < 25


@pytest.mark.parametrize(("count", "seeds"), [(10, 20), (40, 4)])
def test_three_tenths_of_wrong_pairs_do_no_harm(count, seeds):
    for seed in range(seeds):
        points, move = points_of(seed, count), move_of(seed)
        rng = np.random.default_rng(seed)
        partners = move.apply(points) + rng.normal(0, 0.5, points.shape)
        wrong = rng.permutation(count)[: 3 * count // 10]
        away = rng.normal(size=(len(wrong), 3))
        partners[wrong] += away / np.linalg.norm(away, axis=1, keepdims=True) * rng.uniform(10, 100, (len(wrong), 1))
        found = fit_robustly(points, partners, tolerance_mm=3)
        np.testing.assert_array_equal(np.flatnonzero(~found.used), np.sort(wrong))
        right = np.delete(np.arange(count), wrong)
        np.testing.assert_allclose(found.moving_to_fixed.matrix, fit(points[right], partners[right]).moving_to_fixed.matrix, atol=1e-9)


@pytest.mark.parametrize("tolerance", [0, -1, np.nan, np.inf])
def test_a_tolerance_is_a_length(tolerance):
    with pytest.raises(RegistrationError, match="a distance in mm above 0"):
        fit_robustly(points_of(6), points_of(6), tolerance_mm=tolerance)


def test_pairs_that_do_not_agree_are_refused():
    with pytest.raises(RegistrationError, match=r"No rigid map brings more than . of the 8 pairs within 1 mm"):
        fit_robustly(points_of(6), points_of(7), tolerance_mm=1)


@pytest.mark.parametrize(
    ("moving", "fixed", "said"),
    [
        (np.zeros((2, 3)), np.zeros((2, 3)), "at least 3 pairs"),
        (np.zeros((4, 3)), np.zeros((5, 3)), "come in pairs"),
        (np.outer(np.arange(5), [1, 2, 3]), points_of(0, 5), "on a line or in one place"),
        (np.ones((5, 3)), np.ones((5, 3)), "on a line or in one place"),
        (np.full((4, 3), 1e160), points_of(0, 4), "are its coordinates in mm"),
        ("abc", points_of(0, 4), "are numbers in mm"),
        (5.0, points_of(0, 4), "come in pairs"),
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
