"""When a registration ends with the fit of a coarse scan's signal, and what it says."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.registration.finish import refusal
from volstudio.registration.plan import RegistrationPlan
from volstudio.registration.rigid import register
from volstudio.volumes.samples import brain_points, sample, truth


@pytest.fixture(scope="module")
def pair():
    return sample("t1"), sample("epi")


def error_mm(found):
    change = (found.matrix - truth().matrix)[:3]
    return float(np.linalg.norm(brain_points() @ change[:, :3].T + change[:, 3], axis=1).mean())


@pytest.mark.parametrize("engine", ["simpleitk", "builtin"])
def test_the_sample_comes_nearer_to_its_truth(pair, engine):
    plan = RegistrationPlan(start="given", refine=engine)
    rough = register(*pair, plan=plan.with_(settle="none"), start=truth(), judge=False)
    fine = register(*pair, plan=plan, start=truth(), judge=False)
    assert error_mm(fine.moving_to_fixed) < 0.2
    assert error_mm(fine.moving_to_fixed) < 0.7 * error_mm(rough.moving_to_fixed)
    assert "signal" in fine.stop_reason
    assert "signal" not in rough.stop_reason
    assert [step.engine for step in fine.trace[len(rough.trace) :]] == ["signal"] * (len(fine.trace) - len(rough.trace))
    assert fine.trace[-1].engine == "signal"
    np.testing.assert_array_equal(fine.trace[-1].moving_to_fixed, fine.moving_to_fixed.matrix)


def test_asked_for_in_vain_it_says_so(pair):
    t1, _ = pair
    plan = RegistrationPlan(start="given", refine="builtin", levels_mm=(8, 4), settle="signal")
    found = register(t1, t1, plan=plan, judge=False)
    assert any("not fitted" in note and "coarse" in note for note in found.notes)


@pytest.mark.parametrize(
    ("changes", "masks", "word"),
    [({"settle": "none"}, (None, None), "without"), ({"metric": "ncc"}, (None, None), "contrast"), ({}, (None, object()), "masks")],
)
def test_reasons_to_leave_it_out(pair, changes, masks, word):
    assert word in refusal(RegistrationPlan().with_(**changes), pair, masks)


def test_no_reason_for_the_sample(pair):
    assert refusal(RegistrationPlan(), pair, (None, None)) is None
