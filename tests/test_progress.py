"""`Progress`: what a listener hears, of parts and of threads, and how work is stopped."""

from __future__ import annotations

import threading

import pytest

from volstudio.errors import Cancelled
from volstudio.progress import Progress, Step


def in_another_thread(work) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()


def test_a_part_fills_its_share_of_the_whole() -> None:
    heard: list[Step] = []
    part = Progress(heard.append).part(0.2, 0.6).part(0.5, 1.0)
    part("halfway through the second half", 0.5, "value")
    assert heard == [Step("halfway through the second half", pytest.approx(0.5), "value")]


@pytest.mark.parametrize("done", [-1.0, 2.0, float("inf")])
def test_shares_stay_between_nothing_and_all(done: float) -> None:
    heard: list[Step] = []
    Progress(heard.append)("working", done)
    assert heard[0].done in (0.0, 1.0)


@pytest.mark.parametrize("kind", ["whole", "part", "thread"])
def test_cancelling_the_whole_stops_every_part_and_says_where(kind: str) -> None:
    whole = Progress()
    inner = {"whole": whole, "part": whole.part(0, 1).part(0, 1), "thread": whole.part(0, 1).of_this_thread()}[kind]
    inner("reading", 0.1)
    whole.cancel()
    assert inner.cancelled
    with pytest.raises(Cancelled, match="while reading"):
        inner("reading", 0.2)


def test_a_part_cancels_the_whole() -> None:
    whole = Progress()
    whole.part(0, 0.5).cancel()
    assert whole.cancelled


def test_of_shared_work_the_listener_hears_its_own_thread_only() -> None:
    heard: list[tuple[str, int]] = []
    progress = Progress(lambda step: heard.append((step.what, threading.get_ident()))).part(0, 0.5).of_this_thread()
    in_another_thread(lambda: progress("elsewhere", 0.5))
    progress("here", 0.5)
    assert heard == [("here", threading.get_ident())]


def test_other_threads_of_shared_work_are_cancelled_too() -> None:
    progress = Progress().of_this_thread()
    raised: list[BaseException] = []

    def work() -> None:
        try:
            progress("working elsewhere", 0.5)
        except Cancelled as error:
            raised.append(error)

    progress.cancel()
    in_another_thread(work)
    assert len(raised) == 1
