"""Which layer is registered onto which, and what the panel says before it can be."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.window


def pair(window):
    return window.refine.fixed.currentData(), window.refine.moving.currentData()


@pytest.fixture
def three(window, hand, scans):
    window.documents.open_volumes([scans["series"]])
    hand.until(lambda: len(window.desk.session.scene.layers) == 3, "the series is open")
    return window


def choose(hand, choice, value):
    """Take a value by the keyboard, as a person does."""
    choice.setFocus()
    for _ in range(choice.count()):
        if choice.currentData() == value:
            return
        hand.key(choice, "Down" if choice.findData(value) > choice.currentIndex() else "Up")
    raise AssertionError(f"{value} is not offered")


def test_the_layer_at_hand_is_moved_onto_the_lowest(three):
    assert pair(three) == ("解剖", "bold")
    three.desk.set_active("epi")
    assert pair(three) == ("解剖", "epi")
    three.desk.set_active("解剖")  # what all others lie on is the last to be moved
    assert pair(three)[0] == "解剖"


def test_what_a_person_has_chosen_stays_whatever_layer_is_at_hand(three, hand):
    choose(hand, three.refine.fixed, "bold")
    choose(hand, three.refine.moving, "epi")
    three.desk.set_active("解剖")
    assert pair(three) == ("bold", "epi")
    three.desk.set_active("bold")
    three.layers.remove_active()
    assert pair(three) == ("解剖", "epi")  # until one of the two has gone


def test_a_layer_cannot_be_registered_to_itself_and_the_panel_says_so(window, hand):
    choose(hand, window.refine.fixed, window.refine.moving.currentData())
    assert window.refine.report.state.text() == "Choose two different layers."
    assert not window.refine.button.isEnabled()
    assert not window.refine.search.isEnabled()
    assert not window.refine.ask.isEnabled()
    window.refine.refine()  # by the key, which is not off
    assert not window.refiner.running


def test_another_pair_takes_the_old_result_away(three, hand):
    three.refine.report.show_words("Moved 3 mm")
    choose(hand, three.refine.fixed, "epi")
    assert three.refine.report.result.text() == ""


def test_a_kind_of_pair_is_explained_before_it_is_chosen(window):
    from PySide6.QtCore import Qt

    from volstudio.registration.presets import PRESETS

    kind = window.refine.kind
    assert [kind.itemData(row) for row in range(kind.count())] == ["", *PRESETS]
    assert all(kind.itemData(row, Qt.ItemDataRole.ToolTipRole) for row in range(1, kind.count()))


def test_discarding_an_offer_leaves_the_layer_and_the_keyboard_where_they_are_wanted(window, hand):
    window.desk.set_active("epi")
    hand.type(window.placement.fields[0], "5")
    window.refine.refine()
    hand.type(window.placement.fields[2], "1")
    hand.until(lambda: not window.refiner.running, "the registration has ended", 120)
    hand.settle()
    mine = window.desk.session.scene
    window.refine.leave.setFocus()
    hand.key(window.refine.leave, "Space")
    assert window.desk.session.scene == mine
    assert not window.refine.offer.isVisibleTo(window.refine)
    assert window.focusWidget() is window.refine.button
