"""The text of a MetaImage header, and where it puts its voxels.

References
----------
https://itk.org/Wiki/ITK/MetaIO/Documentation. Where that text leaves a doubt, what ITK does is taken, whose library defines the format:
each row of ``TransformMatrix`` is the direction of one axis in LPS, ``Offset`` the centre of the first voxel, ``CenterOfRotation`` plays
no part, and values are shown as stored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from volstudio.errors import UnreadableFileError
from volstudio.volumes.integrity import check_regular
from volstudio.volumes.payload import header_text
from volstudio.volumes.units import unit_scale
from volstudio.volumes.volume import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from volstudio.geometry.affine import FloatArray

__all__ = ["MetaHeader", "MetaPlace", "meta_place", "parse_meta", "read_meta_header"]

LARGEST = 1 << 20
LAST = re.compile(rb"^[ \t]*ElementDataFile[ \t]*[=:][^\n]*(\n|\Z)", re.MULTILINE)
TYPES = {
    "MET_CHAR": "i1",
    "MET_ASCII_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
SYNONYMS = {
    "transformmatrix": ("transformmatrix", "rotation", "orientation"),
    "offset": ("offset", "position", "origin"),
    "elementspacing": ("elementspacing", "elementsize"),
    "msb": ("binarydatabyteordermsb", "elementbyteordermsb"),
}
# A letter names the side from which an axis comes: in "RAI" x comes from the right, y from the front, z from below, which is LPS.
LETTERS = {"r": (1, 0, 0), "l": (-1, 0, 0), "a": (0, 1, 0), "p": (0, -1, 0), "i": (0, 0, 1), "s": (0, 0, -1)}


@dataclass(frozen=True, slots=True)
class MetaHeader:
    """What a MetaImage header says.

    Parameters
    ----------
    path : Path
    fields : mapping of str to str
        Names in lower case.
    listed : tuple of str
        File names below ``ElementDataFile = LIST``.
    end : int
        Byte behind the header, where local data begin.
    """

    path: Path
    fields: Mapping[str, str]
    listed: tuple[str, ...]
    end: int

    def refuse(self, wrong: str) -> UnreadableFileError:
        """Error about this file, to be raised."""
        return UnreadableFileError(f"Cannot read {str(self.path)!r}: {wrong}.")

    def text(self, field: str) -> str | None:
        """Text of a field under any of its names."""
        return next((self.fields[name] for name in SYNONYMS.get(field, (field,)) if name in self.fields), None)

    def flag(self, field: str, *, default: bool) -> bool:
        """A field that says True or False."""
        text = (self.text(field) or str(default)).lower()
        if text not in ("true", "false", "1", "0", "t", "f"):
            raise self.refuse(f"its field {field!r} is {text[:40]!r}, neither True nor False")
        return text[0] in "t1"

    def whole(self, field: str, default: int | None = None) -> int:
        """A field that holds one whole number."""
        text = self.text(field)
        if text is None and default is not None:
            return default
        if text is None or not re.fullmatch(r"[+-]?\d{1,18}", text):
            raise self.refuse(f"its field {field!r} is {(text or 'missing')[:40]!r}, not a whole number")
        return int(text)

    def numbers(self, field: str, count: int) -> FloatArray | None:
        """Numbers of a field; None where it is missing."""
        text = self.text(field)
        if text is None:
            return None
        try:
            numbers = np.array([float(word) for word in text.split()])
        except ValueError:
            raise self.refuse(f"its field {field!r} holds {text[:80]!r}, which are not numbers") from None
        if len(numbers) != count:
            raise self.refuse(f"its field {field!r} has {len(numbers)} numbers, not {count}")
        if not np.isfinite(numbers).all():
            raise self.refuse(f"its field {field!r} holds NaN or infinity, which is not finite")
        return numbers

    @property
    def sizes(self) -> tuple[int, ...]:
        """Length of each axis, the fastest first."""
        n_axes = self.whole("ndims")
        if not 2 <= n_axes <= 4:
            raise self.refuse(f"it has {n_axes} dimensions (NDims); a slice has 2, a volume 3, a series 4")
        words = (self.text("dimsize") or "").split()
        if len(words) != n_axes or not all(re.fullmatch(r"\+?\d{1,18}", word) and int(word) > 0 for word in words):
            raise self.refuse(f"its size (DimSize) {' '.join(words)[:80]!r} is not {n_axes} positive whole numbers that a file can have")
        return tuple(int(word) for word in words)

    @property
    def stored(self) -> np.dtype[Any]:
        """Type of one number, with its byte order."""
        word = (self.text("elementtype") or "").upper().removesuffix("_ARRAY")
        if word not in TYPES:
            raise self.refuse(f"its data type (ElementType) {word[:40]!r} is not supported")
        return np.dtype(TYPES[word]).newbyteorder(">" if self.flag("msb", default=False) else "<")


@dataclass(frozen=True, slots=True)
class MetaPlace:
    """Placement of a MetaImage: voxel -> world mm (RAS+), whether the file states its sides, and what to say."""

    matrix: FloatArray
    known: bool
    findings: tuple[Finding, ...]


def read_meta_header(path: Path) -> MetaHeader:
    """Header of a file, which may be a header alone.

    Raises
    ------
    UnreadableFileError
        It is no MetaImage header, or a damaged one.
    """
    check_regular(path)
    with path.open("rb") as file:
        return parse_meta(file.read(LARGEST), path)


def parse_meta(head: bytes, path: Path) -> MetaHeader:
    """Header from the first bytes of a file.

    Raises
    ------
    UnreadableFileError
        As `read_meta_header`.
    """
    last = LAST.search(head)
    if last is None:
        raise UnreadableFileError(
            f"Cannot read {str(path)!r}: it has no MetaImage header that ends in ElementDataFile; truncated, or another format."
        )
    fields: dict[str, str] = {}
    for line in header_text(head[: last.end()], path, "MetaImage").splitlines():
        name, equals, value = line.partition("=" if "=" in line else ":")
        key = name.strip().lower()
        if not line.strip():
            continue
        if not equals:
            raise UnreadableFileError(f"Cannot read {str(path)!r}: the line {line.strip()[:60]!r} of its MetaImage header is no field.")
        if fields.setdefault(key, value.strip()) != value.strip():
            raise UnreadableFileError(
                f"Cannot read {str(path)!r}: its MetaImage header gives {name.strip()[:40]!r} twice, with different values."
            )
    if fields.get("objecttype", "image").lower() != "image":
        raise UnreadableFileError(
            f"Cannot read {str(path)!r}: it is a MetaIO object of the type {fields['objecttype'][:40]!r}, not an image."
        )
    if "elementdatafile" not in fields:
        raise UnreadableFileError(f"Cannot read {str(path)!r}: the line ElementDataFile of its MetaImage header is damaged.")
    listed: tuple[str, ...] = ()
    if fields["elementdatafile"].upper().startswith("LIST"):
        listed = tuple(line.strip() for line in header_text(head[last.end() :], path, "MetaImage").splitlines() if line.strip())
    return MetaHeader(path, fields, listed, last.end())


def meta_place(header: MetaHeader) -> MetaPlace:
    """Placement that a header gives.

    Raises
    ------
    UnreadableFileError
        It can place nothing, or ties space and time together.
    """
    n_axes = len(header.sizes)
    n_space = min(n_axes, 3)
    directions, known, found = _directions(header, n_axes, n_space)
    matrix = np.eye(4)
    matrix[:n_space, :n_space] = directions
    spacing = header.numbers("elementspacing", n_axes)
    if spacing is None:
        text = "The header gives no voxel size (ElementSpacing); 1 mm is taken. Do not measure on it."
        found = (*found, Finding("voxel-size-unknown", text, "warning"))
    else:
        with np.errstate(over="ignore"):  # looked at below
            matrix[:3, :n_space] *= np.abs(spacing[:n_space])
    offset = header.numbers("offset", n_axes)
    if offset is None:
        text = "The header gives no position of the first voxel (Offset); 0, 0, 0 is taken, so that it may lie in the wrong place."
        found = (*found, Finding("origin-unknown", text, "warning"))
    else:
        matrix[:n_space, 3] = offset[:n_space]
    scale, said = unit_scale(header.text("distanceunits") or "")
    with np.errstate(over="ignore", invalid="ignore"):
        matrix[:3] = np.diag([-scale, -scale, scale]) @ matrix[:3]
    if not np.isfinite(matrix).all():
        raise header.refuse("its voxel size or position is beyond all numbers")
    stretch = np.linalg.svd(matrix[:3, :3], compute_uv=False)
    if not stretch[2] > 1e-9 * stretch[0]:
        raise header.refuse("its TransformMatrix or ElementSpacing is singular: it flattens the volume")
    return MetaPlace(matrix, known, (*found, *said, *_centre(header, n_axes)))


def _directions(header: MetaHeader, n_axes: int, n_space: int) -> tuple[FloatArray, bool, tuple[Finding, ...]]:
    """Directions of the axes of space in LPS, as columns; whether the file states them; what to say."""
    stated = header.numbers("transformmatrix", n_axes * n_axes)
    if stated is not None:
        rows = stated.reshape(n_axes, n_axes)
        if n_axes == 4 and (rows[3, :3].any() or rows[:3, 3].any()):
            raise header.refuse("one of its axes runs in space and in time at once (TransformMatrix), which volstudio cannot show")
        if n_axes == 2:
            return (
                rows.T,
                False,
                (Finding("orientation-unknown", "This is a single slice; where it lies in the patient is not stated.", "warning"),),
            )
        return rows[:3, :3].T, True, ()
    letters = (header.text("anatomicalorientation") or "").lower()
    if n_space == 3 and len(letters) >= 3 and _is_frame(letters[:3]):
        columns = np.array([LETTERS[letter] for letter in letters[:3]], dtype=np.float64).T
        text = f"No TransformMatrix is given; the axes follow AnatomicalOrientation ({letters[:3].upper()})."
        return columns, True, (Finding("orientation-from-letters", text, "info"),)
    text = "Left and right are not stated (no TransformMatrix); LPS axes are taken, as ITK does. Compare with another scan."
    return np.eye(n_space), False, (Finding("orientation-unknown", text, "warning"),)


def _is_frame(letters: str) -> bool:
    """Whether three letters name three different axes."""
    return all(letter in LETTERS for letter in letters) and abs(np.linalg.det([LETTERS[letter] for letter in letters])) > 0.5


def _centre(header: MetaHeader, n_axes: int) -> tuple[Finding, ...]:
    centre = header.numbers("centerofrotation", n_axes)
    if centre is None or not centre.any():
        return ()
    shown = " ".join(f"{number:g}" for number in centre)
    text = f"The header gives a CenterOfRotation ({shown}); like ITK, volstudio takes Offset as the first voxel's place and leaves it out."
    return (Finding("centre-of-rotation-unused", text, "warning"),)
