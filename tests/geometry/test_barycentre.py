"""The exponential barycentre: balance, frames on either side, inverses, half-way of two."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import logm

from volstudio.errors import GeometryError
from volstudio.geometry.barycentre import barycentre, logarithm
from volstudio.geometry.rigid import RigidTransform, compose


def moves_of(seed, count, *, most_deg=80.0, shift=60.0):
    rng = np.random.default_rng(seed)
    return [
        RigidTransform.from_axis_angle(rng.normal(size=3), np.radians(rng.uniform(0, most_deg)), rng.normal(0, shift, 3))
        for _ in range(count)
    ]


@settings(deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_logarithm_is_that_of_the_matrix(seed):
    (move,) = moves_of(seed, 1, most_deg=170)
    truth = logm(move.matrix).real
    found = logarithm(move)
    np.testing.assert_allclose(found[3:], truth[:3, 3], atol=1e-8)
    np.testing.assert_allclose(found[:3], [truth[2, 1], truth[0, 2], truth[1, 0]], atol=1e-10)


def test_the_logarithm_has_no_step_at_small_angles():
    below, above = (logarithm(RigidTransform.from_axis_angle((1, 2, 3), angle, (50, -20, 30))) for angle in (0.999e-3, 1.001e-3))
    np.testing.assert_allclose(below[3:], above[3:], atol=1e-4)
    exact = logm(RigidTransform.from_axis_angle((1, 2, 3), 1.001e-3, (50, -20, 30)).matrix).real[:3, 3]
    np.testing.assert_allclose(above[3:], exact, atol=1e-9)


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 6))
def test_all_lie_around_it_in_balance(seed, count):
    moves = moves_of(seed, count)
    weights = np.random.default_rng(seed).uniform(0.1, 1, count)
    middle = barycentre(moves, weights=weights)
    away = np.array([logarithm(compose(middle.inverse(), move)) for move in moves])
    np.testing.assert_allclose(weights @ away, 0, atol=1e-9)


@settings(deadline=None)
@given(seed=st.integers(0, 10_000))
def test_it_goes_along_with_frames_on_either_side_and_with_inversion(seed):
    moves, (left, right) = moves_of(seed, 4), moves_of(seed + 20_000, 2, most_deg=179)
    middle = barycentre(moves)
    framed = barycentre([compose(left, move, right) for move in moves])
    np.testing.assert_allclose(framed.matrix, compose(left, middle, right).matrix, atol=1e-9)
    np.testing.assert_allclose(barycentre([move.inverse() for move in moves]).matrix, middle.inverse().matrix, atol=1e-9)


@settings(deadline=None)
@given(seed=st.integers(0, 10_000))
def test_of_two_it_is_half_way_along_the_screw(seed):
    (move,) = moves_of(seed, 1, most_deg=150)
    half = barycentre([RigidTransform.identity(), move])
    np.testing.assert_allclose((half.matrix @ half.matrix), move.matrix, atol=1e-10)


def test_a_weight_of_nothing_leaves_one_out():
    moves = moves_of(3, 4)
    np.testing.assert_allclose(
        barycentre(moves, weights=[1, 1, 0, 1]).matrix, barycentre([moves[0], moves[1], moves[3]]).matrix, atol=1e-12
    )


@pytest.mark.parametrize("weights", [[1, 1], [1, -1, 1], [0, 0, 0], [1, np.nan, 1]])
def test_weights_that_do_not_fit_are_refused(weights):
    with pytest.raises(GeometryError, match="as many weights"):
        barycentre(moves_of(1, 3), weights=weights)


def test_no_transform_and_opposite_turns_have_no_mean():
    with pytest.raises(GeometryError, match="no transforms"):
        barycentre([])
    with pytest.raises(GeometryError, match="no single mean"):
        barycentre([RigidTransform.identity(), RigidTransform.from_axis_angle((0, 0, 1), np.pi)])
