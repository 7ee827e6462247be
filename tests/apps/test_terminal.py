from __future__ import annotations

import os
import signal
import time

import pytest

from volstudio.apps.terminal import progress_on_stderr
from volstudio.errors import Cancelled


def wait_and_report(progress):
    """A task that reports until it is stopped."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        progress("working", 0.5)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_the_task_at_its_next_report(number):
    with progress_on_stderr(quiet=True) as progress:
        progress("working", 0.1)
        os.kill(os.getpid(), number)
        with pytest.raises(Cancelled):
            wait_and_report(progress)


def test_a_second_ctrl_c_ends_at_once():
    with progress_on_stderr(quiet=True):
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_handlers_are_given_back():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with progress_on_stderr(quiet=True):
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_without_a_terminal_progress_is_a_line_per_tenth(capsys):
    with progress_on_stderr() as progress:
        for step in range(101):
            progress("climbing", step / 100)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 11
    assert lines[0] == "  0 %  climbing"
    assert lines[-1] == "100 %  climbing"


def test_quiet_says_nothing(capsys):
    with progress_on_stderr(quiet=True) as progress:
        progress("climbing", 0.5)
    assert capsys.readouterr().err == ""
