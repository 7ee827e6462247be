"""The scene point under a pixel of a 3D view, found by marching the pixel's ray through the voxels.

No hardware picking: that needs a render per click, and misses flipped volumes. The march uses the very opacities of the picture, so that
what is picked is what is seen: the first place where the layers in front hide more than half of what is behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from volstudio.rendering.compositor import frame_of, window_of
from volstudio.rendering.labels import is_label_look, label_opacity, shown_labels
from volstudio.rendering.planes import crosshair_of, voxel_to_scene
from volstudio.rendering.rays import CameraRays, FloatArray, ViewRays
from volstudio.rendering.transfer import fade, opacity_points, unit_distance

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from volstudio.rendering.planes import Volumes
    from volstudio.rendering.vtk_types import Renderer
    from volstudio.scene.model import Clip, Layer, Scene
    from volstudio.volumes.volume import Volume

__all__ = ["pick", "pick_surface", "span_in_box"]

# A layer, its voxels, and the distances along the ray at which the ray enters and leaves them.
Piece: TypeAlias = "tuple[Layer, Volume, float, float]"

# What hides half of what is behind it is where a person's eye stops; where all is glass, half of what the glass hides.
SEEN = 0.5
LEAST = 0.08
STEP_VOXELS = 0.25


def pick(view: ViewRays | Renderer, scene: Scene, volumes: Volumes, pixel: ArrayLike) -> FloatArray | None:
    """Scene point (3,) under a pixel.

    Parameters
    ----------
    view : ViewRays, vtkRenderer or SceneView
    scene : Scene
    volumes : callable, Layer -> Volume
    pixel : (x, y)
        From the window's top left.

    Returns
    -------
    (3,) float array or None
        On the first thing seen; where the ray meets nothing, on the plane through the crosshair parallel to the screen; None where that
        plane is behind the eye, or the scene is empty.
    """
    rays = view if hasattr(view, "ray") else view.rays() if hasattr(view, "rays") else CameraRays.of(view)
    found = pick_surface(rays, scene, volumes, pixel)
    if found is not None or not scene.layers:
        return found
    origin, direction = rays.ray(pixel)
    depth = float((np.array(crosshair_of(scene, volumes)) - origin) @ rays.direction) / float(direction @ rays.direction)
    return origin + direction * depth if depth > 0 else None


def pick_surface(rays: ViewRays, scene: Scene, volumes: Volumes, pixel: ArrayLike) -> FloatArray | None:
    """Scene point (3,) where the visible volumes hide half of what is behind, or None."""
    origin, direction = rays.ray(pixel)
    layers = [layer for layer in scene.layers if layer.look.visible and layer.look.volume and layer.look.opacity > 0]
    pieces = []
    for layer in layers:
        volume = volumes(layer)
        near, far = span_in_box(voxel_to_scene(layer, volume).inverse().matrix, volume.shape, origin, direction)
        near, far = _clipped(scene.clips, origin, direction, max(near, 0.0), far)
        if far > near:
            pieces.append((layer, volume, near, far))
    if not pieces:
        return None
    step = STEP_VOXELS * min(float(volume.grid.voxel_sizes.min()) for _, volume, _, _ in pieces)
    depth = _depth_seen(pieces, origin, direction, step)
    return None if depth is None else origin + direction * depth


def span_in_box(to_voxel: FloatArray, shape: tuple[int, int, int], origin: FloatArray, direction: FloatArray) -> tuple[float, float]:
    """Distances in mm along a ray between which it is inside a volume's box, up to the outer voxel centres; (1, 0) when it misses.

    Parameters
    ----------
    to_voxel : (4, 4) float array
        Scene mm -> voxel index.
    shape : (int, int, int)
    origin, direction : (3,) float arrays
    """
    start = to_voxel[:3, :3] @ origin + to_voxel[:3, 3]
    way = to_voxel[:3, :3] @ direction
    # A single slice is drawn as thick as its voxels.
    low = np.where(np.array(shape) == 1, -0.5, 0.0)
    high = np.where(np.array(shape) == 1, 0.5, np.array(shape) - 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = np.sort(np.stack([(low - start) / way, (high - start) / way]), axis=0)
    along = way == 0
    if (along & ((start < low) | (start > high))).any():
        return 1.0, 0.0
    near = float(ends[0][~along].max())
    far = float(ends[1][~along].min())
    return (near, far) if far > near else (1.0, 0.0)


def _clipped(clips: tuple[Clip, ...], origin: FloatArray, direction: FloatArray, near: float, far: float) -> tuple[float, float]:
    """The span without what the clip planes cut off."""
    for clip in clips:
        normal = np.array(clip.normal)
        slope, height = float(direction @ normal), float((origin - np.array(clip.origin)) @ normal)
        if slope == 0:
            if height < 0:
                return 1.0, 0.0
        elif slope > 0:
            near = max(near, -height / slope)
        else:
            far = min(far, -height / slope)
    return near, far


def _depth_seen(pieces: list[Piece], origin: FloatArray, direction: FloatArray, step: float) -> float | None:
    """Distance in mm to the face of what hides half.

    The half is passed a little way inside; the face is found by going back as far as the run of opaque matter there took to hide its
    part, at the rate at which it hides in that place, but no further than where the run begins.
    """
    first, last = min(near for _, _, near, _ in pieces), max(far for *_, far in pieces)
    edges = np.arange(first, last + step, step)
    hidden, clear, left = _march(pieces, origin, direction, edges, np.ones((len(pieces), 1)))
    total = 1 - float(left[-1])
    if total < LEAST:
        return None
    seen = SEEN if total > SEEN else total / 2
    k = int(np.flatnonzero(left < 1 - seen)[0])
    empty = np.flatnonzero((hidden[:, :k] == 0).all(axis=0))
    begin = int(empty[-1]) + 1 if empty.size else 0
    onset = _onset(pieces, origin, direction, float(edges[begin]), step) if begin else first
    # The run again, from its very beginning, in steps that resolve it.
    edges = np.linspace(onset, edges[k] + step, 257)
    _, _, left = _march(pieces, origin, direction, edges, clear[:, begin : begin + 1])
    k = max(int(np.argmax(left < 1 - seen)), 1)
    rate = float(np.log(left[k - 1] / max(left[k], 1e-9))) / (edges[1] - edges[0])
    half = float(edges[k - 1]) + float(np.log(left[k - 1] / (1 - seen))) / rate
    return float(max(onset, half - float(np.log(left[0] / (1 - seen))) / rate))


def _march(
    pieces: list[Piece], origin: FloatArray, direction: FloatArray, edges: FloatArray, clear: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """What each step between ``edges`` (n + 1,) hides, and what is left at each edge.

    Returns
    -------
    hidden : (layers, n), before the layers' own opacities
    clear : (layers, n + 1), the same as what is left of each layer
    left : (n + 1,), of all layers together
    """
    step = float(edges[1] - edges[0])
    hidden = np.stack([_hidden(piece, origin, direction, edges[:-1] + step / 2, step) for piece in pieces])
    clear = clear * np.concatenate([np.ones((len(pieces), 1)), np.cumprod(1 - hidden, axis=1)], axis=1)
    opacity = np.array([fade(piece[0].look) for piece in pieces])[:, None]
    return hidden, clear, np.prod(1 - opacity * (1 - clear), axis=0)


def _onset(pieces: list[Piece], origin: FloatArray, direction: FloatArray, depth: float, step: float) -> float:
    """Distance in mm, near another, from which on something hides; found by halving."""
    before, after = depth - step / 2, depth + step / 2
    for _ in range(14):
        middle = np.array([(before + after) / 2])
        if any(_hidden(piece, origin, direction, middle, step)[0] > 0 for piece in pieces):
            after = float(middle[0])
        else:
            before = float(middle[0])
    return after


def _hidden(piece: Piece, origin: FloatArray, direction: FloatArray, depths: FloatArray, step: float) -> FloatArray:
    """(n,) how much each step of the ray hides, before the layer's own opacity."""
    layer, volume, near, far = piece
    inside = (depths >= near) & (depths <= far)
    hidden = np.zeros(len(depths))
    if inside.any():
        from volstudio.scene.looks import preset

        matrix = voxel_to_scene(layer, volume).inverse()
        points = matrix.apply(origin + np.outer(depths[inside], direction))
        curve = preset(layer.look.preset)
        if is_label_look(layer.look):
            values = _interpolated(frame_of(layer, volume), points, "nearest")
            alpha = np.where(shown_labels(values, layer.look) > 0, label_opacity(curve), 0.0)
        else:
            values = _interpolated(frame_of(layer, volume), points, layer.look.interpolation)
            table = opacity_points(layer.look, window_of(layer, volume), curve)
            alpha = np.interp(values, table[:, 0], table[:, 1])
        diagonal = float(np.linalg.norm(volume.affine.linear @ np.array(volume.shape)))
        hidden[inside] = 1 - (1 - np.minimum(alpha, 1 - 1e-9)) ** (step / unit_distance(curve, diagonal))
    return hidden


def _interpolated(frame: NDArray[Any], points: FloatArray, interpolation: str) -> FloatArray:
    """(n,) values at voxel positions (n, 3) inside the grid; NaN counts as the least."""
    top = np.array(frame.shape) - 1
    at = np.clip(points, 0, top)
    if interpolation == "nearest":
        i, j, k = np.rint(at).astype(int).T
        return np.asarray(np.nan_to_num(np.asarray(frame[i, j, k], dtype=float), nan=-np.inf))
    base = np.minimum(np.floor(at).astype(int), np.maximum(top - 1, 0))
    part = at - base
    total = np.zeros(len(at))
    for corner in np.ndindex(2, 2, 2):
        i, j, k = np.minimum(base + corner, top).T
        weight = np.prod(np.where(corner, part, 1 - part), axis=1)
        total += weight * np.where(weight > 0, np.asarray(frame[i, j, k], dtype=float), 0.0)
    return np.asarray(np.nan_to_num(total, nan=-np.inf))
