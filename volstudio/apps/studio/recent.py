"""The files that were opened last, newest first; one path a line in the state folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["recent_files", "remember", "state_folder"]

KEPT = 12


def state_folder() -> Path:
    """Folder of what the studio remembers; ``VOLSTUDIO_STATE_DIR`` moves it."""
    given = os.environ.get("VOLSTUDIO_STATE_DIR")
    if given:
        return Path(given)
    from platformdirs import user_state_path

    return user_state_path("volstudio")


def recent_files() -> tuple[Path, ...]:
    """Files opened last that still exist, newest first."""
    try:
        lines = _list().read_text("utf-8").splitlines()
    except FileNotFoundError:
        return ()
    return tuple(path for path in map(Path, lines) if path.exists())[:KEPT]


def remember(paths: Sequence[Path | str]) -> None:
    """Put files on top of the list.

    Raises
    ------
    OutputError
        The state folder cannot be written.
    """
    from volstudio.volumes.atomic import atomic_bytes

    fresh = [Path(path).absolute() for path in paths]
    old = [path for path in recent_files() if path not in fresh]
    _list().parent.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{path}\n" for path in [*fresh, *old][:KEPT] if "\n" not in str(path))
    atomic_bytes(_list(), text.encode("utf-8"), overwrite=True)


def _list() -> Path:
    return state_folder() / "recent.txt"
