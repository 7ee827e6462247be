"""Whether a file can be trusted before its voxels are used: its kind, its size, its bytes.

Nothing is allocated because a header says so: what a file declares is compared with what it holds and with the memory there is.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from volstudio.errors import UnreadableFileError

__all__ = ["check_memory", "check_regular", "digest", "in_words", "memory_budget"]

CHUNK = 1 << 20
SHARE = 0.8  # of the memory that is free; the rest is for the picture made from the voxels
FALLBACK_BUDGET = 4 << 30  # where the system does not say what is free


def check_regular(path: Path) -> os.stat_result:
    """State of a file that can be read.

    Raises
    ------
    UnreadableFileError
        It is missing, a folder, a pipe or a device, empty, or may not be read.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        wrong = "it is a link to a file that does not exist" if path.is_symlink() else "there is no such file"
        raise UnreadableFileError(f"Cannot open {str(path)!r}: {wrong}; check the path.") from None
    except (OSError, ValueError) as error:
        raise UnreadableFileError(f"Cannot open {str(path)!r}: {getattr(error, 'strerror', None) or error}.") from error
    if stat.S_ISDIR(found.st_mode):
        raise UnreadableFileError(f"Cannot open {str(path)!r}: it is a directory, not a file; give a file in it.")
    if not stat.S_ISREG(found.st_mode):
        raise UnreadableFileError(f"Cannot open {str(path)!r}: it is a pipe, socket or device, not a regular file.")
    if found.st_size == 0:
        raise UnreadableFileError(f"Cannot open {str(path)!r}: the file is empty (0 bytes); copy or download it again.")
    if not os.access(path, os.R_OK):
        raise UnreadableFileError(f"Cannot open {str(path)!r}: permission denied; ask its owner for read access.")
    return found


def memory_budget() -> int:
    """Bytes that one volume may take: most of the memory that is free, within the limit of a container."""
    budget = FALLBACK_BUDGET
    try:
        meminfo = Path("/proc/meminfo").read_text(encoding="ascii")
        available = next(line for line in meminfo.splitlines() if line.startswith("MemAvailable"))
        budget = int(int(available.split()[1]) * 1024 * SHARE)
    except (OSError, StopIteration, ValueError):
        if hasattr(os, "sysconf"):
            budget = int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * SHARE)
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
        used = Path("/sys/fs/cgroup/memory.current").read_text(encoding="ascii").strip()
        budget = min(budget, int((int(limit) - int(used)) * SHARE))
    except (OSError, ValueError):  # no container, or one without a limit ("max")
        pass
    return max(budget, CHUNK)


def check_memory(path: Path, needed: int, limit: int | None = None) -> None:
    """Refuse a file whose voxels do not fit.

    Parameters
    ----------
    path : Path
        For the message.
    needed : int
        Bytes the voxels take.
    limit : int or None
        Bytes allowed; None: `memory_budget`.

    Raises
    ------
    UnreadableFileError
        The voxels take more than the limit.
    """
    allowed = memory_budget() if limit is None else limit
    if needed > allowed:
        raise UnreadableFileError(
            f"Cannot open {str(path)!r}: its voxels need {in_words(needed)} of memory and {in_words(allowed)} are allowed; "
            "crop or downsample it first, or use a machine with more memory."
        )


def digest(path: str | os.PathLike[str]) -> str:
    """Fingerprint of a file's bytes, ``"sha256:<64 hex digits>"``, read as a stream.

    Raises
    ------
    UnreadableFileError
        The file cannot be read.
    """
    check_regular(Path(path))
    with Path(path).open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def in_words(n_bytes: float) -> str:
    """A number of bytes for a person.

    >>> in_words(420), in_words(3.5e6), in_words(7.04e13)
    ('420 bytes', '3.5 MB', '70.4 TB')
    """
    if n_bytes < 1000:
        return f"{n_bytes:.0f} bytes"
    for unit in ("kB", "MB", "GB", "TB", "PB"):
        n_bytes /= 1000
        if n_bytes < 1000:
            return f"{n_bytes:.3g} {unit}"
    return f"{n_bytes:.3g} PB"
