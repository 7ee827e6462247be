"""Chains of maps, and what a map does beyond moving."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volstudio.errors import SpaceMismatchError, TransformError
from volstudio.geometry.affine import Affine
from volstudio.transforms.chain import beyond_rigid, chain


@given(data=st.data())
def test_a_point_passes_through_the_parts_in_their_order(box, maps, data):
    parts = [Affine(data.draw(maps["linear"]), f"{n}:scanner", f"{n + 1}:scanner") for n in range(3)]
    points = box
    for part in parts:
        points = part.apply(points)
    whole = chain(*parts)
    assert (whole.source, whole.target) == ("0:scanner", "3:scanner")
    assert np.abs(whole.apply(box) - points).max() < 1e-9
    assert np.abs(chain(*[part.inverse() for part in reversed(parts)]).apply(points) - box).max() < 1e-9


def test_parts_that_do_not_meet_are_refused():
    with pytest.raises(SpaceMismatchError, match="inverse"):
        chain(Affine.identity("a:scanner", "b:scanner"), Affine.identity("a:scanner", "b:scanner"))
    with pytest.raises(TransformError, match="at least one"):
        chain()


@given(data=st.data())
def test_a_rigid_map_is_silent_and_others_are_told(maps, data):
    rigid = data.draw(maps["rigid"])
    assert beyond_rigid(Affine(rigid, "a:scanner", "b:scanner")) == ""
    scale = data.draw(st.floats(0.5, 2).filter(lambda value: abs(value - 1) > 1e-3))
    assert "scales" in beyond_rigid(Affine(rigid @ np.diag([1, scale, 1, 1]), "a:scanner", "b:scanner"))


def test_shear_and_mirrors_are_told_with_their_size():
    sheared = np.eye(4)
    sheared[0, 1] = np.tan(np.radians(5))
    said = beyond_rigid(Affine(sheared, "a:scanner", "b:scanner"))
    assert said == "scales x, y, z by 1, 1.00382, 1 and shears by 5 degrees"
    assert beyond_rigid(Affine(np.diag([-1.0, 1, 1, 1]), "a:scanner", "b:scanner")) == "mirrors"
