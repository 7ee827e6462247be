"""The interactive window, in Qt."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from volstudio.apps.studio.singletons import protect_singletons
from volstudio.apps.terminal import interrupts_later

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from volstudio.scene.model import Scene

__all__ = ["run"]

# Both must be so before Qt is first imported, by whichever part of the window that is.
os.environ.setdefault("QT_API", "pyside6")  # pyvistaqt would take the first binding it finds
protect_singletons()


def run(
    scene: Scene | None = None, *, recover: bool = True, session_path: Path | str | None = None, folders: Sequence[Path | str] = ()
) -> int:
    """Open the studio and stay until it is closed.

    Parameters
    ----------
    scene : Scene or None
        What to show; None: an empty window that asks for files.
    recover : bool
        Offer sessions back that were not closed.
    session_path : path or None
        Session file the scene came from: *Save* writes there.
    folders : sequence of path
        Folders with several DICOM series: the window asks which of them to add.

    Returns
    -------
    int
        Exit status for the shell.

    Raises
    ------
    MissingExtraError
        PySide6 or pyvistaqt is not installed.
    OpenGLUnavailableError
        There is no display, no OpenGL, or a library that Qt needs is missing.
    """
    from concurrent.futures import ThreadPoolExecutor

    from volstudio.apps.studio.preflight import check_display, check_extra, check_opengl, check_qt_platform

    with interrupts_later():
        check_extra()
        check_display()
        check_qt_platform()
        with ThreadPoolExecutor(1) as beside:  # the probe is a process of its own: it may run while this one imports
            opengl = beside.submit(check_opengl)
            from volstudio.apps.studio.application import run_window

            opengl.result()
    return run_window(scene, recover=recover, session_path=session_path, folders=folders)
