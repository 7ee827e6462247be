"""Plans: their checks, and files that give them back."""

from __future__ import annotations

import msgspec
import pytest

from volstudio.errors import RegistrationError, UnreadableFileError
from volstudio.registration.plan import DEFAULT, Mask, RegistrationPlan, load_plan, save_plan
from volstudio.registration.presets import PRESETS


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


# --------------------------------------------------------------------------------------------------- changes, presets and masks
def test_a_plan_is_changed_by_name():
    plan = DEFAULT.with_(metric="ncc", levels_mm=[6, 3], max_shift_mm=20)
    assert (plan.metric, plan.levels_mm, plan.max_shift_mm) == ("ncc", (6.0, 3.0), 20.0)
    assert DEFAULT.metric == "mi"
    assert RegistrationPlan.from_here(bins=24) == DEFAULT.with_(start="given", bins=24)
    assert RegistrationPlan.anywhere() == DEFAULT.with_(start="search")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"metric": "mutual"}, "Invalid enum value 'mutual'"),
        ({"metrics": "mi"}, "unknown field `metrics`"),
        ({"bins": "many"}, "Expected `int`"),
        ({"max_turn_deg": 0}, "max_turn_deg must lie above 0 and at or below 180, got 0"),
        ({"max_turn_deg": float("nan")}, "max_turn_deg"),
        ({"max_shift_mm": float("inf")}, "max_shift_mm"),
        ({"max_shift_mm": -3}, "got -3"),
        ({"fixed_mask": Mask()}, "a file or a box_mm, got neither"),
        ({"fixed_mask": Mask(file="a.nii", box_mm=((0, 0, 0), (1, 1, 1)))}, "got both"),
        ({"moving_mask": Mask(box_mm=((0, 0, 0), (1, 0, 1)))}, "two opposite corners"),
        ({"moving_mask": Mask(box_mm=((0, 0, 0), (1, float("nan"), 1)))}, "two opposite corners"),
    ],
)
def test_a_wrong_change_is_one_sentence(change, words):
    with pytest.raises(RegistrationError, match=words) as caught:
        DEFAULT.with_(**change)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("suffix", [".toml", ".json"])
def test_a_file_keeps_its_preset_and_what_differs(tmp_path, name, suffix):
    plan = RegistrationPlan.named(name, bins=41, fixed_mask=Mask(box_mm=((-1, -2, -3), (1, 2, 3))))
    save_plan(plan, tmp_path / f"plan{suffix}")
    assert load_plan(tmp_path / f"plan{suffix}") == plan
    back_to_default = RegistrationPlan.named(name, **{key: getattr(DEFAULT, key) for key in PRESETS[name].changes})
    save_plan(back_to_default, tmp_path / f"other{suffix}")
    assert load_plan(tmp_path / f"other{suffix}") == back_to_default


def test_an_unknown_preset_names_the_nearest(tmp_path):
    with pytest.raises(RegistrationError, match=r"no preset 'ct2mr'; did you mean 'ct-to-mr'\?"):
        RegistrationPlan.named("ct2mr")
    with pytest.raises(RegistrationError, match="there are same-modality, cross-modality"):
        RegistrationPlan.named("zebra")
    (tmp_path / "p.toml").write_text('preset = "zebra"')
    with pytest.raises(RegistrationError, match=r"p\.toml: There is no preset 'zebra'"):
        load_plan(tmp_path / "p.toml")


def test_a_file_of_the_first_release_is_read(tmp_path):
    text = 'metric = "mi"\nstart = "search"\nrefine = "builtin"\nlevels_mm = [8.0, 4.0]\nbins = 24\nsamples = 9000\nseed = 3\n'
    (tmp_path / "p.toml").write_text(text + "iterations = 50\ntolerance = 0.01\n")
    expected = {"start": "search", "refine": "builtin", "levels_mm": (8, 4), "bins": 24, "samples": 9000, "seed": 3, "iterations": 50}
    assert load_plan(tmp_path / "p.toml") == DEFAULT.with_(**expected, tolerance=0.01)


def test_the_file_of_a_mask_lies_beside_the_plan(tmp_path):
    (tmp_path / "p.toml").write_text('fixed_mask = { file = "masks/大脑.nii.gz" }\nmoving_mask = { box_mm = [[0, 0, 0], [9, 9, 9]] }')
    plan = load_plan(tmp_path / "p.toml")
    assert plan.fixed_mask == Mask(file=str(tmp_path / "masks" / "大脑.nii.gz"))
    assert plan.moving_mask == Mask(box_mm=((0, 0, 0), (9, 9, 9)))
