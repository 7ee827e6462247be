"""How the panes share the space."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.window


def seen(window):
    return {name for name, pane in window.panes.items() if pane.isVisible()}


def test_every_layout_shows_its_panes_in_equal_shares_without_a_gap_at_the_edge(window, hand):
    for view, names in (
        ("quad", {"axial", "coronal", "sagittal", "3d"}),
        ("ortho", {"axial", "coronal", "sagittal"}),
        ("coronal", {"coronal"}),
        ("3d", {"3d"}),
        ("quad", {"axial", "coronal", "sagittal", "3d"}),
    ):
        window.set_view(view)
        hand.settle()
        assert seen(window) == names
        shown = [window.panes[name] for name in names]
        assert max(pane.width() for pane in shown) - min(pane.width() for pane in shown) <= 1
        assert max(pane.height() for pane in shown) - min(pane.height() for pane in shown) <= 1
        whole = shown[0].geometry()
        for pane in shown:
            whole = whole.united(pane.geometry())
        assert whole == window.frame.rect()


def test_the_quad_is_laid_out_as_pictures_of_it_are(window, hand):
    window.set_view("quad")
    hand.settle()
    corner = {name: pane.pos().toTuple() for name, pane in window.panes.items()}
    assert corner["coronal"] == (0, 0)
    assert corner["axial"][0] == 0
    assert corner["sagittal"][1] == 0
    assert corner["3d"] == (corner["sagittal"][0], corner["axial"][1])


def test_from_one_pane_alone_the_way_leads_back_to_the_layout_before(window, hand):
    for before in ("quad", "ortho"):
        window.set_view(before)
        window.frame.toggle_single("sagittal")
        hand.settle()
        assert seen(window) == {"sagittal"}
        window.frame.toggle_single("sagittal")
        assert window.desk.shown.view == before


def test_between_panes_that_are_alone_the_layout_is_not_forgotten(window):
    window.set_view("ortho")
    window.frame.toggle_single("axial")
    window.set_view("coronal")
    window.frame.toggle_single("coronal")
    assert window.desk.shown.view == "ortho"
