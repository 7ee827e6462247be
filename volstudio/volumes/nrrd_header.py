"""The text of an NRRD header: its fields, checked one by one, before anything is believed.

References
----------
https://teem.sourceforge.net/nrrd/format.html: "Definition of NRRD File Format", versions NRRD0001 to NRRD0005.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from volstudio.errors import UnreadableFileError
from volstudio.volumes.integrity import check_regular
from volstudio.volumes.payload import header_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Encoding", "NrrdHeader", "parse_nrrd", "read_nrrd_header"]

Encoding = Literal["raw", "gzip", "bzip2", "text", "hex"]

MAGIC = re.compile(rb"NRRD000([1-5])\r?\n")
LARGEST = 1 << 20  # bytes of a header; diffusion headers with hundreds of directions take some 100 kB
MOST_AXES = 16  # NRRD_DIM_MAX of the reference implementation
ALIASES = {
    "blocksize": "block size",
    "sampleunits": "sample units",
    "oldmin": "old min",
    "oldmax": "old max",
    "datafile": "data file",
    "lineskip": "line skip",
    "byteskip": "byte skip",
    "axismins": "axis mins",
    "axismaxs": "axis maxs",
    "centers": "centerings",
}
TYPES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "long long int", "signed long long", "signed long long int", "int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}
ENCODINGS = {
    "raw": "raw",
    "gzip": "gzip",
    "gz": "gzip",
    "bzip2": "bzip2",
    "bz2": "bzip2",
    "ascii": "text",
    "text": "text",
    "txt": "text",
    "hex": "hex",
}


@dataclass(frozen=True, slots=True)
class NrrdHeader:
    """What an NRRD header says of its data.

    Parameters
    ----------
    path : Path
    version : int
    fields : mapping of str to str
        Names in lower case, in the form with blanks (``"data file"``).
    listed : tuple of str
        File names below ``data file: LIST``.
    end : int
        Byte behind the header, where attached data begin.
    """

    path: Path
    version: int
    fields: Mapping[str, str]
    listed: tuple[str, ...]
    end: int

    def refuse(self, wrong: str) -> UnreadableFileError:
        """Error about this file, to be raised."""
        return UnreadableFileError(f"Cannot read {str(self.path)!r}: {wrong}.")

    @property
    def sizes(self) -> tuple[int, ...]:
        """Length of each axis, the fastest first."""
        n_axes = self.whole("dimension")
        if not 1 <= n_axes <= MOST_AXES:
            raise self.refuse(f"its header gives {n_axes} dimensions; 1 to {MOST_AXES} are possible")
        sizes = self.per_axis("sizes", n_axes)
        if not all(re.fullmatch(r"\+?\d{1,18}", size) and int(size) > 0 for size in sizes):
            raise self.refuse(f"its sizes {' '.join(sizes)[:80]!r} are not positive whole numbers that a file can have")
        return tuple(int(size) for size in sizes)

    @property
    def stored(self) -> np.dtype[Any]:
        """Type of one number, with its byte order."""
        word = self.required("type").lower()
        code = next((code for code, words in TYPES.items() if word in words), None)
        if code is None:
            hint = "opaque blocks hold no numbers" if word == "block" else "is it damaged?"
            raise self.refuse(f"its data type {word[:40]!r} is not supported; {hint}")
        dtype = np.dtype(code)
        if dtype.itemsize == 1 or self.encoding in ("text", "hex"):
            # Hex digits are bytes in their order as well, but without the field the writer's order is little, as everywhere today.
            order = self.fields.get("endian", "little").lower()
        else:
            order = self.required("endian").lower()
        if order not in ("little", "big"):
            raise self.refuse(f"its byte order (endian) is {order[:40]!r}, neither little nor big")
        return dtype.newbyteorder("<" if order == "little" else ">")

    @property
    def encoding(self) -> Encoding:
        """How the data are packed."""
        word = self.required("encoding").lower()
        if word not in ENCODINGS:
            raise self.refuse(f"its encoding {word[:40]!r} is not supported; save it as raw or gzip")
        return cast("Encoding", ENCODINGS[word])

    def required(self, field: str) -> str:
        """Text of a field that every header must have."""
        if field not in self.fields:
            raise self.refuse(f"its header has no field {field!r}, without which its voxels cannot be understood")
        return self.fields[field]

    def whole(self, field: str, default: int | None = None) -> int:
        """A field that holds one whole number."""
        text = self.required(field) if default is None else self.fields.get(field, str(default))
        if not re.fullmatch(r"[+-]?\d{1,18}", text):
            raise self.refuse(f"its field {field!r} is {text[:40]!r}, not a whole number")
        return int(text)

    def per_axis(self, field: str, n_axes: int) -> list[str]:
        """Words of a field that has one for each axis."""
        words = self.required(field).split()
        if len(words) != n_axes:
            raise self.refuse(f"its field {field!r} has {len(words)} entries for {n_axes} dimensions")
        return words

    def numbers(self, field: str, n_axes: int) -> list[float]:
        """Numbers of a field that has one for each axis; NaN where the header says that it does not know."""
        if field not in self.fields:
            return [float("nan")] * n_axes
        try:
            return [float(word) for word in self.per_axis(field, n_axes)]
        except ValueError:
            raise self.refuse(f"its field {field!r} holds {self.fields[field][:80]!r}, which are not numbers") from None


def read_nrrd_header(path: Path) -> NrrdHeader:
    """Header of a file, which may be a header alone.

    Raises
    ------
    UnreadableFileError
        It is no NRRD header, or a damaged one.
    """
    check_regular(path)
    with path.open("rb") as file:
        return parse_nrrd(file.read(LARGEST), path)


def parse_nrrd(head: bytes, path: Path) -> NrrdHeader:
    """Header from the first bytes of a file.

    Raises
    ------
    UnreadableFileError
        As `read_nrrd_header`.
    """
    magic = MAGIC.match(head)
    if magic is None:
        raise UnreadableFileError(
            f"Cannot read {str(path)!r}: it does not begin as an NRRD file does (NRRD0001 to NRRD0005); "
            "another format, damaged, or packed as a whole: unpack it first."
        )
    blank = re.search(rb"\n\r?\n", head)
    if blank is None and len(head) >= LARGEST:
        raise UnreadableFileError(f"Cannot read {str(path)!r}: its NRRD header does not end within {LARGEST} bytes; it is damaged.")
    end = len(head) if blank is None else blank.end()
    fields: dict[str, str] = {}
    listed: list[str] = []
    for line in header_text(head[magic.end() : end], path, "NRRD").splitlines():
        if fields.get("data file", "").upper().startswith("LIST"):
            listed += [line.strip()] if line.strip() else []
            continue
        _note(line, fields, path)
    return NrrdHeader(path, int(magic[1]), fields, tuple(listed), end)


def _note(line: str, fields: dict[str, str], path: Path) -> None:
    """Put the field of a line among the others; comments and key/value pairs are no fields."""
    text = line.strip()
    if not text or text.startswith("#"):
        return
    name, colon, value = text.partition(":")
    if not colon:
        raise UnreadableFileError(f"Cannot read {str(path)!r}: the line {text[:60]!r} of its NRRD header is no field; it is damaged.")
    if value.startswith("="):
        return
    key = ALIASES.get(name.strip().lower(), name.strip().lower())
    if fields.setdefault(key, value.strip()) != value.strip():
        raise UnreadableFileError(f"Cannot read {str(path)!r}: its NRRD header gives the field {key[:40]!r} twice, with different values.")
