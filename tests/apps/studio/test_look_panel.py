"""Colours, window and time point of the layer at hand."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.window


def test_the_look_panel_edits_the_layer_at_hand(window, hand):
    window.desk.set_active("epi")
    look = window.look
    look.opacity.setValue(30)
    hand.type(look.low, "50")
    look.colours.setCurrentIndex(look.colours.findData("viridis"))
    look.colours.activated.emit(0)
    shown = window.desk.session.scene.layer("epi").look
    assert (shown.opacity, shown.colourmap, shown.window[0]) == (0.3, "viridis", 50.0)
    hand.type(look.low, "")
    assert window.desk.session.scene.layer("epi").look.window is None


def test_without_a_layer_the_look_panel_shows_no_numbers(window, hand):
    look = window.look
    shown = look.low.text(), look.percent.text(), look.colours.currentText()
    assert all(shown)
    for _ in range(2):
        hand.key(window, "Del")
    assert not look.opacity.isEnabled()
    assert (look.low.text(), look.percent.text(), look.colours.currentText(), look.volume.isChecked()) == ("", "", "", False)
    for _ in range(2):
        hand.key(window, "Ctrl+Z")
    window.desk.set_active("epi")
    assert (look.low.text(), look.percent.text(), look.colours.currentText()) == shown


def test_dragging_the_end_of_the_window_is_one_undo_step(window, hand):
    window.desk.set_active("epi")
    bar = window.look.bar
    before = window.desk.session.scene.layer("epi").look
    x = bar._x(bar._high)
    hand.drag(bar, (x, 20), (x - 40, 20))
    _, high = window.desk.session.scene.layer("epi").look.window
    assert high < float(window.look.bar._counts.high)
    assert high == pytest.approx(bar._value(x - 40) - bar._value(x) + _high_before(window, before), rel=0.02)
    hand.key(window, "Ctrl+Z")
    assert window.desk.session.scene.layer("epi").look == before
    assert not window.desk.session.can_undo


def _high_before(window, look):
    from msgspec.structs import replace

    from volstudio.rendering.compositor import window_of

    layer = window.desk.session.scene.layer("epi")
    return window_of(replace(layer, look=look), window.desk.volumes(layer))[1]


def test_time_points_of_a_series_are_shown(open_window, hand, scans):
    window = open_window(scans["series"], view="axial")
    pane = window.slice_panes["axial"]
    first = pane.picture.copy()
    assert window.look.time.isVisible()
    window.look.time.setValue(4)
    hand.until(lambda: not np.array_equal(pane.picture, first), "another time point is drawn")
    assert window.desk.session.scene.layer("bold").time == 4
