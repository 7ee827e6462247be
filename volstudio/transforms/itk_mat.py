"""ITK's binary transforms (.mat): what ``antsRegistration`` leaves as ``0GenericAffine.mat``.

Two MATLAB version 4 matrices: one that bears the name of an ITK class and holds its parameters, one named ``fixed`` with its fixed
parameters, the centre. ITK's own reader takes no others, and has no place for a remark. Direction and axes are those of ITK text.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from volstudio.errors import TransformError
from volstudio.geometry.conventions import ras_to_lps
from volstudio.transforms.dialect import Dialect, Ends
from volstudio.transforms.itk import Block, compose, kind_of
from volstudio.transforms.text import sensible

if TYPE_CHECKING:
    from volstudio.geometry.affine import FloatArray

__all__ = ["ITK_MAT"]

HEAD = 20  # bytes: type, rows, columns, imaginary flag, length of the name
MOST_NUMBERS, LONGEST_NAME = 64, 256
# MATLAB's "MOPT" type: thousands tell the byte order, tens the precision.
PRECISIONS = {0: "f8", 10: "f4"}
AFFINE = b"AffineTransform_double_3_3"


def read(data: bytes, ends: Ends) -> FloatArray:  # noqa: ARG001 - ITK's files need no image
    """Fixed -> moving points, RAS mm, of an ITK binary file; see `Dialect.read`."""
    blocks: list[Block] = []
    place = 0
    while place < len(data):
        name, values, place = _variable(data, place)
        if name != "fixed":
            blocks.append(Block(kind_of(name), values, []))
        elif blocks:
            blocks[-1].fixed.extend(values)
        else:
            raise TransformError("it begins with the fixed parameters of no transform; is it damaged?")
    if any(block.kind == "CompositeTransform" for block in blocks):
        raise TransformError("it holds a Composite, of which ITK writes only the last part into a .mat; save it as .tfm or .h5")
    return compose(blocks)


def write(matrix: FloatArray, ends: Ends) -> bytes:  # noqa: ARG001 - the format has no place for a remark
    """An AffineTransform with its centre at zero; see `Dialect.write`."""
    lps = ras_to_lps(matrix)
    parameters = np.concatenate([lps[:3, :3].ravel(), lps[:3, 3]])
    return _stored(AFFINE, parameters) + _stored(b"fixed", np.zeros(3))


def recognises(data: bytes) -> bool:
    """Whether the content begins with a MATLAB 4 matrix that bears the name of a transform."""
    try:
        _, _, _, length = _head(data, 0)
    except TransformError:
        return False
    return b"Transform" in data[HEAD : HEAD + length]


def _head(data: bytes, place: int) -> tuple[np.dtype[np.floating], int, int, int]:
    """Type of the numbers, how many there are, whether they are complex, and the length of the name."""
    if len(data) - place < HEAD:
        raise TransformError("it is truncated")
    for order, thousands in (("<", 0), (">", 1000)):
        kind, rows, columns, imaginary, length = struct.unpack_from(f"{order}5i", data, place)
        precision = PRECISIONS.get(kind - thousands - (kind - thousands) % 10)
        if precision and 0 <= rows <= MOST_NUMBERS and 0 <= columns <= 1 and 0 < length <= LONGEST_NAME:
            return np.dtype(order + precision), rows * columns, imaginary, length
    raise TransformError("it has no head of a MATLAB 4 matrix in its place, a column of numbers; is it damaged?")


def _variable(data: bytes, place: int) -> tuple[str, list[float], int]:
    """Name and numbers of the matrix at a place, and where the next one begins."""
    dtype, count, imaginary, length = _head(data, place)
    start = place + HEAD + length
    stop = start + count * dtype.itemsize
    if stop > len(data):
        raise TransformError("it is truncated: it ends before its last number")
    if imaginary:
        raise TransformError("it holds complex numbers; is it damaged?")
    values = np.frombuffer(data[start:stop], dtype).astype(np.float64)
    if not np.isfinite(values).all():
        raise TransformError("it holds NaN or infinity, which are not finite numbers; make the transform again")
    name = data[place + HEAD : start].split(b"\0")[0].decode("ascii", errors="replace")
    return name, [sensible(float(value)) for value in values], stop


def _stored(name: bytes, values: FloatArray) -> bytes:
    """A column of doubles as a little-endian MATLAB 4 matrix."""
    return struct.pack("<5i", 0, len(values), 1, 0, len(name) + 1) + name + b"\0" + values.astype("<f8").tobytes()


ITK_MAT = Dialect("itk-mat", "ITK binary", (".itk.mat", "genericaffine.mat"), recognises, read, write, names_itself=recognises)
