"""FLIRT matrices: golden files for every handedness, and between every two kinds of image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nibabel.eulerangles import euler2mat

from volstudio.errors import TransformError
from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.transforms.files import read_transform, write_transform

if TYPE_CHECKING:
    from pathlib import Path

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


def grid(matrix: np.ndarray, shape: tuple[int, int, int], name: str) -> Grid:
    return Grid(shape, Affine(matrix, f"{name}:voxel", f"{name}:scanner"))


def anatomy(shared_data: Path, kind: str) -> Grid:
    """The image of the golden files, as the folder's README says it was made."""
    image = nib.load(shared_data / "pair" / "someones_anatomy.nii.gz")
    affine, shape = image.affine.copy(), image.shape
    for axis in range({"LAS": 1, "LPS": 2}.get(kind, 0)):
        affine[axis, 3] += affine[axis, axis] * (shape[axis] - 1)
        affine[axis, axis] *= -1
    if kind == "oblique":
        affine[:3, 3] = -affine[:3, :3] @ (np.array(shape) - 1) / 2
        affine = nib.affines.from_matvec(euler2mat(x=0.09, y=0.001, z=0.001)) @ affine
    return grid(affine, shape, kind)


@pytest.mark.parametrize("kind", ["RAS", "LAS", "LPS", "oblique"])
def test_golden_files(shared_data: Path, box, kind):
    image = anatomy(shared_data, kind)
    folder = shared_data / "transforms"
    read = read_transform(folder / f"affine-{kind}.fsl", fixed=image, moving=image)
    # The four files hold one map, which the ITK files hold as well; FLIRT's are printed with few digits and far from the origin.
    assert np.abs(read.apply(box) - read_transform(folder / f"affine-{kind}.itk.tfm").apply(box)).max() < 1e-3


@in_one_folder
@given(data=st.data())
def test_round_trip_between_images_of_any_kind(tmp_path: Path, box, maps, data):
    fixed = grid(data.draw(maps["linear"]), (7, 8, 9), "a")
    moving = grid(data.draw(maps["linear"]), (10, 5, 6), "b")
    affine = Affine(data.draw(maps["linear"]), "a:scanner", "b:scanner")
    write_transform(affine, tmp_path / "t.mat", fixed=fixed, moving=moving, overwrite=True)
    read = read_transform(tmp_path / "t.mat", fixed=fixed, moving=moving)
    assert np.abs(read.apply(box) - affine.apply(box)).max() < 1e-8


def test_reads_as_bare_numbers_for_fsl(tmp_path: Path, t1, epi):
    write_transform(Affine(np.eye(4), "t1:scanner", "epi:scanner"), tmp_path / "t.mat", fixed=t1, moving=epi)
    text = (tmp_path / "t.mat").read_text()
    assert "#" not in text
    assert np.loadtxt(tmp_path / "t.mat").shape == (4, 4)


def test_needs_both_images(tmp_path: Path, t1, epi):
    affine = Affine(np.eye(4), "t1:scanner", "epi:scanner")
    for known, words in (({}, "both images"), ({"fixed": t1}, "the moving image too"), ({"moving": epi}, "the fixed image too")):
        with pytest.raises(TransformError, match=words):
            write_transform(affine, tmp_path / "t.mat", **known)
    write_transform(affine, tmp_path / "t.mat", fixed=t1, moving=epi)
    with pytest.raises(TransformError, match="both images"):
        read_transform(tmp_path / "t.mat")


def test_a_matrix_under_another_name_is_flirts_only_if_asked(tmp_path: Path, t1, epi):
    affine = Affine(np.eye(4), "t1:scanner", "epi:scanner")
    write_transform(affine, tmp_path / "t.txt", fixed=t1, moving=epi, dialect="fsl")
    with pytest.raises(TransformError, match="does not say which way"):
        read_transform(tmp_path / "t.txt", fixed=t1, moving=epi)
    assert read_transform(tmp_path / "t.txt", fixed=t1, moving=epi, dialect="fsl").is_close(affine, atol=1e-9)
