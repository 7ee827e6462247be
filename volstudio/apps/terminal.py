"""What the commands say while they work: a bar on a terminal, plain lines elsewhere; and how Ctrl-C reaches a running task."""

from __future__ import annotations

import codecs
import io
import signal
import sys
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Protocol

import click

from volstudio.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from volstudio.progress import Step
    from volstudio.scene.model import Scene

__all__ = [
    "give_signals_back",
    "in_one_line",
    "interrupts_later",
    "progress_on_stderr",
    "say",
    "speak_any_text",
    "stop_on_signals",
    "tell",
    "warn_of_changes",
]

ANY_TEXT = "volstudio-any-text"
# A plain `kill`, and the end of the terminal or of the connection to it.
ENDINGS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


def speak_any_text() -> None:
    """Let every text be printed: names that are no text as the bytes they are, what the terminal's encoding lacks as a question mark."""
    codecs.register_error(ANY_TEXT, _bytes_or_question_mark)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ANY_TEXT)


def _bytes_or_question_mark(error: UnicodeError) -> tuple[bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    return b"".join(bytes([ord(each) - 0xDC00]) if "\udc80" <= each <= "\udcff" else b"?" for each in letters), error.end


def stop_on_signals() -> None:
    """From here on a ``kill`` stops this process as Ctrl-C does: what is unfinished is cleared away, and exit code 130."""
    for number in ENDINGS:
        if signal.getsignal(number) is signal.SIG_DFL:  # under nohup the end of the terminal is to be ignored
            signal.signal(number, signal.default_int_handler)


def give_signals_back() -> None:
    """A ``kill`` ends this process at once, as the system means it: for a window, whose journal keeps the work."""
    for number in ENDINGS:
        if signal.getsignal(number) is signal.default_int_handler:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def interrupts_later() -> Iterator[None]:
    """Ctrl-C is heard at the end of the block: for imports of extension modules that end the process when they are interrupted."""
    heard = threading.Event()
    before = signal.signal(signal.SIGINT, lambda *_: heard.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if heard.is_set():
            raise KeyboardInterrupt


def say(text: str) -> None:
    """A line on stdout."""
    click.echo(in_one_line(text))


class Outcome(Protocol):
    """What became of a task, for a person and for a machine."""

    def story(self) -> tuple[str, ...]:
        """Lines for a person."""
        ...

    def as_json(self) -> str:
        """One document for a machine."""
        ...


def tell(outcome: Outcome, *, as_json: bool) -> None:
    """An outcome on stdout: its document, or its lines."""
    if as_json:
        click.echo(outcome.as_json())
        return
    for line in outcome.story():
        say(line)


def in_one_line(text: str) -> str:
    r"""A text with its line breaks and other controls spelled out; file names may hold them, and a terminal obeys them.

    >>> print(in_one_line("a\nb\x1b[31m 扫描"))
    a\nb\x1b[31m 扫描
    """
    shown = (
        letter if letter.isprintable() or "\ud800" <= letter <= "\udfff" else letter.encode("unicode_escape").decode() for letter in text
    )
    return "".join(shown)


def warn_of_changes(scene: Scene) -> None:
    """Tell of files that are not the ones a scene was saved with."""
    if any(layer.digest for layer in scene.layers):
        from volstudio.scene.files import changed_files

        for finding in changed_files(scene):
            click.echo(f"volstudio: {finding.text}", err=True)


@contextmanager
def progress_on_stderr(*, quiet: bool = False) -> Iterator[Progress]:
    """Progress that a person can follow and stop.

    Parameters
    ----------
    quiet : bool
        Show nothing; Ctrl-C still works.

    Notes
    -----
    The first Ctrl-C (or a plain ``kill``) cancels the task at its next report, which leaves nothing half-written even inside a library
    that does not let Python exceptions through; a second one ends at once.
    """
    with ExitStack() as stack:
        progress = Progress(None if quiet else _Bar(stack) if sys.stderr.isatty() else _Lines())
        stack.enter_context(_stoppable(progress))
        yield progress


class _Lines:
    """Listener that writes a line at every tenth of the way."""

    def __init__(self) -> None:
        self._next = 0

    def __call__(self, step: Step) -> None:
        tenths = int(step.done * 10)
        if tenths >= self._next:
            click.echo(f"{tenths * 10:3d} %  {step.what}", err=True)
            self._next = tenths + 1


class _Bar:
    """Listener that moves a bar, gone when the work is done."""

    def __init__(self, stack: ExitStack) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        columns = (BarColumn(bar_width=36), TaskProgressColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
        self._rich = stack.enter_context(RichProgress(*columns, console=Console(stderr=True), transient=True))
        self._task = self._rich.add_task("starting", total=1.0)

    def __call__(self, step: Step) -> None:
        self._rich.update(self._task, completed=step.done, description=step.what)


@contextmanager
def _stoppable(progress: Progress) -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP cancel the task; the handlers that were there are given back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        if progress.cancelled:
            signal.default_int_handler(number, frame)
        progress.cancel()

    heard = [number for number in (signal.SIGINT, *ENDINGS) if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
