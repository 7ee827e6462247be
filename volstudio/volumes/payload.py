"""Voxels behind a header of another format: where they lie, in which order, and the array they become.

The formats of this field differ in their words, not in their bytes: a block, packed or not, of axes that run from the fastest to the
slowest. Here the block is held against its file and the memory before it is read or unpacked, and its axes are brought into the house's
order (i, j, k[, t]) without a copy.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from volstudio.errors import UnreadableFileError
from volstudio.volumes.integrity import check_memory, check_regular, in_words
from volstudio.volumes.packing import ByteStream, Packing, room_in
from volstudio.volumes.plain_voxels import plain_voxels
from volstudio.volumes.series import IN_MEMORY, PackedSeries, RawArray, fill_voxels
from volstudio.volumes.stored import STREAMED, skip
from volstudio.volumes.volume import Finding

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Payload", "beside", "check_room", "header_text", "in_order", "open_payload", "payload_bytes"]

LARGEST_NAME = 255  # bytes, of one file in any file system


@dataclass(frozen=True, slots=True)
class Payload:
    """A block of voxels in a file.

    Parameters
    ----------
    path : Path
    offset : int
        Byte at which the (packed) block begins.
    packing : "", "gzip", "bzip2", "zlib"
    dims : tuple of int
        Length of each axis, the fastest first; all positive.
    stored : numpy dtype
        With its byte order.
    order : tuple of int
        Which axis becomes i, j, k and, where there is one, t; the others are of length 1.
    skipped : int
        Bytes of the unpacked block that stand before the voxels.
    """

    path: Path
    offset: int
    packing: Packing
    dims: tuple[int, ...]
    stored: np.dtype[Any]
    order: tuple[int, ...]
    skipped: int = 0

    @property
    def n_bytes(self) -> int:
        """Bytes of all voxels."""
        return math.prod(self.dims) * self.stored.itemsize


def open_payload(payload: Payload, memory_limit: int | None, header: Path) -> tuple[RawArray, tuple[Finding, ...]]:
    """(i, j, k[, t]) voxels as stored: read where the block is plain, unpacked and checked where it is packed.

    Parameters
    ----------
    payload : Payload
    memory_limit : int or None
        Bytes that unpacked voxels may take; None: what is free.
    header : Path
        File that declares the block, for messages.

    Raises
    ------
    UnreadableFileError
        The file holds less than is declared, is damaged, or its voxels do not fit.
    """
    check_room(payload, header)
    if not payload.packing:
        return _plain(payload, memory_limit, header), ()
    streamed = payload.order == tuple(range(4)) and len(payload.dims) == 4 and payload.n_bytes > STREAMED
    if not streamed or payload.n_bytes <= IN_MEMORY:
        check_memory(header, payload.n_bytes, memory_limit)
    stream = ByteStream(payload.path, offset=payload.offset, packing=payload.packing)
    try:
        skip(stream, payload.skipped)
        if streamed:
            series = PackedSeries(stream, payload.dims, payload.stored)
            series[..., 0]
            text = (
                f"Only the first volume of this packed series ({in_words(payload.n_bytes)}) has been unpacked; "
                "the checksum of the file is tested when its last volume is read."
            )
            return series, (Finding("not-yet-verified", text, "info"),)
        voxels: NDArray[Any] = np.empty(payload.dims, payload.stored, order="F")
        fill_voxels(stream, voxels)
        tail = stream.finish()
        stream.close()
    except BaseException:
        stream.close()
        raise
    if not tail.extra:
        return in_order(voxels, payload.order), ()
    text = "There are more bytes behind the voxels; they are ignored." + (
        "" if tail.verified else " The checksum behind them was not tested."
    )
    return in_order(voxels, payload.order), (Finding("trailing-data", text, "warning"),)


def _plain(payload: Payload, memory_limit: int | None, header: Path) -> RawArray:
    """Unpacked voxels; of axes in another order than the file's, all at once."""
    start = payload.offset + payload.skipped
    long = [axis for axis in payload.order if payload.dims[axis] > 1]
    if long == sorted(long):
        shape = tuple(payload.dims[axis] for axis in payload.order)
        return plain_voxels(payload.path, payload.stored, start, (*shape, *(1,) * (3 - len(shape))), memory_limit)
    check_memory(header, payload.n_bytes, memory_limit)
    dims = (*payload.dims, *(1,) * (3 - len(payload.dims)))
    block = plain_voxels(payload.path, payload.stored, start, (*dims[:2], math.prod(dims[2:])), memory_limit)
    return in_order(np.asarray(block[...]).reshape(payload.dims, order="F"), payload.order)


