"""How two volumes lie to each other, as their headers say."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import overlap_fraction
from volstudio.volumes.nifti_forms import CODES

if TYPE_CHECKING:
    from volstudio.geometry.affine import FloatArray
    from volstudio.geometry.grid import Grid
    from volstudio.volumes.volume import Volume

__all__ = ["Relation", "relate"]

SAME_PLACE = 0.01  # of the smallest voxel: grids closer than this at every corner are one grid
# Worlds of the same name that need not be one.
ONE_WORLD = {
    "scanner": ", which is one within a session",
    "aligned": ", with which scan they do not say",
    "template": ", of which they do not say",
}


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
        Whether both headers, taken at their word, speak of one world: each states its orientation, they name no different worlds (scanner
        and MNI 152, say), and the boxes overlap.
    text : str
        For a person: where they lie, and what their headers claim.
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
    "'a' has the very grid of 'a'."
    """
    as_a = Affine.identity(b.affine.target, a.affine.target)
    overlap_b = overlap_fraction(a.grid, b.grid, as_a)
    overlap_a = overlap_fraction(b.grid, a.grid, as_a.inverse())
    angle = _axes_angle_deg(a.grid, b.grid)
    distance = float(np.linalg.norm(b.grid.centre - a.grid.centre))
    same = a.shape == b.shape and float(np.abs(a.grid.corners() - b.grid.corners()).max()) <= SAME_PLACE * float(a.grid.voxel_sizes.min())
    text = f"{b.name!r} has the very grid of {a.name!r}." if same else _words(a.name, b.name, (overlap_a, overlap_b), angle, distance)
    unknown = " and ".join(repr(volume.name) for volume in (a, b) if not volume.orientation_known)
    agree, claim = (False, f"This rests on a guess: the orientation of {unknown} is unknown.") if unknown else _claims(a, b)
    return Relation(overlap_a, overlap_b, angle, distance, same, agree and overlap_b > 0, f"{text} {claim}".strip())


def _words(a: str, b: str, overlap: tuple[float, float], angle: float, distance: float) -> str:
    """Where two grids that are not one lie to each other."""
    turned = f"turned by {angle:.1f}°" if angle >= 0.05 else "not turned"
    if overlap[1] == 0:
        apart = f"their boxes do not overlap, their centres are {distance:.1f} mm apart, {turned}"
        return f"{b!r} lies apart from {a!r}: {apart}; is one header wrong?"
    shares = f"{_percent(overlap[1])} of the box of {b!r} lies in {a!r}, which it fills to {_percent(overlap[0])}"
    return f"{shares}; {turned}, the centres {distance:.1f} mm apart."


def _percent(share: float) -> str:
    """A share as a whole number, and as more where that would say none or all of it.

    >>> _percent(0.5), _percent(0.0012), _percent(0.9999), _percent(1.0), _percent(1e-9)
    ('50 %', '0.12 %', '99.99 %', '100 %', 'less than 0.01 %')
    """
    if 0 < share < 1e-4:
        return "less than 0.01 %"
    digits = 2 if share < 0.01 or 0.99 < share < 1 - 1e-9 else 0
    return f"{100 * share:.{digits}f} %"


def _claims(a: Volume, b: Volume) -> tuple[bool, str]:
    """Whether the worlds that two headers name can be one, and what they name; nothing where the formats name none."""
    frames = [volume.facts.get("frame_of_reference") for volume in (a, b)]
    if all(frames):
        if frames[0] == frames[1]:
            return True, "Both have one DICOM frame of reference."
        return False, "Their DICOM frames of reference differ, so nothing says that they share a space."
    first, second = map(_world, (a, b))
    if not first or not second:
        return True, ""
    if first == second:
        return True, f"Both headers claim {first} space{ONE_WORLD.get(first, '')}."
    if "aligned" in (first, second):
        return True, f"Their headers claim {first} and {second} space; with which scan it is aligned, a header does not say."
    return False, f"Their headers claim different spaces: {first} and {second}."


def _world(volume: Volume) -> str:
    """What a NIfTI header calls the world of the placement that is used; empty where it does not say."""
    form = volume.source.form if volume.source is not None else ""
    code = volume.facts.get(f"{form}_code", 0)
    return CODES.get(code, "") if isinstance(code, int) and code > 0 else ""


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
