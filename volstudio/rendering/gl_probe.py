"""Is there an OpenGL that works, found out where it can do no harm.

Without an OpenGL library, or with one that finds no driver, VTK does not raise: it ends the process. So a child process opens a window of a
few pixels first, one way after the other, and this process then uses the way that worked. The answer is kept for the life of the process.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["APT_LINE", "Probe", "Trial", "find_opengl", "probe_opengl"]

# What a Debian or Ubuntu without a desktop lacks for 3D (the first three) and for Qt's X11 plug-in: one line, because nobody should have
# to come back for the second half.
APT_LINE = (
    "apt-get install libegl1 libgl1 libgl1-mesa-dri libdbus-1-3 libfontconfig1 libglib2.0-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 "
    "libxcb-shape0 libxkbcommon-x11-0"
)
TIMEOUT_S = 60.0
ENVIRONMENT = "VTK_DEFAULT_OPENGL_WINDOW"
# Variables that choose a driver for Mesa and for libglvnd; a driver that is not there looks like no OpenGL at all.
DRIVER_VARIABLES = (
    "GALLIUM_DRIVER",
    "MESA_LOADER_DRIVER_OVERRIDE",
    "MESA_GL_VERSION_OVERRIDE",
    "LIBGL_DRIVERS_PATH",
    "GBM_BACKENDS_PATH",
    "EGL_PLATFORM",
    "__EGL_VENDOR_LIBRARY_DIRS",
    "__EGL_VENDOR_LIBRARY_FILENAMES",
    "__GLX_VENDOR_LIBRARY_NAME",
)
# By platform: the window classes to try. "" is the class that VTK itself takes on a platform with one way only.
WAYS = {"linux": ("vtkXOpenGLRenderWindow", "vtkEGLRenderWindow", "vtkOSOpenGLRenderWindow")}
WORDS = {
    "vtkXOpenGLRenderWindow": "the X display",
    "vtkEGLRenderWindow": "EGL",
    "vtkOSOpenGLRenderWindow": "OSMesa",
    "": "the system's OpenGL",
}

CHILD = """
import sys
import vtkmodules.vtkRenderingOpenGL2 as gl
from vtkmodules.vtkRenderingCore import vtkRenderer, vtkRenderWindow
window = getattr(gl, sys.argv[1])() if sys.argv[1] else vtkRenderWindow()
window.SetOffScreenRendering(1)
window.SetSize(8, 8)
renderer = vtkRenderer()
renderer.SetBackground(1, 0, 0)
window.AddRenderer(renderer)
window.Render()
from vtkmodules.vtkCommonCore import vtkUnsignedCharArray
pixels = vtkUnsignedCharArray()
window.GetPixelData(4, 4, 4, 4, 0, pixels, 0)
red = pixels.GetNumberOfValues() >= 3 and [pixels.GetValue(k) for k in range(3)] == [255, 0, 0]
report = dict(line.split(":", 1) for line in window.ReportCapabilities().splitlines() if ":" in line)
print("works" if red else "draws nothing", "|", report.get("OpenGL renderer string", "").strip(), flush=True)
window.Finalize()
"""


@dataclass(frozen=True, slots=True)
class Probe:
    """What was found.

    Parameters
    ----------
    ok : bool
    how : str
        VTK's window class that works; empty: the platform's own, or none.
    renderer : str
        The driver's name for itself, such as ``"llvmpipe (LLVM 15.0.6, 256 bits)"``.
    sentence : str
        What to tell a person where ``ok`` is false: what is missing and the line that installs it.
    """

    ok: bool
    how: str
    renderer: str
    sentence: str


# Tries one window class, without some variables of the environment: (works, what it says).
Trial = Callable[[str, tuple[str, ...]], tuple[bool, str]]


@functools.cache
def probe_opengl() -> Probe:
    """Which OpenGL works on this machine; asked once per process."""
    return find_opengl(_in_child, platform=sys.platform, environment=dict(os.environ))


def find_opengl(trial: Trial, *, platform: str, environment: dict[str, str]) -> Probe:
    """The first way that works.

    Parameters
    ----------
    trial : callable
        Window class, variables to leave out of the environment -> (works, what it says).
    platform : str
        As ``sys.platform``.
    environment : dict
        ``DISPLAY`` and ``VTK_DEFAULT_OPENGL_WINDOW`` are asked: a way that the person chose is the only one tried, a name that is none
        of VTK's window classes is passed over. Where nothing works, variables that choose a driver are what is suspected first.
    """
    usual = WAYS.get(platform, ("",))
    chosen = environment.get(ENVIRONMENT)
    if chosen not in WORDS or not chosen:
        chosen = None
    shown = tuple(way for way in usual if way != "vtkXOpenGLRenderWindow" or environment.get("DISPLAY"))
    ways = (chosen,) if chosen else shown
    for way in ways:
        works, words = trial(way, ())
        if works:
            return Probe(ok=True, how=way, renderer=words, sentence="")
    tried = ", ".join(WORDS[way] for way in ways)
    remedy = f"install one with: {APT_LINE}" if platform == "linux" else "install or update the driver of the graphics card"
    drivers = tuple(name for name in DRIVER_VARIABLES if environment.get(name))
    if drivers and any(trial(way, drivers)[0] for way in shown):
        settings = " ".join(f"{name}={environment[name]}" for name in drivers)
        remedy = f"it works without the setting {settings}, so unset it: it names a driver that is not here"
    elif chosen and any(trial(way, drivers)[0] for way in shown if way != chosen):
        remedy = f"it works without the setting {ENVIRONMENT}={chosen}, so unset it"
    sentence = f"The 3D view needs OpenGL and none works here (tried {tried}); slices and everything else work without it; {remedy}"
    return Probe(ok=False, how="", renderer="", sentence=sentence)


def _in_child(way: str, without: tuple[str, ...] = ()) -> tuple[bool, str]:
    """Open a window of that class in a process of its own, which may die of it."""
    environment = {name: value for name, value in os.environ.items() if name not in (ENVIRONMENT, *without)}
    command = [sys.executable, "-c", CHILD, way]
    try:
        child = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, env=environment)
    except subprocess.TimeoutExpired:
        return False, ""
    state, _, renderer = child.stdout.strip().rpartition("\n")[2].partition("|")
    return child.returncode == 0 and state.strip() == "works", renderer.strip()
