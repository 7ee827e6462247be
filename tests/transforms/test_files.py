"""The border: which dialect, which names, what is refused, and that nothing is lost in writing."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from volstudio.errors import OutputError, SpaceMismatchError, TransformError, UnreadableFileError, VolstudioError
from volstudio.geometry.affine import Affine
from volstudio.geometry.rigid import RigidTransform
from volstudio.transforms.files import DIALECTS, dialect_for, read_transform, write_transform

if TYPE_CHECKING:
    from pathlib import Path

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)
POSE = RigidTransform.from_six((3, -4, 5, 0.05, 0.1, -0.07), (10, 20, 30)).matrix
FIXED_TO_MOVING = Affine(POSE, "t1:scanner", "epi:scanner")
NAMES = [f"t{dialect.suffixes[0]}" for dialect in DIALECTS]


def told(name: str) -> dict[str, str]:
    """A numpy array says nothing of itself."""
    return {"direction": "fixed-to-moving"} if name.endswith(".npy") else {}


@pytest.mark.parametrize("name", NAMES)
def test_every_dialect_keeps_the_map_and_the_second_write_the_bytes(tmp_path: Path, box, t1, epi, name):
    path = tmp_path / "扫描" / "病人 一" / name
    path.parent.mkdir(parents=True)
    write_transform(FIXED_TO_MOVING, path, fixed=t1, moving=epi)
    first = path.read_bytes()
    read = read_transform(path, fixed=t1, moving=epi, **told(name))
    assert (read.source, read.target) == ("t1:scanner", "epi:scanner")
    assert np.abs(read.apply(box) - FIXED_TO_MOVING.apply(box)).max() < 1e-9
    write_transform(read, path, fixed=t1, moving=epi, overwrite=True)
    again = read_transform(path, fixed=t1, moving=epi, **told(name))
    write_transform(again, path, fixed=t1, moving=epi, overwrite=True)
    assert path.read_bytes() == first
    assert [entry.name for entry in path.parent.iterdir()] == [name]


@pytest.mark.parametrize(
    "name", ["t.tfm", "t.txt", "t.mat4", "t.xfm.txt", "t.npy", "t.itk.mat", "t.h5", "t.x5", "t.1D", "t.mrtrix.txt", "t.c3d"]
)
def test_numbers_in_world_millimetres_come_back_to_the_bit(tmp_path: Path, name):
    write_transform(FIXED_TO_MOVING, tmp_path / name)
    assert np.array_equal(read_transform(tmp_path / name, **told(name)).matrix, POSE)


def test_ends_without_images_have_general_names(tmp_path: Path, t1):
    write_transform(FIXED_TO_MOVING, tmp_path / "t.tfm")
    read = read_transform(tmp_path / "t.tfm")
    assert (read.source, read.target) == ("fixed:scanner", "moving:scanner")
    assert read_transform(tmp_path / "t.tfm", fixed=t1).source == "t1:scanner"
    assert read_transform(tmp_path / "t.tfm", fixed=t1.grid).source == "t1:scanner"
    write_transform(read, tmp_path / "again.tfm")


def test_two_scans_of_one_name_are_told_apart(tmp_path: Path, t1):
    write_transform(FIXED_TO_MOVING, tmp_path / "t.tfm")
    read = read_transform(tmp_path / "t.tfm", fixed=t1, moving=t1.renamed("t1"))
    assert (read.source, read.target) == ("t1:scanner", "t1-2:scanner")


def test_content_decides_before_the_name(tmp_path: Path):
    write_transform(FIXED_TO_MOVING, tmp_path / "t.tfm")
    for name in ("t.mat4", "t.xfm.txt", "no suffix"):
        (tmp_path / name).write_bytes((tmp_path / "t.tfm").read_bytes())
        assert np.array_equal(read_transform(tmp_path / name).matrix, POSE)
    write_transform(FIXED_TO_MOVING, tmp_path / "plain.mat4")
    (tmp_path / "plain.tfm").write_bytes((tmp_path / "plain.mat4").read_bytes())
    assert np.array_equal(read_transform(tmp_path / "plain.tfm").matrix, POSE)
    with pytest.raises(TransformError, match="as ITK text"):
        read_transform(tmp_path / "plain.tfm", dialect="itk")


def test_an_inverse_is_not_written_by_mistake(tmp_path: Path, t1, epi):
    inverse = FIXED_TO_MOVING.inverse()
    with pytest.raises(SpaceMismatchError, match="inverse"):
        write_transform(inverse, tmp_path / "t.tfm", fixed=t1, moving=epi)
    with pytest.raises(SpaceMismatchError, match="inverse"):
        write_transform(inverse, tmp_path / "t.tfm", fixed=t1)
    with pytest.raises(SpaceMismatchError, match="inverse"):
        write_transform(inverse, tmp_path / "t.tfm", moving=epi)
    with pytest.raises(SpaceMismatchError, match="inverse"):
        write_transform(Affine(POSE, "moving:scanner", "fixed:scanner"), tmp_path / "t.tfm")
    assert not list(tmp_path.iterdir())


def test_names_of_volumes_cannot_break_the_text(tmp_path: Path):
    odd = Affine(POSE, "a\nTransform: b#(:scanner", "脑\u2028x\ty:scanner")
    for name in ("t.tfm", "t.mat4"):
        write_transform(odd, tmp_path / name)
        assert np.array_equal(read_transform(tmp_path / name).matrix, POSE)
        assert "脑" in (tmp_path / name).read_text(encoding="utf-8")


def test_unknown_ends_of_names_and_dialects(tmp_path: Path):
    with pytest.raises(TransformError, match=r"one of .*\.tfm"):
        write_transform(FIXED_TO_MOVING, tmp_path / "t.nii.gz")
    with pytest.raises(TransformError, match="no dialect 'elastix'"):
        write_transform(FIXED_TO_MOVING, tmp_path / "t.tfm", dialect="elastix")
    write_transform(FIXED_TO_MOVING, tmp_path / "t.dat", dialect="itk")
    assert np.array_equal(read_transform(tmp_path / "t.dat").matrix, POSE)
    with pytest.raises(TransformError, match="leave direction out"):
        read_transform(tmp_path / "t.dat", direction="moving-to-fixed")
    with pytest.raises(TransformError, match="leave direction out"):
        write_transform(FIXED_TO_MOVING, tmp_path / "u.tfm", direction="moving-to-fixed")
    assert dialect_for("T.TFM") is dialect_for("t.tfm")


def test_no_two_dialects_claim_one_end_of_a_name():
    suffixes = [suffix for dialect in DIALECTS for suffix in dialect.suffixes]
    assert len(set(suffixes)) == len(suffixes)
    assert all(suffix == suffix.lower() for suffix in suffixes)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5"),
        (b"\x1f\x8b" + bytes(100), "compressed"),
        (b"\x5c\x01\x00\x00" + bytes(400), "NIfTI"),
        (b"MATLAB 5.0 MAT-file" + bytes(400), "MATLAB"),
        (b"\x00\x01\x02" * 50, "no linear transform of a known dialect"),
        (b"hello world\n", "no linear transform of a known dialect"),
        (b'{"matrix": 1}', "JSON"),
        (b" \n\t\n", "empty but for white space"),
        (b"1 0 0 0\n" * 200_000, "too large"),
    ],
)
def test_what_is_no_linear_transform_is_called_by_its_name(tmp_path: Path, data, words):
    path = tmp_path / "what.bin"
    path.write_bytes(data)
    with pytest.raises(TransformError) as refusal:
        read_transform(path)
    assert words in str(refusal.value)
    assert str(path) in str(refusal.value)


def test_files_that_cannot_be_read(tmp_path: Path):
    for path, words in ((tmp_path / "none.tfm", "no such file"), (tmp_path, "directory")):
        with pytest.raises(UnreadableFileError, match=words):
            read_transform(path)
    (tmp_path / "empty.tfm").touch()
    with pytest.raises(UnreadableFileError, match="empty"):
        read_transform(tmp_path / "empty.tfm")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_a_pipe_is_refused_at_once(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.tfm")
    with pytest.raises(UnreadableFileError, match="pipe"):
        read_transform(tmp_path / "pipe.tfm")


def test_nothing_is_overwritten_unasked_and_no_source_ever(tmp_path: Path, t1):
    from dataclasses import replace

    from volstudio.volumes.volume import Source

    write_transform(FIXED_TO_MOVING, tmp_path / "t.tfm")
    before = (tmp_path / "t.tfm").read_bytes()
    with pytest.raises(OutputError, match="exists"):
        write_transform(FIXED_TO_MOVING, tmp_path / "t.tfm")
    with pytest.raises(OutputError, match="source"):
        write_transform(FIXED_TO_MOVING, tmp_path / "t.tfm", overwrite=True, protect=[tmp_path / "t.tfm"])
    opened = replace(t1, source=Source(tmp_path / "t.tfm", "NIfTI-1", "sform", (tmp_path / "t.tfm",)))
    with pytest.raises(OutputError, match="source"):
        write_transform(FIXED_TO_MOVING, tmp_path / "t.tfm", fixed=opened, overwrite=True)
    with pytest.raises(OutputError, match="folder"):
        write_transform(FIXED_TO_MOVING, tmp_path / "nowhere" / "t.tfm")
    assert (tmp_path / "t.tfm").read_bytes() == before


@in_one_folder
@given(data=st.binary(max_size=300))
def test_any_bytes_are_a_transform_or_refused(tmp_path: Path, t1, epi, data):
    for suffix in sorted({dialect.suffixes[0] for dialect in DIALECTS}):
        (tmp_path / f"t{suffix}").write_bytes(data)
        with suppress(VolstudioError):
            assert np.isfinite(read_transform(tmp_path / f"t{suffix}", fixed=t1, moving=epi).matrix).all()


MEGABYTE = 1_000_000
LONG = [
    b"9" * MEGABYTE,
    b"1 0 0 " + b"9" * MEGABYTE + b"x 0\n" * 3,
    b"\n" * MEGABYTE,
    b"\n" * MEGABYTE + b"x",
    b"#" * MEGABYTE,
    b"#\n" * (MEGABYTE // 2),
    b"# maps fixed points " * (MEGABYTE // 20),
    b"maps fixed points\n" * (MEGABYTE // 18),
    b"type = " + b"1" * MEGABYTE + b"\n",
    b"type = 1\nnxforms = " + b"1" * MEGABYTE,
    b"Transform: " + b"a_1" * (MEGABYTE // 3),
    b"Transform: a_" + b"1" * MEGABYTE,
    b" " * MEGABYTE + b"x",
    b"a\n1\n1\n1\n" + b"1" * MEGABYTE + b"\n",
    b"1," * 50_000,
    b"\x89HDF\r\n\x1a\n" + b"TransformType" * (MEGABYTE // 13),
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("data", LONG, ids=lambda data: data[:12].hex())
def test_long_nonsense_is_refused_in_linear_time(tmp_path: Path, t1, epi, data):
    """What a search with two overlapping repeats would chew on for hours ends before the time limit."""
    (tmp_path / "t.bin").write_bytes(data)
    with pytest.raises(VolstudioError):
        read_transform(tmp_path / "t.bin", fixed=t1, moving=epi)
    for dialect in DIALECTS:
        with pytest.raises(VolstudioError):
            read_transform(tmp_path / "t.bin", fixed=t1, moving=epi, dialect=dialect.name)


DAMAGE = [b"", b"9", b"-", b"e308", b"\n", b"\x00", b"#", b"nan", b"1e-320", b":"]


@in_one_folder
@pytest.mark.parametrize("name", NAMES)
@given(damage=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 8), st.sampled_from(DAMAGE)), min_size=1, max_size=4))
def test_a_changed_file_is_a_transform_or_refused(tmp_path: Path, t1, epi, name, damage):
    write_transform(FIXED_TO_MOVING, tmp_path / name, fixed=t1, moving=epi, overwrite=True)
    changed = bytearray((tmp_path / name).read_bytes())
    for where, length, new in damage:
        place = int(where * len(changed))
        changed[place : place + length] = new
    (tmp_path / name).write_bytes(changed)
    with suppress(VolstudioError):
        assert np.isfinite(read_transform(tmp_path / name, fixed=t1, moving=epi, **told(name)).matrix).all()


def conformance_cases(shared_conformance: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    monkeypatch.syspath_prepend(str(shared_conformance))
    import make_cases

    cases = make_cases.Cases(tmp_path)
    make_cases.transform_cases(cases)
    return cases.finish()


def test_conformance(shared_conformance: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from volstudio.volumes.readers import open_volume

    wrong, judged = [], 0
    for case in conformance_cases(shared_conformance, tmp_path, monkeypatch):
        judged += 1
        fixed, moving = (open_volume(tmp_path / case[side]) for side in ("fixed", "moving"))
        try:
            read = read_transform(tmp_path / case["path"], fixed=fixed, moving=moving)
        except VolstudioError as error:
            said = str(error).replace(str(tmp_path / case["path"]), "").lower()
            if case["outcome"] == "load" or not any(word in said for word in case["keywords"]):
                wrong.append(f"{case['name']}: {error}")
            continue
        corners = fixed.grid.corners()
        truth = np.array(case["affine"]) if case.get("affine") else None
        if case["outcome"] == "refuse" or np.abs(read.apply(corners) - (corners @ truth[:3, :3].T + truth[:3, 3])).max() > 0.01:
            wrong.append(f"{case['name']}: read as {read.matrix}")
    assert judged >= 15
    assert not wrong, "\n".join(wrong)
