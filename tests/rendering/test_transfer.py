"""Looks as colours and opacities of values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volstudio.rendering.transfer import colour_points, opacity_points, size_factor, unit_distance
from volstudio.scene import colourmaps
from volstudio.scene.looks import PRESETS
from volstudio.scene.model import Look

LOWS = st.floats(-1e4, 1e4)
WIDTHS = st.floats(1e-2, 1e4)


@given(LOWS, WIDTHS, st.sampled_from(sorted(PRESETS)))
def test_presets_follow_the_window(low, width, name):
    points = opacity_points(Look(), (low, low + width), PRESETS[name])
    assert (np.diff(points[:, 0]) > 0).all()
    for position, opacity in PRESETS[name].points:
        assert np.isclose(np.interp(low + position * width, points[:, 0], points[:, 1]), opacity, atol=1e-6)


@given(LOWS, WIDTHS, st.floats(0.05, 0.95))
def test_nothing_is_seen_below_the_threshold(low, width, part):
    edge = low + part * width
    points = opacity_points(Look(hide_below=edge), (low, low + width), PRESETS["solid"])
    assert (np.diff(points[:, 0]) > 0).all()
    below = np.linspace(low - width, edge - 2e-3 * width, 50)
    assert (np.interp(below, points[:, 0], points[:, 1]) == 0).all()
    whole = opacity_points(Look(), (low, low + width), PRESETS["solid"])
    above = np.linspace(edge + 1e-3 * width, low + 2 * width, 50)
    assert np.allclose(np.interp(above, points[:, 0], points[:, 1]), np.interp(above, whole[:, 0], whole[:, 1]), atol=2e-2)


@pytest.mark.parametrize("threshold", [None, 3.0])
def test_two_sided_maps_are_symmetric_and_empty_in_the_middle(threshold):
    points = opacity_points(Look(two_sided=True, hide_below=threshold), (2.0, 8.0), PRESETS["overlay"])
    assert (np.diff(points[:, 0]) > 0).all()
    values = np.linspace(-10, 10, 401)
    opacity = np.interp(values, points[:, 0], points[:, 1])
    assert np.allclose(opacity, opacity[::-1])
    assert (opacity[np.abs(values) < (threshold or 2.0) - 0.01] == 0).all()
    assert opacity[0] == PRESETS["overlay"].points[-1][1]


def test_colours_are_those_of_the_table():
    points = colour_points(Look(colourmap="viridis"), (10.0, 20.0))
    assert np.allclose(points[:, 1:] * 255, colourmaps.get("viridis").table(256))
    assert (points[0, 0], points[-1, 0]) == (10.0, 20.0)


def test_two_sided_colours_use_a_half_each():
    points = colour_points(Look(colourmap="cold-hot", two_sided=True), (2.0, 8.0))
    table = colourmaps.get("cold-hot").table(256) / 255
    assert (np.diff(points[:, 0]) > 0).all()
    for value, row in ((-8.0, 0), (-2.0, 127), (2.0, 128), (8.0, 255)):
        seen = [np.interp(value, points[:, 0], points[:, 1 + c]) for c in range(3)]
        assert np.allclose(seen, table[row], atol=1e-6)


def test_two_sided_from_zero_still_rises():
    assert (np.diff(colour_points(Look(colourmap="cold-hot", two_sided=True), (0.0, 8.0))[:, 0]) > 0).all()
    assert (np.diff(opacity_points(Look(two_sided=True), (0.0, 8.0), PRESETS["soft"])[:, 0]) > 0).all()


def test_small_and_large_objects_look_like_heads():
    curve = PRESETS["soft"]
    assert unit_distance(curve, 300.0) == curve.unit_mm
    assert size_factor(1.0) == 0.01
    assert size_factor(5000.0) == 5.0
    factors = [size_factor(d) for d in np.geomspace(0.1, 1e4, 200)]
    assert (np.diff(factors) >= 0).all()
