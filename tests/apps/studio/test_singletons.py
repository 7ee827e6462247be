"""None outlives a binding that gives back references it never took."""

from __future__ import annotations

import subprocess
import sys

import pytest

USE_UP = """
import ctypes, sys
if sys.argv[1] == "protected":
    import volstudio.apps.studio
lose = ctypes.pythonapi.Py_DecRef
lose.argtypes = [ctypes.py_object]
lose.restype = ctypes.c_int
for thing in (None, True, False):
    for _ in range(200_000):
        lose(thing)
print("alive")
"""


def run(how):
    return subprocess.run([sys.executable, "-c", USE_UP, how], capture_output=True, text=True, timeout=60, check=False)


def test_two_hundred_thousand_lost_references_do_not_end_the_process():
    ended = run("protected")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == "alive"


def test_without_it_they_would():
    if sys.version_info >= (3, 12):
        pytest.skip("None is immortal from Python 3.12 on")
    assert "deallocating" in run("bare").stderr


def test_what_is_immortal_anyway_is_left_alone():
    from volstudio.apps.studio.singletons import protect_singletons

    assert not protect_singletons()  # done once when the window's package was imported, or never needed
