"""The oriented box of each layer in the 3D view.

A box's near edges are drawn over the picture, smooth; its far edges stand in the scene, so that the volumes hide them. (Near edges in the
scene would be ringed by dark dots: where a multisampled line covers part of a pixel, the volume behind it ends for the whole pixel.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from volstudio.rendering.marks import Lines
from volstudio.rendering.overlay import Overlay, Stroke

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from volstudio.rendering.rays import CameraRays, FloatArray
    from volstudio.rendering.vtk_types import Renderer
    from volstudio.scene.model import Vec3

__all__ = ["EDGES", "Boxes", "near_edges"]

# Corners as `Grid.corners` gives them: i slowest, k fastest; so an edge joins two corners whose numbers differ in one bit.
EDGES = tuple((a, b) for a in range(8) for b in range(a + 1, 8) if (a ^ b).bit_count() == 1)
BITS = (4, 2, 1)
WIDTH = 1.3
# Boxes step back before what they frame.
QUIET = 0.75


class Boxes:
    """The boxes of one renderer.

    Parameters
    ----------
    renderer : vtkRenderer
    scale : float
        Device pixels per pixel.
    """

    def __init__(self, renderer: Renderer, *, scale: float = 1.0) -> None:
        self._renderer, self._scale = renderer, scale
        self._overlay = Overlay(renderer)
        self._boxes: dict[str, tuple[FloatArray, Vec3]] = {}
        self._lines: dict[str, tuple[Vec3, Lines]] = {}

    def show(self, boxes: Mapping[str, tuple[FloatArray, Vec3]]) -> None:
        """Draw these boxes, each by its corners (8, 3) in scene mm and its colour, and no others."""
        self._boxes = {name: (corners, _quiet(colour)) for name, (corners, colour) in boxes.items()}
        for name, (colour, lines) in list(self._lines.items()):
            if name not in self._boxes or self._boxes[name][1] != colour:
                lines.close()
                del self._lines[name]
        for name, (_, colour) in self._boxes.items():
            if name not in self._lines:
                self._lines[name] = colour, Lines(self._renderer, colour, width=WIDTH * self._scale)

    def draw(self, view: CameraRays) -> None:
        """Divide near from far edges for a view; before each picture."""
        strokes = []
        corner = np.array(view.viewport[:2])
        for name, (corners, colour) in self._boxes.items():
            near = near_edges(corners, view)
            self._lines[name][1].show(corners, [edge for edge, front in zip(EDGES, near, strict=True) if not front])
            pixels = view.project(corners) - corner
            strokes += [Stroke(pixels[list(edge)], colour, WIDTH * self._scale) for edge, front in zip(EDGES, near, strict=True) if front]
        self._overlay.draw(strokes)

    def close(self) -> None:
        """Take the boxes out of the renderer."""
        self._overlay.close()
        for _, lines in self._lines.values():
            lines.close()
        self._lines, self._boxes = {}, {}


def near_edges(corners: FloatArray, view: CameraRays) -> NDArray[np.bool_]:
    """(12,) for each of `EDGES`: whether it bounds a face that is turned to the eye, so that its own box does not hide it."""
    centre = corners.mean(axis=0)
    turned = {}
    for bit in BITS:
        for side in (0, bit):
            face = corners[[k for k in range(8) if k & bit == side]]
            first, second = face[1] - face[0], face[2] - face[0]
            middle = face.mean(axis=0)
            outwards = np.cross(first, second)
            outwards = outwards * np.sign(outwards @ (middle - centre))
            turned[bit, side] = float(outwards @ view.towards_eye(middle)) > 0
    return np.array([any(turned[bit, a & bit] for bit in BITS if not (a ^ b) & bit) for a, b in EDGES])


def _quiet(colour: Vec3) -> Vec3:
    red, green, blue = (QUIET * part for part in colour)
    return (red, green, blue)
