"""Names of unfinished files, and what is done with those that a killed program left behind.

A program that is killed cannot clean up. So an unfinished file says in its name which process writes it and where that runs, and whoever
next writes into the folder with success removes those of processes that are gone. A folder may be shared by machines and containers, whose
process numbers say nothing here: only names of this machine, and of this container, are ever touched.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["sweep", "temporary_name"]

PREFIX = ".volstudio-"
# Prefix, process, place, token; then what the writer adds.
_OWN = re.compile(re.escape(PREFIX) + r"(\d{1,10})-([0-9a-f]{8})-[0-9a-f]{8}(?:[-.].*)?", re.DOTALL)


def temporary_name(ending: str = "") -> str:
    """Hidden name for a file or folder that this process has not finished; short, so that it fits beside any name.

    >>> temporary_name(".tmp").startswith(f".volstudio-{os.getpid()}-")
    True
    """
    return f"{PREFIX}{os.getpid()}-{_place()}-{secrets.token_hex(4)}{ending}"


def sweep(folder: Path) -> None:
    """Remove what processes of this machine that are gone have left unfinished in a folder (not below it).

    What cannot be removed stays: nobody asked for it, so nobody is told.
    """
    try:
        names = [name for name in os.listdir(folder) if name.startswith(PREFIX)]  # noqa: PTH208 - a name is enough, and a folder of scans can be long
    except OSError:
        return
    for name in names:
        found = _OWN.fullmatch(name)
        if found and found[2] == _place() and not _alive(int(found[1])):
            _remove(folder / name)


@cache
def _place() -> str:
    """What the process numbers count in: the machine and its container."""
    try:
        container = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - the text of the link is wanted, and it leads to no path
    except OSError:
        container = ""
    machine = os.uname().nodename if hasattr(os, "uname") else ""
    return hashlib.sha256(f"{machine} {container}".encode(errors="surrogateescape")).hexdigest()[:8]


def _alive(process: int) -> bool:
    """Whether there is such a process; where the system cannot say, there is one."""
    if os.name != "posix":  # Windows has no harmless signal: os.kill would end the process
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another person's process, or no number of one
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    try:
        path.unlink()
    except OSError:  # it is gone, or is not ours to remove
        return
