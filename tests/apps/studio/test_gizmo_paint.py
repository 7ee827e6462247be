"""The handles on a slice picture: where the geometry has them, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.window

SIZE = 240


@pytest.fixture
def paint(app):
    from volstudio.apps.studio.gizmo_paint import paint_gizmo
    from volstudio.rendering.gizmo import Gizmo
    from volstudio.rendering.planes import SliceView

    view = SliceView("axial", (0.0, 0.0, 0.0), float(SIZE), (SIZE, SIZE))  # a millimetre per pixel

    def painted(pivot=(0.0, 0.0, 0.0), *, hot=None, held=False, scale=1.0, size=70.0):
        picture = np.zeros((SIZE, SIZE, 3), dtype=np.uint8)
        paint_gizmo(picture, Gizmo(pivot, size=size), view, hot=hot, held=held, scale=scale)
        return picture.astype(int)

    return painted


def brightness(picture):
    return picture.max(axis=2)


def test_the_ring_is_a_circle_of_its_radius_about_the_pivot(paint):
    middle = (SIZE - 1) / 2
    lit = np.argwhere(brightness(paint((20.0, -10.0, 0.0))) > 60)
    away = np.hypot(lit[:, 1] - (middle + 20), lit[:, 0] - (middle + 10))
    lower = away[(lit[:, 0] > middle + 10 + 25) & (away > 40)]  # below the arrows there is nothing but the ring
    assert lower.size > 50
    assert lower.mean() == pytest.approx(70, abs=0.3)
    assert np.abs(lower - 70).max() < 4


def test_away_from_the_handles_no_pixel_is_touched(paint):
    picture = paint()
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    assert not picture[np.hypot(x, y) > 70 * 1.4].any()
    assert not picture[(np.hypot(x, y) > 20) & (np.hypot(x, y) < 60) & (x < -10) & (y > 10)].any()


def test_the_arrow_right_is_of_x_and_the_one_up_of_y(paint):
    """In an axial view: red and green, as the numbers of the panel."""
    picture = paint()
    middle = SIZE // 2
    right = picture[middle - 3 : middle + 3, middle + 40].max(axis=0)
    up = picture[middle - 40, middle - 3 : middle + 3].max(axis=0)
    assert right[0] > right[1] + 30
    assert up[1] > up[0] + 30


def test_what_is_under_the_mouse_stands_out_and_in_the_hand_the_others_step_back(paint):
    plain, hot, held = paint(), paint(hot="roll"), paint(hot="roll", held=True)
    middle = SIZE // 2
    ring, arrow = (slice(middle + 40, middle + 75), slice(middle - 30, middle + 30)), (slice(middle - 3, middle + 4), middle + 40)
    assert hot[ring].sum() > 1.2 * plain[ring].sum()
    assert np.array_equal(hot[arrow], plain[arrow])
    assert held[arrow].sum() < 0.8 * plain[arrow].sum()


def test_lines_grow_with_the_screens_scale(paint):
    assert (brightness(paint(scale=2.0)) > 60).sum() > 1.5 * (brightness(paint()) > 60).sum()
