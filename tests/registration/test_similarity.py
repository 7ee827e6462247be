"""The live number: greatest at the truth, the same from either side, and its slope."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.errors import RegistrationError, SpaceMismatchError
from volstudio.geometry.affine import Affine
from volstudio.registration.similarity import Similarity


@pytest.fixture(scope="module")
def pair(heads):
    fixed = heads.head((48, 56, 44), heads.grid_affine((48, 56, 44), np.diag([-4.0, 4, 4])), name="t1")
    truth = heads.rigid((1, -2, 1), 12, (8, -5, 6))
    linear = heads.turn((0, 1, 1), 20) @ np.diag([5.0, 5, 6])
    moving = heads.head(
        (36, 40, 20), heads.grid_affine((36, 40, 20), linear), name="epi", contrast=lambda v: 600 - v, moved=np.linalg.inv(truth)
    )
    return fixed, moving, Affine(truth, "epi:scanner", "t1:scanner")


@pytest.mark.parametrize("metric", ["nmi", "mi"])
def test_greatest_at_the_truth(heads, pair, metric):
    fixed, moving, truth = pair
    alike = Similarity(fixed, moving, metric=metric, samples=20_000)
    best = alike.value(truth)
    for shift in np.concatenate([np.eye(3), -np.eye(3)]) * 4.0:
        assert alike.value(Affine(heads.rigid((1, 0, 0), 0, shift) @ truth.matrix, truth.source, truth.target)) < best
    assert alike.overlap(truth) > 0.8


@pytest.mark.parametrize("swap", [False, True])
def test_gradient_is_that_of_the_value_in_the_fixed_space(heads, pair, swap):
    fixed, moving, truth = pair
    if swap:
        fixed, moving, truth = moving, fixed, truth.inverse()
    alike = Similarity(fixed, moving, metric="mi", samples=60_000)
    here = heads.rigid((0, 1, 0), 6, (4, -3, 2)) @ truth.matrix
    centre = np.array([10.0, -20.0, 5.0])

    def value(six):
        degrees = np.degrees(np.linalg.norm(six[3:]))
        change = heads.rigid(six[3:], degrees, six[:3], centre=centre) if degrees else heads.rigid((1, 0, 0), 0, six[:3])
        return alike.value(Affine(change @ here, truth.source, truth.target))

    steps = np.array([0.2] * 3 + [0.004] * 3)
    measured = np.array([(value(axis * steps) - value(-axis * steps)) / 2 for axis in np.eye(6)])
    given = alike.gradient(Affine(here, truth.source, truth.target), centre=centre) * steps
    np.testing.assert_allclose(given, measured, atol=0.08 * np.linalg.norm(measured))


def test_who_is_called_fixed_does_not_matter(pair):
    fixed, moving, truth = pair
    one = Similarity(fixed, moving, samples=20_000).value(truth)
    assert Similarity(moving, fixed, samples=20_000).value(truth.inverse()) == pytest.approx(one, abs=1e-6)


def test_without_structure_it_is_refused(heads, pair):
    flat = heads.volume_of(np.zeros((20, 20, 20), np.float32), np.eye(4), "flat")
    with pytest.raises(RegistrationError, match="same value everywhere"):
        Similarity(pair[0], flat)


def test_a_map_between_other_spaces_is_refused(pair):
    fixed, moving, truth = pair
    alike = Similarity(fixed, moving, samples=2000)
    with pytest.raises(SpaceMismatchError, match=r"from epi:scanner to t1:scanner.*inverse"):
        alike.value(truth.inverse())
    with pytest.raises(RegistrationError, match="no metric 'cc'; there are mi, nmi, ncc, mse"):
        Similarity(fixed, moving, metric="cc")


def test_only_what_lies_in_a_mask_counts(heads, pair):
    """Half of the moving scan is spoilt; in a mask of the other half it is as alike as before."""
    fixed, moving, truth = pair
    index = np.argwhere(np.ones(moving.shape, bool)).reshape(*moving.shape, 3)
    half = index[..., 0] < 16
    mask = heads.volume_of(half.astype(np.uint8), moving.affine.matrix, "half")
    spoilt = np.where(index[..., 0] < 20, moving.data, np.random.default_rng(0).normal(300, 100, moving.shape)).astype(np.float32)
    values = [
        Similarity(fixed, scan, samples=20_000, metric="mi", moving_mask=mask).value(truth)
        for scan in (moving, heads.volume_of(spoilt, moving.affine.matrix, "epi"))
    ]
    whole = Similarity(fixed, heads.volume_of(spoilt, moving.affine.matrix, "epi"), samples=20_000, metric="mi").value(truth)
    assert values[1] == pytest.approx(values[0], rel=0.2)
    assert whole < 0.6 * values[0]


def test_a_series_is_compared_by_its_first_time_point(heads, pair):
    fixed, moving, truth = pair
    data = np.stack([moving.data, np.zeros_like(moving.data)], axis=-1)
    series = heads.volume_of(data, moving.affine.matrix, "epi")
    expected = Similarity(fixed, moving, samples=5000).value(truth)
    assert Similarity(fixed, series, samples=5000).value(truth) == pytest.approx(expected, abs=1e-9)
