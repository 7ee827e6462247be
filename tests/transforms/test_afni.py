"""AFNI's matrices against nitransforms, for plumb and for oblique images; golden files: test_golden.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nitransforms.io.afni import AFNILinearTransform

from volstudio.errors import TransformError
from volstudio.geometry.affine import Affine
from volstudio.geometry.conventions import ras_to_lps
from volstudio.geometry.grid import Grid
from volstudio.geometry.rigid import RigidTransform
from volstudio.transforms.afni import plumb
from volstudio.transforms.files import read_transform, write_transform

if TYPE_CHECKING:
    from pathlib import Path

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
M = RigidTransform.from_six((3, -4, 5, 0.05, 0.1, -0.07), (10, 20, 30)).matrix
POSE = Affine(M, "fixed:scanner", "moving:scanner")
ROW = " ".join(repr(value) for value in ras_to_lps(M)[:3].ravel().tolist())
THREE = "\n".join(" ".join(map(repr, row)) for row in ras_to_lps(M)[:3].tolist())


def grid(matrix: np.ndarray, name: str = "a") -> Grid:
    return Grid((7, 8, 9), Affine(matrix, f"{name}:voxel", f"{name}:scanner"))


def image(grid: Grid) -> nib.Nifti1Image:
    return nib.Nifti1Image(np.zeros(grid.shape, np.uint8), grid.affine.matrix)


def test_a_series_is_refused_by_its_number(shared_data: Path):
    with pytest.raises(TransformError, match="list of 2 transforms"):
        read_transform(shared_data / "transforms" / "affine-RAS.afni-array")


@in_one_folder
@given(data=st.data())
def test_nitransforms_and_volstudio_read_one_map_for_oblique_images(tmp_path: Path, box, maps, data):
    fixed, moving = (
        grid(data.draw(maps["rigid"]) @ np.diag([*data.draw(st.permutations([2.0, -2.5, 3.0])), 1]), name) for name in ("a", "b")
    )
    # At 45 degrees to two axes the nearest one is a matter of rounding.
    for side in (fixed, moving):
        cosines = np.sort(np.abs(side.directions), axis=0)
        if (cosines[2] - cosines[1]).min() < 0.01 or len(set(np.abs(side.directions).argmax(axis=0))) < 3:
            return
    affine = Affine(data.draw(maps["linear"]), "a:scanner", "b:scanner")
    path = tmp_path / "t.aff12.1D"
    write_transform(affine, path, fixed=fixed, moving=moving, overwrite=True)
    assert np.abs(read_transform(path, fixed=fixed, moving=moving).apply(box) - affine.apply(box)).max() < 1e-9
    theirs = AFNILinearTransform.from_string(path.read_text()).to_ras(reference=image(fixed), moving=image(moving))
    # They count nothing below 0.01 degrees as oblique, and keep their matrices in single precision.
    assert np.abs(affine.apply(box) - (box @ theirs[:3, :3].T + theirs[:3, 3])).max() < 0.1
    again = AFNILinearTransform.from_ras(affine.matrix, reference=image(fixed), moving=image(moving))
    (tmp_path / "theirs.1D").write_text(again.to_string())
    assert np.abs(read_transform(tmp_path / "theirs.1D", fixed=fixed, moving=moving).apply(box) - affine.apply(box)).max() < 0.1


def test_plumb_images_change_nothing_and_oblique_ones_lose_their_tilt(box):
    las = np.array([[0, -2.0, 0, 90], [0, 0, 3, -80], [1.5, 0, 0, -40], [0, 0, 0, 1]])
    assert np.array_equal(plumb(grid(las)), las)
    tilt = np.eye(4)
    tilt[:3, :3] = RigidTransform.from_euler((0.3, -0.1, 0.2), (0, 0, 0)).matrix[:3, :3]
    straight = plumb(grid(tilt @ las))
    assert np.allclose(straight[:3, :3], las[:3, :3])
    assert np.allclose(straight[:3, 3], (tilt @ las)[:3, 3])


def test_voxels_meet_where_afni_lays_them(tmp_path: Path):
    """An identity of AFNI's lays equal voxels of two oblique images on each other, whatever their headers' tilt."""
    upright = np.diag([2.0, 2, 3, 1])
    upright[:3, 3] = (-10, 5, 7)
    fixed, moving = (
        grid(upright @ RigidTransform.from_euler((angle, 0, 0), (0, 0, 0)).matrix, name) for angle, name in ((0.2, "a"), (-0.3, "b"))
    )
    (tmp_path / "t.1D").write_text("1 0 0 0 0 1 0 0 0 0 1 0\n")
    read = read_transform(tmp_path / "t.1D", fixed=fixed, moving=moving)
    voxels = np.array([(0, 0, 0), (3, 1, 2), (6, 7, 8)])
    ours = np.linalg.inv(plumb(moving)) @ plumb(fixed)
    expected = moving.affine.apply(voxels @ ours[:3, :3].T + ours[:3, 3])
    assert np.abs(read.apply(fixed.affine.apply(voxels)) - expected).max() < 1e-12


@pytest.mark.parametrize(
    "text",
    [
        ROW + "\n",
        "# 3dAllineate matrices (DICOM-to-DICOM, row-by-row):\n" + ROW.replace(" ", "\t"),
        THREE + "\n",
        THREE + "\n0 0 0 1\n",
        "# 3dvolreg matrices (DICOM-to-DICOM, row-by-row):\r\n  " + ROW.replace(" ", "   ") + "\r\n\r\n",
    ],
)
def test_layouts(tmp_path: Path, text):
    (tmp_path / "t.aff12.1D").write_bytes(text.encode())
    assert np.array_equal(read_transform(tmp_path / "t.aff12.1D").matrix, M)


def test_afnis_comment_counts_more_than_the_name(tmp_path: Path):
    write_transform(POSE, tmp_path / "t.1D")
    for name in ("t.txt", "t.mat", "t"):
        (tmp_path / name).write_bytes((tmp_path / "t.1D").read_bytes())
        assert np.array_equal(read_transform(tmp_path / name).matrix, M)
    lines = (tmp_path / "t.1D").read_text().splitlines()
    assert lines[0].startswith("# 3dAllineate matrices (DICOM-to-DICOM, row-by-row)")
    assert lines[1:] == [ROW]


def test_bare_numbers_are_afnis_only_under_its_name(tmp_path: Path, t1, epi):
    (tmp_path / "t.txt").write_text(THREE)
    (tmp_path / "t.mat").write_text(THREE)
    for name in ("t.txt", "t.mat"):
        with pytest.raises(TransformError, match="3 lines of 4 numbers"):
            read_transform(tmp_path / name, fixed=t1, moving=epi)
    assert np.array_equal(read_transform(tmp_path / "t.txt", dialect="afni").matrix, M)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# 3dAllineate parameters:\n" + ROW, "1dApar2mat"),
        ("1 0 0 0 0 1\n", "1 lines of 6 numbers"),
        (ROW.rsplit(" ", 1)[0] + "\n", "1 lines of 11 numbers"),
        (THREE + "\n0 0 0 2\n", "last line"),
        (ROW.replace(" ", " nan ", 1), "not a finite number"),
        ("1 0 0 0 0 1 0 0 0 0 0 0\n", "not invertible"),
        ("# 3dvolreg matrices (DICOM-to-DICOM, row-by-row):\n", "no numbers"),
    ],
)
def test_what_is_no_matrix_is_refused_with_its_cause(tmp_path: Path, text, words):
    (tmp_path / "t.1D").write_text(text)
    with pytest.raises(TransformError) as refusal:
        read_transform(tmp_path / "t.1D")
    assert words in str(refusal.value)
