"""AFNI's matrices (.aff12.1D, .1D): 3dAllineate, 3dvolreg, align_epi_anat.py, cat_matvec.

Twelve numbers, in one row or in three lines of four, that map points of the *base* (fixed) to points of the *input* (moving), in
DICOM's LPS millimetres. AFNI's programs compute as if every image were plumb: they keep its voxel sizes, its origin and the
nearest axes, and drop the rotation of an oblique header (``ijk_to_dicom``, not ``ijk_to_dicom_real``). So the images are needed where
they are oblique; those that are not given are taken as plumb. The comment is the one that AFNI itself writes and skips.
"""

from __future__ import annotations

import re
from itertools import permutations, product
from typing import TYPE_CHECKING

import numpy as np

from volstudio.errors import TransformError
from volstudio.geometry.conventions import ras_to_lps
from volstudio.transforms.dialect import Dialect, Ends
from volstudio.transforms.plain import recognises_text
from volstudio.transforms.text import decode, exact, numbers, settled, square

if TYPE_CHECKING:
    from volstudio.geometry.affine import FloatArray
    from volstudio.geometry.grid import Grid

__all__ = ["AFNI", "plumb"]

BANNER = re.compile(r"^[ \t]*#.*(3dvolreg|3dAllineate|DICOM-to-DICOM)", re.MULTILINE)
PLUMB = 1e-12  # share of the voxel size by which a plumb image may miss the axes: rounding of doubles


def read(data: bytes, ends: Ends) -> FloatArray:
    """Fixed -> moving points, RAS mm, of an AFNI matrix; see `Dialect.read`."""
    text = decode(data)
    if re.search(r"^[ \t]*#.*\bparameters\b", text, re.MULTILINE):
        raise TransformError(
            "it holds the parameters of a transform (-1Dparam_save), not its matrix (-1Dmatrix_save); AFNI's 1dApar2mat makes the matrix"
        )
    lps = _matrix([line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")])
    ras = ras_to_lps(lps)
    if ends.fixed is not None and not _is_plumb(ends.fixed):
        ras = ras @ plumb(ends.fixed) @ np.linalg.inv(ends.fixed.affine.matrix)
    if ends.moving is not None and not _is_plumb(ends.moving):
        ras = ends.moving.affine.matrix @ np.linalg.inv(plumb(ends.moving)) @ ras
    return ras


def write(matrix: FloatArray, ends: Ends) -> bytes:
    """AFNI's comment and one row of twelve numbers; see `Dialect.write`."""
    ras = matrix
    if ends.fixed is not None and not _is_plumb(ends.fixed):
        ras = ras @ ends.fixed.affine.matrix @ np.linalg.inv(plumb(ends.fixed))
    if ends.moving is not None and not _is_plumb(ends.moving):
        ras = plumb(ends.moving) @ np.linalg.inv(ends.moving.affine.matrix) @ ras
    if ras is not matrix:  # once, at the end: a map rounded before its second half is not the one that reading gives back
        ras = settled(ras)
    row = " ".join(exact(value) for value in ras_to_lps(ras)[:3].ravel())
    return f"# 3dAllineate matrices (DICOM-to-DICOM, row-by-row): {ends.in_words()}\n{row}\n".encode()


def recognises(data: bytes) -> bool:
    """Whether the content is nothing but numbers, or has AFNI's comment."""
    return names_itself(data) or recognises_text(data)


def names_itself(data: bytes) -> bool:
    """Whether the content has AFNI's comment."""
    return BANNER.search(decode(data)) is not None


def plumb(grid: Grid) -> FloatArray:
    """(4, 4): voxels to RAS mm as AFNI's programs place an image, oblique or not.

    Notes
    -----
    Every voxel axis along the world axis that is nearest to it, each taken once, by the rule of ``nifti_mat44_to_orientation`` (the largest
    sum of cosines among the assignments of the same handedness); voxel sizes and the place of the first voxel stay.

    Examples
    --------
    >>> from volstudio.geometry.affine import Affine
    >>> from volstudio.geometry.grid import Grid
    >>> tilted = np.array([[-2.0, 0, 0, 90], [0, 1.6, -1.2, -80], [0, 1.2, 1.6, -40], [0, 0, 0, 1]])
    >>> plumb(Grid((9, 9, 9), Affine(tilted, "epi:voxel", "epi:scanner"))).tolist()
    [[-2.0, 0.0, 0.0, 90.0], [0.0, 2.0, 0.0, -80.0], [0.0, 0.0, 2.0, -40.0], [0.0, 0.0, 0.0, 1.0]]
    """
    columns = grid.directions
    best, axes = -np.inf, np.eye(3)
    for order, signs in product(permutations(range(3)), product((1.0, -1.0), repeat=3)):
        candidate = np.eye(3)[:, order] * signs
        fit = float((candidate * columns).sum())
        if fit > best and np.linalg.det(candidate) * grid.handedness > 0:
            best, axes = fit, candidate
    matrix = np.array(grid.affine.matrix)
    matrix[:3, :3] = axes * grid.voxel_sizes + 0.0
    return matrix


def _is_plumb(grid: Grid) -> bool:
    """Whether AFNI places an image where its header does."""
    return bool(np.abs(plumb(grid) - grid.affine.matrix).max() < PLUMB * grid.voxel_sizes.max())


def _matrix(lines: list[str]) -> FloatArray:
    """(4, 4) matrix of one row of twelve numbers, of three lines of four, or of those and 0 0 0 1."""
    if not lines:
        raise TransformError("it holds no numbers; is it truncated?")
    rows = [numbers(line) for line in lines]
    lengths = {len(row) for row in rows}
    if lengths == {12} and len(rows) > 1:
        raise TransformError(f"it is a list of {len(rows)} transforms, such as one per volume of a series; choose one and save it alone")
    if lengths == {12}:
        return np.array([*np.reshape(rows[0], (3, 4)).tolist(), [0, 0, 0, 1]], dtype=np.float64)
    if lengths == {4} and len(rows) in (3, 4):
        return square([*lines, "0 0 0 1"][:4])
    found = f"{len(rows)} lines of {' or '.join(str(n) for n in sorted(lengths))} numbers"
    raise TransformError(f"it holds {found} where AFNI's matrices have one row of twelve or three lines of four; is it truncated?")


AFNI = Dialect(
    "afni",
    "AFNI matrix",
    (".aff12.1d", ".1d", ".afni"),
    recognises,
    read,
    write,
    names_itself=names_itself,
    without_images="AFNI places oblique images as if they were plumb, so an image that is not given is taken not to be oblique",
)
