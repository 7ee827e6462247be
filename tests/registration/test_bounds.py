"""Bounds: what they hold, what they clip, and that both directions are alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volstudio.geometry.rigid import RigidTransform
from volstudio.registration.bounds import Bounds

SMALL = st.floats(-3.0, 3.0)
POSE = st.tuples(SMALL, SMALL, SMALL, *([st.floats(-80, 80)] * 3))
MIDDLE = np.array([12.0, -7, 30])


def pose_of(six):
    return RigidTransform.from_euler(six[:3], six[3:]).matrix


@given(POSE, POSE, st.floats(0.5, 170), st.floats(0.1, 100))
def test_a_clipped_pose_is_within_and_a_pose_within_stays(start, pose, turn, shift):
    bounds = Bounds(pose_of(start), MIDDLE, turn, shift)
    clipped = bounds.clip(pose_of(pose))
    asked, got = bounds.reach(pose_of(pose)), bounds.reach(clipped)
    assert got[0] == pytest.approx(min(asked[0], turn), abs=1e-5)
    assert got[1] == pytest.approx(min(asked[1], shift), abs=1e-6)
    np.testing.assert_allclose(clipped[:3, :3] @ clipped[:3, :3].T, np.eye(3), atol=1e-12)
    assert bounds.holds(clipped)
    assert bounds.stops(clipped) == (asked[0] > 0.999 * turn or asked[1] > 0.999 * shift)
    np.testing.assert_array_equal(bounds.clip(clipped), clipped)


@given(POSE, POSE)
def test_reach_is_the_turn_and_the_way_of_the_middle(start, pose):
    a, b = pose_of(start), pose_of(pose)
    turn, shift = Bounds(a, MIDDLE).reach(b)
    cosine = (np.trace(b[:3, :3] @ a[:3, :3].T) - 1) / 2
    assert np.cos(np.radians(turn)) == pytest.approx(cosine, abs=1e-9)
    assert shift == pytest.approx(np.linalg.norm((b - a) @ [*MIDDLE, 1]), abs=1e-9)


def test_without_bounds_everything_is_held():
    bounds = Bounds(np.eye(4), MIDDLE)
    far = pose_of((3, 1, 2, 500, 0, 0))
    assert bounds.holds(far)
    assert not bounds.stops(far)
