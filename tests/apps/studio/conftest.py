"""A screen of its own for the window's tests, small scans, and a hand that presses real buttons."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
import time
import warnings
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from volstudio.apps.studio.window import StudioWindow

SCREEN = "1600x1000x24"
SIZE = (1000, 720)

START = """
import sys, os
from PySide6.QtCore import QTimer
from volstudio.apps.studio import application as studio
from volstudio.tasks.open import open_scene

def begin(window):
    {begin}

make = studio.make_window
def made(*args, **kwargs):
    window = make(*args, **kwargs)
    class Quiet:
        def unsaved(self, what):
            return "discard"
    window.documents._ask = Quiet()
    QTimer.singleShot(300, lambda: begin(window))
    return window
studio.make_window = made
from volstudio.apps.studio import run
sys.exit(run(open_scene(sys.argv[1:]) if sys.argv[1:] else None))
"""


def start_xvfb() -> tuple[subprocess.Popen[bytes], str]:
    """An X server on a number that was free, and the name of its display."""
    reader, writer = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writer), "-screen", "0", SCREEN, "-nolisten", "tcp"],
        pass_fds=(writer,),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    with os.fdopen(reader) as answer:
        number = answer.readline().strip()
    if not number:
        server.wait()
        pytest.skip("Xvfb is installed but does not start here")
    return server, f":{number}"


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """Name of a virtual display that belongs to these tests."""
    pytest.importorskip("PySide6.QtWidgets", reason="the window's extra, or a library it needs, is not installed", exc_type=ImportError)
    pytest.importorskip("pyvistaqt", reason="the window's extra, or a library it needs, is not installed", exc_type=ImportError)
    if sys.platform != "linux" or shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed, so no window can be tested without taking the person's screen")
    server, name = start_xvfb()
    yield name
    # Qt ends the process when its display goes first.
    from PySide6.QtWidgets import QApplication

    app = QApplication.instance()
    if app is not None:
        app.shutdown()
    server.terminate()
    server.wait(10)


@pytest.fixture(scope="session")
def app(display: str) -> Iterator[Any]:
    """The Qt application on the virtual display."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISPLAY", display)
        patch.setenv("QT_QPA_PLATFORM", "xcb")
        patch.delenv("WAYLAND_DISPLAY", raising=False)
        from volstudio.apps.studio.application import application

        yield application()


def write_scan(path: Path, shape: tuple[int, int, int], affine: np.ndarray, *, times: int = 0) -> Path:
    """A lopsided smooth head, so that no mirror image passes for it."""
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1)
    world = grid @ affine[:3, :3].T + affine[:3, 3]
    head = np.exp(-((world / (55, 70, 50)) ** 4).sum(-1))
    blob = 0.9 * np.exp(-(((world - (25, 20, 10)) / 14) ** 2).sum(-1)) + 0.5 * np.exp(-(((world - (-20, -30, 15)) / 10) ** 2).sum(-1))
    data = ((head * 400 + blob * 500) * (1 + 0.1 * np.sin(world[..., 1] / 9))).astype(np.int16)
    if times:
        data = np.stack([data + 20 * t for t in range(times)], axis=-1)
    image = nib.Nifti1Image(data, affine)
    image.header.set_xyzt_units("mm", "sec")
    image.set_sform(affine, 1)
    image.set_qform(affine, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(image, path)
    return path


def tilted(mm: float, shape: tuple[int, int, int], degrees: float, shift: tuple[float, float, float]) -> np.ndarray:
    """Affine of a grid whose middle lies at ``shift``, turned about x."""
    angle = np.radians(degrees)
    affine = np.eye(4)
    affine[:3, :3] = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]]) * mm
    affine[:3, 3] = shift - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return affine


