"""What a click in the 3D view finds, against geometry."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from volstudio.rendering.gizmo import rotation_about
from volstudio.rendering.pick import pick, pick_surface, span_in_box
from volstudio.rendering.rays import CameraRays
from volstudio.scene.model import Clip, Look, Scene
from volstudio.volumes.store import path_of


def rays(centre, back=(0.5, 0.7, 0.4), half=25.0, size=(200, 160)):
    """A parallel camera that looks at a point."""
    back = np.array(back) / np.linalg.norm(back)
    right = np.cross((0, 0, 1), back)
    right /= np.linalg.norm(right)
    up = np.cross(back, right)
    look = np.eye(4)
    look[:3, :3] = right, up, back
    look[:3, 3] = -look[:3, :3] @ (np.array(centre) + 200 * back)
    lens = np.diag([1 / (half * size[0] / size[1]), 1 / half, -2 / 399.0, 1.0])
    lens[2, 3] = -401.0 / 399.0
    return CameraRays(lens @ look, (0, 0, *size), right, up, -back)


def filed(make_scene, *volumes, **more):
    scene, find = make_scene(*volumes, **more)
    return msgspec.structs.replace(scene, layers=tuple(msgspec.structs.replace(x, path=path_of(find(x))) for x in scene.layers)), find


@pytest.fixture
def ball(placing, make_volume, make_scene):
    """(scene, volumes, centre) of a ball of 8 mm radius: values fall linearly through 0.5 at its surface."""
    shape = (30, 28, 24)
    where = np.moveaxis(np.indices(shape), 0, -1) @ placing[:3, :3].T + placing[:3, 3]
    centre = placing[:3, :3] @ (14.0, 13.0, 11.0) + placing[:3, 3]
    data = np.clip(0.5 + (8.0 - np.linalg.norm(where - centre, axis=-1)) / 12, 0, 1).astype(np.float32)
    look = Look(window=(0.0, 1.0), hide_below=0.5, preset="solid")
    scene, find = filed(make_scene, make_volume(data, placing), looks=[look])
    return scene, find, centre


def test_the_point_lies_on_the_surface_under_the_cursor(ball):
    scene, find, centre = ball
    view = rays(centre)
    for way in ((0, 0), (3, -2), (-4, 4)):
        wanted = centre + view.right * way[0] + view.up * way[1]
        wanted = wanted - view.direction * np.sqrt(64 - np.dot(way, way))
        found = pick(view, scene, find, view.project(wanted)[0])
        arm = found - centre
        # To the side the point is under the cursor exactly; in depth the voxels draw a coarser ball than the formula.
        assert np.linalg.norm((arm - way[0] * view.right - way[1] * view.up) @ np.stack([view.right, view.up]).T) < 1e-9
        assert -0.3 < (found - wanted) @ view.direction < 0.3


def test_a_sharp_plane_is_found_to_a_hundredth(placing, make_volume, make_scene):
    shape = (24, 24, 24)
    data = np.zeros(shape, np.float32)
    data[:, :, :12] = 1000.0
    look = Look(window=(0.0, 1.0), hide_below=499.9, preset="solid")
    scene, find = filed(make_scene, make_volume(data, placing), looks=[look])
    normal = np.cross(placing[:3, 0], placing[:3, 1])
    normal *= np.sign(normal @ placing[:3, 2]) / np.linalg.norm(normal)
    on_plane = placing[:3, :3] @ (12.0, 11.0, 11.5) + placing[:3, 3]
    view = rays(on_plane, back=normal + 0.05)
    found = pick(view, scene, find, view.project(on_plane)[0])
    assert abs((found - on_plane) @ view.direction) < 0.01


def test_rays_meet_boxes_where_geometry_says(placing):
    shape = (10, 12, 14)
    inverse = np.linalg.inv(placing)
    rng = np.random.default_rng(3)
    for _ in range(50):
        entry = np.append(rng.uniform(0, [9, 11]), 0.0)
        leave = np.append(rng.uniform(0, [9, 11]), 13.0)
        start, end = (placing[:3, :3] @ p + placing[:3, 3] for p in (entry, leave))
        way = (end - start) / np.linalg.norm(end - start)
        near, far = span_in_box(inverse, shape, start - 7.5 * way, way)
        assert np.isclose(near, 7.5, atol=1e-9)
        assert np.isclose(far, 7.5 + np.linalg.norm(end - start), atol=1e-9)
    near, far = span_in_box(inverse, shape, placing[:3, 3] - 100 * placing[:3, 2], placing[:3, 0] / np.linalg.norm(placing[:3, 0]))
    assert far < near


def test_beside_everything_the_plane_of_the_crosshair_is_found(ball):
    scene, find, centre = ball
    scene = msgspec.structs.replace(scene, crosshair=tuple(float(x) for x in centre + 1.5))
    view = rays(centre, half=120.0)
    found = pick(view, scene, find, (3.0, 4.0))
    assert pick_surface(view, scene, find, (3.0, 4.0)) is None
    assert np.allclose(view.project(found)[0], (3.0, 4.0), atol=1e-9)
    assert abs((found - scene.crosshair) @ view.direction) < 1e-9


def test_hidden_layers_and_clipped_parts_are_not_found(ball):
    scene, find, centre = ball
    view = rays(centre)
    pixel = view.project(centre)[0]
    layer = scene.layers[0]
    assert pick_surface(view, scene, find, pixel) is not None
    for change in ({"visible": False}, {"volume": False}, {"opacity": 0.05}):
        hidden = scene.with_layer(msgspec.structs.replace(layer, look=msgspec.structs.replace(layer.look, **change)))
        assert pick_surface(view, hidden, find, pixel) is None
    glass = scene.with_layer(msgspec.structs.replace(layer, look=msgspec.structs.replace(layer.look, opacity=0.4)))
    assert np.allclose(pick_surface(view, glass, find, pixel), pick_surface(view, scene, find, pixel), atol=0.05)
    # Only what lies behind the centre is kept: the cut face is found.
    cut = msgspec.structs.replace(scene, clips=(Clip(tuple(map(float, centre)), tuple(map(float, view.direction))),))
    assert abs((pick_surface(view, cut, find, pixel) - centre) @ view.direction) < 0.01


def test_two_layers_hide_together(make_volume, make_scene):
    block = np.ones((10, 10, 10), np.float32)
    ahead, behind = np.eye(4), np.eye(4)
    behind[1, 3] = -20.0
    looks = [Look(window=(0.0, 1.0), preset="solid", opacity=0.4)] * 2
    scene, find = filed(make_scene, make_volume(block, ahead, "ahead"), make_volume(block, behind, "behind"), looks=looks)
    view = rays((5, 0, 5), back=(0, 1, 0))
    found = pick_surface(view, scene, find, view.project((5, 0, 5))[0])
    assert abs(found[1] + 11.0) < 0.01


def test_layers_move_with_their_placement(ball):
    scene, find, centre = ball
    change = rotation_about((0, 0, 1), 0.7, centre)
    change[:3, 3] += (5, 1, 0)
    rows = tuple(map(tuple, change.tolist()))
    layer = scene.layers[0]
    moved = scene.with_layer(msgspec.structs.replace(layer, placement=msgspec.structs.replace(layer.placement, matrix=rows)))
    view = rays(centre)
    before = pick(view, scene, find, view.project(centre)[0])
    after = pick(view, moved, find, view.project(centre + np.array([5.0, 1, 0]))[0])
    assert np.allclose(after - before, (5, 1, 0), atol=0.25)


def test_an_empty_scene_has_no_point():
    assert pick(rays((0, 0, 0)), Scene(), lambda layer: layer, (5, 5)) is None
