"""Which scans belong together, what each counts for, and what is said of it, by verdicts and gaps that are given."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.geometry.affine import Affine
from volstudio.geometry.consensus import Consensus
from volstudio.geometry.rigid import RigidTransform
from volstudio.registration.mean_agreement import OUTSIDE, Hearing, Weighed, joined_by, notes_on, verdict_on
from volstudio.registration.mean_space import MeanSpace
from volstudio.registration.result import RegistrationResult
from volstudio.registration.trust import Trust


def judged(verdict, reason="doubted"):
    """A result of which only the verdict counts."""
    here = Affine.identity("m", "f")
    return RegistrationResult(here, here, 1.0, "", trust=Trust(verdict, 1.0, (reason,), None, 1.0) if verdict else None)


def numbered(verdicts):
    """Pairs of scans a, b, c... by their numbers."""
    return {tuple("abcdef".index(letter) for letter in pair): judged(verdict, f"{pair} is doubted") for pair, verdict in verdicts.items()}


@pytest.mark.parametrize(
    ("verdicts", "weights", "joined"),
    [
        ({"ab": "pass"}, {}, "pass"),
        ({"ab": "look"}, {}, "look"),
        ({"ab": "fail"}, {}, "fail"),
        ({"ab": ""}, {}, ""),
        ({"ab": "pass", "bc": "pass", "ac": "fail"}, {}, "pass"),
        ({"ab": "pass", "bc": "look", "ac": "fail"}, {}, "look"),
        ({"ab": "pass", "bc": "fail", "ac": "fail"}, {}, "fail"),
        ({"ab": "pass", "bc": "fail", "ac": "fail"}, {"c": 0.0}, "pass"),
        ({"ab": "pass", "cd": "pass", "ac": "fail", "ad": "fail", "bc": "fail", "bd": "fail"}, {}, "fail"),
        ({"ab": "pass", "bc": "pass"}, {"b": 0.0}, ""),  # what joined the two does not count
    ],
)
def test_the_verdict_is_that_of_the_weakest_pair_that_is_needed(verdicts, weights, joined):
    pairs = {tuple(pair): judged(verdict) for pair, verdict in verdicts.items()}
    counted = {name: weights.get(name, 1.0) for name in sorted(set("".join(verdicts)))}
    assert verdict_on(pairs, counted) == joined
    assert MeanSpace("mean", {}, counted, {}, pairs=pairs).verdict == joined


@pytest.mark.parametrize(
    ("verdicts", "core"),
    [
        ({"ab": "pass", "ac": "look", "bc": "look"}, "ab"),
        ({"ab": "look", "ac": "look", "bc": "fail"}, "abc"),
        ({"ab": "look", "ac": "fail", "bc": "fail"}, "ab"),
        ({"ab": "fail", "ac": "fail", "bc": "fail"}, "abc"),
        ({"ab": "pass", "cd": "pass", "ac": "fail", "ad": "fail", "bc": "fail", "bd": "fail"}, "abcd"),
        ({"ab": "pass", "cd": "pass", "ac": "look", "ad": "fail", "bc": "fail", "bd": "fail"}, "abcd"),
        ({"ab": "pass", "bc": "pass", "cd": "fail", "ad": "fail", "ac": "fail", "bd": "look"}, "abc"),
        ({"ab": "", "bc": "", "ac": ""}, "abc"),
    ],
)
def test_the_core_is_the_largest_set_that_believed_pairs_join(verdicts, core):
    count = len(set("".join(verdicts)))
    hearing = Hearing.of(count, numbered(verdicts))
    assert hearing.core == {"abcdef".index(letter) for letter in core}
    usual = {"pass": 1.0, "look": 0.3, "fail": 0.03, "": 1.0}
    for pair, verdict in verdicts.items():
        within = set(pair) <= set(core)
        assert hearing.shares[tuple("abcdef".index(letter) for letter in pair)] == usual[verdict] * (1 if within else OUTSIDE)


def test_each_scan_has_the_reason_of_its_first_doubtful_pair():
    hearing = Hearing.of(4, numbered({"ab": "pass", "ac": "fail", "bc": "fail"}) | {(0, 3): judged("")})
    assert hearing.reasons == ("ab is doubted", "ab is doubted", "ac is doubted", "")


def weighed(verdicts, gaps, floor=0.1):
    """What scans count for when pairs of these verdicts are so far from the poses."""
    count = len(set("".join(verdicts)))
    hearing = Hearing.of(count, numbered(verdicts))
    named = {tuple("abcdef".index(letter) for letter in pair): gap for pair, gap in gaps.items()}
    return Weighed.of(Consensus((RigidTransform.identity(),) * count, named, dict.fromkeys(named, 1.0)), hearing, floor)


TRUSTED = {"ab": "pass", "ac": "pass", "bc": "pass"}


def test_scans_that_agree_count_alike():
    found = weighed(TRUSTED, {"ab": 0.05, "ac": 0.02, "bc": 0.04})
    np.testing.assert_array_equal(found.weights, 1)
    np.testing.assert_allclose(found.gaps_mm, [0.02, 0.04, 0.02])  # the lower of two


def test_one_that_is_far_from_the_others_counts_by_how_far():
    """Four times what is usual, or two good gaps, are allowed; beyond that the square of the excess counts."""
    four = {"ab": "pass", "ac": "pass", "ad": "pass", "bc": "pass", "bd": "pass", "cd": "pass"}
    near = {"ab": 0.05, "ac": 0.05, "bc": 0.05}
    np.testing.assert_allclose(weighed(four, near | {"ad": 0.25, "bd": 0.25, "cd": 0.25}).weights, [1, 1, 1, (0.2 / 0.25) ** 2])
    np.testing.assert_allclose(weighed(four, near | {"ad": 0.4, "bd": 0.4, "cd": 0.4}).weights, [1, 1, 1, 0])  # a quarter only pulls
    np.testing.assert_allclose(weighed(four, {pair: gap * 4 for pair, gap in near.items()} | {"ad": 0.8, "bd": 0.8, "cd": 0.8}).weights, 1)


def test_what_is_usual_is_so_among_the_core():
    near = dict.fromkeys(("ab", "ac", "bc"), 0.05) | dict.fromkeys(("ad", "bd", "cd"), 0.25)
    core = dict.fromkeys((*near,), "pass")
    strangers = [f"{one}{other}" for other in "ef" for one in "abcd"]
    found = weighed(core | dict.fromkeys(strangers, "fail"), near | dict.fromkeys(strangers, 30.0))
    np.testing.assert_allclose(found.weights, [1, 1, 1, (0.2 / 0.25) ** 2, 0, 0])
    crowd = [f"{one}{other}" for other in "cdef" for one in "ab"]
    found = weighed({"ab": "pass"} | dict.fromkeys(crowd, "fail"), {"ab": 0.01} | dict.fromkeys(crowd, 30.0))
    np.testing.assert_array_equal(found.weights, [1, 1, 0, 0, 0, 0])


def test_a_pair_that_leads_out_of_the_core_has_next_to_no_say():
    assert Hearing.of(3, numbered({"ab": "pass", "ac": "look", "bc": "look"})).shares[0, 2] <= 0.001


def test_one_outside_the_core_counts_for_nothing_however_near_it_lies():
    found = weighed({"ab": "pass", "ac": "look", "bc": "look"}, {"ab": 0.01, "ac": 0.01, "bc": 0.01})
    np.testing.assert_array_equal(found.weights, [1, 1, 0])
    many = {"ab": "pass", **dict.fromkeys(("ac", "ad", "bc", "bd", "cd"), "look")}
    far = {"ab": 0.01, **dict.fromkeys(("ac", "ad", "bc", "bd", "cd"), 30.0)}
    found = weighed(many, far)
    np.testing.assert_array_equal(found.weights, [1, 1, 0, 0])
    np.testing.assert_allclose(found.gaps_mm, [0.01, 0.01, 30, 30])  # of the core, among the core


def test_joined_by_pairs():
    assert joined_by(6, [(0, 1), (2, 3), (3, 4)]) == [2, 3, 4]
    assert joined_by(4, [(0, 3), (1, 2)]) == [0, 3]  # of two as large that with the first
    assert joined_by(3, []) == [0]


def test_notes_tell_what_a_person_should_know():
    pairs = {("a", "b"): judged("pass"), ("a", "c"): judged("fail", "another head"), ("b", "c"): judged("fail")}
    said = notes_on(
        pairs, {"a": 1.0, "b": 1.0, "c": 0.0}, {"a": 0.01, "b": 0.01, "c": 4.321}, why={"a": "", "b": "", "c": "odd"}, floor=0.1
    )
    assert said == ("look closely: c counted for nothing: it contradicts the other scans by 4.3 mm, and odd; is it of the same person?",)
    (half,) = notes_on(pairs, {"a": 1.0, "b": 1.0, "c": 0.64}, {"a": 0.01, "b": 0.01, "c": 0.2}, why={"c": ""}, floor=0.1)[1:]
    assert half == "look closely: c counted for 64% only: it contradicts the other scans by 0.2 mm; is it of the same person?"
    strangers = {"c": 0.0, "d": 0.0}
    told = notes_on(
        pairs, {"a": 1.0, "b": 1.0} | strangers, {"a": 0.01, "b": 0.01, "c": 30.0, "d": 30.0}, why={"c": "", "d": ""}, floor=0.1
    )
    assert [note.split(" counted")[0] for note in told] == ["look closely: c", "look closely: d"]  # the others do not contradict each other
    apart = {"a": 0.7, "b": 0.7}
    assert notes_on({("a", "b"): judged("pass")}, {"a": 1.0, "b": 1.0}, apart, why={}, floor=0.1) == (
        "look closely: the scans contradict each other by 0.7 mm, and which are wrong cannot be told",
    )


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ({("a", "b"): judged("look", "too little")}, ("look closely: a on b is judged 'look': too little",)),
        (
            {("a", "b"): judged("fail", "a mirror")},
            ("do not use it as it is: a on b is judged 'fail': a mirror; with these scans alone it cannot be told which is wrong",),
        ),
        ({("a", "b"): judged("")}, ()),
    ],
)
def test_scans_that_may_not_belong_together_are_told_of(pairs, said):
    assert notes_on(pairs, {"a": 1.0, "b": 1.0}, {"a": 0.0, "b": 0.0}, why={}, floor=0.1) == said
