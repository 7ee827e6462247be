"""Pieces of one piece of work side by side on the processor's cores; the answer does not depend on how many there are.

numpy lets go of Python's lock inside its loops, so that threads help where pieces are large: whole scans, or hundreds of thousands of
points. Smaller ones lose more by waking each other than they win: climbs of some thousand points took two fifths longer in two threads. Who
shares out work fixes the pieces beforehand, never by the number of cores: sums then come out the same to the last bit everywhere.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["abreast", "cores"]

T = TypeVar("T")

# More threads than this wait for each other: between numpy's loops all of them need Python's lock.
MOST_THREADS = 4
# Whoever runs many programs side by side says with these how many threads each may have.
LIMITS = "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", "OMP_NUM_THREADS"


def cores() -> int:
    """How many pieces can be worked on at once here, 1 to `MOST_THREADS`: no more than the processor and the variables `LIMITS` allow."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limits = [int(said) for said in map(os.environ.get, LIMITS) if said and said.isdecimal()]
    return max(1, min(MOST_THREADS, allowed, *limits))


def abreast(pieces: Sequence[Callable[[], T]], *, threads: int | None = None) -> list[T]:
    """What each of some pieces of work gives, in their order.

    Parameters
    ----------
    pieces : sequence of callables
        They must not wait for each other.
    threads : int, optional
        At most so many at once; None: as many as there are `cores`.

    Raises
    ------
    Exception
        What the first of the pieces that failed has raised, as soon as those under way are done; later ones are not begun.
    """
    threads = min(len(pieces), threads or cores())
    if threads <= 1:
        return [piece() for piece in pieces]
    with ThreadPoolExecutor(threads - 1) as others:
        waiting = [others.submit(piece) for piece in pieces]
        try:
            # This thread works, too: whatever no other has begun is taken from the queue's end.
            own = {number: pieces[number]() for number in reversed(range(len(pieces))) if waiting[number].cancel()}
            return [own[number] if number in own else future.result() for number, future in enumerate(waiting)]
        except BaseException:
            others.shutdown(wait=True, cancel_futures=True)
            raise
