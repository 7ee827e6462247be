"""Prepared volumes kept for the next registration, so that a scan which takes part in many is read and resampled once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from volstudio.registration.prepare import prepare

if TYPE_CHECKING:
    from volstudio.geometry.affine import FloatArray
    from volstudio.progress import Progress
    from volstudio.registration.prepare import Level
    from volstudio.volumes.volume import Volume

__all__ = ["Shelf"]


class Shelf:
    """Stands in for `prepare` and remembers the last answers.

    Parameters
    ----------
    room : int
        How many answers are kept, some 40 MB each for a head; the one that was not asked for the longest gives way.

    Examples
    --------
    >>> from volstudio.progress import Progress
    >>> from volstudio.registration.prepare import own_frame
    >>> from volstudio.volumes.samples import sample
    >>> shelf, t1 = Shelf(room=1), sample("t1")
    >>> first = shelf(t1, own_frame(t1.grid), (8.0,), progress=Progress())
    >>> first is shelf(t1, own_frame(t1.grid), (8.0,), progress=Progress())
    True
    """

    def __init__(self, room: int = 2) -> None:
        self._room = room
        self._lock = threading.Lock()  # two scans of a pair are prepared side by side
        self._kept: OrderedDict[tuple[Volume, bytes, tuple[float, ...]], tuple[Level, ...]] = OrderedDict()

    def __call__(self, volume: Volume, frame: FloatArray, levels_mm: tuple[float, ...], *, progress: Progress) -> tuple[Level, ...]:
        """Levels of a volume as `prepare` gives them."""
        key = volume, frame.tobytes(), levels_mm
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        levels = prepare(volume, frame, levels_mm, progress=progress)
        with self._lock:
            while len(self._kept) >= self._room:
                self._kept.popitem(last=False)
            self._kept[key] = levels
        return levels
