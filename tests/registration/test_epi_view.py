"""What a coarse voxel sees of a fine scan: classes, shares and slopes against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.registration.epi_view import CLASSES, SUB, Scan, Shades, Spread, View, widened
from volstudio.registration.sitk_sampling import image_of

SHADES = Shades(0.0, 0.1, 0.94)
SHAPE = (10, 12, 14)
WIDTHS = [1.0, 2.25]


def scan(values, edge=1.0):
    return Scan(np.asarray(values, np.float32), np.diag([edge, edge, edge, 1.0]))


def spread_of(width):
    return Spread.of(scan(np.zeros(SHAPE), 3.0), scan(np.zeros(SHAPE), 1.0), width=width)


def looked_up(values, spread, to_fine=None):
    """View of values from 0 to 1, by default one fine voxel for each point of the grid."""
    if to_fine is None:
        to_fine = np.diag([SUB, SUB, SUB, 1.0])
        to_fine[:3, 3] = spread.reach
    coarse = scan(np.zeros(SHAPE), 3.0)
    return View.of(coarse, image_of(np.asarray(values, np.float32)), spread=spread, shades=SHADES, coarse_to_fine=to_fine)


def grid(spread):
    """Shape of the looked-up grid."""
    return tuple((n - 1) * SUB + 2 * spread.reach + 1 for n in SHAPE)


def averaged(values, spread):
    """The same averages, one point after the other."""
    for axis in range(3):
        weights = spread.mean[2 - axis].astype(float)
        along = np.moveaxis(values, axis, 0)
        last = len(along) - len(weights) + 1
        total = sum(weight * along[tap : last + tap : SUB] for tap, weight in enumerate(weights))
        values = np.moveaxis(total, 0, axis)
    return values


def test_classes_bend_at_the_darkest_tissue():
    values = np.array([-1, 0, 0.05, 0.1, 0.52, 0.94, 2], np.float32)
    np.testing.assert_allclose(SHADES.classes(values), [0, 0, 0.5, 1, 1 + (CLASSES - 2) / 2, CLASSES - 1, CLASSES - 1], atol=1e-5)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_spread_has_the_width_asked_for(width):
    spread = spread_of(width)
    at = np.arange(-spread.reach, spread.reach + 1) / SUB
    sigma = np.sqrt(width**2 - 1 / 9) / np.sqrt(8 * np.log(2))
    np.testing.assert_allclose(spread.mean[0] / spread.mean[0].max(), np.exp(-0.5 * (at / sigma) ** 2), atol=1e-6)
    assert spread.mean[0].sum() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("width", WIDTHS)
def test_shares_are_the_averages_of_hats(width):
    spread = spread_of(width)
    values = np.random.default_rng(0).uniform(0, 1, grid(spread)).astype(np.float32)
    shares = looked_up(values, spread).shares()
    classes = SHADES.classes(values).astype(float)
    for k in range(CLASSES):
        np.testing.assert_allclose(shares[k], averaged(np.maximum(0, 1 - np.abs(classes - k)), spread), atol=3e-6)


@pytest.mark.parametrize("width", WIDTHS)
def test_shares_add_up_to_one(width):
    spread = spread_of(width)
    values = np.random.default_rng(1).uniform(0, 1, grid(spread))
    shares = looked_up(values, spread).shares()
    np.testing.assert_allclose(shares.sum(axis=0), 1, atol=1e-5)
    np.testing.assert_allclose(widened(shares, 2.0).sum(axis=0)[2:-2, 2:-2, 2:-2], 1, atol=1e-5)


def test_widened_shares_are_those_of_a_wider_spread():
    narrow, wide = spread_of(1.0), spread_of(2.25)
    k, j, i = (np.linspace(0, span, n) for span, n in zip((2, 2.6, 3.1), grid(wide), strict=True))
    values = 0.5 + 0.4 * np.sin(k[:, None, None] + np.cos(j)[:, None] * 2 + i)
    inner = (slice(wide.reach - narrow.reach, narrow.reach - wide.reach),) * 3
    found = widened(looked_up(values[inner], narrow).shares(), 2.25)
    expected = looked_up(values, wide).shares()
    within = (slice(None), *(slice(2, -2),) * 3)
    assert np.abs(found - expected)[within].max() < 0.04


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_ramp_has_its_slope_along_its_axis(axis):
    spread = spread_of(1.0)
    shape = grid(spread)
    ramp = np.linspace(0.15, 0.9, shape[2 - axis]).reshape([-1 if a == 2 - axis else 1 for a in range(3)])
    values = np.broadcast_to(ramp, shape)
    found = looked_up(values, spread).slopes(-40.0 * np.arange(CLASSES))
    per_voxel = SUB * 0.75 / (shape[2 - axis] - 1) * (CLASSES - 2) / 0.84
    np.testing.assert_allclose(found[axis], -40 * per_voxel, rtol=0.02)
    for other in {0, 1, 2} - {axis}:
        np.testing.assert_allclose(found[other], 0, atol=0.2)


def test_a_view_looks_the_fine_scan_up():
    spread = spread_of(1.0)
    values = np.broadcast_to(np.linspace(0.1, 0.94, 60, dtype=np.float32), (60, 60, 60)).copy()
    to_fine = np.diag([3.0, 3.0, 3.0, 1.0])
    to_fine[:3, 3] = 9
    shares = looked_up(values, spread, to_fine).shares()
    mean = np.tensordot(np.arange(CLASSES), shares, 1)
    expected = 1 + (CLASSES - 2) * (3 * np.arange(SHAPE[2]) + 9) / 59
    np.testing.assert_allclose(mean[5, 5], expected, atol=2e-3)
