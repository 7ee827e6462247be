"""A whole session by commands alone, on the built-in pair, as a person would type it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import nibabel
import numpy as np
import pytest

from volstudio.apps import cli, studio
from volstudio.errors import MissingExtraError, OpenGLUnavailableError
from volstudio.rendering.picture_files import read_png_text
from volstudio.volumes.samples import sample, sample_path, truth

STEM = "from-epi_to-t1_mode-image_xfm"


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Path:
    """A folder with the sample's files under names of a study."""
    folder = tmp_path_factory.mktemp("扫描") / "病人 一"
    folder.mkdir()
    shutil.copy(sample_path("t1"), folder / "t1.nii.gz")
    shutil.copy(sample_path("epi"), folder / "epi.nii")
    return folder


@pytest.fixture
def run(desk, monkeypatch, capsys):
    def call(*words: str) -> str:
        monkeypatch.chdir(desk)
        assert cli.run(list(words)) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return call


@pytest.fixture(scope="module")
def registered(desk) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "volstudio", "register", "t1.nii.gz", "epi.nii", "-o", "aligned", "--json"],
        cwd=desk,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_register_finds_the_truth_and_tells_a_machine(registered, desk):
    found = np.array(registered["moving_to_fixed"])
    corners = sample("epi").grid.corners()
    off = np.linalg.norm(corners @ (found - truth().matrix)[:3, :3].T + (found - truth().matrix)[:3, 3], axis=1)
    assert off.max() < 3.0
    assert {Path(path).name for path in registered["files"].values()} == {path.name for path in (desk / "aligned").iterdir()}
    assert registered["moved_mm"]["mean"] > 8


def test_apply_header_is_the_header_that_register_wrote(registered, desk, run):
    out = run("apply", f"aligned/{STEM}.tfm", "epi.nii", "--header", "-o", "again.nii.gz")
    assert out == "again.nii.gz\n"
    again, first = nibabel.load(desk / "again.nii.gz"), nibabel.load(desk / "aligned" / "epi_aligned.nii.gz")
    np.testing.assert_allclose(again.affine, first.affine, atol=1e-5)
    np.testing.assert_array_equal(np.asanyarray(again.dataobj), np.asanyarray(first.dataobj))


def test_apply_resampled_lies_on_the_anatomy(registered, desk, run):
    run("apply", f"aligned/{STEM}.mat4", "epi.nii", "--reference", "t1.nii.gz", "-o", "on_t1.nii.gz")
    written = nibabel.load(desk / "on_t1.nii.gz")
    assert written.shape == nibabel.load(desk / "t1.nii.gz").shape
    inside = np.asanyarray(nibabel.load(desk / "t1.nii.gz").dataobj) > 0
    values = np.asanyarray(written.dataobj)
    assert values[inside].mean() > 5 * values[~inside].mean()


def test_info_of_both_for_a_machine(desk, run):
    told = json.loads(run("info", "t1.nii.gz", "epi.nii", "--json"))["volumes"]
    assert [volume["name"] for volume in told] == ["t1", "epi"]
    assert told[1]["relation"]


def test_info_for_a_person(desk, run):
    text = run("info", "t1.nii.gz", "epi.nii")
    assert "197 x 233 x 189" in text
    assert "degrees oblique" in text
    assert "to the first" in text


def test_shot_of_the_scene_file(registered, desk, run):
    assert run("shot", "aligned/scene.toml", "-o", "图.png", "--size", "600") == "图.png\n"
    assert "ortho view of t1, epi" in read_png_text((desk / "图.png").read_bytes())["Description"]


