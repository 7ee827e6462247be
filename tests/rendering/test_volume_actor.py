"""Volumes in 3D: where they are, whatever the affine; which hides which; how they are lit; what travels when one moves."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from volstudio.geometry.affine import Affine
from volstudio.rendering import volume_actor
from volstudio.rendering.compositor import slice_rgb
from volstudio.rendering.gizmo import rotation_about
from volstudio.rendering.labels import label_rows
from volstudio.rendering.planes import SliceView
from volstudio.scene import colourmaps
from volstudio.scene.model import Camera, Clip, Look
from volstudio.volumes.store import path_of

pytestmark = pytest.mark.gl

SIDES = {"front": (0.0, 1.0, 0.0), "top": (0.1, 0.0, 1.0), "oblique": (0.6, 0.7, 0.4)}
BARE = {"letters": False, "show_crosshair": False, "colour_bars": False, "scale_bar": False}
UNLIT = Look(window=(0.0, 1.0), shade=False)
UPRIGHT = np.diag([1.0, 1.0, 1.0, 1.0])


def orthographic(centre, side, half=12.0):
    eye = np.array(centre) + 100 * np.array(SIDES[side])
    up = (0.0, 0.0, 1.0) if side != "top" else (0.0, 1.0, 0.0)
    return Camera(tuple(eye), tuple(centre), up, 30.0, half)


def world(matrix, shape):
    return np.moveaxis(np.indices(shape), 0, -1) @ matrix[:3, :3].T + matrix[:3, 3]


def blob(matrix, shape, voxel, sigma=3.0):
    """A round spot in the world about a voxel's centre."""
    centre = matrix[:3, :3] @ voxel + matrix[:3, 3]
    return np.asfortranarray(np.exp(-((world(matrix, shape) - centre) ** 2).sum(-1) / (2 * sigma**2)).astype(np.float32)), centre


def ball(matrix, shape, centre, radius=9.0, edge=0.7):
    away = np.linalg.norm(world(matrix, shape) - centre, axis=-1)
    return np.asfortranarray((1 / (1 + np.exp((away - radius) / edge))).astype(np.float32))


def centred(linear, shape, centre=(3.0, -2.0, 5.0)):
    matrix = np.eye(4)
    matrix[:3, :3] = linear
    matrix[:3, 3] = np.array(centre) - linear @ ((np.array(shape) - 1) / 2)
    return matrix


def scene_of(make_scene, *volumes, **more):
    scene, find = make_scene(*volumes, **{**BARE, **more})
    layers = tuple(msgspec.structs.replace(layer, box=False, path=path_of(find(layer))) for layer in scene.layers)
    return msgspec.structs.replace(scene, layers=layers), find


@pytest.mark.parametrize("order", ["F", "C"])
def test_a_voxel_is_drawn_where_its_affine_puts_it(placing, order, make_volume, make_scene, make_view):
    shape, spot = (35, 31, 25), (17, 15, 12)
    data, centre = blob(placing, shape, spot)
    # Thin, so that the front hides next to nothing of the back: the picture is then symmetric about the centre, however the voxels lie.
    look = Look(window=(0.0, 1.0), shade=False, preset="fog")
    scene, find = scene_of(make_scene, make_volume(np.array(data, order=order), placing), looks=[look])
    view, picture = make_view(find)
    for side in SIDES:
        view.sync(None, msgspec.structs.replace(scene, camera=orthographic(centre, side)))
        light = picture()[..., 0].astype(float)
        y, x = np.indices(light.shape)
        found = np.array([(light * x).sum(), (light * y).sum()]) / light.sum()
        assert light.max() > 20
        assert np.linalg.norm(found - view.rays().project(centre)[0]) * 0.1 < 0.01  # a pixel is 0.1 mm


def two_balls(make_volume):
    shape = (30, 30, 30)
    one = make_volume(ball(centred(np.eye(3), shape), shape, np.array([5.0, -2, 5])), centred(np.eye(3), shape), "one")
    turned = centred(rotation_about((1, 2, 3), 0.4, (0, 0, 0))[:3, :3], shape)
    return one, make_volume(ball(turned, shape, np.array([0.0, 3, 5])), turned, "two")


def test_order_of_layers_changes_no_bit(make_volume, make_scene, make_view):
    volumes = two_balls(make_volume)
    looks = [Look(window=(0.0, 1.0), colourmap="warm"), Look(window=(0.0, 1.0))]
    camera = orthographic((3.0, -2, 5), "oblique", 18)
    pictures = []
    for step in (1, -1):
        scene, find = scene_of(make_scene, *volumes[::step], looks=looks[::step], camera=camera)
        view, picture = make_view(find)
        view.sync(None, scene)
        pictures.append(picture())
    assert pictures[0].std() > 10
    assert np.array_equal(*pictures)


