"""The sampling grid of a volume: how many voxels, and where they lie in the world."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from volstudio.errors import GeometryError
from volstudio.geometry.affine import Affine, FloatArray

__all__ = ["Grid"]


@dataclass(frozen=True, slots=True)
class Grid:
    """Shape of a voxel array and the affine that places it.

    Parameters
    ----------
    shape : (int, int, int)
        Number of voxels along i, j, k.
    affine : Affine
        Voxel indices to world millimetres (RAS+); index (0, 0, 0) is the *centre* of the first voxel.

    Raises
    ------
    GeometryError
        The shape is not three positive numbers.
    """

    shape: tuple[int, int, int]
    affine: Affine

    def __post_init__(self) -> None:
        shape = tuple(int(n) for n in self.shape)
        if len(shape) != 3 or min(shape) < 1:
            raise GeometryError(f"A grid needs three positive numbers of voxels, got {self.shape}.")
        object.__setattr__(self, "shape", shape)

    @property
    def voxel_sizes(self) -> FloatArray:
        """(3,) mm: length of one step along i, j and k."""
        return np.linalg.norm(self.affine.linear, axis=0)

    @property
    def centre(self) -> FloatArray:
        """(3,) mm: the middle of the grid."""
        return self.affine.apply((np.array(self.shape) - 1) / 2)

    def corners(self, *, edges: bool = True) -> FloatArray:
        """(8, 3) mm: corners of the grid's box, i fastest last.

        ``edges`` true: the outer faces of the outer voxels (half a voxel beyond the centres); false: the outer voxel centres.
        """
        half = 0.5 if edges else 0.0
        ends = [(-half, n - 1 + half) for n in self.shape]
        return self.affine.apply(list(product(*ends)))

    def bounds(self, *, edges: bool = True) -> FloatArray:
        """(2, 3) mm: least and greatest x, y, z of the corners."""
        corners = self.corners(edges=edges)
        return np.stack([corners.min(axis=0), corners.max(axis=0)])
