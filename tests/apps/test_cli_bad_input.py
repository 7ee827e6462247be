"""Whatever is wrong, the command answers with one sentence and exit code 2, and writes nothing.

What a person is likeliest to meet is asked of the real executable; the wider list is asked in this process, which is much faster.
"""

from __future__ import annotations

import gzip
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

from volstudio.apps import cli

EXECUTABLE = shutil.which("volstudio", path=str(Path(sys.executable).parent))


def volstudio(*arguments, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [EXECUTABLE] if EXECUTABLE else [sys.executable, "-m", "volstudio"]
    return subprocess.run([*command, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def here(monkeypatch, capsys):
    """The command line run in this process."""

    def run(*arguments, cwd: Path) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(cwd)
        code = cli.run([str(argument) for argument in arguments])
        told = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, code, told.out, told.err)

    return run


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def assert_refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert done.stderr.startswith("volstudio: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    home = tmp_path_factory.mktemp("扫描") / "病人 一"
    home.mkdir()
    rng = np.random.default_rng(3)
    data = (rng.random((12, 14, 10)) * 900).astype(np.int16)
    good = nibabel.Nifti1Image(data, np.diag([4.0, 4.0, 5.0, 1.0]))
    good.to_filename(home / "good.nii.gz")
    whole = (home / "good.nii.gz").read_bytes()
    (home / "truncated.nii.gz").write_bytes(whole[: len(whole) // 2])
    (home / "text.nii").write_text("dear colleague, the scan is on the other disk\n")
    (home / "empty.nii.gz").write_bytes(b"")
    raw = bytearray(gzip.decompress(whole))
    raw[280:284] = struct.pack("<f", float("nan"))
    (home / "nan.nii").write_bytes(bytes(raw))
    (home / "wrong_key.toml").write_text('[[layers]]\nname = "a"\npath = "good.nii.gz"\nlook = {colormap = "gray"}\n')
    (home / "wrong_value.toml").write_text('[[layers]]\nname = "a"\npath = "good.nii.gz"\ntime = "first"\n')
    (home / "missing.toml").write_text('[[layers]]\nname = "a"\npath = "gone.nii.gz"\n')
    (home / "broken.toml").write_text("[[layers]\n")
    (home / "not.tfm").write_text("nothing of the kind\n")
    (home / "identity.xfm.txt").write_text("# maps fixed points to moving points, RAS mm\n1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n")
    return home


FILES = [
    ("absent.nii.gz", "no such file"),
    (".", "directory"),
    ("truncated.nii.gz", "truncated"),
    ("text.nii", "text file"),
    ("empty.nii.gz", "empty"),
    ("nan.nii", "NaN"),
]


@pytest.mark.parametrize(("name", "word"), FILES)
def test_files_that_cannot_be_trusted(folder, name, word):
    before = tree(folder)
    assert_refused(volstudio("shot", name, "-o", "out.png", cwd=folder), word)
    assert tree(folder) == before


@pytest.mark.parametrize(("name", "word"), FILES)
@pytest.mark.parametrize(
    "command",
    [
        ["info", "?"],
        ["info", "good.nii.gz", "?", "--json"],
        ["shot", "good.nii.gz", "?", "-o", "out.png"],
        ["apply", "identity.xfm.txt", "?", "--header", "-o", "out.nii.gz"],
        ["apply", "identity.xfm.txt", "good.nii.gz", "--reference", "?", "-o", "out.nii.gz"],
        ["register", "?", "good.nii.gz", "-o", "results"],
        ["register", "good.nii.gz", "?", "-o", "results"],
        ["register", "good.nii.gz", "good.nii.gz", "--start", "?", "-o", "results"],
    ],
)
def test_wherever_they_are_named(folder, here, name, word, command):
    before = tree(folder)
    told = "Cannot" if "--start" in command else word  # the same file is another kind of wrong as a transform
    assert_refused(here(*(name if each == "?" else each for each in command), cwd=folder), told)
    assert tree(folder) == before
    assert not (folder / "results").exists()


@pytest.mark.parametrize(
    ("scene", "word"),
    [("wrong_value.toml", "time"), ("missing.toml", "gone.nii.gz"), ("broken.toml", "broken.toml")],
)
def test_scene_files_that_break_the_rules(folder, here, scene, word):
    before = tree(folder)
    assert_refused(here("shot", scene, "-o", "out.png", cwd=folder), word)
    assert tree(folder) == before


def test_a_wrong_key_in_a_scene_file(folder):
    before = tree(folder)
    assert_refused(volstudio("shot", "wrong_key.toml", "-o", "out.png", cwd=folder), "colormap", "colourmap")
    assert tree(folder) == before


@pytest.mark.parametrize("words", [["info", ""], ["shot", "good.nii.gz", "-o", ""], ["register", "good.nii.gz", " ", "-o", "out"], [""]])
def test_an_empty_name_is_refused(folder, here, words):
    before = tree(folder)
    assert_refused(here(*words, cwd=folder), "empty")
    assert tree(folder) == before


@pytest.mark.parametrize("words", [["info", "good.nii.gz", "--json"], ["schema"], ["--help"]])
def test_a_reader_who_has_enough_is_no_fault(folder, words):
    command = [EXECUTABLE] if EXECUTABLE else [sys.executable, "-m", "volstudio"]
    process = subprocess.Popen([*command, *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.close()
    told = process.stderr.read()
    process.stderr.close()
    assert (process.wait(timeout=60), told) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("buffered", [True, False])
def test_what_cannot_be_printed_is_told(folder, buffered):
    command = [EXECUTABLE] if EXECUTABLE else [sys.executable, "-m", "volstudio"]
    streams = {"env": {**os.environ, "PYTHONUNBUFFERED": "" if buffered else "1"}, "text": True, "cwd": folder}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*command, "info", "good.nii.gz"], check=False, stdout=full, stderr=subprocess.PIPE, **streams)
        mute = subprocess.run([*command, "info", "absent.nii"], check=False, stdout=subprocess.PIPE, stderr=full, **streams)
        deaf = subprocess.run([*command, "info", "good.nii.gz"], check=False, stdout=full, stderr=full, **streams)
    assert done.returncode == 2
    assert done.stderr == "volstudio: The system refused: [Errno 28] No space left on device.\n"
    assert mute.returncode == 2  # a buffered stderr keeps what it could not write, and Python's own end would make a 120 of that
    assert deaf.returncode == 2


def test_a_folder_that_cannot_be_written(folder):
    before = tree(folder)
    assert_refused(volstudio("shot", "good.nii.gz", "-o", "/proc/out.png", cwd=folder), "Cannot write")
    assert_refused(volstudio("shot", "good.nii.gz", "-o", "good.nii.gz/out.png", cwd=folder), "does not exist")
    assert tree(folder) == before


@pytest.mark.parametrize(
    ("output", "word"),
    [
        ("good.nii.gz/out.png", "does not exist"),
        ("/proc/out.png", "Cannot write"),
        ("absent/out.png", "does not exist"),
        ("out.bmp", ".png"),
        ("out", ".png"),
        (".", ".png"),
    ],
)
def test_places_that_cannot_be_written(folder, here, output, word):
    before = tree(folder)
    assert_refused(here("shot", "good.nii.gz", "-o", output, cwd=folder), word)
    assert tree(folder) == before


def test_a_picture_that_is_there_needs_overwrite(folder, here, tmp_path):
    target = tmp_path / "out.png"
    target.write_bytes(b"old")
    assert_refused(here("shot", "good.nii.gz", "-o", target, cwd=folder), "exists")
    assert target.read_bytes() == b"old"


@pytest.mark.parametrize("kind", ["itself", "symbolic link", "hard link"])
@pytest.mark.parametrize("how", [["--header"], ["--reference", "good.nii.gz"]])
def test_an_output_that_is_a_source_is_refused_even_with_overwrite(folder, here, kind, how):
    source = folder / "good.nii.gz"
    output = folder / f"output {kind}.nii.gz"
    if kind == "symbolic link":
        output.symlink_to(source)
    elif kind == "hard link":
        os.link(source, output)
    else:
        output = source
    before, when = tree(folder), source.stat().st_mtime_ns
    run = volstudio if kind == "symbolic link" else here
    done = run("apply", "identity.xfm.txt", "good.nii.gz", *how, "-o", output, "--overwrite", cwd=folder)
    after = tree(folder)
    if output != source:
        output.unlink()
    assert_refused(done, "source")
    assert after == before
    assert source.stat().st_mtime_ns == when


def test_a_shot_never_replaces_a_volume_with_a_picture_name(folder, here):
    picture_named = folder / "volume.png"
    os.link(folder / "good.nii.gz", picture_named)
    before = tree(folder)
    assert_refused(here("shot", "good.nii.gz", "-o", "volume.png", "--overwrite", cwd=folder), "source")
    assert tree(folder) == before
    picture_named.unlink()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--size", "12"], "64"),
        (["--size", "0x100"], "64"),
        (["--size", "100000x100"], "16384"),
        (["--size", "16000x16000"], "million"),
        (["--size", "wide"], "1200x900"),
        (["--size", "1x2x3"], "1200x900"),
        (["--at", "1,2"], "three numbers"),
        (["--at", "1,2,x"], "three numbers"),
        (["--at", "nan,0,0"], "three numbers"),
        (["--at", "9000,0,0"], "outside"),
        (["--view", "upside"], "upside"),
        (["--convention", "medical"], "medical"),
        (["--form", "x"], "x"),
    ],
)
def test_options_out_of_range(folder, here, options, word):
    before = tree(folder)
    assert_refused(here("shot", "good.nii.gz", "-o", "out.png", *options, cwd=folder), word)
    assert tree(folder) == before


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["apply", "not.tfm", "good.nii.gz", "--header", "-o", "a.nii.gz"], "not.tfm"),
        (["apply", "absent.tfm", "good.nii.gz", "--header", "-o", "a.nii.gz"], "absent.tfm"),
        (["apply", "identity.xfm.txt", "good.nii.gz", "-o", "a.nii.gz"], "--header"),
        (["apply", "identity.xfm.txt", "good.nii.gz", "--header", "--reference", "good.nii.gz", "-o", "a.nii.gz"], "--header"),
        (["register", "good.nii.gz", "good.nii.gz", "-o", "good.nii.gz"], "is a file"),
        (["register", "good.nii.gz", "good.nii.gz", "-o", "absent/results"], "absent"),
        (["register", "good.nii.gz", "good.nii.gz", "-o", "/proc/results"], "/proc/results"),
        (["register", "good.nii.gz", "-o", "results"], "MOVING"),
        (["shot", "wrong_key.toml", "broken.toml", "-o", "a.png"], "one scene"),
        (["schema", "-o", "good.nii.gz/schema.json"], "does not exist"),
        (["demo", "--headless", "-o", "good.nii.gz"], "is a file"),
        (["view", "absent.nii.gz"], "no such file"),
        (["completion", "tcsh"], "tcsh"),
        (["launch"], "launch"),
    ],
)
def test_every_command_refuses_in_one_sentence(folder, here, arguments, word):
    before = tree(folder)
    assert_refused(here(*arguments, cwd=folder), word)
    assert tree(folder) == before


@pytest.mark.parametrize("options", [["--size", "0"], ["--at", "1,2"]])
def test_a_bad_size_or_point(folder, options):
    before = tree(folder)
    assert_refused(volstudio("shot", "good.nii.gz", "-o", "out.png", *options, cwd=folder), options[0])
    assert tree(folder) == before
