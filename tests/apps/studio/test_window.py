"""The window as a whole, under a real pointer."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest

from volstudio.rendering.planes import crosshair_of

pytestmark = pytest.mark.window


def test_a_real_pointer_of_the_x_server_puts_the_crosshair(window, hand, display):
    """Not Qt's own test events: the X server moves its pointer and presses its button."""
    if shutil.which("xdotool") is None:
        pytest.skip("xdotool is not installed")
    from PySide6.QtCore import QPoint

    pane = window.slice_panes["axial"]
    pixel = (pane.width() // 2 - 40, pane.height() // 2 + 25)
    predicted = pane.view.to_scene(pixel)
    at = pane.mapToGlobal(QPoint(*pixel))
    subprocess.run(["xdotool", "mousemove", str(at.x()), str(at.y()), "click", "1"], env={"DISPLAY": display}, check=True, timeout=20)
    hand.until(
        lambda: np.abs(np.array(crosshair_of(window.desk.shown, window.desk.volumes)) - predicted).max() < 1e-9, "the crosshair is there"
    )


def test_the_side_panel_is_whole_in_the_first_size(window, hand):
    """Two layers, and a verdict with a result: the buttons and the list of layers are seen at once."""
    from PySide6.QtWidgets import QScrollArea

    from volstudio.apps.studio.window import FIRST_SIZE

    window.resize(*FIRST_SIZE)
    hand.until(lambda: window.height() == FIRST_SIZE[1], "the window has its size")
    window.refine.report.show_words("Moved 13.79 mm, turned 8.92°\nMI 0.6848, 46 steps, 1.6 s")
    hand.settle()
    area = window.side.findChild(QScrollArea)
    assert area.verticalScrollBar().maximum() == 0
