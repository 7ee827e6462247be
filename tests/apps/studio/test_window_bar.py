"""The intensity window as a picture: where its ends stand, and what a drag of them tells."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.window

LOW, HIGH = 0.0, 200.0
WIDTH = 212  # a pixel per unit between the pads


@pytest.fixture
def bar(app, hand):
    from volstudio.apps.studio.window_bar import PAD, WindowBar

    bar = WindowBar()
    bar.setFixedWidth(WIDTH)
    assert WIDTH - 2 * PAD == HIGH - LOW
    bar.show_counts(np.ones(50), LOW, HIGH)
    bar.show_window(50.0, 150.0, "grey")
    bar.told = []
    bar.changed.connect(lambda low, high: bar.told.append((low, high)))
    bar.pressed.connect(lambda: bar.told.append("pressed"))
    bar.released.connect(lambda: bar.told.append("released"))
    bar.show()
    hand.settle()
    yield bar
    bar.close()
    bar.deleteLater()


def x_of(value):
    from volstudio.apps.studio.window_bar import PAD

    return PAD + value - LOW


@pytest.mark.parametrize(
    ("grabbed", "way", "expected"),
    [
        (50, 30, (80, 150)),
        (150, -30, (50, 120)),
        (100, 25, (75, 175)),
        (53, -10, (40, 150)),  # beside the end, within reach
        (20, 10, (60, 150)),  # below the window the lower end is meant
    ],
)
def test_a_drag_moves_the_end_that_is_meant_and_between_them_both(bar, hand, grabbed, way, expected):
    hand.drag(bar, (x_of(grabbed), 20), (x_of(grabbed + way), 20))
    assert bar.told[0] == "pressed"
    assert bar.told[-1] == "released"
    assert bar.told[-2] == pytest.approx(expected)


def test_the_ends_never_pass_each_other(bar, hand):
    hand.drag(bar, (x_of(50), 20), (x_of(190), 20))
    assert bar.told[-2][0] < bar.told[-2][1] == 150
    bar.told.clear()
    hand.drag(bar, (x_of(150), 20), (x_of(10), 20))
    assert bar.told[-2][1] > bar.told[-2][0] == 50


def test_without_a_volume_there_is_nothing_to_drag(app, hand):
    from volstudio.apps.studio.window_bar import WindowBar

    bar = WindowBar()
    told = []
    bar.changed.connect(lambda *ends: told.append(ends))
    bar.show()
    hand.drag(bar, (30, 20), (60, 20))
    bar.close()
    assert told == []


def test_the_strip_has_the_first_colour_below_the_window_and_the_last_above_it(bar):
    image = bar.grab().toImage()
    y = bar.height() - 6
    levels = [image.pixelColor(int(x_of(value)), y).lightness() for value in (20, 60, 100, 140, 180)]
    assert levels == sorted(levels)
    assert levels[0] < 10
    assert levels[-1] > 245
    assert levels[2] == pytest.approx(127, abs=12)


def test_a_rare_peak_does_not_flatten_the_rest_of_the_histogram(bar):
    """Air outnumbers everything in most scans."""
    heights = np.full(200, 100.0)
    heights[0] = 1e7
    bar.show_counts(heights, LOW, HIGH)
    image = bar.grab().toImage()
    column = [image.pixelColor(int(x_of(100)), y).lightness() for y in range(bar.height())]
    assert column[12] > 100  # nearly as high as the box
