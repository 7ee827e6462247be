from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from volstudio.rendering.planes import PLANES
from volstudio.rendering.sheet import best_room, frames_of, head_height, panes_in_quarters, panes_in_row, quarters, sheet_of, text_size
from volstudio.scene.model import Look, Panel


def ball(shape=(40, 50, 45), radius=12.0, centre=(14, 30, 25)):
    """A bright ball in black air."""
    far = sum(
        (np.arange(n).reshape([-1 if axis == a else 1 for axis in range(3)]) - c) ** 2
        for a, (n, c) in enumerate(zip(shape, centre, strict=True))
    )
    return (far < radius**2).astype(np.float32)


@pytest.fixture
def a_ball(make_volume, make_scene):
    return make_scene(make_volume(ball()), crosshair=(14.0, 30.0, 25.0))


def row_of(scene, find, size):
    sheet = sheet_of(scene, find, size, columns=3)
    frames = frames_of(scene, find, PLANES)
    _, room, bars = best_room(sheet, head_height(scene, sheet), frames)
    return panes_in_row(scene, find, frames, room=room, sheet=sheet), bars, sheet


def test_frames_leave_the_air_out(a_ball):
    for frame in frames_of(*a_ball, PLANES):
        assert frame.extent == pytest.approx((24, 24), abs=3)
    sagittal, coronal, axial = frames_of(*a_ball, PLANES)
    assert axial.low == pytest.approx((2, 18), abs=1.5)
    assert sagittal.low[1] == coronal.low[1]


def test_what_is_not_seen_leaves_the_whole_box(make_volume, make_scene):
    scene, find = make_scene(make_volume(np.zeros((40, 50, 45))))
    assert frames_of(scene, find, ("axial",))[0].extent == pytest.approx((40, 50))
    hidden, find = make_scene(make_volume(ball()), looks=[Look(window=(0.0, 1.0), hide_below=2.0)])
    assert frames_of(hidden, find, ("axial",))[0].extent == pytest.approx((40, 50))


def test_a_panel_keeps_its_zoom(a_ball):
    scene, find = a_ball
    zoomed = type(scene)(**{field: getattr(scene, field) for field in scene.__struct_fields__} | {"axial": Panel((20.0, 20.0, 0.0), 8.0)})
    panes, _, _ = row_of(zoomed, find, (900, 400))
    assert panes[2].view.height_mm == 8.0
    assert panes[2].view.centre == (20.0, 20.0, 25.0)


@pytest.mark.parametrize("size", [(1200, 900), (1800, 500), (600, 400), (400, 900), (150, 150), (64, 64), (8000, 3000), (64, 700)])
def test_panes_share_a_scale_do_not_overlap_and_stay_off_the_bars(a_ball, size):
    scene, find = a_ball
    panes, bars, sheet = row_of(scene, find, size)
    assert len({round(pane.view.pixel_mm, 9) for pane in panes}) == 1
    for left, right in pairwise(panes):
        assert left.box[2] + sheet.strip < right.box[0] - sheet.strip + 1
    for pane in panes:
        x0, y0, x1, y1 = pane.box
        assert 0 <= x0 <= x1 < size[0]
        assert 0 <= y0 <= y1 < size[1]
        if sheet.bars:
            apart = (x1 < bars[0], x0 > bars[2], y1 < bars[1], y0 > bars[3])
            assert any(apart)


@pytest.mark.parametrize("size", [(1200, 900), (500, 500), (150, 150), (64, 64), (3000, 700)])
def test_quarters_tile_and_hold_their_panes(a_ball, size):
    scene, find = a_ball
    sheet = sheet_of(scene, find, size, columns=2)
    cells = quarters(sheet, head_height(scene, sheet))
    assert {(cell[2] - cell[0]) for cell in cells} <= {cells[0][2] - cells[0][0], cells[0][2] - cells[0][0] + 1}
    for pane, cell in zip(panes_in_quarters(scene, find, cells, sheet), cells, strict=False):
        assert cell[0] <= pane.box[0] <= pane.box[2] <= cell[2]
        assert cell[1] <= pane.box[1] <= pane.box[3] <= cell[3]


def test_a_figure_twice_as_large_is_the_same_figure(a_ball):
    small, large = (row_of(*a_ball, size) for size in ((1000, 600), (2000, 1200)))
    assert large[2].size == pytest.approx(2 * small[2].size)
    for one, two in zip(small[0], large[0], strict=True):
        assert two.box == pytest.approx([2 * edge for edge in one.box], abs=4)


def test_text_grows_with_the_picture_and_stays_readable():
    assert text_size((64, 64)) > 6
    assert text_size((500, 500)) == pytest.approx(11)
    assert text_size((4000, 2000)) == pytest.approx(2 * text_size((2000, 1000)))


def test_words_and_letters_give_way_to_the_anatomy_in_small_pictures(a_ball):
    assert not sheet_of(*a_ball, (64, 64), columns=3).words
    assert not sheet_of(*a_ball, (64, 64), columns=3).letters
    assert sheet_of(*a_ball, (150, 150), columns=1).words
    assert sheet_of(*a_ball, (600, 300), columns=3).letters
