"""The search for an OpenGL, on machines that have none, some or all."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from volstudio.rendering import gl_probe
from volstudio.rendering.gl_probe import APT_LINE, Probe, find_opengl, probe_opengl

X, EGL, MESA = "vtkXOpenGLRenderWindow", "vtkEGLRenderWindow", "vtkOSOpenGLRenderWindow"


def machine(*working):
    """A trial that notes what was tried."""
    tried = []

    def trial(way, without):
        tried.append((way, without) if without else way)
        return way in working, "llvmpipe (LLVM 15)" if way in working else ""

    return trial, tried


@pytest.mark.parametrize(
    ("working", "environment", "how", "tries"),
    [
        ((X, EGL, MESA), {"DISPLAY": ":0"}, X, [X]),
        ((X, EGL, MESA), {}, EGL, [EGL]),
        ((EGL,), {"DISPLAY": ":0"}, EGL, [X, EGL]),
        ((MESA,), {}, MESA, [EGL, MESA]),
        ((X, EGL, MESA), {"VTK_DEFAULT_OPENGL_WINDOW": MESA, "DISPLAY": ":0"}, MESA, [MESA]),
        ((X,), {"VTK_DEFAULT_OPENGL_WINDOW": X}, X, [X]),
        ((EGL,), {"VTK_DEFAULT_OPENGL_WINDOW": "garbage"}, EGL, [EGL]),
        ((EGL,), {"GALLIUM_DRIVER": "llvmpipe"}, EGL, [EGL]),
    ],
)
def test_the_first_way_that_works_is_taken(working, environment, how, tries):
    trial, tried = machine(*working)
    probe = find_opengl(trial, platform="linux", environment=environment)
    assert (probe.ok, probe.how, tried) == (True, how, tries)


def test_a_choice_that_does_not_work_is_named():
    trial, tried = machine(EGL)
    probe = find_opengl(trial, platform="linux", environment={"VTK_DEFAULT_OPENGL_WINDOW": MESA})
    assert not probe.ok
    assert tried == [MESA, EGL]
    assert "unset it" in probe.sentence
    assert f"VTK_DEFAULT_OPENGL_WINDOW={MESA}" in probe.sentence
    assert APT_LINE not in probe.sentence


def test_a_driver_that_is_not_there_is_named():
    def trial(way, without):
        return way == EGL and "GALLIUM_DRIVER" in without, "llvmpipe"

    probe = find_opengl(trial, platform="linux", environment={"GALLIUM_DRIVER": "foo", "EGL_PLATFORM": ""})
    assert not probe.ok
    assert "GALLIUM_DRIVER=foo" in probe.sentence
    assert "EGL_PLATFORM" not in probe.sentence
    assert APT_LINE not in probe.sentence


@pytest.mark.gl
def test_mesa_with_a_driver_that_is_not_there(monkeypatch, opengl):
    monkeypatch.setenv("GALLIUM_DRIVER", "foo")
    probe = find_opengl(gl_probe._in_child, platform=sys.platform, environment=dict(os.environ))
    # Drivers other than Mesa's do not read the variable.
    assert probe.ok or "GALLIUM_DRIVER=foo" in probe.sentence


def test_a_bare_server_gets_one_sentence_with_the_remedy():
    trial, tried = machine()
    probe = find_opengl(trial, platform="linux", environment={})
    assert not probe.ok
    assert tried == [EGL, MESA]
    assert APT_LINE in probe.sentence
    assert "\n" not in probe.sentence


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_elsewhere_the_platform_has_its_own_way(platform):
    trial, tried = machine("")
    assert find_opengl(trial, platform=platform, environment={}).ok
    assert tried == [""]
    trial, _ = machine()
    assert "driver" in find_opengl(trial, platform=platform, environment={}).sentence


def test_a_child_that_dies_is_an_answer(monkeypatch):
    monkeypatch.setattr(gl_probe, "CHILD", "import os; os.kill(os.getpid(), 11)")
    assert gl_probe._in_child(EGL) == (False, "")


def test_a_child_that_hangs_is_an_answer(monkeypatch):
    monkeypatch.setattr(gl_probe, "CHILD", "import time; time.sleep(30)")
    monkeypatch.setattr(gl_probe, "TIMEOUT_S", 0.3)
    assert gl_probe._in_child(EGL) == (False, "")


def test_vtk_without_its_libraries_is_survived(monkeypatch):
    """The real child, with every graphics library hidden from it."""
    hide = "import ctypes.util, os, sys\nos.environ['LIBGL_DRIVERS_PATH'] = os.environ['__EGL_VENDOR_LIBRARY_DIRS'] = '/nowhere'\n"
    monkeypatch.setattr(gl_probe, "CHILD", hide + gl_probe.CHILD)
    works, words = gl_probe._in_child(EGL)
    assert not works
    assert words == ""


def test_the_answer_is_asked_for_once():
    first = probe_opengl()
    assert isinstance(first, Probe)
    assert probe_opengl() is first
    assert first.ok == (first.sentence == "")


def test_the_probe_itself_loads_no_vtk():
    code = "import sys, volstudio.rendering.gl_probe; print([m for m in sys.modules if m.startswith('vtk')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
