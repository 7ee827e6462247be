"""The mouse in the 3D pane, with real events."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window's extra, or a library it needs, is not installed", exc_type=ImportError)

from PySide6.QtCore import Qt

from volstudio.apps.studio.gestures import gizmo_of
from volstudio.apps.studio.pointing import Pointer
from volstudio.rendering.camera import camera_of
from volstudio.rendering.planes import content_box, crosshair_of

pytestmark = [pytest.mark.window, pytest.mark.gl]


@pytest.fixture
def window3d(open_window, scans, hand):
    window = open_window(scans["anatomy"], scans["epi"], view="3d")
    drawn(window, hand)
    return window


def drawn(window, hand):
    """Wait until the pane shows what the desk shows."""
    pane = window.scene_pane
    hand.until(lambda: pane._set_up and pane._synced is window.desk.shown and not pane._frame.isActive(), "the 3D pane is drawn")


def matrix(window, name="epi"):
    return np.array(window.desk.session.scene.layer(name).placement.matrix)


def middle(pane):
    return (pane.width() // 2, pane.height() // 2)


def test_left_drag_turns_and_keeps_the_distance(window3d, hand):
    pane = window3d.scene_pane
    before = camera_of(pane.renderer)
    x, y = middle(pane)
    hand.drag(pane, (x, y), (x + 80, y))
    after = window3d.desk.shown.camera
    arms = [np.subtract(camera.position, camera.focal_point) for camera in (before, after)]
    assert np.linalg.norm(arms[0]) == pytest.approx(np.linalg.norm(arms[1]))
    assert np.degrees(np.arccos(arms[0] @ arms[1] / np.linalg.norm(arms[0]) ** 2)) > 5
    assert after.focal_point == pytest.approx(before.focal_point)
    assert not window3d.desk.session.can_undo


def test_a_pane_made_narrow_still_shows_everything_until_a_person_has_turned_it(window3d, hand):
    pane = window3d.scene_pane
    corners = content_box(window3d.desk.shown, window3d.desk.volumes)
    window3d.resize(1000, 940)
    pane.setFixedWidth(240)
    hand.until(lambda: pane.width() == 240 and not pane._resized, "the pane is narrow")
    x, y = pane.rays.project(corners).T
    assert x.min() > 0
    assert x.max() < pane.width()
    assert y.min() > 0
    assert y.max() < pane.height()
    middle_of_all = camera_of(pane.renderer).focal_point
    hand.type(window3d.placement.fields[0], "200")
    drawn(window3d, hand)
    pane.setFixedWidth(260)
    hand.until(lambda: pane.width() == 260 and not pane._resized, "the pane is a little wider")
    assert camera_of(pane.renderer).focal_point == pytest.approx(middle_of_all)  # a layer that goes is watched as it goes
    hand.drag(pane, (100, 100), (130, 100))
    drawn(window3d, hand)
    eye = window3d.desk.shown.camera
    pane.setFixedWidth(300)
    hand.until(lambda: pane.width() == 300 and not pane._resized, "the pane is wider")
    assert camera_of(pane.renderer).position == pytest.approx(eye.position)


@pytest.mark.parametrize(("button", "keys"), [("Middle", "No"), ("Left", "Shift")])
def test_panning_keeps_the_point_under_the_mouse(window3d, hand, button, keys):
    pane = window3d.scene_pane
    focus = np.array(camera_of(pane.renderer).focal_point)
    x, y = (float(value) for value in pane.rays.project(focus)[0])
    start = (round(x), round(y))
    hand.drag(pane, start, (start[0] + 50, start[1] - 30), button, keys)
    drawn(window3d, hand)
    assert pane.rays.project(focus)[0] - (x, y) == pytest.approx((50, -30), abs=0.2)


def test_the_wheel_brings_nearer(window3d, hand):
    pane = window3d.scene_pane
    before = camera_of(pane.renderer)
    hand.wheel(pane, middle(pane), 2)
    after = window3d.desk.shown.camera
    distances = [np.linalg.norm(np.subtract(camera.position, camera.focal_point)) for camera in (before, after)]
    assert distances[0] / distances[1] == pytest.approx(1.15**2)


def test_a_click_puts_the_crosshair_on_the_line_of_sight(window3d, hand):
    pane = window3d.scene_pane
    pixel = (middle(pane)[0] + 12, middle(pane)[1] - 9)
    origin, direction = pane.rays.ray(pixel)
    hand.click(pane, pixel)
    point = np.array(window3d.desk.session.scene.crosshair)
    assert np.linalg.norm(np.cross(point - origin, direction)) < 1e-6


def test_dragging_an_arrow_in_3d_keeps_the_grip_under_the_mouse(window3d, hand):
    window3d.desk.set_move_tool(True)
    window3d.desk.set_active("epi")
    drawn(window3d, hand)
    pane = window3d.scene_pane
    rays, gizmo = pane.rays, gizmo_of(window3d.desk, 1.0)
    handle = next(handle for handle in gizmo.handles(rays) if handle.name == "move-x")
    tip = handle.line[-1]
    start = tuple(float(value) for value in np.round(rays.project(tip)[0]))
    before = matrix(window3d)
    end = (start[0] - 40, start[1] + 10)
    expected = gizmo.press(rays, start).to(rays, end) @ before
    hand.drag(pane, start, end)
    assert np.abs(matrix(window3d) - expected).max() < 1e-6
    moved = (matrix(window3d) @ np.linalg.inv(before))[:3, 3]
    assert abs(moved[0]) > 1
    assert np.abs(moved[1:]).max() < 1e-9
    window3d.desk.undo()
    assert np.array_equal(matrix(window3d), before)


@pytest.mark.parametrize("steps", [0, 4])
def test_after_a_drag_was_taken_back_the_held_button_does_nothing(window3d, hand, steps):
    window3d.desk.set_move_tool(True)
    window3d.desk.set_active("epi")
    drawn(window3d, hand)
    pane = window3d.scene_pane
    rays, gizmo = pane.rays, gizmo_of(window3d.desk, 1.0)
    handle = next(handle for handle in gizmo.handles(rays) if handle.name == "move-x")
    x, y = (round(float(value)) for value in rays.project(handle.line[-1])[0])
    before = window3d.desk.session.scene
    hand.press(pane, (x, y))
    for step in range(steps):
        hand.move(pane, (x - 5 * step, y))
    hand.key(window3d, "Esc")
    for step in range(steps):
        hand.move(pane, (x - 20, y - 15 * step))
    hand.release(pane, (x - 20 if steps else x, y))
    assert window3d.desk.session.scene == before


@pytest.mark.parametrize(("key", "axis", "sign"), [("1", 1, 1), ("3", 0, -1), ("5", 2, 1)])
def test_number_keys_look_from_the_sides(window3d, hand, key, axis, sign):
    hand.key(window3d, key)
    camera = window3d.desk.shown.camera
    arm = np.subtract(camera.position, camera.focal_point)
    assert np.abs(arm).argmax() == axis
    assert np.sign(arm[axis]) == sign
    assert np.abs(np.delete(arm, axis)).max() < 1e-6 * abs(arm[axis])


def test_cutting_at_the_crosshair_faces_the_eye(window3d, hand):
    hand.key(window3d, "K")
    (clip,) = window3d.desk.shown.clips
    assert clip.origin == pytest.approx(crosshair_of(window3d.desk.shown, window3d.desk.volumes))
    assert np.array(clip.normal) @ window3d.scene_pane.rays.direction == pytest.approx(1)
    hand.key(window3d, "K")
    assert window3d.desk.shown.clips == ()


def test_while_a_job_runs_no_fine_frame_holds_the_window_up(window3d, hand):
    import threading

    pane, go_on = window3d.scene_pane, threading.Event()
    pane.draw()
    window3d.desk.worker.start("waiting", lambda _progress: go_on.wait(20), lambda _: None)
    assert pane._rest.isActive()
    coarse = pane._step
    pane._refine_picture()
    assert pane._step == coarse
    go_on.set()
    hand.until(lambda: pane._step > coarse, "the fine frame comes after the job")


def test_where_frames_are_slow_those_of_a_move_are_coarser_until_they_are_quick_again(window3d, monkeypatch):
    """The window answers Cancel between two of them."""
    from volstudio.apps.studio import scene_pane

    pane, details, now, takes = window3d.scene_pane, [], [0.0], [0.02, 0.3, 0.15, 0.05, 0.05]
    pane._frame_ms = [0.0] * len(pane._frame_ms)
    monkeypatch.setattr(pane, "render_now", lambda: now.append(now[-1] + takes.pop(0)))
    monkeypatch.setattr(scene_pane.time, "perf_counter", lambda: now[-1])
    real = pane.view.volume_actor.set_detail
    monkeypatch.setattr(type(pane.view.volume_actor), "set_detail", lambda _, **how: (details.append(how["pixels"]), real(**how)))
    for _ in range(3):  # the second takes long, and is still drawn as finely as the first
        pane.draw()
    assert details[0] == details[1] < details[2]
    monkeypatch.setattr(type(pane._desk.worker), "busy", ())
    pane._refine_picture()
    pane.draw()
    assert details[3] == details[4] == details[0]


def test_events_never_render_by_themselves(window3d, hand):
    pane = window3d.scene_pane
    x, y = middle(pane)
    pane.pressed.emit(Pointer((x, y), Qt.MouseButton.MiddleButton))
    rendered = []
    pane.render_now = lambda: rendered.append(1)
    for step in range(1, 51):
        pane.dragged.emit(Pointer((x + step, y), Qt.MouseButton.MiddleButton, moved=True))
    assert rendered == []
    hand.until(lambda: rendered, "a frame is drawn")
    assert len(rendered) == 1
