"""How alike two layers are while one is moved: the number follows the hand, and what it compares is made only when it is needed."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.window


@pytest.fixture
def ready(window, hand):
    window.desk.set_active("epi")
    assert window.likeness.state == "off"
    hand.key(window, "M")
    hand.until(lambda: window.likeness.reading is not None, "the first reading has come", 60)
    return window


def settled(window, hand):
    """The reading of where the layer lies now."""
    relation = window.likeness.relation

    hand.until(lambda: window.likeness.read_of is not None and window.likeness.read_of.same(relation()), "the newest pose was read", 60)
    return window.likeness.reading


def test_the_right_place_is_the_most_alike(ready, hand):
    right = settled(ready, hand)
    assert right.overlap > 0.9
    hand.type(ready.placement.fields[0], "25")
    wrong = settled(ready, hand)
    assert wrong.value < right.value
    assert wrong.change == pytest.approx(wrong.value - right.value)
    ready.desk.undo()
    again = settled(ready, hand)
    assert again.value == right.value
    assert again.change == pytest.approx(right.value - wrong.value)


def test_it_is_the_similarity_of_the_registration_room(ready, hand):
    from volstudio.registration.similarity import Similarity

    hand.type(ready.placement.fields[2], "4")
    desk = ready.desk
    layers = [desk.session.scene.layer(name) for name in (desk.session.scene.names[0], "epi")]
    fixed, moving = (desk.volumes(layer).renamed(layer.name) for layer in layers)
    expected = Similarity(fixed, moving, metric="mi").value(desk.session.scene.placement("epi", onto=layers[0].name))
    assert settled(ready, hand).value == pytest.approx(expected, abs=1e-12)


def test_volumes_that_lie_apart_are_said_so(ready, hand):
    hand.type(ready.placement.fields[0], "900")
    settled(ready, hand)
    assert "do not overlap" in ready.refine.likeness_line.text()


def test_another_pair_begins_anew(ready, hand, scans):
    ready.documents.open_volumes([scans["series"]])
    hand.until(lambda: len(ready.desk.session.scene.layers) == 3, "the series is open", 60)
    hand.until(lambda: ready.likeness.reading is not None, "the reading of the new pair has come", 60)
    first = ready.likeness.read_of
    assert (first.fixed.name, first.moving.name) == (ready.refine.fixed.currentData(), ready.refine.moving.currentData())


def test_a_registration_is_one_move_whose_answer_is_told_against_where_it_began(ready, hand):
    hand.type(ready.placement.fields[0], "6")
    began = settled(ready, hand).value
    ready.refine.refine()
    hand.until(lambda: not ready.refiner.running and not ready.judge.running, "it is registered", 120)
    found = settled(ready, hand)
    assert found.change == found.value - began > 0
    ready.desk.undo()
    assert settled(ready, hand).change == began - found.value


def test_a_move_that_ends_before_its_last_answer_is_told_whole(ready, hand, monkeypatch):
    """A registration goes by way of one pose to another, and the reading of the first comes when the layer lies at its end already."""
    from volstudio.apps.studio.six import placed_by
    from volstudio.session.commands import Place

    began, desk, asked = settled(ready, hand), ready.desk, []
    layer = desk.session.scene.layer("epi")
    on_the_way, end = (placed_by(layer, desk.volumes(layer), (mm, 0, 0, 0, 0, 0)) for mm in (12.0, 6.0))
    monkeypatch.setattr(desk.worker, "start", lambda what, work, done, **_: asked.append(lambda: done(work(None))) or object())
    desk.set_preview("epi", on_the_way)
    hand.until(lambda: asked, "the pose on the way is asked about")
    desk.set_preview(None)
    desk.apply(Place("epi", end))
    asked.pop()()
    hand.until(lambda: asked, "the end is asked about")
    asked.pop()()
    reading = ready.likeness.reading
    assert reading.change == reading.value - began.value
    desk.undo()
    hand.until(lambda: asked, "the way back is asked about")
    asked.pop()()
    assert ready.likeness.reading.change == began.value - reading.value  # another move
