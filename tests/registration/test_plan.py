"""Plans: their checks, and files that give them back."""

from __future__ import annotations

import msgspec
import pytest

from volstudio.errors import RegistrationError, UnreadableFileError
from volstudio.registration.plan import DEFAULT, RegistrationPlan, load_plan, save_plan


@pytest.mark.parametrize("suffix", [".toml", ".json"])
def test_file_gives_the_plan_back(tmp_path, suffix):
    plan = RegistrationPlan(levels_mm=(6.0, 3.0), bins=24, seed=3, start="search", refine="builtin")
    path = tmp_path / f"plan{suffix}"
    save_plan(plan, path)
    assert load_plan(path) == plan
    assert "samples" not in path.read_text()  # defaults are not written: they may become better


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bins": 4}, "bins must lie between 5 and 256, got 4"),
        ({"samples": 0}, "samples must lie"),
        ({"iterations": 0}, "iterations must lie"),
        ({"seed": 0}, "seed must lie between 1"),
        ({"tolerance": 0.0}, "tolerance is a share of a voxel"),
        ({"tolerance": float("nan")}, "tolerance is a share of a voxel"),
        ({"levels_mm": (2.0, 4.0)}, "coarse to fine"),
        ({"levels_mm": (2.0, -1.0)}, "must be positive"),
        ({"levels_mm": (float("nan"),)}, "must be positive"),
    ],
)
def test_numbers_out_of_range_are_one_sentence(change, words):
    with pytest.raises(RegistrationError, match=words):
        msgspec.structs.replace(DEFAULT, **change).checked()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("bin = 3", "unknown field `bin`"),
        ("bins = 'many'", "Expected `int`"),
        ("bins = ", "no registration plan"),
        ("bins = 2", "between 5"),
    ],
)
def test_bad_file_is_one_sentence(tmp_path, text, words):
    path = tmp_path / "plan.toml"
    path.write_text(text)
    with pytest.raises(RegistrationError, match=words):
        load_plan(path)


def test_missing_file(tmp_path):
    with pytest.raises(UnreadableFileError, match="no such file"):
        load_plan(tmp_path / "none.toml")


@pytest.mark.parametrize(
    "text",
    ['{"ref\\ine": 1}', '{"' + "[" * 4000 + '": 1}', "levels_mm = " + "[" * 5000, "seed = " + "9" * 5000],
    ids=["line", "word", "deep", "digits"],
)
def test_what_fuzzing_found_is_one_short_sentence(tmp_path, text):
    path = tmp_path / ("p.json" if text.startswith("{") else "p.toml")
    path.write_text(text)
    with pytest.raises(RegistrationError, match="no registration plan") as caught:
        load_plan(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_file_far_larger_than_a_plan_is_not_read(tmp_path):
    (tmp_path / "p.toml").write_text("#" * 70_000)
    with pytest.raises(RegistrationError, match="too large"):
        load_plan(tmp_path / "p.toml")
