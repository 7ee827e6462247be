"""The first moments of the command: nobody is there yet to say a sentence, so Ctrl-C ends it without one."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

# Presses Ctrl-C at the moment the command line is about to be imported.
BEGIN = """
import os, signal, sys

class Press:
    def find_spec(self, name, path, target=None):
        if name == "volstudio.apps.cli":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Press())
{before}
sys.argv = ["volstudio", "--version"]
from volstudio.__main__ import main
main()
"""


def begin(before: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", BEGIN.format(before=before)], check=False, capture_output=True, text=True, timeout=60)


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot send itself Ctrl-C there")
def test_ctrl_c_before_anything_has_begun_shows_no_traceback():
    done = begin()
    assert done.returncode == -signal.SIGINT
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot send itself Ctrl-C there")
def test_a_command_that_is_to_ignore_it_does():
    done = begin("signal.signal(signal.SIGINT, signal.SIG_IGN)")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("volstudio ")


def test_as_a_module():
    done = subprocess.run([sys.executable, "-m", "volstudio", "--version"], check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("volstudio ")
