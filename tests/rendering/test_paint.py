from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volstudio.rendering.paint import draw_line, draw_polyline, draw_text, fill_rectangle, measure_text, stroke_rectangle

WHITE = (1.0, 1.0, 1.0)


def black(width=80, height=60):
    return np.zeros((height, width, 3), np.uint8)


def inked(picture):
    """First and last column and row that are painted."""
    rows, columns = np.flatnonzero(picture.any(axis=(1, 2))), np.flatnonzero(picture.any(axis=(0, 2)))
    return columns[0], rows[0], columns[-1], rows[-1]


def test_a_line_on_a_pixel_row_is_crisp():
    picture = black()
    draw_line(picture, (10, 20), (30, 20), colour=WHITE)
    assert (picture[20, 11:30] == 255).all()
    assert np.count_nonzero(picture[19]) == np.count_nonzero(picture[21]) == 0


def test_a_slanted_line_covers_its_width_times_its_length():
    picture = black()
    draw_line(picture, (10, 10), (60, 45), colour=WHITE, width=3)
    assert picture[..., 0].sum() / 255 == pytest.approx(3 * np.hypot(50, 35) + np.pi * 1.5**2, rel=0.03)


def test_joints_of_a_stroke_are_not_painted_twice():
    picture = black()
    draw_polyline(picture, [(10, 30), (40, 30), (70, 30)], colour=WHITE, width=4, opacity=0.5)
    assert picture.max() == 128


def test_nan_breaks_a_stroke():
    picture = black()
    draw_polyline(picture, [(5, 30), (20, 30), (np.nan, np.nan), (50, 30), (75, 30)], colour=WHITE, width=2)
    assert picture[30, 10:18].all()
    assert not picture[30, 25:45].any()
    assert picture[30, 55:70].all()


@given(ends=st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=2, max_size=4))
def test_strokes_may_leave_the_picture(ends):
    picture = black(12, 9)
    draw_polyline(picture, ends, colour=WHITE, width=2, closed=True)
    assert picture.shape == (9, 12, 3)


def test_a_long_line_is_painted_as_if_it_were_cut_at_the_edges():
    far, near = black(), black()
    draw_line(far, (-8000, -8000), (8000, 8000), colour=WHITE)
    draw_line(near, (-20, -20), (100, 100), colour=WHITE)
    assert np.abs(far.astype(int) - near).max() <= 1


def test_rectangles_share_the_pixels_they_cut():
    picture = black()
    fill_rectangle(picture, (9.5, 9.5, 20.0, 12.5), colour=WHITE)
    assert (picture[10:13, 10:20] == 255).all()
    assert picture[11, 20, 0] == 128
    assert inked(picture) == (10, 10, 20, 12)


def test_frames_are_open_inside():
    picture = black()
    stroke_rectangle(picture, (10, 10, 30, 20), colour=WHITE)
    assert inked(picture) == (10, 10, 30, 20)
    assert not picture[11:20, 11:30].any()


def test_a_stroke_without_length_is_a_disc():
    picture = black()
    draw_polyline(picture, [(40.3, 30.6), (40.3, 30.6)], colour=WHITE, width=24)
    assert picture[..., 0].sum() / 255 == pytest.approx(np.pi * 144, rel=0.02)


def test_opacity_mixes():
    picture = np.full((5, 5, 3), 100, np.uint8)
    fill_rectangle(picture, (-1, -1, 6, 6), colour=WHITE, opacity=0.5)
    assert (picture == 178).all()


@pytest.mark.parametrize("size", [9, 13, 24, 60, 150])
@pytest.mark.parametrize("bold", [False, True])
def test_text_stands_where_its_anchor_says(size, bold):
    picture = black(700, 500)
    draw_text(picture, "HEH", (350, 250), size=size, anchor=("centre", "middle"), bold=bold)
    x0, y0, x1, y1 = inked(picture)
    width, cap = measure_text("HEH", size, bold=bold)
    assert (x0 + x1) / 2 == pytest.approx(350, abs=1 + 0.06 * size)
    assert (y0 + y1) / 2 == pytest.approx(250, abs=1.5)
    assert y1 - y0 + 1 == pytest.approx(cap, abs=2)
    assert x1 - x0 < width + 2
    assert cap == pytest.approx(0.73 * size, abs=1.5)


def test_text_at_twice_the_size_is_twice_as_large():
    small, large = measure_text("someones_epi", 14), measure_text("someones_epi", 28)
    assert large[0] == pytest.approx(2 * small[0], abs=3)
    assert large[1] == pytest.approx(2 * small[1], abs=1.5)


def test_a_halo_darkens_a_bright_picture_around_the_letters():
    bare, rimmed = np.full((40, 120, 3), 230, np.uint8), np.full((40, 120, 3), 230, np.uint8)
    draw_text(bare, "R", (60, 25), size=20)
    draw_text(rimmed, "R", (60, 25), size=20, halo=0.9)
    assert bare.min() == 230
    assert rimmed.min() < 100
    assert rimmed.max() > 250


def test_text_may_leave_the_picture_and_may_be_empty():
    picture = black()
    draw_text(picture, "far away", (-500, 900), size=20, halo=1)
    draw_text(picture, "", (10, 10), size=20)
    assert not picture.any()
