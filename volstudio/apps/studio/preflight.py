"""What must be there before a window can open, asked without risk.

Qt aborts the process when its X11 plug-in misses a library, and VTK does when there is no OpenGL. Both are therefore asked first: the
libraries by loading them in a child process, OpenGL by the probe of the rendering room. The answer is one sentence with the line to type.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from volstudio.errors import MissingExtraError, OpenGLUnavailableError

__all__ = ["check_display", "check_extra", "check_opengl", "check_qt_platform", "has_display"]

PROBE_S = 30.0

# Debian and Ubuntu names of what Qt's X11 plug-in loads, by the library's file name.
PACKAGES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libGLX.so.0": "libglx0",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libX11.so.6": "libx11-6",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxcb.so.1": "libxcb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxkbcommon.so.0": "libxkbcommon0",
}

# Runs in a child: names every library of the table that the loader does not find, then tries the plug-in itself.
CHILD = """
import ctypes, sys
missing = []
for name in sys.argv[2:]:
    try:
        ctypes.CDLL(name)
    except OSError:
        missing.append(name)
try:
    ctypes.CDLL(sys.argv[1])
except OSError as error:
    print("broken", *missing, "|", error)
else:
    print("fine")
"""


def check_extra() -> None:
    """Raise unless the window's Python packages are installed.

    Raises
    ------
    MissingExtraError
        PySide6 or pyvistaqt is absent; the message carries the pip line.
    """
    absent = [name for name in ("PySide6", "pyvistaqt") if importlib.util.find_spec(name) is None]
    if absent:
        line = 'python -m pip install "volstudio[studio]"'
        raise MissingExtraError(f"The window needs {' and '.join(absent)}, not installed here; install with: {line}")


def has_display() -> bool:
    """Whether there is a screen to open a window on."""
    if sys.platform != "linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def check_display() -> None:
    """Raise unless there is a display.

    Raises
    ------
    OpenGLUnavailableError
        Neither DISPLAY nor WAYLAND_DISPLAY is set.
    """
    if not has_display():
        raise OpenGLUnavailableError(
            "No display was found (DISPLAY is not set), so no window can open: use 'volstudio shot' for pictures, or start under xvfb-run."
        )


def check_qt_platform() -> None:
    """Raise unless Qt's X11 plug-in can be loaded; asked in a child process, because Qt aborts the process that finds out.

    Raises
    ------
    OpenGLUnavailableError
        Libraries are missing; the message names them and carries the apt line.
    """
    if sys.platform != "linux":
        return
    plugin = _xcb_plugin()
    if plugin is None:
        return
    asked = [sys.executable, "-c", CHILD, str(plugin), *PACKAGES]
    answer = subprocess.run(asked, capture_output=True, text=True, timeout=PROBE_S, check=False).stdout.strip()
    if answer == "fine":
        return
    names, _, why = answer.removeprefix("broken").partition("|")
    absent = names.split() or [why.split(":")[0].strip() or "a library of X11"]
    packages = sorted({PACKAGES[name] for name in absent if name in PACKAGES})
    remedy = f"install with: apt install {' '.join(packages)}" if packages else "install the X11 libraries that Qt 6 needs"
    raise OpenGLUnavailableError(f"The window cannot open because Qt's X11 plug-in misses {', '.join(absent)}; {remedy}")


def check_opengl() -> None:
    """Raise unless OpenGL works, as the rendering room's probe finds it in a child process.

    Raises
    ------
    OpenGLUnavailableError
        The probe failed; its sentence carries the remedy.
    """
    from volstudio.rendering.offscreen import probe_opengl

    probe = probe_opengl()
    if not probe.ok:
        raise OpenGLUnavailableError(probe.sentence)


def _xcb_plugin() -> Path | None:
    spec = importlib.util.find_spec("PySide6")
    if spec is None or spec.origin is None:
        return None
    plugin = Path(spec.origin).parent / "Qt" / "plugins" / "platforms" / "libqxcb.so"
    return plugin if plugin.exists() else None
