"""``volstudio group`` as a person types it: masks and plans for each scan or link, slips of the keyboard, and the exit code of a doubt."""

from __future__ import annotations

import csv
import json

import nibabel
import numpy as np
import pytest

from volstudio.apps import cli
from volstudio.geometry.rigid import RigidTransform
from volstudio.transforms.sidecar import read_sidecar
from volstudio.volumes.integrity import digest

MOVES = {"a": (2, -1, 3, 0.05, 0, 0.03), "b": (-3, 2, 0, 0, 0.06, 0.02), "c": (1, 4, -2, -0.04, 0.03, 0)}
QUICK = ("--plan", "quick.toml")


@pytest.fixture(scope="module")
def scans(tmp_path_factory, blobs):
    folder = tmp_path_factory.mktemp("visits")
    for seed, (name, move) in enumerate(MOVES.items()):
        blobs.write(folder / f"{name}.nii", RigidTransform.from_six(move).matrix, seed)
        blobs.write_mask(folder / f"{name}_mask.nii.gz", folder / f"{name}.nii")
    (folder / "quick.toml").write_text('samples = 3000\nrefine = "builtin"\nstart = "header"\n')
    (folder / "other.toml").write_text('samples = 2000\nrefine = "builtin"\nstart = "header"\n')
    return folder


@pytest.fixture
def desk(scans, tmp_path, monkeypatch):
    for file in scans.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(desk, capsys):
    def call(*words, code=0):
        ended = cli.run(["group", *map(str, words)])
        said = capsys.readouterr()
        assert ended == code, said.err
        assert "Traceback" not in said.err
        return said

    return call


def made(desk, moving, fixed):
    """How a map of the folder ``out`` was made."""
    return read_sidecar(desk / "out" / f"from-{moving}_to-{fixed}_mode-image_xfm.tfm").parameters


def test_many_take_the_wishes_of_one(run, desk):
    words = ("--metric", "ncc", "--max-turn", 9, "--max-shift", 30, "--fixed-mask", "a_mask.nii.gz", "--moving-roi", "-40,-50,-40,40,50,40")
    told = json.loads(run("many", "a.nii", "b.nii", "c.nii", "-o", "out", *QUICK, *words, "--no-trust", "--json").out)
    assert [row["status"] for row in told["rows"]] == ["done", "done"]
    for name in "bc":
        how = made(desk, name, "a")
        assert {"metric": "ncc", "max_turn_deg": 9.0, "max_shift_mm": 30.0, "samples": 3000, "start": "header"}.items() <= how[
            "plan"
        ].items()
        assert how["trust"] is None
        assert how["fixed_mask_file"]["digest"] == digest(desk / "a_mask.nii.gz")
        assert how["plan"]["moving_mask"]["box_mm"] == [[-40, -50, -40], [40, 50, 40]]


@pytest.mark.parametrize(
    ("words", "masks"),
    [
        (("--moving-mask", "{folder}/{name}_mask.nii.gz"), ("b_mask.nii.gz", "c_mask.nii.gz")),
        (("--moving-mask", "b_mask.nii.gz", "--moving-mask", "c_mask.nii.gz"), ("b_mask.nii.gz", "c_mask.nii.gz")),
        (("--moving-mask", "2=c_mask.nii.gz"), (None, "c_mask.nii.gz")),
    ],
)
def test_each_moving_scan_has_its_own_mask(run, desk, words, masks):
    run("many", "a.nii", "b.nii", "c.nii", "-o", "out", *QUICK, *words, "--no-trust")
    for name, mask in zip("bc", masks, strict=True):
        assert made(desk, name, "a").get("moving_mask_file", {}).get("path") == mask


def test_a_list_may_name_masks(run, desk):
    (desk / "list.txt").write_text("b.nii\nc.nii\tc_mask.nii.gz\n")
    run("many", "a.nii", "--list", "list.txt", "-o", "out", *QUICK, "--no-trust")
    assert "moving_mask_file" not in made(desk, "b", "a")
    assert made(desk, "c", "a")["moving_mask_file"]["path"] == "c_mask.nii.gz"


def test_a_bad_scan_is_said_and_the_others_go_on(run, desk):
    (desk / "bad.nii").write_bytes(b"")
    said = run("many", "a.nii", "bad.nii", "none.nii", "b.nii", "-o", "out", *QUICK, code=3)
    assert "1 of 3 registered to a; 2 failed." in said.out
    with (desk / "out" / "registrations.tsv").open(newline="") as file:
        assert [row["status"] for row in csv.DictReader(file, delimiter="\t")] == ["failed", "failed", "done"]


def test_a_plan_for_each_link(run, desk):
    words = ("--plan", "other.toml", "--plan", "1=quick.toml", "--mask", "2=b_mask.nii.gz", "--metric", "ncc")
    told = json.loads(run("chain", "a.nii", "b.nii", "c.nii", "-o", "out", *words, "--no-trust", "--json").out)
    first, second = made(desk, "a", "b"), made(desk, "b", "c")
    assert (first["plan"]["samples"], second["plan"]["samples"]) == (3000, 2000)
    assert (first["plan_file"]["path"], second["plan_file"]["path"]) == ("quick.toml", "other.toml")
    assert first["plan"]["metric"] == second["plan"]["metric"] == "ncc"
    assert first["fixed_mask_file"]["path"] == second["moving_mask_file"]["path"] == "b_mask.nii.gz"
    assert "moving_mask_file" not in first
    assert [link["trust"] for link in told["links"]] == [None, None]
    first, second = (np.array(link["moving_to_fixed"]) for link in told["links"])
    np.testing.assert_allclose(told["first_to_last"], second @ first, atol=1e-9)


