"""Words in a panel that scrolls are never cut, and names in a list keep what tells them apart."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.window

LONG = "Whether one of them is mirrored cannot be told: left and right are too much alike. " * 4


def test_a_result_gets_all_its_lines_however_low_the_window(window, hand):
    report = window.refine.report
    report.show_running("judging the placement")
    report.show_words(LONG)
    report.truth.say(LONG)
    report.verdict.show()
    report.verdict.badge.setText("Pass")
    report.verdict.reasons.say(LONG)
    for height in (720, 500, 900):
        window.resize(1000, height)
        hand.settle()
        for words in (report.result, report.truth, report.verdict.reasons):
            assert words.height() >= words.heightForWidth(words.width())
        assert report.verdict.badge.height() >= report.verdict.badge.sizeHint().height()


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
