"""One drag of a gizmo handle, in any pane: pixels become `Place` commands that make one undo step.

The mathematics is the rendering room's (`volstudio.rendering.gizmo`); here a drag is begun, carried on, taken back or ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from volstudio.geometry.affine import Affine
from volstudio.geometry.spaces import SCENE, scanner
from volstudio.rendering.gizmo import Gizmo
from volstudio.scene.model import Placement
from volstudio.session.commands import Place

if TYPE_CHECKING:
    from volstudio.apps.studio.desk import Desk
    from volstudio.geometry.affine import FloatArray
    from volstudio.rendering.gizmo import Drag
    from volstudio.rendering.rays import ViewRays
    from volstudio.scene.model import Layer, Scene
    from volstudio.volumes.volume import Volume

__all__ = ["LayerDrag", "gizmo_of", "pivot_of"]

GIZMO_RADIUS = 74.0  # device-independent pixels


def pivot_of(layer: Layer, volume: Volume) -> FloatArray:
    """(3,) scene mm: the point a layer is turned about, where it lies now."""
    own = layer.placement.pivot
    return layer.placement.affine(layer.name).apply(volume.grid.centre if own is None else own)


def gizmo_of(desk: Desk, scale: float) -> Gizmo | None:
    """The gizmo of the layer at hand; None while the Move tool is off or nothing is there to move."""
    layer = desk.active_layer
    if not desk.move_tool or layer is None or not layer.look.visible:
        return None
    return Gizmo(pivot_of(layer, desk.volumes(layer)), size=GIZMO_RADIUS * scale)


class LayerDrag:
    """A running drag of the layer at hand.

    Parameters
    ----------
    desk : Desk
    layer : Layer
        As it is shown at the press.
    drag : Drag
        The mathematics of the handle that was grabbed.
    """

    def __init__(self, desk: Desk, layer: Layer, drag: Drag) -> None:
        self._desk, self._layer, self._drag = desk, layer, drag
        self._before = desk.session.scene
        self._gesture = desk.new_gesture("drag")
        self._moved = False

    @classmethod
    def begin(cls, desk: Desk, gizmo: Gizmo, rays: ViewRays, pixel: tuple[float, float]) -> LayerDrag | None:
        """Grab the handle under a pixel; None where there is none."""
        layer = desk.active_layer
        drag = gizmo.press(rays, pixel)
        return None if drag is None or layer is None else cls(desk, layer, drag)

    @property
    def handle(self) -> str:
        """Name of the handle that is held."""
        return self._drag.handle.name

    def to(self, rays: ViewRays, pixel: tuple[float, float], *, snap: bool) -> None:
        """Follow the mouse."""
        change = self._drag.to(rays, pixel, snap=snap)
        start = self._layer.placement
        if not self._moved and np.array_equal(change, np.eye(4)):
            return
        self._moved = True
        name = self._layer.name
        placed = Affine(change @ np.array(start.matrix), scanner(name), SCENE)
        self._desk.apply(Place(name, Placement.of(placed, made_by="hand", pivot=start.pivot), self._gesture))

    def cancel(self) -> None:
        """Take the whole drag back; the history does not know of it."""
        if self._moved:
            self._desk.cancel(self._gesture)

    def scene_before(self) -> Scene:
        """The session's scene when the drag began."""
        return self._before
