"""Registration from the window: one undo step, live, cancelled, and an answer that comes too late is only offered."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.window


def matrix(window, name="epi"):
    return np.array(window.desk.session.scene.layer(name).placement.matrix)


@pytest.fixture
def moved(window, hand):
    """The EPI put 6 mm and 4 degrees off."""
    window.desk.set_active("epi")
    for index, text in ((0, "5"), (1, "-3"), (4, "4")):
        hand.type(window.placement.fields[index], text)
    return window


def test_refining_is_one_step_and_undo_is_bit_exact(moved, hand):
    before = matrix(moved)
    previews = []
    moved.desk.changed.connect(lambda *_: previews.append(moved.desk.previewing))
    place = moved.refine.button.pos()
    begun = []
    stop = moved.refine.stop
    moved.refiner.started.connect(lambda *_: begun.append((moved.focusWidget() is stop, stop.isVisibleTo(moved.refine))))
    moved.refine.button.setFocus()
    hand.key(moved.refine.button, "Space")
    assert begun == [(True, True)]
    hand.until(lambda: not moved.refiner.running, "the registration has ended", 120)
    after = matrix(moved)
    layer = moved.desk.session.scene.layer("epi")
    assert layer.placement.made_by == "registration"
    corners = moved.desk.volumes(layer).grid.corners()
    off = [np.linalg.norm(corners @ m[:3, :3].T + m[:3, 3] - corners, axis=1).mean() for m in (before, after)]
    assert off[1] < 0.5 * off[0]
    assert "epi" in previews
    assert moved.desk.previewing is None
    assert "mm" in moved.refine.report.result.text()
    hand.settle()
    assert moved.focusWidget() is moved.refine.button
    hand.until(lambda: not moved.judge.running, "it is judged", 60)
    hand.settle()
    assert moved.refine.button.pos() == place
    assert moved.desk.session.undo_text == "Refine epi"
    moved.desk.undo()
    assert np.array_equal(matrix(moved), before)
    assert moved.desk.session.undo_text == "Move epi"
    assert moved.refine.report.result.text() == ""


def test_a_search_needs_no_good_start_and_is_judged(moved, hand):
    """From half a turn away, where no climb leads back: truth is that both scans lie right by their headers."""
    hand.type(moved.placement.fields[3], "170")
    before = matrix(moved)
    moved.refine.search.click()
    hand.until(lambda: not moved.refiner.running and not moved.judge.running, "it was found and judged", 120)
    corners = moved.desk.volumes(moved.desk.session.scene.layer("epi")).grid.corners()
    found = matrix(moved)
    assert np.linalg.norm(corners @ found[:3, :3].T + found[:3, 3] - corners, axis=1).mean() < 3.0  # half a voxel
    assert moved.judge.verdict.verdict != "fail", moved.judge.verdict  # so smooth a head leaves little to judge by
    moved.desk.undo()
    assert np.array_equal(matrix(moved), before)
    assert moved.judge.verdict is None


def test_the_preset_and_where_to_begin_reach_the_registration(moved, hand):
    plans = []
    moved.refiner.finished.connect(lambda answer, _: plans.append(answer.result.plan))
    moved.refine.kind.show_value("epi-to-anatomy")
    moved.refine.button.click()
    hand.until(lambda: plans, "it has ended", 120)
    assert (plans[0].preset, plans[0].start) == ("epi-to-anatomy", "given")


def test_cancelling_changes_nothing(moved, hand):
    before = moved.desk.session.scene
    moved.refine.button.click()
    moved.refine.stop.click()
    assert not moved.refiner.running  # at once, whatever the thread is in the middle of
    hand.until(lambda: not moved.desk.worker.busy, "the thread has ended", 60)
    hand.settle()
    assert moved.desk.session.scene == before
    assert moved.desk.shown is moved.desk.session.scene
    assert moved.refine.button.isEnabled()
    assert "Cancelled" in moved.refine.report.result.text()


def test_a_layer_moved_meanwhile_keeps_its_place_and_the_answer_is_offered(moved, hand):
    moved.refine.button.click()
    hand.type(moved.placement.fields[2], "1")
    mine = matrix(moved)
    hand.until(lambda: not moved.refiner.running, "the registration has ended", 120)
    assert np.array_equal(matrix(moved), mine)
    assert moved.refine.offer.isVisibleTo(moved.refine)
    assert "is not applied" in moved.refine.report.result.text()
    assert "Moved" not in moved.refine.report.result.text()  # nothing was
    moved.refine.take.click()
    assert "from where epi lay when it began" in moved.refine.report.result.text()
    assert not np.array_equal(matrix(moved), mine)
    assert moved.desk.session.scene.layer("epi").placement.made_by == "registration"
    moved.desk.undo()
    assert np.array_equal(matrix(moved), mine)


def test_an_answer_taken_after_the_fixed_layer_was_moved_lies_on_it_where_it_is(moved, hand):
    answers = []
    moved.refiner.finished.connect(lambda answer, applied: answers.append((answer, applied)))
    fixed = moved.refine.fixed.currentData()
    moved.refine.button.click()
    moved.desk.set_active(fixed)
    hand.type(moved.placement.fields[1], "30")
    hand.until(lambda: answers, "the registration has ended", 120)
    answer, applied = answers[0]
    assert not applied
    moved.refine.take.click()
    lies = moved.desk.session.scene.placement("epi", onto=fixed)
    assert np.abs(lies.matrix - answer.result.moving_to_fixed.matrix).max() < 1e-9


def test_an_offer_goes_with_its_layer(moved, hand):
    moved.refine.button.click()
    hand.type(moved.placement.fields[2], "1")
    hand.until(lambda: not moved.refiner.running, "the registration has ended", 120)
    assert moved.refine.offer.isVisibleTo(moved.refine)
    moved.layers.remove_active()
    hand.settle()
    assert not moved.refine.offer.isVisibleTo(moved.refine)
    assert moved.refine.report.result.text() == ""


def test_while_one_runs_another_cannot_be_asked_for(moved, hand):
    commands = [moved.actions_by_name[name] for name in ("refine", "search_anywhere", "judge")]
    stop = moved.actions_by_name["cancel_refine"]
    assert all(command.isEnabled() for command in commands)
    assert not stop.isEnabled()
    moved.refine.kind.show_value("epi-to-anatomy")
    moved.refine.refine()
    assert not any(command.isEnabled() for command in commands)
    climbs = moved.refine.report.climbs
    moved.refine.kind.show_value("")
    moved.refine.search_anywhere()
    assert moved.refine.report.climbs == climbs  # of the one that runs
    stop.trigger()
    assert not moved.refiner.running
    assert all(command.isEnabled() for command in commands)
    assert not stop.isEnabled()


def test_two_volumes_that_do_not_overlap_are_refused_in_a_sentence(window, hand):
    window.desk.set_active("epi")
    hand.type(window.placement.fields[0], "900")
    before = window.desk.session.scene
    window.refine.button.click()
    hand.until(lambda: not window.refiner.running, "the registration has given up", 60)
    hand.settle()
    assert any(message.property("kind") == "error" for message in window.messages.messages)
    assert window.desk.session.scene == before


def test_one_layer_alone_cannot_be_refined(open_window, scans):
    window = open_window(scans["epi"], view="axial")
    assert not window.refine.button.isEnabled()
    assert "two volumes" in window.refine.report.state.text()
