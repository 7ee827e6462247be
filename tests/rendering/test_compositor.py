from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from msgspec.structs import replace

from volstudio.errors import SceneError
from volstudio.geometry.affine import Affine
from volstudio.geometry.spaces import SCENE, scanner
from volstudio.rendering import compositor
from volstudio.rendering.compositor import layer_slice, sample, slice_rgb, window_of
from volstudio.rendering.planes import PLANES, SliceView
from volstudio.scene.model import Layer, Look, Placement, Scene

UNMOVED = Affine.identity(scanner("vol"), SCENE)
CENTRE_VOXEL = (21, 19, 17)


def grid_of_indices(shape):
    return np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1).astype(np.float64)


def blob(matrix, shape=(44, 40, 36), sigma=3.0):
    """A Gaussian of ``sigma`` mm, round in the world, about the centre of a known voxel."""
    world = grid_of_indices(shape) @ matrix[:3, :3].T + matrix[:3, 3]
    centre = (matrix @ [*CENTRE_VOXEL, 1])[:3]
    return np.exp(-0.5 * ((world - centre) ** 2).sum(axis=-1) / sigma**2).astype(np.float32), centre


def centroid(weights):
    y, x = np.mgrid[: weights.shape[0], : weights.shape[1]]
    return np.array([(weights * x).sum(), (weights * y).sum()]) / weights.sum()


@pytest.mark.parametrize("convention", ["neurological", "radiological"])
@pytest.mark.parametrize("plane", PLANES)
def test_a_known_voxel_is_drawn_where_its_affine_puts_it(plane, convention, placing, make_volume, make_scene):
    array, centre = blob(placing)
    scene, find = make_scene(make_volume(array, placing))
    middle = tuple(centre + np.array([1.3, -2.1, 0.7]))
    view = SliceView(plane, middle, 36.0, (150, 144), convention).through(centre)
    picture = slice_rgb(scene, find, view)[..., 0].astype(np.float64)
    assert picture.max() > 230
    error_mm = np.linalg.norm(centroid(picture) - view.to_pixels(centre)) * view.pixel_mm
    assert error_mm < 0.01


def test_a_placement_moves_what_is_drawn(placing, make_volume, make_scene):
    array, centre = blob(placing)
    scene, find = make_scene(make_volume(array, placing))
    move = np.array([[0.0, -1.0, 0.0, 12.0], [1.0, 0.0, 0.0, -7.0], [0.0, 0.0, 1.0, 4.0], [0.0, 0.0, 0.0, 1.0]])
    scene = scene.with_layer(Layer("vol", "memory:vol", Placement(tuple(map(tuple, move.tolist()))), Look(window=(0.0, 1.0))))
    there = (move @ [*centre, 1])[:3]
    view = SliceView("coronal", tuple(there), 36.0, (150, 144))
    error_mm = np.linalg.norm(centroid(slice_rgb(scene, find, view)[..., 0].astype(float)) - view.to_pixels(there)) * view.pixel_mm
    assert error_mm < 0.01


