from __future__ import annotations

import os
import random
import signal
import stat
import sys
import time
from pathlib import Path

import pytest

from volstudio.errors import OutputError, UnreadableFileError
from volstudio.volumes.atomic import atomic_bytes, atomic_write, check_target

posix = pytest.mark.skipif(os.name != "posix", reason="modes, links and signals of POSIX")
KILLS = 24


def test_the_file_appears_whole_and_alone(tmp_path):
    target = tmp_path / "扫描 一.bin"
    with atomic_write(target) as file:
        file.write(b"half")
        assert not target.exists()
        assert Path(file.name).parent == tmp_path
        file.write(b" and half")
    assert target.read_bytes() == b"half and half"
    assert list(tmp_path.iterdir()) == [target]


def write_and_raise(target, error):
    with atomic_write(target, overwrite=True) as file:
        file.write(b"new")
        raise error


def test_an_error_in_the_block_leaves_the_old_file_and_no_trace(tmp_path):
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    with pytest.raises(RuntimeError, match="mine"):
        write_and_raise(target, RuntimeError("mine"))
    with pytest.raises(UnreadableFileError, match="the source"):
        write_and_raise(target, UnreadableFileError("the source"))
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_an_existing_file_is_replaced_only_on_request(tmp_path):
    target = tmp_path / "a.bin"
    atomic_bytes(target, b"old")
    with pytest.raises(OutputError, match="exists already"):
        atomic_bytes(target, b"new")
    assert target.read_bytes() == b"old"
    atomic_bytes(target, b"new", overwrite=True)
    assert target.read_bytes() == b"new"


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path):
    target = tmp_path / "a.bin"

    def slow():
        with atomic_write(target) as file:
            file.write(b"mine")
            target.write_bytes(b"theirs")

    with pytest.raises(OutputError, match="exists already"):
        slow()
    assert target.read_bytes() == b"theirs"


@posix
@pytest.mark.parametrize("way", ["itself", "symlink", "hardlink", "link to folder", "dots"])
def test_a_source_is_known_under_every_name(tmp_path, way):
    folder = tmp_path / "data"
    folder.mkdir()
    source = folder / "t1.nii"
    source.write_bytes(b"precious")
    target = source
    if way == "symlink":
        target = tmp_path / "link.nii"
        target.symlink_to(source)
    elif way == "hardlink":
        target = tmp_path / "hard.nii"
        target.hardlink_to(source)
    elif way == "link to folder":
        (tmp_path / "elsewhere").symlink_to(folder)
        target = tmp_path / "elsewhere" / "t1.nii"
    elif way == "dots":
        target = folder / ".." / "data" / "t1.nii"
    before = source.stat()
    with pytest.raises(OutputError, match="it is the source"):
        atomic_bytes(target, b"new", protect=[source], overwrite=True)
    assert source.read_bytes() == b"precious"
    assert source.stat().st_mtime_ns == before.st_mtime_ns


@posix
def test_a_source_that_is_gone_does_not_stop_the_writer(tmp_path):
    atomic_bytes(tmp_path / "a.bin", b"new", protect=[tmp_path / "gone.nii"])
    assert (tmp_path / "a.bin").exists()


@posix
def test_mode_bits_are_those_of_the_umask_or_of_the_old_file(tmp_path):
    old = os.umask(0o027)
    try:
        atomic_bytes(tmp_path / "new.bin", b"x")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "new.bin").stat().st_mode) == 0o640
    (tmp_path / "new.bin").chmod(0o604)
    atomic_bytes(tmp_path / "new.bin", b"y", overwrite=True)
    assert stat.S_IMODE((tmp_path / "new.bin").stat().st_mode) == 0o604


@posix
def test_a_link_stays_a_link_and_its_file_is_replaced(tmp_path):
    real, link = tmp_path / "real.bin", tmp_path / "link.bin"
    real.write_bytes(b"old")
    link.symlink_to(real)
    atomic_bytes(link, b"new", overwrite=True)
    assert link.is_symlink()
    assert real.read_bytes() == b"new"


@pytest.mark.parametrize(("make", "words"), [("none", "does not exist"), ("folder", "it is a folder"), ("fifo", "pipe")])
def test_what_cannot_be_a_target_is_refused_in_words(tmp_path, make, words):
    target = tmp_path / "there"
    if make == "none":
        target = tmp_path / "no such folder" / "a.bin"
    elif make == "folder":
        target.mkdir()
    elif os.name == "posix":
        os.mkfifo(target)
    else:
        pytest.skip("no pipes here")
    with pytest.raises(OutputError, match=words):
        check_target(target, overwrite=True)
    with pytest.raises(OutputError, match=words):
        atomic_bytes(target, b"x", overwrite=True)


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="no permission"):
        atomic_bytes(tmp_path / "a.bin", b"x")


@posix
def test_a_full_disk_leaves_nothing(tmp_path):
    import resource

    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        try:
            atomic_bytes(target, bytes(100_000), overwrite=True)
        except OutputError as error:
            os._exit(17 if "larger than" in str(error) else 18)
        os._exit(19)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 17
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


@posix
def test_a_killed_writer_leaves_the_old_or_the_new_file_whole(tmp_path):
    target = tmp_path / "a.bin"
    contents = [bytes([n]) * 300_000 for n in range(3)]
    target.write_bytes(contents[0])
    chance = random.Random(5)
    seen = set()
    for _ in range(KILLS):
        child = os.fork()
        if child == 0:
            n = 0
            while True:  # writes without end until it is killed
                n += 1
                with atomic_write(target, overwrite=True) as file:
                    for at in range(0, 300_000, 10_000):
                        file.write(contents[1 + n % 2][at : at + 10_000])
        time.sleep(chance.uniform(0.001, 0.02))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        content = target.read_bytes()
        assert content in contents
        seen.add(content[0])
        for left in tmp_path.glob(".volstudio-*.tmp"):  # what a kill cannot clean up is hidden, and never the target
            left.unlink()
        assert list(tmp_path.iterdir()) == [target]
    assert seen - {0}, "no writer ever got to its end; the test proves nothing"


def test_a_writer_that_wants_a_path_gets_one(tmp_path):
    target = tmp_path / "a.txt"
    with atomic_write(target) as file:
        Path(file.name).write_text("by path", encoding="utf-8")
    assert target.read_text(encoding="utf-8") == "by path"
    assert sys.getsizeof(file)
