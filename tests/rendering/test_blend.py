"""Values into colours, and layers onto layers."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.rendering.blend import blend
from volstudio.rendering.compositor import slice_rgb
from volstudio.rendering.planes import SliceView
from volstudio.scene import colourmaps
from volstudio.scene.model import Look

WILD = {
    "infinities": np.where(np.arange(1000) % 7 == 0, np.inf, np.linspace(0, 1, 1000)).astype(np.float32),
    "nothing but infinity": np.full(1000, -np.inf, np.float32),
    "the end of float32": np.linspace(-3.4e38, 3.4e38, 1000).astype(np.float32),
    "beyond float32": np.linspace(-1e60, 1e60, 1000),
    "tiny": np.linspace(0, 1e-40, 1000),
}


def test_layers_cover_by_opacity_or_add_light(make_volume, make_scene):
    below, above = make_volume(np.full((3, 3, 3), 0.4), name="below"), make_volume(np.full((3, 3, 3), 0.8), name="above")
    view = SliceView("axial", (1.0, 1.0, 1.0), 1.0, (2, 2))
    for look, wanted in [
        (Look(window=(0.0, 1.0), opacity=0.5), 0.6),
        (Look(window=(0.0, 1.0), opacity=0.5, blend="add"), 0.8),
        (Look(window=(0.0, 1.0), blend="add"), 1.0),
        (Look(window=(0.0, 1.0), visible=False), 0.4),
        (Look(window=(0.0, 1.0), opacity=0.0), 0.4),
    ]:
        scene, find = make_scene(below, above, looks=[Look(window=(0.0, 1.0)), look])
        assert slice_rgb(scene, find, view)[0, 0] == pytest.approx(255 * wanted, abs=1.01)


def test_nan_is_transparent(make_volume, make_scene):
    array = np.full((5, 5, 3), 1.0, np.float32)
    array[2, 2] = np.nan
    array[0, 0] = np.inf
    scene, find = make_scene(make_volume(array), background=(0.0, 0.0, 0.4))
    picture = slice_rgb(scene, find, SliceView("axial", (2.0, 2.0, 1.0), 5.0, (5, 5)))
    assert tuple(picture[2, 2]) == tuple(picture[4, 0]) == (0, 0, 102)
    assert tuple(picture[2, 4]) == (255, 255, 255)


def test_values_below_the_threshold_are_hidden_along_a_smooth_contour(make_volume, make_scene):
    array = np.broadcast_to(np.linspace(0, 1, 21, dtype=np.float32)[:, None, None], (21, 5, 3))
    scene, find = make_scene(make_volume(array.copy()), looks=[Look(window=(-1.0, 1.0), hide_below=0.505)])
    row = slice_rgb(scene, find, SliceView("axial", (10.0, 2.0, 1.0), 4.0, (200, 40)))[20, :, 0]
    edge = (10.1 - 10.0) / 0.1 + 99.5
    assert not row[: int(edge) - 1].any()
    assert (row[int(edge) + 2 :] > 180).all()


@pytest.mark.parametrize("interpolation", ["linear", "nearest"])
def test_two_sided_maps_use_their_halves_and_hide_the_middle(interpolation, make_volume, make_scene):
    array = np.broadcast_to(np.array([-9.0, -4, -1, 0, 1, 4, 9], np.float32)[:, None, None], (7, 3, 3)).copy()
    look = Look("cold-hot", (2.0, 6.0), two_sided=True, hide_below=2.0, interpolation=interpolation)
    scene, find = make_scene(make_volume(array), looks=[look])
    row = slice_rgb(scene, find, SliceView("axial", (3.0, 1.0, 1.0), 1.0, (7, 1)))[0].astype(int)
    table = colourmaps.get("cold-hot").table(256).astype(int)
    assert np.abs(row[0] - table[0]).max() <= 1
    assert np.abs(row[6] - table[255]).max() <= 1
    assert np.abs(row[1] - table[64]).max() <= 3
    assert np.abs(row[5] - table[191]).max() <= 3
    assert not row[2:5].any()


def test_labels_take_their_own_colours_and_none_is_nothing(make_volume, make_scene):
    array = np.array([0, 1, 2, 11101, 4096], np.int32).reshape(5, 1, 1)
    scene, find = make_scene(make_volume(array), looks=[Look("labels", interpolation="nearest")], background=(0.0, 0.0, 0.2))
    row = slice_rgb(scene, find, SliceView("axial", (2.0, 0.0, 0.0), 1.0, (5, 1)))[0]
    table = colourmaps.get("labels").table(4096)
    assert tuple(row[0]) == (0, 0, 51)
    assert np.array_equal(row[1], table[1])
    assert np.array_equal(row[2], table[2])
    assert np.array_equal(row[3], table[1 + 11100 % 4095])
    assert np.array_equal(row[4], table[1])


@pytest.mark.parametrize("values", WILD.values(), ids=list(WILD))
@pytest.mark.parametrize("look", [Look(), Look(hide_below=0.5), Look(two_sided=True, colourmap="cold-hot"), Look(colourmap="labels")])
def test_wild_values_are_drawn_without_a_warning(make_volume, make_scene, values, look):
    scene, find = make_scene(make_volume(values.reshape(10, 10, 10)), looks=[look])
    slice_rgb(scene, find, SliceView("axial", (4.5, 4.5, 4.5), 14.0, (60, 60)))


def test_values_beyond_float32_keep_their_shades(make_volume, make_scene):
    data = np.zeros((4, 4, 4))
    data[0], data[1], data[2], data[3] = 1e50, 2e50, 3e50, 4e50
    scene, find = make_scene(make_volume(data), looks=[Look(window=(1e50, 4e50))])
    picture = slice_rgb(scene, find, SliceView("axial", (1.5, 1.5, 1.5), 4.0, (4, 4)))
    assert picture[1, :, 0].tolist() == [0, 85, 170, 255]


def test_long_label_numbers_keep_their_colours(make_volume, make_scene):
    data = np.zeros((4, 4, 4), np.int32)
    data[:] = np.array([614454277, 614454278, 614454279, 0])[:, None, None]
    scene, find = make_scene(make_volume(data), looks=[Look(colourmap="labels", interpolation="linear")])
    picture = slice_rgb(scene, find, SliceView("axial", (1.5, 1.5, 1.5), 4.0, (4, 4)))
    assert len(np.unique(picture[1], axis=0)) == 4


LOOKS = [Look(opacity=0.6), Look(blend="add", opacity=0.6), Look(hide_below=3.0), Look(hide_below=3.0, two_sided=True)]


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("covered", [True, False])
def test_a_layer_in_the_middle_of_nothing_is_drawn_as_it_is_alone(look, covered):
    """Bit for bit, at its edges too; around it nothing is touched."""
    numbers = np.random.default_rng(5)
    values = numbers.normal(3, 4, (9, 14)).astype(np.float32)
    values[numbers.random(values.shape) < 0.1] = np.nan
    cover = numbers.random(values.shape).astype(np.float32) if covered else None
    ground = numbers.uniform(0, 255, (3, 20, 30)).astype(np.float32)
    part = slice(6, 15), slice(11, 25)
    around = np.full(ground.shape[1:], np.nan, np.float32)
    around[part] = values
    wide = None if cover is None else np.ones_like(around)
    if wide is not None:
        wide[part] = cover
    alone = np.pad(values, 1, constant_values=np.nan)  # its own edge has nothing beside it
    there = ground[:, 5:16, 10:26].copy()
    blend(there, alone, None if cover is None else np.pad(cover, 1), look, (-5.0, 15.0))
    drawn = ground.copy()
    blend(drawn, around, wide, look, (-5.0, 15.0))
    assert np.array_equal(drawn[:, 5:16, 10:26], there)
    drawn[:, *part] = ground[:, *part]
    assert np.array_equal(drawn, ground)


def test_nothing_at_all_leaves_the_ground_alone():
    ground = np.full((3, 4, 5), 7.0, np.float32)
    blend(ground, np.full((4, 5), np.nan, np.float32), None, Look(), (0.0, 1.0))
    assert (ground == 7).all()
