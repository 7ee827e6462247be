"""What a closed window leaves behind in its process: nothing that was its own."""

from __future__ import annotations

import gc
import weakref

import pytest

pytestmark = pytest.mark.window

ROOMS = ("volstudio", "vtkmodules", "pyvista", "pyvistaqt", "PySide6", "numpy")
WINDOWS = 10


def living() -> int:
    """Objects of the program and of what it draws with."""
    gc.collect()
    return sum(str(type(each).__module__).partition(".")[0] in ROOMS for each in gc.get_objects())


def test_ten_closed_windows_leave_no_more_behind_than_one(app, hand, scans):
    from PySide6.QtCore import QEvent

    from volstudio.apps.studio.application import make_window
    from volstudio.tasks.open import open_scene

    paths = [str(scans["anatomy"]), str(scans["epi"])]
    seen, counts = [], []
    for _ in range(WINDOWS):
        window = make_window(open_scene(paths), recover=False)
        window.resize(700, 500)
        window.show()
        hand.until(lambda window=window: all(pane.picture is not None for pane in window.slice_panes.values()), "the slices are drawn")
        hand.until(lambda window=window: window.scene_pane.drawn, "the volumes are drawn")
        parts = (window, window.desk, window.scene_pane, window.scene_pane.view, window.slice_panes["axial"], window.refine)
        seen += [weakref.ref(part) for part in parts]
        del parts
        window.close()
        window.deleteLater()
        del window
        hand.settle()
        app.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        counts.append(living())
    assert [part() for part in seen if part() is not None] == []
    assert counts[-1] - counts[1] < 20 * (WINDOWS - 2)  # the caches of the libraries grow by a few
