"""How far two transforms are apart, in millimetres where it matters and in degrees; how much a head moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from volstudio.errors import GeometryError, SpaceMismatchError
from volstudio.geometry.affine import Affine, as_points
from volstudio.geometry.rigid import ORIGIN, RigidTransform
from volstudio.geometry.rotation import nearest, to_axis_angle

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from volstudio.geometry.affine import FloatArray
    from volstudio.geometry.grid import Grid

__all__ = ["Distance", "angle_deg", "distance_mm", "framewise_displacement", "over_grid", "rms_deviation"]

JENKINSON_RADIUS = 80.0  # mm, a ball of a head's size: FSL's rmsdiff and MCFLIRT
POWER_RADIUS = 50.0  # mm, from the middle of the head to the cortex: Power et al. 2012


@dataclass(frozen=True, slots=True)
class Distance:
    """How far the images of points under two transforms lie apart, mm.

    Parameters
    ----------
    mean, rms, max : float
    """

    mean: float
    rms: float
    max: float

    def __str__(self) -> str:
        return f"{self.mean:.3g} mm on average, {self.max:.3g} mm at most"


def distance_mm(a: Affine | ArrayLike, b: Affine | ArrayLike, points: ArrayLike) -> Distance:
    """Distance between the images of points under two maps.

    Parameters
    ----------
    a, b : Affine or (4, 4) array_like
        Maps of the same space to the same space; for two `Affine` this is checked.
    points : (..., 3) array_like, mm
        At least one.

    Raises
    ------
    SpaceMismatchError
        The two maps do not have the same ends.
    GeometryError
        There is no point, or one without three coordinates.

    Examples
    --------
    >>> turned = RigidTransform.from_axis_angle((0, 0, 1), np.radians(1)).matrix
    >>> distance_mm(turned, np.eye(4), [(100, 0, 0), (0, 0, 0)])
    Distance(mean=0.8726..., rms=1.2341..., max=1.7453...)
    """
    pts = as_points(points)
    if pts.size == 0:
        raise GeometryError(f"A distance needs at least one point, got shape {pts.shape}.")
    change = _difference(a, b)
    apart = np.linalg.norm(pts @ change[:3, :3].T + change[:3, 3], axis=-1)
    return Distance(float(apart.mean()), float(np.sqrt((apart**2).mean())), float(apart.max()))


def over_grid(a: Affine | ArrayLike, b: Affine | ArrayLike, grid: Grid) -> Distance:
    """Distance between the images of a grid's box under two maps of its world.

    Raises
    ------
    SpaceMismatchError
        The two maps do not have the same ends, or do not start in the grid's world.

    Notes
    -----
    The difference of two affine maps is affine, ``d(x) = D x + e``, so over the whole box, every point of it counted alike:
    ``max`` is reached at a corner; ``rms^2 = |d(middle)|^2 + sum |D edge|^2 / 12`` exactly; ``mean`` is taken by Gauss-Legendre quadrature
    with 8 x 8 x 8 nodes, to 0.2 % of itself in the worst case (a box that turns about its own middle) and far better elsewhere.
    """
    if isinstance(a, Affine) and a.source != grid.affine.target:
        raise SpaceMismatchError(f"The grid lies in {grid.affine.target}, but the map starts in {a.source}; is an .inverse() missing?")
    change = _difference(a, b) @ grid.box()
    middle, edges = change[:3, 3], change[:3, :3]
    nodes, weights = np.polynomial.legendre.leggauss(8)
    lattice = np.stack(np.meshgrid(nodes, nodes, nodes, indexing="ij"), axis=-1) / 2
    share = np.einsum("i,j,k->ijk", weights, weights, weights) / 8
    mean = float((np.linalg.norm(lattice @ edges.T + middle, axis=-1) * share).sum())
    corners = np.array(np.meshgrid(*[(-0.5, 0.5)] * 3)).reshape(3, -1)
    largest = float(np.linalg.norm(edges @ corners + middle[:, None], axis=0).max())
    return Distance(mean, float(np.sqrt(middle @ middle + (edges**2).sum() / 12)), largest)


def angle_deg(a: Affine | ArrayLike, b: Affine | ArrayLike) -> float:
    """The one angle, 0 to 180 degrees, that turns the axes of one map into those of the other.

    Two voxel affines give the angle between their grids, whatever their voxel sizes. Scale and shear are left aside: it is the angle of the
    rotation nearest to ``a b^-1``.

    Raises
    ------
    GeometryError
        One map mirrors and the other does not: no rotation leads from one to the other.
    """
    change = _matrix(a)[:3, :3] @ np.linalg.inv(_matrix(b)[:3, :3])
    if np.linalg.det(change) < 0:
        raise GeometryError("One of the two maps mirrors left and right and the other does not, so no angle tells them apart.")
    return float(np.degrees(to_axis_angle(nearest(change))[1]))


def rms_deviation(a: Affine | ArrayLike, b: Affine | ArrayLike, *, centre: ArrayLike = ORIGIN, radius: float = JENKINSON_RADIUS) -> float:
    """Root mean square distance, mm, between the images under two maps of a ball of points.

    Parameters
    ----------
    a, b : Affine or (4, 4) array_like
    centre : (3,) array_like, mm
        Middle of the ball; FSL takes the centre of gravity of the brain.
    radius : float, mm

    Raises
    ------
    SpaceMismatchError
        The two maps do not have the same ends.

    Notes
    -----
    ``E^2 = R^2/5 tr(D^T D) + |e + D c|^2`` with ``[D e] = A - B`` (Jenkinson, "Measuring transformation error by RMS deviation", FMRIB
    technical report TR99MJ1, 1999, for ``B A^-1 - I``; the two agree where the maps are rigid).
    """
    change = _difference(a, b)
    moved = change[:3, 3] + change[:3, :3] @ np.asarray(centre, dtype=np.float64)
    return float(np.sqrt(radius**2 / 5 * (change[:3, :3] ** 2).sum() + moved @ moved))


def framewise_displacement(
    matrices: ArrayLike, *, method: Literal["jenkinson", "power"] = "jenkinson", centre: ArrayLike = ORIGIN, radius: float | None = None
) -> FloatArray:
    """How far a head moved from each volume of a series to the next, mm.

    Parameters
    ----------
    matrices : (n, 4, 4) array_like
        Each volume's map between the reference and the volume, RAS mm; all in the same direction.
    method : "jenkinson", "power"
        `rms_deviation` of the two maps over a ball of 80 mm; or the sum of the six parameters' absolute differences, angles as arcs on a
        sphere of 50 mm (Power et al., NeuroImage 59, 2012).
    centre : (3,) array_like, mm
        Middle of the ball; for Power's measure the point that the parameters turn about.
    radius : float or None, mm
        None: the method's own.

    Returns
    -------
    (n,) float64 array
        The first volume, which has none before it, is given 0.

    Raises
    ------
    GeometryError
        The matrices have another shape, or, for Power's measure, are not rigid.
    """
    stack = np.asarray(matrices, dtype=np.float64)
    if stack.ndim != 3 or stack.shape[1:] != (4, 4) or not len(stack):
        raise GeometryError(f"Framewise displacement needs matrices of shape (n, 4, 4), got {stack.shape}.")
    if method == "jenkinson":
        size = JENKINSON_RADIUS if radius is None else radius
        steps = [rms_deviation(a, b, centre=centre, radius=size) for a, b in zip(stack[1:], stack[:-1], strict=True)]
        return np.array([0.0, *steps])
    arcs = np.array([1.0, 1.0, 1.0, *[POWER_RADIUS if radius is None else radius] * 3])
    six = np.array([RigidTransform.from_matrix(matrix, centre=centre).six() for matrix in stack])
    changes = np.diff(six, axis=0)
    changes[:, 3:] = np.arctan2(np.sin(changes[:, 3:]), np.cos(changes[:, 3:]))  # a turn past half a circle is a small turn
    return np.concatenate([[0.0], np.abs(changes) @ arcs])


def _matrix(value: Affine | ArrayLike) -> FloatArray:
    """The (4, 4) numbers of a map."""
    return value.matrix if isinstance(value, Affine) else Affine(np.asarray(value, dtype=np.float64), "a", "b").matrix


def _difference(a: Affine | ArrayLike, b: Affine | ArrayLike) -> FloatArray:
    """(4, 4): ``A - B``, once both are known to have the same ends."""
    if isinstance(a, Affine) and isinstance(b, Affine) and (a.source, a.target) != (b.source, b.target):
        raise SpaceMismatchError(
            f"Cannot compare {a.source} -> {a.target} with {b.source} -> {b.target}: they map different spaces; is an .inverse() missing?"
        )
    return _matrix(a) - _matrix(b)