def test_a_changed_scan_is_told(registered, desk, tmp_path, monkeypatch, capsys):
    shutil.copytree(desk, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    with (tmp_path / "copy" / "epi.nii").open("r+b") as file:
        file.seek(100_000)
        file.write(b"\1\2")
    drawn = ["shot", "aligned/scene.toml", "-o", "a.png", "--size", "300"]
    assert cli.run(drawn) == 2
    assert "outside its folder" in capsys.readouterr().err
    assert cli.run([*drawn, "--follow-paths"]) == 0
    assert "has changed" in capsys.readouterr().err


def test_the_committed_schema_is_what_the_command_prints(desk, run):
    committed = Path(__file__).parents[2] / "scenes" / "scene.schema.json"
    if not committed.exists():
        pytest.skip("the scenes folder is not part of this installation")
    assert run("schema") == committed.read_text(encoding="utf-8"), "run: volstudio schema -o scenes/scene.schema.json --overwrite"
    run("schema", "-o", "schema.json")
    assert (desk / "schema.json").read_bytes() == committed.read_bytes()


@pytest.mark.parametrize("environment", [{}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}])
def test_names_that_are_no_text(desk, tmp_path, environment):
    odd = b"\xff\xfe \xe9\n.nii"
    shutil.copy(desk / "epi.nii", tmp_path / os.fsdecode(odd))
    for words in (
        ["register", desk / "t1.nii.gz", odd, "-o", "图"],
        ["shot", "图/scene.toml", "-o", b"\xe9.png", "--size", "300"],
        ["info", odd],
    ):
        command = [sys.executable, "-m", "volstudio", *words]
        done = subprocess.run(command, cwd=tmp_path, env=os.environ | environment, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "图" / "scene.toml").is_file()
    assert (tmp_path / os.fsdecode(b"\xe9.png")).is_file()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_stopped_in_the_middle_leaves_nothing(desk, tmp_path, number):
    command = [sys.executable, "-m", "volstudio", "register", str(desk / "t1.nii.gz"), str(desk / "epi.nii"), "-o", "out"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    guard = threading.Timer(120, process.kill)
    guard.start()
    line = process.stderr.readline()
    assert "%" in line
    os.kill(process.pid, number)
    told = process.stderr.read()
    code = process.wait()
    guard.cancel()
    process.stderr.close()
    assert not (tmp_path / "out").exists()
    if number == signal.SIGKILL:
        assert code == -signal.SIGKILL
        shutil.copy(desk / "epi.nii", tmp_path)
        assert cli.run(["schema", "-o", str(tmp_path / "schema.json")]) == 0
        assert {path.name for path in tmp_path.iterdir()} == {"schema.json", "epi.nii"}, "the next run tidies up"
    else:
        assert code == 130
        assert told.splitlines()[-1] == "volstudio: Stopped; nothing was changed."
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [MissingExtraError("The window needs PySide6."), OpenGLUnavailableError("No display was found.")])
def test_the_demo_goes_on_without_a_window_and_says_why(error, run, monkeypatch, tmp_path):
    def no_window(*_args, **_options):
        raise error

    monkeypatch.setattr(studio, "run", no_window)
    monkeypatch.setattr("volstudio.tasks.demo.run_headless", lambda folder, **_: Told(folder))
    text = run("demo", "-o", str(tmp_path / "out"))
    assert text.splitlines() == [f"{error} The same session ran here without one.", f"ran in {tmp_path / 'out'}"]


def test_the_demo_opens_the_studio_on_the_pair(run, monkeypatch):
    opened = []
    monkeypatch.setattr(studio, "run", lambda scene, **_: opened.append(scene) or 0)
    run("demo")
    assert opened[0].names == ("t1", "epi")


def test_view_saves_back_to_the_file_it_opened(registered, run, monkeypatch):
    opened = []
    monkeypatch.setattr(studio, "run", lambda scene, **options: opened.append((scene.names if scene else None, options)) or 0)
    run("view", "aligned/scene.toml")
    run("view", "t1.nii.gz", "epi.nii")
    run("view")
    assert opened[0] == (("t1", "epi"), {"session_path": "aligned/scene.toml", "folders": []})
    assert opened[1] == (("t1", "epi"), {"session_path": None, "folders": []})
    assert opened[2][0] is None


class Told:
    """A demo's outcome that tells where it ran."""

    def __init__(self, folder):
        self.folder = folder

    def story(self):
        return (f"ran in {self.folder}",)
