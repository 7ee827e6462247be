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
    for name in files.names:
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


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), KeyboardInterrupt(), SystemExit(1)], ids=["disk", "person", "exit"]
)
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", [0, 1, 2])
def test_a_failure_in_any_last_step_takes_the_others_back(tmp_path, monkeypatch, step, done, error):
    """Two files that are there and a new one; the step fails before the file has its name, or just after."""
    names = ("a.txt", "b.txt", "c.txt")
    for name in names[:2]:
        (tmp_path / name).write_text(f"old {name}")
    replace = Path.replace

    def failing(self, target):
        fails = Path(target).name == names[step] and "-old-" not in self.name
        if not fails or done:
            replace(self, target)
        if fails:
            raise error

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises((OutputError, KeyboardInterrupt, SystemExit)), staged(tmp_path, names, overwrite=True) as files:
        write(files, "new")
    assert listing(tmp_path) == {name: f"old {name}" for name in names[:2]}


KILLED = """
import os, signal, sys
from volstudio.tasks.staging import staged
folder, fatal = sys.argv[1], int(sys.argv[2])
count = 0
def counted(function):
    def call(*args, **options):
        global count
        count += 1
        if count == fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **options)
    return call
with staged(folder, ["a.txt", "b.txt", "c.txt"], overwrite=True) as files:
    for name in files.names:
        files.path(name).write_text("new")
    for name in ("link", "replace", "rename", "unlink"):
        setattr(os, name, counted(getattr(os, name)))
"""


def test_killed_at_any_step_every_name_holds_a_whole_file_and_the_next_run_tidies_up(tmp_path):
    seen = set()
    for fatal in range(1, 20):
        folder = tmp_path / str(fatal)
        folder.mkdir()
        for name in NAMES:
            (folder / name).write_text("old")
        done = subprocess.run([sys.executable, "-c", KILLED, str(folder), str(fatal)], check=False)
        named = {name: text for name, text in listing(folder).items() if not name.startswith(".")}
        assert set(named) >= set(NAMES), fatal
        assert set(named.values()) <= {"old", "new"}, fatal
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL
        seen.add(tuple(sorted(named.items())))
        with staged(folder, NAMES, overwrite=True) as files:
            write(files, "newest")
        assert set(listing(folder)) == set(named), "only what has a name is left"
    else:
        pytest.fail("the run never came to its end")
    assert len(seen) >= 4, "killed before, between and after the renames"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_between_two_renames_comes_after_the_last(tmp_path, monkeypatch, number):
    replace, came = Path.replace, []

    def signalled(self, target):
        replace(self, target)
        signal.raise_signal(number)
        assert came == []

    monkeypatch.setattr(Path, "replace", signalled)
    before = signal.signal(number, lambda *_: came.append(listing(tmp_path)))
    try:
        with staged(tmp_path, NAMES) as files:
            write(files, "new")
    finally:
        signal.signal(number, before)
    assert came == [dict.fromkeys(NAMES, "new")]


@pytest.mark.parametrize("there", [False, True])
def test_a_name_that_is_too_long_is_refused_before_the_work(tmp_path, there):
    folder = tmp_path / "run"
    if there:
        folder.mkdir()
    with pytest.raises(OutputError, match="too long"), staged(folder, ["x" * 300]):
        pytest.fail("the work began")
    assert folder.exists() == there
    assert {path.name for path in tmp_path.iterdir()} <= {"run"}


def test_the_longest_name_fits_into_a_folder_that_is_there(tmp_path):
    name = f"{'x' * 248}.nii.gz"
    (tmp_path / name).write_text("old")
    with staged(tmp_path, [name], overwrite=True) as files:
        assert files.path(name).name.endswith(".nii.gz")
        files.path(name).write_text("new")
    assert listing(tmp_path) == {name: "new"}


def test_a_protected_file_is_never_replaced_even_through_a_hard_link(tmp_path):
    source = tmp_path / "source.txt"
    source.write_text("scan")
    folder = tmp_path / "run"
    folder.mkdir()
    os.link(source, folder / "a.txt")
    with pytest.raises(OutputError, match="source"), staged(folder, NAMES, overwrite=True, protect=[source]):
        pytest.fail("the work began")
    assert source.read_text() == "scan"


@pytest.mark.parametrize(
    ("folder", "word"),
    [
        ("file/run", "not a directory"),
        ("file", "it is a file"),
        ("absent/run", "absent' does not exist; make it first"),
        ("/proc/run", "Cannot make the folder"),
    ],
)
def test_impossible_folders_are_refused_with_a_sentence(tmp_path, folder, word):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match=word), staged(tmp_path / folder, NAMES):
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
