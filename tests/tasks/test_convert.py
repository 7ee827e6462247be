"""Transforms for other programs: chains, inverses, images, and what is said."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest

from volstudio.errors import OutputError, TransformError
from volstudio.geometry.affine import Affine
from volstudio.geometry.rigid import RigidTransform
from volstudio.tasks.convert import convert
from volstudio.tasks.open import open_volumes
from volstudio.transforms.files import read_transform, write_transform

A = RigidTransform.from_six((3, -4, 5, 0.05, 0.1, -0.07), (10, 20, 30)).matrix
B = RigidTransform.from_six((-1, 2, 0.5, -0.3, 0.02, 0.2), (0, -20, 3)).matrix
BOX = np.array([(x, y, z) for x in (-90.0, 90.0) for y in (-120.0, 90.0) for z in (-70.0, 110.0)])


@pytest.fixture
def images(pair):
    return open_volumes([str(pair.anatomy), str(pair.epi)])


def written(path, matrix, **known):
    write_transform(Affine(matrix, "fixed:scanner", "moving:scanner"), path, **known)
    return path


@pytest.mark.parametrize(
    "name", ["t.tfm", "t.lta", "t.mat", "t.1D", "t.itk.mat", "t.h5", "t.x5", "t.mrtrix.txt", "t.c3d", "t.dat", "t.mat4"]
)
def test_into_and_out_of_every_dialect(pair, images, tmp_path, name):
    sides = {"fixed": str(pair.anatomy), "moving": str(pair.epi)}
    start = written(tmp_path / "扫描.tfm", A)
    convert([start], tmp_path / name, **sides)
    assert (
        np.abs(read_transform(tmp_path / name, fixed=images[0], moving=images[1]).apply(BOX) - (BOX @ A[:3, :3].T + A[:3, 3])).max() < 1e-8
    )
    back = convert([tmp_path / name], tmp_path / "back.tfm", **sides)
    assert np.abs(back.affine.matrix - A).max() < 1e-9
    assert back.notes == ()


def test_a_chain_is_read_in_the_order_of_a_point(tmp_path):
    first, second = written(tmp_path / "a.tfm", A), written(tmp_path / "b.x5", B)
    done = convert([first, second], tmp_path / "both.tfm")
    assert np.allclose(done.affine.matrix, B @ A, atol=1e-12)
    assert np.array_equal(read_transform(tmp_path / "both.tfm").matrix, done.affine.matrix)
    back = convert([first, second], tmp_path / "back.tfm", invert=True)
    assert np.allclose(back.affine.matrix, np.linalg.inv(B @ A), atol=1e-12)
    assert (back.affine.source, back.affine.target) == ("fixed:scanner", "moving:scanner")


def test_a_chain_through_voxels_needs_the_image_between(pair, images, tmp_path):
    """The anatomy is the image between two EPIs: FLIRT's two matrices meet in its voxels."""
    t1, epi = images
    there = tmp_path / "there.mat"
    back = tmp_path / "back.mat"
    write_transform(Affine(A, "epi:scanner", t1.affine.target), there, fixed=epi, moving=t1)
    write_transform(Affine(B, t1.affine.target, "epi:scanner"), back, fixed=t1, moving=epi)
    ends = {"fixed": str(pair.epi), "moving": str(pair.epi)}
    done = convert([there, back], tmp_path / "o.tfm", via=[str(pair.anatomy)], **ends)
    assert np.abs(done.affine.apply(BOX) - BOX @ (B @ A)[:3, :3].T - (B @ A)[:3, 3]).max() < 1e-8
    with pytest.raises(TransformError, match="moving image too"):
        convert([there, back], tmp_path / "p.tfm", **ends)
    with pytest.raises(TransformError, match="2 are named"):
        convert([there, back], tmp_path / "p.tfm", via=[str(pair.anatomy)] * 2, **ends)


def test_an_inverse_turns_the_images_round(pair, images, tmp_path):
    t1, epi = images
    start = written(tmp_path / "a.tfm", A)
    convert([start], tmp_path / "inverse.mat", fixed=str(pair.anatomy), moving=str(pair.epi), invert=True)
    read = read_transform(tmp_path / "inverse.mat", fixed=epi, moving=t1)
    assert np.abs(read.apply(BOX) - BOX @ np.linalg.inv(A)[:3, :3].T - np.linalg.inv(A)[:3, 3]).max() < 1e-8


