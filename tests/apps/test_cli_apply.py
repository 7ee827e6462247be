"""Where ``volstudio apply`` resamples to, as a person says it."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest

from volstudio.apps import cli
from volstudio.geometry.affine import Affine
from volstudio.transforms.files import write_transform


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    values = np.arange(1, 61, dtype=np.int16).reshape(3, 4, 5)
    nibabel.Nifti1Image(values, np.diag([2.0, 2, 2, 1])).to_filename("脑.nii")
    shift = np.eye(4)
    shift[0, 3] = -4  # fixed -> moving: the scan moves by +4 mm
    write_transform(Affine(shift, "fixed:scanner", "moving:scanner"), "t.tfm")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "shape", "offset"),
    [
        (["--own-grid", "--background", "-5"], (3, 4, 5), 0),
        (["--isotropic", "2"], (3, 4, 5), 4),
        (["--isotropic", "2", "--reference", "脑.nii"], (5, 4, 5), 0),
        (["--isotropic", "1"], (6, 8, 10), 3.5),
    ],
)
def test_grids(desk, capsys, words, shape, offset):
    assert cli.run(["apply", "t.tfm", "脑.nii", *words, "-o", "out.nii"]) == 0, capsys.readouterr().err
    out = nibabel.load("out.nii")
    assert out.shape == shape
    assert out.affine[0, 3] == offset
    values = np.asanyarray(out.dataobj)
    if "--background" in words:
        assert (values[:2] == -5).all()
        assert (values[2] == nibabel.load("脑.nii").dataobj[0]).all()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "Say either --header"),
        (["--header", "--isotropic", "2"], "Say either --header"),
        (["--own-grid", "--isotropic", "2"], "grid of its own"),
        (["--header", "--background", "3"], "touches no voxel"),
        (["--isotropic", "0"], "positive number of mm"),
        (["--isotropic", "wide"], "wide"),
        (["--reference", "脑.nii", "--fixed", "脑.nii"], "leave --fixed out"),
    ],
)
def test_refusals(desk, capsys, words, told):
    assert cli.run(["apply", "t.tfm", "脑.nii", *words, "-o", "out.nii"]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert told in said.err
    assert not (desk / "out.nii").exists()


def test_several_scans_go_into_a_folder(desk, capsys):
    nibabel.Nifti1Image(np.ones((2, 2, 2), np.uint8), np.diag([2.0, 2, 2, 1])).to_filename("mask.nii.gz")
    assert cli.run(["apply", "t.tfm", "脑.nii", "mask.nii.gz", "--header", "-o", "moved"]) == 0
    assert capsys.readouterr().out.splitlines() == ["moved/脑.nii", "moved/mask.nii.gz"]
    for name in ("脑.nii", "mask.nii.gz"):
        assert nibabel.load(f"moved/{name}").affine[0, 3] == 4
        assert nibabel.load(name).affine[0, 3] == 0
    assert cli.run(["apply", "t.tfm", "脑.nii", "mask.nii.gz", "--own-grid", "--interpolation", "sinc", "-o", "moved"]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert cli.run(["apply", "t.tfm", "脑.nii", "mask.nii.gz", "--own-grid", "--interpolation", "sinc", "-o", "moved", "--overwrite"]) == 0
    assert sorted(path.name for path in (desk / "moved").iterdir()) == ["mask.nii.gz", "脑.nii"]


def test_a_shear_that_the_qform_cannot_hold_is_told(desk, capsys):
    (desk / "shear.mat4").write_text("1 0.2 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n")
    words = ["apply", "shear.mat4", "脑.nii", "--direction", "moving-to-fixed", "--from", "plain", "--header", "-o", "out.nii"]
    assert cli.run(words) == 0
    assert "qform cannot hold this placement exactly (it is sheared" in capsys.readouterr().err
    assert nibabel.load("out.nii").affine[0, 1] == pytest.approx(0.4)
