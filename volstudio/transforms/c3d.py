"""Convert3D's, greedy's and ITK-SNAP's matrices: ``c3d_affine_tool ... -o``, ``greedy -a ... -o``.

Four lines of four numbers that map points of the *fixed* (reference) image to points of the moving image in RAS millimetres: ITK's
direction in NIfTI's axes. c3d_affine_tool reads sixteen numbers and nothing else, so there is no place for a comment, and nothing
tells the file from FLIRT's or anybody's: the end of the name or the person must.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from volstudio.transforms.dialect import Dialect, Ends
from volstudio.transforms.fsl import recognises
from volstudio.transforms.text import decode, exact, square

if TYPE_CHECKING:
    from volstudio.geometry.affine import FloatArray

__all__ = ["C3D"]


def read(data: bytes, ends: Ends) -> FloatArray:  # noqa: ARG001 - world coordinates need no image
    """Fixed -> moving points, RAS mm, of a Convert3D matrix; see `Dialect.read`."""
    return square([line for line in decode(data).split("\n") if line.strip()])


def write(matrix: FloatArray, ends: Ends) -> bytes:  # noqa: ARG001 - the format has no place for a remark
    """Four lines of four numbers; see `Dialect.write`."""
    return "".join(" ".join(exact(value) for value in row) + "\n" for row in matrix).encode()


C3D = Dialect("c3d", "Convert3D matrix", (".c3d.mat", ".c3d.txt", ".c3d"), recognises, read, write)
