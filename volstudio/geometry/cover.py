"""A grid that holds several others: world-aligned, with cubes for voxels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from volstudio.errors import GeometryError
from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.geometry.spaces import volume_of, voxel

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["isotropic_cover"]

MOST_VOXELS = 1 << 31  # 4 GB of int16: more is a slip of the spacing


def isotropic_cover(grids: Sequence[Grid], spacing: float) -> Grid:
    """The smallest grid of cubes along the world's axes that covers the boxes of all grids.

    Parameters
    ----------
    grids : sequence of Grid
        In one world, that of the first; their boxes reach half a voxel beyond the outer voxel centres.
    spacing : float
        Edge of a voxel, mm.

    Raises
    ------
    GeometryError
        There is no grid, they lie in different worlds, or the spacing is not a sensible length for them.

    Notes
    -----
    Right-handed (RAS). What the boxes leave of the last voxels is shared out to both sides.

    Examples
    --------
    >>> a = Grid((10, 10, 10), Affine(np.diag([2.0, 2, 2, 1]), "a:voxel", "a:scanner"))
    >>> cover = isotropic_cover([a], 1.5)
    >>> cover.shape, cover.axis_codes, cover.bounds()[0].tolist()
    ((14, 14, 14), 'RAS', [-1.5, -1.5, -1.5])
    """
    worlds = {grid.affine.target for grid in grids}
    if len(worlds) != 1:
        raise GeometryError(f"A grid can cover only grids of one world, got {', '.join(sorted(worlds)) or 'none'}.")
    if not (np.isfinite(spacing) and spacing > 0):
        raise GeometryError(f"The spacing of an isotropic grid must be a positive number of mm, got {spacing:g}.")
    corners = np.concatenate([grid.corners() for grid in grids])
    low, high = corners.min(axis=0), corners.max(axis=0)
    # A box that is a whole number of voxels but for rounding gets no voxel more.
    counts = np.maximum(np.ceil((high - low) / spacing - 1e-6), 1.0)
    if float(np.prod(counts)) > MOST_VOXELS:
        size = " x ".join(f"{count:.0f}" for count in counts)
        raise GeometryError(f"A grid of {spacing:g} mm over these volumes would have {size} voxels; choose a larger spacing.")
    matrix = np.diag([spacing] * 3 + [1.0])
    matrix[:3, 3] = (low + high) / 2 - (counts - 1) / 2 * spacing
    (world,) = worlds
    shape = (int(counts[0]), int(counts[1]), int(counts[2]))
    return Grid(shape, Affine(matrix, voxel(volume_of(world) or world), world))
