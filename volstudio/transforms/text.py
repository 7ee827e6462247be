"""Reading numbers that programs and people wrote as text, strictly: what is not clearly a number is refused with its place."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

import numpy as np

from volstudio.errors import TransformError

if TYPE_CHECKING:
    from volstudio.geometry.affine import FloatArray

__all__ = ["decode", "exact", "inverse", "numbers", "sensible", "settled", "square"]

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
LARGEST = 1e9  # mm
NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity|1\.#(ind|inf|qnan)\w*)", re.IGNORECASE)


def decode(data: bytes) -> str:
    """Text of a file with any line ends; UTF-8, or UTF-16 where its mark says so (redirected from PowerShell).

    Letters that are neither (a comment in another encoding) become replacement signs: numbers are ASCII, so none is lost.
    """
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = data.decode("utf-16" if wide else "utf-8-sig", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def numbers(text: str) -> list[float]:
    """Numbers separated by white space, or by commas with or without white space behind.

    Raises
    ------
    TransformError
        Something is not a number, not finite, or has a decimal comma.
    """
    words = text.split()
    if any("," in word.rstrip(",") for word in words) and len(words) > 1:
        raise TransformError("it has decimal commas; write its numbers with decimal points")
    values = []
    for word in re.split(r"[\s,]+", text.strip().rstrip(",")) if words else []:
        if NOT_FINITE.fullmatch(word):
            raise TransformError(f"it holds {word!r}, which is not a finite number; make the transform again")
        if not NUMBER.fullmatch(word):
            raise TransformError(f"it holds {word[:20]!r} where a number should stand")
        values.append(sensible(float(word)))
    return values


def sensible(value: float) -> float:
    """The number, once it is known to be one that millimetres and cosines can be.

    Raises
    ------
    TransformError
        It is larger than a thousand kilometres, so that a product of two could be infinite.
    """
    if abs(value) > LARGEST:
        raise TransformError(f"it holds {value:g}, a number too large for millimetres; is it damaged?")
    return value


def square(lines: list[str]) -> FloatArray:
    """(4, 4) matrix from its four lines of four numbers.

    Raises
    ------
    TransformError
        There are not four lines of four numbers, or the last is not 0 0 0 1.
    """
    rows = [numbers(line) for line in lines]
    if len(rows) != 4 or any(len(row) != 4 for row in rows):
        found = f"{len(rows)} lines of {' or '.join(str(n) for n in sorted({len(row) for row in rows}))} numbers" if rows else "no numbers"
        raise TransformError(f"it holds {found} where a 4 x 4 matrix has four lines of four; is it truncated, or another kind of file?")
    matrix = np.array(rows)
    if np.abs(matrix[3] - (0, 0, 0, 1)).max() > 1e-6:
        raise TransformError(f"the last line of its matrix must be 0 0 0 1, not {lines[3].strip()[:40]!r}")
    # Programs that compute in single precision leave 1.0000001 in the corner, as a factor of the whole matrix: homogeneous coordinates.
    scaled: FloatArray = matrix / matrix[3, 3]
    scaled[3] = (0, 0, 0, 1)
    return scaled


def exact(value: float) -> str:
    """The shortest text that reads back as the same double, with at most 17 digits.

    >>> exact(0.1), exact(-0.0), exact(1 / 3)
    ('0.1', '0.0', '0.3333333333333333')
    """
    return repr(float(value) + 0.0)


def inverse(matrix: FloatArray) -> FloatArray:
    """The inverse of an affine (4, 4) matrix.

    Raises
    ------
    TransformError
        There is none.
    """
    if np.linalg.matrix_rank(matrix) < 4:
        raise TransformError("its matrix is singular: it flattens space and cannot be inverted")
    inverted = np.asarray(np.linalg.inv(matrix), dtype=np.float64)
    inverted[3] = (0, 0, 0, 1)
    return inverted


def settled(matrix: FloatArray) -> FloatArray:
    """A matrix at 13 decimals, its translation at 10: what a dialect writes that inverts our map, or counts in the voxels of the images.

    Such numbers come back from reading with the rounding errors of a few products and inverses, and would otherwise have other last digits
    each time that their own file is read and written. Between random sheared and flipped images in metres of world these errors are below
    2e-15 and 1e-12 mm, so that every digit written is found again; what is rounded away is below 1e-10 mm.
    """
    rounded = np.round(matrix, 13)
    rounded[:3, 3] = np.round(matrix[:3, 3], 10)
    rounded[3] = (0, 0, 0, 1)
    positive: FloatArray = rounded + 0.0  # -0.0 is another number in a binary file
    return positive
