"""Six numbers about a pivot."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.window


def matrix(window, name="epi"):
    return np.array(window.desk.session.scene.layer(name).placement.matrix)


def test_the_six_fields_place_the_layer_about_its_pivot(window, hand):
    from volstudio.geometry.rigid import RigidTransform

    window.desk.set_active("epi")
    layer = window.desk.session.scene.layer("epi")
    centre = window.desk.volumes(layer).grid.centre
    for field, text in zip(window.placement.fields, ("1", "-2", "3", "10", "-5", "2.5"), strict=True):
        hand.type(field, text)
    expected = RigidTransform.from_six((1, -2, 3, *np.radians([10, -5, 2.5])), centre).matrix
    assert np.abs(matrix(window) - expected).max() < 1e-9
    assert [round(field.value, 6) for field in window.placement.fields] == [1, -2, 3, 10, -5, 2.5]


def test_another_pivot_keeps_the_layer_where_it_is(window, hand):
    window.desk.set_active("epi")
    hand.type(window.placement.fields[3], "8")
    before = matrix(window)
    numbers = [field.value for field in window.placement.fields]
    window.placement.pivot.setCurrentIndex(window.placement.pivot.findData("origin"))
    window.placement.pivot.activated.emit(0)
    hand.settle()
    assert window.desk.session.scene.layer("epi").placement.pivot == (0.0, 0.0, 0.0)
    assert np.array_equal(matrix(window), before)
    assert [field.value for field in window.placement.fields][:3] != numbers[:3]


def test_a_pivot_taken_from_the_crosshair_is_a_point_of_its_own(window, hand):
    from volstudio.session.commands import SetCrosshair

    window.desk.set_active("epi")
    panel = window.placement
    window.desk.apply(SetCrosshair((4.0, 5.0, 6.0)))
    panel.pivot.setCurrentIndex(panel.pivot.findData("crosshair"))
    panel.pivot.activated.emit(panel.pivot.currentIndex())
    window.desk.apply(SetCrosshair((0.0, 0.0, 9.0)))
    hand.settle()
    assert panel.pivot.currentText() == "Custom point"
    assert [field.text() for field in panel.points] == ["4.0", "5.0", "6.0"]
    assert panel.point_word.isVisible()
    assert window.desk.session.scene.layer("epi").placement.pivot == (4.0, 5.0, 6.0)


def test_reset_goes_back_to_the_header(window, hand):
    window.desk.set_active("epi")
    hand.type(window.placement.fields[1], "12")
    hand.key(window, "Ctrl+Backspace")
    assert np.array_equal(matrix(window), np.eye(4))
    assert window.desk.session.scene.layer("epi").placement.made_by == "header"
