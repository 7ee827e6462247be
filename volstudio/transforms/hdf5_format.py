"""The bytes of an HDF5 file as objects and their messages: enough of the format for a transform, and no more.

The HDF5 library can be made to loop for ever by one wrong byte in a heap (seen with HDF5 2.0), and it follows links to other files and
loads decompressors by itself. A file that somebody sent is therefore read here: every address is held against the file, and the number
of steps is bounded.

References: HDF5 File Format Specification, versions 1 to 3 (sections are named below).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from volstudio.errors import TransformError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DAMAGED", "MAGIC", "NOWHERE", "File", "Message"]

MAGIC = b"\x89HDF\r\n\x1a\n"
NOWHERE = 0xFFFFFFFFFFFFFFFF
DAMAGED = "its HDF5 structure is truncated or damaged"
MOST_STEPS = 20_000  # a composite of a hundred transforms takes a few thousand

NIL, LINK_INFO, LINK, CONTINUATION, SYMBOL_TABLE = 0x00, 0x02, 0x06, 0x10, 0x11
SHARED = 0x02  # flag of a message that lies elsewhere


class Message(NamedTuple):
    """One message of an object header: its type, and where its body lies."""

    kind: int
    start: int
    size: int


class File:
    """Bytes of an HDF5 file behind bounds, and the number of steps that are left to take in it.

    Parameters
    ----------
    data : bytes

    Raises
    ------
    TransformError
        It is no HDF5 file with addresses of eight bytes.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = MOST_STEPS
        version = self.number(8, 1)
        sizes_at, end_at, root_at = (13, 40 + 4 * version, 64 + 4 * version) if version <= 1 else (9, 28, 36)
        if not data.startswith(MAGIC) or version > 3 or self.take(sizes_at, 2) != b"\x08\x08":
            raise TransformError("it is of a version of HDF5 that is not read, or damaged; save the transform as text (.tfm)")
        if self.number(end_at, 8) > len(data):
            raise TransformError("it is truncated: it declares more bytes than it has")
        self.root = self.number(root_at, 8)

    def take(self, start: int, size: int) -> bytes:
        """Bytes at an address, all of which must be there; a step."""
        self._left -= 1
        if self._left < 0 or start < 0 or size < 0 or start + size > len(self._data):
            raise TransformError(DAMAGED)
        return self._data[start : start + size]

    def number(self, start: int, size: int) -> int:
        """An unsigned little-endian number."""
        return int.from_bytes(self.take(start, size), "little")

    def messages(self, address: int) -> list[Message]:
        """Messages of the object header at an address ("Data Object Headers", IV.A)."""
        found: list[Message] = []
        if self.take(address, 4) == b"OHDR":
            flags = self.number(address + 5, 1)
            start = address + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
            width = 1 << (flags & 3)
            blocks = [(start + width, self.number(start, width))]
            order = 2 if flags & 4 else 0
        elif self.number(address, 1) == 1:
            blocks = [(address + 16, self.number(address + 8, 4))]
            order = None
        else:
            raise TransformError(DAMAGED)
        for start, size in blocks:  # grows while it is walked: a continuation names a further block
            for message in self._block(start, size, order):
                if message.kind == CONTINUATION:
                    more, length = struct.unpack("<2Q", self.take(message.start, 16))
                    # A block of the newer kind has a signature in front and a checksum behind.
                    blocks.append((more, length) if order is None else (more + 4, length - 8))
                elif message.kind != NIL:
                    found.append(message)
        return found

    def _block(self, start: int, size: int, order: int | None) -> Iterator[Message]:
        """Messages of one block of a header; ``order`` None: the older kind."""
        end = start + size
        head = 8 if order is None else 4 + order
        while start + head <= end:
            if order is None:
                kind, length, flags = struct.unpack("<HHB", self.take(start, 5))
            else:
                kind, length, flags = struct.unpack("<BHB", self.take(start, 4))
            if flags & SHARED:
                raise TransformError("it keeps a part of its description elsewhere, which is not read; save the transform as text (.tfm)")
            yield Message(kind, start + head, length)
            start += head + length

    def links(self, address: int) -> dict[str, int | None]:
        """Names in a group and the addresses of their objects; None: a link to elsewhere. Empty: it is no group."""
        found: dict[str, int | None] = {}
        for message in self.messages(address):
            if message.kind == SYMBOL_TABLE:
                tree, heap = struct.unpack("<2Q", self.take(message.start, 16))
                found |= self._old_links(tree, self.number(heap + 24, 8), depth=0)
            elif message.kind == LINK:
                name, target = self._link(message.start)
                found[name] = target
            elif message.kind == LINK_INFO:
                flags = self.number(message.start + 1, 1)
                heap, tree = struct.unpack("<2Q", self.take(message.start + 2 + (8 if flags & 1 else 0), 16))
                if heap != NOWHERE:
                    found |= self._dense_links(heap, tree)
        return found

    def _old_links(self, tree: int, names: int, *, depth: int) -> dict[str, int | None]:
        """Entries of a group's B-tree ("Version 1 B-trees", III.A.1; "Symbol Table", III.C)."""
        if depth > 8 or self.take(tree, 5) != b"TREE\0":
            raise TransformError(DAMAGED)
        level, used = struct.unpack("<BH", self.take(tree + 5, 3))
        found: dict[str, int | None] = {}
        for index in range(used):
            child = self.number(tree + 32 + 16 * index, 8)
            if level:
                found |= self._old_links(child, names, depth=depth + 1)
                continue
            if self.take(child, 4) != b"SNOD":
                raise TransformError(DAMAGED)
            for entry in range(self.number(child + 6, 2)):
                name, target, cache = struct.unpack("<QQI", self.take(child + 8 + 40 * entry, 20))
                found[self._name(names + name)] = None if cache == 2 else target
        return found

    def _dense_links(self, heap: int, tree: int) -> dict[str, int | None]:
        """Entries of a group of more than eight, as far as they fit one block ("Fractal Heap", III.G; "Version 2 B-trees", III.A.2).

        A record is a hash of four bytes and the entry's place in the heap: a byte of flags, an offset of four bytes, a length.
        """
        block, rows = struct.unpack("<QH", self.take(heap + 132, 10))
        width, depth, root, count = struct.unpack("<2H2xQH", self.take(tree + 10, 16))
        if self.take(heap, 4) != b"FRHP" or self.take(tree, 4) != b"BTHD":
            raise TransformError(DAMAGED)
        if rows or depth or width != 11 or self.number(heap + 128, 2) != 32 or self.number(heap + 7, 2):
            raise TransformError("it has a group of more entries than are read; save the transform as text (.tfm)")
        if self.take(root, 4) != b"BTLF":
            raise TransformError(DAMAGED)
        return dict(self._link(block + self.number(root + 6 + width * index + 5, 4)) for index in range(count))

    def _name(self, start: int) -> str:
        """A name that ends in a zero byte."""
        end = self._data.find(b"\0", start, start + 256)
        return self.take(start, end - start).decode("utf-8", errors="replace")

    def _link(self, start: int) -> tuple[str, int | None]:
        """Name and target of a link message ("The Link Message", IV.A.2.g)."""
        flags = self.number(start + 1, 1)
        at = start + 2
        kind = self.number(at, 1) if flags & 0x08 else 0
        at += (1 if flags & 0x08 else 0) + (8 if flags & 0x04 else 0) + (1 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        length = self.number(at, width)
        name = self.take(at + width, length).decode("utf-8", errors="replace")
        return name, None if kind else self.number(at + width + length, 8)
