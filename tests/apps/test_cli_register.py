"""``volstudio register`` as a person and a script use it: plans, masks, words that contradict, and the exit code of a doubtful answer."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
import threading

import click
import nibabel
import numpy as np
import pytest

from volstudio.apps import cli
from volstudio.apps.commands.plan_options import complete_preset
from volstudio.apps.commands.register import _complete_start
from volstudio.registration import trust
from volstudio.registration.presets import PRESETS
from volstudio.transforms.sidecar import read_sidecar
from volstudio.volumes.integrity import digest

TURN = np.radians(6)
# Fixed scanner -> moving scanner, mm.
TRUTH = np.array([[np.cos(TURN), -np.sin(TURN), 0, 5], [np.sin(TURN), np.cos(TURN), 0, -4], [0, 0, 1, 3], [0, 0, 0, 1.0]])
STEM = "from-moving_to-fixed_mode-image_xfm"


def thing(points):
    """An object without symmetry, (..., 3) mm."""
    value = np.zeros(points.shape[:-1])
    for centre, widths, bright in (
        ((0, 0, 0), (34, 42, 36), 500),
        ((8, 12, -5), (12, 16, 10), 300),
        ((-14, -18, 12), (9, 8, 11), -250),
        ((4, -22, -14), (5, 9, 6), 220),
    ):
        value += bright / (1 + np.exp(10 * (np.linalg.norm((points - np.array(centre)) / widths, axis=-1) - 1)))
    return value


def scan(shape, spacing, header):
    """NIfTI image of the thing; ``header`` (4, 4) is put into its affine."""
    affine = np.diag([spacing] * 3 + [1.0])
    affine[:3, 3] = -spacing * (np.array(shape) - 1) / 2
    points = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1) * spacing + affine[:3, 3]
    noise = np.random.default_rng(len(shape) + shape[0]).normal(0, 4, shape)
    return nibabel.Nifti1Image((thing(points) + noise).astype(np.float32), header @ affine), points


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    fixed, points = scan((44, 50, 46), 2.2, np.eye(4))
    moving, _ = scan((36, 40, 38), 2.8, TRUTH)
    fixed.to_filename(folder / "fixed.nii")
    moving.to_filename(folder / "moving.nii")
    nibabel.Nifti1Image((np.abs(points) < 38).all(-1).astype(np.uint8), fixed.affine).to_filename(folder / "mask.nii.gz")
    frames = [moving.get_fdata() * factor for factor in (0.0, 1.0, 1.2)]
    nibabel.Nifti1Image(np.stack(frames, -1).astype(np.float32), moving.affine).to_filename(folder / "series.nii")
    (folder / "quick.toml").write_text('refine = "builtin"\nsamples = 8000\n')
    np.savetxt(folder / "start.mat4", TRUTH @ np.diag([1, 1, 1, 1.0]))
    return folder


@pytest.fixture
def run(desk, monkeypatch, capsys):
    def call(*words, code=0):
        monkeypatch.chdir(desk)
        ended = cli.run(["register", *map(str, words)])
        out = capsys.readouterr()
        assert ended == code, out.err
        return out

    return call


def error_mm(told):
    """Mean distance of an answer in JSON from the truth."""
    points = np.stack(np.meshgrid(*([np.linspace(-30, 30, 4)] * 3), indexing="ij"), -1).reshape(-1, 3)
    difference = np.linalg.inv(told["moving_to_fixed"]) - TRUTH
    return np.linalg.norm(points @ difference[:3, :3].T + difference[:3, 3], axis=1).mean()


def test_without_a_folder_the_answer_is_printed_and_nothing_is_written(run, desk):
    before = sorted(desk.iterdir())
    told = json.loads(run("fixed.nii", "moving.nii", "--plan", "quick.toml", "--json").out)
    assert error_mm(told) < 0.3
    assert (told["folder"], told["files"]) == (None, {})
    assert told["trust"]["verdict"] in {"pass", "look", "fail"}
    assert told["metric_name"] == "mutual information"
    assert told["plan"]["samples"] == 8000
    assert len(told["plan"]["levels_mm"]) > 1
    assert sorted(desk.iterdir()) == before
    text = run("fixed.nii", "moving.nii", "--plan", "quick.toml").out
    assert "Where a point of moving belongs in fixed (mm, RAS+):" in text
    printed = np.array([line.split() for line in text.splitlines()[-4:]], float)
    np.testing.assert_allclose(printed, told["moving_to_fixed"], atol=1e-8)


def test_options_stand_over_the_plan_and_all_is_in_the_sidecar(run, desk, tmp_path):
    words = [
        "--plan",
        "quick.toml",
        "--metric",
        "ncc",
        "--start",
        "start.mat4",
        "--direction",
        "fixed-to-moving",
        "--fixed-mask",
        "mask.nii.gz",
        "--max-turn",
        8,
    ]
    told = json.loads(run("fixed.nii", "moving.nii", *words, "--max-shift", 12.5, "-o", tmp_path / "out", "--json").out)
    assert error_mm(told) < 0.3
    sidecar = read_sidecar(tmp_path / "out" / f"{STEM}.tfm")
    made = sidecar.parameters
    expected = {"metric": "ncc", "refine": "builtin", "samples": 8000, "start": "given", "max_turn_deg": 8.0, "max_shift_mm": 12.5}
    assert expected.items() <= made["plan"].items()
    assert made["plan"]["fixed_mask"] == {"file": "mask.nii.gz"}
    for key, name in (("fixed_mask_file", "mask.nii.gz"), ("start_file", "start.mat4"), ("plan_file", "quick.toml")):
        assert (made[key]["path"], made[key]["digest"]) == (name, digest(desk / name))
    assert sidecar.fixed.digest == digest(desk / "fixed.nii")
    assert made["trust"] == told["trust"]
    assert made["metric_name"] == "correlation"
    assert made["trace"][-1]["metric"] == pytest.approx(told["metric"], abs=0.05)
    assert {"volstudio", "numpy", "SimpleITK"} <= set(sidecar.versions)


def test_a_box_is_a_mask(run):
    told = json.loads(run("fixed.nii", "moving.nii", "--plan", "quick.toml", "--roi", "-38,-38,-38,38,38,38", "--no-trust", "--json").out)
    assert error_mm(told) < 0.3
    assert told["plan"]["fixed_mask"]["box_mm"] == [[-38, -38, -38], [38, 38, 38]]
    assert told["trust"] is None


@pytest.mark.parametrize(("time", "words"), [("1", "time point 1 of 3"), ("mean", "the mean of its 3 time points")])
def test_time_of_a_series(run, time, words, tmp_path):
    told = json.loads(run("fixed.nii", "series.nii", "--plan", "quick.toml", "--time", time, "-o", tmp_path / "out", "--json").out)
    assert error_mm(told) < 0.3
    assert words in " ".join(told["notes"])
    assert nibabel.load(tmp_path / "out" / "series_aligned.nii.gz").shape == (36, 40, 38, 3)


def test_from_here_stays_near_the_headers(run):
    told = json.loads(run("fixed.nii", "moving.nii", "--plan", "quick.toml", "--from-here", "--no-trust", "--json").out)
    assert told["plan"]["start"] == "given"
    assert error_mm(told) < 0.3


def test_a_result_not_to_be_believed_is_exit_code_3_and_one_sentence(run, monkeypatch, tmp_path):
    real = trust.judge

    def doubting(*given, **more):
        return dataclasses.replace(real(*given, **more), verdict="fail", reasons=("they do not overlap", "or they do"))

    monkeypatch.setattr(trust, "judge", doubting)
    out = run("fixed.nii", "moving.nii", "--plan", "quick.toml", "-o", tmp_path / "out", "--json", code=3)
    assert json.loads(out.out)["trust"]["verdict"] == "fail"
    assert out.err == "volstudio: Do not believe this result unseen: they do not overlap; or they do.\n"
    assert (tmp_path / "out" / f"{STEM}.tfm").is_file()
    run("fixed.nii", "moving.nii", "--plan", "quick.toml", "--no-trust")


CONTRADICTIONS = {
    "preset and plan": (["--preset", "ct-to-mr", "--plan", "quick.toml"], "either --preset or --plan"),
    "unknown preset": (["--preset", "ct2mr"], "did you mean 'ct-to-mr'"),
    "here and elsewhere": (["--from-here", "--start", "search"], "--from-here stays where"),
    "here and middles": (["--from-here", "--start", "moments"], "--from-here stays where"),
    "two masks": (["--fixed-mask", "mask.nii.gz", "--roi", "0,0,0,9,9,9"], "mask the same scan"),
    "nmi by simpleitk": (["--metric", "nmi", "--engine", "simpleitk"], "has no normalised"),
    "overwrite nothing": (["--overwrite"], "without --output none is written"),
    "five numbers": (["--roi", "1,2,3,4,5"], "two opposite corners"),
    "words for a box": (["--roi", "brain"], "two opposite corners"),
    "a flat box": (["--roi", "0,0,0,9,9,0"], "differ along x, y and z"),
    "a box beside it": (["--roi", "900,900,900,990,990,990"], "leaves nothing of fixed"),
    "a mask of nothing": (["--fixed-mask", "absent.nii"], "no such file"),
    "a scan as mask": (["--moving-mask", "moving.nii"], "is it a scan and not a mask"),
    "a series as mask": (["--fixed-mask", "series.nii"], "3 time points"),
    "a misspelt start": (["--start", "centers"], "did you mean 'centres'"),
    "no start": (["--start", "absent.tfm"], "no such file"),
    "a start that is a scan": (["--start", "fixed.nii"], "fixed.nii"),
    "a direction of nothing": (["--direction", "fixed-to-moving"], "there is none"),
    "a bare matrix as start": (["--start", "start.mat4"], "which way its matrix maps"),
    "a turn of nothing": (["--max-turn", "0"], "max_turn_deg must lie above 0"),
    "a shift that is none": (["--max-shift", "nan"], "max_shift_mm must lie above 0"),
    "no time": (["--time", "now"], "is no time point"),
    "a time of no series": (["--time", "2"], "neither fixed nor moving is a series"),
    "a plan that is none": (["--plan", "mask.nii.gz"], "no registration plan"),
    "no plan": (["--plan", "absent.toml"], "absent.toml"),
    "an unknown metric": (["--metric", "mutual"], "mutual"),
}


@pytest.mark.parametrize("wrong", CONTRADICTIONS)
def test_what_contradicts_is_one_sentence_and_writes_nothing(run, wrong, tmp_path):
    words, says = CONTRADICTIONS[wrong]
    folder = [] if wrong == "overwrite nothing" else ["-o", tmp_path / "out"]
    out = run("fixed.nii", "moving.nii", *words, *folder, code=2)
    complaint = [line for line in out.err.splitlines() if line.startswith("volstudio: ")]
    assert len(complaint) == 1
    assert says in complaint[0]
    assert out.out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_time_beyond_the_series(run):
    assert "has time points 0 to 2" in run("fixed.nii", "series.nii", "--time", "3", code=2).err


def test_the_tab_key_knows_presets_and_starts():
    ctx = click.Context(cli.volstudio)
    param = click.Option(["--preset"])
    assert {item.value for item in complete_preset(ctx, param, "")} == set(PRESETS)
    assert [item.value for item in complete_preset(ctx, param, "ct")] == ["ct-to-mr"]
    assert all(item.help for item in complete_preset(ctx, param, ""))
    assert [item.value for item in _complete_start(ctx, param, "h")] == ["header", "h"]
    assert _complete_start(ctx, param, "x.tfm")[-1].type == "file"


def test_ctrl_c_without_a_folder_is_quiet_too(desk):
    command = [sys.executable, "-m", "volstudio", "register", "fixed.nii", "moving.nii"]
    process = subprocess.Popen(command, cwd=desk, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    guard = threading.Timer(120, process.kill)
    guard.start()
    assert "%" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, told = process.communicate()
    guard.cancel()
    assert process.returncode == 130
    assert out == ""
    assert told.splitlines()[-1] == "volstudio: Stopped; nothing was changed."
