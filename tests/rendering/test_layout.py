from __future__ import annotations

import msgspec
import numpy as np
import pytest

from volstudio.rendering.compositor import slice_rgb
from volstudio.rendering.layout import hole_3d, quad, quad_hole, slices_picture, volume_picture
from volstudio.rendering.planes import PLANES
from volstudio.rendering.sheet import best_room, frames_of, head_height, panes_in_quarters, panes_in_row, quarters, sheet_of
from volstudio.scene.model import Look, Scene
from volstudio.volumes.volume import Finding

VIEWS = ("axial", "coronal", "sagittal", "ortho")
ODD = (Finding("qform-sform-differ", "sform and qform disagree by up to 12.3 mm; the sform is used.", "warning"),)


@pytest.fixture
def two_scans(make_volume, make_scene):
    """An anatomy that fills its box, a tilted overlay with a long name and a warning: all marks are drawn."""
    turn = np.array([[2.0, 0.6, 0, -9], [-0.6, 2, 0.3, -7], [0, -0.3, 2.2, -12], [0, 0, 0, 1]])
    base = make_volume(np.random.default_rng(0).random((30, 36, 28)).astype(np.float32) + 0.2, name="解剖 anatomy")
    over = make_volume(np.random.default_rng(1).random((12, 14, 10)).astype(np.float32), turn, name="someones_epi", findings=ODD)
    looks = [Look(window=(0.0, 1.3)), Look("hot", (0.0, 1.0), opacity=0.6, hide_below=0.3)]
    return make_scene(base, over, looks=looks, title="Two scans", background=(0.055, 0.06, 0.07))


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("size", [(64, 64), (65, 200), (150, 151), (300, 90), (640, 480), (1300, 500)])
def test_pictures_have_the_size_that_was_asked_for(two_scans, view, size):
    picture = slices_picture(*two_scans, size, view)
    assert picture.shape == (size[1], size[0], 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 2


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("size", [(64, 64), (400, 300), (1200, 500)])
def test_nothing_is_written_over_the_anatomy(two_scans, view, size, make_scene):
    scene, find = two_scans
    scene = type(scene)(**{field: getattr(scene, field) for field in scene.__struct_fields__} | {"show_crosshair": False})
    planes = PLANES if view == "ortho" else (view,)
    sheet = sheet_of(scene, find, size, columns=len(planes))
    frames = frames_of(scene, find, planes)
    room = best_room(sheet, head_height(scene, sheet), frames)[1]
    picture = slices_picture(scene, find, size, view)
    for pane in panes_in_row(scene, find, frames, room=room, sheet=sheet):
        x0, y0, x1, y1 = pane.box
        assert np.array_equal(picture[y0 : y1 + 1, x0 : x1 + 1], slice_rgb(scene, find, pane.view))


@pytest.mark.parametrize("size", [(300, 300), (1000, 800)])
def test_nothing_is_written_over_the_anatomy_of_a_quad(two_scans, size):
    scene, find = two_scans
    scene = type(scene)(**{field: getattr(scene, field) for field in scene.__struct_fields__} | {"show_crosshair": False})
    sheet = sheet_of(scene, find, size, columns=2)
    cells = quarters(sheet, head_height(scene, sheet))
    picture = quad(scene, find, size, None)
    for pane in panes_in_quarters(scene, find, cells, sheet):
        x0, y0, x1, y1 = pane.box
        assert np.array_equal(picture[y0 : y1 + 1, x0 : x1 + 1], slice_rgb(scene, find, pane.view))


@pytest.mark.parametrize("size", [(64, 64), (300, 300), (1200, 900)])
def test_the_3d_picture_stands_in_the_fourth_quarter(two_scans, size):
    width, height = quad_hole(*two_scans, size)
    inset = np.zeros((height, width, 3), np.uint8)
    inset[:] = (10, 200, 30)
    picture = quad(*two_scans, size, inset)
    ours = (picture == (10, 200, 30)).all(axis=2)
    rows, columns = np.flatnonzero(ours.any(axis=1)), np.flatnonzero(ours.any(axis=0))
    assert ours.sum() == width * height
    assert rows[0] >= size[1] // 2 - 0.1 * size[1]
    assert columns[0] >= size[0] // 2
    assert np.array_equal(quad(*two_scans, size, np.pad(inset, ((9, 9), (5, 5), (0, 0)), mode="edge")), picture)


def test_without_opengl_a_sentence_stands_there(two_scans):
    words = quad(*two_scans, (1000, 800), None, sentence="The 3D view needs OpenGL.")
    none = quad(*two_scans, (1000, 800), None, sentence="")
    rows, columns = np.nonzero((words != none).any(axis=2))
    assert columns.min() > 500
    assert 400 < rows.mean() < 750


def test_options_of_the_scene_are_followed(two_scans):
    scene, find = two_scans
    full = slices_picture(scene, find, (900, 400))
    for option in (
        {"letters": False},
        {"colour_bars": False},
        {"scale_bar": False},
        {"show_crosshair": False},
        {"title": ""},
        {"convention": "radiological"},
    ):
        changed = type(scene)(**{field: getattr(scene, field) for field in scene.__struct_fields__} | option)
        assert not np.array_equal(slices_picture(changed, find, (900, 400)), full), option


def test_an_empty_scene_has_a_picture():
    picture = slices_picture(Scene(), lambda layer: None, (400, 300))
    assert picture.shape == (300, 400, 3)
    assert quad(Scene(), lambda layer: None, (400, 300), None).shape == (300, 400, 3)


def test_the_same_scene_gives_the_same_picture(two_scans):
    assert np.array_equal(slices_picture(*two_scans, (700, 300)), slices_picture(*two_scans, (700, 300)))


@pytest.mark.parametrize("size", [(500, 400), (1200, 900), (900, 300)])
def test_the_scale_bar_of_a_quad_stands_below_slices(two_scans, size):
    scene, find = two_scans
    bare = quad(msgspec.structs.replace(scene, scale_bar=False), find, size, None)
    rows, columns = np.nonzero((quad(scene, find, size, None) != bare).any(axis=2))
    assert rows.min() > 0.8 * size[1]
    assert columns.max() < size[0] / 2
    assert columns.min() > 0


@pytest.mark.parametrize("size", [(64, 64), (560, 560), (300, 160)])
def test_a_3d_view_has_its_title_above_and_its_bars_below(two_scans, size):
    scene, find = two_scans
    width, height = hole_3d(scene, find, size)
    inset = np.full((height, width, 3), 99, np.uint8)
    picture = volume_picture(scene, find, size, inset)
    assert picture.shape == (size[1], size[0], 3)
    inside = (picture == 99).all(axis=2)
    assert np.count_nonzero(inside.all(axis=1)) == height
    if min(size) >= 150:
        ground = np.floor(np.array(scene.background) * 255 + 0.5)
        first, last = np.flatnonzero(inside.all(axis=1))[[0, -1]]
        assert (picture[:first] != ground).any()
        assert (picture[last + 1 :] != ground).any()
    quiet = msgspec.structs.replace(scene, title="", colour_bars=False, layers=scene.layers[:1])
    assert hole_3d(quiet, find, size) == size