def test_a_preset_for_one_link(run, desk):
    run("chain", "a.nii", "b.nii", "c.nii", "-o", "out", "--preset", "1=epi-to-anatomy", "--from-here", "--engine", "builtin", "--no-trust")
    assert [made(desk, *ends)["plan"]["preset"] for ends in ("ab", "bc")] == ["epi-to-anatomy", ""]
    assert {made(desk, *ends)["plan"]["start"] for ends in ("ab", "bc")} == {"given"}


def test_the_time_of_a_series_in_a_chain(run, desk):
    """The first time point of the series shows nothing, and the second link has no series."""
    image = nibabel.load(desk / "a.nii")
    data = np.asarray(image.dataobj)
    nibabel.Nifti1Image(np.stack([data * 0, data], -1), image.affine).to_filename(desk / "epi.nii")
    run("chain", "epi.nii", "b.nii", "c.nii", "-o", "out", *QUICK, "--time", 1, "--no-trust")
    assert [made(desk, *ends)["plan"]["time"] for ends in (("epi", "b"), "bc")] == [1, "first"]


def test_a_mean_space_with_masks(run, desk):
    said = run("mean", "a.nii", "b.nii", "c.nii", "-o", "out", *QUICK, "--mask", "{name}_mask.nii.gz")
    assert made(desk, "b", "mean")["moving_mask_file"]["digest"] == digest(desk / "b_mask.nii.gz")
    assert made(desk, "b", "mean")["plan_file"]["path"] == "quick.toml"
    assert "with the average of all in mean.nii.gz" in said.out


def test_a_mean_of_two_that_do_not_fit_is_not_to_be_believed(run, desk):
    image = nibabel.load(desk / "a.nii")
    mirrored = np.ascontiguousarray(np.asarray(image.dataobj)[::-1])
    nibabel.Nifti1Image(mirrored, image.affine).to_filename(desk / "stranger.nii")
    said = run("mean", "a.nii", "stranger.nii", "-o", "out", *QUICK, code=3)
    assert "Do not use it as it is: " in said.out
    assert json.loads(run("mean", "a.nii", "b.nii", "-o", "new", *QUICK, "--json").out)["verdict"] in ("pass", "look")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["many", "a.nii", "-o", "out"], "no scan to register"),
        (["many", "a.nii", "b.nii"], "Missing option '-o'"),
        (["mean", "-o", "out"], "Missing argument"),
        (["mean", "a.nii", "b.nii", "-o", "out", "--preset", "x", "--plan", "y"], "either --preset or --plan"),
        (["chain", "a.nii", "b.nii", "-o", "out", "--preset", "x", "--plan", "1=y"], "either --preset or --plan"),
        (["many", "a.nii", "b.nii", "-o", "out", "--jobs", "0"], "0 is not in the range"),
        (["chain", "a.nii", "none.nii", "-o", "out"], "none.nii"),
        (["chain", "a.nii", "-o", "out"], "at least two"),
        (["chain", "a.nii", "b.nii", "-o", "out", "--mask", "none.nii", "--mask", "b.nii"], "none.nii"),
        (["chain", "a.nii", "b.nii", "c.nii", "-o", "out", *["--preset", "same-modality"] * 3], "There are 2 links and 3 of --preset"),
        (["chain", "a.nii", "b.nii", "c.nii", "-o", "out", "--preset", "3=same-modality"], "about link 3, and there are 2 links"),
        (["chain", "a.nii", "b.nii", "-o", "out", "--preset", "1=x", "--preset", "1=y"], "says 1=... twice"),
        (["chain", "a.nii", "b.nii", "-o", "out", "--preset", "epi"], "There is no preset 'epi'"),
        (
            ["mean", "a.nii", "b.nii", "c.nii", "-o", "out", "--mask", "a_mask.nii.gz"],
            "There are 3 scans and 1 of --mask; give one for each",
        ),
        (
            ["many", "a.nii", "b.nii", "c.nii", "-o", "out", "--moving-mask", "a_mask.nii.gz"],
            "a pattern such as {folder}/{name}_mask.nii.gz",
        ),
        (["many", "a.nii", "b.nii", "-o", "out", "--moving-mask", "b_mask.nii.gz", "--moving-roi", "0,0,0,1,1,1"], "mask the same scan"),
        (["many", "a.nii", "b.nii", "-o", "out", "--metric", "nmi", "--engine", "simpleitk"], "--engine builtin"),
        (["many", "a.nii", "b.nii", "-o", "out", "--from-here", "--start", "moments"], "leave one of them out"),
        (["mean", "a.nii", "b.nii", "-o", "out", "--time", "mean"], "none of the scans is a series"),
        (["mean", "a.nii", "b.nii", "-o", "out", "--plan", "masks.toml"], "The plan of a mean space cannot hold masks"),
        (["chain", "a.nii", "b.nii", "c.nii", "-o", "out", "--plan", "masks.toml"], "A plan for all links of a chain cannot hold masks"),
    ],
)
def test_slips_of_the_keyboard_are_one_sentence(desk, capsys, words, said):
    (desk / "masks.toml").write_text('fixed_mask = { file = "a_mask.nii.gz" }\n')
    before = sorted(path.name for path in desk.iterdir())
    assert cli.run(["group", *words]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert [line for line in err.splitlines() if line.startswith("volstudio: ")] == [err.splitlines()[-1]]
    assert sorted(path.name for path in desk.iterdir()) == before
