"""The map of intensities: the object told from air, values rising within 0..1, the same by every type of number."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.errors import RegistrationError
from volstudio.registration.contrast import Contrast


@pytest.fixture
def scan():
    """Air around 0, and an object of two tissues around 300 and 700."""
    rng = np.random.default_rng(3)
    values = rng.normal(0, 10, (30, 30, 30))
    values[5:25, 5:25, 5:25] = rng.normal(300, 20, (20, 20, 20))
    values[10:20, 10:20, 10:20] = rng.normal(700, 20, (10, 10, 10))
    return np.asfortranarray(values.round().astype(np.int16))


def test_the_object_is_told_from_air(scan):
    truth = np.zeros(scan.shape, bool)
    truth[5:25, 5:25, 5:25] = True
    np.testing.assert_array_equal(Contrast.of(scan, "scan").is_object(scan), truth)


def test_values_rise_from_nought_to_one(scan):
    contrast = Contrast.of(scan, "scan")
    line = np.asfortranarray(np.arange(-40, 801, dtype=np.int16).reshape(1, 1, -1))
    mapped = contrast.mapped(line).ravel()
    assert mapped[0] == 0
    assert mapped[-1] == pytest.approx(1)
    assert (np.diff(mapped) >= 0).all()


@pytest.mark.parametrize("dtype", [np.int32, np.float32, np.float64])
def test_a_table_of_floats_says_what_the_one_of_short_integers_says(scan, dtype):
    contrast = Contrast.of(scan, "scan")
    np.testing.assert_allclose(contrast.mapped(np.asfortranarray(scan.astype(dtype))), contrast.mapped(scan), atol=2e-3)


def test_negative_numbers_find_their_own_place():
    values = np.asfortranarray(np.linspace(-1000, 2000, 27 * 1000).astype(np.int16).reshape(30, 30, 30))
    contrast = Contrast.of(values, "ct")
    exact = np.interp(values, contrast.knots, contrast.heights)
    np.testing.assert_allclose(contrast.mapped(values), exact, atol=1e-6)


@pytest.mark.parametrize("factor", [1e-3, 1, 250])
def test_another_unit_of_intensity_changes_nothing(scan, factor):
    scaled = np.asfortranarray(scan.astype(np.float64) * factor)
    np.testing.assert_allclose(Contrast.of(scaled, "scaled").mapped(scaled), Contrast.of(scan, "scan").mapped(scan), atol=3e-3)


def test_one_value_everywhere_is_refused():
    with pytest.raises(RegistrationError, match="same value everywhere"):
        Contrast.of(np.full((8, 8, 8), 5, np.uint8), "flat")
