"""A scene in a vtkRenderer: any one, of a window, a picture or a pyvista.Plotter.

`SceneView.sync` compares the new scene with the one it drew and touches what differs: a moved layer is one matrix, a dragged opacity one
number, and no voxel travels to the graphics card unless another volume or time point is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from volstudio.rendering.annotations import orientation_known
from volstudio.rendering.boxes import Boxes
from volstudio.rendering.camera import apply_camera, first_camera
from volstudio.rendering.compositor import frame_of, window_of
from volstudio.rendering.marks import CornerAxes, Lines, Sphere, crosshair_lines, layer_colour
from volstudio.rendering.palette import ACCENT
from volstudio.rendering.planes import content_box, crosshair_of, seen_box, voxel_to_scene
from volstudio.rendering.rays import CameraRays, FloatArray
from volstudio.rendering.slice_actor import SlicePlanes
from volstudio.rendering.volume_actor import DrawnVolume, VolumeActor
from volstudio.scene.model import vec3
from volstudio.scene.sources import open_layer

if TYPE_CHECKING:
    from volstudio.rendering.planes import Volumes
    from volstudio.rendering.vtk_types import Renderer
    from volstudio.scene.model import Layer, Scene

__all__ = ["SceneView"]


class SceneView:
    """Draws scenes into a renderer.

    Parameters
    ----------
    renderer : vtkRenderer
    volumes : callable, Layer -> Volume, or None
        None: files are opened as the layers say.
    scale : float
        Device pixels per pixel, for lines and letters.

    Examples
    --------
    ::

        view = SceneView(renderer, volumes)
        view.sync(None, scene)
        renderer.GetRenderWindow().Render()
    """

    def __init__(self, renderer: Renderer, volumes: Volumes | None = None, *, scale: float = 1.0) -> None:
        self._renderer, self._volumes, self._scale = renderer, volumes or open_layer, scale
        self._scene: Scene | None = None
        self._actor = VolumeActor(renderer)
        self._slices = SlicePlanes(renderer)
        self._items: dict[str, tuple[Layer, DrawnVolume]] = {}
        self._boxes = Boxes(renderer, scale=scale)
        self._balls: list[Sphere] = []
        self._crosshair = Lines(renderer, ACCENT, width=1.1 * scale, through=0.22)
        self._corner = CornerAxes(renderer, scale=scale)
        self._known = True
        self._tile: tuple[int, int, tuple[int, int]] | None = None
        self._notes: tuple[str, ...] = ()
        self._watch = renderer.AddObserver("StartEvent", self._before_render), renderer.AddObserver("EndEvent", self._after_render)

    @property
    def volume_actor(self) -> VolumeActor:
        """The actor of all volumes; it counts what it uploads."""
        return self._actor

    @property
    def scene(self) -> Scene | None:
        """The scene that is drawn."""
        return self._scene

    @property
    def notes(self) -> tuple[str, ...]:
        """What the 3D picture does not show as asked, a sentence each: volumes left out, reduced or drawn without light."""
        if self._actor.lit is False:
            return (*self._notes, "This version of VTK does not take the house's ray march, so volumes are drawn without light.")
        return self._notes

    def sync(self, before: Scene | None, after: Scene) -> None:
        """Show a scene.

        Parameters
        ----------
        before : Scene or None
            What was shown; None: forget it, camera included.
        after : Scene
        """
        known = self._scene if before is not None else None
        if known is None or known.background != after.background:
            self._renderer.SetBackground(*after.background)
        if known is None or known.layers is not after.layers:
            self._sync_volumes(after)
            self._sync_boxes(after)
            self._known = orientation_known(after, self._volumes)[1]
        if known is None or known.clips is not after.clips:
            self._actor.clip(after.clips)
        if known is None or known.landmarks is not after.landmarks or known.layers is not after.layers:
            self._sync_landmarks(after)
        self._sync_crosshair(after)
        self._slices.sync(after, self._volumes)
        self._sync_camera(known, after)
        self._scene = after
        self._renderer.ResetCameraClippingRange(*self._bounds_for_clipping(after))

    def bounds(self) -> FloatArray:
        """(2, 3) scene mm: least and greatest x, y, z of the visible layers' boxes."""
        if self._scene is None:
            return np.zeros((2, 3))
        corners = content_box(self._scene, self._volumes)
        return np.stack([corners.min(axis=0), corners.max(axis=0)])

    def fit(self) -> None:
        """Put the camera where it holds all that is seen, in the usual direction."""
        if self._scene is not None:
            width, height = self._renderer.GetSize()
            apply_camera(self._renderer, first_camera(seen_box(self._scene, self._volumes), max(width, 1) / max(height, 1)))

    def set_tile(self, left: int, top: int, size: tuple[int, int]) -> None:
        """Tell where this renderer's picture lies in a larger one of a size, in pixels, so that tiles fit without a seam."""
        self._tile = left, top, size
        self._actor.set_corner(float(left), float(size[1] - top - self._renderer.GetSize()[1]))

    def rays(self) -> CameraRays:
        """The view as gizmos and picks need it, for the camera as it stands."""
        return CameraRays.of(self._renderer)

    def close(self) -> None:
        """Take everything out of the renderer and let go of it."""
        for watch in self._watch:
            self._renderer.RemoveObserver(watch)
        self._actor.close()
        self._slices.close()
        self._crosshair.close()
        self._corner.close()
        for ball in self._balls:
            ball.close()
        self._boxes.close()
        self._items, self._balls, self._scene = {}, [], None

    def _sync_volumes(self, scene: Scene) -> None:
        items = {}
        for layer in scene.layers:
            if layer.look.visible and layer.look.volume and layer.look.opacity > 0:
                items[layer.name] = layer, self._item(layer)
        self._items = items
        left_out = self._actor.show([item for _, item in items.values()])
        most = len(self._actor.drawn)
        notes = [f"The 3D view draws {most} volumes at most here; {item.key[0]!r} is left out: hide another." for item in left_out]
        notes += [
            f"{key[0]!r} is too large for a 3D texture; the 3D view shows averages of {edge} voxels along its longest axis."
            for key, edge in self._actor.reduced.items()
        ]
        self._notes = tuple(notes)

    def _item(self, layer: Layer) -> DrawnVolume:
        """What is drawn of a layer; parts that did not change are the very same objects."""
        known = self._items.get(layer.name)
        if known is not None and known[0] is layer:
            return known[1]
        volume = self._volumes(layer)
        same_voxels = known is not None and (known[0].path, known[0].form, known[0].time) == (layer.path, layer.form, layer.time)
        same_look = same_voxels and known is not None and known[0].look is layer.look
        return DrawnVolume(
            key=(layer.name, layer.path, layer.form),
            frame=known[1].frame if known is not None and same_voxels else frame_of(layer, volume),
            voxel_to_scene=voxel_to_scene(layer, volume).matrix,
            look=layer.look,
            window=known[1].window if known is not None and same_look else window_of(layer, volume),
        )

    def _sync_boxes(self, scene: Scene) -> None:
        wanted = [layer for layer in scene.layers if layer.box and layer.look.visible]
        corners = {layer.name: layer.placement.affine(layer.name).apply(self._volumes(layer).grid.corners()) for layer in wanted}
        self._boxes.show({layer.name: (corners[layer.name], layer_colour(layer.look)) for layer in wanted})

    def _sync_crosshair(self, scene: Scene) -> None:
        if scene.show_crosshair and scene.layers:
            self._crosshair.show(*crosshair_lines(crosshair_of(scene, self._volumes), content_box(scene, self._volumes)))
        else:
            self._crosshair.show(np.zeros((0, 3)), ())

    def _sync_landmarks(self, scene: Scene) -> None:
        for ball in self._balls:
            ball.close()
        low, high = np.stack([content_box(scene, self._volumes).min(axis=0), content_box(scene, self._volumes).max(axis=0)])
        radius = float(np.linalg.norm(high - low)) / 120
        self._balls = [
            Sphere(self._renderer, layer_colour(scene.layer(mark.layer).look), vec3(scene.placement(mark.layer).apply(mark.point)), radius)
            for mark in scene.landmarks
            if scene.layer(mark.layer).look.visible
        ]

    def _sync_camera(self, known: Scene | None, scene: Scene) -> None:
        if scene.camera is not None:
            if known is None or known.camera != scene.camera:
                apply_camera(self._renderer, scene.camera)
        elif known is None or known.camera is not None or known.names != scene.names:
            # A moved layer leaves the eye where it is: the person watches the layer move.
            self._scene = scene
            self.fit()

    def _bounds_for_clipping(self, scene: Scene) -> tuple[float, ...]:
        """(x0, x1, y0, y1, z0, z1) of everything, with a little air."""
        corners = content_box(scene, self._volumes)
        point = np.array([crosshair_of(scene, self._volumes)])
        points = np.concatenate([corners, point])
        air = 0.02 * float(np.linalg.norm(np.ptp(corners, axis=0)))
        low, high = points.min(axis=0) - air, points.max(axis=0) + air
        return tuple(float(value) for pair in zip(low, high, strict=True) for value in pair)

    def _before_render(self, *_event: object) -> None:
        rays, scene = self.rays(), self._scene
        self._boxes.draw(rays)
        lettered = scene is not None and scene.letters and bool(scene.layers)
        self._corner.draw(rays if lettered else None, known=self._known, tile=self._tile)

    def _after_render(self, *_event: object) -> None:
        self._actor.judge()
