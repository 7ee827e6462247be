from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from volstudio.rendering.annotations import (
    Badge,
    Extras,
    badges_of,
    convention_text,
    coordinate_text,
    edge_letters,
    length_text,
    number_text,
    orientation_known,
    paint_crosshair,
    paint_scale_bar,
    paint_slice,
    scale_length,
)
from volstudio.rendering.compositor import slice_rgb
from volstudio.rendering.palette import ERROR
from volstudio.rendering.planes import SliceView
from volstudio.scene.model import Look, Scene
from volstudio.volumes.volume import Finding

NOTHING = Extras(letters=False, crosshair=False, scale_bar=False, coordinate=False, convention=False, badges=False)


def view_of(plane, convention="neurological", basis=None, size=(300, 240)):
    return SliceView(plane, (0.0, 0.0, 0.0), 60.0, size, convention, basis)


@pytest.mark.parametrize(
    ("plane", "convention", "letters"),
    [
        ("axial", "neurological", "LRAP"),
        ("axial", "radiological", "RLAP"),
        ("coronal", "neurological", "LRSI"),
        ("coronal", "radiological", "RLSI"),
        ("sagittal", "neurological", "PASI"),
        ("sagittal", "radiological", "PASI"),
    ],
)
def test_letters_name_the_edges(plane, convention, letters):
    assert "".join(edge_letters(view_of(plane, convention))[edge] for edge in ("left", "right", "top", "bottom")) == letters


def test_oblique_planes_have_several_letters_the_nearest_first():
    tilted = lambda degrees: ((np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees)), 0.0), (0.0, 0.0, 1.0))  # noqa: E731
    assert edge_letters(view_of("coronal", basis=tilted(10)))["right"] == "R"
    assert edge_letters(view_of("coronal", basis=tilted(30)))["right"] == "RA"
    assert edge_letters(view_of("coronal", basis=tilted(60)))["right"] == "AR"
    assert edge_letters(view_of("coronal", basis=tilted(60)))["left"] == "PL"


def test_letters_agree_with_where_points_are_drawn():
    for plane in ("axial", "coronal", "sagittal"):
        for convention in ("neurological", "radiological"):
            view = view_of(plane, convention)
            for axis, (low, high) in enumerate(("LR", "PA", "IS")):
                step = view.to_pixels(np.eye(3)[axis]) - view.to_pixels((0, 0, 0))
                letters = edge_letters(view)
                if step[0] > 0.5:
                    assert (letters["left"], letters["right"]) == (low, high)
                if step[1] > 0.5:
                    assert (letters["top"], letters["bottom"]) == (low, high)


@pytest.mark.parametrize(
    ("known", "red", "letters"), [((True, True), False, True), ((True, False), True, True), ((False, False), True, False)]
)
def test_a_red_question_mark_says_that_the_orientation_is_unknown(known, red, letters, make_volume, make_scene):
    volumes = [make_volume(np.zeros((9, 9, 9)), name=f"v{n}", orientation_known=k) for n, k in enumerate(known)]
    scene, find = make_scene(*volumes)
    assert orientation_known(scene, find) == (any(known), all(known))
    picture = paint_slice(
        scene, find, view_of("axial"), extras=Extras(crosshair=False, scale_bar=False, coordinate=False, convention=False)
    )
    strong = picture.astype(int)
    assert ((strong[..., 0] > 200) & (strong[..., 1] < 130)).any() == red
    assert (strong.min(axis=2) > 200).any() == letters


def test_a_hidden_layer_does_not_ask(make_volume, make_scene):
    volumes = [make_volume(np.zeros((3, 3, 3)), name=name, orientation_known=known) for name, known in (("a", True), ("b", False))]
    scene, find = make_scene(*volumes, looks=[Look(), Look(visible=False)])
    assert orientation_known(scene, find) == (True, True)
    assert orientation_known(Scene(), find) == (True, True)


def test_nothing_but_the_slice_when_nothing_else_is_wanted(make_volume, make_scene):
    scene, find = make_scene(make_volume(np.random.default_rng(0).random((30, 30, 30))))
    view = view_of("axial")
    assert np.array_equal(paint_slice(scene, find, view, extras=NOTHING), slice_rgb(scene, find, view))


def test_the_scene_decides_what_the_extras_leave_open(make_volume, make_scene):
    volume = make_volume(np.zeros((9, 9, 9)))
    shown, find = make_scene(volume)
    hidden, _ = make_scene(volume, letters=False, show_crosshair=False, scale_bar=False)
    rest = Extras(coordinate=False, convention=False, badges=False)
    assert paint_slice(shown, find, view_of("axial"), extras=rest).any()
    assert not paint_slice(hidden, find, view_of("axial"), extras=rest).any()


def test_a_tiny_pane_shows_the_slice_and_the_crosshair(make_volume, make_scene):
    scene, find = make_scene(make_volume(np.zeros((9, 9, 9))), crosshair=(0.0, 0.0, 0.0))
    assert paint_slice(scene, find, view_of("axial", size=(40, 30))).any()
    assert paint_slice(Scene(), find, view_of("axial", size=(5, 5))).shape == (5, 5, 3)


