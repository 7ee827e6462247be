"""Sessions of programs that died: found at the next start, played back, offered.

Nothing here may stop a start. A journal whose program lives is passed over; one that cannot be read is set aside under another name, with a
sentence; a last line that the crash tore is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from volstudio.errors import VolstudioError
from volstudio.session.entries import Begin, Past, decode
from volstudio.session.journal import JOURNAL_VERSION, LOCK_SUFFIX, MAX_BYTES, SUFFIX, Header, Journal, journal_folder
from volstudio.session.locks import LifeLock
from volstudio.session.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from volstudio.scene.model import Scene

__all__ = ["Recovery", "recoverable"]

BROKEN_SUFFIX = ".broken"
KEPT_BROKEN = 5
# The state of 500 steps, the lines after it, and as much again for lines that were longer than thought.
MAX_FILE = 16 * MAX_BYTES

TORN = "The very last change was not written whole and is missing."

# What bytes can do that are no line of a journal, or one that does not fit.
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, VolstudioError, IndexError)


class _BrokenJournalError(Exception):
    """A journal that is none; the message ends the sentence that says so."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """A session that a crash left behind.

    Parameters
    ----------
    path : Path
        Its journal, held so that no other window offers it too.
    started : str
        When it began, as a person reads it.
    scene : Scene
        Where it ended.
    changes : int
        Number of steps that can be undone.
    notes : tuple of str
        What could not be brought back, a sentence each.
    """

    path: Path
    started: str
    scene: Scene
    changes: int
    notes: tuple[str, ...]
    _past: Past = field(repr=False)
    _lock: LifeLock = field(repr=False)

    def session(self, *, record: bool = True) -> Session:
        """The session as it was, history included, for the thread that calls.

        Parameters
        ----------
        record : bool
            Whether it goes on in its own journal; False where that has failed, such as on a full disk. The journal then stays.

        Raises
        ------
        OutputError
            The journal cannot be written.
        """
        past = self._past
        journal = Journal(self.path, self._lock) if record else None
        return Session.resumed(past.history, saved=past.saved, saved_path=past.saved_path, journal=journal)

    def discard(self) -> None:
        """Forget the session for good."""
        self.path.unlink(missing_ok=True)
        self._lock.release(remove=True)

    def leave(self) -> None:
        """Leave the session to be offered at another start."""
        self._lock.release(remove=False)


def recoverable(folder: Path | None = None, *, complain: Callable[[str], None] | None = None) -> list[Recovery]:
    """Sessions whose program died, the latest first.

    Parameters
    ----------
    folder : Path or None
        None: `journal_folder`.
    complain : callable or None
        Given a sentence for each journal that cannot be used.

    Returns
    -------
    list of Recovery
        Each holds its journal until it is made a session, discarded or left.
    """
    place = journal_folder() if folder is None else folder
    tell = complain or (lambda _sentence: None)
    found = []
    try:
        names = sorted((path.name for path in place.iterdir()), reverse=True)
    except FileNotFoundError:
        return []
    except OSError as error:
        tell(f"Earlier sessions cannot be looked for in {str(place)!r}: {error.strerror}.")
        return []
    for name in names:
        try:
            if name.endswith(SUFFIX):
                found.append(_recovered(place / name, tell))
            elif name.endswith(LOCK_SUFFIX) and name.removesuffix(LOCK_SUFFIX) + SUFFIX not in names:
                lock = LifeLock.take(place / name)
                if lock is not None:
                    lock.release(remove=True)
        except OSError as error:
            tell(f"The journal {name} of an earlier session cannot be read ({error.strerror or error}); it stays in {str(place)!r}.")
    _forget_old_broken(place, names)
    return [recovery for recovery in found if recovery is not None]


def _recovered(path: Path, tell: Callable[[str], None]) -> Recovery | None:
    lock = LifeLock.take(path.with_suffix(LOCK_SUFFIX))
    if lock is None:
        return None  # its program lives
    kept = None
    try:
        kept = _read(path, lock, tell)
    finally:
        if kept is None:
            lock.release(remove=not path.exists())
    return kept


def _read(path: Path, lock: LifeLock, tell: Callable[[str], None]) -> Recovery | None:
    try:
        header, past, notes = _played(path)
    except _BrokenJournalError as error:
        aside = path.with_suffix(BROKEN_SUFFIX)
        path.replace(aside)
        tell(f"The journal of an earlier session cannot be used: {error}; it was set aside as {str(aside)!r}.")
        return None
    if past is None:
        tell(f"{path.name} is the journal of a newer volstudio ({header.program}); open that version to get the session back.")
        return None
    scene = past.history.scene
    if not scene.layers and not past.history.past:
        path.unlink()  # nothing was lost
        return None
    return Recovery(path, header.started, scene, len(past.history.past), (*notes, *_memory_notes(scene)), past, lock)


def _played(path: Path) -> tuple[Header, Past | None, tuple[str, ...]]:
    """Header, history and notes of a journal; no history where a newer version wrote it."""
    if path.stat().st_size > MAX_FILE:
        raise _BrokenJournalError("it is far larger than a journal")
    lines = path.read_bytes().split(b"\n")
    if not lines[-1]:
        lines.pop()
    header, past = _opened(lines)
    if past is None:
        return header, None, ()
    notes: tuple[str, ...] = ()
    for number, line in enumerate(lines[2:], start=3):
        try:
            past.play(decode(line))
        except _UNREADABLE:
            lost = len(lines) - number + 1
            notes = (
                (f"The last {lost} changes could not be brought back: line {number} of the journal is damaged.",) if lost > 1 else (TORN,)
            )
            break
    past.history.seal()
    return header, past, notes


def _opened(lines: list[bytes]) -> tuple[Header, Past | None]:
    """Header and first state."""
    try:
        header = msgspec.json.decode(lines[0] if lines else b"", type=Header)
    except _UNREADABLE as error:
        raise _BrokenJournalError("its first line is no header") from error
    if header.volstudio_journal > JOURNAL_VERSION:
        return header, None
    try:
        begin = decode(lines[1])
        if isinstance(begin, Begin):
            return header, Past(begin)
    except _UNREADABLE as error:
        raise _BrokenJournalError("its second line is no state of a session") from error
    raise _BrokenJournalError("it holds no state of a session")


def _memory_notes(scene: Scene) -> tuple[str, ...]:
    lost = [layer.name for layer in scene.layers if layer.path.startswith("memory:")]
    if not lost:
        return ()
    names = ", ".join(map(repr, lost))
    return (f"The voxels of {names} lived in memory only and are lost; the layer's place is kept for a file of them.",)


def _forget_old_broken(place: Path, names: list[str]) -> None:
    """Keep the newest few journals that were set aside; names begin with their date."""
    for name in sorted((each for each in names if each.endswith(BROKEN_SUFFIX)), reverse=True)[KEPT_BROKEN:]:
        (place / name).unlink(missing_ok=True)
