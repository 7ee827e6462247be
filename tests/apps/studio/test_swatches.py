"""Colour maps as little pictures: the map itself, from its first colour on the left to its last on the right."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.window


@pytest.mark.parametrize("name", ["grey", "warm"])
@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_the_picture_is_the_table_of_the_map(app, name, scale):
    from volstudio.apps.studio.swatches import gradient
    from volstudio.scene import colourmaps

    drawing = gradient(name, 26, 10, scale)
    assert drawing.deviceIndependentSize().toTuple() == (26, 10)
    image = drawing.toImage()
    row = [image.pixelColor(x, image.height() // 2).toTuple()[:3] for x in range(image.width())]
    assert np.array_equal(row, colourmaps.get(name).table(round(26 * scale)))
    assert all(image.pixelColor(5, y) == image.pixelColor(5, 0) for y in range(image.height()))
