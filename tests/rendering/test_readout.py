from __future__ import annotations

import numpy as np
import pytest

from volstudio.rendering.readout import readout
from volstudio.scene.model import Layer, Placement

MOVE = ((0.0, -1.0, 0.0, 5.0), (1.0, 0.0, 0.0, -3.0), (0.0, 0.0, 1.0, 2.0), (0.0, 0.0, 0.0, 1.0))


def test_a_known_voxel_is_read_where_its_affine_puts_it(make_volume, make_scene, placing):
    array = np.arange(5 * 6 * 7, dtype=np.float64).reshape(5, 6, 7) / 7
    scene, find = make_scene(make_volume(array, placing))
    for ijk in [(0, 0, 0), (4, 5, 6), (2, 3, 1)]:
        (reading,) = readout(scene, find, (placing @ [*ijk, 1])[:3])
        assert reading.ijk == pytest.approx(ijk, abs=1e-9)
        assert reading.value == array[ijk]


def test_placements_count(make_volume, make_scene, placing):
    volume = make_volume(np.arange(24.0).reshape(2, 3, 4), placing)
    scene, find = make_scene(volume)
    scene = scene.with_layer(Layer("vol", "memory:vol", Placement(MOVE)))
    (reading,) = readout(scene, find, (np.array(MOVE) @ placing @ [1, 2, 3, 1])[:3])
    assert reading.ijk == pytest.approx((1, 2, 3), abs=1e-9)
    assert reading.value == 23.0


def test_values_are_those_of_the_voxel_and_reach_to_its_faces(make_volume, make_scene):
    scene, find = make_scene(make_volume(np.arange(24.0).reshape(2, 3, 4)))
    read = lambda *point: readout(scene, find, point)[0].value  # noqa: E731
    assert read(0.4, 0.4, 0.4) == 0.0
    assert read(-0.49, -0.49, -0.49) == 0.0
    assert read(1.5, 2.5, 3.5) == 23.0
    assert read(-0.51, 0, 0) is None
    assert read(0, 0, 3.51) is None


def test_layers_are_told_top_first(make_volume, make_scene):
    scene, find = make_scene(make_volume(np.zeros((2, 2, 2)), name="below"), make_volume(np.ones((2, 2, 2)), name="above"))
    assert [(reading.layer, reading.value) for reading in readout(scene, find, (0, 0, 0))] == [("above", 1.0), ("below", 0.0)]


def test_the_time_point_shown_is_read(make_volume, make_scene):
    scene, find = make_scene(make_volume(np.arange(16.0).reshape(2, 2, 2, 2)))
    scene = scene.with_layer(Layer("vol", "memory:vol", time=1))
    assert readout(scene, find, (1, 1, 1))[0].value == 15.0
