"""A table of commands becomes actions: by menu, by key, with what is told to the person."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.window


@pytest.fixture
def built(app, hand):
    """A bare window with a few commands, what they did, and what was told."""
    from PySide6.QtWidgets import QMainWindow

    from volstudio.apps.studio.actions import Entry, build_actions, fill_menus

    did = []

    def guard(slot):
        def call(*arguments):
            did.append("guarded")
            slot(*arguments)

        return call

    entries = (
        Entry("save", "File", "&Save session…", ("Ctrl+S", "F3"), lambda: did.append("save")),
        Entry("", "File", "-"),
        Entry("header", "File/Export", "&Header…", (), lambda: did.append("header")),
        Entry("grid", "View", "Grid", ("G",), lambda on: did.append(("grid", on)), checkable=True),
        Entry("quad", "View", "Four panes", ("1",), lambda on: did.append(("quad", on)), checkable=True, group="layout"),
        Entry("axial", "View", "Axial", ("2",), lambda on: did.append(("axial", on)), checkable=True, group="layout"),
        Entry("next", "", "Next slice", ("PgUp",), lambda: did.append("next")),
    )
    window = QMainWindow()
    actions = build_actions(window, entries, guard)
    fill_menus(window.menuBar(), entries, actions)
    window.show()
    window.activateWindow()
    hand.until(window.isActiveWindow, "the window is active")
    yield window, actions, did
    window.close()
    window.deleteLater()


def test_every_key_of_a_command_does_it_once_and_under_guard(built, hand):
    window, _, did = built
    for key in ("Ctrl+S", "F3", "PgUp"):
        hand.key(window, key)
    assert did == ["guarded", "save", "guarded", "save", "guarded", "next"]


def test_a_switch_is_told_its_new_state_and_one_of_a_group_puts_the_others_out(built, hand):
    window, actions, did = built
    hand.key(window, "G")
    hand.key(window, "G")
    assert [each for each in did if each != "guarded"] == [("grid", True), ("grid", False)]
    hand.key(window, "1")
    hand.key(window, "2")
    assert (actions["quad"].isChecked(), actions["axial"].isChecked()) == (False, True)
    assert not actions["grid"].isChecked()


def test_the_menus_stand_in_the_order_of_the_table_with_their_lines(built):
    window, *_ = built
    top = window.menuBar().actions()
    assert [action.text() for action in top] == ["&File", "&View"]
    file = top[0].menu().actions()
    assert [action.text() if not action.isSeparator() else "-" for action in file] == ["&Save session…", "-", "&Export"]
    assert [action.text() for action in file[2].menu().actions()] == ["&Header…"]


def test_a_tip_is_the_plain_words_and_the_first_key(built):
    _, actions, _ = built
    assert actions["save"].toolTip() == "Save session (Ctrl+S)"
    assert actions["header"].toolTip() == "Header"


def test_no_key_of_the_window_stands_for_two_commands(window):
    """Qt does nothing at all for a key that is ambiguous."""
    keys = [key for entry in window.entries for key in entry.keys]
    assert len(set(keys)) == len(keys)