def test_a_bare_matrix_is_told_its_direction_and_only_that(tmp_path):
    np.savetxt(tmp_path / "spm.txt", A, fmt="%.17g")
    other = written(tmp_path / "b.tfm", B)
    with pytest.raises(TransformError, match="does not say which way"):
        convert([tmp_path / "spm.txt"], tmp_path / "o.tfm")
    done = convert([tmp_path / "spm.txt", other], tmp_path / "o.tfm", direction="moving-to-fixed")
    assert np.allclose(done.affine.matrix, B @ np.linalg.inv(A), atol=1e-12)
    with pytest.raises(TransformError, match="leave direction out"):
        convert([other], tmp_path / "p.tfm", direction="moving-to-fixed")
    convert([other], tmp_path / "p.mat4", write_direction="moving-to-fixed")
    assert np.allclose(np.loadtxt(tmp_path / "p.mat4"), np.linalg.inv(B), atol=1e-12)


def test_dialects_can_be_named(tmp_path):
    np.savetxt(tmp_path / "t.mat", A, fmt="%.17g")
    assert np.array_equal(convert([tmp_path / "t.mat"], tmp_path / "o.bin", dialects=["c3d"], to="itk-mat").affine.matrix, A)
    assert np.array_equal(read_transform(tmp_path / "o.bin").matrix, A)
    other = written(tmp_path / "b.tfm", B)
    done = convert([tmp_path / "t.mat", other], tmp_path / "p.tfm", dialects=["mrtrix", "itk"])
    assert np.allclose(done.affine.matrix, B @ A, atol=1e-12)
    with pytest.raises(TransformError, match="2 dialects are named for 3"):
        convert([other] * 3, tmp_path / "q.tfm", dialects=["itk", "itk"])
    with pytest.raises(TransformError, match="at least one"):
        convert([], tmp_path / "q.tfm")
    assert not (tmp_path / "q.tfm").exists()


def test_what_a_person_should_know_is_said(tmp_path, pair):
    sheared = A @ np.array([[1.1, 0.05, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    done = convert([written(tmp_path / "a.tfm", sheared)], tmp_path / "o.x5")
    (note,) = done.notes
    assert "scales x, y, z by 1.1, 1.00125, 1 and shears by 2.86 degrees" in note
    assert np.array_equal(read_transform(tmp_path / "o.x5").matrix, sheared)
    (note,) = convert([written(tmp_path / "r.tfm", A)], tmp_path / "o.1D").notes
    assert "oblique" in note
    (note,) = convert([tmp_path / "o.1D"], tmp_path / "p.1D", fixed=str(pair.anatomy)).notes
    assert "oblique" in note
    assert convert([tmp_path / "o.1D"], tmp_path / "q.1D", fixed=str(pair.anatomy), moving=str(pair.epi)).notes == ()
    (note,) = convert([tmp_path / "r.tfm"], tmp_path / "o.npy").notes
    assert "maps fixed-to-moving; say so when it is read (--direction fixed-to-moving)" in note
    (note,) = convert([tmp_path / "r.tfm"], tmp_path / "b.npy", write_direction="moving-to-fixed").notes
    assert "(--direction moving-to-fixed)" in note
    np.testing.assert_allclose(read_transform(tmp_path / "b.npy", direction="moving-to-fixed").matrix, A, atol=1e-12)
    with pytest.raises(TransformError, match=r"say it \(--direction, direction=\)"):
        convert([tmp_path / "b.npy"], tmp_path / "again.tfm")


def test_inputs_and_images_are_never_written_to(tmp_path, pair):
    start = written(tmp_path / "a.tfm", A)
    before = start.read_bytes()
    with pytest.raises(OutputError, match="source"):
        convert([start], start, overwrite=True)
    (tmp_path / "link.x5").symlink_to(start)
    with pytest.raises(OutputError, match="source"):
        convert([start], tmp_path / "link.x5", overwrite=True)
    with pytest.raises(OutputError, match="source"):
        convert([start], pair.epi, to="itk", moving=str(pair.epi), overwrite=True)
    assert start.read_bytes() == before
    assert nibabel.load(pair.epi).shape == (23, 26, 16)
    written(tmp_path / "there.tfm", B)
    with pytest.raises(OutputError, match="exists"):
        convert([start], tmp_path / "there.tfm")
