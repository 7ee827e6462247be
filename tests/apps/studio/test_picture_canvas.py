"""What a slice pane shows before there is anything to show, and how a picture comes to stand on its pixels."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.window


def seen(pane) -> np.ndarray:
    """(h, w, 3) uint8: the pane's device pixels."""
    image = pane.grab().toImage()
    image = image.convertToFormat(image.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3).copy()


@pytest.fixture
def pane(app):
    from volstudio.apps.studio.picture_canvas import PictureCanvas

    canvas = PictureCanvas()
    canvas.resize(101, 83)
    return canvas


def test_before_the_first_picture_there_is_the_dark_ground_of_a_scene(pane):
    from volstudio.scene.model import Scene

    assert pane.picture is None
    assert np.abs(seen(pane) - np.array(Scene().background) * 255).max() <= 1


@pytest.mark.parametrize("layout", ["C", "F", "every other"])
def test_every_pixel_of_a_picture_is_a_pixel_of_the_pane(pane, layout):
    """Odd widths have rows that end between Qt's words; arrays come in any order in memory."""
    numbers = np.random.default_rng(3).integers(0, 256, (83, 202 if layout == "every other" else 101, 3), dtype=np.uint8)
    picture = numbers[:, ::2] if layout == "every other" else np.array(numbers, order=layout)
    pane.show_picture(picture)
    assert np.array_equal(seen(pane), picture)
    assert np.array_equal(pane.picture, picture)


def test_a_picture_that_is_late_for_a_new_size_leaves_no_rubbish_beside_it(pane):
    from volstudio.scene.model import Scene

    pane.show_picture(np.full((40, 50, 3), 200, dtype=np.uint8))
    pixels = seen(pane)
    assert (pixels[:40, :50] == 200).all()
    assert np.abs(pixels[40:] - np.array(Scene().background) * 255).max() <= 1
    assert np.abs(pixels[:, 50:] - np.array(Scene().background) * 255).max() <= 1
