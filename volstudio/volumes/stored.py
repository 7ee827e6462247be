"""The voxel bytes of a file, whatever its format: found, checked, and read or unpacked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from volstudio.errors import UnreadableFileError
from volstudio.volumes.integrity import check_memory, check_regular, in_words
from volstudio.volumes.nifti_layout import Layout, check_room
from volstudio.volumes.packing import ByteStream
from volstudio.volumes.plain_voxels import plain_voxels
from volstudio.volumes.series import IN_MEMORY, PackedSeries, RawArray, fill_voxels
from volstudio.volumes.volume import Finding

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["STREAMED", "skip", "stored_voxels"]

STREAMED = 128 << 20  # bytes of a packed series above which only the first volume is unpacked on opening


def stored_voxels(
    path: Path, layout: Layout, memory_limit: int | None, *, quiet_tail: bool = False
) -> tuple[RawArray, tuple[Finding, ...]]:
    """Voxels of a file: read where it is plain, at once or when they are asked for; unpacked and checked where it is packed.

    Parameters
    ----------
    path : Path
        The file of the voxels.
    layout : Layout
    memory_limit : int or None
        Bytes that unpacked voxels may take; None: what is free.
    quiet_tail : bool
        Whether the format may hold more behind its voxels, so that there is nothing to tell.

    Raises
    ------
    UnreadableFileError
        The file holds less than it declares, is damaged, or does not fit.
    """
    size = check_regular(path).st_size
    stored = layout.decoder.stored
    stream = ByteStream(path)
    try:
        check_room(layout, stream.packing, size, path)
        if not stream.packing:
            stream.close()
            return plain_voxels(path, stored, layout.offset, layout.shape, memory_limit), ()
        streamed = len(layout.shape) == 4 and layout.n_bytes > STREAMED
        if not streamed or layout.n_bytes <= IN_MEMORY:
            check_memory(path, layout.n_bytes, memory_limit)
        skip(stream, layout.offset)
        if streamed:
            series = PackedSeries(stream, layout.shape, stored)
            series[..., 0]
            text = (
                f"Only the first volume of this packed series ({in_words(layout.n_bytes)}) has been unpacked; "
                "the checksum of the file is tested when its last volume is read."
            )
            return series, (Finding("not-yet-verified", text, "info"),)
        voxels: NDArray[Any] = np.empty(layout.shape, stored, order="F")
        fill_voxels(stream, voxels)
        tail = stream.finish()
        stream.close()
    except BaseException:
        stream.close()
        raise
    if not tail.extra or (quiet_tail and tail.verified):
        return voxels, ()
    text = "There are more bytes behind the voxels; they are ignored." + (
        "" if tail.verified else " The checksum behind them was not tested."
    )
    return voxels, (Finding("trailing-data", text, "warning"),)


def skip(stream: ByteStream, count: int) -> None:
    """Read over the header and what stands before the voxels."""
    while count > 0:
        part = stream.read(min(count, 1 << 20))
        if not part:
            raise UnreadableFileError(
                f"Cannot read {str(stream.path)!r}: it is truncated, it ends {in_words(count)} before its voxels should begin (vox_offset)."
            )
        count -= len(part)
