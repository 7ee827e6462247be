"""A number field: what is typed, stepped, refused, and never rounded."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.window


@pytest.fixture
def field(app):
    from volstudio.apps.studio.numbers import NumberField

    made = NumberField("Length, mm", decimals=2, step=1.0)
    made.told = []
    made.edited.connect(made.told.append)
    made.show()
    yield made
    made.deleteLater()


def test_showing_and_leaving_a_number_keeps_all_its_digits(field, hand):
    field.show_value(1.23456789)
    assert field.text() == "1.23"
    field.setFocus()
    field.clearFocus()
    hand.settle()
    assert field.told == []
    assert field.value == 1.23456789


@pytest.mark.parametrize(("typed", "value"), [("2.5", 2.5), ("-3,25", -3.25), ("1e1", 10.0), ("7 mm", 7.0), ("12°", 12.0), ("−4", -4.0)])
def test_numbers_as_people_write_them(field, hand, typed, value):
    field.show_value(0.0)
    hand.type(field, typed)
    assert field.told == [value]


@pytest.mark.parametrize("typed", ["abc", "1.2.3", "nan", "inf", ""])
def test_what_is_no_number_is_marked_and_not_told(field, hand, typed):
    field.show_value(5.0)
    hand.type(field, typed)
    assert field.told == []
    assert field.value == 5.0
    assert field.property("wrong")


def test_arrow_keys_step_from_the_whole_value(field, hand):
    field.show_value(1.23456)
    hand.key(field, "Up")
    hand.key(field, "Shift+Down")
    hand.key(field, "Ctrl+Up")
    assert field.told == pytest.approx([2.23456, -7.76544, -7.66544])


def test_escape_takes_back_what_was_typed(field, hand):
    from PySide6.QtTest import QTest

    field.show_value(3.0)
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "99")
    hand.key(field, "Esc")
    assert field.text() == "3.00"
    assert field.told == []


def test_no_minus_before_zero(field):
    field.show_value(-0.0001)
    assert field.text() == "0.00"
