"""Jobs beside the window: delivery, cancel, errors, and an orderly end."""

from __future__ import annotations

import queue
import threading

import pytest

from volstudio.apps.studio.worker import Worker


@pytest.fixture
def posted():
    return queue.Queue()


@pytest.fixture
def worker(posted):
    failures = []
    made = Worker(posted.put, failures.append)
    made.failures = failures
    yield made
    made.close()


def deliver(posted):
    posted.get(timeout=10)()


def test_a_result_is_delivered_on_the_owners_thread(worker, posted):
    done = []
    worker.start("adding", lambda progress: (threading.get_ident(), 1 + 1), done.append)
    deliver(posted)
    assert done[0][1] == 2
    assert done[0][0] != threading.get_ident()


def test_steps_come_before_the_result_and_the_last_is_never_lost(worker, posted):
    steps, done = [], []

    def work(progress):
        for k in range(500):
            progress("counting", k / 499)

    job = worker.start("counting", work, done.append, step=steps.append)
    job.join(10)
    while not posted.empty():
        deliver(posted)
    assert steps[-1].done == 1
    assert len(steps) < 500
    assert done == [None]


def test_a_cancelled_job_says_so_once(worker, posted):
    go, ended = threading.Event(), []

    def work(progress):
        go.wait(10)
        progress("working", 0.5)

    job = worker.start("working", work, lambda _: ended.append("done"), stopped=lambda: ended.append("stopped"))
    job.cancel()
    go.set()
    deliver(posted)
    assert ended == ["stopped"]


def test_a_result_that_comes_after_the_cancel_is_dropped(worker, posted):
    go, ended = threading.Event(), []
    job = worker.start("working", lambda _: go.wait(10), lambda _: ended.append("done"), stopped=lambda: ended.append("stopped"))
    job.cancel()
    go.set()
    deliver(posted)
    assert ended == ["stopped"]


def test_an_error_reaches_the_window(worker, posted):
    def work(progress):
        raise ValueError("no")

    worker.start("failing", work, pytest.fail)
    deliver(posted)
    assert isinstance(worker.failures[0], ValueError)


def test_closing_cancels_waits_and_delivers_nothing(posted):
    worker = Worker(posted.put, pytest.fail)
    started = threading.Event()

    def work(progress):
        while True:
            started.set()
            progress("for ever", 0.0)

    job = worker.start("for ever", work, pytest.fail, stopped=pytest.fail)
    assert started.wait(10)
    assert worker.close()
    assert not job.running
    assert posted.empty()
