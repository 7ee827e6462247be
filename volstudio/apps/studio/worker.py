"""Long work beside the window: threads that report, can be stopped, and hand their result back to the window's thread.

A job gets frozen values and a ``Progress`` and returns a value; it never touches the window or the session. What it reports and returns is
delivered through one callable, ``post``, which runs things on the window's thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from volstudio.errors import Cancelled
from volstudio.progress import Progress, Step

__all__ = ["Job", "Worker"]

T = TypeVar("T")
Post = Callable[[Callable[[], object]], None]

# Reports closer together than this say nothing new to an eye, and a registration makes hundreds a second.
REPORT_EVERY_S = 0.04


class Job(Generic[T]):
    """One running task, seen from the window.

    Parameters
    ----------
    what : str
        What is being done, for a person.
    work : callable
        ``work(progress) -> result``; runs in the job's own thread.
    post : callable
        Runs a callable on the window's thread, soon.
    done, failed, stopped : callable
        Exactly one of them is called on the window's thread: with the result, with the error, or with nothing after a cancel.
    step : callable or None
        Called on the window's thread with the newest ``Step``.
    """

    def __init__(  # noqa: PLR0917 - private to Worker.start, which names them
        self,
        what: str,
        work: Callable[[Progress], T],
        post: Post,
        done: Callable[[T], object],
        failed: Callable[[BaseException], object],
        stopped: Callable[[], object],
        step: Callable[[Step], object] | None,
    ) -> None:
        self.what = what
        self.progress = Progress(self._report)
        self._work, self._post, self._done, self._failed, self._stopped, self._step = work, post, done, failed, stopped, step
        self._last_report = 0.0
        self._thread = threading.Thread(target=self._run, name=f"volstudio: {what}", daemon=True)

    @property
    def running(self) -> bool:
        """Whether the thread still works."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def cancel(self) -> None:
        """Ask the task to stop at its next report."""
        self.progress.cancel()

    def join(self, seconds: float) -> bool:
        """Wait for the thread; whether it has ended."""
        self._thread.join(seconds)
        return not self.running

    def _report(self, step: Step) -> None:
        now = time.monotonic()
        if self._step is not None and (now - self._last_report >= REPORT_EVERY_S or step.done >= 1):
            self._last_report = now
            listener = self._step
            self._post(lambda: listener(step))

    def _run(self) -> None:
        try:
            result = self._work(self.progress)
        except Cancelled:
            self._post(self._stopped)
        except BaseException as error:  # noqa: BLE001 - handed to the window, which shows it; a thread has nobody else to tell
            self._post(lambda error=error: self._failed(error))  # type: ignore[misc]  # a bound default keeps the error alive
        else:
            if self.progress.cancelled:
                self._post(self._stopped)
            else:
                self._post(lambda: self._done(result))


class Worker:
    """Starts jobs and ends them all when the window closes.

    Parameters
    ----------
    post : callable
        Runs a callable on the window's thread, soon; safe from any thread.
    failed : callable
        What to do with an error of a job that has no handler of its own.
    """

    def __init__(self, post: Post, failed: Callable[[BaseException], object]) -> None:
        self._post = post
        self._failed = failed
        self._jobs: list[Job[object]] = []
        self._closed = False

    def start(
        self,
        what: str,
        work: Callable[[Progress], T],
        done: Callable[[T], object],
        *,
        failed: Callable[[BaseException], object] | None = None,
        stopped: Callable[[], object] = lambda: None,
        step: Callable[[Step], object] | None = None,
    ) -> Job[T]:
        """Run ``work`` in a thread of its own; see `Job` for the callables."""
        job = Job(what, work, self._deliver, done, failed or self._failed, stopped, step)
        self._jobs = [old for old in self._jobs if old.running]
        self._jobs.append(job)  # type: ignore[arg-type]  # the list only asks whether they run
        job.start()
        return job

    @property
    def busy(self) -> tuple[str, ...]:
        """What is being done now."""
        return tuple(job.what for job in self._jobs if job.running)

    def close(self, seconds: float = 5.0) -> bool:
        """Cancel everything, deliver nothing more, and wait; whether all threads have ended."""
        self._closed = True
        for job in self._jobs:
            job.cancel()
        until = time.monotonic() + seconds
        return all([job.join(max(until - time.monotonic(), 0.0)) for job in self._jobs])  # noqa: C419 - every thread is waited for

    def _deliver(self, call: Callable[[], object]) -> None:
        if not self._closed:
            self._post(call)
