"""A slice pane: one plane through all layers, drawn pixel for pixel, and what the mouse does in it.

Left: crosshair, or a handle of the gizmo. Right: zoom. Middle: pan. Wheel: next slice; with Ctrl: zoom. Shift while hovering: the crosshair
follows.
Handlers only send commands; the picture is made at the next tick, once, however many events came before.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt

from volstudio.apps.studio.gestures import LayerDrag, gizmo_of
from volstudio.apps.studio.gizmo_paint import paint_gizmo
from volstudio.apps.studio.picture_canvas import PictureCanvas
from volstudio.rendering.annotations import Extras, paint_slice
from volstudio.rendering.planes import SliceView, crosshair_of, depth_axis
from volstudio.session.commands import SetCrosshair, SetPanel

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from volstudio.apps.studio.desk import Desk
    from volstudio.apps.studio.pointing import Pointer
    from volstudio.rendering.compositor import Picture
    from volstudio.scene.model import Plane, Scene

__all__ = ["SlicePane"]

ZOOM_PER_NOTCH = 1.15
ZOOM_PER_PIXEL = 1.006
LETTERS = 24.0  # device-independent pixels kept free around the anatomy where the zoom is left to the pane
# A frame slower than this while dragging is drawn at half the pixels until the mouse rests.
SLOW_S = 0.045
REST_MS = 180
OTHERS_MS = 8  # the pane under the hand is drawn first


class SlicePane(PictureCanvas):
    """One plane of the scene.

    Parameters
    ----------
    desk : Desk
    plane : "axial", "coronal", "sagittal"
    """

    def __init__(self, desk: Desk, plane: Plane, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plane = plane
        self._desk = desk
        self._drag: LayerDrag | None = None
        self._grip: SliceView | None = None  # the view at the press, which zoom, pan and gizmo drags refer to
        self._at: Pointer | None = None
        self._hot: str | None = None
        self._last_s = 0.0
        self._rested = False  # since the last change, as far as the frame on show knows
        self.pressed.connect(desk.guarded(self._on_press))
        self.dragged.connect(desk.guarded(self._on_drag))
        self.released.connect(desk.guarded(self._on_release))
        self.hovered.connect(desk.guarded(self._on_hover))
        self.wheeled.connect(desk.guarded(self._on_wheel))
        self.left.connect(self._on_left)
        desk.changed.connect(self._on_change)
        desk.active_changed.connect(self.request)
        desk.tool_changed.connect(self.request)

    @property
    def view(self) -> SliceView:
        """Where the pane's pixels lie in the scene now."""
        return self._view(self.device_size)

    @property
    def dragging(self) -> bool:
        """Whether a handle is held."""
        return self._drag is not None

    def step(self, notches: float) -> None:
        """Go some slices towards the viewer's side of the axis: up, forward or right for positive numbers."""
        point = list(crosshair_of(self._desk.shown, self._desk.volumes))
        point[depth_axis(self.plane)] += notches * self.slice_mm()
        self._desk.apply(SetCrosshair((point[0], point[1], point[2])))

    def slice_mm(self) -> float:
        """Millimetres from one slice to the next: the voxel of the layer at hand, along the axis nearest to the line of sight."""
        layer = self._desk.active_layer
        if layer is None:
            return 1.0
        axes = layer.placement.affine(layer.name).apply_direction(self._desk.volumes(layer).affine.linear.T)
        sizes = np.linalg.norm(axes, axis=1)
        return float(sizes[np.abs(axes @ self.view.normal / sizes).argmax()])

    def cancel_drag(self) -> bool:
        """Take back the running drag of a handle; whether there was one."""
        if self._drag is None:
            return False
        self._drag.cancel()
        self._drag = None
        self._grip = self._at = None
        self.forget_press()
        self.request()
        return True

    def draw(self) -> None:
        """Cut, annotate and show."""
        with self._desk.telling():
            started = time.perf_counter()
            self.show_picture(self._painted())
            if self._grip is None or self._last_s <= SLOW_S:
                self._last_s = time.perf_counter() - started

    def _view(self, size: tuple[int, int]) -> SliceView:
        margin = LETTERS * self.devicePixelRatioF() * size[0] / self.device_size[0]
        return SliceView.for_scene(self._desk.framed, self._desk.volumes, self.plane, size, margin=margin)

    def _painted(self) -> Picture:
        """The slice, its marks and the gizmo; at half the pixels while a slow one is being dragged."""
        size, scale = self.device_size, self.devicePixelRatioF()
        coarse = self._last_s > SLOW_S and self._grip is not None and not self._rested
        if coarse:
            size, scale = (max(size[0] // 2, 1), max(size[1] // 2, 1)), scale / 2
        view = self._view(size)
        picture = paint_slice(self._desk.shown, self._desk.volumes, view, extras=Extras(scale=scale))
        gizmo = gizmo_of(self._desk, scale)
        if gizmo is not None:
            held = self._drag is not None
            paint_gizmo(picture, gizmo, view, hot=self._drag.handle if self._drag else self._hot, held=held, scale=scale)
        if coarse:
            self._rested = True  # unless something changes before the next frame
            self.request(REST_MS)
            whole = self.device_size
            picture = picture.repeat(2, axis=0).repeat(2, axis=1)
            picture = np.pad(
                picture, ((0, max(whole[1] - picture.shape[0], 0)), (0, max(whole[0] - picture.shape[1], 0)), (0, 0)), mode="edge"
            )
        return picture

    def _on_change(self, before: Scene, after: Scene) -> None:
        del before, after
        self._rested = False
        self.request(0 if self.underMouse() else OTHERS_MS)

    def _on_press(self, pointer: Pointer) -> None:
        if self._drag is not None:
            if pointer.button == Qt.MouseButton.RightButton:
                self.cancel_drag()
            return
        self._grip, self._at = self.view, pointer
        if pointer.button == Qt.MouseButton.LeftButton:
            gizmo = gizmo_of(self._desk, self.devicePixelRatioF())
            if gizmo is not None:
                self._drag = LayerDrag.begin(self._desk, gizmo, self._grip, pointer.pixel)
            if self._drag is None:
                self._put_crosshair(pointer)
            else:
                self.request()

    def _on_drag(self, pointer: Pointer) -> None:
        if self._grip is None or self._at is None:
            return
        if pointer.button == Qt.MouseButton.LeftButton:
            if self._drag is not None:
                self._drag.to(self._grip, pointer.pixel, snap=pointer.shift)
            else:
                self._put_crosshair(pointer)
            return
        way = np.subtract(pointer.pixel, self._at.pixel)
        if pointer.button == Qt.MouseButton.RightButton:
            factor = ZOOM_PER_PIXEL ** (-way[1] / self.devicePixelRatioF())
            self._desk.apply(SetPanel(self.plane, self._grip.zoomed(float(factor), about=self._at.pixel).panel()))
        elif pointer.button == Qt.MouseButton.MiddleButton:
            self._desk.apply(SetPanel(self.plane, self._grip.panned(way).panel()))

    def _on_release(self, pointer: Pointer) -> None:
        if self._drag is not None:
            self._drag = None
            self._on_hover(pointer)
            self.request()
        self._grip = self._at = None

    def _on_hover(self, pointer: Pointer) -> None:
        if pointer.shift and not self._desk.move_tool:
            self._put_crosshair(pointer)
        gizmo = gizmo_of(self._desk, self.devicePixelRatioF())
        hot = None if gizmo is None else gizmo.hit(self.view, pointer.pixel)
        if hot != self._hot:
            self._hot = hot
            self.setCursor(Qt.CursorShape.ArrowCursor if hot is None else Qt.CursorShape.OpenHandCursor)
            self.request()

    def _on_left(self) -> None:
        if self._hot is not None and self._drag is None:
            self._hot = None
            self.request()

    def _on_wheel(self, pointer: Pointer) -> None:
        if pointer.ctrl:
            view = self.view.zoomed(ZOOM_PER_NOTCH**pointer.notches, about=pointer.pixel)
            self._desk.apply(SetPanel(self.plane, view.panel()))
        else:
            self.step(pointer.notches)

    def _put_crosshair(self, pointer: Pointer) -> None:
        x, y, z = (float(value) for value in (self._grip or self.view).to_scene(pointer.pixel))
        self._desk.apply(SetCrosshair((x, y, z)))
