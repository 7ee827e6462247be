"""Work shared among threads: the same answers in the same order, and errors that come through."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from volstudio.errors import Cancelled
from volstudio.progress import Progress
from volstudio.registration.abreast import LIMITS, MOST_THREADS, abreast, cores


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_answers_come_in_the_order_of_the_pieces(threads: int, count: int) -> None:
    assert abreast([lambda n=n: n * n for n in range(count)], threads=threads) == [n * n for n in range(count)]


def test_two_pieces_run_at_the_same_time() -> None:
    meeting = threading.Barrier(2, timeout=20)  # each piece waits for the other: in one thread this would never end
    assert abreast([lambda: meeting.wait() >= 0, lambda: meeting.wait() >= 0], threads=2) == [True, True]


def test_every_piece_is_done_once() -> None:
    done: list[int] = []
    abreast([lambda n=n: done.append(n) for n in range(50)], threads=3)
    assert sorted(done) == list(range(50))


def test_in_one_thread_an_error_leaves_the_rest() -> None:
    begun: list[int] = []

    def piece(number: int) -> None:
        begun.append(number)
        if number == 3:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        abreast([lambda n=n: piece(n) for n in range(100)], threads=1)
    assert begun == [0, 1, 2, 3]


def test_an_error_leaves_what_no_thread_has_begun_and_waits_for_what_one_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last piece is this thread's and fails; the first, which another may have begun, goes on until the rest is given up."""
    given_up = threading.Event()
    begun: list[int] = []
    ended: list[int] = []

    class Telling(ThreadPoolExecutor):
        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            given_up.set()
            super().shutdown(wait=wait)

    def piece(number: int) -> None:
        begun.append(number)
        if number == 99:
            raise ZeroDivisionError
        assert given_up.wait(20)
        ended.append(number)

    monkeypatch.setattr("volstudio.registration.abreast.ThreadPoolExecutor", Telling)
    with pytest.raises(ZeroDivisionError):
        abreast([lambda n=n: piece(n) for n in range(100)], threads=2)
    assert set(begun) <= {0, 99}
    assert ended == [number for number in begun if number != 99]


def test_an_error_in_another_thread_is_raised_here() -> None:
    meeting = threading.Barrier(2, timeout=20)

    def fails() -> None:
        meeting.wait()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        abreast([fails, meeting.wait], threads=2)


def test_a_cancelled_task_raises_cancelled_from_any_thread() -> None:
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        abreast([lambda: progress("working", 0.5)] * 4, threads=2)


def test_no_thread_is_left_behind() -> None:
    before = threading.active_count()
    abreast([lambda: None] * 8, threads=4)
    assert threading.active_count() == before


def test_as_many_threads_as_there_are_cores_but_not_more_than_help() -> None:
    assert 1 <= cores() <= MOST_THREADS


@pytest.mark.parametrize("variable", LIMITS)
@pytest.mark.parametrize(("said", "expected"), [("1", 1), ("0", 1), ("64", None), ("all", None), ("", None)])
def test_variables_that_limit_threads_are_kept_to(variable: str, said: str, expected: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in LIMITS:
        monkeypatch.delenv(name, raising=False)
    free = cores()
    monkeypatch.setenv(variable, said)
    assert cores() == (expected or free)
