"""``volstudio convert`` as a person types it."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.apps import cli
from volstudio.geometry.affine import Affine
from volstudio.geometry.rigid import RigidTransform
from volstudio.transforms.files import read_transform, write_transform

M = RigidTransform.from_six((3, -4, 5, 0.05, 0.1, -0.07), (10, 20, 30)).matrix


@pytest.fixture
def desk(tmp_path, monkeypatch):
    folder = tmp_path / "扫描" / "病人 一"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    write_transform(Affine(M, "fixed:scanner", "moving:scanner"), "脑.tfm")
    np.savetxt("spm.txt", M, fmt="%.17g")
    return folder


def run(capsys, *words):
    code = cli.run(["convert", *words])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_one_two_and_back(desk, capsys):
    assert run(capsys, "脑.tfm", "脑.x5") == (0, "脑.x5\n", "")
    assert run(capsys, "脑.x5", "脑.tfm", "both.tfm")[0] == 0
    assert np.allclose(read_transform("both.tfm").matrix, M @ M, atol=1e-12)
    assert run(capsys, "both.tfm", "back.h5", "--invert")[0] == 0
    assert np.allclose(read_transform("back.h5").matrix, np.linalg.inv(M @ M), atol=1e-12)


def test_images_dialects_and_directions(desk, capsys):
    sample = ("--fixed", "sample:t1", "--moving", "sample:epi")
    assert run(capsys, "脑.tfm", "flirt.mat", *sample)[0] == 0
    assert run(capsys, "flirt.mat", "out.lta", *sample)[0] == 0
    assert run(capsys, "out.lta", "out.mat4", "--write-direction", "moving-to-fixed")[0] == 0
    assert np.allclose(np.loadtxt("out.mat4"), np.linalg.inv(M), atol=1e-9)
    assert run(capsys, "spm.txt", "out.tfm", "--from", "plain", "--direction", "moving-to-fixed")[0] == 0
    assert np.allclose(read_transform("out.tfm").matrix, np.linalg.inv(M), atol=1e-12)
    assert run(capsys, "spm.txt", "ants.bin", "--from", "c3d", "--to", "itk-mat")[0] == 0
    assert np.array_equal(read_transform("ants.bin").matrix, M)


def test_a_note_goes_to_stderr(desk, capsys):
    code, out, err = run(capsys, "脑.tfm", "脑.1D")
    assert (code, out) == (0, "脑.1D\n")
    assert err.startswith("volstudio: AFNI places oblique images")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["脑.tfm"], "Name the transform to read and the file to write"),
        (["脑.tfm", "out.nii.gz"], "the end of its name"),
        (["脑.tfm", "脑.tfm"], "never changed"),
        (["absent.tfm", "out.x5"], "no such file"),
        (["脑.tfm", "out.mat"], "both images"),
        (["spm.txt", "out.tfm"], "does not say which way"),
        (["脑.tfm", "out.x5", "--fixed", "absent.nii"], "absent.nii"),
        (["脑.tfm", "out.x5", "--via", "sample:t1"], "1 are named"),
        (["脑.tfm", "out.x5", "--to", "elastix"], "elastix"),
    ],
)
def test_refusals_are_one_sentence_and_leave_nothing(desk, capsys, words, told):
    before = sorted(desk.iterdir())
    code, out, err = run(capsys, *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert told in err
    assert sorted(desk.iterdir()) == before
