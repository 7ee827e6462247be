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
    ],
)
def test_refusals(desk, capsys, words, told):
    assert cli.run(["apply", "t.tfm", "脑.nii", *words, "-o", "out.nii"]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert told in said.err
    assert not (desk / "out.nii").exists()
