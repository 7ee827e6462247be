"""How much of one parallelepiped lies inside another: exact, for any pose, shear or flip."""

from __future__ import annotations

from itertools import pairwise, product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from volstudio.geometry.affine import FloatArray

__all__ = ["share_in_unit_cube"]

# The cube's sides are 1. A corner closer than this to a cutting plane lies on it, so that faces both bodies share are not cut by rounding.
ON_PLANE = 1e-12

Face = tuple[list[int], "FloatArray"]  # corners in turn, as rows of a table of points, and the unit normal outwards


def share_in_unit_cube(box: FloatArray) -> float:
    """Share of a box's volume that lies inside the cube with corners at +-1/2.

    Parameters
    ----------
    box : (4, 4) float array
        Maps that same cube onto the box; invertible.

    Returns
    -------
    float
        0 to 1; the volume in common is right to about 1e-12 of the cube's.

    Notes
    -----
    The box, as a polyhedron of shared corners, is cut by the cube's six planes in turn: each face is clipped (Sutherland and Hodgman,
    Comm. ACM 17, 1974), and the cut is closed by the polygon of its rim. The divergence theorem then gives the volume from the faces,
    ``V = 1/3 sum area (n . p)``. As the surface stays closed, a corner moved by rounding costs no more than its own displacement.
    """
    points, faces = _polyhedron(box)
    for axis, side in product(range(3), (1.0, -1.0)):
        points, faces = _cut(points, faces, side * np.eye(3)[axis])
    volume = sum(_cone(points[corners], normal) for corners, normal in faces)
    return min(max(volume / abs(float(np.linalg.det(box[:3, :3]))), 0.0), 1.0)


def _polyhedron(box: FloatArray) -> tuple[FloatArray, list[Face]]:
    """Corners (8, 3) and the six faces of the box."""
    cube = np.array(list(product((-0.5, 0.5), repeat=3)))
    inward = np.linalg.inv(box[:3, :3])
    faces: list[Face] = []
    for axis, side in product(range(3), (1.0, -1.0)):
        corners = np.flatnonzero(cube[:, axis] == side / 2)
        normal = side * inward[axis] / np.linalg.norm(inward[axis])
        faces.append(([int(corners[i]) for i in (0, 1, 3, 2)], normal))
    return cube @ box[:3, :3].T + box[:3, 3], faces


def _cut(points: FloatArray, faces: list[Face], normal: FloatArray) -> tuple[FloatArray, list[Face]]:
    """The part of a convex polyhedron below the plane ``normal . x = 1/2``."""
    height = points @ normal - 0.5
    height[np.abs(height) <= ON_PLANE] = 0
    if not any(height[i] > 0 for corners, _ in faces for i in corners):
        return points, faces
    table = list(points)
    crossings: dict[tuple[int, int], int] = {}
    below: list[Face] = []
    rim: set[int] = set()
    for corners, outwards in faces:
        kept = []
        for i, j in pairwise([*corners, corners[0]]):
            if height[i] <= 0:
                kept.append(i)
            if height[i] * height[j] < 0:
                a, b = edge = (min(i, j), max(i, j))
                if edge not in crossings:
                    crossings[edge] = len(table)
                    table.append(points[a] + (points[b] - points[a]) * (height[a] / (height[a] - height[b])))
                kept.append(crossings[edge])
        rim.update(i for i in kept if i >= len(points) or height[i] == 0)
        if len(kept) >= 3:
            below.append((kept, outwards))
    cut = np.array(table)
    if len(rim) >= 3:
        below.append((_in_turn(cut, sorted(rim), normal), normal))
    return cut, below


def _in_turn(points: FloatArray, rim: list[int], normal: FloatArray) -> list[int]:
    """The corners of a convex polygon in a plane, in the order they follow each other round its middle."""
    axis = int(np.argmax(np.abs(normal)))
    flat = np.delete(points[rim], axis, axis=1)
    from_middle = flat - flat.mean(axis=0)
    return [rim[i] for i in np.argsort(np.arctan2(from_middle[:, 1], from_middle[:, 0]))]


def _cone(polygon: FloatArray, normal: FloatArray) -> float:
    """Signed volume of the cone from the cube's middle to a planar polygon (n, 3) that looks along ``normal``."""
    twice_area = np.linalg.norm(np.cross(polygon[1:-1] - polygon[0], polygon[2:] - polygon[0]).sum(axis=0))
    return float(twice_area * (normal @ polygon[0])) / 6
