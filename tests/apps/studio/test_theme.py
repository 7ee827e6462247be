"""The looks: what can be read, what is off looks off, and nothing foreign."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.window


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2."""
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    ("words", "ground", "least"),
    [
        ("text", "window", 7.0),
        ("dim", "panel", 4.5),
        ("accent_text", "accent", 4.5),
        ("ground", "good", 4.5),
        ("ground", "warn", 4.5),
        ("ground", "error", 4.5),
        ("error", "panel", 4.5),
        ("faint", "panel", 3.0),
    ],
)
def test_words_stand_out_from_their_ground(app, words, ground, least):
    from volstudio.apps.studio.theme import COLOURS

    assert contrast(COLOURS[words], COLOURS[ground]) >= least


@pytest.mark.parametrize("kind", ["", "quiet", "primary"])
def test_a_button_that_cannot_be_pressed_looks_so(app, kind):
    from PySide6.QtWidgets import QPushButton

    def brightest(*, enabled: bool) -> int:
        button = QPushButton("Judge")
        if kind:
            button.setProperty(kind, True)
        button.setEnabled(enabled)
        button.resize(90, 30)
        shown = button.grab().toImage()
        inside = [(x, y) for x in range(10, shown.width() - 10) for y in range(6, shown.height() - 6)]
        return max(shown.pixelColor(x, y).lightness() for x, y in inside)

    assert brightest(enabled=False) + 20 < brightest(enabled=True)


def test_questions_have_no_foreign_pictures_on_their_buttons(app):
    from PySide6.QtWidgets import QDialogButtonBox, QMessageBox

    kinds = QMessageBox.StandardButton
    box = QMessageBox()
    box.setStandardButtons(kinds.Save | kinds.Discard | kinds.Cancel)
    box.ensurePolished()
    assert all(button.icon().isNull() for button in box.buttons())
    row = QDialogButtonBox(QDialogButtonBox.StandardButton.Open | QDialogButtonBox.StandardButton.Cancel)
    row.ensurePolished()
    assert all(button.icon().isNull() for button in row.buttons())


def test_all_signs_of_numbers_are_equally_wide_so_that_they_do_not_dance(app):
    from PySide6.QtGui import QFontMetrics

    from volstudio.apps.studio.theme import numbers_font

    metrics = QFontMetrics(numbers_font(12))
    assert len({metrics.horizontalAdvance(sign) for sign in "0123456789.-[ ]"}) == 1