@pytest.fixture(scope="session")
def scans(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An anatomy, an EPI and a series, under a path in Chinese with spaces."""
    folder = tmp_path_factory.mktemp("scans") / "扫描" / "病人 一"
    return {
        "anatomy": write_scan(folder / "解剖.nii.gz", (44, 54, 40), tilted(3.0, (44, 54, 40), 0, (0, 0, 0))),
        "epi": write_scan(folder / "epi.nii.gz", (22, 27, 16), tilted(6.0, (22, 27, 16), 12, (2, -3, 1))),
        "series": write_scan(folder / "bold.nii.gz", (22, 27, 16), tilted(6.0, (22, 27, 16), 12, (2, -3, 1)), times=5),
    }


class FakeAsk:
    """Answers the window's questions as a test says; an unexpected question fails."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[str] = []

    def _answer(self, question: str) -> Any:
        self.asked.append(question)
        return self.answers[question]

    def begin_in(self, folder: Path) -> None:
        self.folder_shown = folder

    def files_to_open(self, title: str, kinds: str) -> Any:
        return self._answer("files_to_open")

    def file_to_save(self, title: str, suggestion: str, kinds: str) -> Any:
        return self._answer("file_to_save")

    def folder(self, title: str) -> Any:
        return self._answer("folder")

    def one_of(self, title: str, question: str, options: Any) -> Any:
        return self._answer("one_of")

    def some_of(self, title: str, question: str, options: Any) -> Any:
        self.options = tuple(options)
        return self._answer("some_of")

    def unsaved(self, what: str) -> Any:
        return self._answer("unsaved")


class Hand:
    """Presses real buttons and keys in a window, and waits for what comes of it."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def until(self, true: Callable[[], object], what: str, seconds: float = 30.0) -> None:
        """Let the window work until something is so."""
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, f"never happened: {what}"
            self.app.processEvents()
            time.sleep(0.002)

    def settle(self) -> None:
        """Let the window do what is due now."""
        for _ in range(5):
            self.app.processEvents()

    def press(self, pane: Any, at: tuple[float, float], button: str = "Left", keys: str = "No") -> None:
        self._event("mousePress", pane, at, button, keys)

    def release(self, pane: Any, at: tuple[float, float], button: str = "Left", keys: str = "No") -> None:
        self._event("mouseRelease", pane, at, button, keys)

    def click(self, pane: Any, at: tuple[float, float], button: str = "Left", keys: str = "No") -> None:
        self.press(pane, at, button, keys)
        self.release(pane, at, button, keys)
        self.settle()

    def double_click(self, pane: Any, at: tuple[float, float]) -> None:
        self._event("mouseDClick", pane, at, "Left", "No")
        self.settle()

    def move(self, pane: Any, at: tuple[float, float], keys: str = "No") -> None:
        from PySide6.QtCore import QEvent, QPointF, Qt
        from PySide6.QtGui import QMouseEvent
        from PySide6.QtTest import QTest

        if keys == "No":
            QTest.mouseMove(pane, self._point(at))
        else:  # Qt's own test moves carry no keys
            here, held = QPointF(self._point(at)), getattr(Qt.KeyboardModifier, f"{keys}Modifier")
            none = Qt.MouseButton.NoButton
            self.app.sendEvent(pane, QMouseEvent(QEvent.Type.MouseMove, here, QPointF(pane.mapToGlobal(here)), none, none, held))
        self.app.processEvents()

    def drag(self, pane: Any, start: tuple[float, float], end: tuple[float, float], button: str = "Left", keys: str = "No") -> None:
        """Press, move in ten steps, and let go."""
        self.press(pane, start, button, keys)
        for step in range(1, 11):
            self.move(pane, (start[0] + (end[0] - start[0]) * step / 10, start[1] + (end[1] - start[1]) * step / 10), keys)
        self.release(pane, end, button, keys)
        self.settle()

    def wheel(self, pane: Any, at: tuple[float, float], notches: int, keys: str = "No") -> None:
        from PySide6.QtCore import QPoint, QPointF, Qt
        from PySide6.QtGui import QWheelEvent

        point = QPointF(*at)
        event = QWheelEvent(
            point,
            QPointF(pane.mapToGlobal(self._point(at))),
            QPoint(0, 0),
            QPoint(0, 120 * notches),
            Qt.MouseButton.NoButton,
            getattr(Qt.KeyboardModifier, f"{keys}Modifier"),
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        self.app.sendEvent(pane, event)
        self.settle()

    def key(self, widget: Any, key: str) -> None:
        """Press a key as the keyboard would, such as ``"Ctrl+Z"``."""
        from PySide6.QtGui import QKeySequence
        from PySide6.QtTest import QTest

        combination = QKeySequence(key)[0]
        QTest.keyClick(widget, combination.key(), combination.keyboardModifiers())
        self.settle()

    def type(self, field: Any, text: str) -> None:
        """Replace what a field holds, and press Return."""
        from PySide6.QtCore import Qt
        from PySide6.QtGui import QInputMethodEvent
        from PySide6.QtTest import QTest

        field.setFocus()
        field.selectAll()
        QTest.keyClick(field, Qt.Key.Key_Delete)
        if text.isascii():
            QTest.keyClicks(field, text)
        else:  # what no plain key gives comes from an input method
            event = QInputMethodEvent()
            event.setCommitString(text)
            self.app.sendEvent(field, event)
        QTest.keyClick(field, Qt.Key.Key_Return)
        self.settle()

    def drop(self, window: Any, *paths: Path) -> None:
        """Let files go over the window."""
        from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
        from PySide6.QtGui import QDragEnterEvent, QDropEvent

        data, left, none = QMimeData(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
        with warnings.catch_warnings():  # Qt 6.12 deprecates the only way to make this event, and offers no other in Python
            warnings.simplefilter("ignore", DeprecationWarning)
            enter = QDragEnterEvent(QPoint(50, 50), Qt.DropAction.CopyAction, data, left, none)
        self.app.sendEvent(window, enter)
        assert enter.isAccepted()
        self.app.sendEvent(window, QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, data, left, none))

    def _point(self, at: tuple[float, float]) -> Any:
        from PySide6.QtCore import QPoint

        return QPoint(round(at[0]), round(at[1]))

    def _event(self, kind: str, pane: Any, at: tuple[float, float], button: str, keys: str) -> None:
        from PySide6.QtCore import Qt
        from PySide6.QtTest import QTest

        modifier = getattr(Qt.KeyboardModifier, f"{keys}Modifier")
        getattr(QTest, kind)(pane, getattr(Qt.MouseButton, f"{button}Button"), modifier, self._point(at))
        self.app.processEvents()


@pytest.fixture
def hand(app: Any) -> Hand:
    """The person at the mouse."""
    return Hand(app)


@pytest.fixture
def open_window(app: Any, hand: Hand) -> Iterator[Callable[..., StudioWindow]]:
    """Opens windows on scans (or samples) and closes them after the test."""
    from volstudio.apps.studio.application import make_window
    from volstudio.tasks.open import open_scene

    windows: list[StudioWindow] = []

    def opened(*paths: Path | str, recover: bool = False, view: str | None = None) -> StudioWindow:
        from msgspec.structs import replace

        scene = open_scene([str(path) for path in paths]) if paths else None
        if scene is not None and view is not None:
            scene = replace(scene, view=view)
        window = make_window(scene, recover=recover)
        window.ask = window.documents._ask = window.exports._ask = FakeAsk()
        windows.append(window)
        window.resize(*SIZE)
        window.show()
        window.activateWindow()  # no window manager does it here
        hand.until(window.isActiveWindow, "the window is active")
        if scene is not None:
            seen = [pane for name, pane in window.slice_panes.items() if window.desk.shown.view in ("quad", "ortho", name)]
            hand.until(lambda: all(pane.picture is not None for pane in seen), "the slices are drawn")
        hand.settle()
        return window

    yield opened
    for window in windows:
        window.ask.answers["unsaved"] = "discard"
        window.close()
        window.deleteLater()
    hand.settle()


@pytest.fixture
def window(open_window: Callable[..., StudioWindow], scans: dict[str, Path]) -> StudioWindow:
    """A window on the anatomy and the EPI, three slices on show."""
    return open_window(scans["anatomy"], scans["epi"], view="ortho")


@pytest.fixture
def launch(display: str, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts the studio in a process of its own; ``begin`` runs in it once the window is there."""
    running: list[subprocess.Popen[str]] = []

    def launched(begin: str, *paths: Path | str, **environment: str) -> subprocess.Popen[str]:
        code = START.format(begin=textwrap.indent(textwrap.dedent(begin), "    ").strip())
        env = {**os.environ, "DISPLAY": display, "VOLSTUDIO_STATE_DIR": str(tmp_path / "state"), "PYTHONUNBUFFERED": "1", **environment}
        env.pop("WAYLAND_DISPLAY", None)
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, paths)], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        running.append(process)
        return process

    yield launched
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()
