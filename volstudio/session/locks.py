"""A lock that says "this program is alive": held on an open file, given back by the system however the program ends.

A process number in a file would not do: after a crash another program may have the number.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LifeLock"]


class LifeLock:
    """Exclusive lock on a file of its own.

    Notes
    -----
    ``flock`` on POSIX, ``msvcrt.locking`` on Windows; both belong to the open file, so a second window of the same program is refused like
    any other process, and both end with the process, also by ``kill -9``.
    """

    __slots__ = ("_descriptor", "path")

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, path: Path) -> LifeLock | None:
        """The lock, or None where somebody alive holds it.

        Raises
        ------
        OSError
            The file cannot be made, or this file system knows no locks.
        """
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            taken = _lock(descriptor)
        except OSError:
            os.close(descriptor)
            raise
        if taken and not _is_same(descriptor, path):
            taken = False  # its former holder removed it between our opening and our locking
        if not taken:
            os.close(descriptor)
            return None
        return cls(path, descriptor)

    def release(self, *, remove: bool) -> None:
        """Give the lock back, once; ``remove``: with its file."""
        if self._descriptor is None:
            return
        if remove and sys.platform != "win32":
            self.path.unlink(missing_ok=True)  # before it is let go: whoever waits sees that it is another file
        os.close(self._descriptor)
        self._descriptor = None
        if remove and sys.platform == "win32":
            self.path.unlink(missing_ok=True)


if sys.platform == "win32":

    def _lock(descriptor: int) -> bool:
        import errno
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EDEADLOCK):
                return False
            raise
        return True

    def _is_same(_descriptor: int, _path: Path) -> bool:
        return True  # an open file cannot be removed there

else:

    def _lock(descriptor: int) -> bool:
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _is_same(descriptor: int, path: Path) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), path.stat())
        except FileNotFoundError:
            return False
