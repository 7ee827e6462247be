"""The mouse in a slice pane, with real events, against what the geometry predicts."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window's extra, or a library it needs, is not installed", exc_type=ImportError)

from volstudio.apps.studio.gestures import gizmo_of
from volstudio.rendering.planes import crosshair_of

pytestmark = pytest.mark.window


def crosshair(window):
    return np.array(crosshair_of(window.desk.shown, window.desk.volumes))


def matrix(window, name="epi"):
    return np.array(window.desk.session.scene.layer(name).placement.matrix)


def handle_pixel(window, pane, name):
    """A pixel in the middle of a handle's line, as a whole number."""
    gizmo = gizmo_of(window.desk, pane.devicePixelRatioF())
    handle = next(handle for handle in gizmo.handles(pane.view) if handle.name == name)
    points = pane.view.project(handle.line)
    spot = points[len(points) // 8] if handle.kind == "roll" else points.mean(axis=0)
    return tuple(float(value) for value in np.round(spot))


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_a_click_puts_the_crosshair_under_the_mouse(window, hand, plane):
    pane = window.slice_panes[plane]
    before = crosshair(window)
    pixel = (pane.width() // 2 + 31, pane.height() // 2 - 17)
    predicted = pane.view.to_scene(pixel)
    hand.click(pane, pixel)
    assert np.abs(crosshair(window) - predicted).max() < 1e-9
    assert abs((crosshair(window) - before) @ pane.view.normal) < 1e-9


def test_a_click_in_one_pane_moves_the_slices_of_the_others(window, hand):
    axial, coronal = window.slice_panes["axial"], window.slice_panes["coronal"]
    shown = coronal.picture.copy()
    pixel = (axial.width() // 2, axial.height() // 2 - 60)
    y = float(axial.view.to_scene(pixel)[1])
    hand.click(axial, pixel)
    hand.until(lambda: not np.array_equal(coronal.picture, shown), "the coronal pane shows another slice")
    assert coronal.view.centre[1] == pytest.approx(y, abs=1e-9)


def test_what_is_on_the_screen_is_the_picture_pixel_for_pixel(window, hand):
    pane = window.slice_panes["axial"]
    hand.until(lambda: pane.picture.shape[:2] == pane.device_size[::-1], "the picture has the pane's size")
    hand.settle()
    corner, screen = pane.mapToGlobal(pane.rect().topLeft()), window.screen()
    grabbed = screen.grabWindow(0, corner.x(), corner.y(), pane.width(), pane.height()).toImage()
    image = grabbed.convertToFormat(grabbed.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    seen = rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3)
    assert np.abs(seen.astype(int) - pane.picture.astype(int)).max() <= 1


def test_the_wheel_goes_one_voxel_of_the_layer_at_hand(window, hand):
    pane = window.slice_panes["axial"]
    before = crosshair(window)
    hand.wheel(pane, (40, 40), 2)
    assert crosshair(window) - before == pytest.approx((0, 0, 2 * 6.0), abs=1e-5)  # a header holds float32; the EPI's voxels are 6 mm


def test_ctrl_wheel_zooms_about_the_mouse(window, hand):
    pane = window.slice_panes["coronal"]
    pixel = (pane.width() // 2 + 50, pane.height() // 2 + 20)
    fixed, size = pane.view.to_scene(pixel), pane.view.pixel_mm
    hand.wheel(pane, pixel, 3, "Control")
    assert pane.view.pixel_mm == pytest.approx(size / 1.15**3)
    assert np.abs(pane.view.to_scene(pixel) - fixed).max() < 1e-9


def test_right_drag_zooms_and_middle_drag_pans(window, hand):
    pane = window.slice_panes["axial"]
    at = (pane.width() // 2, pane.height() // 2)
    size = pane.view.pixel_mm
    hand.drag(pane, at, (at[0], at[1] - 60), "Right")
    assert pane.view.pixel_mm < size
    grabbed = pane.view.to_scene(at)
    hand.drag(pane, at, (at[0] + 25, at[1] - 40), "Middle")
    assert np.abs(pane.view.to_scene((at[0] + 25, at[1] - 40)) - grabbed).max() < 1e-9


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
@pytest.mark.parametrize(("handle", "axis"), [("move-right", 0), ("move-up", 1)])
def test_dragging_an_arrow_moves_the_layer_by_pixels_times_mm(window, hand, plane, handle, axis):
    window.desk.set_move_tool(True)
    window.desk.set_active("epi")
    pane = window.slice_panes[plane]
    start = handle_pixel(window, pane, handle)
    way = np.array([23.0, 0.0]) if axis == 0 else np.array([0.0, -19.0])
    view = pane.view
    predicted = np.eye(4)
    predicted[:3, 3] = (view.right, view.up)[axis] * np.abs(way).sum() * view.pixel_mm
    before = matrix(window)
    hand.drag(pane, start, tuple(np.array(start) + way))
    assert np.abs(matrix(window) - predicted @ before).max() < 1e-6
    assert window.desk.session.undo_text == "Move epi"
    window.desk.undo()
    assert np.array_equal(matrix(window), before)
    assert not window.desk.session.can_undo


def test_dragging_the_ring_turns_about_the_pivot(window, hand):
    window.desk.set_move_tool(True)
    pane = window.slice_panes["axial"]
    gizmo = gizmo_of(window.desk, 1.0)
    middle = pane.view.project(gizmo.pivot)[0]
    start = np.array(handle_pixel(window, pane, "roll"))
    end = np.round(middle + (start - middle) @ np.array([[0.0, -1.0], [1.0, 0.0]]) * 1.0)
    arms = start - middle, end - middle
    angle = np.arctan2(arms[0][0] * arms[1][1] - arms[0][1] * arms[1][0], arms[0] @ arms[1])
    before = matrix(window)
    hand.drag(pane, tuple(start), tuple(end))
    change = matrix(window) @ np.linalg.inv(before)
    turned = -angle  # rows of the picture run downwards
    expected = np.array([[np.cos(turned), -np.sin(turned), 0], [np.sin(turned), np.cos(turned), 0], [0, 0, 1]])
    assert np.abs(change[:3, :3] - expected).max() < 1e-6
    assert np.abs(change[:3, :3] @ gizmo.pivot + change[:3, 3] - gizmo.pivot).max() < 1e-6


def test_shift_snaps_to_whole_millimetres(window, hand):
    window.desk.set_move_tool(True)
    pane = window.slice_panes["axial"]
    start = handle_pixel(window, pane, "move-right")
    hand.drag(pane, start, (start[0] + 37, start[1]), keys="Shift")
    moved = matrix(window)[0, 3]
    assert moved == round(moved) != 0


@pytest.mark.parametrize("how", ["escape", "right button"])
def test_a_drag_can_be_taken_back(window, hand, how):
    window.desk.set_move_tool(True)
    pane = window.slice_panes["sagittal"]
    before = window.desk.session.scene.layer("epi").placement
    here = crosshair(window)
    start = handle_pixel(window, pane, "move-up")
    hand.press(pane, start)
    hand.move(pane, (start[0], start[1] - 30))
    assert window.desk.session.scene.layer("epi").placement != before
    if how == "escape":
        hand.key(window, "Esc")
    else:
        hand.press(pane, (start[0], start[1] - 30), "Right")
        hand.release(pane, (start[0], start[1] - 30), "Right")
    hand.move(pane, (start[0], start[1] - 60))
    hand.release(pane, (start[0], start[1] - 60))
    assert window.desk.session.scene.layer("epi").placement == before
    assert np.array_equal(crosshair(window), here)
    assert not window.desk.session.can_undo
    assert not window.desk.session.can_redo
    hand.click(pane, (start[0], start[1] - 60))
    assert not np.array_equal(crosshair(window), here)


def test_a_slow_pane_is_coarse_while_it_is_dragged_and_sharp_when_the_hand_rests(window, hand, monkeypatch):
    """The button still held: a person who stops to look sees all pixels, and nothing is drawn again and again."""
    from volstudio.apps.studio import slice_pane

    monkeypatch.setattr(slice_pane, "SLOW_S", -1.0)
    window.desk.set_move_tool(True)
    pane = window.slice_panes["axial"]
    start = handle_pixel(window, pane, "move-right")
    hand.settle()
    coarse = []
    pane.show_picture, real = (lambda rgb: (coarse.append(np.array_equal(rgb[0:-2:2], rgb[1:-1:2])), real(rgb))), pane.show_picture
    hand.press(pane, start)
    for step in range(1, 4):
        hand.move(pane, (start[0] + 5 * step, start[1]))
    hand.until(lambda: coarse and not coarse[-1], "all pixels are shown")
    assert any(coarse)
    assert not pane._frame.isActive()
    hand.release(pane, (start[0] + 15, start[1]))


def test_the_picture_does_not_creep_while_a_layer_is_dragged(window, hand):
    window.desk.set_move_tool(True)
    pane = window.slice_panes["axial"]
    view = pane.view
    start = handle_pixel(window, pane, "move-right")
    hand.drag(pane, start, (start[0] + 80, start[1]))
    assert pane.view == view


def test_double_click_shows_one_pane_alone_and_back(window, hand):
    pane = window.slice_panes["coronal"]
    hand.double_click(pane, (60, 60))
    assert window.desk.shown.view == "coronal"
    assert pane.isVisible()
    assert not window.slice_panes["axial"].isVisible()
    hand.double_click(pane, (60, 60))
    assert window.desk.shown.view == "ortho"
    assert window.slice_panes["axial"].isVisible()


def test_many_events_give_few_pictures(window, hand):
    pane = window.slice_panes["axial"]
    drawn = []
    pane.show_picture, real = (lambda rgb: (drawn.append(1), real(rgb))), pane.show_picture
    from volstudio.session.commands import SetCrosshair

    for step in range(200):
        window.desk.apply(SetCrosshair((float(step % 40), 0.0, 0.0)))
    hand.settle()
    assert 1 <= len(drawn) <= 3
