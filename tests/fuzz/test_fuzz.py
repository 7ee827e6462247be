"""A few hundred damaged files; `fuzz.py` beside this makes as many as one likes."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from volstudio.errors import SceneError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inputs are read in forked children under Linux's bounds of memory")
FUZZ = Path(__file__).with_name("fuzz.py")


def test_damaged_files_are_read_or_refused():
    run = subprocess.run([sys.executable, FUZZ, "--inputs", "300", "--seed", "20"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.startswith("300 inputs")


@pytest.fixture
def fuzz(monkeypatch):
    monkeypatch.syspath_prepend(str(FUZZ.parent))
    return importlib.import_module("fuzz")


def crash(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def hang(*_):
    time.sleep(100)


def stumble(room, path, number):
    if number == 3:
        raise KeyError(number)
    return "read"


def lines(*_):
    raise SceneError("two\nlines")


@pytest.mark.parametrize(
    ("reads", "what"), [(crash, "died of signal 9"), (hang, "it hangs"), (stumble, "KeyError")], ids=["crash", "hang", "stumble"]
)
def test_the_fuzzer_sees_every_kind_of_fault(fuzz, monkeypatch, tmp_path, reads, what):
    monkeypatch.setattr(fuzz, "attempt", reads)
    # A child of a large process takes its time to begin; only what hangs is waited for.
    monkeypatch.setattr(fuzz, "WALL_SECONDS", 1 if reads is hang else 60)
    scenes = [seed for seed in fuzz.seeds() if seed.room == "scene"]
    done, found = fuzz.run(fuzz.Run(scenes, 1, 4, tmp_path))
    assert done == 4
    assert found.counts["fault"] == (1 if reads is stumble else 4)
    assert [what in fault for fault in found.faults] == [True]


def test_a_refusal_is_one_line(fuzz, monkeypatch, tmp_path):
    rooms = importlib.import_module("rooms")
    monkeypatch.setattr(rooms, "load_scene", lambda *_, **__: lines())
    outcome, trace = fuzz.tried(next(seed for seed in fuzz.seeds() if seed.room == "scene"), [], tmp_path, 0)
    assert outcome.startswith("AssertionError")
    assert "several lines" in trace
