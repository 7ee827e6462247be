"""How long work reports and how it is stopped.

A task gets a ``Progress`` and calls it at every step; whoever started the task gives it a listener (a terminal's bar, a window's, none) and
may call ``cancel()`` from any thread. The next report then raises ``Cancelled`` inside the task, which unwinds as from any error.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from volstudio.errors import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Progress", "Step"]


@dataclass(frozen=True, slots=True)
class Step:
    """One report of a running task.

    Parameters
    ----------
    what : str
        What is being done, for a person: ``"2 mm, iteration 14"``.
    done : float
        Share of the whole task that is done, 0 to 1.
    value : object or None
        What the task has so far, such as where a registration has come to; its type is the task's promise.
    """

    what: str
    done: float
    value: object | None = None


class Progress:
    """Callable that a long task reports to, and the handle that stops it.

    Parameters
    ----------
    listen : callable or None
        Called with each ``Step``, in the thread of the task. None: reports go nowhere.

    Examples
    --------
    >>> seen = []
    >>> progress = Progress(seen.append)
    >>> progress("reading", 0.5)
    >>> seen[0].what, seen[0].done
    ('reading', 0.5)
    >>> progress.cancel()
    >>> progress("reading", 0.6)
    Traceback (most recent call last):
    ...
    volstudio.errors.Cancelled: Cancelled while reading; nothing was changed.
    """

    __slots__ = ("_listen", "_stop")

    def __init__(self, listen: Callable[[Step], None] | None = None) -> None:
        self._listen = listen
        self._stop = threading.Event()

    def __call__(self, what: str, done: float, value: object | None = None) -> None:
        """Report a step.

        Raises
        ------
        Cancelled
            ``cancel()`` has been called.
        """
        if self._stop.is_set():
            raise Cancelled(f"Cancelled while {what}; nothing was changed.")
        if self._listen is not None:
            self._listen(Step(what, min(max(float(done), 0.0), 1.0), value))

    def cancel(self) -> None:
        """Ask the task to stop at its next report; safe from any thread, and idempotent."""
        self._stop.set()

    @property
    def cancelled(self) -> bool:
        """Whether the task has been asked to stop."""
        return self._stop.is_set()

    def of_this_thread(self) -> Progress:
        """The same progress for work that is shared among threads: cancelled in all of them, and the listener hears this thread's steps."""
        own = threading.get_ident()

        def tell(step: Step) -> None:
            if threading.get_ident() == own:
                self(step.what, step.done, step.value)

        inner = Progress(tell)
        inner._stop = self._stop
        return inner

    def part(self, start: float, stop: float) -> Progress:
        """Progress of a sub-task that fills ``start`` to ``stop`` of this one and is cancelled with it."""
        inner = Progress(lambda step: self(step.what, start + step.done * (stop - start), step.value))
        inner._stop = self._stop
        return inner
