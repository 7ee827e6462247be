"""One Qt application with one window, from start to exit status."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from volstudio import __version__
from volstudio.apps.studio.icons import pixmap
from volstudio.apps.studio.theme import COLOURS, apply_theme
from volstudio.apps.studio.window import StudioWindow
from volstudio.session.session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from volstudio.scene.model import Scene

__all__ = ["application", "make_window", "run_window"]

# Python hears Ctrl+C only between its own instructions, and an idle event loop runs none: a timer runs some.
SIGNAL_CHECK_MS = 250


def application() -> QApplication:
    """The process's Qt application, in the studio's looks."""
    app = QApplication.instance() or QApplication([sys.argv[0] if sys.argv else "volstudio"])
    assert isinstance(app, QApplication)  # noqa: S101 - a plain QCoreApplication cannot hold windows
    app.setApplicationName("volstudio")
    app.setApplicationVersion(__version__)
    app.setDesktopFileName("volstudio")
    apply_theme(app)
    app.setWindowIcon(QIcon(pixmap("cube", COLOURS["accent"], size=64)))
    return app


def make_window(scene: Scene | None = None, *, recover: bool = True, session_path: Path | str | None = None) -> StudioWindow:
    """A window on a scene, with its journal, not yet shown; see `volstudio.apps.studio.run`."""
    session = Session(scene)
    if session_path is not None:
        session.mark_saved(Path(session_path).absolute())
    window = StudioWindow(session)
    if recover:
        window.documents.recoveries.look()
    window.documents.begin_journal()
    window.documents.remember_opened()
    return window


def run_window(scene: Scene | None, *, recover: bool, session_path: Path | str | None, folders: Sequence[Path | str]) -> int:
    """See `volstudio.apps.studio.run`."""
    # A signal may come while Qt begins or in the middle of a frame, where stopping would pull the window from under VTK: it is noted, and
    # the next beat closes.
    stop = threading.Event()
    handler = signal.signal(signal.SIGINT, lambda *_: stop.set())
    try:
        app = application()
        window = make_window(scene, recover=recover, session_path=session_path)
        if folders:
            QTimer.singleShot(0, window, lambda: window.documents.open_volumes(folders))
        return _shown(app, window, stop)
    finally:
        signal.signal(signal.SIGINT, handler)


def _shown(app: QApplication, window: StudioWindow, stop: threading.Event) -> int:
    """Exit status of a window that was shown until it was closed, or until ``stop`` was set."""
    previous, previous_thread = sys.excepthook, threading.excepthook

    def caught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        previous(kind, error, trace)
        window.report(error)

    def heed() -> None:
        if stop.is_set():
            stop.clear()
            window.close()

    sys.excepthook = caught
    threading.excepthook = lambda fault: window.desk.post(lambda: window.report(fault.exc_value or RuntimeError("unknown")))
    beat = QTimer()
    beat.timeout.connect(heed)
    beat.start(SIGNAL_CHECK_MS)
    try:
        window.show()
        window.activateWindow()
        return app.exec()
    finally:
        beat.stop()
        sys.excepthook, threading.excepthook = previous, previous_thread
        window.shut()
