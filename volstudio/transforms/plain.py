"""A bare 4 x 4 matrix in RAS+ millimetres, as text (.mat4, .xfm.txt) or as a numpy array (.npy).

The field writes both directions this way: MRtrix maps fixed points to moving points, SPM and everyone who multiplies a nibabel affine
mean the opposite. So a text of ours says it in its first line, any file whose comment says it in those words is believed, and one that says
nothing is refused until the person says it: half of the guesses would move a head the wrong way.
"""

from __future__ import annotations

import ast
import io
import re
from typing import TYPE_CHECKING, Literal

import numpy as np

from volstudio.errors import TransformError
from volstudio.geometry.conventions import ras_to_lps
from volstudio.transforms.dialect import Dialect, Direction, Ends
from volstudio.transforms.text import decode, exact, inverse, sensible, settled, square

if TYPE_CHECKING:
    from volstudio.geometry.affine import FloatArray

__all__ = ["NUMPY", "PLAIN", "says_direction"]

COMMENT = re.compile(r"(#|%|//)")
MAPS = re.compile(r"\bmaps\s+(fixed|moving)\s+points\b.*?\bto\s+(fixed|moving)\s+points\b", re.IGNORECASE)
BARE_MATRIX = re.compile(r"[\s\d.,+\-eE]+")
MAGIC = b"\x93NUMPY"
LONGEST_REMARK = 4096  # letters; a search without end in a megabyte of comments would take minutes


def says_direction(text: str) -> Direction | None:
    """Which way a comment says that the matrix maps: ``"maps fixed points to moving points"`` or the opposite; None: it does not say.

    >>> says_direction("# 4 x 4 matrix, maps moving points (epi) to fixed points (t1), RAS mm")
    'moving-to-fixed'
    """
    found = MAPS.search(text[:LONGEST_REMARK])
    if found is None or found.group(1).lower() == found.group(2).lower():
        return None
    return "fixed-to-moving" if found.group(1).lower() == "fixed" else "moving-to-fixed"


def read_text(data: bytes, ends: Ends) -> FloatArray:
    """Fixed -> moving points, RAS mm, of a text matrix; see `Dialect.read`. A comment that says LPS is believed as well."""
    lines = [line for line in decode(data).split("\n") if line.strip()]
    remarks = " ".join(line for line in lines if COMMENT.match(line.strip()))
    matrix = square([line for line in lines if not COMMENT.match(line.strip())])
    said = says_direction(remarks)
    if said and ends.direction and said != ends.direction:
        raise TransformError(f"its own comment says that it maps {_words(said)}, not {_words(ends.direction)}; leave the direction out")
    if said and re.search(r"\bLPS\b", remarks):
        matrix = ras_to_lps(matrix)
    direction = said or ends.direction
    if direction is None:
        raise TransformError(
            "it does not say which way its matrix maps; add the line '# maps moving points to fixed points, RAS mm' (SPM, nibabel) or "
            "'# maps fixed points to moving points, RAS mm' (MRtrix, ITK) above the numbers, or say it (--direction, direction=)"
        )
    return _to_moving(matrix, direction)


def write_text(matrix: FloatArray, ends: Ends) -> bytes:
    """Four lines of four numbers below a comment that says both ends; see `Dialect.write`."""
    direction = ends.direction or "fixed-to-moving"
    rows = "\n".join(" ".join(exact(value) for value in row) for row in _from_moving(matrix, direction))
    return f"# 4 x 4 matrix, {ends.in_words(direction)}, RAS+ mm\n{rows}\n".encode()


def read_numpy(data: bytes, ends: Ends) -> FloatArray:
    """Fixed -> moving points, RAS mm, of a .npy file, whose direction must be told; see `Dialect.read`."""
    matrix = _array(data)
    if not np.isfinite(matrix).all():
        raise TransformError("it holds NaN or infinity, which are not finite numbers; make the transform again")
    if not np.array_equal(matrix[3], (0, 0, 0, 1)):
        raise TransformError(f"the last row of its matrix must be 0 0 0 1, not {matrix[3]}")
    sensible(float(np.abs(matrix).max()))
    if ends.direction is None:
        raise TransformError(
            "it cannot say which way its matrix maps and no sidecar (.json) lies beside it; say it (--direction, direction=)"
        )
    return _to_moving(matrix, ends.direction)


def write_numpy(matrix: FloatArray, ends: Ends) -> bytes:
    """A .npy file of the (4, 4) float64 matrix; see `Dialect.write`."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.ascontiguousarray(_from_moving(matrix, ends.direction or "fixed-to-moving"), "<f8"), version=(1, 0))
    return file.getvalue()


def recognises_text(data: bytes) -> bool:
    """Whether the content is nothing but numbers, or says in a comment what it maps."""
    lines = [line for line in decode(data).split("\n") if line.strip()]
    bare = "\n".join(line for line in lines if not COMMENT.match(line.strip()))
    return BARE_MATRIX.fullmatch(bare) is not None


def recognises_numpy(data: bytes) -> bool:
    """Whether the content starts with numpy's magic."""
    return data.startswith(MAGIC)


def _array(data: bytes) -> FloatArray:
    """The (4, 4) numbers of a .npy file.

    Its header is a line of Python, read here as a literal and judged before anything is allocated: numpy's own reader takes the declared
    shape at its word, and damaged headers make it raise errors of Python's parser.
    """
    width = 2 if data[6:7] == b"\x01" else 4
    start = 8 + width + int.from_bytes(data[8 : 8 + width], "little")
    try:
        header = ast.literal_eval(data[8 + width : start].decode("latin-1").strip())
        order: Literal["F", "C"] = "F" if header["fortran_order"] else "C"
        shape, kind = header["shape"], np.dtype(str(header["descr"]))
    except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError) as error:
        raise TransformError("its header is truncated or damaged") from error
    if shape != (4, 4) or kind.kind not in "fiu":
        raise TransformError(f"it holds an array of shape {shape} and type {kind}, not a 4 x 4 matrix of numbers")
    numbers = data[start : start + 16 * kind.itemsize]
    if len(numbers) < 16 * kind.itemsize:
        raise TransformError("it is truncated: its header promises 16 numbers")
    with np.errstate(over="ignore"):  # a long double beyond the range of doubles becomes infinite, which is refused by its name
        return np.frombuffer(numbers, kind).reshape((4, 4), order=order).astype(np.float64)


def _to_moving(matrix: FloatArray, direction: Direction) -> FloatArray:
    """The map of fixed to moving points from one of a given direction."""
    return matrix if direction == "fixed-to-moving" else inverse(matrix)


def _from_moving(matrix: FloatArray, direction: Direction) -> FloatArray:
    """The map of a given direction from that of fixed to moving points."""
    return matrix if direction == "fixed-to-moving" else settled(inverse(matrix))


def _words(direction: Direction) -> str:
    first, _, second = direction.split("-")
    return f"{first} points to {second} points"


PLAIN = Dialect("plain", "plain 4 x 4 text", (".mat4", ".xfm.txt"), recognises_text, read_text, write_text, says_direction=False)
NUMPY = Dialect("npy", "numpy array", (".npy",), recognises_numpy, read_numpy, write_numpy, says_direction=False)
