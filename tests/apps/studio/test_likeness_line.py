"""The line of the likeness, as a person reads it."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window's extra, or a library it needs, is not installed", exc_type=ImportError)

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QTextDocumentFragment

from volstudio.apps.studio.likeness import Reading
from volstudio.apps.studio.likeness_line import LikenessLine, reading_words
from volstudio.apps.studio.theme import COLOURS

pytestmark = pytest.mark.window


class Told(QObject):
    """A likeness that says what a test wants."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.state, self.reading, self.refusal = "off", None, ""

    def say(self, state, reading=None, refusal=""):
        self.state, self.reading, self.refusal = state, reading, refusal
        self.changed.emit()


def plain(rich):
    return QTextDocumentFragment.fromHtml(rich).toPlainText().replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        (Reading(0.45, 0.994), "MI 0.4500 overlap 99%"),
        (Reading(0.45, 1.0, 0.3009), "MI 0.4500 ▲ 0.3009 overlap 100%"),
        (Reading(0.1154, 0.97, -0.248), "MI 0.1154 ▼ 0.2480 overlap 97%"),
        (Reading(0.45, 1.0, 4e-5), "MI 0.4500 overlap 100%"),  # no arrow beside 0.0000
        (Reading(0.45, 1.0, math.inf), "MI 0.4500 overlap 100%"),  # from where they did not overlap
        (Reading(-math.inf, 0.0), "they do not overlap"),
    ],
)
def test_a_reading_in_words(app, reading, words):
    assert " ".join(plain(reading_words(reading)).split()) == words


def test_better_has_the_accent_and_worse_the_warning(app):
    assert COLOURS["accent"] in reading_words(Reading(1.0, 1.0, 0.1))
    assert COLOURS["warn"] in reading_words(Reading(1.0, 1.0, -0.1))


def test_the_line_says_where_it_stands_and_never_shows_an_old_number(app):
    likeness = Told()
    line = LikenessLine(likeness)
    assert "while a layer is moved" in plain(line.text())
    likeness.say("preparing")
    assert "getting ready" in plain(line.text())
    likeness.say("ready", Reading(0.5, 1.0))
    assert "0.5000" in line.text()
    likeness.say("refused", Reading(0.5, 1.0), refusal="The two volumes hold one value each.")
    assert "0.5" not in line.text()
    assert "cannot be compared" in plain(line.text())
    assert line.toolTip() == "The two volumes hold one value each."
    likeness.say("off", Reading(0.5, 1.0))
    assert "0.5" not in line.text()


def test_the_longest_reading_fits_into_the_panel(window, hand):
    """A number that is cut is another number."""
    line = window.refine.likeness_line
    line.setText(reading_words(Reading(1.2345, 1.0, -0.9876)))
    window.side.setFixedWidth(window.side.minimumWidth())
    hand.settle()
    assert line.width() >= line.sizeHint().width()
    right = line.mapTo(window.side, line.rect().topRight()).x()
    assert right < window.side.width() - 10  # of a scroll bar
