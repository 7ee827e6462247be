"""Bytes of a file, unpacked where it is packed, and checked on the way.

Most readers of the field take what zlib gives and never look at the checksum: a truncated or damaged ``.nii.gz`` then shows wrong voxels
without a word. Here every member of a gzip or bzip2 file is checked to its end, and nothing larger than what was asked for is unpacked.
"""

from __future__ import annotations

import bz2
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

from volstudio.errors import UnreadableFileError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

__all__ = ["ByteStream", "Packing", "Tail", "packing_of", "room_in"]

Packing = Literal["", "gzip", "bzip2", "zlib"]

INPUT = 1 << 17
OUTPUT = 1 << 20
TAIL_LIMIT = 16 << 20  # bytes behind the voxels that are unpacked to reach the checksum; a longer tail is a bomb or junk
MOST_PER_BYTE = 1032  # deflate cannot expand further
GZIP, BZIP2 = b"\x1f\x8b", b"BZh"


@dataclass(frozen=True, slots=True)
class Tail:
    """What stood behind the last byte that was wanted.

    Parameters
    ----------
    extra : bool
        Whether there was anything.
    verified : bool
        Whether the checksum was reached and is right (always so for a file that is not packed).
    """

    extra: bool
    verified: bool


def packing_of(head: bytes) -> Packing:
    """How a file is packed, from its first bytes; the name is not asked."""
    if head.startswith(GZIP):
        return "gzip"
    return "bzip2" if head.startswith(BZIP2) else ""


def room_in(packing: Packing, size: int) -> int | None:
    """Most bytes that a packed file of ``size`` bytes can hold; None where the packing has no such bound."""
    if packing == "bzip2":
        return None
    return size * MOST_PER_BYTE if packing else size


class ByteStream:
    """A file read once from front to back, unpacked and checked.

    Parameters
    ----------
    path : Path
        A regular file (see `volstudio.volumes.integrity.check_regular`).
    offset : int
        Byte of the file to begin at, for formats that pack their voxels behind a plain header.
    packing : "", "gzip", "bzip2", "zlib" or None
        None: as the first bytes say, which know all but zlib.

    Raises
    ------
    UnreadableFileError
        From any method: the packed data are damaged or end too early.
    """

    def __init__(self, path: Path, *, offset: int = 0, packing: Packing | None = None) -> None:
        self.path = path
        try:
            self._file = path.open("rb", buffering=0)
        except OSError as error:
            raise UnreadableFileError(f"Cannot open {str(path)!r}: {(error.strerror or str(error)).lower()}.") from error
        self._file.seek(offset)
        self._pending = self._file.read(INPUT)
        self.packing: Packing = packing_of(self._pending) if packing is None else packing
        self._engine: Any = _engine(self.packing)
        self._ended = False
        self._junk = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def read(self, count: int) -> bytes:
        """Next ``count`` bytes, fewer at the end."""
        parts = []
        while count > 0 and (part := self._some(min(count, OUTPUT))):
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def fill(self, view: memoryview) -> int:
        """Fill a writable view of bytes; the number of bytes filled is smaller than the view only at the end of the data."""
        done = 0
        while done < len(view) and (part := self._some(min(len(view) - done, OUTPUT))):
            view[done : done + len(part)] = part
            done += len(part)
        return done

    def finish(self) -> Tail:
        """Go on to the end, within reason, so that the checksum is tested."""
        extra = 0
        while not self._ended and extra <= TAIL_LIMIT and (part := self._some(OUTPUT)):
            extra += len(part)
            if not self.packing:
                break
        return Tail(extra > 0 or self._junk, self._ended or not self.packing)

    def _some(self, most: int) -> bytes:
        """Between 1 and ``most`` bytes, none at the end."""
        if self._engine is None:
            part, self._pending = self._pending[:most], self._pending[most:]
            return part or self._file.read(most)
        while not self._ended:
            if self._engine.eof:
                self._next_member()
                continue
            part = self._unpack(most)
            if part:
                return part
            if not self._engine.eof and not self._pending:
                self._pending = self._file.read(INPUT)
                if not self._pending and not self._unpack_flush_possible():
                    raise self._damage("it is truncated: the compressed data end too early")
        return b""

    def _unpack(self, most: int) -> bytes:
        try:
            part: bytes = self._engine.decompress(self._pending, most)
        except (zlib.error, OSError) as error:
            raise self._damage(f"its {self.packing} data are corrupt (checksum or structure wrong: {error})") from error
        self._pending = b"" if self.packing == "bzip2" else self._engine.unconsumed_tail
        return part

    def _unpack_flush_possible(self) -> bool:
        """Whether bzip2 still holds output that needs no more input; zlib hands all of its own out."""
        return self.packing == "bzip2" and not self._engine.needs_input

    def _next_member(self) -> None:
        """Start on the next member of the file, or note that what follows is no member."""
        rest: bytes = self._engine.unused_data
        rest = (rest + self._file.read(INPUT)).lstrip(b"\0") if len(rest) < INPUT else rest.lstrip(b"\0")
        if packing_of(rest) == self.packing:
            self._engine, self._pending = _engine(self.packing), rest
        else:
            self._ended, self._junk = True, bool(rest)

    def _damage(self, what: str) -> UnreadableFileError:
        return UnreadableFileError(f"Cannot read {str(self.path)!r}: {what}; copy or download it again.")


def _engine(packing: Packing) -> Any:  # noqa: ANN401 - two unrelated classes of the standard library with like methods
    if packing in ("gzip", "zlib"):
        return zlib.decompressobj(wbits=31 if packing == "gzip" else 15)  # 31: gzip with its own header and checksum; 15: zlib with its own
    return bz2.BZ2Decompressor() if packing == "bzip2" else None