def test_front_hides_back(make_volume, make_scene, make_view):
    shape = (20, 20, 20)
    near, far = (centred(np.eye(3), shape, (0.0, y, 0.0)) for y in (30.0, -30.0))
    red = make_volume(np.ones(shape, np.float32), near, "red")
    blue = make_volume(np.ones(shape, np.float32), far, "blue")
    looks = [Look(colourmap=c, window=(0.0, 1.0), preset="solid", shade=False) for c in ("red", "blue")]
    scene, find = scene_of(make_scene, red, blue, looks=looks)
    view, picture = make_view(find)
    for side, channel in ((1.0, 0), (-1.0, 2)):
        view.sync(None, msgspec.structs.replace(scene, camera=Camera((0.0, 200 * side, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 1.0), 30.0, 20.0)))
        assert picture()[120, 120].argmax() == channel


def test_a_layer_of_opacity_x_hides_x_of_what_is_behind(make_volume, make_scene, make_view):
    shape = (20, 20, 20)
    near, far = (centred(np.eye(3), shape, (0.0, y, 0.0)) for y in (30.0, -30.0))
    volumes = make_volume(np.ones(shape, np.float32), near, "near"), make_volume(np.ones(shape, np.float32), far, "far")
    front = Look(colourmap="red", window=(0.0, 1.0), preset="solid", shade=False, opacity=0.3)
    camera = Camera((0.0, 200.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 1.0), 30.0, 20.0)
    scene, find = scene_of(make_scene, *volumes, looks=[front, Look(window=(0.0, 1.0), preset="solid", shade=False)], camera=camera)
    view, picture = make_view(find)
    view.sync(None, scene)
    red = np.array([255, 59, 48])
    assert np.abs(picture()[120, 120] - (0.3 * red + 0.7 * 255)).max() <= 3


def test_an_invisible_layer_changes_no_bit(make_volume, make_scene, make_view):
    one, two = two_balls(make_volume)
    camera = orthographic((3.0, -2, 5), "oblique", 18)
    alone, find = scene_of(make_scene, one, camera=camera)
    view, picture = make_view(find)
    view.sync(None, alone)
    wanted = picture()
    both, find = scene_of(make_scene, one, two, looks=[Look(window=(0.0, 1.0)), Look(window=(0.0, 1.0), visible=False)], camera=camera)
    view, picture = make_view(find)
    view.sync(None, both)
    assert wanted.std() > 10
    assert np.array_equal(wanted, picture())


def test_a_move_sends_no_voxels_and_equals_a_new_view(make_volume, make_scene, make_view):
    one, two = two_balls(make_volume)
    scene, find = scene_of(make_scene, one, two, camera=orthographic((3.0, -2, 5), "oblique", 18))
    view, picture = make_view(find)
    view.sync(None, scene)
    still = picture()
    uploads, builds = view.volume_actor.uploads, view.volume_actor.builds
    moved = scene.place("two", Affine(rotation_about((0, 1, 1), 0.5, (1, 2, 3)), "two:scanner", "scene"))
    fresh, fresh_picture = make_view(find)
    fresh.sync(None, moved)
    wanted = fresh_picture()
    # The array is spoilt behind VTK's back: were it sent again, the picture would be empty.
    kept = two.data.copy()
    two.data.setflags(write=True)
    two.data[:] = 0
    view.sync(scene, moved)
    seen = picture()
    two.data[:] = kept
    assert (view.volume_actor.uploads, view.volume_actor.builds) == (uploads, builds)
    assert np.array_equal(seen, wanted)
    assert np.abs(seen.astype(int) - still).max() > 30


@pytest.mark.parametrize("k", [0, 1])
def test_another_time_point_equals_a_new_view(k, make_volume, make_scene, make_view):
    one, two = two_balls(make_volume)
    series = [make_volume(np.stack([v.data, 0.5 * v.data[::-1]], axis=-1), v.affine.matrix, v.name) for v in (one, two)]
    scene, find = scene_of(make_scene, *series, camera=orthographic((3.0, -2, 5), "oblique", 18))
    later = scene.with_layer(msgspec.structs.replace(scene.layers[k], time=1))
    view, picture = make_view(find)
    view.sync(None, scene)
    before = picture()
    view.sync(scene, later)
    fresh, fresh_picture = make_view(find)
    fresh.sync(None, later)
    wanted = fresh_picture()
    assert np.abs(wanted.astype(int) - before).max() > 20
    assert np.array_equal(picture(), wanted)


