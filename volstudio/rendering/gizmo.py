"""The move and turn gizmo as pure mathematics: handles, hits and drags on rays, no drawing and no state of its own.

A gizmo is a value (where, which axes, how large on the screen). A press gives a `Drag`, which turns later pixels into the rigid change of
the scene since the press: the grabbed point stays under the cursor. The same code serves 3D panes and slice panes, through `ViewRays`;
whoever drags emits the placement ``change @ placement at the press``, so undo, cancel and journal come from the session.

Handles in a 3D view: ``move-x`` (arrow), ``turn-x`` (ring about x), ``plane-x`` (square, moves in the plane normal to x), the same for y
and z, and ``free`` (the centre; moves parallel to the screen). In a slice view: ``move-right``, ``move-up``, ``roll`` (ring about the
view's normal) and ``free``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from volstudio.geometry.rigid import RigidTransform
from volstudio.rendering.rays import FloatArray, ViewRays, pixel_mm

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["ARROW", "AXES", "RING", "SQUARE", "Drag", "Gizmo", "Handle", "rotation_about", "translation"]

AXES = ("x", "y", "z")
# In units of the gizmo's size: an arrow from just off the centre to beyond the ring, so that arrows and rings are grabbed apart.
ARROW = (0.20, 1.28)
RING = 1.0
SQUARE = (0.36, 0.58)
FREE = 0.11
# An arrow or ring counts as end-on or edge-on within about eight degrees: no sensible drag along it or across it exists there.
END_ON = 0.14
EDGE_ON = 0.14
RING_POINTS = 72
# Pixels by which a handle behind another must be nearer to win: small targets first, then arrows, squares, rings in front, rings behind.
HANDICAP = {"free": -6.0, "move": 0.0, "plane": 1.0, "turn": 2.0, "roll": 2.0}
BEHIND = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class Handle:
    """What a person can grab.

    Parameters
    ----------
    name : str
        ``"move-x"``, ``"turn-y"``, ``"plane-z"``, ``"free"``, ``"move-right"``, ``"move-up"`` or ``"roll"``.
    line : (n, 3) float array
        Its drawn line, scene mm; closed for rings and squares.
    axis : (3,) float array
        Unit direction moved along or turned about, or the normal of the plane moved in.
    faint : (n,) bool array
        Where the line runs on the far side of the gizmo.
    """

    name: str
    line: FloatArray
    axis: FloatArray
    faint: np.ndarray

    @property
    def kind(self) -> str:
        """``"move"``, ``"turn"``, ``"plane"``, ``"free"`` or ``"roll"``."""
        return self.name.partition("-")[0]


@dataclass(frozen=True, slots=True, eq=False)
class Gizmo:
    """Where the handles are.

    Parameters
    ----------
    pivot : (3,) array_like
        Scene mm: the centre, about which rings turn.
    axes : (3, 3) array_like
        Rows are the unit directions of x, y and z: the identity for the scene's axes, or the layer's own.
    size : float
        Radius of the rings in pixels: the same at every zoom.
    """

    pivot: ArrayLike
    axes: ArrayLike = field(default_factory=lambda: np.eye(3))
    size: float = 92.0

    def __post_init__(self) -> None:
        axes = np.array(self.axes, dtype=float)
        object.__setattr__(self, "pivot", np.array(self.pivot, dtype=float))
        object.__setattr__(self, "axes", axes / np.linalg.norm(axes, axis=1, keepdims=True))

    def moved(self, change: ArrayLike) -> Gizmo:
        """The gizmo carried along by a change of the scene (4, 4); its axes stay, as a ring turned about its own axis does."""
        matrix = np.asarray(change, dtype=float)
        return replace(self, pivot=matrix[:3, :3] @ self.pivot + matrix[:3, 3])

    def handles(self, view: ViewRays) -> tuple[Handle, ...]:
        """The handles that make sense in a view, in the order they are drawn; none when the pivot is behind the eye."""
        if not np.isfinite(view.project(self.pivot)).all():
            return ()
        scale = self.size * pixel_mm(view, self.pivot)
        eye = _towards(view, np.asarray(self.pivot))
        return self._slice_handles(view, scale) if view.flat else self._scene_handles(view, scale, eye)

    def hit(self, view: ViewRays, pixel: ArrayLike, *, reach: float = 8.0) -> str | None:
        """Name of the handle under a pixel, or None.

        Parameters
        ----------
        view : ViewRays
        pixel : (2,) array_like
        reach : float
            How far from a line, in pixels, still counts.
        """
        best, name = np.inf, None
        for handle in self.handles(view):
            distance, faint = _distance(view, handle, np.asarray(pixel, dtype=float))
            score = distance + HANDICAP[handle.kind] + (BEHIND if faint else 0.0)
            limit = reach + (self.size * FREE if handle.kind == "free" else 0.0)
            if distance <= limit and score < best:
                best, name = score, handle.name
        return name

    def press(self, view: ViewRays, pixel: ArrayLike, handle: str | None = None) -> Drag | None:
        """Start of a drag, or None when no handle is there.

        Parameters
        ----------
        view : ViewRays
        pixel : (2,) array_like
        handle : str or None
            None: the one under the pixel. ``"free"`` and, in a slice view, ``"roll"`` may be grabbed anywhere.
        """
        name = handle or self.hit(view, pixel)
        if name is None:
            return None
        for candidate in self.handles(view):
            if candidate.name == name:
                return Drag(np.asarray(self.pivot), candidate, view, np.asarray(pixel, dtype=float))
        return None

    def _scene_handles(self, view: ViewRays, scale: float, eye: FloatArray) -> tuple[Handle, ...]:
        pivot, axes = np.asarray(self.pivot), np.asarray(self.axes)
        turn = np.linspace(0, 2 * np.pi, RING_POINTS + 1)
        found = []
        for k, letter in enumerate(AXES):
            arm = RING * scale * (np.outer(np.cos(turn), axes[(k + 1) % 3]) + np.outer(np.sin(turn), axes[(k + 2) % 3]))
            found.append(Handle(f"turn-{letter}", pivot + arm, axes[k], arm @ eye < -1e-3 * scale))
        for k, letter in enumerate(AXES):
            facing = abs(float(axes[k] @ eye))
            if facing > np.sin(np.radians(15)):  # a square seen edge-on cannot be aimed at
                u, v = axes[(k + 1) % 3], axes[(k + 2) % 3]
                a, b = SQUARE
                corners = np.array([(a, a), (b, a), (b, b), (a, b), (a, a)]) * scale
                found.append(_handle(f"plane-{letter}", pivot + corners @ np.stack([u, v]), axes[k]))
        for k, letter in enumerate(AXES):
            if np.sqrt(max(1 - float(axes[k] @ eye) ** 2, 0)) > END_ON:
                found.append(_handle(f"move-{letter}", pivot + np.outer(ARROW, axes[k]) * scale, axes[k]))
        found.append(_free(view, pivot, scale))
        return tuple(found)

    def _slice_handles(self, view: ViewRays, scale: float) -> tuple[Handle, ...]:
        pivot = np.asarray(self.pivot)
        turn = np.linspace(0, 2 * np.pi, RING_POINTS + 1)
        ring = pivot + scale * (np.outer(np.cos(turn), view.right) + np.outer(np.sin(turn), view.up))
        return (
            _handle("roll", ring, view.direction),
            _handle("move-right", pivot + np.outer(ARROW, view.right) * scale, view.right),
            _handle("move-up", pivot + np.outer(ARROW, view.up) * scale, view.up),
            _free(view, pivot, scale),
        )


class Drag:
    """A running drag: pixels in, the rigid change of the scene since the press out.

    Parameters
    ----------
    pivot : (3,) float array
    handle : Handle
    view : ViewRays
        The view at the press.
    pixel : (2,) float array
        Where it was pressed.

    Notes
    -----
    A move along an axis takes the point of the axis nearest to the cursor's ray; a move in a plane and a turn take the ray's point on the
    plane. An edge-on ring has no such point: there the cursor's way along the ring's tangent on the screen, over the ring's radius in
    pixels, is the angle. Where a cursor says nothing (beyond the vanishing point of an axis), the last change stays.
    """

    __slots__ = ("_grip", "_last", "_start", "_tangent", "handle", "pivot")

    def __init__(self, pivot: FloatArray, handle: Handle, view: ViewRays, pixel: FloatArray) -> None:
        self.pivot, self.handle = pivot, handle
        self._start = pixel
        self._tangent = _edge_on_tangent(view, handle, pivot)
        self._grip = self._parameter(view, pixel)
        self._last = np.eye(4)

    def to(self, view: ViewRays, pixel: ArrayLike, *, snap: bool = False) -> FloatArray:
        """(4, 4) rigid map of scene points from the press until now.

        Parameters
        ----------
        view : ViewRays
        pixel : (2,) array_like
        snap : bool
            Whole millimetres and whole degrees.
        """
        now = self._parameter(view, np.asarray(pixel, dtype=float))
        if now is not None and self._grip is not None:
            self._last = self._change(now - self._grip, view, snap=snap)
        return self._last.copy()

    def _change(self, way: FloatArray, view: ViewRays, *, snap: bool) -> FloatArray:
        """Map for a way in mm along the axis, radians about it, or mm in the scene."""
        kind, axis = self.handle.kind, self.handle.axis
        if kind == "move":
            return translation(axis * (np.round(way) if snap else way))
        if kind in ("turn", "roll"):
            angle = float(way)
            return rotation_about(axis, np.radians(np.round(np.degrees(angle))) if snap else angle, self.pivot)
        if snap:
            line = self.handle.line
            sides = np.stack([line[1] - line[0], line[3] - line[0]]) if kind == "plane" else np.stack([view.right, view.up])
            basis = sides / np.linalg.norm(sides, axis=1, keepdims=True)
            way = np.round(basis @ way) @ basis
        return translation(way)

    def _parameter(self, view: ViewRays, pixel: FloatArray) -> FloatArray | None:
        """What the cursor says: mm along the axis, radians about it, or a point of the plane; None: nothing."""
        kind, axis = self.handle.kind, self.handle.axis
        if self._tangent is not None:
            return np.asarray((pixel - self._start) @ self._tangent)
        origin, direction = view.ray(pixel)
        if kind == "move":
            return _along_axis(self.pivot, axis, origin, direction, flat=view.flat)
        point = _on_plane(self.pivot, axis, origin, direction, flat=view.flat)
        if point is None or kind in ("plane", "free"):
            return point
        u, v = _plane_basis(axis)
        arm = point - self.pivot
        return np.asarray(np.arctan2(arm @ v, arm @ u))


def translation(vector: ArrayLike) -> FloatArray:
    """(4, 4) matrix of a shift by a vector (3,)."""
    matrix = np.eye(4)
    matrix[:3, 3] = vector
    return matrix


def rotation_about(axis: ArrayLike, angle: float, pivot: ArrayLike) -> FloatArray:
    """(4, 4) matrix of a turn by radians about an axis (3,) through a point (3,), right-handed."""
    return RigidTransform.from_axis_angle(axis, angle, centre=pivot).matrix


def _handle(name: str, line: FloatArray, axis: FloatArray) -> Handle:
    return Handle(name, line, axis, np.zeros(len(line), bool))


def _free(view: ViewRays, pivot: FloatArray, scale: float) -> Handle:
    turn = np.linspace(0, 2 * np.pi, 25)
    circle = pivot + FREE * scale * (np.outer(np.cos(turn), view.right) + np.outer(np.sin(turn), view.up))
    return _handle("free", circle, view.direction)


def _towards(view: ViewRays, point: FloatArray) -> FloatArray:
    """Unit vector from a scene point to the eye."""
    return -view.ray(view.project(point)[0])[1]


def _distance(view: ViewRays, handle: Handle, pixel: FloatArray) -> tuple[float, bool]:
    """Pixels from a handle, and whether the nearest part is on its far side."""
    points = view.project(handle.line)
    if handle.kind == "free":
        return float(np.linalg.norm(points[:-1].mean(axis=0) - pixel)), False
    if handle.kind == "plane" and _inside(points, pixel):
        return 0.0, False
    start, step = points[:-1], np.diff(points, axis=0)
    part = np.clip(((pixel - start) * step).sum(axis=1) / np.maximum((step**2).sum(axis=1), 1e-12), 0, 1)
    away = np.linalg.norm(start + step * part[:, None] - pixel, axis=1)
    away = np.where(np.isfinite(away), away, np.inf)
    nearest = int(away.argmin())
    front = away[~handle.faint[:-1]]
    # The near half of a ring is meant where both halves are in reach.
    faint = bool(handle.faint[nearest]) and not (front.size and front.min() < away[nearest] + BEHIND)
    return float(away[nearest]), faint


def _inside(polygon: FloatArray, pixel: FloatArray) -> bool:
    """Whether a pixel lies in a convex closed polygon (n, 2)."""
    step, arm = np.diff(polygon, axis=0), pixel - polygon[:-1]
    side = step[:, 0] * arm[:, 1] - step[:, 1] * arm[:, 0]
    return bool((side >= 0).all() or (side <= 0).all())


def _along_axis(origin: FloatArray, axis: FloatArray, start: FloatArray, direction: FloatArray, *, flat: bool) -> FloatArray | None:
    """Millimetres along an axis of the point nearest to a ray; None when parallel or behind the eye."""
    normal = np.cross(axis, direction)
    square = float(normal @ normal)
    if square < END_ON**2 / 4:
        return None
    way = (start - origin) @ np.cross(direction, normal) / square
    ahead = flat or (origin + axis * way - start) @ direction > 0
    return np.asarray(way) if ahead else None


def _on_plane(origin: FloatArray, normal: FloatArray, start: FloatArray, direction: FloatArray, *, flat: bool) -> FloatArray | None:
    """(3,) where a ray meets a plane; None when they are nearly parallel or meet behind the eye."""
    slope = float(direction @ normal)
    if abs(slope) < 1e-3:
        return None
    depth = float((origin - start) @ normal) / slope
    return start + direction * depth if flat or depth > 0 else None


def _plane_basis(normal: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Two unit vectors that make a right-handed frame (u, v, normal)."""
    helper = np.eye(3)[int(np.abs(normal).argmin())]
    u = np.cross(helper, normal)
    u /= np.linalg.norm(u)
    return u, np.cross(normal, u)


def _edge_on_tangent(view: ViewRays, handle: Handle, pivot: FloatArray) -> FloatArray | None:
    """(2,) radians per pixel along a ring seen edge-on, None for every other handle.

    The tangent is that of the ring's point nearest to the eye, so that the side that is seen follows the cursor.
    """
    if handle.kind != "turn":
        return None
    eye = _towards(view, pivot)
    if abs(float(handle.axis @ eye)) >= EDGE_ON:
        return None
    front = eye - handle.axis * float(handle.axis @ eye)
    radius = float(np.linalg.norm(handle.line[0] - pivot))
    grip = pivot + front / np.linalg.norm(front) * radius
    tangent = np.cross(handle.axis, front / np.linalg.norm(front))
    step = 1e-3 * radius
    ahead, back = view.project(np.stack([grip + tangent * step, grip - tangent * step]))
    per_radian = (ahead - back) / (2 * step) * radius
    return np.asarray(per_radian / float(per_radian @ per_radian))
