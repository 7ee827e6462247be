"""What is told of a registration: a verdict in words and as plain values, and nothing of where a person keeps their files."""

from __future__ import annotations

import dataclasses
import json
import math

import msgspec
import numpy as np
import pytest

from volstudio.geometry.affine import Affine
from volstudio.geometry.measure import Distance
from volstudio.registration.plan import Mask, RegistrationPlan
from volstudio.registration.result import RegistrationResult, TraceStep
from volstudio.registration.trust import Evidence, Trust
from volstudio.tasks.pair_outcome import PairOutcome, sidecar_parameters, verdict_in_words
from volstudio.transforms.sidecar import Image


def evidence(**known):
    """Evidence whose other figures are zeros of numpy's own kind."""
    return Evidence(**{field.name: known.get(field.name, np.float64(0.0)) for field in dataclasses.fields(Evidence)})


def judged(verdict, error_mm=0.4, reasons=()):
    return Trust(verdict, error_mm, reasons, evidence(overlap=np.float64(0.9)), 0.5)


def outcome(trust, **changes):
    start = Affine(np.eye(4), "epi:scanner", "t1:scanner")
    plan = RegistrationPlan(fixed_mask=Mask(file="/home/someone/study/brain.nii.gz"), metric="nmi")
    result = RegistrationResult(start, start, 1.25, "converged", (TraceStep(2.0, 1, 1.2, np.eye(4)),), plan, ("a note",), trust=trust)
    distance = Distance(*[1.0] * len(dataclasses.fields(Distance)))
    return PairOutcome("t1", "epi", dataclasses.replace(result, **changes), distance, 2.0, (), None, {})


def test_words_of_each_verdict():
    assert verdict_in_words(judged("pass")).startswith("Trust: pass")
    assert "0.4 mm" in verdict_in_words(judged("pass"))
    look = verdict_in_words(judged("look", reasons=("they hardly overlap",)))
    assert "look" in look
    assert "they hardly overlap" in look
    fail = verdict_in_words(judged("fail", math.inf, ("one of them is mirrored", "and so on")))
    assert "fail" in fail
    assert "one of them is mirrored; and so on" in fail
    assert "inf" not in fail


@pytest.mark.parametrize("verdict", ["pass", "look", "fail", None])
def test_only_a_fail_has_failed(verdict):
    told = outcome(None if verdict is None else judged(verdict))
    assert told.failed == (verdict == "fail")
    assert (json.loads(told.as_json())["trust"] or {}).get("verdict") == verdict


def test_json_holds_plain_values_and_what_is_infinite_is_null():
    told = json.loads(outcome(judged("fail", math.inf, ("no",))).as_json())
    assert told["trust"]["error_mm"] is None
    assert told["trust"]["evidence"]["overlap"] == 0.9
    assert (told["metric"], told["metric_name"]) == (1.25, "normalised mutual information")


def test_where_a_mask_lies_is_nobody_elses_business():
    made = outcome(None)
    image = Image("brain", "brain.nii.gz", "sha256:0")
    told = sidecar_parameters(made.result, masks={"fixed": image}, start_file=None, plan_file=image)
    assert told["plan"]["fixed_mask"] == {"file": "brain.nii.gz"}
    assert told["fixed_mask_file"]["digest"] == told["plan_file"]["digest"] == "sha256:0"
    assert "start_file" not in told
    assert told["trace"] == [{"engine": "builtin", "level_mm": 2.0, "iteration": 1, "metric": 1.2}]
    for text in (msgspec.json.encode(told).decode(), made.as_json()):
        assert "someone" not in text


def test_the_story_names_the_metric_and_ends_with_the_answer():
    story = outcome(judged("pass")).story()
    assert any(line.startswith("Normalised mutual information 1.2500 after 1 steps") for line in story)
    assert "A note." in story
    np.testing.assert_array_equal([[float(number) for number in line.split()] for line in story[-4:]], np.eye(4))
