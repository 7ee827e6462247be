from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from volstudio.apps.terminal import give_signals_back, interrupts_later, progress_on_stderr, stop_on_signals
from volstudio.errors import Cancelled


def wait_and_report(progress):
    """A task that reports until it is stopped."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        progress("working", 0.5)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
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


@pytest.mark.parametrize("environment", [{}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}])
def test_every_text_can_be_printed(environment):
    script = (
        "import os; from volstudio.apps.terminal import speak_any_text; speak_any_text(); print(os.fsdecode(b'\\xff ') + '90' + chr(176))"
    )
    done = subprocess.run([sys.executable, "-c", script], env=os.environ | environment, capture_output=True, check=True)
    assert done.stdout == (b"\xff 90?\n" if environment else "\udcff 90°\n".encode(errors="surrogateescape"))


@pytest.fixture
def _signals():
    """The handlers of the test run, whatever a test does with them."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number in before:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("_signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_kill_stops_as_ctrl_c_does_until_a_window_opens(number):
    stop_on_signals()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)
    give_signals_back()
    assert signal.getsignal(number) is signal.SIG_DFL


@pytest.mark.usefixtures("_signals")
def test_nohup_is_respected():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stop_on_signals()
    with progress_on_stderr(quiet=True) as progress:
        signal.raise_signal(signal.SIGHUP)
        progress("working", 0.1)
    give_signals_back()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_handlers_are_given_back():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with progress_on_stderr(quiet=True):
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_ctrl_c_is_heard_when_the_block_has_ended():
    went, before = [], signal.getsignal(signal.SIGINT)

    def block():
        with interrupts_later():
            signal.raise_signal(signal.SIGINT)
            went.append("on")

    with pytest.raises(KeyboardInterrupt):
        block()
    assert went == ["on"]
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_comes_before_the_error_that_it_has_caused():
    def block():
        with interrupts_later():
            signal.raise_signal(signal.SIGINT)
            raise OSError("the child was stopped too")

    with pytest.raises(KeyboardInterrupt):
        block()


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
