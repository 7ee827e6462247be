"""Keys and menus of the window, and the fields that keep letters for themselves."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.window


def matrix(window, name="epi"):
    return np.array(window.desk.session.scene.layer(name).placement.matrix)


def test_the_boxes_of_all_layers_are_one_undo_step(window, hand):
    before = window.desk.session.scene
    hand.key(window, "B")
    assert len({layer.box for layer in window.desk.session.scene.layers}) == 1
    assert window.desk.session.scene != before
    hand.key(window, "Ctrl+Z")
    assert window.desk.session.scene == before
    assert not window.desk.session.can_undo


def test_the_menu_says_what_would_be_undone(window, hand):
    window.desk.set_active("epi")
    hand.type(window.placement.fields[2], "4")
    assert window.actions_by_name["undo"].text() == "Undo move epi"
    assert "•" in window.windowTitle()


@pytest.mark.parametrize(
    ("key", "changed"),
    [
        ("X", lambda w: w.desk.shown.convention == "radiological"),
        ("M", lambda w: w.desk.move_tool),
        ("C", lambda w: not w.desk.shown.show_crosshair),
        ("S", lambda w: not w.desk.shown.layer("epi").look.visible),
        ("D", lambda w: w.desk.shown.layer("epi").look.opacity < 0.5),
        ("[", lambda w: w.desk.active == "解剖"),
        ("B", lambda w: not w.desk.shown.layer("epi").box),
        ("Ctrl+3", lambda w: w.desk.shown.view == "axial"),
        ("PgUp", lambda w: w.desk.shown.crosshair is not None),
        ("Del", lambda w: w.desk.shown.names == ("解剖",)),
    ],
)
def test_keys(window, hand, key, changed):
    window.desk.set_active("epi")
    assert not changed(window)
    hand.key(window, key)
    assert changed(window)


def test_undo_by_key_works_from_the_field_that_was_just_filled(window, hand):
    field = window.placement.fields[0]
    hand.type(field, "5")
    assert window.focusWidget() in window.panes.values()
    field.setFocus()
    hand.key(field, "Ctrl+Z")
    assert matrix(window)[0, 3] == 0.0
    hand.key(field, "Ctrl+Shift+Z")
    assert matrix(window)[0, 3] == 5.0


def test_letters_typed_into_a_field_are_no_commands(window, hand):
    from PySide6.QtTest import QTest

    field = window.placement.fields[0]
    field.setFocus()
    QTest.keyClicks(field, "s1e1x")
    assert window.desk.shown.layer("epi").look.visible
    assert window.desk.shown.convention == "neurological"


def test_the_menus_open_by_alt_and_their_letter(window):
    letters = [action.text().partition("&")[2][:1] for action in window.menuBar().actions()]
    assert "" not in letters
    assert len(set(letters)) == len(letters)
