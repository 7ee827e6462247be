"""FreeSurfer's register.dat: tkregister2, bbregister, mri_vol2surf.

Four lines (subject, voxel size in the plane, between planes, intensity), a 4 x 4 matrix and the word ``round``. The matrix maps
points of the *target* (the anatomy, fixed) to points of the *movable* image, both in tkregister's RAS, whose zero is the middle of each
image; so both images are needed. The two sizes are for display; FreeSurfer ignores them, and so do we.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from volstudio.errors import TransformError
from volstudio.geometry.conventions import tkr_to_world
from volstudio.geometry.spaces import volume_of
from volstudio.transforms.dialect import Dialect, Ends
from volstudio.transforms.text import decode, exact, inverse, settled, square

if TYPE_CHECKING:
    from volstudio.geometry.affine import FloatArray

__all__ = ["REGISTER_DAT"]

NUMBER = re.compile(r"[-+\d.eE]+")
INTENSITY = 0.15  # what FreeSurfer's own programs write


def read(data: bytes, ends: Ends) -> FloatArray:
    """Fixed -> moving points, RAS mm, of a register.dat; see `Dialect.read`."""
    lines = [line.strip() for line in decode(data).strip().split("\n")]
    matrix = square([line for line in lines[4:8] if line])
    last = " ".join(lines[8:]).split()
    if not last:
        raise TransformError("it has no last line 'round'; is it truncated, or made by the tkregister of before 2004?")
    if last != ["round"]:
        raise TransformError(
            f"its last line is {' '.join(last)[:40]!r} where 'round' should stand: the old tkregister counts voxels otherwise and is "
            "off by up to half a voxel; load and save it in tkregister2"
        )
    fixed, moving = ends.grids()
    inverse(matrix)  # a singular matrix is told of before the images' own are multiplied into it
    fixed_to_moving: FloatArray = tkr_to_world(moving) @ matrix @ np.linalg.inv(tkr_to_world(fixed))
    return fixed_to_moving


def write(matrix: FloatArray, ends: Ends) -> bytes:
    """A register.dat of twelve degrees of freedom; see `Dialect.write`."""
    fixed, moving = ends.grids()
    tkr = settled(np.linalg.inv(tkr_to_world(moving)) @ matrix @ tkr_to_world(fixed))
    subject = re.sub(r"\W+", "_", volume_of(ends.fixed_space) or "") or "subject"
    sizes = moving.voxel_sizes
    head = [subject, exact(sizes[0]), exact(sizes[2]), exact(INTENSITY)]
    rows = [" ".join(exact(value) for value in row) for row in tkr]
    return "\n".join([*head, *rows, "round", ""]).encode()


def recognises(data: bytes) -> bool:
    """Whether the content has a register.dat's first six lines: anything, three single numbers, four numbers and again."""
    lines = [line.split() for line in decode(data).lstrip().split("\n", 6)[1:6]]
    return [len(line) for line in lines] == [1, 1, 1, 4, 4] and all(NUMBER.fullmatch(word) for line in lines for word in line)


REGISTER_DAT = Dialect("register.dat", "FreeSurfer register.dat", (".dat",), recognises, read, write)
