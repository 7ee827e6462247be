"""How two volumes lie to each other, as their headers say."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import overlap_fraction

if TYPE_CHECKING:
    from volstudio.geometry.affine import FloatArray
    from volstudio.geometry.grid import Grid
    from volstudio.volumes.volume import Volume

__all__ = ["Relation", "relate"]

SAME_PLACE = 0.01  # of the smallest voxel: grids closer than this at every corner are one grid


@dataclass(frozen=True, slots=True)
class Relation:
    """How a volume b lies to a volume a.

    Parameters
    ----------
    overlap_a, overlap_b : float
        Share of the box of a that b fills, and of the box of b that lies in a; 0 to 1.
    angle_deg : float
        Between their axes, whichever way round these are stored: 0 to 62.8.
    centre_distance_mm : float
        Between the centres of the boxes.
    same_grid : bool
        Both have the same shape and the same place.
    claims_same_space : bool
        Whether the headers leave no doubt that both are in one world: each states its orientation, and the boxes overlap.
    text : str
        One sentence for a person.
    """

    overlap_a: float
    overlap_b: float
    angle_deg: float
    centre_distance_mm: float
    same_grid: bool
    claims_same_space: bool
    text: str


def relate(a: Volume, b: Volume) -> Relation:
    """How ``b`` lies to ``a`` if both headers are taken at their word.

    Examples
    --------
    >>> from volstudio.volumes.readers import volume_from_array
    >>> a = volume_from_array(np.zeros((10, 10, 10), np.int16), np.eye(4), name="a")
    >>> relate(a, a).text
    "'a' lies on the very grid of 'a'."
    """
    as_a = Affine.identity(b.affine.target, a.affine.target)
    overlap_b = overlap_fraction(a.grid, b.grid, as_a)
    overlap_a = overlap_fraction(b.grid, a.grid, as_a.inverse())
    angle = _axes_angle_deg(a.grid, b.grid)
    distance = float(np.linalg.norm(b.grid.centre - a.grid.centre))
    same = a.shape == b.shape and float(np.abs(a.grid.corners() - b.grid.corners()).max()) <= SAME_PLACE * float(a.grid.voxel_sizes.min())
    known = a.orientation_known and b.orientation_known
    text = _words(a.name, b.name, overlap_b, angle, distance, same=same)
    if not known:
        unknown = " and ".join(repr(volume.name) for volume in (a, b) if not volume.orientation_known)
        text += f" This rests on a guess: the orientation of {unknown} is unknown."
    return Relation(overlap_a, overlap_b, angle, distance, same, known and overlap_b > 0, text)


def _words(a: str, b: str, overlap: float, angle: float, distance: float, *, same: bool) -> str:
    if same:
        return f"{b!r} lies on the very grid of {a!r}."
    if overlap == 0:
        return f"{b!r} lies apart from {a!r}: their boxes do not overlap, their centres are {distance:.4g} mm apart; is one header wrong?"
    return f"{100 * overlap:.3g} % of the box of {b!r} lies in {a!r}, turned by {angle:.3g}°, the centres {distance:.3g} mm apart."


def _axes_angle_deg(a: Grid, b: Grid) -> float:
    """Smallest rotation that lays the axes of one grid along those of the other, in any order and direction."""
    # The cosines between axes; of all signed permutations the one with the greatest trace needs the smallest turn.
    cosines: FloatArray = _orthonormal(a).T @ _orthonormal(b)
    best = max(sum(abs(cosines[axis, other]) for axis, other in enumerate(order)) for order in permutations(range(3)))
    return float(np.degrees(np.arccos(np.clip((best - 1) / 2, -1.0, 1.0))))


def _orthonormal(grid: Grid) -> FloatArray:
    """The orthonormal axes nearest to those of a grid, which may be sheared."""
    u, _, vt = np.linalg.svd(grid.affine.linear / grid.voxel_sizes)
    axes: FloatArray = u @ vt
    return axes
