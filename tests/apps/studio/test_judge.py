"""The verdict on a placement: asked beside the window, gone as soon as a layer is moved."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.window


@pytest.fixture
def judged(window, hand):
    """The window's two scans lie on each other by their headers, and that has been judged."""
    window.desk.set_active("epi")
    hand.key(window, "J")
    assert window.judge.running
    hand.until(lambda: not window.judge.running, "the judgement has ended", 60)
    return window


def test_two_scans_that_lie_right_do_not_fail_and_it_is_shown(judged):
    verdict = judged.judge.verdict
    assert verdict.verdict != "fail", verdict  # so smooth a head leaves little to judge by
    view = judged.refine.report.verdict
    assert view.isVisibleTo(judged.refine)
    assert view.badge.property("verdict") == verdict.verdict


def test_a_real_pair_that_lies_right_passes(open_window, hand, shared_data):
    window = open_window(*(shared_data / "pair" / f"someones_{name}.nii.gz" for name in ("anatomy", "epi")), view="axial")
    hand.key(window, "J")
    hand.until(lambda: not window.judge.running, "the judgement has ended", 60)
    assert window.judge.verdict.verdict == "pass", window.judge.verdict
    assert "Pass" in window.refine.report.verdict.badge.text()


def test_a_verdict_is_of_one_place_only(judged, hand):
    hand.type(judged.placement.fields[0], "40")
    assert judged.judge.verdict is None
    assert not judged.refine.report.verdict.isVisibleTo(judged.refine)
    judged.refine.ask.click()
    hand.until(lambda: not judged.judge.running, "the judgement has ended", 60)
    assert judged.judge.verdict.verdict != "pass"
    assert judged.judge.verdict.reasons
    assert judged.refine.report.verdict.reasons.text()


def test_looks_leave_it_alone(judged):
    judged.change_opacity(-0.2)
    assert judged.judge.verdict is not None


def test_a_move_while_it_is_being_judged_gives_it_up(window, hand):
    window.desk.set_active("epi")
    window.refine.ask.click()
    hand.type(window.placement.fields[1], "3")
    assert not window.judge.running
    hand.until(lambda: not window.desk.worker.busy, "the thread has ended", 60)
    hand.settle()
    assert window.judge.verdict is None
    assert not window.refine.report.bar.isVisibleTo(window.refine)
