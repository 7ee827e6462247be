"""The 3D pane: the whole scene in depth, and what the mouse does in it.

Left: rotate, or a handle of the gizmo; a click puts the crosshair on what is seen there. Middle, or Shift: pan. Right, wheel: zoom.
A frame of a software renderer can take a second. So nothing is rendered in a handler: while things move, coarse frames come at the
pace at which they can be made, behind the slice panes; a full one follows when the hand rests.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication

from volstudio.apps.studio.camera import Eye
from volstudio.apps.studio.canvas import Canvas, Pointer
from volstudio.apps.studio.gestures import LayerDrag, gizmo_of
from volstudio.rendering.gizmo_actor import GizmoActor
from volstudio.rendering.pick import pick
from volstudio.rendering.rays import CameraRays
from volstudio.rendering.view import SceneView
from volstudio.session.commands import SetCamera, SetCrosshair

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from volstudio.apps.studio.desk import Desk
    from volstudio.scene.model import Scene

__all__ = ["ScenePane"]

REST_MS = 150
# Between coarse frames the window gets at least as long as the last one took, and never waits longer than this for one.
LONGEST_PAUSE_MS = 400


class ScenePane(Canvas):
    """The scene in 3D.

    Parameters
    ----------
    desk : Desk
    """

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent, multi_samples=4)
        self._desk = desk
        self._view: SceneView | None = None
        self._synced: Scene | None = None
        self._gizmo = GizmoActor(self.renderer)
        self._drag: LayerDrag | None = None
        self._eye: Eye | None = None
        self._at: Pointer | None = None
        self._hot: str | None = None
        self._coarse_ms = 0.0
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._draw_full)
        self.pressed.connect(self._on_press)
        self.dragged.connect(self._on_drag)
        self.released.connect(self._on_release)
        self.hovered.connect(self._on_hover)
        self.wheeled.connect(self._on_wheel)
        desk.changed.connect(lambda *_: self.request_soon())
        desk.active_changed.connect(self.request_soon)
        desk.tool_changed.connect(self.request_soon)

    @property
    def rays(self) -> CameraRays:
        """Pixels of the pane to lines in the scene, as it is drawn now."""
        return CameraRays.of(self.renderer)

    @property
    def dragging(self) -> bool:
        """Whether a handle is held."""
        return self._drag is not None

    def request_soon(self) -> None:
        """Ask for a coarse frame, behind whatever the window has to do first."""
        self._rest.stop()
        self.request(int(min(self._coarse_ms, LONGEST_PAUSE_MS)))

    def look_from(self, side: str) -> None:
        """Look at all layers from a side."""
        self._desk.apply(SetCamera(self._eye_now().seen_from(side, self._bounds()).camera))

    def cancel_drag(self) -> bool:
        """Take back the running drag of a handle; whether there was one."""
        if self._drag is None:
            return False
        self._drag.cancel()
        self._drag = None
        self.request_soon()
        return True

    def shut(self) -> None:
        """Stop drawing and give the graphics memory back."""
        self._rest.stop()
        if self._view is not None:
            self._view.close()
        super().shut()

    def draw(self) -> None:
        """A coarse frame now, a full one when the hand rests."""
        started = time.perf_counter()
        self._render("moving")
        self._coarse_ms = 1000 * (time.perf_counter() - started)
        self._rest.start(REST_MS)

    def _draw_full(self) -> None:
        if QApplication.mouseButtons() != Qt.MouseButton.NoButton:
            self._rest.start(REST_MS)
            return
        if self.isVisible():
            self._render("still")

    def _render(self, quality: str) -> None:
        with self._desk.telling():
            if self._view is None:
                self._view = SceneView(self.renderer, self._desk.volumes)
            shown = self._desk.shown
            self._view.sync(self._synced, shown)
            self._synced = shown
            self._view.set_quality(quality)
            gizmo = gizmo_of(self._desk, self.devicePixelRatioF())
            self._gizmo.show(gizmo, self.rays, hot=self._drag.handle if self._drag else self._hot)
            self.render_now()

    def _bounds(self) -> tuple[float, ...]:
        return tuple(self._view.bounds()) if self._view is not None else (-100.0, 100.0) * 3

    def _eye_now(self) -> Eye:
        return Eye.of(self.renderer)

    def _on_press(self, pointer: Pointer) -> None:
        if self._drag is not None:
            if pointer.button == Qt.MouseButton.RightButton:
                self.cancel_drag()
            return
        self._at, self._eye = pointer, self._eye_now()
        gizmo = gizmo_of(self._desk, self.devicePixelRatioF())
        if pointer.button == Qt.MouseButton.LeftButton and gizmo is not None:
            self._drag = LayerDrag.begin(self._desk, gizmo, self.rays, pointer.pixel)

    def _on_drag(self, pointer: Pointer) -> None:
        if self._at is None or self._eye is None:
            return
        if self._drag is not None:
            self._drag.to(self.rays, pointer.pixel, snap=pointer.shift)
            return
        if not pointer.moved:
            return
        way = np.subtract(pointer.pixel, self._at.pixel)
        if pointer.button == Qt.MouseButton.RightButton:
            eye = self._eye.zoomed(1.006 ** (-way[1] / self.devicePixelRatioF()))
        elif pointer.button == Qt.MouseButton.MiddleButton or pointer.shift:
            eye = self._eye.panned(way, self.device_size)
        else:
            eye = self._eye.turned(way, self.device_size)
        self._desk.apply(SetCamera(eye.camera))

    def _on_release(self, pointer: Pointer) -> None:
        was_drag, self._drag = self._drag is not None, None
        if pointer.button == Qt.MouseButton.LeftButton and not pointer.moved and not was_drag:
            with self._desk.telling():
                point = pick(self.renderer, self._desk.shown, self._desk.volumes, pointer.pixel)
                if point is not None:
                    x, y, z = (float(value) for value in point)
                    self._desk.apply(SetCrosshair((x, y, z)))
        if was_drag:
            self.request_soon()
        self._at = self._eye = None

    def _on_hover(self, pointer: Pointer) -> None:
        gizmo = gizmo_of(self._desk, self.devicePixelRatioF())
        hot = None if gizmo is None or self._view is None else gizmo.hit(self.rays, pointer.pixel)
        if hot != self._hot:
            self._hot = hot
            self.setCursor(Qt.CursorShape.ArrowCursor if hot is None else Qt.CursorShape.OpenHandCursor)
            self.request_soon()

    def _on_wheel(self, pointer: Pointer) -> None:
        self._desk.apply(SetCamera(self._eye_now().zoomed(1.15**pointer.notches).camera))