@pytest.mark.parametrize("plane", [*PLANES, "oblique"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_ramp_is_sampled_as_the_world_coordinate(plane, dtype, placing, make_volume):
    slope = np.array([0.3, -0.7, 0.5])
    volume = make_volume(((grid_of_indices((20, 24, 16)) @ placing[:3, :3].T + placing[:3, 3]) @ slope).astype(dtype), placing)
    basis = ((1.0, 0.4, -0.2), (0.3, 0.9, 0.5)) if plane == "oblique" else None
    centre = volume.grid.centre
    view = SliceView("axial" if basis else plane, tuple(centre), 60.0, (120, 110), basis=basis)
    values = sample(volume.data, volume.grid, UNMOVED, view)
    pixels = np.stack(np.meshgrid(np.arange(120), np.arange(110)), axis=-1)
    world = view.to_scene(pixels)
    ijk = volume.affine.inverse().apply(world)
    within = ((ijk > 0) & (ijk < np.array(volume.shape) - 1)).all(axis=-1)
    assert within.sum() > 500
    assert np.abs(values - world @ slope)[within].max() < 2e-4


def test_voxels_are_drawn_up_to_their_faces_and_no_further(placing, make_volume):
    volume = make_volume(np.ones((7, 5, 6), np.int16), placing)
    view = SliceView("coronal", tuple(volume.grid.centre), 24.0, (333, 287))
    inside = np.isfinite(sample(volume.data, volume.grid, UNMOVED, view))
    pixels = np.stack(np.meshgrid(np.arange(333), np.arange(287)), axis=-1)
    ijk = volume.affine.inverse().apply(view.to_scene(pixels))
    beyond = (np.abs(ijk - (np.array(volume.shape) - 1) / 2) - np.array(volume.shape) / 2).max(axis=-1)
    assert inside[beyond < -1e-4].all()
    assert not inside[beyond > 1e-4].any()


@pytest.mark.parametrize("depth", [-0.49, 0.0, 0.49])
def test_a_single_slice_is_half_a_voxel_thick_either_way(depth, make_volume):
    volume = make_volume(np.full((6, 6, 1), 3.0))
    view = SliceView("axial", (2.5, 2.5, depth), 4.0, (8, 8))
    assert (sample(volume.data, volume.grid, UNMOVED, view) == 3.0).all()
    assert np.isnan(sample(volume.data, volume.grid, UNMOVED, view.through((0, 0, 0.51)))).all()


@pytest.mark.parametrize("height_mm", [60.0, 17.0])
def test_the_edge_of_an_oblique_volume_covers_its_share_of_the_pixels(height_mm, placing, make_volume, make_scene):
    scene, find = make_scene(make_volume(np.ones((12, 14, 10), np.float32), placing))
    view = SliceView("axial", tuple(find(scene.layers[0]).grid.centre), height_mm, (90, 90))
    fine = SliceView("axial", view.centre, height_mm, (900, 900))
    volume = find(scene.layers[0])
    share = np.isfinite(sample(volume.data, volume.grid, UNMOVED, fine)).reshape(90, 10, 90, 10).mean(axis=(1, 3))
    drawn = slice_rgb(scene, find, view)[..., 0] / 255
    assert drawn.sum() == pytest.approx(share.sum(), rel=0.004)
    cut = (share > 0) & (share < 1)
    assert np.abs(drawn - share)[cut].mean() < 0.08
    assert np.abs(drawn - share)[~cut].max() < 0.2


@pytest.mark.parametrize(
    "dtype", [bool, np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64, np.float16, np.float32, ">i2", ">f4"]
)
def test_every_kind_of_number_is_sampled(dtype, make_volume):
    array = (np.arange(60).reshape(3, 4, 5) % 2).astype(dtype)
    for order in "CF":
        volume = make_volume(np.asarray(array, order=order))
        view = SliceView("axial", (1.0, 1.5, 2.0), 4.0, (3, 4))
        assert np.array_equal(sample(volume.data, volume.grid, UNMOVED, view), array[:, ::-1, 2].T.astype(np.float32))


def test_fractions_between_whole_numbers_are_kept(make_volume):
    volume = make_volume(np.arange(8, dtype=np.uint8).reshape(2, 2, 2))
    view = SliceView("axial", (0.5, 0.5, 0.5), 1.0, (1, 1))
    assert sample(volume.data, volume.grid, UNMOVED, view)[0, 0] == pytest.approx(3.5, abs=1e-4)


def test_voxels_are_not_copied_when_vtk_can_read_them():
    array = np.asfortranarray(np.zeros((30, 40, 50), np.int16))
    array.setflags(write=False)
    image = compositor._wire(array).reslice.GetInput()
    before = image.GetScalarComponentAsDouble(1, 2, 3, 0)
    array.setflags(write=True)
    array[1, 2, 3] = 77
    assert (before, image.GetScalarComponentAsDouble(1, 2, 3, 0)) == (0, 77)


def test_outside_the_first_layer_other_layers_are_drawn(make_volume, make_scene):
    base = make_volume(np.zeros((5, 5, 5)), name="base")
    aside = make_volume(np.ones((5, 5, 5)), np.array([[1, 0, 0, 20], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]), name="aside")
    scene, find = make_scene(base, aside, background=(0.2, 0.2, 0.2))
    view = SliceView("axial", (12.0, 2.0, 2.0), 4.0, (30, 4))
    row = slice_rgb(scene, find, view)[2, :, 0]
    columns = [round(view.to_pixels((x, 2.0, 2.0))[0]) for x in (2.0, 12.0, 22.0)]
    assert row[columns].tolist() == [0, 51, 255]


def test_nearest_shows_voxels_as_they_are(make_volume, make_scene):
    array = np.random.default_rng(1).random((6, 6, 6)).astype(np.float32)
    scene, find = make_scene(make_volume(array), looks=[Look(window=(0.0, 1.0), interpolation="nearest")])
    values, _ = layer_slice(scene.layers[0], find(scene.layers[0]), SliceView("axial", (2.5, 2.5, 3.2), 6.0, (60, 60)))
    assert np.array_equal(values, np.kron(array[:, ::-1, 3].T, np.ones((10, 10))))


def test_small_pictures_take_the_mean_of_what_a_pixel_spans(make_volume, make_scene):
    stripes = np.zeros((64, 64, 3), np.float32)
    stripes[::2] = 1.0
    scene, find = make_scene(make_volume(stripes))
    small = slice_rgb(scene, find, SliceView("axial", (31.5, 31.5, 1.0), 64.0, (16, 16)))
    assert np.abs(small.astype(int) - 128).max() < 12


def test_the_other_convention_is_the_mirror_image(make_volume, make_scene, placing):
    array, centre = blob(placing)
    scene, find = make_scene(make_volume(array, placing))
    for plane in ("axial", "coronal"):
        left, right = (
            slice_rgb(scene, find, SliceView(plane, tuple(centre), 40.0, (81, 64), side)).astype(int)
            for side in ("neurological", "radiological")
        )
        assert np.abs(left - right[:, ::-1]).max() <= 1


def test_the_order_in_which_scans_are_named_changes_nothing(make_volume):
    one, centre = blob(np.diag([1.0, 1, 1, 1]))
    many = np.random.default_rng(0).integers(0, 900, (12, 14, 9)).astype(np.int16)
    first = make_volume(one * 1000, np.eye(4), name="t1")
    second = make_volume(many, np.array([[3.0, 0.4, 0, 2], [-0.4, 3, 0.3, 1], [0, 0.2, 3.5, 4], [0, 0, 0, 1]]), name="bold")
    find = lambda layer: {"t1": first, "bold": second}[layer.name]  # noqa: E731
    view = SliceView("sagittal", tuple(centre), 50.0, (90, 80))
    forth, back = (slice_rgb(Scene.of(*order), find, view) for order in ((first, second), (second, first)))
    assert forth.std() > 10
    assert np.array_equal(forth, back)


def test_the_time_point_shown_is_drawn_in_the_window_of_the_first(make_volume, make_scene):
    series = np.stack([np.full((3, 3, 3), value, np.float32) for value in (0.2, 0.9)], axis=-1)
    scene, find = make_scene(make_volume(series))
    view = SliceView("axial", (1.0, 1.0, 1.0), 1.0, (1, 1))
    assert slice_rgb(scene, find, view)[0, 0, 0] == pytest.approx(51, abs=1)
    later = scene.with_layer(Layer("vol", "memory:vol", look=Look(window=(0.0, 1.0)), time=1))
    assert slice_rgb(later, find, view)[0, 0, 0] == pytest.approx(230, abs=1)
    beyond = scene.with_layer(Layer("vol", "memory:vol", time=2))
    with pytest.raises(SceneError, match="0 to 1"):
        slice_rgb(beyond, find, view)


def test_without_a_window_a_robust_one_is_used_and_kept(make_volume, make_scene, monkeypatch):
    array = np.random.default_rng(2).normal(500, 50, (20, 20, 20)).astype(np.float32)
    scene, find = make_scene(make_volume(array), looks=[Look()])
    low, high = window_of(scene.layers[0], find(scene.layers[0]))
    assert 300 < low < 450
    assert 550 < high < 700
    monkeypatch.setattr("volstudio.volumes.intensity.robust_window", lambda *_: pytest.fail("the window was computed again"))
    assert window_of(scene.layers[0], find(scene.layers[0])) == (low, high)


def test_caches_tell_volumes_views_and_placements_apart(make_volume, make_scene):
    view = SliceView("axial", (1.0, 1.0, 1.0), 3.0, (3, 3))
    for value in (0.2, 0.4, 0.8):
        scene, find = make_scene(make_volume(np.full((3, 3, 3), value, np.float32)))
        assert slice_rgb(scene, find, view)[1, 1, 0] == pytest.approx(255 * value, abs=1)
        assert not slice_rgb(scene, find, view.through((0, 0, 5.0))).any()
        away = Placement(((1.0, 0.0, 0.0, 50.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0)))
        assert not slice_rgb(scene.with_layer(Layer("vol", "memory:vol", away, Look(window=(0.0, 1.0)))), find, view).any()


def test_what_the_uppermost_layer_lies_on_is_kept_only_while_it_is_the_same(make_volume, make_scene):
    """Every change is drawn as from nothing, whatever was drawn before it."""
    rng = np.random.default_rng(4)
    a, b, c = (make_volume(rng.random((9, 8, 7), np.float32), name=name) for name in "abc")
    half = Look(window=(0.0, 1.0), opacity=0.5)
    scene, find = make_scene(a, b, c, looks=[half, half, half])
    view = SliceView("axial", (4.0, 4.0, 3.0), 9.0, (40, 40))
    moved = Affine(np.array([[1.0, 0, 0, 2], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), "a:scanner", SCENE)
    up = Affine(moved.matrix, "c:scanner", SCENE)
    bright = replace(scene, layers=(replace(scene.layers[0], look=Look(window=(0.0, 0.5), opacity=0.5)), *scene.layers[1:]))
    hidden = replace(scene, layers=(replace(scene.layers[0], look=replace(half, visible=False)), *scene.layers[1:]))
    order = replace(scene, layers=scene.layers[::-1])
    grey = replace(scene, background=(0.3, 0.3, 0.3))
    steps = [
        scene,
        scene.place("c", up),
        scene.place("a", moved),
        bright,
        hidden,
        order,
        grey,
        replace(scene, layers=scene.layers[:2]),
        scene,
    ]
    warm = [slice_rgb(each, find, view) for each in steps]
    fresh = []
    for each in steps:
        compositor.forget()
        fresh.append(slice_rgb(each, find, view))
    assert all(np.array_equal(one, other) for one, other in zip(warm, fresh, strict=True))
    assert len({picture.tobytes() for picture in fresh[:-1]}) == len(steps) - 1


def test_caches_stay_small(make_volume, make_scene, monkeypatch):
    monkeypatch.setattr(compositor, "MAX_SLICE_BYTES", 100_000)
    monkeypatch.setattr(compositor, "MAX_CUTTERS", 3)
    for n in range(8):
        scene, find = make_scene(make_volume(np.full((3, 3, 3), n / 8, np.float32)))
        slice_rgb(scene, find, SliceView("axial", (1.0, 1.0, 1.0), 3.0, (90, 90)))
    assert len(compositor._cutters) <= 3
    assert sum(values.nbytes for _, values, _ in compositor._slices.values()) <= 100_000


def test_few_grounds_are_kept(make_volume, make_scene, monkeypatch):
    monkeypatch.setattr(compositor, "MAX_GROUNDS", 2)
    scene, find = make_scene(*(make_volume(np.ones((3, 3, 3), np.float32), name=name) for name in "ab"))
    for depth in range(5):
        slice_rgb(scene, find, SliceView("axial", (1.0, 1.0, depth / 4), 3.0, (20, 20)))
    assert len(compositor._grounds) == 2


def test_threads_do_not_disturb_each_other(make_volume, make_scene):
    array, centre = blob(np.eye(4))
    scene, find = make_scene(make_volume(array))
    views = [SliceView(plane, tuple(centre + 0.1 * n), 30.0, (60, 60)) for n in range(12) for plane in PLANES]
    alone = [slice_rgb(scene, find, view) for view in views]
    compositor.forget()
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda view: slice_rgb(scene, find, view), views))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the list of loaded libraries from /proc")
def test_no_opengl_library_is_loaded_for_slices_and_text():
    code = """
import numpy as np, sys
from pathlib import Path
from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.volumes.volume import Volume
from volstudio.scene.model import Layer, Scene
from volstudio.rendering.layout import quad, slices_picture
volume = Volume(np.random.rand(20, 20, 20), Grid((20, 20, 20), Affine.identity("v:voxel", "v:scanner")), "v")
scene = Scene(layers=(Layer("v", "memory:v"),), title="no OpenGL")
assert slices_picture(scene, lambda layer: volume, (600, 300)).std() > 1
assert quad(scene, lambda layer: volume, (600, 400), None).std() > 1
loaded = Path("/proc/self/maps").read_text().lower()
print([name for name in ("libgl", "libegl", "osmesa", "libx11", "opengl2") if name in loaded])
print([name for name in ("pyvista", "scipy", "SimpleITK", "PySide6") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "[]"], done.stdout


def test_the_window_of_labels_is_their_whole_range(make_volume, make_scene):
    data = np.zeros((20, 20, 20), np.int16)
    data[2:18, 2:18, 2:18] = 3
    data[9, 9, 9] = 1017
    scene, find = make_scene(make_volume(data), looks=[Look(colourmap="labels")])
    assert window_of(scene.layers[0], find(scene.layers[0])) == (0.0, 1017.0)