def check_room(payload: Payload, header: Path) -> None:
    """Refuse a block that declares more than its file can hold, before anything is allocated.

    Raises
    ------
    UnreadableFileError
        As said.
    """
    size = check_regular(payload.path).st_size
    held = max(size - payload.offset, 0)
    room = room_in(payload.packing, held)
    needed = payload.skipped + payload.n_bytes
    if room is None or needed <= room:
        return
    dims = " x ".join(map(str, payload.dims))
    what = f"its header declares {dims} voxels of {payload.stored.itemsize} bytes ({in_words(needed)})"
    if payload.packing:
        raise UnreadableFileError(
            f"Cannot read {str(header)!r}: {what}, more than {in_words(held)} of {payload.packing} data can hold; "
            "it is truncated or not genuine."
        )
    where = "the file" if payload.path == header else f"its data file {payload.path.name!r}"
    raise UnreadableFileError(f"Cannot read {str(header)!r}: {what}, {where} holds {in_words(held)} of them; it is truncated.")


def payload_bytes(path: Path, offset: int, most: int) -> bytes:
    """Plain bytes from an offset to the end of a file.

    Raises
    ------
    UnreadableFileError
        There are more than ``most`` of them.
    """
    size = check_regular(path).st_size
    if size - offset > most:
        raise UnreadableFileError(
            f"Cannot read {str(path)!r}: its text holds {in_words(size - offset)}, more than voxels of the declared size can take as text."
        )
    with ByteStream(path, offset=offset, packing="") as stream:
        return stream.read(most)


def in_order(voxels: NDArray[Any], order: tuple[int, ...]) -> NDArray[Any]:
    """View of a block with its axes as i, j, k[, t]; axes that are not named have length 1 and go, missing ones of the first three come.

    >>> in_order(np.zeros((3, 1, 4, 5, 6)), (2, 3, 4, 0)).shape
    (4, 5, 6, 3)
    >>> in_order(np.zeros((4, 5)), (0, 1)).shape
    (4, 5, 1)
    """
    rest = tuple(axis for axis in range(voxels.ndim) if axis not in order)
    first: tuple[Any, ...] = (..., *(0 for _ in rest))
    view: NDArray[Any] = voxels.transpose((*order, *rest))[first]
    while view.ndim < 3:
        view = view[..., np.newaxis]
    return view


def beside(header: Path, name: str) -> Path:
    """Path of a data file that a header names; it must lie in the header's own folder.

    A header is text from anywhere: one that may name any path can show any file of the machine as voxels.

    Raises
    ------
    UnreadableFileError
        The name leads outside the folder, or there is no such file.
    """
    plain = name.strip().strip('"').replace("\\", "/")
    plain = plain.removeprefix("./")
    if not plain or plain in (".", "..") or "/" in plain or ":" in plain or "\0" in plain or len(os.fsencode(plain)) > LARGEST_NAME:
        raise UnreadableFileError(
            f"Cannot read {str(header)!r}: its data file {name.strip()[:200]!r} is a path that leads outside the header's folder, "
            "which is refused; put the data beside the header and name it without a folder."
        )
    path = header.with_name(plain)
    if not path.exists():
        raise UnreadableFileError(
            f"Cannot read {str(header)!r}: its data file {plain!r} is missing, no such file exists beside it; put both in one folder."
        )
    check_regular(path)
    return path


def header_text(text: bytes, path: Path, form: str) -> str:
    """Header bytes as text.

    Raises
    ------
    UnreadableFileError
        They hold control characters, as no header does.
    """
    if b"\0" in text:
        raise UnreadableFileError(f"Cannot read {str(path)!r}: its {form} header holds binary bytes; it is damaged.")
    return text.decode("utf-8", errors="replace")
