from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volstudio.errors import GeometryError
from volstudio.rendering.planes import PLANES, SliceView, axes_of, content_box, crosshair_of, depth_axis, voxel_to_scene
from volstudio.scene.model import Panel, Placement, Scene

numbers = st.floats(-300, 300)
points = st.tuples(numbers, numbers, numbers)
views = st.builds(
    SliceView,
    plane=st.sampled_from(PLANES),
    centre=points,
    height_mm=st.floats(0.5, 900),
    size=st.tuples(st.integers(1, 4000), st.integers(1, 4000)),
    convention=st.sampled_from(["neurological", "radiological"]),
    basis=st.none() | st.just(((1.0, 0.4, -0.2), (0.3, 0.9, 0.5))),
)


@given(view=views, pixel=st.tuples(numbers, numbers))
def test_pixels_come_back_from_the_scene(view, pixel):
    assert view.to_pixels(view.to_scene(pixel)) == pytest.approx(pixel, abs=1e-7)


@given(view=views, pixel=st.tuples(numbers, numbers))
def test_points_lie_on_the_plane_through_the_centre(view, pixel):
    assert (view.to_scene(pixel) - view.centre) @ view.normal == pytest.approx(0, abs=1e-6)


@given(view=views)
def test_directions_are_a_right_handed_frame_that_looks_at_the_viewer(view):
    frame = np.array([view.right, view.up, view.normal])
    assert frame @ frame.T == pytest.approx(np.eye(3), abs=1e-12)
    assert np.linalg.det(frame) == pytest.approx(1)
    assert view.direction == pytest.approx(-view.normal)


@given(view=views, factor=st.floats(0.1, 10), pixel=st.tuples(numbers, numbers))
def test_zooming_keeps_the_point_under_the_pixel(view, factor, pixel):
    zoomed = view.zoomed(factor, about=pixel)
    assert zoomed.to_scene(pixel) == pytest.approx(view.to_scene(pixel), abs=1e-6)
    assert zoomed.pixel_mm == pytest.approx(view.pixel_mm / factor)


@given(view=views, way=st.tuples(numbers, numbers))
def test_panning_drags_the_content_along(view, way):
    point = view.to_scene((10.0, 20.0))
    assert view.panned(way).to_pixels(point) == pytest.approx((10 + way[0], 20 + way[1]), abs=1e-6)


@given(view=views, point=points)
def test_a_view_through_a_point_holds_it_and_keeps_its_pixels(view, point):
    through = view.through(point)
    assert (np.array(point) - through.centre) @ view.normal == pytest.approx(0, abs=1e-6)
    assert through.to_pixels(point) == pytest.approx(view.to_pixels(point), abs=1e-5)


@given(view=views, point=points)
def test_a_ray_under_a_projected_point_passes_through_it(view, point):
    start, direction = view.ray(view.project(point)[0])
    assert np.linalg.norm(np.cross(np.array(point) - start, direction)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("convention", ["neurological", "radiological"])
def test_left_of_the_patient_is_where_the_convention_says_and_anterior_is_on_the_right(convention):
    for plane in ("axial", "coronal"):
        view = SliceView(plane, (0, 0, 0), 100, (101, 101), convention)
        x_of_the_left_ear = view.to_pixels([-40.0, 0, 0])[0]
        assert (x_of_the_left_ear < 50) == (convention == "neurological")
    sagittal = SliceView("sagittal", (0, 0, 0), 100, (101, 101), convention)
    assert sagittal.to_pixels([0, 40.0, 0])[0] > 50


def test_superior_and_anterior_are_up():
    assert SliceView("coronal", (0, 0, 0), 100, (101, 101)).to_pixels([0, 0, 40.0])[1] < 50
    assert SliceView("sagittal", (0, 0, 0), 100, (101, 101)).to_pixels([0, 0, 40.0])[1] < 50
    assert SliceView("axial", (0, 0, 0), 100, (101, 101)).to_pixels([0, 40.0, 0])[1] < 50


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("size", [(300, 300), (500, 200), (200, 500)])
def test_without_a_panel_all_layers_fit_to_their_outer_faces(plane, size, make_volume, make_scene, placing):
    scene, find = make_scene(make_volume(np.zeros((30, 20, 25), np.float32), placing))
    pixels = SliceView.for_scene(scene, find, plane, size, margin=10).to_pixels(content_box(scene, find))
    assert pixels.min() >= 9
    assert (pixels <= np.array(size) - 10).all()
    touching = [pixels[:, 0].min() < 11, pixels[:, 1].min() < 11]
    assert any(touching)


def test_a_panel_gives_zoom_and_pan_and_the_crosshair_gives_the_depth(make_volume, make_scene):
    scene, find = make_scene(make_volume(np.zeros((9, 9, 9))), crosshair=(1.0, 2.0, 3.0), axial=Panel((5.0, 6.0, 99.0), 40.0))
    view = SliceView.for_scene(scene, find, "axial", (100, 80))
    assert view.centre == (5.0, 6.0, 3.0)
    assert view.height_mm == 40.0
    assert view.panel() == Panel((5.0, 6.0, 3.0), 40.0)


def test_the_crosshair_rests_in_the_middle_of_the_first_layer(make_volume, make_scene, placing):
    scene, find = make_scene(make_volume(np.zeros((11, 21, 5)), placing))
    assert crosshair_of(scene, find) == pytest.approx((placing @ [5, 10, 2, 1])[:3])


def test_a_placement_follows_the_file(make_volume, make_scene, placing):
    volume = make_volume(np.zeros((4, 5, 6)), placing)
    scene, _ = make_scene(volume)
    move = np.array([[0, -1, 0, 5], [1, 0, 0, 6], [0, 0, 1, 7], [0, 0, 0, 1]], float)
    layer = scene.layers[0]
    moved = type(layer)(layer.name, layer.path, Placement(tuple(map(tuple, move.tolist()))))
    assert voxel_to_scene(moved, volume).matrix == pytest.approx(move @ placing)


def test_an_empty_scene_has_views_too():
    view = SliceView.for_scene(Scene(), lambda layer: None, "axial", (100, 100))
    assert view.centre == (0, 0, 0)
    assert view.height_mm > 100


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"height_mm": 0.0}, "height"),
        ({"height_mm": np.nan}, "height"),
        ({"size": (0, 5)}, "pixel"),
        ({"basis": ((1, 0, 0), (2, 0, 0))}, "parallel"),
    ],
)
def test_views_that_show_nothing_are_refused(change, says):
    with pytest.raises(GeometryError, match=says):
        SliceView(**{"plane": "axial", "centre": (0, 0, 0), "height_mm": 10.0, "size": (5, 5), **change})


def test_planes_are_cut_across_their_own_axis():
    for plane in PLANES:
        across = np.abs(np.cross(*axes_of(plane)))
        assert int(across.argmax()) == depth_axis(plane)
