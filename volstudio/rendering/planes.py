"""Where a slice picture lies in the scene: the map between its pixels and millimetres.

Conventions, the same in the window and in pictures:

- Pixel (0, 0) is the upper left one, and integer pixels are pixel *centres*.
- Neurological: the patient's left is on the left of axial and coronal views. Radiological: the patient's left is on the right.
- Sagittal views have anterior on the right in both conventions, as in nilearn and FSLeyes.
- Superior is up in coronal and sagittal views, anterior is up in axial views.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from volstudio.errors import GeometryError
from volstudio.geometry.spaces import scanner, voxel
from volstudio.scene.model import Convention, Layer, Panel, Plane, Scene, Vec3, vec3

if TYPE_CHECKING:
    from volstudio.geometry.affine import Affine
    from volstudio.volumes.volume import Volume

__all__ = [
    "PLANES",
    "Convention",
    "Plane",
    "SliceView",
    "Volumes",
    "axes_of",
    "content_box",
    "crosshair_of",
    "depth_axis",
    "seen_box",
    "voxel_to_scene",
]

FloatArray = NDArray[np.float64]
# What turns a layer into its voxels; `volstudio.volumes.store.STORE` is behind it in the window and in pictures.
Volumes = Callable[[Layer], "Volume"]

PLANES: tuple[Plane, ...] = ("sagittal", "coronal", "axial")
DEPTH: dict[Plane, int] = {"sagittal": 0, "coronal": 1, "axial": 2}

# Shown where a scene has no layer: about the size of a head.
EMPTY_HALF_MM = 110.0
# Of the boxes' diagonal: content that is smaller would be lost in a picture of the boxes.
MUCH_SMALLER = 0.6


def depth_axis(plane: Plane) -> int:
    """The world axis (0, 1 or 2) that a plane is cut across: 0 for sagittal, 1 for coronal, 2 for axial."""
    return DEPTH[plane]


def axes_of(plane: Plane, convention: Convention = "neurological") -> tuple[Vec3, Vec3]:
    """Scene directions that point right and up in a view.

    >>> axes_of("axial", "radiological")
    ((-1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    """
    across = 1.0 if convention == "neurological" else -1.0
    up = (0.0, 1.0, 0.0) if plane == "axial" else (0.0, 0.0, 1.0)
    return ((0.0, 1.0, 0.0) if plane == "sagittal" else (across, 0.0, 0.0)), up


def voxel_to_scene(layer: Layer, volume: Volume) -> Affine:
    """Map from a layer's voxel indices to scene mm: the file's affine, then the placement."""
    own = volume.affine.renamed(source=voxel(layer.name), target=scanner(layer.name))
    return layer.placement.affine(layer.name) @ own


def content_box(scene: Scene, volumes: Volumes) -> FloatArray:
    """(n, 3) scene mm: corners of the boxes of the visible layers (of all where none is visible; of a head where there are none)."""
    layers = [layer for layer in scene.layers if layer.look.visible] or list(scene.layers)
    if not layers:
        return np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * EMPTY_HALF_MM
    return np.concatenate([_corners(layer, volumes(layer)) for layer in layers])


def crosshair_of(scene: Scene, volumes: Volumes) -> Vec3:
    """The scene's crosshair, or where none is set the middle of what the first layer shows (the origin of an empty scene)."""
    if scene.crosshair is not None:
        return scene.crosshair
    if not scene.layers:
        return (0.0, 0.0, 0.0)
    from volstudio.rendering.compositor import content_of

    first = scene.layers[0]
    volume = volumes(first)
    return vec3(voxel_to_scene(first, volume).apply(content_of(volume).middle))


def seen_box(scene: Scene, volumes: Volumes) -> FloatArray:
    """(n, 3) scene mm: what a first camera must hold: the layers' boxes, or what is seen in them where that is much smaller."""
    from volstudio.rendering.compositor import content_of

    boxes = content_box(scene, volumes)
    seen = []
    for layer in scene.layers:
        if layer.look.visible and layer.look.volume and layer.look.opacity > 0:
            volume = volumes(layer)
            low, high, _ = content_of(volume)
            corners = np.where(np.array(list(np.ndindex(2, 2, 2))), high, low)
            seen.append(voxel_to_scene(layer, volume).apply(corners))
    if not seen:
        return boxes
    inner = np.concatenate(seen)
    small = np.linalg.norm(np.ptp(inner, axis=0)) < MUCH_SMALLER * np.linalg.norm(np.ptp(boxes, axis=0))
    return inner if small else boxes


@dataclass(frozen=True, slots=True)
class SliceView:
    """A flat picture's place in the scene, under parallel rays; also what a gizmo needs to know of a slice pane.

    Parameters
    ----------
    plane : "axial", "coronal", "sagittal"
        Gives the directions, and names the view where ``basis`` is given.
    centre : (x, y, z), scene mm
        What the middle of the picture shows.
    height_mm : float
        From the upper edge of the picture to the lower one.
    size : (width, height), pixels
    convention : "neurological", "radiological"
    basis : (right, up) or None
        Two scene directions for a plane of any orientation; ``up`` is made square to ``right``. None: as the plane says.

    Raises
    ------
    GeometryError
        The height is not positive, the size is not at least one pixel, or the two directions are parallel.

    Notes
    -----
    ``scene = centre + pixel_mm * ((x - (w - 1)/2) right - (y - (h - 1)/2) up)``

    Examples
    --------
    >>> view = SliceView("axial", (10.0, 20.0, 30.0), 100.0, (201, 101))
    >>> view.to_scene([100.0, 50.0])
    array([10., 20., 30.])
    >>> view.to_pixels([11.0, 22.0, 30.0])
    array([101.01,  47.98])
    """

    plane: Plane
    centre: Vec3
    height_mm: float
    size: tuple[int, int]
    convention: Convention = "neurological"
    basis: tuple[Vec3, Vec3] | None = None

    def __post_init__(self) -> None:
        if not (np.isfinite(self.height_mm) and self.height_mm > 0) or not np.isfinite(self.centre).all():
            raise GeometryError(f"A slice view needs a finite centre and a height above 0 mm, got {self.centre} and {self.height_mm}.")
        if min(self.size) < 1:
            raise GeometryError(f"A slice view needs at least one pixel each way, got {self.size}.")
        object.__setattr__(self, "centre", vec3(self.centre))
        object.__setattr__(self, "size", (int(self.size[0]), int(self.size[1])))
        if self.basis is not None:
            object.__setattr__(self, "basis", _square(*self.basis))

    @classmethod
    def for_scene(cls, scene: Scene, volumes: Volumes, plane: Plane, size: tuple[int, int], *, margin: float = 0.0) -> SliceView:
        """View that a scene asks for: through its crosshair, with the zoom and pan of its panel.

        Parameters
        ----------
        scene : Scene
        volumes : callable, Layer -> Volume
        plane : str
        size : (width, height), pixels
        margin : float, pixels
            Kept free on each side where the panel leaves the zoom open, for letters.
        """
        panel: Panel = getattr(scene, plane)
        right, up = axes_of(plane, scene.convention)
        axes = np.array([right, up])
        box = content_box(scene, volumes)
        flat = box @ axes.T
        low, high = flat.min(axis=0), flat.max(axis=0)
        height = panel.height
        if height is None:
            width_px, height_px = (max(n - 2 * margin, n / 4) for n in size)
            height = float(max((high - low)[1] / height_px, (high - low)[0] / width_px)) * size[1]
        middle = np.array(panel.centre if panel.centre is not None else (box.min(axis=0) + box.max(axis=0)) / 2, dtype=np.float64)
        middle[depth_axis(plane)] = crosshair_of(scene, volumes)[depth_axis(plane)]
        return cls(plane, vec3(middle), height, size, scene.convention)

    @property
    def right(self) -> FloatArray:
        """(3,) unit vector, scene: rightwards in the picture."""
        return np.array((self.basis or axes_of(self.plane, self.convention))[0])

    @property
    def up(self) -> FloatArray:
        """(3,) unit vector, scene: upwards in the picture."""
        return np.array((self.basis or axes_of(self.plane, self.convention))[1])

    @property
    def normal(self) -> FloatArray:
        """(3,) unit vector, scene: towards the person who looks at the picture."""
        return np.cross(self.right, self.up)

    @property
    def direction(self) -> FloatArray:
        """(3,) unit vector, scene: along the line of sight."""
        return -self.normal

    @property
    def flat(self) -> bool:
        """True: a slice reaches its own plane alone, which tells gizmos which handles make sense (see `volstudio.rendering.rays`)."""
        return True

    @property
    def pixel_mm(self) -> float:
        """Millimetres from one pixel to the next."""
        return self.height_mm / self.size[1]

    @property
    def pixel_to_scene(self) -> FloatArray:
        """(4, 4): (x, y, depth, 1) to scene mm, x and y in pixels, depth in mm towards the viewer."""
        matrix = np.eye(4)
        matrix[:3, 0] = self.right * self.pixel_mm
        matrix[:3, 1] = -self.up * self.pixel_mm
        matrix[:3, 2] = self.normal
        middle = (np.array(self.size) - 1) / 2
        matrix[:3, 3] = self.centre - matrix[:3, :2] @ middle
        return matrix

    def to_scene(self, pixels: ArrayLike) -> FloatArray:
        """Scene points (..., 3) on the plane under pixels (..., 2)."""
        matrix = self.pixel_to_scene
        return np.asarray(pixels, dtype=np.float64) @ matrix[:3, :2].T + matrix[:3, 3]

    def to_pixels(self, points: ArrayLike) -> FloatArray:
        """Pixels (..., 2) over which scene points (..., 3) lie; their distance from the plane does not matter."""
        axes = np.stack([self.right, -self.up]) / self.pixel_mm
        return (np.asarray(points, dtype=np.float64) - self.centre) @ axes.T + (np.array(self.size) - 1) / 2

    def project(self, points: ArrayLike) -> FloatArray:
        """(n, 2) pixels of scene points (n, 3)."""
        return self.to_pixels(np.atleast_2d(np.asarray(points, dtype=np.float64)))

    def ray(self, pixel: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Scene point on the plane and unit direction of the line of sight under a pixel."""
        return self.to_scene(pixel), self.direction

    def through(self, point: ArrayLike) -> SliceView:
        """The same window on the parallel plane through a scene point."""
        step = float((np.asarray(point, dtype=np.float64) - self.centre) @ self.normal)
        return replace(self, centre=vec3(np.array(self.centre) + step * self.normal))

    def zoomed(self, factor: float, *, about: ArrayLike | None = None) -> SliceView:
        """The view magnified; the scene point under the pixel ``about`` (the middle where not given) stays where it is."""
        fixed = np.array(self.centre) if about is None else self.to_scene(about)
        centre = fixed + (np.array(self.centre) - fixed) / factor
        return replace(self, centre=vec3(centre), height_mm=self.height_mm / factor)

    def panned(self, pixels: ArrayLike) -> SliceView:
        """The view after the content was dragged by (dx, dy) pixels."""
        shift = self.pixel_to_scene[:3, :2] @ np.asarray(pixels, dtype=np.float64)
        return replace(self, centre=vec3(np.array(self.centre) - shift))

    def panel(self) -> Panel:
        """Zoom and pan of this view, as a scene stores them."""
        return Panel(centre=self.centre, height=self.height_mm)


def _corners(layer: Layer, volume: Volume) -> FloatArray:
    """(8, 3) scene mm: corners of a layer's box, to the outer faces of its voxels."""
    return layer.placement.affine(layer.name).apply(volume.grid.corners())


def _square(right: Vec3, up: Vec3) -> tuple[Vec3, Vec3]:
    """Unit vectors, the second made perpendicular to the first."""
    across, raised = np.array(right, dtype=np.float64), np.array(up, dtype=np.float64)
    across_length = np.linalg.norm(across)
    if not (np.isfinite(across_length) and across_length > 0):
        raise GeometryError(f"The right-hand direction of a slice view must have a length, got {right}.")
    across = across / across_length
    upright = raised - (raised @ across) * across
    length = float(np.linalg.norm(upright))
    if not (np.isfinite(length) and length > 1e-9 * float(np.linalg.norm(raised)) > 0):
        raise GeometryError(f"The directions of a slice view must not be parallel, got right {right} and up {up}.")
    return vec3(across), vec3(upright / length)
