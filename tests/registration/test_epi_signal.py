"""The model of a coarse scan: shares, slopes, contrast and weights against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.registration.epi_signal import CLASSES, SUB, Scan, Shades, Spread, fitted, shares_of, slopes, view, widened

SHADES = Shades(0.0, 0.1, 0.94)
SHAPE = (10, 12, 14)


def scan(values, edge=1.0):
    return Scan(np.asarray(values, np.float32), np.diag([edge, edge, edge, 1.0]))


def grid_of(spread):
    """Index along i of every point of the looked-up grid, counted in coarse voxels."""
    points = [np.arange((n - 1) * SUB + 2 * spread.reach + 1) / SUB - spread.reach / SUB for n in SHAPE]
    return np.broadcast_to(points[2], tuple(len(p) for p in points))


@pytest.fixture
def spread():
    return Spread.of(scan(np.zeros(SHAPE), 3.0), scan(np.zeros(SHAPE), 1.0), width=1.0)


def test_classes_bend_at_the_darkest_tissue():
    values = np.array([-1, 0, 0.05, 0.1, 0.52, 0.94, 2], np.float32)
    np.testing.assert_allclose(SHADES.classes(values), [0, 0, 0.5, 1, 1 + (CLASSES - 2) / 2, CLASSES - 1, CLASSES - 1], atol=1e-5)


def test_the_spread_has_the_width_asked_for(spread):
    at = np.arange(-spread.reach, spread.reach + 1) / SUB
    sigma = np.sqrt(1 - 1 / 9) / np.sqrt(8 * np.log(2))
    np.testing.assert_allclose(spread.mean[0] / spread.mean[0].max(), np.exp(-0.5 * (at / sigma) ** 2), atol=1e-6)
    assert spread.mean[0].sum() == pytest.approx(1, abs=1e-6)


def test_a_ramp_stays_a_ramp_and_has_its_slope(spread):
    ramp = (0.25 * grid_of(spread) + 2).astype(np.float32)
    mean = spread.averaged(ramp)
    assert mean.shape == SHAPE
    np.testing.assert_allclose(mean[3, 4], 0.25 * np.arange(SHAPE[2]) + 2, atol=1e-4)
    np.testing.assert_allclose(spread.averaged(ramp, slope_along=0), 0.25, atol=1e-4)
    np.testing.assert_allclose(spread.averaged(ramp, slope_along=1), 0, atol=1e-4)


def test_slopes_follow_the_contrast(spread):
    ramp = (0.25 * grid_of(spread) + 2).astype(np.float32)
    inside = np.ones(SHAPE, bool)
    found = slopes(ramp, -40.0 * np.arange(CLASSES), spread, inside)
    np.testing.assert_allclose(found[0], -10, rtol=0.02)
    np.testing.assert_allclose(found[1:], 0, atol=0.2)


def test_shares_add_up_to_one(spread):
    classes = np.random.default_rng(0).uniform(0, CLASSES - 1, grid_of(spread).shape).astype(np.float32)
    shares = shares_of(classes, spread)
    np.testing.assert_allclose(shares.sum(axis=0), 1, atol=1e-5)
    np.testing.assert_allclose(widened(shares, 2.0).sum(axis=0)[2:-2, 2:-2, 2:-2], 1, atol=1e-5)


def test_a_view_looks_the_fine_scan_up(spread):
    values = np.broadcast_to(np.linspace(0.1, 0.94, 60, dtype=np.float32), (60, 60, 60)).copy()
    coarse_to_fine = np.diag([3.0, 3.0, 3.0, 1.0])
    coarse_to_fine[:3, 3] = 9
    seen = view(scan(np.zeros(SHAPE), 3.0), scan(values), spread, SHADES, coarse_to_fine)
    expected = 1 + (CLASSES - 2) * (3 * grid_of(spread)[0, 0] + 9) / 59
    inside = expected <= CLASSES - 1
    np.testing.assert_allclose(seen[5, 5][inside], expected[inside], atol=1e-3)


def test_contrast_gain_and_weights_of_a_known_scan():
    random = np.random.default_rng(1)
    shape = (20, 22, 24)
    shares = random.dirichlet(np.full(CLASSES, 0.3), shape).transpose(3, 0, 1, 2).astype(np.float32)
    amounts = np.array([40, 900, 800, 700, 600, 520, 480, 450.0])
    signal = np.einsum("k,kabc->abc", amounts, shares)
    lost = np.zeros(shape, bool)
    lost[:8, :8, :8] = True
    noisy = np.where(lost, random.uniform(0, 900, shape), signal) + random.normal(0, 5, shape)
    inside = np.ones(shape, bool)
    fit = fitted(scan(noisy, 3.0), shares, inside=inside, tissue=np.ones(inside.sum(), bool))
    np.testing.assert_allclose(fit.amounts, amounts, rtol=0.03, atol=5)
    weight = fit.weight.reshape(shape)
    assert weight[lost].mean() < 0.02
    assert weight[12:, 12:, 12:].mean() > 0.5
    assert fit.noise == pytest.approx(5, rel=0.2)
    assert fit.explained > 0.99
    kept = fitted(scan(noisy, 3.0), shares, inside=inside, tissue=np.ones(inside.sum(), bool), before=fit, keep_weights=True)
    assert kept.weight is fit.weight
