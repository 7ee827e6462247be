"""Small arrays and attributes of an HDF5 file: numbers and texts that lie in the file itself."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from volstudio.errors import TransformError
from volstudio.transforms.hdf5_format import DAMAGED, NOWHERE, File

if TYPE_CHECKING:
    from volstudio.transforms.hdf5_format import Message

__all__ = ["Kind", "attributes", "kind_of", "shape_of", "text_of", "values_of"]

SPACE, DATATYPE, EXTERNAL, LAYOUT, FILTERS, ATTRIBUTE = 0x01, 0x03, 0x07, 0x08, 0x0B, 0x0C
MOST_BYTES = 1 << 16
DEFLATE, SHUFFLE, FLETCHER32 = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Kind:
    """Type of the values: numbers with a numpy type, or texts, of fixed size or in the file's heap."""

    size: int
    numbers: np.dtype[Any] | None = None
    in_heap: bool = False


def kind_of(file: File, start: int) -> Kind | None:
    """The type at an address; None: neither numbers nor texts ("The Datatype Message", IV.A.2.d)."""
    first, bits, _, _, size = struct.unpack("<4BI", file.take(start, 8))
    family = first & 0x0F
    if family in (0, 1) and size in (1, 2, 4, 8) and not (family == 1 and size == 1):
        letter = "f" if family == 1 else "i" if bits & 8 else "u"
        return Kind(size, np.dtype(f"{'>' if bits & 1 else '<'}{letter}{size}"))
    if family == 3:
        return Kind(size)
    return Kind(16, in_heap=True) if family == 9 and bits & 0x0F == 1 and size == 16 else None


def shape_of(file: File, start: int) -> tuple[int, ...]:
    """The shape at an address ("The Dataspace Message", IV.A.2.b)."""
    version, rank = struct.unpack("<BB", file.take(start, 2))
    if version not in (1, 2) or rank > 8:
        raise TransformError(DAMAGED)
    return struct.unpack(f"<{rank}Q", file.take(start + (8 if version == 1 else 4), 8 * rank))


def values_of(file: File, address: int, *, most: int) -> tuple[Kind, tuple[int, ...], bytes] | None:
    """Type, shape and bytes of the array at an address; None: there is no array of numbers or texts.

    Raises
    ------
    TransformError
        It is damaged, lies in another file, or holds more than ``most`` values.
    """
    parts: dict[int, Message] = {message.kind: message for message in file.messages(address)}
    if not {SPACE, DATATYPE, LAYOUT} <= set(parts):
        return None
    kind, shape = kind_of(file, parts[DATATYPE].start), shape_of(file, parts[SPACE].start)
    if kind is None:
        return None
    if prod(shape) > most:
        raise TransformError(f"it holds an array of {prod(shape)} numbers, too many for a linear transform; non-linear warps are not read")
    layout = parts[LAYOUT].start
    version, how = struct.unpack("<BB", file.take(layout, 2))
    if EXTERNAL in parts or how == 3:
        raise TransformError("it keeps an array in another file, which is not followed")
    size = prod(shape) * kind.size
    if size > MOST_BYTES or version not in (3, 4) or how > 2 or (how == 2 and version == 4):
        raise TransformError("it keeps an array in a way that is not read; save the transform as text (.tfm)")
    if how == 0:
        return kind, shape, file.take(layout + 4, size)
    if how == 1:
        return kind, shape, file.take(file.number(layout + 2, 8), size) if size else b""
    filters = _filters(file, parts[FILTERS].start) if FILTERS in parts else []
    return kind, shape, _chunked(file, layout, shape, kind.size, filters)


