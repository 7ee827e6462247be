"""FLIRT matrices between every two kinds of image; files of FLIRT's dialect by other programs: test_golden.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from volstudio.errors import TransformError
from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.transforms.files import read_transform, write_transform
from volstudio.volumes.readers import open_volume

if TYPE_CHECKING:
    from pathlib import Path

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


def grid(matrix: np.ndarray, shape: tuple[int, int, int], name: str) -> Grid:
    return Grid(shape, Affine(matrix, f"{name}:voxel", f"{name}:scanner"))


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


def test_flirt_counts_in_the_voxel_sizes_that_the_header_states(tmp_path: Path):
    """Its identity lays equal multiples of pixdim on each other, also where an sform stretches the voxels."""
    paths = []
    for name, stretch, sizes in (("a", 1.1, (2, 2, 2)), ("b", 0.9, (3, 2, 4))):
        image = nib.Nifti1Image(np.zeros((5, 6, 7), np.int16), np.diag([-stretch * sizes[0], sizes[1], sizes[2], 1.0]))
        image.header["pixdim"][1:4] = sizes
        paths.append(tmp_path / f"{name}.nii")
        image.to_filename(paths[-1])
    fixed, moving = map(open_volume, paths)
    assert "pixdim-differs" in {finding.code for finding in fixed.findings}
    (tmp_path / "t.mat").write_text("1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n")
    read = read_transform(tmp_path / "t.mat", fixed=fixed, moving=moving)
    voxel_of_moving = moving.affine.inverse().apply(read.apply(fixed.affine.apply([3, 4, 6])))
    assert voxel_of_moving == pytest.approx([3 * 2 / 3, 4, 6 * 2 / 4])
    write_transform(read, tmp_path / "again.mat", fixed=fixed, moving=moving)
    assert np.array_equal(np.loadtxt(tmp_path / "again.mat"), np.eye(4))
