"""What of a volume is seen, and what that means for the first crosshair and camera."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.rendering.content import find_content
from volstudio.rendering.planes import content_box, crosshair_of, seen_box
from volstudio.scene.model import Look

CHANCE = np.random.default_rng(5)
SHAPE = (60, 70, 50)


def head(dtype, offset=0):
    data = CHANCE.integers(0, 8, SHAPE).astype(dtype)
    data[10:30, 30:60, 5:25] = CHANCE.integers(300, 900, (20, 30, 20))
    return data + np.dtype(dtype).type(offset)


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_air_is_no_content(dtype):
    content = find_content(head(dtype))
    np.testing.assert_allclose([content.low, content.high], [[9.5, 29.5, 4.5], [29.5, 59.5, 24.5]], atol=1)


def test_large_volumes_are_looked_at_in_steps():
    data = np.zeros((300, 130, 40), np.uint8)
    data[200:260, 20:60, 10:20] = 9
    content = find_content(data)
    np.testing.assert_allclose([content.low, content.high], [[199.5, 19.5, 9.5], [259.5, 59.5, 19.5]], atol=5)


def test_stray_voxels_do_not_count():
    data = np.zeros(SHAPE, np.uint8)
    data[20:40, 20:40, 20:40] = 1
    data[1, 1, 1] = data[58, 68, 48] = 1
    np.testing.assert_allclose(find_content(data).low, 19.5)


@pytest.mark.parametrize("value", [0, 7, np.nan, np.inf])
def test_nothing_that_stands_out_is_everything(value):
    content = find_content(np.full(SHAPE, value))
    assert content.low.tolist() == [-0.5] * 3
    assert content.high.tolist() == [59.5, 69.5, 49.5]
    assert content.middle.tolist() == [29.5, 34.5, 24.5]


def test_both_sides_of_a_statistic_are_content():
    data = np.zeros(SHAPE, np.float32)
    data[5:15, 5:15, 5:15], data[40:50, 40:50, 30:40] = CHANCE.normal(-4, 1, (10, 10, 10)), CHANCE.normal(4, 1, (10, 10, 10))
    content = find_content(data)
    np.testing.assert_allclose([content.low, content.high], [[4.5, 4.5, 4.5], [49.5, 49.5, 39.5]], atol=1)


def test_the_first_look_is_at_a_number():
    data = head(np.float32)
    data[15:25] = np.nan
    i, j, k = (int(at) for at in find_content(data).middle)
    assert np.isfinite(data[i, j, k])
    assert data[i, j, k] >= 300


def test_the_crosshair_begins_in_the_content_and_the_camera_holds_it(make_volume, make_scene, placing):
    data = np.zeros(SHAPE, np.uint8)
    data[40:50, 50:66, 5:13] = 9
    scene, find = make_scene(make_volume(data, placing), looks=[Look(colourmap="labels")])
    np.testing.assert_allclose(crosshair_of(scene, find), (placing @ [44.5, 57.5, 8.5, 1])[:3], atol=1e-9)
    ends = np.linalg.inv(placing) @ np.column_stack([seen_box(scene, find), np.ones(8)]).T
    np.testing.assert_allclose([ends[:3].min(axis=1), ends[:3].max(axis=1)], [[39.5, 49.5, 4.5], [49.5, 65.5, 12.5]], atol=1e-9)


def test_content_that_fills_its_box_is_framed_by_the_box(make_volume, make_scene):
    data = np.zeros(SHAPE, np.uint8)
    data[6:54, 8:60, 6:44] = 9
    scene, find = make_scene(make_volume(data))
    np.testing.assert_array_equal(seen_box(scene, find), content_box(scene, find))
    assert crosshair_of(scene, find) == (29.5, 34.5, 24.5)
