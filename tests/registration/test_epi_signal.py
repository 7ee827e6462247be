"""The model of a coarse scan: contrast, gain and weights of a scan that is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from volstudio.registration.epi_signal import Coarse, fitted, normal_equations, products
from volstudio.registration.epi_view import CLASSES, Scan

SHAPE = (20, 22, 24)
AMOUNTS = np.array([40, 900, 800, 700, 600, 520, 480, 450.0])


@pytest.fixture
def known():
    """Shares, the scan that they make, and where its signal is lost."""
    random = np.random.default_rng(1)
    shares = random.dirichlet(np.full(CLASSES, 0.3), SHAPE).transpose(3, 0, 1, 2).astype(np.float32)
    lost = np.zeros(SHAPE, bool)
    lost[:8, :8, :8] = True
    signal = np.einsum("k,kabc->abc", AMOUNTS, shares)
    noisy = np.where(lost, random.uniform(0, 900, SHAPE), signal) + random.normal(0, 5, SHAPE)
    return shares, noisy.astype(np.float32), lost


def coarse_of(values, inside=None):
    inside = np.ones(SHAPE, bool) if inside is None else inside
    return Coarse(Scan(values, np.diag([3.0, 3.0, 3.0, 1.0])), 1.0, inside=inside, tissue=inside)


def test_contrast_gain_and_weights_of_a_known_scan(known):
    shares, noisy, lost = known
    coarse = coarse_of(noisy)
    fit = fitted(coarse, shares, rounds=3)
    np.testing.assert_allclose(fit.amounts, AMOUNTS, rtol=0.03, atol=5)
    assert fit.weight[lost].mean() < 0.03
    assert fit.weight[12:, 12:, 12:].mean() > 0.5
    assert fit.noise == pytest.approx(5, rel=0.25)
    assert fit.explained(coarse) > 0.99
    kept = fitted(coarse, shares, rounds=2, before=fit, keep_weights=True)
    assert kept.weight is fit.weight


def test_a_receive_field_is_taken_up_by_the_gain(known):
    shares, noisy, _ = known
    field = np.broadcast_to(np.linspace(0.7, 1.3, SHAPE[2], dtype=np.float32), SHAPE)
    coarse = coarse_of(noisy * field)
    fit = fitted(coarse, shares, rounds=6)
    ratio = (fit.gain / field)[10:, 10:, 4:-4]
    assert ratio.std() < 0.5 * field[10:, 10:, 4:-4].std()


def test_what_is_not_inside_does_not_count(known):
    shares, noisy, lost = known
    inside = ~lost
    spoilt = noisy.copy()
    spoilt[lost] = 1e6
    one, other = (fitted(coarse_of(values, inside), shares, rounds=3) for values in (noisy, spoilt))
    assert not one.weight[lost].any()
    np.testing.assert_array_equal(one.amounts, other.amounts)
    np.testing.assert_array_equal(one.weight, other.weight)


def test_a_drift_is_taken_off_the_signal(known):
    shares, noisy, _ = known
    drift = np.random.default_rng(3).normal(0, 30, SHAPE).astype(np.float32)
    before = fitted(coarse_of(noisy), shares, rounds=3)
    coarse = coarse_of(noisy + before.gain * drift)
    told = fitted(coarse, shares, rounds=1, before=before, keep_weights=True, drift=drift)
    untold = fitted(coarse, shares, rounds=1, before=before, keep_weights=True)
    assert np.std(told.residual[12:, 12:, 12:]) < 0.4 * np.std(untold.residual[12:, 12:, 12:])
    np.testing.assert_allclose(told.amounts, before.amounts, rtol=0.02, atol=5)


@pytest.mark.parametrize("count", [100, 512, 70_001])
def test_sums_of_products_are_exact_to_float32(count):
    one, other = np.random.default_rng(4).uniform(0, 1, (2, 5, count)).astype(np.float32)
    np.testing.assert_allclose(products(one, other), np.einsum("an,bn->ab", one.astype(float), other.astype(float)), rtol=1e-6)


def test_normal_equations_are_sums_over_all_voxels():
    random = np.random.default_rng(5)
    columns, heavy, right = (random.uniform(0, 1, shape).astype(np.float32) for shape in ((6, 41, 50, 60), (41, 50, 60), (41, 50, 60)))
    normal, sums = normal_equations(columns, heavy, right)
    np.testing.assert_allclose(normal, np.einsum("akji,bkji,kji->ab", *(one.astype(float) for one in (columns, columns, heavy))), rtol=1e-6)
    np.testing.assert_allclose(sums, np.einsum("akji,kji->a", columns.astype(float), right.astype(float)), rtol=1e-6)


def test_the_unevenness_of_a_gain_is_its_spread_over_its_mean_where_voxels_count(known):
    shares, noisy, _ = known
    coarse = coarse_of(noisy)
    fit = fitted(coarse, shares, rounds=1)
    one = np.ones(SHAPE, np.float32)
    two_halves = one.copy()
    two_halves[:10] = 3.0  # mean 2, standard deviation 1
    only_one = np.zeros(SHAPE, np.float32)
    only_one[:10] = 1.0
    assert coarse.unevenness(replace(fit, gain=one, weight=one)) == 0
    assert coarse.unevenness(replace(fit, gain=two_halves, weight=one)) == pytest.approx(0.5, rel=1e-3)
    assert coarse.unevenness(replace(fit, gain=two_halves, weight=only_one)) == pytest.approx(0, abs=1e-6)
    assert coarse.unevenness(replace(fit, gain=7 * two_halves, weight=one)) == pytest.approx(0.5, rel=1e-3)