@pytest.mark.parametrize("at", [(40.0, 14.0), (270.0, 228.0)], ids=["the coordinate", "the scale bar"])
def test_no_line_of_the_crosshair_runs_through_words(at, make_volume, make_scene):
    scene, find = make_scene(make_volume(np.full((90, 90, 9), 0.4), np.diag([1.0, 1.0, 1.0, 1.0]), name="a"), letters=False)
    view = view_of("axial")
    x, y, z = (float(value) for value in view.to_scene(at))
    with_lines = replace(scene, crosshair=(x, y, z))
    words = paint_slice(replace(with_lines, show_crosshair=False), find, view)
    bare = slice_rgb(scene, find, view)
    drawn = paint_slice(with_lines, find, view)
    of_words, of_lines = (words != bare).any(axis=2), (drawn != words).any(axis=2)
    assert of_lines.sum() > 300
    rows, columns = np.nonzero(of_words)
    corner = (rows < 30) & (columns < 120) if at[1] < 100 else (rows > 200) & (columns > 200)
    box = np.s_[rows[corner].min() : rows[corner].max() + 1, columns[corner].min() : columns[corner].max() + 1]
    assert not of_lines[box].any()


@pytest.mark.parametrize("size", [10, 13, 26, 60])
def test_the_crosshair_is_crisp_and_leaves_its_centre_free(size):
    picture = np.zeros((200, 220, 3), np.uint8)
    paint_crosshair(picture, np.array([100.2, 80.4]), size=size)
    columns = np.flatnonzero(picture[5].any(axis=1))
    assert len(columns) == max(round(size / 13), 1)
    assert len({tuple(picture[5, column]) for column in columns}) == 1
    assert abs(columns.mean() - 100.2) <= 0.5
    assert not picture[75:86, 95:106].any()


def test_the_crosshair_stays_out_of_the_rim_and_may_lie_outside():
    picture = np.zeros((100, 100, 3), np.uint8)
    paint_crosshair(picture, np.array([50.0, 50.0]), size=13, rim=20.0)
    assert not picture[:19].any()
    assert not picture[:, -19:].any()
    away = np.zeros((100, 100, 3), np.uint8)
    paint_crosshair(away, np.array([-500.0, 4000.0]), size=13)
    assert not away.any()


@pytest.mark.parametrize("pixel_mm", [0.003, 0.08, 0.5, 1.3, 40.0])
def test_the_scale_bar_is_as_long_as_it_says(pixel_mm):
    picture = np.zeros((60, 400, 3), np.uint8)
    length = paint_scale_bar(picture, (380.0, 50.0), pixel_mm, longest=120.0, size=13)
    bar = np.flatnonzero(picture[49].max(axis=1) > 100)
    assert bar[-1] - bar[0] == pytest.approx(length, abs=1.01)
    length_mm = scale_length(120 * pixel_mm)
    assert length == pytest.approx(length_mm / pixel_mm)
    assert 48 <= length <= 120.001


def test_lengths_and_numbers_read_well():
    assert [length_text(x) for x in (50, 0.5, 0.05, 2)] == ["50 mm", "0.5 mm", "50 µm", "2 mm"]
    assert [number_text(x) for x in (0, 3, -2.3, 1033.4, 85.63, 0.5, 14844, 1e9, 3e-7)] == [
        "0", "3", "−2.3", "1033", "85.6", "0.5", "14844", "1e+09", "3e−07",
    ]  # fmt: skip
    assert number_text(-0.04, decimals=1) == "0.0"


def test_the_slice_says_where_it_lies():
    assert coordinate_text(SliceView("sagittal", (-12.04, 3, 4), 10, (9, 9))) == "x = −12.0 mm"
    assert coordinate_text(SliceView("axial", (1, 2, -0.01), 10, (9, 9))) == "z = 0.0 mm"
    assert coordinate_text(SliceView("axial", (0, 0, 7), 10, (9, 9), basis=((1, 0, 0), (0, 1, 0)))) == "d = 7.0 mm"


def test_badges_are_the_warnings_in_short(make_volume, make_scene):
    findings = (
        Finding("a", "This is only good to know.", "info"),
        Finding("b", "sform (code 1) and qform (code 2) disagree by up to 12.3 mm (at voxel (0, 0, 3)); the sform is used.", "warning"),
        Finding("c", "The affine was repaired. Check it.", "error"),
    )
    odd, fine = make_volume(np.zeros((3, 3, 3)), name="odd", findings=findings), make_volume(np.zeros((3, 3, 3)), name="fine")
    scene, find = make_scene(odd)
    assert badges_of(scene, find) == (
        Badge("The affine was repaired", error=True),
        Badge("sform and qform disagree by up to 12.3 mm"),
    )
    scene, find = make_scene(fine, odd)
    assert badges_of(scene, find)[0].text == "odd: The affine was repaired"
    red = paint_slice(*make_scene(odd), view_of("axial"), extras=Extras(crosshair=False))
    assert (np.abs(red.astype(int) - np.array(ERROR) * 255).max(axis=2) < 3).any()


@pytest.mark.parametrize(
    ("known", "says"), [((True, True), "radiological"), ((True, False), "radiological?"), ((False, False), "left/right unknown")]
)
def test_no_side_is_claimed_that_no_file_knows(known, says, make_volume, make_scene):
    volumes = [make_volume(np.ones((4, 4, 4)), name=f"v{n}", orientation_known=each) for n, each in enumerate(known)]
    word, colour = convention_text(*make_scene(*volumes, convention="radiological"))
    assert word == says
    assert (colour == ERROR) == (says != "radiological")
