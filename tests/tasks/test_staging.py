from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from volstudio.errors import OutputError, RegistrationError
from volstudio.tasks.staging import staged

NAMES = ("a.txt", "b.txt")


def write(files, text):
    for name in NAMES:
        files.path(name).write_text(text)


def listing(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


@pytest.mark.parametrize("there", [False, True])
def test_files_appear_together_at_the_end(tmp_path, there):
    folder = tmp_path / "run"
    if there:
        folder.mkdir()
    with staged(folder, NAMES) as files:
        write(files, "new")
        assert not (folder / "a.txt").exists()
    assert listing(folder) == dict.fromkeys(NAMES, "new")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("there", [False, True])
def test_an_error_leaves_everything_as_it_was(tmp_path, there):
    folder = tmp_path / "run"
    if there:
        folder.mkdir()
        (folder / "a.txt").write_text("old")

    def run():
        with staged(folder, NAMES, overwrite=True) as files:
            write(files, "new")
            raise RegistrationError("no answer")

    with pytest.raises(RegistrationError):
        run()
    assert folder.exists() == there
    assert not there or listing(folder) == {"a.txt": "old"}


def test_a_file_that_is_there_is_refused_before_any_work(tmp_path):
    (tmp_path / "b.txt").write_text("old")
    with pytest.raises(OutputError, match="exists already"), staged(tmp_path, NAMES):
        pytest.fail("the work began")
    assert listing(tmp_path) == {"b.txt": "old"}


def test_a_failure_in_the_last_step_takes_the_first_ones_back(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("old")
    rename = Path.rename

    def failing(self, target):
        if Path(target).name == "b.txt":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OutputError, match="No space left"), staged(tmp_path, NAMES, overwrite=True) as files:
        write(files, "new")
    assert listing(tmp_path) == {"a.txt": "old"}


def test_a_protected_file_is_never_replaced_even_through_a_hard_link(tmp_path):
    source = tmp_path / "source.txt"
    source.write_text("scan")
    folder = tmp_path / "run"
    folder.mkdir()
    os.link(source, folder / "a.txt")
    with pytest.raises(OutputError, match="source"), staged(folder, NAMES, overwrite=True, protect=[source]):
        pytest.fail("the work began")
    assert source.read_text() == "scan"


@pytest.mark.parametrize("folder", ["file/run", "file", "absent/run", "/proc/run"])
def test_impossible_folders_are_refused_with_a_sentence(tmp_path, folder):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="Cannot"), staged(tmp_path / folder, NAMES):
        pytest.fail("the work began")


def test_kill_in_the_middle_leaves_no_result(tmp_path):
    script = f"""
import os, signal
from volstudio.tasks.staging import staged
with staged({str(tmp_path / "run")!r}, ["a.txt", "b.txt"]) as files:
    files.path("a.txt").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", script], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "run").exists()
