"""MRtrix's linear transforms: mrregister, transformconvert, transformcalc; taken by ``mrtransform -linear``.

Four lines of four numbers (or three, without 0 0 0 1) that map points of the *template* (fixed) to points of the moving image in
scanner RAS millimetres: mrtransform's "reverse convention". Comments begin with ``#``; MRtrix writes its version and command into them,
by which its files are known under any name, and a ``centre``, which the matrix already contains.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from volstudio.errors import TransformError
from volstudio.transforms.dialect import Dialect, Ends
from volstudio.transforms.plain import recognises_text, says_direction
from volstudio.transforms.text import decode, exact, square

if TYPE_CHECKING:
    from volstudio.geometry.affine import FloatArray

__all__ = ["MRTRIX"]

BANNER = re.compile(r"^[ \t]*#[ \t]*(mrtrix_version|command_history):", re.MULTILINE)


def read(data: bytes, ends: Ends) -> FloatArray:  # noqa: ARG001 - scanner coordinates need no image
    """Fixed -> moving points, RAS mm, of an MRtrix transform; see `Dialect.read`."""
    text = decode(data)
    if says_direction(text) == "moving-to-fixed":
        raise TransformError("its own comment says that it maps moving points to fixed points, which MRtrix's transforms do not")
    lines = [line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    return square([*lines, "0 0 0 1"] if len(lines) == 3 else lines)


def write(matrix: FloatArray, ends: Ends) -> bytes:
    """A comment that says the direction, and four lines of four numbers; see `Dialect.write`."""
    rows = "".join(" ".join(exact(value) for value in row) + "\n" for row in matrix)
    return f"# MRtrix linear transform, {ends.in_words()}, RAS+ mm\n{rows}".encode()


def names_itself(data: bytes) -> bool:
    """Whether the content has MRtrix's comments."""
    return recognises_text(data) and BANNER.search(decode(data)) is not None


MRTRIX = Dialect("mrtrix", "MRtrix transform", (".mrtrix.txt", ".mrtrix"), recognises_text, read, write, names_itself=names_itself)
