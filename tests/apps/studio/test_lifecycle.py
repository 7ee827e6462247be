"""From the first look for a display to the end of the process: every way a program can end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

pytestmark = [pytest.mark.window, pytest.mark.slow]

START = """
import sys, os
from PySide6.QtCore import QTimer
from volstudio.apps.studio import application as studio
from volstudio.tasks.open import open_scene

def begin(window):
    {begin}

make = studio.make_window
def made(*args, **kwargs):
    window = make(*args, **kwargs)
    class Quiet:
        def unsaved(self, what):
            return "discard"
    window.documents._ask = Quiet()
    QTimer.singleShot(300, lambda: begin(window))
    return window
studio.make_window = made
from volstudio.apps.studio import run
sys.exit(run(open_scene(sys.argv[1:]) if sys.argv[1:] else None))
"""


@pytest.fixture
def launch(display, tmp_path):
    """Starts the studio in a process of its own; ``begin`` runs in it once the window is there."""
    running = []

    def launched(begin, *paths, **environment):
        code = START.format(begin=textwrap.indent(textwrap.dedent(begin), "    ").strip())
        env = {**os.environ, "DISPLAY": display, "VOLSTUDIO_STATE_DIR": str(tmp_path / "state"), "PYTHONUNBUFFERED": "1", **environment}
        env.pop("WAYLAND_DISPLAY", None)
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, paths)], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        running.append(process)
        return process

    yield launched
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


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


def test_a_killed_session_is_offered_and_restored_with_nothing_lost(launch, scans, tmp_path):
    killed = launch(
        """
        from volstudio.session.commands import Place, SetTitle
        from volstudio.geometry.rigid import RigidTransform
        from volstudio.geometry.affine import Affine
        from volstudio.scene.model import Placement
        for x in (1.0, 2.0, 3.25):
            move = RigidTransform.from_six((x, 0, 0, 0.1, 0, 0), (0, 0, 0)).matrix
            window.desk.apply(Place("epi", Placement.of(Affine(move, "epi:scanner", "scene"))))
        print("ready", flush=True)
        """,
        scans["anatomy"],
        scans["epi"],
    )
    assert killed.stdout.readline().strip() == "ready"
    killed.send_signal(signal.SIGKILL)
    killed.wait(20)
    back = launch(
        """
        (message,) = window.messages.messages
        assert "was not closed" in message.text, message.text
        assert window.desk.shown.layers == ()
        message.buttons["Restore"].click()
        assert window.desk.session.scene.layer("epi").placement.matrix[0][3] == 3.25
        window.desk.undo()
        assert window.desk.session.scene.layer("epi").placement.matrix[0][3] == 2.0
        print("restored", flush=True)
        window.close()
        """
    )
    out, err = back.communicate(timeout=90)
    assert "restored" in out, err
    assert back.returncode == 0
    clean = launch(
        """
        print("messages", len(window.messages.messages), flush=True)
        window.close()
        """
    )
    out, err = clean.communicate(timeout=90)
    assert "messages 0" in out, err


DIE = """
from volstudio.session.commands import SetTitle
window.desk.apply({changes})
print("ready", flush=True)
"""


@pytest.fixture
def leave_behind(launch, scans):
    """Kills studios that have made some changes, one after the other."""

    def left(*changes):
        for each in changes:
            killed = launch(DIE.format(changes=each), scans["anatomy"])
            assert killed.stdout.readline().strip() == "ready"
            killed.kill()
            killed.wait(20)

    return left


def test_a_discarded_session_is_not_offered_again(launch, leave_behind):
    leave_behind('SetTitle("a")')
    for expected, then in (("messages 1", 'window.messages.messages[0].buttons["Discard"].click()'), ("messages 0", "pass")):
        process = launch(
            f"""
            print("messages", len(window.messages.messages), flush=True)
            {then}
            window.close()
            """
        )
        out, err = process.communicate(timeout=90)
        assert expected in out, err
        assert process.returncode == 0


def test_a_session_that_was_only_looked_at_is_not_offered(launch, leave_behind):
    leave_behind("")
    out, err = launch('print("messages", len(window.messages.messages), flush=True); window.close()').communicate(timeout=90)
    assert "messages 0" in out, err


def test_all_of_several_sessions_stay_within_reach_whatever_else_is_said(launch, leave_behind):
    leave_behind('SetTitle("first")', 'SetTitle("second"), SetTitle("third")')
    process = launch(
        """
        for number in range(5):
            window.messages.say(f"news {number}")
        offer = window.messages.messages[0]
        assert "2 sessions" in offer.text and "2 changes" in offer.text, offer.text
        offer.buttons["Next"].click()
        offer = window.messages.messages[-1]
        assert "1 change" in offer.text, offer.text
        offer.buttons["Discard"].click()
        offer = window.messages.messages[-1]
        assert "2 changes" in offer.text, offer.text
        offer.buttons["Restore"].click()
        print("title", window.desk.session.scene.title, flush=True)
        window.close()
        """
    )
    out, err = process.communicate(timeout=90)
    assert "title third" in out, err


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
