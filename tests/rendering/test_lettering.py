from __future__ import annotations

import numpy as np
import pytest

from volstudio.rendering import lettering
from volstudio.rendering.lettering import elide, ink, text_width


@pytest.fixture
def no_fonts(monkeypatch):
    """A system without font files."""
    lettering.ink.cache_clear()
    lettering._font_of.cache_clear()
    monkeypatch.setattr(lettering, "_font_files", lambda: ())
    yield
    lettering.ink.cache_clear()
    lettering._font_of.cache_clear()


def test_letters_of_the_field_are_in_the_own_face():
    for character in "RLAPSI?0123456789.−±µ°×…_-/()éü":
        assert lettering._font_of(character) == "", character


def test_characters_that_nothing_draws_are_written_as_code_points(no_fonts):
    assert lettering._runs("T1 解") == [("T1 U+89E3", "")]
    assert ink("解", 20).mask.shape == ink("U+89E3", 20).mask.shape


def test_two_layers_can_be_told_apart_without_a_font(no_fonts):
    first, second = ink("解剖", 20).mask, ink("功能", 20).mask
    assert first.shape != second.shape or not np.array_equal(first, second)


def test_chinese_names_are_drawn_by_a_font_of_the_system():
    if lettering._font_of("解") is None:
        pytest.skip("no font with Chinese characters is installed")
    mixed = ink("T1 解剖", 24)
    assert mixed.mask.shape[1] > text_width("T1", 24) + 1.5 * 24
    # Chinese characters stand on the same line, a little below the Latin baseline and as high as capitals.
    only = ink("解剖", 24)
    rows = np.flatnonzero(only.mask.max(axis=1) > 0.2)
    assert only.baseline - only.cap - 5 <= rows[0] <= rows[-1] <= only.baseline + 6


def test_the_baseline_is_where_capitals_stand():
    drawn = ink("H", 40)
    rows = np.flatnonzero(drawn.mask.max(axis=1) > 0.5)
    assert rows[-1] == pytest.approx(drawn.baseline - 1, abs=1)
    assert rows[-1] - rows[0] + 1 == pytest.approx(drawn.cap, abs=1)


def test_control_characters_are_blanks():
    assert ink("a\nb\tc", 20).mask.shape == ink("a b c", 20).mask.shape


@pytest.mark.parametrize("width", [0, 5, 30, 60, 90, 500])
def test_elided_text_fits_and_keeps_both_ends(width):
    text = elide("sub-01_ses-02_task-rest_bold", 14, width)
    assert text_width(text, 14) <= width or text == ""
    if 60 <= width < 150:
        assert text.startswith("su")
        assert text.endswith("ld")


def test_ink_is_read_only_and_within_bounds():
    mask = ink("Wg", 17.5).mask
    assert not mask.flags.writeable
    assert 0 <= mask.min() <= mask.max() <= 1


def test_fonts_can_be_given(monkeypatch, tmp_path):
    monkeypatch.setenv("VOLSTUDIO_FONTS", str(tmp_path))
    assert lettering._font_folders()[0] == tmp_path
