"""The eye of the 3D pane after a way of the mouse, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window's extra, or a library it needs, is not installed", exc_type=ImportError)

from volstudio.apps.studio.camera import SIDES, TURN_DEG, panned, turned, zoomed
from volstudio.scene.model import Camera

SIZE = (400, 300)
FRONT = Camera((10.0, 510.0, 5.0), (10.0, 10.0, 5.0), (0.0, 0.0, 1.0), 30.0)  # 500 mm before the face
FLAT = Camera((10.0, 510.0, 5.0), (10.0, 10.0, 5.0), (0.0, 0.0, 1.0), 30.0, 80.0)


def arm(camera: Camera) -> np.ndarray:
    return np.subtract(camera.position, camera.focal_point)


def test_a_way_across_the_smaller_side_turns_by_a_fixed_angle_about_the_vertical():
    part = 45.0 / TURN_DEG * min(SIZE)  # pixels of 45 degrees
    eye = turned(FRONT, (part, 0), SIZE)
    # The scene's front follows the hand to the right, so that the eye goes to the patient's right.
    assert arm(eye) == pytest.approx((500 * np.sqrt(0.5), 500 * np.sqrt(0.5), 0), abs=1e-9)
    assert eye.focal_point == pytest.approx(FRONT.focal_point)
    assert eye.view_up == pytest.approx((0, 0, 1), abs=1e-9)


def test_dragging_down_shows_the_top_of_the_head():
    part = 30.0 / TURN_DEG * min(SIZE)
    eye = turned(FRONT, (0, part), SIZE)
    assert arm(eye) == pytest.approx((0, 500 * np.cos(np.pi / 6), 250), abs=1e-9)


def test_over_the_pole_the_scene_goes_on_turning_and_the_way_back_leads_back():
    eye = FRONT
    for _ in range(12):
        eye = turned(eye, (0, 20), SIZE)
    assert arm(eye)[1] < 0  # behind the head by now
    for _ in range(12):
        eye = turned(eye, (0, -20), SIZE)
    assert eye.position == pytest.approx(FRONT.position, abs=1e-6)
    assert eye.view_up == pytest.approx(FRONT.view_up, abs=1e-9)


@pytest.mark.parametrize(("camera", "height"), [(FRONT, 2 * 500 * np.tan(np.radians(15))), (FLAT, 160.0)])
def test_panning_shifts_by_pixels_times_mm_at_the_focal_point(camera, height):
    mm = height / SIZE[1]
    eye = panned(camera, (30, -20), SIZE)
    # From the front the screen's right is the patient's left, -x; the scene goes with the hand, so that the eye goes against it.
    step = np.array([30 * mm, 0, -20 * mm])
    assert np.subtract(eye.position, camera.position) == pytest.approx(step, abs=1e-9)
    assert np.subtract(eye.focal_point, camera.focal_point) == pytest.approx(step, abs=1e-9)


def test_zooming_brings_the_eye_nearer_or_the_scene_larger():
    assert arm(zoomed(FRONT, 2.0)) == pytest.approx((0, 250, 0))
    flat = zoomed(FLAT, 2.0)
    assert flat.parallel_scale == pytest.approx(40)
    assert flat.position == pytest.approx(FLAT.position)
    assert arm(zoomed(zoomed(FRONT, 1.3), 1 / 1.3)) == pytest.approx(arm(FRONT))


def test_the_sides_are_the_patients():
    """RAS+: x to the right, y to the front, z up."""
    assert {name: side for name, side in SIDES.items() if name != "corner"} == {
        "right": (1, 0, 0),
        "left": (-1, 0, 0),
        "anterior": (0, 1, 0),
        "posterior": (0, -1, 0),
        "superior": (0, 0, 1),
        "inferior": (0, 0, -1),
    }