def test_looks_change_in_place(make_volume, make_scene, make_view):
    one, two = two_balls(make_volume)
    scene, find = scene_of(make_scene, one, two, camera=orthographic((3.0, -2, 5), "oblique", 18))
    view, picture = make_view(find)
    view.sync(None, scene)
    picture()
    uploads = view.volume_actor.uploads
    for change in ({"colourmap": "warm"}, {"opacity": 0.4}, {"preset": "glass"}, {"window": (0.2, 0.7)}, {"shade": False}):
        other = scene.with_layer(msgspec.structs.replace(scene.layers[0], look=msgspec.structs.replace(scene.layers[0].look, **change)))
        view.sync(scene, other)
        scene = other
        fresh, fresh_picture = make_view(find)
        fresh.sync(None, scene)
        assert np.array_equal(picture(), fresh_picture())
    assert view.volume_actor.uploads == uploads


def test_clips_keep_the_side_the_normal_points_to(make_volume, make_scene, make_view):
    one, _ = two_balls(make_volume)
    centre = (5.0, -2.0, 5.0)
    scene, find = scene_of(make_scene, one, looks=[UNLIT], camera=orthographic(centre, "front"))
    view, picture = make_view(find)
    view.sync(None, scene)
    whole = picture()[..., 0].astype(int)
    view.sync(scene, msgspec.structs.replace(scene, clips=(Clip(centre, (1.0, 0.0, 0.0)),)))
    cut = picture()[..., 0].astype(int)
    # Seen from the front, the patient's right (x > 0) is on the left.
    assert np.abs(cut - whole)[:, :118].max() <= 2
    assert cut[:, 122:].max() == 0
    assert whole[:, 122:].max() > 100


def test_wild_values_do_not_spoil_the_window(make_volume, make_scene, make_view):
    one, _ = two_balls(make_volume)
    wild = one.data.copy(order="F")
    wild[0, 0, 0], wild[1, 0, 0] = -1e7, 3e8
    pictures = []
    for data in (one.data, wild):
        scene, find = scene_of(make_scene, make_volume(data, one.affine.matrix), camera=orthographic((5.0, -2, 5), "front"))
        view, picture = make_view(find)
        view.sync(None, scene)
        pictures.append(picture().astype(int))
    assert pictures[0].std() > 10
    assert np.abs(pictures[0] - pictures[1]).mean() < 1.5


LINEAR = {
    "oblique": rotation_about((1, -2, 0.5), 0.8, (0, 0, 0))[:3, :3],
    "anisotropic": rotation_about((1, -2, 0.5), 0.8, (0, 0, 0))[:3, :3] @ np.diag([0.8, 1.0, 1.3]),
    "flipped": rotation_about((3, 1, 0.5), 0.8, (0, 0, 0))[:3, :3] @ np.diag([-1.0, 1.0, 1.0]),
    "sheared": rotation_about((1, -2, 0.5), 0.5, (0, 0, 0))[:3, :3] @ np.array([[1, 0.2, 0.1], [0, 1, -0.15], [0, 0, 1.0]]),
}


@pytest.mark.parametrize("name", LINEAR)
def test_light_comes_from_the_same_side_under_every_affine(name, make_volume, make_scene, make_view):
    centre, shape = np.array([3.0, -2.0, 5.0]), (44, 40, 38)
    pictures = []
    for linear in (np.eye(3), LINEAR[name]):
        matrix = centred(linear, shape)
        scene, find = scene_of(
            make_scene, make_volume(ball(matrix, shape, centre, edge=1.5), matrix), camera=orthographic(centre, "oblique")
        )
        view, picture = make_view(find)
        view.sync(None, scene)
        pictures.append(picture().astype(float).mean(axis=2))
        assert view.volume_actor.lit
    lit = pictures[0]
    assert lit[70:110, 70:110].mean() > lit[130:170, 130:170].mean() + 40  # from above left
    assert np.abs(pictures[0] - pictures[1]).mean() < 1.0
    assert np.abs(lit - lit[:, ::-1]).mean() > 8  # what a wrong side would look like


@pytest.mark.parametrize("fault", [("//VTK::NoSuchTag", "x"), ("//VTK::Shading::Impl", "no such language;")], ids=["lost", "broken"])
def test_a_shader_that_does_not_take_our_march_is_noticed(fault, make_volume, make_scene, make_view, monkeypatch):
    monkeypatch.setattr(volume_actor, "extension_texts", lambda _count: (fault,))
    one, two = two_balls(make_volume)
    scene, find = scene_of(make_scene, one, two, camera=orthographic((3.0, -2, 5), "oblique", 18))
    view, picture = make_view(find)
    view.sync(None, scene)
    picture()
    assert view.volume_actor.lit is False
    assert "without light" in view.notes[-1]
    assert picture().std() > 10


