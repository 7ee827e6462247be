"""What is asked before a window opens, on machines that lack something."""

from __future__ import annotations

import subprocess
import sys

import pytest

from volstudio.apps.studio import preflight, run
from volstudio.errors import MissingExtraError, OpenGLUnavailableError


def test_without_qt_the_pip_line_is_said(monkeypatch):
    monkeypatch.setattr(preflight.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r'pip install "volstudio\[studio\]"'):
        preflight.check_extra()


def test_without_a_display_it_says_so_and_starts_nothing(monkeypatch):
    pytest.importorskip("PySide6.QtWidgets", reason="the window's extra, or a library it needs, is not installed", exc_type=ImportError)
    if sys.platform != "linux":
        pytest.skip("only X11 and Wayland can be absent")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(OpenGLUnavailableError, match="No display"):
        run()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("broken libxcb-cursor.so.0 libxkbcommon-x11.so.0 | cannot open", "apt install libxcb-cursor0 libxkbcommon-x11-0"),
        ("broken | libstrange.so.1: cannot open shared object file", "libstrange.so.1"),
    ],
)
def test_missing_x11_libraries_are_named_with_the_apt_line(monkeypatch, tmp_path, answer, said):
    monkeypatch.setattr(preflight.sys, "platform", "linux")
    monkeypatch.setattr(preflight, "_xcb_plugin", lambda: tmp_path / "libqxcb.so")
    monkeypatch.setattr(preflight.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, stdout=answer, stderr=""))
    with pytest.raises(OpenGLUnavailableError) as told:
        preflight.check_qt_platform()
    assert said in str(told.value)


def test_the_child_tells_a_plugin_that_cannot_be_loaded(tmp_path, monkeypatch):
    broken = tmp_path / "libqxcb.so"
    broken.write_bytes(b"no library")
    monkeypatch.setattr(preflight, "_xcb_plugin", lambda: broken)
    if sys.platform != "linux":
        pytest.skip("only Linux has the X11 plug-in")
    with pytest.raises(OpenGLUnavailableError, match="X11 plug-in"):
        preflight.check_qt_platform()


def test_this_machine_can_open_windows(display):
    preflight.check_extra()
    preflight.check_qt_platform()
