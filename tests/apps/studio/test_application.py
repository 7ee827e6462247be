"""From the first look for a display to the end of the process: every way a program can end."""

from __future__ import annotations

import signal
import time

import pytest

pytestmark = [pytest.mark.window, pytest.mark.slow]


def test_closing_while_a_registration_runs_ends_cleanly(launch, scans):
    process = launch(
        """
        window.refine.refine()
        assert window.refiner.running
        QTimer.singleShot(200, window.close)
        """,
        scans["anatomy"],
        scans["epi"],
    )
    _, err = process.communicate(timeout=90)
    assert process.returncode == 0, err
    assert "Traceback" not in err


def test_ctrl_c_closes_the_window(launch, scans):
    process = launch('print("ready", flush=True)', scans["anatomy"])
    assert process.stdout.readline().strip() == "ready"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err


def test_a_fault_of_our_own_is_shown_and_the_window_lives(launch):
    process = launch(
        """
        def faulty():
            raise RuntimeError("a fault")
        def look():
            (message,) = window.messages.messages
            print("said", "a fault" in message.text, "Traceback" in message.details.toPlainText(), flush=True)
            window.close()
        QTimer.singleShot(0, faulty)
        QTimer.singleShot(300, look)
        """
    )
    out, err = process.communicate(timeout=60)
    assert "said True True" in out, err
    assert process.returncode == 0
