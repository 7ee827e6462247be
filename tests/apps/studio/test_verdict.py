"""The verdict as a person reads it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

pytestmark = pytest.mark.window


@dataclass
class Verdict:
    verdict: str
    error_mm: float
    reasons: tuple[str, ...] = ()


@pytest.fixture
def view(app):
    from volstudio.apps.studio.verdict import VerdictView

    return VerdictView()


@pytest.mark.parametrize(("mm", "words"), [(0.356, "up to 0.36 mm"), (4.0, "up to 4 mm"), (31.4, "up to 31 mm"), (math.inf, "unknown")])
def test_the_error_is_said_as_finely_as_it_is_known(app, mm, words):
    from volstudio.apps.studio.verdict import error_words

    assert words in error_words(mm)


def test_word_sign_and_reasons(view):
    view.show_verdict(Verdict("fail", 12.2, ("they do not overlap", "taken in a mirror they fit better")))
    assert view.badge.text() == "✕ Fail"
    assert view.badge.property("verdict") == "fail"
    assert view.reasons.text() == "They do not overlap.\nTaken in a mirror they fit better."
    view.show_verdict(Verdict("pass", 0.2))
    assert view.badge.text() == "✓ Pass"
    assert view.reasons.isHidden()


def test_no_verdict_takes_no_room(view):
    view.show_verdict(Verdict("look", 2.0, ("small moves hardly matter",)))
    assert not view.isHidden()
    view.show_verdict(None)
    assert view.isHidden()
