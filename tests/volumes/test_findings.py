from __future__ import annotations

import numpy as np
import pytest

from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.volumes.findings import corner_distance, form_findings, grid_findings, size_findings, unit_findings, voxel_findings
from volstudio.volumes.readers import volume_from_array


def grid(matrix, shape=(5, 6, 7)):
    return Grid(shape, Affine(matrix, "a:voxel", "a:scanner"))


def test_the_corner_that_differs_most_is_named():
    other = np.eye(4)
    other[0, 2] = 0.5  # x moves with k: the far end of k is off by 3 mm
    distance, corner = corner_distance(grid(np.eye(4)), other)
    assert distance == pytest.approx(3)
    assert corner[2] == 6


@pytest.mark.parametrize(("apart", "severity"), [(0.01, None), (0.2, "info"), (2.0, "warning")])
def test_forms_are_compared_by_their_distance(apart, severity):
    other = np.eye(4)
    other[1, 3] = apart
    found = form_findings(grid(np.eye(4)), other, "sform", "qform", ("MNI 152", "scanner"))
    assert [finding.severity for finding in found] == ([severity] if severity else [])
    if found:
        assert f"{apart:g} mm" in found[0].text
        assert "form 'q'" in found[0].text


def test_grids_are_described():
    shear = np.eye(4)
    shear[0, 1] = 1.0
    found = {finding.code: finding for finding in grid_findings(grid(shear))}
    assert "45°" in found["sheared"].text
    assert found["sheared"].severity == "warning"
    (flipped,) = grid_findings(grid(np.diag([-1, 1, 1, 1.0])))
    assert flipped.code == "left-handed"
    assert "LAS" in flipped.text
    assert grid_findings(grid(np.diag([2, 3, 4, 1.0]))) == ()


def test_sizes_are_compared_with_the_placement():
    placed = grid(np.diag([2, 2, 2, 1.0]))
    assert size_findings(placed, np.array([2, 2, 2.01]), "sform") == ()
    (finding,) = size_findings(placed, np.array([1, 1, 1.0]), "sform")
    assert "1 x 1 x 1 mm" in finding.text
    assert "2 x 2 x 2 mm" in finding.text
    assert size_findings(placed, np.array([np.nan, 2, 2]), "sform")
    assert size_findings(grid(np.diag([2, 2, 2, 1.0]), (5, 6, 1)), np.array([2, 2, 0.0]), "sform") == ()


@pytest.mark.parametrize(
    ("code", "word"), [(0, "units-not-stated"), (1, "units-converted"), (2, None), (3, "units-converted"), (7, "units-unknown")]
)
def test_units_are_told(code, word):
    assert [finding.code for finding in unit_findings(code)] == ([word] if word else [])


def test_voxels_without_numbers_are_told():
    values = np.ones((4, 4, 4), np.float32)
    assert voxel_findings(volume_from_array(values, np.eye(4))) == ()
    values[0, 0, 0] = np.nan
    volume = volume_from_array(values, np.eye(4))
    assert [finding.text.partition(";")[0] for finding in voxel_findings(volume)] == ["About 1.6 % of the voxels hold NaN or infinity"]
    (finding,) = voxel_findings(volume, whole=True)
    assert "1 voxels (1.6 %)" in finding.text
    assert volume_from_array(np.full((4, 4, 4), np.nan), np.eye(4)).findings[-1].code == "no-finite-voxel"
    only_middle = np.ones((4, 4, 4))
    only_middle[..., 2] = np.nan
    assert [finding.code for finding in voxel_findings(volume_from_array(only_middle, np.eye(4)))] == ["not-finite-voxels"]
