from __future__ import annotations

import numpy as np
import pytest

from volstudio.rendering.colour_bars import ColourBar, bars_below, bars_of, paint_bars
from volstudio.scene import colourmaps
from volstudio.scene.model import Look

HOT = colourmaps.get("hot").table(256)


def test_there_is_a_bar_for_each_layer_that_has_a_scale(make_volume, make_scene):
    volumes = [make_volume(np.random.default_rng(n).random((5, 5, 5)), name=name) for n, name in enumerate("abcd")]
    looks = [Look(window=(1.0, 2.0)), Look("hot", (0.0, 5.0), hide_below=2.0), Look("labels"), Look(visible=False)]
    scene, find = make_scene(*volumes, looks=looks)
    first, second = bars_of(scene, find)
    assert (first.name, first.ends) == ("a", ("1", "2"))
    assert (second.name, second.ends, second.hide_below) == ("b", ("0", "5"), 2.0)
    assert np.array_equal(second.colours, HOT)
    hidden, _ = make_scene(*volumes, looks=looks, colour_bars=False)
    assert bars_of(hidden, find) == ()


def test_two_sided_bars_run_from_minus_high_to_high():
    bar = ColourBar("z", (2.3, 6.6), colourmaps.get("cold-hot").table(256), two_sided=True, hide_below=2.3)
    assert (*bar.ends, bar.middle) == ("−6.6", "6.6", "±2.3")
    assert ColourBar("z", (0.0, 1.0), HOT, two_sided=True).middle == "0"
    assert ColourBar("t1", (0.0, 1.0), HOT).middle == ""


def test_hidden_values_have_no_colour_in_the_bar():
    assert ColourBar("a", (0.0, 10.0), HOT, hide_below=5.0).shown.sum() == 128
    assert ColourBar("a", (0.0, 10.0), HOT).shown.all()
    two_sided = ColourBar("a", (0.0, 10.0), HOT, two_sided=True, hide_below=5.0).shown
    assert two_sided[:64].all()
    assert not two_sided[64:192].any()
    assert two_sided[192:].all()


@pytest.mark.parametrize("run", ["below", "beside"])
@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("two_sided", [False, True])
def test_bars_stay_in_their_box(run, count, two_sided):
    picture = np.full((400, 700, 3), 20, np.uint8)
    size = 14.0
    boxes = {"below": (60.0, 100.0, 640.0, 100 + bars_below(count, 580.0, size).height), "beside": (500.0, 50.0, 500 + 9 * size, 350.0)}
    box = boxes[run]
    bars = tuple(ColourBar(f"a_layer_with_a_rather_long_name_{n}", (0.0, 1234.5), HOT, two_sided) for n in range(count))
    paint_bars(picture, bars, box, run=run, size=size)
    rows, columns = np.nonzero((picture != 20).any(axis=2))
    assert rows.size
    assert box[0] - 1 <= columns.min() <= columns.max() <= box[2] + 1
    assert box[1] - 1 <= rows.min() <= rows.max() <= box[3] + 1


def test_a_lying_bar_shows_the_map_from_first_to_last():
    picture = np.zeros((60, 400, 3), np.uint8)
    paint_bars(picture, (ColourBar("a", (0.0, 1.0), colourmaps.get("gray").table(256)),), (0, 0, 399, 40), run="below", size=13)
    row = picture[round(1.6 * 13), :, 0].astype(int)
    ramp = row[130:270]
    assert (np.diff(ramp) >= 0).all()
    assert ramp[-1] > ramp[0] + 80


def test_many_bars_take_several_rows():
    assert bars_below(1, 1000, 10).rows == 1
    assert bars_below(5, 300, 10).columns == 2
    assert bars_below(5, 300, 10).rows == 3
    assert bars_below(5, 20, 10).columns == 1
