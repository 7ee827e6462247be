"""The scene around the volumes in 3D: boxes, crosshair, slices, landmarks, letters, and what a change touches."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from volstudio.geometry.affine import Affine
from volstudio.rendering import voxel_image
from volstudio.rendering.boxes import EDGES, near_edges
from volstudio.rendering.camera import camera_of
from volstudio.rendering.compositor import slice_rgb
from volstudio.rendering.gizmo import rotation_about
from volstudio.rendering.marks import layer_colour
from volstudio.rendering.palette import ACCENT
from volstudio.rendering.planes import SliceView
from volstudio.scene.model import Camera, Landmark, Look
from volstudio.volumes.store import path_of

pytestmark = pytest.mark.gl

QUIET = {"letters": False, "show_crosshair": False, "background": (0.0, 0.0, 0.0)}
EYE = Camera((230.0, 260.0, 130.0), (10.0, 10.0, 10.0))


@pytest.fixture
def scene(make_volume, make_scene):
    """(scene, volumes) of one volume whose voxels are not drawn: what stands around it is seen alone."""
    ramp = np.linspace(0, 1, 20 * 24 * 18, dtype=np.float32).reshape(20, 24, 18)
    scene, find = make_scene(make_volume(np.asfortranarray(ramp)), looks=[Look(window=(0.0, 1.0), volume=False)], **QUIET)
    layers = tuple(msgspec.structs.replace(layer, path=path_of(find(layer)), box=False) for layer in scene.layers)
    return msgspec.structs.replace(scene, layers=layers, camera=EYE), find


def change(scene, **more):
    return scene.with_layer(msgspec.structs.replace(scene.layers[0], **more))


def lit(picture, rays, points, colour, tolerance=0.35):
    """How many of the points lie on pixels of a colour."""
    pixels = rays.project(points).round().astype(int)
    around = [(dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
    seen = np.stack([picture[pixels[:, 1] + dy, pixels[:, 0] + dx] / 255.0 for dx, dy in around])
    return (np.abs(seen - np.array(colour)).max(axis=-1).min(axis=0) < tolerance).mean()


@pytest.mark.parametrize("turned", [False, True])
def test_box_is_the_outer_faces_of_the_voxels(turned, scene, make_view):
    scene, find = scene
    scene = change(scene, box=True)
    if turned:
        scene = scene.place("vol", Affine(rotation_about((1, 2, 3), 0.6, (10, 10, 10)), "vol:scanner", "scene"))
    view, picture = make_view(find, (400, 400))
    view.sync(None, scene)
    seen = picture()
    corners = scene.placement("vol").apply(find(scene.layers[0]).grid.corners())
    assert len(EDGES) == 12
    for first, last in EDGES:
        along = corners[first] + np.linspace(0.1, 0.9, 9)[:, None] * (corners[last] - corners[first])
        assert lit(seen, view.rays(), along, np.array(layer_colour(scene.layers[0].look)) * 0.75) == 1.0
    view.sync(scene, change(scene, box=False))
    assert picture().max() == 0


def test_near_edges_are_those_that_nothing_of_the_box_hides(scene, make_view):
    scene, find = scene
    view, _ = make_view(find, (400, 400))
    view.sync(None, scene)
    corners = find(scene.layers[0]).grid.corners()
    near = near_edges(corners, view.rays())
    eye = np.array(EYE.position)
    hidden = int(np.linalg.norm(corners - eye, axis=1).argmax())
    assert [edge for edge, front in zip(EDGES, near, strict=True) if not front] == [edge for edge in EDGES if hidden in edge]


def test_crosshair_is_three_lines_through_its_point(scene, make_view):
    scene, find = scene
    scene = msgspec.structs.replace(scene, show_crosshair=True, crosshair=(7.0, 12.0, 5.0))
    view, picture = make_view(find, (400, 400))
    view.sync(None, scene)
    lines = [np.array([7.0, 12.0, 5.0]) + np.linspace(-4, 4, 9)[:, None] * np.eye(3)[axis] for axis in range(3)]
    assert lit(picture(), view.rays(), np.concatenate(lines), ACCENT) > 0.9
    moved = msgspec.structs.replace(scene, crosshair=(12.0, 3.0, 14.0))
    view.sync(scene, moved)
    assert lit(picture(), view.rays(), np.concatenate(lines), ACCENT) < 0.2
    view.sync(moved, msgspec.structs.replace(moved, show_crosshair=False))
    assert picture().max() == 0


def test_slices_stand_where_they_cut_and_show_what_the_panes_show(scene, make_view):
    scene, find = scene
    point = (8.0, 11.0, 6.0)
    top = Camera((9.5, 11.5, 300.0), (9.5, 11.5, 8.5), (0.0, 1.0, 0.0), 30.0, 16.0)
    scene = msgspec.structs.replace(scene, slices_in_3d=True, crosshair=point, camera=top)
    view, picture = make_view(find, (320, 320))
    view.sync(None, scene)
    seen = picture()
    # Straight from above only the axial slice has an area; its pixels are those of an axial pane at the same scale.
    pane = slice_rgb(scene, find, SliceView("axial", (9.5, 11.5, 6.0), 32.0, (320, 320)))
    inside = np.zeros((320, 320), bool)
    inside[60:140, 80:150] = True
    assert np.abs(seen.astype(int) - pane)[inside].max() <= 3
    view.sync(scene, msgspec.structs.replace(scene, slices_in_3d=False))
    assert picture().max() == 0


def test_landmarks_move_with_their_layer(scene, make_view):
    scene, find = scene
    near = Camera((55.0, 70.0, 40.0), (0.0, 10.0, 10.0), view_angle=40.0)
    scene = msgspec.structs.replace(scene, landmarks=(Landmark("nasion", "vol", (4.0, 15.0, 9.0)),), camera=near)
    view, picture = make_view(find, (400, 400))
    view.sync(None, scene)
    x, y = view.rays().project((4.0, 15.0, 9.0))[0].round().astype(int)
    assert picture()[y, x].max() > 60
    moved = scene.place("vol", Affine(rotation_about((0, 0, 1), 1.2, (0, 0, 0)), "vol:scanner", "scene"))
    view.sync(scene, moved)
    seen = picture()
    assert seen[y, x].max() == 0
    x, y = view.rays().project(moved.placement("vol").apply((4.0, 15.0, 9.0)))[0].round().astype(int)
    assert seen[y, x].max() > 60


def test_letters_turn_red_where_orientation_is_unknown(make_volume, make_scene, make_view):
    for known in (True, False):
        volume = make_volume(np.zeros((8, 8, 8), np.float32), orientation_known=known)
        scene, find = make_scene(volume, looks=[Look(window=(0.0, 1.0), volume=False)], **{**QUIET, "letters": True})
        scene = msgspec.structs.replace(change(scene, path=path_of(volume), box=False), camera=EYE)
        view, picture = make_view(find, (300, 300))
        view.sync(None, scene)
        corner = picture()[200:, :100].astype(int)
        assert corner.max() > 120
        assert ((corner[..., 0] - corner[..., 2]).max() > 60) is not known


def test_an_unset_camera_holds_all_and_stays_when_a_layer_moves(scene, make_view):
    scene, find = scene
    scene = msgspec.structs.replace(change(scene, box=True), camera=None)
    view, _ = make_view(find, (300, 200))
    view.sync(None, scene)
    pixels = view.rays().project(find(scene.layers[0]).grid.corners())
    assert (pixels > 0).all()
    assert (pixels < (300, 200)).all()
    first = camera_of(view._renderer)
    view.sync(scene, scene.place("vol", Affine(rotation_about((0, 0, 1), 1.2, (40, 0, 0)), "vol:scanner", "scene")))
    assert camera_of(view._renderer) == first


def test_what_is_drawn_coarsely_while_moving_is_drawn_fully_afterwards(make_volume, make_scene, make_view):
    scene, find = make_scene(make_volume(np.asfortranarray(np.random.default_rng(0).random((20, 24, 18)).astype(np.float32))), **QUIET)
    scene = msgspec.structs.replace(change(scene, path=path_of(find(scene.layers[0]))), camera=EYE)
    view, picture = make_view(find)
    view.sync(None, scene)
    full = picture()
    view.volume_actor.set_detail(pixels=3.0, steps=2.0)
    coarse = picture()
    view.volume_actor.set_detail(pixels=1.0, steps=1.0)
    assert np.abs(coarse.astype(int) - full).max() > 3
    assert np.array_equal(picture(), full)


def test_a_volume_too_large_for_a_texture_is_told(make_volume, make_scene, make_view, monkeypatch):
    monkeypatch.setattr(voxel_image, "MAX_EDGE", 10)
    scene, find = make_scene(make_volume(np.ones((20, 24, 18), np.float32)), **QUIET)
    scene = msgspec.structs.replace(change(scene, path=path_of(find(scene.layers[0]))), camera=EYE)
    view, picture = make_view(find)
    view.sync(None, scene)
    assert picture().max() > 60
    assert "'vol'" in view.notes[0]
    assert "3 voxels" in view.notes[0]


@pytest.mark.parametrize(("size", "seen"), [((300, 300), True), ((600, 70), True), ((600, 40), False)])
def test_corner_axes_shrink_with_the_picture_or_go(size, seen, scene, make_view):
    scene, find = scene
    view, picture = make_view(find, size)
    view.sync(None, msgspec.structs.replace(scene, letters=True))
    drawn = picture().max(axis=2)
    assert drawn.any() == seen
    assert drawn[[0, -1]].max() == 0
    assert drawn[:, 0].max() == 0
