"""Other programs' coordinates, as matrices to and from ours: the only flips in the house.

Ours: world millimetres are RAS+ (x to the right of the patient, y to the front, z up); an integer voxel index is the centre of a voxel,
counted from 0. A *point map* is a (4, 4) matrix that takes points of one image's world to points of another's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from volstudio.errors import GeometryError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from volstudio.geometry.affine import FloatArray
    from volstudio.geometry.grid import Grid

__all__ = [
    "centre_to_corner",
    "corner_to_centre",
    "flirt_to_world",
    "lps_points",
    "ras_to_lps",
    "scaled_voxels",
    "tkr_to_world",
    "vox2ras_tkr",
    "world_to_flirt",
]

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def ras_to_lps(matrix: ArrayLike) -> FloatArray:
    """A point map (4, 4) between RAS worlds as the same map between LPS worlds (ITK, DICOM, AFNI); its own inverse.

    Notes
    -----
    ``L M L`` with ``L = diag(-1, -1, 1, 1)``: both ends are renamed, so rotations about z and the sign of the determinant stay.

    >>> ras_to_lps([[1, 0, 0, 10], [0, 1, 0, 20], [0, 0, 1, 30], [0, 0, 0, 1]])[:3, 3]
    array([-10., -20.,  30.])
    """
    full = np.asarray(matrix, dtype=np.float64)
    if full.shape != (4, 4):
        raise GeometryError(f"A point map needs a 4 x 4 matrix, got shape {full.shape}.")
    # Adding zero turns the -0.0 of a flipped zero into 0.0, which would otherwise be printed into files.
    flipped: FloatArray = LPS @ full @ LPS + 0.0
    return flipped


def lps_points(points: ArrayLike) -> FloatArray:
    """Points (..., 3) in RAS mm as LPS mm, or back: x and y change sign.

    >>> lps_points([1, 2, 3])
    array([-1., -2.,  3.])
    """
    return np.asarray(points, dtype=np.float64) * (-1.0, -1.0, 1.0) + 0.0


def scaled_voxels(grid: Grid, sizes: ArrayLike | None = None) -> FloatArray:
    """(4, 4): voxel indices to FSL's scaled voxels, mm; the frame of FLIRT's matrices.

    Parameters
    ----------
    grid : Grid
    sizes : (3,) array_like or None
        Voxel sizes that the header states (pixdim), which FSL takes even where the affine has others; None: those of the affine.

    Notes
    -----
    Indices times voxel sizes; where the affine is right-handed ("neurological") x runs backwards from the last voxel, ``(n - 1 - i) dx``
    (FSL, newimage: ``volume::sampling_mat`` and ``swapmat`` in ``get_transform``).
    """
    matrix = np.diag([*(grid.voxel_sizes if sizes is None else np.asarray(sizes, dtype=np.float64)), 1.0])
    if grid.handedness > 0:
        matrix[0, 3] = (grid.shape[0] - 1) * matrix[0, 0]
        matrix[0, 0] = -matrix[0, 0]
    return matrix


def flirt_to_world(
    matrix: ArrayLike, *, fixed: Grid, moving: Grid, fixed_sizes: ArrayLike | None = None, moving_sizes: ArrayLike | None = None
) -> FloatArray:
    """A FLIRT matrix (``-in moving -ref fixed``) as the map of fixed to moving points, RAS mm.

    Parameters
    ----------
    matrix : (4, 4) array_like
    fixed, moving : Grid
    fixed_sizes, moving_sizes : (3,) array_like or None
        See `scaled_voxels`.

    Notes
    -----
    FLIRT's matrix F takes scaled voxels of the input to scaled voxels of the reference, so
    ``fixed_to_moving = A_m S_m^-1 F^-1 S_f A_f^-1`` with A the affines and S the scalings of `scaled_voxels`.
    """
    to_fixed = np.asarray(matrix, dtype=np.float64)
    from_fixed = scaled_voxels(fixed, fixed_sizes) @ np.linalg.inv(fixed.affine.matrix)
    into_moving = moving.affine.matrix @ np.linalg.inv(scaled_voxels(moving, moving_sizes))
    fixed_to_moving: FloatArray = into_moving @ np.linalg.inv(to_fixed) @ from_fixed
    return fixed_to_moving


def world_to_flirt(
    fixed_to_moving: ArrayLike, *, fixed: Grid, moving: Grid, fixed_sizes: ArrayLike | None = None, moving_sizes: ArrayLike | None = None
) -> FloatArray:
    """The FLIRT matrix (``-in moving -ref fixed``) of a map of fixed to moving points, RAS mm: inverse of `flirt_to_world`."""
    from_fixed = np.asarray(fixed_to_moving, dtype=np.float64) @ fixed.affine.matrix @ np.linalg.inv(scaled_voxels(fixed, fixed_sizes))
    return np.linalg.inv(scaled_voxels(moving, moving_sizes) @ np.linalg.inv(moving.affine.matrix) @ from_fixed)


def vox2ras_tkr(grid: Grid) -> FloatArray:
    """(4, 4): voxel indices to FreeSurfer's "tkregister" RAS, mm: axes as if the volume were LIA, zero in its middle.

    Notes
    -----
    ``x = -dx (i - n_i / 2)``, ``y = dz (k - n_k / 2)``, ``z = -dy (j - n_j / 2)`` (FreeSurfer, ``MRIxfmCRS2XYZtkreg``); surfaces and
    register.dat live in it.

    >>> from volstudio.geometry.affine import Affine
    >>> from volstudio.geometry.grid import Grid
    >>> vox2ras_tkr(Grid((256, 256, 256), Affine(np.eye(4), "t1:voxel", "t1:scanner")))[:3, 3]
    array([ 128., -128.,  128.])
    """
    (dx, dy, dz), (ni, nj, nk) = grid.voxel_sizes, grid.shape
    return np.array([[-dx, 0, 0, ni * dx / 2], [0, 0, dz, -nk * dz / 2], [0, -dy, 0, nj * dy / 2], [0, 0, 0, 1]])


def tkr_to_world(grid: Grid) -> FloatArray:
    """(4, 4): FreeSurfer's tkregister RAS of a volume to its world, mm."""
    return grid.affine.matrix @ np.linalg.inv(vox2ras_tkr(grid))


def centre_to_corner(ijk: ArrayLike) -> FloatArray:
    """Voxel coordinates with integers at voxel centres (ours, NIfTI, ITK) as coordinates with integers at voxel corners (images, OpenGL).

    >>> centre_to_corner([0, 0, 0])
    array([0.5, 0.5, 0.5])
    """
    return np.asarray(ijk, dtype=np.float64) + 0.5


def corner_to_centre(ijk: ArrayLike) -> FloatArray:
    """Inverse of `centre_to_corner`."""
    return np.asarray(ijk, dtype=np.float64) - 0.5
