"""Many files to one: what one registration gives, a table, nothing done twice, and nothing lost to a bad file."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from volstudio.errors import Cancelled, OutputError, RegistrationError, UnreadableFileError
from volstudio.geometry.rigid import RigidTransform
from volstudio.progress import Progress
from volstudio.registration.plan import Mask, RegistrationPlan
from volstudio.registration.rigid import register
from volstudio.tasks.group_many import register_files
from volstudio.tasks.group_names import scans_in_list
from volstudio.tasks.group_table import TABLE
from volstudio.transforms.files import read_transform
from volstudio.transforms.sidecar import read_sidecar
from volstudio.volumes.integrity import digest
from volstudio.volumes.readers import open_volume

PLAN = RegistrationPlan(samples=3000, refine="builtin", start="header")
MOVES = {"one": (2, -1, 3, 0.05, 0, 0.03), "two": (-3, 2, 0, 0, 0.06, 0.02)}


@pytest.fixture
def desk(tmp_path, blobs):
    (tmp_path / "scans").mkdir()
    blobs.write(tmp_path / "scans" / "fixed.nii", np.eye(4), 0)
    for seed, (name, move) in enumerate(MOVES.items(), 1):
        blobs.write(tmp_path / "scans" / f"{name}.nii", RigidTransform.from_six(move).matrix, seed)
    (tmp_path / "scans" / "broken.nii").write_bytes(b"no scan")
    return tmp_path


def scans(desk, *names):
    return [str(desk / "scans" / f"{name}.nii") for name in names]


def table(folder):
    with (folder / TABLE).open(newline="") as file:
        return {os.path.basename(row["scan"]): row for row in csv.DictReader(file, delimiter="\t")}  # noqa: PTH119 - a name, no file


def test_every_scan_gets_a_transform_and_a_line(desk):
    fixed, *movings = scans(desk, "fixed", "one", "broken", "two", "fixed", "one")
    done = register_files(fixed, movings, desk / "out", plan=PLAN)
    assert [row.status for row in done.rows] == ["done", "failed", "done"]
    assert not done.good
    for name, move in MOVES.items():
        found = read_transform(desk / "out" / f"from-{name}_to-fixed_mode-image_xfm.tfm").matrix
        truth = RigidTransform.from_six(move).matrix  # a point of the fixed scan lies there in the moving one
        assert np.abs((found - truth) @ [20, -20, 20, 1]).max() < 0.8
    rows = table(desk / "out")
    assert list(rows) == ["one.nii", "broken.nii", "two.nii"]
    assert rows["one.nii"]["verdict"] in ("pass", "look", "fail")
    assert rows["broken.nii"]["metric"] == "n/a"
    assert "not NIfTI" in rows["broken.nii"]["said"]
    sidecar = read_sidecar(desk / "out" / rows["one.nii"]["transform"])
    assert sidecar.moving.path == "one.nii"
    assert str(desk) not in (desk / "out" / "from-one_to-fixed_mode-image_xfm.json").read_text()


def test_what_is_done_is_kept_and_what_changed_is_not(desk, blobs):
    fixed, *movings = scans(desk, "fixed", "one", "two")
    register_files(fixed, movings[:1], desk / "out", plan=PLAN)
    first = (desk / "out" / "from-one_to-fixed_mode-image_xfm.tfm").stat().st_mtime_ns
    again = register_files(fixed, movings, desk / "out", plan=PLAN)
    assert [row.status for row in again.rows] == ["kept", "done"]
    assert (desk / "out" / "from-one_to-fixed_mode-image_xfm.tfm").stat().st_mtime_ns == first
    assert table(desk / "out")["one.nii"]["metric"] == table(desk / "out")["one.nii"]["metric"] != "n/a"
    blobs.write(movings[0], RigidTransform.from_six((5, 0, 0, 0, 0, 0)).matrix, 9)
    changed = register_files(fixed, movings, desk / "out", plan=PLAN)
    assert [row.status for row in changed.rows] == ["failed", "kept"]
    assert "exists already" in changed.rows[0].said
    other_plan = register_files(fixed, movings[1:], desk / "out", plan=PLAN.with_(samples=2000))
    assert "exists already" in other_plan.rows[0].said
    replaced = register_files(fixed, movings, desk / "out", plan=PLAN, overwrite=True)
    assert [row.status for row in replaced.rows] == ["done", "done"]


def test_side_by_side_gives_the_same_bytes(desk):
    fixed, *movings = scans(desk, "fixed", "one", "broken", "two")
    alone = register_files(fixed, movings, desk / "alone", plan=PLAN)
    together = register_files(fixed, movings, desk / "together", plan=PLAN, jobs=2)
    assert [row.status for row in together.rows] == [row.status for row in alone.rows]
    for file in (desk / "alone").glob("*.tfm"):
        assert (desk / "together" / file.name).read_bytes() == file.read_bytes()


def test_stopped_in_the_middle_keeps_what_is_done(desk):
    fixed, *movings = scans(desk, "fixed", "one", "two")
    progress = Progress(lambda step: step.what.startswith("2 of 2") and progress.cancel())
    with pytest.raises(Cancelled):
        register_files(fixed, movings, desk / "out", plan=PLAN, progress=progress)
    assert sorted(path.name for path in (desk / "out").iterdir()) == [
        "from-one_to-fixed_mode-image_xfm.json",
        "from-one_to-fixed_mode-image_xfm.tfm",
        TABLE,
    ]
    assert list(table(desk / "out")) == ["one.nii"]


@pytest.mark.skipif(os.name != "posix", reason="signals of a terminal")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_leaves_nothing_half_written(desk, blobs, jobs):
    for number in range(12):
        blobs.write(desk / "scans" / f"run{number}.nii", RigidTransform.from_six((1, 0, number / 4, 0, 0, 0.02)).matrix, number)
    names = [f"run{number}" for number in range(12)]
    command = [sys.executable, "-m", "volstudio", "group", "many", *scans(desk, "fixed", *names), "-o", str(desk / "out"), "--jobs", jobs]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True)
    began = time.monotonic()
    while not list((desk / "out").glob("from*.tfm") if (desk / "out").exists() else ()):
        assert running.poll() is None
        assert time.monotonic() - began < 120
        time.sleep(0.05)  # until the first result is there
    os.killpg(running.pid, signal.SIGINT)
    _, said = running.communicate(timeout=120)
    assert running.returncode == 130, said
    assert b"Traceback" not in said
    left = {path.name for path in (desk / "out").iterdir()}
    assert TABLE in left
    for name in left - {TABLE}:
        assert name.startswith("from-run"), name
        assert name.replace(".tfm", ".json") in left
        assert name.replace(".json", ".tfm") in left


def test_a_foreign_table_and_a_foreign_file_stay(desk):
    fixed, moving = scans(desk, "fixed", "one")
    (desk / "out").mkdir()
    (desk / "out" / TABLE).write_text("mine")
    with pytest.raises(OutputError, match="no table of registrations"):
        register_files(fixed, [moving], desk / "out", plan=PLAN)
    assert (desk / "out" / TABLE).read_text() == "mine"
    with pytest.raises(OutputError, match="it is a file"):
        register_files(fixed, [moving], desk / "out" / TABLE, plan=PLAN)
    with pytest.raises(OutputError, match="Cannot make the folder"):
        register_files(fixed, [moving], desk / "no" / "such", plan=PLAN)


def test_what_cannot_be_begun_is_refused(desk):
    fixed, moving = scans(desk, "fixed", "one")
    with pytest.raises(RegistrationError, match="no scan to register"):
        register_files(fixed, [fixed], desk / "out")
    with pytest.raises(UnreadableFileError):
        register_files(str(desk / "scans" / "broken.nii"), [moving], desk / "out")
    assert not (desk / "out").exists()


def test_a_list_names_scans_from_its_own_folder(desk, tmp_path):
    listed = desk / "scans" / "list.txt"
    listed.write_text("# runs\none.nii\tmasks/one brain.nii\n\nsample:t1\n" + str(desk / "two.nii") + "\t \n")
    assert scans_in_list(str(listed)) == (
        (str(desk / "scans" / "one.nii"), str(desk / "scans" / "masks" / "one brain.nii")),
        ("sample:t1", None),
        (str(desk / "two.nii"), None),
    )
    listed.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(UnreadableFileError, match="cannot be read as text"):
        scans_in_list(str(listed))


@pytest.fixture
def masked(desk, blobs):
    """Writes a mask of one of the scans."""

    def write(name, **how):
        return blobs.write_mask(desk / "scans" / f"{name}_mask.nii.gz", desk / "scans" / f"{name}.nii", **how)

    return write


def test_masks_of_many_are_those_of_one(desk, masked):
    fixed, *movings = scans(desk, "fixed", "one", "two")
    masks = [masked("one"), None]
    plan = PLAN.with_(fixed_mask=Mask(file=masked("fixed")))
    done = register_files(fixed, movings, desk / "out", plan=plan, masks=masks, judge=False)
    assert [(row.status, row.verdict) for row in done.rows] == [("done", ""), ("done", "")]
    for name, mask in zip(("one", "two"), masks, strict=True):
        volumes = (open_volume(fixed), open_volume(str(desk / "scans" / f"{name}.nii")))
        regions = open_volume(plan.fixed_mask.file), mask and open_volume(mask)
        alone = register(*volumes, plan=PLAN, fixed_mask=regions[0], moving_mask=regions[1], judge=False)
        written = read_transform(desk / "out" / f"from-{name}_to-fixed_mode-image_xfm.tfm").matrix
        np.testing.assert_allclose(written, alone.fixed_to_moving.matrix, atol=1e-9)
        made = read_sidecar(desk / "out" / f"from-{name}_to-fixed_mode-image_xfm.tfm").parameters
        assert made["fixed_mask_file"]["digest"] == digest(desk / "scans" / "fixed_mask.nii.gz")
        assert made.get("moving_mask_file", {}).get("path") == (mask and "one_mask.nii.gz")
        assert str(desk) not in (desk / "out" / f"from-{name}_to-fixed_mode-image_xfm.json").read_text()


def test_another_mask_is_another_result(desk, masked):
    fixed, moving = scans(desk, "fixed", "one")
    mask = masked("one")
    register_files(fixed, [moving], desk / "out", plan=PLAN, masks=[mask])
    assert register_files(fixed, [moving], desk / "out", plan=PLAN, masks=[mask]).rows[0].status == "kept"
    assert "exists already" in register_files(fixed, [moving], desk / "out", plan=PLAN).rows[0].said
    masked("one", keep=np.s_[2:20, 4:24, 4:20])
    assert "exists already" in register_files(fixed, [moving], desk / "out", plan=PLAN, masks=[mask]).rows[0].said


def test_what_was_not_judged_is_not_kept_for_one_who_asks_for_it(desk):
    fixed, moving = scans(desk, "fixed", "one")
    register_files(fixed, [moving], desk / "out", plan=PLAN, judge=False)
    assert register_files(fixed, [moving], desk / "out", plan=PLAN, judge=False).rows[0].status == "kept"
    assert "exists already" in register_files(fixed, [moving], desk / "out", plan=PLAN).rows[0].said
    assert register_files(fixed, [moving], desk / "out", plan=PLAN, overwrite=True).rows[0].verdict
    assert register_files(fixed, [moving], desk / "out", plan=PLAN, judge=False).rows[0].status == "kept"


def test_masks_that_do_not_fit(desk, masked):
    fixed, *movings = scans(desk, "fixed", "one", "two")
    lost = register_files(fixed, movings, desk / "out", plan=PLAN, masks=[str(desk / "none.nii"), None])
    assert [row.status for row in lost.rows] == ["failed", "done"]
    assert lost.rows[0].said.startswith("Its mask: Cannot open")
    assert "none.nii" in lost.rows[0].said
    with pytest.raises(RegistrationError, match="2 moving scans need as many masks"):
        register_files(fixed, movings, desk / "new", masks=["a.nii"])
    with pytest.raises(RegistrationError, match="named twice, with different masks"):
        register_files(fixed, [movings[0]] * 2, desk / "new", masks=["a.nii", None])
    with pytest.raises(RegistrationError, match="leaves nothing out"):
        register_files(fixed, movings, desk / "new", plan=PLAN.with_(fixed_mask=Mask(file=masked("fixed", keep=np.s_[:]))))
    assert not (desk / "new").exists()
