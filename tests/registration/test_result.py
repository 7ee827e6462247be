"""A result: both directions of one map, its metric in words, and values that do not change."""

from __future__ import annotations

import dataclasses
from typing import get_args

import numpy as np
import pytest

from volstudio.geometry.affine import Affine
from volstudio.registration.plan import Metric, RegistrationPlan
from volstudio.registration.result import RegistrationResult, TraceStep

QUARTER = np.array([[0.0, -1, 0, 10], [1, 0, 0, 20], [0, 0, 1, 30], [0, 0, 0, 1]])  # a quarter turn about z, then a shift


def result(**fields):
    start = Affine.identity("epi:scanner", "t1:scanner")
    return RegistrationResult(Affine(QUARTER, "epi:scanner", "t1:scanner"), start, 0.5, "converged", **fields)


def test_the_inverse_is_the_direction_of_files():
    found = result().fixed_to_moving
    assert (found.source, found.target) == ("t1:scanner", "epi:scanner")
    # The transposed turn, and the shift undone in its axes.
    np.testing.assert_array_equal(found.matrix, [[0, 1, 0, -20], [-1, 0, 0, 10], [0, 0, 1, -30], [0, 0, 0, 1]])


def test_every_metric_has_a_name_for_a_person():
    names = {metric: result(plan=RegistrationPlan(metric=metric)).metric_name for metric in get_args(Metric)}
    assert names["mi"] == "mutual information"
    assert names["ncc"] == "correlation"
    assert len(set(names.values())) == len(get_args(Metric))


def test_what_was_not_told_is_empty():
    found = result()
    assert (found.trace, found.notes, found.versions, found.trust) == ((), (), {}, None)
    assert found.plan == RegistrationPlan()
    assert TraceStep(2.0, 1, 0.5, np.eye(4)).engine == "builtin"


@pytest.mark.parametrize(("made", "field"), [(result(), "metric"), (TraceStep(2.0, 1, 0.5, np.eye(4)), "iteration")])
def test_they_are_values(made, field):
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(made, field, 1)
    assert made != dataclasses.replace(made)  # arrays within: one is only the same as itself
