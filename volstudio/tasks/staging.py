"""Several files that appear together or not at all.

Results of one run belong together: a transform beside the picture of another run misleads. They are written under hidden names and take
their own names at the very end. A new folder appears in one step; in a folder that is there, files take their names one after the other,
and are taken back where one of them cannot.
"""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from volstudio.errors import OutputError
from volstudio.volumes.atomic import TEMPORARY_PREFIX, check_target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Staging", "staged"]


class Staging:
    """Where the files of a run are written until all of them are there.

    Parameters
    ----------
    folder : Path
        Where they belong.
    names : iterable of str
        The files that will be written.
    overwrite : bool
        Whether files of these names may be replaced.
    protect : iterable of Path
        Files that may not be written to.
    """

    def __init__(self, folder: Path, names: Iterable[str], *, overwrite: bool, protect: Iterable[Path]) -> None:
        self.folder = folder
        self.names = tuple(names)
        self._token = f"{TEMPORARY_PREFIX}{secrets.token_hex(4)}"
        self._new = not folder.exists()
        self._written: list[str] = []
        if self._new:
            # Beside the folder, so that relative paths written into a file hold after the move.
            self._at = folder.parent / self._token
            _make(self._at, folder)
            return
        for name in self.names:
            check_target(folder / name, overwrite=overwrite, protect=protect)

    def path(self, name: str) -> Path:
        """Where to write a file for now.

        Raises
        ------
        OutputError
            The file was not announced, so nobody checked that it may be written.
        """
        if name not in self.names:
            raise OutputError(f"{name!r} is not among the files of this run: {', '.join(self.names)}.")
        if name not in self._written:
            self._written.append(name)
        return self._at / name if self._new else self.folder / f"{self._token}-{name}"

    def commit(self) -> None:
        """Give every written file its own name."""
        if self._new:
            self._at.rename(self.folder)
            return
        kept: list[tuple[Path, Path]] = []
        placed: list[Path] = []
        try:
            for name in self._written:
                target = self.folder / name
                if target.exists():
                    old = self.folder / f"{self._token}-old-{name}"
                    target.rename(old)
                    kept.append((old, target))
                self.path(name).rename(target)
                placed.append(target)
        except OSError:
            for target in placed:
                target.unlink()
            for old, target in kept:
                old.rename(target)
            raise
        for old, _ in kept:
            old.unlink()

    def clear(self) -> None:
        """Remove what was not committed."""
        if self._new:
            shutil.rmtree(self._at, ignore_errors=True)
            return
        for name in self._written:
            with suppress(FileNotFoundError):
                self.path(name).unlink()


@contextmanager
def staged(
    folder: str | os.PathLike[str], names: Iterable[str], *, overwrite: bool = False, protect: Iterable[Path] = ()
) -> Iterator[Staging]:
    """Files of a run; they get their names when the block ends well, and are gone when it does not.

    Parameters
    ----------
    folder : path
        Made when it is not there (its parent must be).
    names : iterable of str
        The files that will be written into it.
    overwrite : bool
    protect : iterable of Path
        Files that may not be written to, under whatever name.

    Raises
    ------
    OutputError
        The folder is a file or cannot be made or written to; a file is there already; a file is protected.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as home:
    ...     with staged(Path(home, "run"), ["a.txt", "b.txt"]) as files:
    ...         for name in files.names:
    ...             _ = files.path(name).write_text(name)
    ...         Path(home, "run").exists()
    ...     sorted(path.name for path in Path(home, "run").iterdir())
    False
    ['a.txt', 'b.txt']
    """
    target = Path(os.path.abspath(folder))  # noqa: PTH100 - Path.resolve would turn a link that a person uses as a name into its target
    if target.exists() and not target.is_dir():
        raise OutputError(f"Cannot write into {str(folder)!r}: it is a file; give the name of a folder.")
    files = Staging(target, names, overwrite=overwrite, protect=tuple(protect))
    try:
        yield files
        files.commit()
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"Cannot write into {str(folder)!r}: {error.strerror or error}; nothing was changed.") from error
    finally:
        files.clear()


def _make(folder: Path, meant: Path) -> None:
    try:
        folder.mkdir()
    except OSError as error:
        raise OutputError(
            f"Cannot make the folder {str(meant)!r}: {(error.strerror or str(error)).lower()}; give another place."
        ) from error
