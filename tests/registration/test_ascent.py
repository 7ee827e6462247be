"""Climbing, on hills whose summit is known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from volstudio.registration.ascent import Pace, climb, climb_each
from volstudio.registration.comparison import Likeness

CENTROID, RADIUS = np.array([3.0, -2.0, 1.0]), 40.0
PACE = Pace(2.0, 1e-4, 80)


class Hill:
    """Likeness that falls with the squares of a turn (times the radius) and of a shift from a top, steeper along some axes."""

    def __init__(self, top, steep=(1.0, 3.0, 8.0)):
        self.samples = SimpleNamespace(centroid=CENTROID, radius=RADIUS)
        self.top, self.steep, self.asked = top, np.array(steep), 0

    def at_each(self, rotations, positions):
        self.asked += len(rotations)
        return [self.at(*each) for each in zip(rotations, positions, strict=True)]

    def at(self, rotation, position):
        away = position - self.top[:3, :3] @ CENTROID - self.top[:3, 3]
        # The trace of a quotient of rotations is 1 + 2 cos(angle), and turning it on by w changes it by -2 sin(angle) (axis . w).
        turned = rotation @ self.top[:3, :3].T
        axial = np.array([turned[2, 1] - turned[1, 2], turned[0, 2] - turned[2, 0], turned[1, 0] - turned[0, 1]])
        value = RADIUS**2 * (np.trace(turned) - 3) - 0.5 * self.steep @ away**2
        return Likeness(float(value), 1.0, -self.steep * away, -(RADIUS**2) * axial)


def test_the_top_is_reached_from_a_turn_and_a_shift(heads):
    top, start = heads.rigid((1, 2, 3), 40, (5, -6, 7)), heads.rigid((1, 0, 3), 15, (9, -2, 3))
    heard = []
    end = climb(Hill(top), start, step_mm=2.0, tolerance_mm=1e-4, iterations=80, report=heard.append)
    assert end.converged
    np.testing.assert_allclose(end.pose, top, atol=1e-4)
    assert [summit.steps for summit in heard] == list(range(1, end.steps + 1))
    values = [summit.value for summit in heard]
    assert values == sorted(values)
    assert end.steps < 40  # straight uphill, it would take hundreds on a hill eight times as steep one way


def test_climbs_abreast_end_where_each_ends_alone(heads):
    top = heads.rigid((1, 2, 3), 40, (5, -6, 7))
    starts = [heads.rigid((1, n, 3), 10 * n, (n, -2, 3)) for n in range(1, 5)]
    together = climb_each(Hill(top), starts, PACE)
    for end, start in zip(together, starts, strict=True):
        (alone,) = climb_each(Hill(top), [start], PACE)
        np.testing.assert_array_equal(end.pose, alone.pose)


def test_the_hopeless_end_where_they_are(heads):
    hill, starts = Hill(np.eye(4)), [heads.rigid((1, n, 3), 10 * n, (n, -2, 3)) for n in range(1, 4)]
    ends = climb_each(hill, starts, PACE, hopeless=lambda so_far: [n == 2 and s.steps >= 3 for n, s in enumerate(so_far)])
    assert [end.converged for end in ends] == [True, True, False]
    assert ends[2].steps == 3


@pytest.mark.parametrize("iterations", [1, 4])
def test_no_more_steps_than_allowed(heads, iterations):
    end = climb(Hill(np.eye(4)), heads.rigid((0, 0, 1), 30, (20, 0, 0)), step_mm=1.0, tolerance_mm=1e-4, iterations=iterations)
    assert (end.steps, end.converged) == (iterations, False)


def test_on_the_top_already():
    end = climb(Hill(np.eye(4)), np.eye(4), step_mm=1.0, tolerance_mm=1e-3, iterations=9)
    assert end.steps == 0
    np.testing.assert_array_equal(end.pose, np.eye(4))