def attributes(file: File, address: int) -> dict[str, str]:
    """Names and values of an object's texts; other attributes are left out ("The Attribute Message", IV.A.2.m)."""
    found = {}
    for message in file.messages(address):
        if message.kind != ATTRIBUTE:
            continue
        version, _, *sizes = struct.unpack("<BB3H", file.take(message.start, 8))
        if version not in (1, 2, 3):
            raise TransformError(DAMAGED)
        at = message.start + (9 if version == 3 else 8)
        places = []
        for size in sizes:
            places.append(at)
            at += -(-size // 8) * 8 if version == 1 else size
        name = file.take(places[0], sizes[0]).split(b"\0")[0].decode("utf-8", errors="replace")
        kind = kind_of(file, places[1])
        if kind is not None and kind.numbers is None and prod(shape_of(file, places[2])) == 1:
            found[name] = text_of(file, kind, file.take(at, kind.size))
    return found


def text_of(file: File, kind: Kind, stored: bytes) -> str:
    """One text, of fixed size or from a heap ("Global Heap", III.E)."""
    if kind.in_heap:
        length, heap, wanted = struct.unpack("<IQI", stored)
        end = heap + file.number(heap + 8, 8) if file.take(heap, 4) == b"GCOL" else 0
        at = heap + 16
        while at + 16 <= end:
            index, _, _, size = struct.unpack("<HHIQ", file.take(at, 16))
            if index == wanted:
                stored = file.take(at + 16, min(length, size))
                break
            at += 16 + -(-size // 8) * 8
        else:
            raise TransformError(DAMAGED)
    return stored.split(b"\0")[0].decode("utf-8", errors="replace")


def _filters(file: File, start: int) -> list[tuple[int, int]]:
    """Filters in the order in which they were applied, each with its first parameter ("The Filter Pipeline Message", IV.A.2.l)."""
    version, count = struct.unpack("<BB", file.take(start, 2))
    at = start + (8 if version == 1 else 2)
    found = []
    for _ in range(count):
        number = file.number(at, 2)
        named = version == 1 or number >= 256
        name = file.number(at + 2, 2) if named else 0
        at += 4 if named else 2
        parameters = file.number(at + 2, 2)
        at += 4 + (-(-name // 8) * 8 if version == 1 else name)
        found.append((number, file.number(at, 4) if parameters else 0))
        at += 4 * (parameters + (parameters % 2 if version == 1 else 0))
    return found


def _chunked(file: File, layout: int, shape: tuple[int, ...], width: int, filters: list[tuple[int, int]]) -> bytes:
    """Bytes of an array that is kept in chunks, in a B-tree of one level ("Version 1 B-trees", III.A.1)."""
    rank = file.number(layout + 2, 1) - 1
    tree = file.number(layout + 3, 8)
    chunk = struct.unpack(f"<{rank}I", file.take(layout + 11, 4 * rank))
    if rank != len(shape) or tree == NOWHERE or not 0 < prod(chunk) * width <= MOST_BYTES or file.take(tree, 6) != b"TREE\1\0":
        raise TransformError(DAMAGED)
    whole = np.zeros(shape, dtype=f"V{width}")
    key = 8 + 8 * (rank + 1)
    for index in range(file.number(tree + 6, 2)):
        at = tree + 24 + index * (key + 8)
        size, mask, *offset = struct.unpack(f"<2I{rank}Q", file.take(at, 8 + 8 * rank))
        stored = file.take(file.number(at + key, 8), size)
        for place, (number, parameter) in reversed(list(enumerate(filters))):
            stored = stored if mask >> place & 1 else _unfiltered(stored, number, parameter)
        block = np.frombuffer(stored[: prod(chunk) * width], dtype=f"V{width}").reshape(chunk)
        room = tuple(slice(first, first + step) for first, step in zip(offset, chunk, strict=True))
        whole[room] = block[tuple(slice(0, part) for part in whole[room].shape)]
    return whole.tobytes()


def _unfiltered(stored: bytes, number: int, parameter: int) -> bytes:
    """Bytes before one of HDF5's own filters."""
    if number == DEFLATE:
        return zlib.decompressobj().decompress(stored, MOST_BYTES)
    if number == SHUFFLE and parameter and len(stored) % parameter == 0:
        return np.frombuffer(stored, np.uint8).reshape(parameter, -1).T.tobytes()
    if number == FLETCHER32:
        return stored[:-4]
    raise TransformError(f"it is packed by the filter {number}, which is not read; save the transform as text (.tfm)")
