"""A drag of a handle: pixels times mm become one undo step, or none."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window's extra, or a library it needs, is not installed", exc_type=ImportError)

from volstudio.apps.studio.gestures import GIZMO_RADIUS, LayerDrag, gizmo_of, pivot_of
from volstudio.rendering.planes import SliceView
from volstudio.scene.model import Look
from volstudio.session.commands import SetLook, SetPivot
from volstudio.session.session import Session
from volstudio.tasks.open import open_scene

VIEW = SliceView("axial", (0.0, 0.0, 0.0), 200.0, (400, 400))  # half a millimetre per pixel


@pytest.fixture
def desk(app, scans):
    from volstudio.apps.studio.desk import Desk

    desk = Desk(Session(open_scene([str(scans["anatomy"]), str(scans["epi"])])))
    desk.set_active("epi")
    desk.set_move_tool(True)
    yield desk
    desk.close()


def matrix(desk):
    return np.array(desk.session.scene.layer("epi").placement.matrix)


def grabbed(desk, handle):
    """A drag of a handle, and the pixel it was grabbed at."""
    gizmo = gizmo_of(desk, 1.0)
    line = next(one for one in gizmo.handles(VIEW) if one.name == handle).line
    pixel = VIEW.project(line).mean(axis=0)
    drag = LayerDrag.begin(desk, gizmo, VIEW, pixel)
    assert drag.handle == handle
    return drag, pixel


def test_there_are_handles_only_while_there_is_something_to_move(desk):
    assert gizmo_of(desk, 1.0) is not None
    desk.apply(SetLook("epi", Look(visible=False)))
    assert gizmo_of(desk, 1.0) is None
    desk.undo()
    desk.set_move_tool(False)
    assert gizmo_of(desk, 1.0) is None


def test_the_gizmo_lies_on_the_layers_pivot_and_is_as_large_on_every_screen(desk):
    layer = desk.active_layer
    centre = desk.volumes(layer).grid.centre
    assert pivot_of(layer, desk.volumes(layer)) == pytest.approx(centre)
    assert gizmo_of(desk, 2.0).size == 2 * GIZMO_RADIUS
    drag, pixel = grabbed(desk, "move-right")
    drag.to(VIEW, pixel + np.array([40, 0]), snap=False)
    assert gizmo_of(desk, 1.0).pivot == pytest.approx(centre + np.array([20, 0, 0]))
    desk.apply(SetPivot("epi", (1.0, 2.0, 3.0)))
    assert gizmo_of(desk, 1.0).pivot == pytest.approx([21, 2, 3])


def test_a_drag_of_many_steps_moves_by_pixels_times_mm_and_is_one_undo_step(desk):
    before = matrix(desk)
    drag, pixel = grabbed(desk, "move-up")
    for step in range(1, 31):
        drag.to(VIEW, pixel - [0, step], snap=False)
    assert matrix(desk)[:3, 3] - before[:3, 3] == pytest.approx([0, 15, 0], abs=1e-9)
    assert drag.scene_before().layer("epi").placement.matrix == tuple(map(tuple, before))
    desk.undo()
    assert np.array_equal(matrix(desk), before)
    assert not desk.session.can_undo


def test_a_hand_that_only_grabs_leaves_no_step(desk):
    drag, pixel = grabbed(desk, "free")
    drag.to(VIEW, pixel, snap=False)
    assert not desk.session.can_undo
    drag.to(VIEW, pixel + np.array([4, 0]), snap=False)
    drag.to(VIEW, pixel, snap=False)  # back again: that is a way, and its end counts
    assert matrix(desk) == pytest.approx(np.eye(4))
    assert desk.session.scene.layer("epi").placement.made_by == "hand"


def test_a_drag_that_is_taken_back_is_in_no_history(desk):
    before = desk.session.scene
    drag, pixel = grabbed(desk, "move-right")
    drag.to(VIEW, pixel + np.array([25, 0]), snap=False)
    drag.cancel()
    assert desk.session.scene == before
    assert not desk.session.can_undo
    assert not desk.session.can_redo


def test_beside_the_handles_nothing_is_grabbed(desk):
    assert LayerDrag.begin(desk, gizmo_of(desk, 1.0), VIEW, (3.0, 3.0)) is None
