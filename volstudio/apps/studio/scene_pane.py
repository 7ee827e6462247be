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

from volstudio.apps.studio import camera as eyes
from volstudio.apps.studio.canvas import Canvas
from volstudio.apps.studio.gestures import LayerDrag, gizmo_of
from volstudio.rendering.camera import apply_camera, camera_of, first_camera
from volstudio.rendering.gizmo_actor import GizmoActor
from volstudio.rendering.pick import pick
from volstudio.rendering.planes import content_box, seen_box
from volstudio.rendering.view import SceneView
from volstudio.session.commands import SetCamera, SetCrosshair

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from volstudio.apps.studio.desk import Desk
    from volstudio.apps.studio.pointing import Pointer
    from volstudio.rendering.rays import CameraRays
    from volstudio.scene.model import Camera, Scene, Vec3

__all__ = ["ScenePane"]

# Every how many pixels a ray is cast, and how many steps of a voxel it takes: while moving where frames are slow, while moving, at rest,
# and at long rest.
DETAILS = ((4.5, 3.0), (3.0, 2.0), (1.75, 1.25), (1.0, 1.0))
MOVING = 1
QUICK_MS = 100.0  # a press of Cancel is answered within twice this, and may come just when a frame begins
GROWTH = 3.2  # measured on software OpenGL: what the finer ones take, each against the one before
REST_MS = 150
LONG_REST_MS = 600
LONGEST_FRAME_MS = 2500.0  # a window that answers later than this is thought to have hung
SLOW_MS = 60.0
PAUSE_MS = 120
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
        self._gizmo: GizmoActor | None = None
        self._drag: LayerDrag | None = None
        self._eye: Camera | None = None  # at the press
        self._at: Pointer | None = None
        self._hot: str | None = None
        self._resized = False  # since the last frame
        self._step = MOVING
        self._frame_ms = [0.0] * len(DETAILS)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._refine_picture)
        self.pressed.connect(desk.guarded(self._on_press))
        self.dragged.connect(desk.guarded(self._on_drag))
        self.released.connect(desk.guarded(self._on_release))
        self.hovered.connect(desk.guarded(self._on_hover))
        self.wheeled.connect(desk.guarded(self._on_wheel))
        self.sized.connect(self._on_sized)
        desk.changed.connect(self._on_change)
        desk.active_changed.connect(self.request_soon)
        desk.tool_changed.connect(self.request_soon)

    @property
    def view(self) -> SceneView:
        """What draws the scene here."""
        if self._view is None:
            self._view = SceneView(self.renderer, self._desk.volumes, scale=self.devicePixelRatioF())
        return self._view

    @property
    def rays(self) -> CameraRays:
        """Pixels of the pane to lines in the scene, as it is drawn now."""
        return self.view.rays()

    @property
    def towards_scene(self) -> Vec3:
        """Unit direction of the line of sight in the middle."""
        x, y, z = (float(value) for value in self.rays.direction)
        return (x, y, z)

    @property
    def drawn(self) -> bool:
        """Whether a frame has been drawn."""
        return self._synced is not None

    @property
    def dragging(self) -> bool:
        """Whether a handle is held."""
        return self._drag is not None

    def request_soon(self) -> None:
        """Ask for a coarse frame, behind whatever the window has to do first.

        Where coarse frames are slow and the hand is at work in another pane, they wait until it pauses: the slices follow the hand.
        """
        self._rest.stop()
        elsewhere = self._at is None and QApplication.mouseButtons() != Qt.MouseButton.NoButton
        coarse_ms = self._frame_ms[self._coarsest]
        if elsewhere and coarse_ms > SLOW_MS:
            self.postpone(PAUSE_MS)
        else:
            self.request(int(min(coarse_ms, LONGEST_PAUSE_MS)))

    def look_from(self, side: str) -> None:
        """Look at all layers from a side; "corner" shows three of them."""
        with self._desk.telling():
            box = content_box(self._desk.shown, self._desk.volumes)
            width, height = self.device_size
            self._desk.apply(SetCamera(first_camera(box, width / height, direction=eyes.SIDES[side])))

    def cancel_drag(self) -> bool:
        """Take back the running drag of a handle; whether there was one."""
        if self._drag is None:
            return False
        self._drag.cancel()
        self._drag = None
        self._at = self._eye = None
        self.forget_press()
        self.request_soon()
        return True

    def shut(self) -> None:
        """Stop drawing and give the graphics memory back."""
        self._rest.stop()
        for part in (self._gizmo, self._view):
            if part is not None:
                part.close()
        self._gizmo = self._view = None
        super().shut()

    def draw(self) -> None:
        """A coarse frame now, finer ones when the hand rests."""
        self._step = self._coarsest
        self._timed_render()
        self._rest.start(self._pause_ms())

    def _on_change(self, before: Scene, after: Scene) -> None:
        del before, after
        self.request_soon()

    def _on_sized(self) -> None:
        self._resized = True

    def _refine_picture(self) -> None:
        """The next finer frame, once hand and jobs rest (a long frame would delay the answer to Cancel), unless it would take too long."""
        if QApplication.mouseButtons() != Qt.MouseButton.NoButton or self._desk.worker.busy:
            self._rest.start(REST_MS)
            return
        if not self.isVisible():
            return
        self._step += 1
        self._timed_render()
        if self._step + 1 < len(DETAILS) and self._frame_ms[self._step + 1] < LONGEST_FRAME_MS:
            self._rest.start(self._pause_ms())

    @property
    def _coarsest(self) -> int:
        """The detail of frames while something moves."""
        return MOVING if self._frame_ms[MOVING] <= QUICK_MS else 0

    def _pause_ms(self) -> int:
        """How long the hand must rest before the next finer frame: longer where it takes long, so that it falls between no two clicks."""
        return LONG_REST_MS if self._frame_ms[self._step + 1] > LONG_REST_MS else REST_MS

    def _timed_render(self) -> None:
        """Render, and learn from it how long this and finer frames take."""
        started = time.perf_counter()
        self._render()
        taken = 1000 * (time.perf_counter() - started)
        self._frame_ms[self._step] = taken
        for finer in range(self._step + 1, len(DETAILS)):
            self._frame_ms[finer] = GROWTH * self._frame_ms[finer - 1]

    def _render(self) -> None:
        with self._desk.telling():
            shown = self._desk.shown
            if self._resized and self._synced is not None and shown.camera is None:
                width, height = self.device_size
                apply_camera(self.renderer, first_camera(seen_box(self._desk.framed, self._desk.volumes), width / height))
            self._resized = False
            self.view.sync(self._synced, shown)
            self._synced = shown
            pixels, steps = DETAILS[self._step]
            self.view.volume_actor.set_detail(pixels=pixels, steps=steps)
            gizmo = gizmo_of(self._desk, self.devicePixelRatioF())
            if self._gizmo is None:
                self._gizmo = GizmoActor(self.renderer, scale=self.devicePixelRatioF())
            self._gizmo.show(gizmo, hot=self._drag.handle if self._drag else self._hot, held=self._drag is not None)
            self.render_now()

    def _on_press(self, pointer: Pointer) -> None:
        if self._drag is not None:
            if pointer.button == Qt.MouseButton.RightButton:
                self.cancel_drag()
            return
        self._at, self._eye = pointer, camera_of(self.renderer)
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
            eye = eyes.zoomed(self._eye, 1.006 ** (-way[1] / self.devicePixelRatioF()))
        elif pointer.button == Qt.MouseButton.MiddleButton or pointer.shift:
            eye = eyes.panned(self._eye, way, self.device_size)
        else:
            eye = eyes.turned(self._eye, way, self.device_size)
        self._desk.apply(SetCamera(eye))

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
        self._desk.apply(SetCamera(eyes.zoomed(camera_of(self.renderer), 1.15**pointer.notches)))
