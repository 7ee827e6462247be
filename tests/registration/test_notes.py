"""Words about an answer: said where they are due, and not else."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.registration.bounds import Bounds
from volstudio.registration.notes import doubts, of_bounds, of_plan
from volstudio.registration.plan import RegistrationPlan


@pytest.mark.parametrize(
    ("metric", "poor", "good", "words"),
    [
        ("mi", 0.1, 0.3, "next to no information (0.10 nats)"),
        ("nmi", 1.01, 1.1, "next to no information (1.01, where 1 is none)"),
        ("ncc", 0.2, 0.9, "hardly correlate (0.20)"),
        ("mse", -0.3, -0.1, ""),
    ],
)
def test_likeness_is_judged_in_the_units_of_its_metric(metric, poor, good, words):
    plan = RegistrationPlan(metric=metric)
    assert doubts(plan, likeness=good, overlap=0.9, rival=0.3) == ()
    said = doubts(plan, likeness=poor, overlap=0.9, rival=0.3)
    assert words in " ".join(said)
    assert bool(said) == bool(words)


def test_overlap_and_a_rival():
    said = doubts(RegistrationPlan(), likeness=0.5, overlap=0.3, rival=0.97)
    assert [text.split(":")[0] for text in said] == ["look closely"] * 2
    assert "only 30%" in said[0]
    assert "97%" in said[1]


def test_what_was_held_back_and_what_was_not():
    bounds = Bounds(np.eye(4), np.zeros(3), turn_deg=10, shift_mm=5)
    near, far = np.eye(4), np.eye(4)
    near[0, 3], far[0, 3] = 3, 5
    assert of_bounds(None, far) == of_bounds(bounds, near) == ()
    assert "0 degrees and 5 mm from the start" in of_bounds(bounds, far)[0]


def test_what_was_held_back_under_a_microscope_is_no_zero():
    far = np.eye(4)
    far[1, 3] = 0.0042
    said = of_bounds(Bounds(np.eye(4), np.zeros(3), turn_deg=0.25, shift_mm=0.0042), far)
    assert "0 degrees and 0.0042 mm from the start" in said[0]


def test_who_refined_is_said_only_where_it_is_not_who_was_asked():
    asked = RegistrationPlan(metric="nmi")
    assert of_plan(asked, asked, (None, None)) == ()
    assert "SimpleITK has no normalised mutual information" in of_plan(asked, asked.with_(refine="builtin"), (None, None))[0]
