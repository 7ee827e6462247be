"""A VTK pane in the window: device pixels in, device pixels out.

One `Canvas` is one QtInteractor. VTK's own interaction is switched off, and a frame is rendered only when it was asked for, never because
Qt repaints the window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyvistaqt import QtInteractor

from volstudio.apps.studio.pointing import Pointing
from volstudio.scene.model import Scene

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

__all__ = ["Canvas"]


class Canvas(Pointing, QtInteractor):  # type: ignore[misc]  # pyvistaqt ships no types
    """One VTK render window as a widget, silent until asked."""

    def __init__(self, parent: QWidget | None = None, *, multi_samples: int = 0) -> None:
        super().__init__(parent, auto_update=False, multi_samples=multi_samples)  # type: ignore[call-arg]  # of QtInteractor
        self.begin_pointing()
        self.renderer.SetBackground(*Scene().background)  # VTK paints a pane before the first picture is ready
        self._set_up = False

    def draw(self) -> None:
        """Render one frame; panes say of what."""
        self.render_now()

    def render_now(self) -> None:
        """Render the VTK scene as it stands and show it; nothing before the first paint, which asks for a frame itself."""
        if self._set_up and not self._closed_for_good and self.isVisible():
            self.GetRenderWindow().Render()

    def resizeGL(self, width: int, height: int) -> None:  # noqa: N802 - Qt's name
        """Follow the widget; letters are sized in device pixels by those who draw them, so VTK is not to scale them once more."""
        super().resizeGL(width, height)
        self.GetRenderWindow().SetDPI(72)

    def paintGL(self) -> None:  # noqa: N802 - Qt's name
        """Show the last frame; only the very first paint renders, because VTK sets its buffers up in it."""
        super().paintGL()
        if not self._set_up:
            self._set_up = True
            self.GetRenderWindow().GetInteractor().EnableRenderOff()
            self.request()
