"""Several files that appear together or not at all.

Results of one run belong together: a transform beside the picture of another run misleads. They are written under hidden names and take
their own names at the very end. A new folder appears in one step. In a folder that is there, each file takes its name in one step too:
a name holds the whole old file or the whole new one, whatever happens. Where one of them cannot, all are taken back.
"""

from __future__ import annotations

import os
import shutil
import signal
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from volstudio.errors import OutputError
from volstudio.volumes.atomic import check_target
from volstudio.volumes.leftovers import sweep, temporary_name

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
        self._token = temporary_name()
        self._new = not folder.exists()
        self._written: list[str] = []
        self._at = folder
        if self._new:
            # Beside the folder, so that relative paths written into a file hold after the move.
            self._at = folder.parent / self._token
            _make(self._at, folder)
            self._check_lengths()
        else:
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
        return self._at / name if self._new else self._hidden(name)

    def commit(self) -> None:
        """Give every written file its own name, or none."""
        with _signals_wait():
            if self._new:
                self._at.rename(self.folder)
                return
            kept: dict[str, Path] = {}
            begun: list[str] = []
            try:
                for name in self._written:
                    if os.path.lexists(self.folder / name):
                        kept[name] = self._hidden(name, "-old")
                        _keep(self.folder / name, kept[name])
                for name in self._written:
                    begun.append(name)
                    self._hidden(name).replace(self.folder / name)
            except BaseException:
                for name in begun:
                    if name in kept:
                        kept[name].replace(self.folder / name)
                    else:
                        (self.folder / name).unlink(missing_ok=True)
                raise
            finally:
                for old in kept.values():
                    old.unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove what was not committed."""
        if self._new:
            shutil.rmtree(self._at, ignore_errors=True)
            return
        for name in self._written:
            with suppress(FileNotFoundError):
                self._hidden(name).unlink()

    def _check_lengths(self) -> None:
        """Refuse names that the disk cannot hold before the work, not after it."""
        for name in self.names:
            try:
                (self._at / name).lstat()
            except FileNotFoundError:
                continue
            except OSError as error:
                self.clear()
                reason = (error.strerror or str(error)).lower()
                raise OutputError(f"Cannot write {str(self.folder / name)!r}: {reason}; give the scans shorter names.") from error

    def _hidden(self, name: str, mark: str = "") -> Path:
        """A file's name until the end; the writers choose the format by the last letters."""
        return self.folder / f"{self._token}{mark}-{self.names.index(name)}-{name[-24:]}"


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
    for place in (target, target.parent):
        sweep(place)


def _keep(target: Path, old: Path) -> None:
    """A second name for a file, so that the first one is never without; a copy where the disk knows no second names."""
    try:
        os.link(target, old, follow_symlinks=False)
    except (OSError, NotImplementedError):
        shutil.copy2(target, old, follow_symlinks=False)


@contextmanager
def _signals_wait() -> Iterator[None]:
    """What would stop the program comes a moment later: between two renames it would leave files of two runs."""
    if threading.current_thread() is not threading.main_thread():  # Python tells the main thread alone of signals
        yield
        return
    came: list[int] = []
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        for number in dict.fromkeys(came):
            signal.raise_signal(number)


def _make(folder: Path, meant: Path) -> None:
    if not meant.parent.exists():
        raise OutputError(f"Cannot make the folder {str(meant)!r}: the folder {str(meant.parent)!r} does not exist; make it first.")
    try:
        folder.mkdir()
    except OSError as error:
        raise OutputError(
            f"Cannot make the folder {str(meant)!r}: {(error.strerror or str(error)).lower()}; give another place."
        ) from error
