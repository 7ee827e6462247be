"""A folder with several DICOM series on the command line: listed, and one of them chosen wherever a file is."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from volstudio.apps import cli
from volstudio.scene.files import load_scene, save_scene
from volstudio.tasks.open import open_layer, open_scene
from volstudio.volumes.readers import open_volume

pytest.importorskip("pydicom", reason="pydicom (the extra 'dicom') is not installed")


@pytest.fixture
def export(shared_data, tmp_path, monkeypatch):
    """Two series side by side, as a scanner's export makes them."""
    folder = tmp_path / "检查 #1"
    folder.mkdir()
    for name in ("uneven_increment_1", "siemens_mosaic"):
        for file in sorted((shared_data / "dicom" / name).rglob("*")):
            if file.is_file() and file.suffix != ".txt":
                shutil.copy(file, folder / f"{name}-{file.name}")
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def listed(export, capsys):
    assert cli.run(["info", export.name, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["volumes"] == []
    return told["series"]


def test_info_lists_the_series_and_how_each_is_named(export, listed, capsys):
    assert [each["path"] for each in listed] == [f"{export.name}#{number + 1}" for number in range(len(listed))]
    assert len({each["uid"] for each in listed}) >= 2
    assert cli.run(["info", export.name]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{len(listed)} DICOM series"
    assert all(line.startswith(f"  {each['path']}  {each['text']}") for line, each in zip(lines[1:], listed, strict=True))


def test_each_series_is_opened_by_its_name_and_by_no_other(export, listed, capsys):
    for each in listed:
        for name in (each["path"], f"{export.name}#{each['uid']}"):
            assert cli.run(["info", name, "--json"]) == 0
            (told,) = json.loads(capsys.readouterr().out)["volumes"]
            assert told["shape"] == list(open_volume(export, series=each["uid"]).shape)
    for wrong in ("9", "no such", ""):
        assert cli.run(["info", f"{export.name}#{wrong}"]) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert f"has no single series {wrong!r}" in said
    assert cli.run(["shot", export.name, "-o", "no.png"]) == 2
    assert f"'{export}#1'" in capsys.readouterr().err
    assert cli.run(["info", "nowhere#1"]) == 2
    assert "nowhere#1" in capsys.readouterr().err


def test_a_file_whose_name_has_a_hash_is_that_file(tmp_path, monkeypatch, capsys):
    import nibabel

    monkeypatch.chdir(tmp_path)
    (tmp_path / "scans").mkdir()
    nibabel.Nifti1Image(np.zeros((2, 3, 4), np.int16), np.eye(4)).to_filename(tmp_path / "scans#1.nii")
    assert cli.run(["info", "scans#1.nii", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["volumes"][0]["shape"] == [2, 3, 4]


def test_pictures_transforms_and_scenes_take_a_series(export, listed, capsys):
    first, second = (each["path"] for each in listed[:2])
    assert cli.run(["shot", first, "-o", "one.png", "--view", "axial", "--size", "300"]) == 0
    (export.parent / "t.mat4").write_text("# maps fixed points to moving points, RAS mm\n1 0 0 5\n0 1 0 0\n0 0 1 0\n0 0 0 1\n")
    assert cli.run(["apply", "t.mat4", second, "--header", "-o", "moved.nii.gz"]) == 0, capsys.readouterr().err
    source = open_volume(export, series=listed[1]["uid"])
    assert open_volume("moved.nii.gz").affine.offset[0] == pytest.approx(source.affine.offset[0] - 5, abs=1e-4)
    assert cli.run(["convert", "t.mat4", "t.lta", "--fixed", first, "--moving", second]) == 0
    save_scene(open_scene([first, second]), "study.toml")
    again = [open_layer(layer) for layer in load_scene("study.toml").layers]
    assert {volume.shape for volume in again} == {tuple(open_volume(export, series=each["uid"]).shape) for each in listed[:2]}
