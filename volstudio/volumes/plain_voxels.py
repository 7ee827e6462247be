"""Voxels that stand unpacked in a file.

They are read and never mapped into memory: other programs rewrite files in place, and a page of a mapped file that is no longer there ends
the process instead of raising. Small blocks are read at once; of large ones the slices that are asked for, when they are.
"""

from __future__ import annotations

import math
import os
import threading
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from volstudio.errors import UnreadableFileError
from volstudio.volumes.integrity import memory_budget

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from volstudio.volumes.series import RawArray

__all__ = ["AT_ONCE", "FileVoxels", "plain_voxels"]

AT_ONCE = 256 << 20  # bytes that are read on opening; the tenth of a second that this takes is not felt


def plain_voxels(path: Path, stored: np.dtype[Any], offset: int, shape: tuple[int, ...], memory_limit: int | None = None) -> RawArray:
    """Voxels of a block, first axis fastest: read at once where it is small, else where they are asked for.

    Parameters
    ----------
    path : Path
    stored : numpy dtype
    offset : int
        Byte of the first voxel.
    shape : (i, j, k) or (i, j, k, t)
    memory_limit : int or None
        Bytes that voxels may take; None: what is free.

    Raises
    ------
    UnreadableFileError
        The file cannot be read, or ends too early.
    """
    voxels = FileVoxels(path, stored, offset, shape)
    n_bytes = math.prod(shape) * stored.itemsize
    if n_bytes <= min(AT_ONCE, memory_budget() if memory_limit is None else memory_limit):
        return voxels[...]
    return voxels


class FileVoxels:
    """An unpacked block of a file that is read when it is indexed, in whole slices across k.

    Notes
    -----
    Safe to use from several threads. A file whose size or time of change is another than on opening is refused: half of it would be of one
    state and half of another.
    """

    def __init__(self, path: Path, stored: np.dtype[Any], offset: int, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.dtype = stored
        self._path, self._offset = path, offset
        try:
            self._file = path.open("rb", buffering=0)
        except OSError as error:
            raise UnreadableFileError(f"Cannot open {str(path)!r}: {error.strerror}.") from error
        weakref.finalize(self, self._file.close)
        self._lock = threading.Lock()
        self._state = self._stat()

    def __getitem__(self, index: Any) -> NDArray[Any]:  # noqa: ANN401 - any numpy index
        picked = _slices_and_times(index, self.shape)
        if picked is None:
            return np.asarray(self._read(range(self.shape[2]), range(math.prod(self.shape[3:])))[index])
        rest, ks, times = picked
        return np.asarray(self._read(ks, times)[rest])

    def _read(self, ks: Sequence[int], times: Sequence[int]) -> NDArray[Any]:
        """(i, j, len(ks)[, len(times)]) voxels, in Fortran order."""
        ni, nj, nk = self.shape[:3]
        found = np.empty((ni, nj, len(ks), len(times)), self.dtype, order="F")
        whole = len(ks) == nk and list(ks) == list(range(nk))
        slice_bytes = ni * nj * self.dtype.itemsize
        with self._lock:
            for t, time in enumerate(times):
                if whole:
                    self._fill(found[..., t], time * nk * slice_bytes)
                    continue
                for n, k in enumerate(ks):
                    self._fill(found[..., n, t], (time * nk + k) * slice_bytes)
            if self._stat() != self._state:
                raise self._changed()
        return found if len(self.shape) == 4 else found[..., 0]

    def _fill(self, part: NDArray[Any], start: int) -> None:
        """Read a run of bytes into a Fortran-ordered part."""
        room = part.reshape(-1, order="A").view(np.uint8).data
        self._file.seek(self._offset + start)
        done = 0
        while done < len(room):
            count = self._file.readinto(room[done:])
            if not count:
                raise self._changed()
            done += count

    def _stat(self) -> tuple[int, int]:
        found = os.fstat(self._file.fileno())
        return found.st_size, found.st_mtime_ns

    def _changed(self) -> UnreadableFileError:
        return UnreadableFileError(f"Cannot read {str(self._path)!r}: another program has changed it since it was opened; open it again.")


def _slices_and_times(index: Any, shape: tuple[int, ...]) -> tuple[tuple[Any, ...], Sequence[int], Sequence[int]] | None:  # noqa: ANN401 - any numpy index
    """Which slices and time points an index touches, and the index into an array of these alone; None where it is not a simple one."""
    items = index if isinstance(index, tuple) else (index,)
    if not all(item is Ellipsis or isinstance(item, int | np.integer | slice) for item in items) or items.count(Ellipsis) > 1:
        return None
    if Ellipsis in items:
        at = items.index(Ellipsis)
        items = items[:at] + (slice(None),) * (len(shape) - len(items) + 1) + items[at + 1 :]
    items = items + (slice(None),) * (len(shape) - len(items))
    if len(items) > len(shape):
        raise IndexError(f"too many indices: the voxels have {len(shape)} axes, {len(items)} were given")
    rest, picked = list(items[:2]), []
    for item, n in zip(items[2:], shape[2:], strict=True):
        touched = range(n)[item]
        picked.append([touched] if isinstance(touched, int) else touched)
        rest.append(0 if isinstance(touched, int) else slice(None))
    return tuple(rest), picked[0], picked[1] if len(picked) > 1 else [0]
