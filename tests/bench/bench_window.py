"""From a key that nudges a layer to the slices that show it, in a real window: ``python tests/bench/bench_window.py [FIXED MOVING]``.

Needs Xvfb. A key event goes into a number field of the window as the keyboard's would; the clock stops when the last of the panes has been
given its new picture and the window has put it on the screen. Without files the built-in sample is used. Milliseconds on the wall, of the
CPU by the window's own thread, and of the CPU by all threads (a software OpenGL has some): median and best of the nudges.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

NUDGES = 12
REST_S = 0.4
SIZE = (1480, 940)


def display() -> subprocess.Popen[bytes]:
    """An X server of its own, named in the environment."""
    reader, writer = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"],
        pass_fds=(writer,),
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    with os.fdopen(reader) as answer:
        os.environ["DISPLAY"] = f":{answer.readline().strip()}"
    return server


class Panes:
    """Counts the pictures that the slice panes show."""

    def __init__(self, window: Any) -> None:
        self.panes = [pane for pane in window.slice_panes.values() if pane.isVisible()]
        self.shown = dict.fromkeys(self.panes, 0)
        for pane in self.panes:
            self._watch(pane)

    def _watch(self, pane: Any) -> None:
        show = pane.show_picture

        def counted(picture: Any) -> None:
            show(picture)
            self.shown[pane] += 1

        pane.show_picture = counted

    def clear(self) -> None:
        """Begin anew."""
        self.shown = dict.fromkeys(self.panes, 0)

    @property
    def all_new(self) -> bool:
        """Whether every pane has shown a picture since."""
        return all(self.shown.values())


def until(app: Any, true: Callable[[], bool], seconds: float = 60.0) -> None:
    """Let the window work until something is so."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise SystemExit("the window did not answer")
        app.processEvents()


def rest(app: Any, seconds: float) -> None:
    """Let the window finish what it draws while nobody moves."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        app.processEvents()
        time.sleep(0.005)


def nudges(app: Any, window: Any, panes: Panes) -> list[tuple[float, float, float]]:
    """(wall, CPU of this thread, CPU of all threads) milliseconds of each nudge."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    field = window.placement.fields[0]
    field.setFocus()
    taken = []
    for number in range(NUDGES):
        rest(app, REST_S)
        panes.clear()
        wall, cpu, all_cpu = time.perf_counter(), time.thread_time(), time.process_time()
        QTest.keyClick(field, Qt.Key.Key_Up if number % 4 < 2 else Qt.Key.Key_Down)
        until(app, lambda: panes.all_new)
        app.processEvents()  # what is to be painted is painted
        taken.append(tuple(1000 * value for value in (time.perf_counter() - wall, time.thread_time() - cpu, time.process_time() - all_cpu)))
    return taken


def measure(paths: list[str], view: str, *, move_tool: bool) -> None:
    """Print the figures of one layout."""
    from volstudio.apps.studio.application import application, make_window
    from volstudio.tasks.open import open_scene

    app = application()
    window = make_window(open_scene(paths), recover=False)
    window.resize(*SIZE)
    window.set_view(view)
    window.desk.set_move_tool(move_tool)
    window.show()
    window.activateWindow()
    seen = [pane for pane in window.slice_panes.values() if pane.isVisible()]
    until(app, lambda: all(pane.picture is not None for pane in seen))
    rest(app, 3.0)
    panes = Panes(window)
    taken = nudges(app, window, panes)
    pixels = " + ".join("x".join(map(str, pane.device_size)) for pane in panes.panes)
    print(f"{view}, {pixels} pixels, likeness {'on' if move_tool else 'off'}")
    for what, values in zip(("wall", "CPU", "all CPU"), zip(*taken, strict=True), strict=True):
        print(f"    {what:7} median {statistics.median(values):6.1f} ms   best {min(values):6.1f} ms", flush=True)
    window.shut()
    window.hide()
    window.deleteLater()


def main() -> None:
    """All layouts."""
    paths = sys.argv[1:] or ["sample:t1", "sample:epi"]
    server = display()
    try:
        for view in ("axial", "ortho", "quad"):
            for move_tool in (False, True):
                measure(paths, view, move_tool=move_tool)
    finally:
        server.terminate()
    os._exit(0)  # Qt would end the process with an error when its display has gone


if __name__ == "__main__":
    main()
