"""The empty window: where to begin, and what is dropped on it."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.window


def test_an_empty_window_says_where_to_begin_and_opens_what_is_dropped(open_window, hand, scans):
    window = open_window()
    assert window.welcome.isVisible()
    hand.drop(window, scans["epi"], scans["anatomy"])
    hand.until(lambda: window.desk.shown.names == ("解剖", "epi"), "both scans are open")
    assert window.frame.isVisible()
    assert [layer.path for layer in window.desk.shown.layers] == [str(scans["anatomy"]), str(scans["epi"])]


def test_the_buttons_of_an_empty_window_have_room_for_their_words(open_window):
    from PySide6.QtGui import QFontMetrics
    from PySide6.QtWidgets import QPushButton

    window = open_window()
    for button in window.welcome.findChildren(QPushButton):
        bold = button.font()
        bold.setWeight(bold.Weight.DemiBold if button.property("primary") else bold.Weight.Normal)
        padding = 2 * 12 if not button.property("quiet") else 2 * 8
        assert button.width() >= QFontMetrics(bold).horizontalAdvance(button.text()) + padding
