"""Writing files so that nothing is ever lost: the one way any room of the house puts bytes on disk.

The bytes go to a hidden file in the target's folder, are forced to the disk, and take the target's name in one step. A program that is
killed, a full disk or an error in the middle leaves the old file as it was. A source that a person opened is never a target: it is known
by device and inode, so links to it are seen as well.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from volstudio.errors import OutputError, VolstudioError
from volstudio.volumes.leftovers import sweep, temporary_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["atomic_bytes", "atomic_write", "check_target"]

REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file would be larger than this system or account allows",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "there is no permission to write in that folder",
    errno.EPERM: "there is no permission to write in that folder",
    errno.ENAMETOOLONG: "the name is too long",
}


@contextmanager
def atomic_write(path: str | os.PathLike[str], *, protect: Iterable[Path] = (), overwrite: bool = False) -> Iterator[BinaryIO]:
    """Open file that becomes ``path`` when the block ends well, and leaves no trace otherwise.

    Parameters
    ----------
    path : path
        The target; a link is followed.
    protect : iterable of Path
        Files that may not be written to, under whatever name.
    overwrite : bool
        Whether an existing target may be replaced; its mode bits are kept. A new file gets those of the umask.

    Yields
    ------
    BinaryIO
        Open for writing; its ``name`` is the temporary path, for libraries that write by path (close nothing, the block does).

    Raises
    ------
    OutputError
        The target is a protected file, exists without ``overwrite``, is no regular file, or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_write(folder + "/answer.txt") as file:
    ...         _ = file.write(b"42")
    ...     Path(folder, "answer.txt").read_bytes()
    b'42'
    """
    target = check_target(path, protect=protect, overwrite=overwrite)
    temporary = target.parent / temporary_name(".tmp")
    try:
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o666)
    except OSError as error:
        raise _refusal(target, error) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield _Named(file, temporary)  # type: ignore[misc]  # a BinaryIO in all but its class
            file.flush()
            if target.exists():
                temporary.chmod(stat.S_IMODE(target.stat().st_mode))
            os.fsync(file.fileno())
        check_target(target, protect=protect, overwrite=overwrite)
        temporary.replace(target)
    except VolstudioError:
        raise
    except OSError as error:
        raise _refusal(target, error) from error
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
    _sync_folder(target.parent)
    sweep(target.parent)


def atomic_bytes(path: str | os.PathLike[str], data: bytes | memoryview, *, protect: Iterable[Path] = (), overwrite: bool = False) -> None:
    """Write ``data`` to ``path`` as `atomic_write` does."""
    with atomic_write(path, protect=protect, overwrite=overwrite) as file:
        file.write(data)


def check_target(path: str | os.PathLike[str], *, protect: Iterable[Path] = (), overwrite: bool = False) -> Path:
    """The real path that a write would go to, checked before any work is done.

    Raises
    ------
    OutputError
        As `atomic_write`, so that a long task can say so before it starts.
    """
    given = Path(path)
    target = Path(os.path.realpath(given))
    folder = target.parent
    if not folder.is_dir():
        raise OutputError(f"Cannot write {str(given)!r}: the folder {str(folder)!r} does not exist; make it first.")
    try:
        found = target.stat()
    except FileNotFoundError:
        found = None
    except OSError as error:
        raise _refusal(given, error) from error
    if found is not None:
        _check_existing(given, found, protect, overwrite=overwrite)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"Cannot write {str(given)!r}: there is no permission to write in the folder {str(folder)!r}.")
    return target


def _check_existing(given: Path, found: os.stat_result, protect: Iterable[Path], *, overwrite: bool) -> None:
    """Whether what stands at the target may be replaced."""
    for source in protect:
        if _same_file(source, found):
            raise OutputError(
                f"Cannot write {str(given)!r}: it is the source {str(source)!r}, which is never changed; choose another name."
            )
    if stat.S_ISDIR(found.st_mode):
        raise OutputError(f"Cannot write {str(given)!r}: it is a folder; give the name of a file.")
    if not stat.S_ISREG(found.st_mode):
        raise OutputError(f"Cannot write {str(given)!r}: it is a device or a pipe, not a regular file.")
    if not overwrite:
        raise OutputError(
            f"Cannot write {str(given)!r}: it exists already; choose another name or replace it (--overwrite, overwrite=True)."
        )


class _Named:
    """A binary file that knows its path; ``os.fdopen`` would give the descriptor's number as its name."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self.name = str(path)

    def __getattr__(self, attribute: str) -> object:
        return getattr(self._file, attribute)


def _same_file(source: Path, found: os.stat_result) -> bool:
    """Whether ``source`` is the file that was found, by device and inode; a source that is gone cannot be harmed."""
    try:
        return os.path.samestat(source.stat(), found)
    except OSError:
        return False


def _refusal(target: Path, error: OSError) -> OutputError:
    reason = REASONS.get(error.errno or 0, (error.strerror or str(error)).lower())
    return OutputError(f"Cannot write {str(target)!r}: {reason}; nothing was changed.")


def _sync_folder(folder: Path) -> None:
    """Force the new name itself to the disk, where the system can (Windows cannot open folders)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems have no such call
            raise
    finally:
        os.close(descriptor)
