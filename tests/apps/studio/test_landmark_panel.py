"""Landmarks in the window: marked under the crosshair, listed, named, removed, and fitted in one step that can be undone."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.window

STILL = "解剖"
PLACES = ((20.0, -10.0, 5.0), (-15.0, 12.0, 8.0), (4.0, 25.0, -14.0), (-8.0, -20.0, 18.0))
OFF = np.array((6.0, -4.0, 9.0))  # the EPI's marks lie so far from the anatomy's


def mark(window, hand, layer, place):
    """Put the crosshair somewhere, take a layer at hand, and press L."""
    from volstudio.session.commands import SetCrosshair

    window.desk.set_active(layer)
    window.desk.apply(SetCrosshair(tuple(map(float, place))))
    hand.key(window, "L")


def mark_all(window, hand, count=4):
    for place in PLACES[:count]:
        mark(window, hand, STILL, place)
    for place in PLACES[:count]:
        mark(window, hand, "epi", np.array(place) + OFF)


def rows(window):
    table = window.landmarks.list
    items = [table.topLevelItem(n) for n in range(table.topLevelItemCount())]
    return [tuple(item.text(column) for column in range(3)) for item in items]


def matrix(window, name="epi"):
    return np.array(window.desk.session.scene.layer(name).placement.matrix)


def choose(window, fixed=STILL, moving="epi"):
    for choice, name in ((window.refine.fixed, fixed), (window.refine.moving, moving)):
        choice.setCurrentIndex(choice.findData(name))
        choice.activated.emit(choice.currentIndex())


def test_it_is_not_there_until_there_is_something_to_list_and_then_seen(window, hand):
    panel = window.landmarks
    assert panel.isHidden()
    assert not window.actions_by_name["fit_landmarks"].isEnabled()
    mark(window, hand, "epi", (1, 2, 3))
    assert not panel.visibleRegion().isEmpty()  # the side panel has been scrolled to it
    assert rows(window) == [("1", "epi", "")]
    hand.key(window, "Ctrl+Z")
    assert panel.isHidden()


def test_four_pairs_are_marked_fitted_and_undone(window, hand):
    choose(window)
    before = matrix(window)
    mark_all(window, hand)
    assert [row[:2] for row in rows(window)] == [(str(n), f"{STILL}, epi") for n in range(1, 5)]
    assert {row[2] for row in rows(window)} == {f"{np.linalg.norm(OFF):.2f} mm"}
    assert "A fit of 4 pairs leaves 0.00 mm" in window.landmarks.words.text()
    assert "Expected error at the crosshair: 0.00 mm." in window.landmarks.words.text()
    hand.key(window, "Ctrl+L")
    np.testing.assert_allclose(matrix(window)[:3, 3] - before[:3, 3], -OFF, atol=1e-9)
    assert {row[2] for row in rows(window)} == {"0.00 mm"}
    assert window.placement.origin.text() == "from landmarks"
    assert window.actions_by_name["undo"].text() == "Undo fit landmarks of epi"
    hand.key(window, "Ctrl+Z")
    np.testing.assert_array_equal(matrix(window), before)
    assert {row[2] for row in rows(window)} == {f"{np.linalg.norm(OFF):.2f} mm"}
    hand.key(window, "Ctrl+Shift+Z")
    assert {row[2] for row in rows(window)} == {"0.00 mm"}


def test_a_fit_needs_three_pairs_of_the_chosen_layers(window, hand):
    choose(window)
    panel, action = window.landmarks, window.actions_by_name["fit_landmarks"]
    mark_all(window, hand, count=2)
    assert not panel.fit.isEnabled()
    assert not action.isEnabled()
    assert panel.words.text() == f"Mark the same places on {STILL} and epi: 2 of at least 3 pairs."
    mark(window, hand, STILL, PLACES[2])
    assert not action.isEnabled()
    mark(window, hand, "epi", PLACES[2])
    assert panel.fit.isEnabled()
    assert action.isEnabled()
    assert "A fourth pair would tell the error to expect." in panel.words.text()
    choose(window, fixed="epi", moving="epi")
    hand.settle()
    assert not panel.fit.isEnabled()
    assert not action.isEnabled()


def test_the_button_moves_whichever_layer_is_chosen(window, hand):
    choose(window, fixed="epi", moving=STILL)
    mark_all(window, hand, count=3)
    window.landmarks.fit.click()
    hand.settle()
    np.testing.assert_allclose(matrix(window, STILL)[:3, 3], OFF, atol=1e-9)


def test_a_click_in_the_list_leads_to_the_landmark(window, hand):
    mark_all(window, hand, count=2)
    table = window.landmarks.list
    window.desk.set_active("epi")
    hand.settle()
    middle = table.visualItemRect(table.topLevelItem(0)).center()
    hand.click(table.viewport(), (middle.x(), middle.y()))
    np.testing.assert_allclose(window.desk.session.scene.crosshair, np.array(PLACES[0]) + OFF, atol=1e-9)
    window.desk.set_active(STILL)
    middle = table.visualItemRect(table.topLevelItem(1)).center()
    hand.click(table.viewport(), (middle.x(), middle.y()))
    np.testing.assert_allclose(window.desk.session.scene.crosshair, PLACES[1], atol=1e-9)


def test_one_is_removed_and_marked_again(window, hand):
    mark_all(window, hand, count=3)
    table, panel = window.landmarks.list, window.landmarks
    window.desk.set_active("epi")
    table.setCurrentItem(table.topLevelItem(1))
    panel.remove.click()
    hand.settle()
    assert rows(window)[1][:2] == ("2", STILL)
    mark(window, hand, "epi", (0, 0, 0))
    assert rows(window)[1][:2] == ("2", f"{STILL}, epi")
    window.desk.undo()
    window.desk.undo()
    hand.settle()
    assert [row[1] for row in rows(window)] == [f"{STILL}, epi"] * 3


def test_a_landmark_is_renamed_on_both_layers_and_no_name_is_taken_twice(window, hand):
    mark_all(window, hand, count=2)
    table = window.landmarks.list

    def rename(row, text):
        from PySide6.QtWidgets import QLineEdit

        table.setCurrentItem(table.topLevelItem(row))
        table.editItem(table.topLevelItem(row), 0)
        hand.settle()
        hand.type(table.findChild(QLineEdit), text)
        hand.settle()

    rename(0, "nasion")
    assert [row[0] for row in rows(window)] == ["nasion", "2"]
    assert {each.layer for each in window.desk.session.scene.landmarks if each.name == "nasion"} == {STILL, "epi"}
    rename(1, "nasion")
    assert [row[0] for row in rows(window)] == ["nasion", "2"]
    assert "two landmarks called 'nasion'" in window.messages.messages[-1].text
    rename(1, "  ")
    assert [row[0] for row in rows(window)] == ["nasion", "2"]


def test_a_scene_with_landmarks_lists_them(open_window, scans, tmp_path, hand):
    from msgspec.structs import replace

    from volstudio.scene.model import Landmark
    from volstudio.tasks.open import open_scene
    from volstudio.tasks.save import save_session

    scene = replace(open_scene([str(scans["anatomy"]), str(scans["epi"])]), landmarks=(Landmark("vertex", "epi", (1.0, 2.0, 3.0)),))
    save_session(scene, tmp_path / "marked.toml")
    window = open_window(tmp_path / "marked.toml")
    hand.settle()
    assert not window.landmarks.isHidden()
    assert rows(window) == [("vertex", "epi", "")]
