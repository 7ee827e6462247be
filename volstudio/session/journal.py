"""The journal: every change of a session, on disk before the next one, so that a crash loses nothing.

One file per session, in the person's state folder: a header line, the whole state, then a line per change. A line is handed to the system
at once, so that it outlives ``kill -9``; it is forced to the disk every few seconds, for power cuts. A session that ends well removes
its journal. A journal that is left over, and whose program no longer lives, is offered at the next start.
"""

from __future__ import annotations

import os
import secrets
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from volstudio import __version__
from volstudio.errors import OutputError
from volstudio.session.entries import Begin, Cancel, Redo, Saved, Undo, encode
from volstudio.session.locks import LifeLock
from volstudio.volumes.atomic import atomic_bytes

if TYPE_CHECKING:
    from volstudio.session.command import Command
    from volstudio.session.session import Session

__all__ = ["JOURNAL_VERSION", "Header", "Journal", "journal_folder"]

JOURNAL_VERSION = 1
SUFFIX = ".journal"
LOCK_SUFFIX = ".lock"
MAX_BYTES = 8 << 20  # about 20 000 moves of a drag; then the state is written anew in their place
SYNC_SECONDS = 5.0


class Header(msgspec.Struct, frozen=True):
    """First line of a journal; fields of later versions are passed over, so that their journals can be told from garbage."""

    volstudio_journal: int
    program: str = __version__
    pid: int = 0
    started: str = ""


def journal_folder() -> Path:
    """Where journals lie: ``$VOLSTUDIO_STATE_DIR`` or the system's folder for state, in ``journals``."""
    given = os.environ.get("VOLSTUDIO_STATE_DIR")
    if given:
        return Path(given) / "journals"
    from platformdirs import user_state_dir

    return Path(user_state_dir("volstudio", appauthor=False)) / "journals"


class Journal:
    """The journal of one living session; made by `Journal.start` or by recovering an old one.

    A `volstudio.session.session.Session` is given it and tells it everything.
    """

    def __init__(self, path: Path, lock: LifeLock) -> None:
        self._path = path
        self._lock = lock
        self._descriptor: int | None = None
        self._session: Session | None = None
        self._size = self._limit = 0
        self._synced = 0.0
        self._last_key: str | None = None

    @classmethod
    def start(cls, folder: Path | None = None) -> Journal:
        """A new journal that no other process touches.

        Raises
        ------
        OutputError
            The folder cannot be written to, or its disk knows no locks.
        """
        place = journal_folder() if folder is None else folder
        for _ in range(10):  # another start may tidy up a lock that has no journal yet
            path = place / f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-{secrets.token_hex(4)}{SUFFIX}"
            try:
                place.mkdir(parents=True, exist_ok=True, mode=0o700)
                lock = LifeLock.take(path.with_suffix(LOCK_SUFFIX))
            except OSError as error:
                raise _lost(place, error) from error
            if lock is not None:
                return cls(path, lock)
        raise OutputError(f"The session cannot be recorded: other programs hold every new journal in {str(place)!r}.")

    @property
    def path(self) -> Path:
        """The journal's file; there once a session began with it."""
        return self._path

    def begin(self, session: Session) -> None:
        """Write the whole state in place of what the journal held."""
        self._session = session
        header = Header(JOURNAL_VERSION, pid=os.getpid(), started=f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S}")
        data = b"".join(encode(line) + b"\n" for line in (header, Begin.of(session)))
        self._close_file()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            atomic_bytes(self._path, data, overwrite=True)
            self._path.chmod(0o600)
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise _lost(self._path, error) from error
        self._size, self._limit = len(data), len(data) + MAX_BYTES
        self._synced = time.monotonic()

    def command(self, command: Command) -> None:
        """Note a command that changed the scene."""
        self._write(command, key=command.merge_key)

    def undo(self) -> None:
        """Note an undo."""
        self._write(Undo())

    def redo(self) -> None:
        """Note a redo."""
        self._write(Redo())

    def cancel(self, gesture: str) -> None:
        """Note that a drag was taken back."""
        self._write(Cancel(gesture))

    def saved(self, path: Path) -> None:
        """Note that the scene is in a file."""
        self._write(Saved(str(path)))

    def close(self, *, keep: bool = False) -> None:
        """End the journal; ``keep`` leaves it to be offered at the next start, otherwise the session has ended well and it goes."""
        self._close_file()
        self._session = None
        if not keep:
            self._path.unlink(missing_ok=True)
        self._lock.release(remove=not keep)

    def _write(self, entry: object, *, key: str | None = None) -> None:
        """Append a line, whole or not at all."""
        if self._descriptor is None:
            return  # closed: the session is over
        line = encode(entry) + b"\n"
        try:
            written = os.write(self._descriptor, line)
            while written < len(line):
                written += os.write(self._descriptor, line[written:])
            # In the middle of a drag the disk is left alone: it may take as long as a picture.
            if time.monotonic() - self._synced > SYNC_SECONDS and (key is None or key != self._last_key):
                os.fsync(self._descriptor)
                self._synced = time.monotonic()
        except OSError as error:
            self._close_file()
            raise _lost(self._path, error) from error
        self._last_key = key
        self._size += len(line)
        if self._size > self._limit and self._session is not None:
            self.begin(self._session)

    def _close_file(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _lost(place: Path, error: OSError) -> OutputError:
    why = error.strerror or str(error)
    return OutputError(f"The session is not recorded any longer ({why}: {str(place)!r}); save your work, and it can go on.")
