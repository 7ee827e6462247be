"""FSL FLIRT matrices (.mat): four lines of four numbers that mean nothing without the two images.

FLIRT (``-in moving -ref fixed -omat``) maps *moving points to fixed points*, both in scaled voxels: index times voxel size, with x
counted from the other end where the image is right-handed, and voxel sizes as pixdim states them, whatever the sform does. See
`volstudio.geometry.conventions.scaled_voxels`. The text has no room for a comment (FSL's ``read_ascii_matrix`` takes numbers alone), so its
direction is that of the dialect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from volstudio.geometry.conventions import flirt_to_world, world_to_flirt
from volstudio.transforms.dialect import Dialect, Ends
from volstudio.transforms.plain import recognises_text, says_direction
from volstudio.transforms.text import decode, exact, inverse, settled, square

if TYPE_CHECKING:
    from volstudio.geometry.affine import FloatArray

__all__ = ["FSL"]


def read(data: bytes, ends: Ends) -> FloatArray:
    """Fixed -> moving points, RAS mm, of a FLIRT matrix; see `Dialect.read`."""
    matrix = square([line for line in decode(data).split("\n") if line.strip()])
    fixed, moving = ends.grids()
    inverse(matrix)  # FLIRT's direction is the other one, so a singular matrix has no place here
    return flirt_to_world(matrix, fixed=fixed, moving=moving, fixed_sizes=ends.fixed_sizes, moving_sizes=ends.moving_sizes)


def write(matrix: FloatArray, ends: Ends) -> bytes:
    """Four lines of four numbers; see `Dialect.write`."""
    fixed, moving = ends.grids()
    flirt = world_to_flirt(matrix, fixed=fixed, moving=moving, fixed_sizes=ends.fixed_sizes, moving_sizes=ends.moving_sizes)
    return "".join("  ".join(exact(value) for value in row) + "\n" for row in settled(flirt)).encode()


def recognises(data: bytes) -> bool:
    """Whether the content is nothing but numbers; then the end of the name must tell FLIRT's from others'."""
    return recognises_text(data) and says_direction(decode(data)) is None


FSL = Dialect("fsl", "FSL FLIRT matrix", (".mat", ".fsl", ".flirt"), recognises, read, write)
