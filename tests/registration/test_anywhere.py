"""The contest of places: who goes on."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from volstudio.progress import Progress
from volstudio.registration import anywhere
from volstudio.registration.ascent import Summit
from volstudio.registration.pairing import Pairing
from volstudio.registration.plan import RegistrationPlan
from volstudio.registration.prepare import choose_levels
from volstudio.registration.search import QUICK, THOROUGH

# All that who goes on is asked of a pairing: the middle and variances of an object, and its voxels.
PAIRING = SimpleNamespace(source=(SimpleNamespace(spacing=8.0, moments=lambda: (np.zeros(3), np.full(3, 900.0))),))


def at(x, value, overlap=1.0):
    pose = np.eye(4)
    pose[0, 3] = x
    return Summit(pose, value, overlap, steps=5)


def xs(poses):
    return [pose[0, 3] for pose in poses]


def test_promising_are_the_best_of_their_places():
    rough = [at(0, 0.5), at(3, 0.6), at(40, 0.4), at(80, 0.29), at(120, 0.9, overlap=0.2), at(160, -np.inf)]
    assert xs(anywhere._promising(rough, PAIRING)) == [3, 120, 40]
    many = [at(20.0 * n, 1.0 - 0.001 * n) for n in range(30)]
    assert xs(anywhere._promising(many, PAIRING)) == [20.0 * n for n in range(anywhere.PROMISING)]


def test_close_are_those_that_may_still_win():
    halfway = [at(0, 1.0), at(5, 0.9), at(40, 0.71), at(80, 0.69)]
    assert anywhere._close(halfway, [False] * 4, PAIRING) == [0, 2]
    # Where the header lies is no reason to leave another behind.
    assert anywhere._close(halfway, [True, False, False, False], PAIRING) == [0, 1, 2]
    assert anywhere._close([at(0, -np.inf), at(40, -np.inf)], [False] * 2, PAIRING) == [0, 1]


def test_hopeless_are_the_low_and_the_led_but_the_header_leads_nobody():
    summits = [at(0, 1.0), at(3, 0.9), at(40, 0.39), at(80, 0.41), at(80, 2.0)]
    assert anywhere._hopeless(summits, pairing=PAIRING) == [False, True, True, False, False]
    led_header = [at(0, 1.0), at(40, 0.9), at(43, 0.8), at(1, 0.7)]
    assert anywhere._hopeless(led_header, pairing=PAIRING) == [False, False, True, False]


@pytest.fixture(scope="module")
def pairing(heads):
    affine = heads.grid_affine((36, 42, 30), heads.turn((0, 1, 1), 20) @ np.diag([4.0, 4, 5]), centre=(0, 0, 6))
    fixed = heads.head((48, 56, 44), heads.grid_affine((48, 56, 44), np.diag([-3.5, 3.5, 3.5])), name="t1")
    moving = heads.head((36, 42, 30), affine, name="epi", moved=heads.rigid((1, 2, 0), 100, (30, 0, -20)), seed=1)
    return Pairing.of(fixed, moving, choose_levels(fixed.grid, moving.grid), progress=Progress())


def contested(pairing):
    header = pairing.pose(np.eye(4))
    return anywhere.contest(pairing, RegistrationPlan(), header=header, progress=Progress(), report=lambda *_: None)


def test_an_unclear_contest_is_held_again_and_the_better_counts(pairing, monkeypatch):
    """A place that is 5 % better counts, and the first one is then its rival; where all is clear, there is no second."""
    asked = []

    def staged(first, second):
        def contested(_pairing, _header, listener, *, effort=QUICK):
            asked.append((effort, listener.seed))
            return first if effort is QUICK else second

        monkeypatch.setattr(anywhere, "_contested", contested)
        asked.clear()

    staged(anywhere.Contest(at(0, 1.0), 0.95), anywhere.Contest(at(500, 1.05), 0.3))
    found = contested(pairing)
    assert found.best.value == 1.05
    assert found.rival == pytest.approx(1 / 1.05)
    assert [effort for effort, _ in asked] == [QUICK, THOROUGH]
    assert asked[0][1] != asked[1][1]
    for second in (at(500, 1.01), at(1, 1.05)):  # no better; the same place
        staged(anywhere.Contest(at(0, 1.0), 0.95), anywhere.Contest(second, 0.3))
        assert (contested(pairing).best.value, contested(pairing).rival) == (1.0, 0.95)
    staged(anywhere.Contest(at(0, 1.0), 0.8), anywhere.Contest(at(500, 1.05), 0.3))
    assert contested(pairing).best.value == 1.0
    assert len(asked) == 1