def test_too_many_volumes_are_named(make_volume, make_scene, make_view):
    volumes = [make_volume(np.full((4, 4, 4), 0.8, np.float32), UPRIGHT, f"v{k}") for k in range(volume_actor.MAX_VOLUMES + 1)]
    scene, find = scene_of(make_scene, *volumes)
    view, picture = make_view(find)
    view.sync(None, scene)
    assert picture().std() > 0
    assert f"'v{volume_actor.MAX_VOLUMES}'" in view.notes[0]


def test_every_one_of_the_most_volumes_is_drawn(make_volume, make_scene, make_view):
    shape = (8, 8, 8)
    places = [centred(np.eye(3), shape, (12.0 * k, 0.0, 0.0)) for k in range(volume_actor.MAX_VOLUMES)]
    volumes = [make_volume(np.ones(shape, np.float32), place, f"v{k}") for k, place in enumerate(places)]
    middle = (6.0 * (len(places) - 1), 0.0, 0.0)
    scene, find = scene_of(
        make_scene,
        *volumes,
        looks=[Look(window=(0.0, 1.0), preset="solid")] * len(places),
        camera=orthographic(middle, "front", 6.0 * len(places) + 6),
    )
    view, picture = make_view(find)
    view.sync(None, scene)
    seen = picture()[..., 0]
    for k in range(len(places)):
        x, y = view.rays().project((12.0 * k, 0, 0))[0].round().astype(int)
        assert seen[y, x] > 100


def test_closing_leaves_the_renderer_empty(make_volume, make_scene, make_view):
    one, two = two_balls(make_volume)
    scene, find = make_scene(one, two, slices_in_3d=True)
    scene = msgspec.structs.replace(
        scene, layers=tuple(msgspec.structs.replace(layer, path=path_of(find(layer))) for layer in scene.layers)
    )
    view, picture = make_view(find)
    view.sync(None, scene)
    picture()
    renderer = view._renderer
    assert renderer.GetViewProps().GetNumberOfItems() > 5
    view.close()
    assert renderer.GetViewProps().GetNumberOfItems() == 0
    assert picture().max() == 0


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.int64])
def test_each_label_has_the_colour_it_has_in_slices(dtype, make_volume, make_scene, make_view):
    numbers = np.array([3, 1000, 2035, 14175])
    data = np.zeros((24, 20, 20), dtype, order="F")
    for n, number in enumerate(numbers):
        data[2 + 5 * n : 7 + 5 * n, 2:18, 2:18] = number
    look = Look(colourmap="labels", preset="labels", hide_below=0.5, shade=False)
    scene, find = scene_of(make_scene, make_volume(data), looks=[look])
    scene = msgspec.structs.replace(scene, camera=orthographic((11.5, 9.5, 9.5), "front", half=14.0), background=(0.0, 0.0, 0.0))
    view, picture = make_view(find)
    view.sync(None, scene)
    drawn = picture()
    flat = slice_rgb(scene, find, SliceView("coronal", (11.5, 9.5, 9.5), 28.0, (240, 240), "radiological"))
    at = view.rays().project(np.column_stack([4.0 + 5 * np.arange(4), np.full(4, 9.5), np.full(4, 9.5)])).round().astype(int)
    table = colourmaps.get("labels").table(4096)[label_rows(numbers)]
    assert len(np.unique(table, axis=0)) == 4
    assert np.abs(flat[at[:, 1], at[:, 0]] - table.astype(int)).max() <= 1
    assert np.abs(drawn[at[:, 1], at[:, 0]] - table.astype(int)).max() <= 3


def test_labels_below_the_threshold_are_not_drawn(make_volume, make_scene, make_view):
    data = np.zeros((24, 20, 20), np.uint8, order="F")
    data[2:12, 2:18, 2:18], data[12:22, 2:18, 2:18] = 4, 9
    look = Look(colourmap="labels", preset="labels", hide_below=0.5, shade=False)
    scene, find = scene_of(make_scene, make_volume(data), looks=[look])
    scene = msgspec.structs.replace(scene, camera=orthographic((11.5, 9.5, 9.5), "front", half=14.0), background=(0.0, 0.0, 0.0))
    view, picture = make_view(find)
    view.sync(None, scene)
    picture()
    some = scene.with_layer(msgspec.structs.replace(scene.layers[0], look=msgspec.structs.replace(look, hide_below=5.0)))
    view.sync(scene, some)
    drawn = picture()
    at = view.rays().project([[7.0, 9.5, 9.5], [17.0, 9.5, 9.5]]).round().astype(int)
    assert drawn[at[0, 1], at[0, 0]].max() == 0
    assert np.abs(drawn[at[1, 1], at[1, 0]] - colourmaps.get("labels").table(4096)[9].astype(int)).max() <= 3
