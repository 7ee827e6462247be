"""The sampling grid of a volume: how many voxels, and where they lie in the world.

A grid's *box* reaches from outer face to outer face, half a voxel beyond the centres of the outer voxels.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product
from typing import TYPE_CHECKING

import numpy as np

from volstudio.errors import GeometryError, SpaceMismatchError
from volstudio.geometry.box import share_in_unit_cube

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from volstudio.geometry.affine import Affine, FloatArray

__all__ = ["Grid", "overlap_fraction"]


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

    Examples
    --------
    >>> from volstudio.geometry.affine import Affine
    >>> grid = Grid((64, 64, 30), Affine(np.diag([-3.0, 3, 4, 1]), "epi:voxel", "epi:scanner"))
    >>> grid.axis_codes, grid.handedness, grid.voxel_sizes.tolist()
    ('LAS', -1, [3.0, 3.0, 4.0])
    >>> grid.contains([(1.4, 0, 0), (1.6, 0, 0)]).tolist()
    [True, False]
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
        sizes: FloatArray = np.linalg.norm(self.affine.linear, axis=0)
        return sizes

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

    @property
    def directions(self) -> FloatArray:
        """(3, 3): unit vectors in the world along i, j and k, as columns."""
        return self.affine.linear / self.voxel_sizes

    @property
    def handedness(self) -> int:
        """+1: i, j, k are right-handed in the world; -1: left-handed, the array is a mirror image of the world (as in LAS)."""
        return 1 if np.linalg.det(self.affine.linear) > 0 else -1

    @property
    def obliquity_deg(self) -> float:
        """Degrees, 0 to 54.7: the largest angle between a voxel axis and the world axis nearest to it."""
        along = np.sort(np.abs(self.directions), axis=0)
        # The arc tangent keeps the small angles that an arc cosine rounds away.
        return float(np.degrees(np.arctan2(np.hypot(along[0], along[1]), along[2])).max())

    @property
    def shear(self) -> float:
        """How far the box is from a rectangle: the largest cosine between two voxel axes, 0 (none) to 1; rounding shows as 1e-16 or so."""
        axes = self.directions.T
        return max(abs(float(a @ b)) for a, b in combinations(axes, 2))

    @property
    def axis_codes(self) -> str:
        """Where i, j and k lead to, each to the nearest world direction: ``"RAS"``, ``"LPS"``, ``"PIR"``, ...

        Notes
        -----
        nibabel's rule (``nibabel.orientations.io_orientation``): the rotation nearest to the voxel axes, then from the voxel axis that is
        nearest to a world axis to the one that is farthest, each the nearest world axis that is not yet taken.
        """
        u, _, vt = np.linalg.svd(self.directions)
        rotation = u @ vt
        codes = ["", "", ""]
        for column in np.argsort(-(rotation**2).max(axis=0), kind="stable"):
            row = int(np.argmax(np.abs(rotation[:, column])))
            codes[column] = ("RAS" if rotation[row, column] > 0 else "LPI")[row]
            rotation[row] = 0
        return "".join(codes)

    def contains(self, points: ArrayLike) -> NDArray[np.bool_]:
        """Which points (..., 3), world mm, lie in the grid's box or on its faces; (...) booleans."""
        ijk = self.affine.inverse().apply(points)
        return np.asarray(((ijk >= -0.5) & (ijk <= np.array(self.shape) - 0.5)).all(axis=-1))

    def box(self) -> FloatArray:
        """(4, 4): maps the cube with corners at +-1/2 onto the grid's box in world mm."""
        to_voxel = np.diag([*self.shape, 1.0])
        to_voxel[:3, 3] = (np.array(self.shape) - 1) / 2
        return self.affine.matrix @ to_voxel


def overlap_fraction(a: Grid, b: Grid, b_to_a: Affine | None = None) -> float:
    """Share of the box of ``b`` that lies inside the box of ``a``: 0 (apart) to 1 (all of it).

    Parameters
    ----------
    a, b : Grid
    b_to_a : Affine or None
        Maps the world of ``b`` to the world of ``a``; None: both worlds are the same, as their headers claim.

    Raises
    ------
    SpaceMismatchError
        ``b_to_a`` does not lead from the one world to the other.

    Notes
    -----
    Exact to about 1e-12 for oblique, sheared and flipped boxes: see `volstudio.geometry.box.share_in_unit_cube`.

    Examples
    --------
    >>> from volstudio.geometry.affine import Affine
    >>> head = Grid((10, 10, 10), Affine(np.eye(4), "t1:voxel", "t1:scanner"))
    >>> slab = Grid((10, 10, 4), Affine(np.array([[1.0, 0, 0, 5], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), "epi:voxel", "epi:scanner"))
    >>> round(overlap_fraction(head, slab), 12), round(overlap_fraction(slab, head), 12)
    (0.5, 0.2)
    """
    placed = b if b_to_a is None else Grid(b.shape, b_to_a @ b.affine)
    if b_to_a is not None and b_to_a.target != a.affine.target:
        raise SpaceMismatchError(f"The overlap needs a map to {a.affine.target}, got one to {b_to_a.target}; is an .inverse() missing?")
    return share_in_unit_cube(np.linalg.inv(a.box()) @ placed.box())
