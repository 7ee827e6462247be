"""Presets: valid plans, small changes, and all of them on the page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from volstudio.registration.plan import DEFAULT, RegistrationPlan
from volstudio.registration.presets import PRESETS

PAGE = Path(__file__).parents[2] / "docs" / "registration.md"


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_a_valid_plan_that_says_its_name_and_what_it_is_for(name):
    plan = RegistrationPlan.named(name)
    assert plan.preset == name
    assert plan.checked() is plan
    assert PRESETS[name].words
    different = {field for field in plan.__struct_fields__ if getattr(plan, field) != getattr(DEFAULT, field)}
    assert different == {*PRESETS[name].changes, "preset"}, "a preset states what it changes and nothing else"


def test_a_preset_is_changed_like_any_plan():
    plan = RegistrationPlan.named("ct-to-mr", start="given", max_turn_deg=10)
    assert (plan.preset, plan.start, plan.max_turn_deg) == ("ct-to-mr", "given", 10.0)


def test_the_page_lists_every_preset_with_what_it_changes():
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| ([^|]*) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    for name, preset in PRESETS.items():
        assert name in rows, f"docs/registration.md does not tell of {name}"
        for field, value in preset.changes.items():
            assert f"`{field}`" in rows[name], name
            assert str(value) in rows[name], name
