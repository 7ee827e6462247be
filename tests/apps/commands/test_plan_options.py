"""The options that make a plan: each reaches its field, and a command that lacks some still gets its plan."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from volstudio.apps.commands.plan_options import CLIMB, FROM_HERE, PRESET, Box, complete_preset, planned, refuse_contradictions, together
from volstudio.registration.plan import Mask, RegistrationPlan
from volstudio.registration.presets import PRESETS


@pytest.fixture
def parsed():
    """Gives the plan that words make of a command with the shared options alone."""

    def parse(*words, **more):
        made = []

        @click.command()
        @together(PRESET, FROM_HERE, CLIMB, click.option("--start"), click.option("--roi", type=Box()))
        def test(**wishes):
            refuse_contradictions(click.get_current_context(), **wishes)
            made.append(planned(**wishes, **more))

        result = CliRunner().invoke(test, list(words), standalone_mode=False)
        if result.exception is not None:
            raise result.exception
        return made[0]

    return parse


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ((), {}),
        (("--metric", "ncc"), {"metric": "ncc"}),
        (("--engine", "builtin"), {"refine": "builtin"}),
        (("--max-turn", "12.5"), {"max_turn_deg": 12.5}),
        (("--max-shift", "3"), {"max_shift_mm": 3.0}),
        (("--time", "7"), {"time": 7}),
        (("--time", "mean"), {"time": "mean"}),
        (("--from-here",), {"start": "given"}),
        (("--start", "moments"), {"start": "moments"}),
        (("--from-here", "--start", "header"), {"start": "header"}),
        (("--roi", "-1,-2,-3,4,5,6"), {"fixed_mask": Mask(box_mm=((-1.0, -2.0, -3.0), (4.0, 5.0, 6.0)))}),
    ],
)
def test_each_option_is_its_field_and_nothing_else(parsed, words, changes):
    assert parsed(*words) == RegistrationPlan().with_(**changes)


def test_a_preset_or_a_file_lies_under_the_other_options(parsed, tmp_path):
    assert parsed("--preset", "ct-to-mr", "--metric", "nmi") == RegistrationPlan.named("ct-to-mr", metric="nmi")
    (tmp_path / "plan.toml").write_text('metric = "mse"\nsamples = 500\n')
    assert parsed("--plan", str(tmp_path / "plan.toml"), "--metric", "ncc") == RegistrationPlan(metric="ncc", samples=500)


def test_masks_are_files_of_commands_that_have_them(parsed):
    assert parsed(moving_mask="m.nii").moving_mask == Mask(file="m.nii")
    assert parsed(moving_roi=((0, 0, 0), (1, 1, 1))).moving_mask == Mask(box_mm=((0, 0, 0), (1, 1, 1)))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--preset", "a", "--plan", "b"), "either --preset or --plan"),
        (("--from-here", "--start", "search"), "leaves that"),
        (("--metric", "nmi", "--engine", "simpleitk"), "no normalised mutual information"),
        (("--time", "last"), "'last' is no time point"),
        (("--time", "-1"), "no time point"),
        (("--roi", "1,2,3"), "is no box"),
        (("--roi", "a,b,c,d,e,f"), "is no box"),
    ],
)
def test_slips_are_one_sentence(parsed, words, said):
    with pytest.raises(click.UsageError, match=said):
        parsed(*words)


@pytest.mark.parametrize("before", ["", "2="])
def test_presets_are_completed_behind_a_number_too(before):
    found = complete_preset(None, None, f"{before}ct")
    assert [(item.value, item.help) for item in found] == [(f"{before}ct-to-mr", PRESETS["ct-to-mr"].words)]
    assert len(complete_preset(None, None, before)) == len(PRESETS)
