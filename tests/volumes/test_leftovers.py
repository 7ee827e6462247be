from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from volstudio.volumes.atomic import atomic_bytes
from volstudio.volumes.leftovers import sweep, temporary_name


@pytest.fixture(scope="module")
def of_the_dead() -> str:
    """A name made by a process that is gone."""
    script = "from volstudio.volumes.leftovers import temporary_name; print(temporary_name())"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()


def test_a_name_says_which_process_and_is_its_own():
    assert re.fullmatch(rf"\.volstudio-{os.getpid()}-[0-9a-f]{{8}}-[0-9a-f]{{8}}\.tmp", temporary_name(".tmp"))
    assert temporary_name() != temporary_name()


@pytest.mark.parametrize("ending", ["", ".tmp", "-0-a.nii.gz", "-old-图\n.png"])
def test_what_the_dead_left_is_removed(of_the_dead, tmp_path, ending):
    (tmp_path / f"{of_the_dead}{ending}").write_bytes(b"half")
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_goes_with_all_that_is_in_it_but_a_link_leads_nowhere(of_the_dead, tmp_path):
    (tmp_path / of_the_dead).mkdir()
    (tmp_path / of_the_dead / "half.png").write_bytes(b"half")
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "t1.nii").write_bytes(b"a scan")
    (tmp_path / f"{of_the_dead}-link").symlink_to(tmp_path / "scans")
    sweep(tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["scans", "t1.nii"]


def test_nothing_else_is_touched(of_the_dead, tmp_path):
    process, place, token = of_the_dead.removeprefix(".volstudio-").split("-")
    elsewhere = "00000000" if place != "00000000" else "11111111"
    others = [
        temporary_name("-mine"),  # a living process
        f".volstudio-{os.getppid()}-{place}-{token}",
        f".volstudio-{process}-{elsewhere}-{token}",  # another machine
        f".volstudio-{process}-{place}-{token}x",
        f".volstudio-99999999999999999999-{place}-{token}",
        ".volstudio-notes",
        f"volstudio-{process}-{place}-{token}",
    ]
    for name in others:
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / of_the_dead).write_bytes(b"x")
    sweep(tmp_path)
    assert {path.name for path in tmp_path.rglob("*")} == {*others, "below", of_the_dead}


def test_a_folder_that_cannot_be_read_is_let_be(tmp_path):
    sweep(tmp_path / "absent")


def test_the_next_file_that_is_written_takes_them_away(of_the_dead, tmp_path):
    (tmp_path / f"{of_the_dead}.tmp").write_bytes(b"half")
    atomic_bytes(tmp_path / "whole.txt", b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["whole.txt"]
