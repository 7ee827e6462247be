"""The drawings of the buttons: there for every command that names one, sharp at every scale, dim when they cannot be used."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest

pytestmark = pytest.mark.window

FOLDER = files("volstudio.apps.studio") / "icons"
NAMES = sorted(path.name.removesuffix(".svg") for path in FOLDER.iterdir() if path.name.endswith(".svg"))


def pixels(drawing) -> np.ndarray:
    """(h, w, 4) of a pixmap: red, green, blue, opacity."""
    image = drawing.toImage()
    image = image.convertToFormat(image.Format.Format_RGBA8888)
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)[:, : image.width()].copy()


@pytest.mark.parametrize("name", NAMES)
def test_every_drawing_shows_something_within_its_square(app, name):
    from volstudio.apps.studio.icons import pixmap

    opacity = pixels(pixmap(name, scale=2))[..., 3]
    assert opacity.shape == (32, 32)
    assert 0.02 < (opacity > 128).mean() < 0.9


def test_a_drawing_has_the_colour_it_was_asked_for(app):
    from volstudio.apps.studio.icons import pixmap

    drawn = pixels(pixmap("move", "#ff0000", scale=3))
    solid = drawn[drawn[..., 3] == 255]
    assert len(solid)
    assert (solid[:, :3] == (255, 0, 0)).all()


@pytest.mark.parametrize("scale", [1, 1.5, 2, 3])
def test_on_a_finer_screen_it_is_as_large_and_has_more_pixels(app, scale):
    from volstudio.apps.studio.icons import pixmap

    drawing = pixmap("fit", scale=scale)
    assert drawing.deviceIndependentSize().toTuple() == (16, 16)
    assert drawing.width() == 16 * scale


def test_an_icon_is_dim_when_off_and_accented_when_switched_on(app):
    from PySide6.QtGui import QIcon

    from volstudio.apps.studio.icons import icon
    from volstudio.apps.studio.theme import colour

    def tint(mode, state):
        drawn = pixels(icon("crosshair").pixmap(48, mode, state)).reshape(-1, 4)
        return drawn[drawn[:, 3].argmax(), :3].astype(int)

    on, off, dim = (
        tint(QIcon.Mode.Normal, QIcon.State.On),
        tint(QIcon.Mode.Normal, QIcon.State.Off),
        tint(QIcon.Mode.Disabled, QIcon.State.Off),
    )
    assert np.abs(on - colour("accent").toTuple()[:3]).max() <= 2
    assert dim.max() < 0.7 * off.max()


def test_every_command_with_a_picture_has_its_drawing(window):
    assert {entry.picture for entry in window.entries if entry.picture} <= set(NAMES)
