"""Flips held against the programs they come from: FreeSurfer by nibabel, FLIRT by golden files, ITK by its own points."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - the name its users know
from nibabel.eulerangles import euler2mat

from volstudio.errors import GeometryError
from volstudio.geometry import conventions
from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.geometry.rigid import RigidTransform

POSE = RigidTransform.from_six((3, -4, 5, 0.05, 0.1, -0.07)).matrix


def test_point_maps_change_name_and_not_place():
    points = np.random.default_rng(0).uniform(-100, 100, (10, 3))
    moved = points @ POSE[:3, :3].T + POSE[:3, 3]
    flipped = conventions.ras_to_lps(POSE)
    assert np.allclose(conventions.lps_points(points) @ flipped[:3, :3].T + flipped[:3, 3], conventions.lps_points(moved))
    assert np.array_equal(conventions.ras_to_lps(flipped), POSE)
    assert np.array_equal(conventions.lps_points(conventions.lps_points(points)), points)
    assert not np.signbit(conventions.ras_to_lps(np.eye(4))).any()
    with pytest.raises(GeometryError, match="4 x 4"):
        conventions.ras_to_lps(np.eye(3))


def test_lps_is_what_itk_calls_physical_points(grid):
    if grid.shear > 1e-9:
        pytest.skip("ITK holds no sheared grids")
    image = sitk.Image(grid.shape, sitk.sitkUInt8)
    image.SetSpacing(grid.voxel_sizes.tolist())
    image.SetDirection((np.diag([-1, -1, 1]) @ grid.directions).ravel().tolist())
    image.SetOrigin(conventions.lps_points(grid.affine.apply((0, 0, 0))).tolist())
    point = image.TransformIndexToPhysicalPoint((3, 5, 7))
    assert np.allclose(conventions.lps_points(point), grid.affine.apply((3, 5, 7)))


def test_tkr_is_nibabels(grid):
    header = nib.MGHImage(np.zeros(grid.shape, np.uint8), grid.affine.matrix).header
    assert np.allclose(conventions.vox2ras_tkr(grid), header.get_vox2ras_tkr(), atol=1e-5)
    middle = np.linalg.inv(conventions.vox2ras_tkr(grid)) @ (0, 0, 0, 1)
    assert np.allclose(conventions.tkr_to_world(grid)[:3, 3], grid.affine.apply(middle[:3]))


def test_scaled_voxels_run_backwards_only_where_right_handed(grid):
    matrix = conventions.scaled_voxels(grid)
    assert np.linalg.det(matrix) * grid.handedness < 0
    ends = matrix @ np.array([[0, grid.shape[0] - 1], [0, 0], [0, 0], [1, 1]])
    assert ends[0].min() == pytest.approx(0)
    assert ends[0].max() == pytest.approx((grid.shape[0] - 1) * grid.voxel_sizes[0])


def test_flirt_round_trip_between_every_two_kinds(grid, make_grid):
    other = make_grid(np.diag([-1.0, 2, 2.5]), (12, -8, -8), (6, 5, 8), "b")
    for fixed, moving in ((grid, other), (other, grid)):
        flirt = conventions.world_to_flirt(POSE, fixed=fixed, moving=moving)
        assert np.allclose(conventions.flirt_to_world(flirt, fixed=fixed, moving=moving), POSE, atol=1e-10)


@pytest.mark.parametrize("kind", ["RAS", "LAS", "LPS", "oblique"])
def test_flirt_golden_files(shared_data, kind):
    image = nib.load(shared_data / "pair" / "someones_anatomy.nii.gz")
    affine, shape = image.affine.copy(), image.shape
    for axis in range({"LAS": 1, "LPS": 2}.get(kind, 0)):
        affine[axis, 3] += affine[axis, axis] * (shape[axis] - 1)
        affine[axis, axis] *= -1
    if kind == "oblique":
        affine = np.diag(np.diag(affine))
        affine[:3, 3] = -affine[:3, :3] @ (np.array(shape) - 1) / 2
        affine = nib.affines.from_matvec(euler2mat(x=0.09, y=0.001, z=0.001)) @ affine
    grid = Grid(shape, Affine(affine, "a:voxel", "a:scanner"))
    flirt = np.loadtxt(shared_data / "transforms" / f"affine-{kind}.fsl")
    truth = np.array(
        [[0.999999, -0.00099999, 0.001, 4], [0.00140494, 0.62160887, -0.78332652, 2], [0.00016172, 0.78332714, 0.62160966, -1]]
    )
    assert (
        np.abs(conventions.flirt_to_world(flirt, fixed=grid, moving=grid)[:3] - truth).max() < 6e-4
    )  # its print precision, far from the origin


def test_centres_and_corners():
    assert np.array_equal(conventions.centre_to_corner([[0, 1, -0.5]]), [[0.5, 1.5, 0]])
    assert np.array_equal(conventions.corner_to_centre(conventions.centre_to_corner([1, 2, 3])), [1, 2, 3])
