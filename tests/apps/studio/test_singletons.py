"""None outlives a binding that gives back references it never took."""

from __future__ import annotations

import subprocess
import sys

import pytest

USE_UP = """
import ctypes, sys
from volstudio.apps.studio.singletons import protect_singletons
protected = protect_singletons() if sys.argv[1] == "protected" else False
lose = ctypes.pythonapi.Py_DecRef
lose.argtypes = [ctypes.py_object]
lose.restype = ctypes.c_int
for thing in (None, True, False):
    for _ in range(200_000):
        lose(thing)
print("alive", protected)
"""


def run(how):
    return subprocess.run([sys.executable, "-c", USE_UP, how], capture_output=True, text=True, timeout=60, check=False)


def test_two_hundred_thousand_lost_references_do_not_end_the_process():
    ended = run("protected")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == ["alive", str(sys.version_info < (3, 12))]


def test_without_it_they_would():
    if sys.version_info >= (3, 12):
        pytest.skip("None is immortal from Python 3.12 on")
    assert "deallocating" in run("bare").stderr
