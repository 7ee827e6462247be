"""Open volumes by the path of their layer, so that every view of a scene shares one copy of the voxels.

A file is opened again when its size or its time of change is another. The least recently used volumes and time points are let go when
together they hold more memory than is allowed; volumes that exist nowhere else stay.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from volstudio.errors import UnreadableFileError
from volstudio.volumes.integrity import check_regular, memory_budget
from volstudio.volumes.readers import open_volume
from volstudio.volumes.series import StoredArray, resident_bytes

if TYPE_CHECKING:
    from collections.abc import Hashable

    from numpy.typing import NDArray

    from volstudio.volumes.nifti_forms import Form
    from volstudio.volumes.volume import Volume

__all__ = ["STORE", "VolumeStore", "path_of"]

MEMORY, SAMPLE = "memory:", "sample:"


class VolumeStore:
    """Cache of open volumes and of their time points; safe to use from several threads.

    Parameters
    ----------
    limit : int or None
        Bytes that cached voxels may take; None: most of the memory that is free when the store is first used.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._lock = threading.RLock()
        self._opening: dict[Hashable, threading.Lock] = {}
        self._volumes: OrderedDict[Hashable, Volume] = OrderedDict()
        self._frames: OrderedDict[tuple[int, int], tuple[Any, NDArray[Any]]] = OrderedDict()
        self._memory: dict[str, Volume] = {}

    def get(self, path: str, *, form: Form = "auto", name: str | None = None) -> Volume:
        """Volume of a layer's path, under the name that is asked for.

        Parameters
        ----------
        path : str
            A file, ``"memory:<token>"`` (see `add`) or ``"sample:<name>"``.
        form : "auto", "s", "q"
        name : str or None
            None: the volume's own.

        Raises
        ------
        UnreadableFileError
            The file cannot be read, or nothing was added under that token.
        """
        volume = self._remembered(path) if path.startswith(MEMORY) else self._opened(path, form)
        return volume if name is None or name == volume.name else volume.renamed(name)

    def add(self, volume: Volume) -> str:
        """Path under which a volume without a file can be had; the same one each time."""
        with self._lock:
            for token, known in self._memory.items():
                if known.data is volume.data and np.array_equal(known.affine.matrix, volume.affine.matrix):
                    return token
            token = f"{MEMORY}{secrets.token_hex(6)}"
            self._memory[token] = volume
            return token

    def frame(self, volume: Volume, time: int = 0) -> NDArray[Any]:
        """(i, j, k) values of one time point, read-only; the very same array each time, so that a view can know it by identity.

        Raises
        ------
        IndexError
            There is no such time point.
        """
        key = (id(volume.data), time)
        with self._lock:
            if key in self._frames:
                self._frames.move_to_end(key)
                return self._frames[key][1]
        values = volume.frame(time)
        values.setflags(write=False)
        with self._lock:
            # The data are kept with the frame, so that no other array can get their id while the entry lives.
            _, values = self._frames.setdefault(key, (volume.data, values))
            self._make_room()
        return values

    def _remembered(self, path: str) -> Volume:
        with self._lock:
            if path not in self._memory:
                raise UnreadableFileError(f"The volume {path!r} lived in another run's memory and was never saved to a file; add it again.")
            return self._memory[path]

    def _opened(self, path: str, form: Form) -> Volume:
        key: Hashable = (path, form)
        if not path.startswith(SAMPLE):
            key = _state_of(path, form)
        with self._lock:
            if key in self._volumes:
                self._volumes.move_to_end(key)
                return self._volumes[key]
            opening = self._opening.setdefault(key, threading.Lock())
        with opening:  # a second thread that wants the same file waits here and then finds it
            with self._lock:
                if key in self._volumes:
                    return self._volumes[key]
            volume = open_volume(path, form=form)
            with self._lock:
                self._volumes[key] = volume
                if volume.source is not None and Path(path).is_dir():  # a folder of DICOM files is known by one of them from here on
                    self._volumes[_state_of(str(volume.source.path), form)] = volume
                self._opening.pop(key, None)
                self._make_room()
        return volume

    def _make_room(self) -> None:
        """Let go of what was used longest ago, frames first, but never of the newest."""
        if self._limit is None:
            self._limit = memory_budget()
        held = sum(resident_bytes(frame) for _, frame in self._frames.values()) + sum(
            resident_bytes(volume.data) for volume in self._volumes.values()
        )
        while held > self._limit and len(self._frames) > 1:
            _, (_, frame) = self._frames.popitem(last=False)
            held -= resident_bytes(frame)
        while held > self._limit and len(self._volumes) > 1:
            _, volume = self._volumes.popitem(last=False)
            held -= resident_bytes(volume.data)


def _state_of(path: str, form: Form) -> Hashable:
    """What tells a file from others and from itself at another time; for a folder, its own time of change."""
    file = Path(path)
    state = file.stat() if file.is_dir() else check_regular(file)
    return (os.path.realpath(path), form, state.st_size, state.st_mtime_ns, path)


STORE = VolumeStore()
"""The store of this process, which the window, pictures and registrations share."""


def path_of(volume: Volume) -> str:
    """Path that a layer stores for a volume: its file, its sample, or a place in the store's memory."""
    sample = volume.facts.get("sample")
    if isinstance(sample, str):
        return f"{SAMPLE}{sample}"
    if isinstance(volume.data, StoredArray) and volume.data.decoder.part != "magnitude":
        return STORE.add(volume)  # the file alone would be opened as its magnitude
    return str(volume.source.path) if volume.source is not None else STORE.add(volume)
