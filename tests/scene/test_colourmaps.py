import numpy as np
import pytest

from volstudio.errors import SceneError
from volstudio.scene import colourmaps


def luminance(rgb):
    return np.asarray(rgb, float) @ (0.2126, 0.7152, 0.0722)


@pytest.mark.parametrize("name", colourmaps.names())
@pytest.mark.parametrize("n", [2, 256, 1000])
def test_tables(name, n):
    table = colourmaps.get(name).table(n)
    assert table.shape == (n, 3)
    assert table.dtype == np.uint8
    assert not table.flags.writeable


def test_ends_are_the_first_and_last_colours():
    table = colourmaps.get("red-yellow").table()
    assert table[0].tolist() == [255, 0, 0]
    assert table[-1].tolist() == [255, 255, 0]


@pytest.mark.parametrize("name", ["gray", "hot", "warm", "cold", "bone", "copper", "viridis", "magma", "inferno", "plasma", "cividis"])
def test_more_is_lighter(name):
    light = luminance(colourmaps.get(name).table())
    assert (np.diff(light) >= -1.5).all()
    assert light[-1] - light[0] > 100


def test_two_sided_maps_grow_away_from_the_middle_in_hues_that_stay_apart():
    table = colourmaps.get("cold-hot").table(256).astype(int)
    light = luminance(table)
    assert (np.diff(light[:128]) <= 0.5).all()
    assert (np.diff(light[128:]) >= -0.5).all()
    assert (table[:128, 2] > table[:128, 0]).all(), "negative is blue"
    assert (table[128:, 0] > table[128:, 2]).all(), "positive is red to yellow"


def test_labels_neighbours_differ_and_nothing_is_black():
    table = colourmaps.get("labels").table(256).astype(int)
    assert table[0].tolist() == [0, 0, 0]
    assert luminance(table[1:]).min() > 60
    for step in (1, 2, 3):
        assert np.abs(table[1 + step :] - table[1:-step]).max(axis=1).min() > 30


@pytest.mark.parametrize(("typed", "name"), [("grey", "gray"), ("5redyell", "red-yellow"), ("heat", "hot"), ("lut", "labels")])
def test_names_that_people_type(typed, name):
    assert colourmaps.get(typed) is colourmaps.get(name)


def test_an_unknown_name_gets_its_near_match():
    with pytest.raises(SceneError, match=r"no colour map 'virids'; did you mean 'viridis'"):
        colourmaps.get("virids")


def test_a_table_needs_two_colours():
    with pytest.raises(SceneError, match="at least 2"):
        colourmaps.get("gray").table(1)
