"""Words in a panel that scrolls are never cut, and names in a list keep what tells them apart."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.window

LONG = "Whether one of them is mirrored cannot be told: left and right are too much alike. " * 4


def test_a_paragraph_gets_all_its_lines_however_low_the_window(app, hand):
    from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

    from volstudio.apps.studio.section import Paragraph

    inside, area = QWidget(), QScrollArea()
    column = QVBoxLayout(inside)
    paragraphs = [Paragraph() for _ in range(3)]
    for paragraph in paragraphs:
        column.addWidget(paragraph)
    area.setWidget(inside)
    area.setWidgetResizable(True)
    area.resize(220, 120)
    area.show()
    for width in (220, 400, 180):
        area.resize(width, 120)
        for paragraph in paragraphs:
            paragraph.say(LONG)
        hand.settle()
        assert all(paragraph.height() >= paragraph.heightForWidth(paragraph.width()) for paragraph in paragraphs)
    paragraphs[0].say("")
    assert paragraphs[0].isHidden()
    area.close()


def test_names_that_differ_at_the_end_look_different_in_a_narrow_list(app, hand):
    from volstudio.apps.studio.section import Choice

    names = ["sub-01_ses-02_task-rest_acq-long_run-01_bold", "sub-01_ses-02_task-rest_acq-long_run-02_bold"]
    choice = Choice("Fixed", [(name, name) for name in names])
    choice.resize(140, 28)
    pictures = []
    for name in names:
        choice.show_value(name)
        shown = choice.grab().toImage()
        pictures.append(np.array([shown.pixelColor(x, y).lightness() for y in range(shown.height()) for x in range(shown.width())]))
    assert not np.array_equal(*pictures)
