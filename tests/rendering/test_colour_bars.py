from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from volstudio.rendering import colour_bars
from volstudio.rendering.colour_bars import COLUMN_WIDTH, ColourBar, bars_below, bars_of, columns_beside, fitting, paint_bars
from volstudio.rendering.paint import draw_text, measure_text
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


@pytest.mark.parametrize("height", [120.0, 250.0, 600.0])
@pytest.mark.parametrize("count", [3, 8, 17])
@pytest.mark.parametrize("two_sided", [False, True])
def test_standing_bars_never_touch(height, count, two_sided, monkeypatch):
    size = 13.0
    written = []
    monkeypatch.setattr(colour_bars, "draw_text", lambda *args, **more: (written.append((args, more)), draw_text(*args, **more)))
    bars = tuple(ColourBar(f"vol{n}", (-1234.5, 1234.5), HOT, two_sided) for n in range(count))
    columns = columns_beside(bars, height, size)
    picture = np.zeros((700, 900, 3), np.uint8)
    paint_bars(picture, bars, (10.0, 20.0, 10.0 + columns * COLUMN_WIDTH * size, 20.0 + height), run="beside", size=size)
    boxes = []
    for (_, text, (x, y)), more in written:
        width, tall = measure_text(text, more["size"])
        boxes.append((x, y - tall / 2, x + width, y + tall / 2))
        assert 20.0 - 1 <= y - tall / 2 <= y + tall / 2 <= 20.0 + height + 1
    for a, b in combinations([box for box in boxes if box[2] > box[0]], 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def test_bars_without_room_are_counted():
    bars = tuple(ColourBar(f"vol{n}", (0.0, 1.0), HOT) for n in range(40))
    shown = fitting(bars, 600.0, 500.0, 13.0)
    assert 2 <= len(shown) < 20
    assert shown[-1].name == f"and {40 - len(shown) + 1} more"
    assert bars_below(len(shown), 600.0, 13.0).height <= 0.3 * 500
    assert fitting(bars[:2], 600.0, 500.0, 13.0) == bars[:2]
    assert [bar.name for bar in fitting(bars, 170.0, 150.0, 13.0)] == ["40 layers"]
    picture = np.zeros((200, 600, 3), np.uint8)
    paint_bars(picture, shown, (0.0, 0.0, 599.0, 199.0), run="below", size=13.0)
    assert picture.any()


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
