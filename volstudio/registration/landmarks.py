"""Rigid fit of paired points: what a person marked in both scans, and how far to trust it.

Points come in pairs, row by row: (n, 3) in mm in the moving and in the fixed scanner space. Nothing here looks at voxels.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from volstudio.errors import RegistrationError
from volstudio.geometry.rigid import RigidTransform
from volstudio.geometry.rotation import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

    from volstudio.geometry.affine import FloatArray

__all__ = ["LandmarkFit", "fit", "fit_robustly"]

LEAST = 3  # pairs that fix a rigid map, if they do not lie on a line
# Points whose second extent is below this share of the first lie on a line: a turn about it is undecided.
ON_A_LINE = 1e-4
FARTHEST = 1e9  # mm
MOST_TRIPLES = 2000
SEED = 20


@dataclass(frozen=True, slots=True, eq=False)
class LandmarkFit:
    """A rigid map found from pairs of points.

    Parameters
    ----------
    moving_to_fixed : RigidTransform
        About the weighted middle of the moving points.
    residuals_mm : (n,) float array
        Distance of each mapped moving point from its partner.
    rms_mm : float
        Weighted root mean square of the residuals of the pairs used: the fiducial registration error.
    left_out_mm : (n,) float array
        Distance of each pair under the map that all other pairs used give: unlike a residual it is not made small by the pair itself.
        NaN where the others do not fix a map.
    scale : float
        By how much the fixed points are larger than the moving ones, least squares. Told, never applied: far from 1, a voxel size is wrong.
    used : (n,) bool array
        Which pairs took part.
    points, weights
        The moving points and their weights, as they were used.
    """

    moving_to_fixed: RigidTransform
    residuals_mm: FloatArray
    rms_mm: float
    left_out_mm: FloatArray
    scale: float
    used: NDArray[np.bool_]
    points: FloatArray
    weights: FloatArray

    def expected_error_mm(self, targets: ArrayLike) -> FloatArray:
        """Expected error, root mean square, at points (..., 3) of the moving space, mm, from the residuals.

        Notes
        -----
        Fitzpatrick, West & Maurer, "Predicting error in rigid-body point-based registration" (IEEE TMI 17, 1998): with N points and a
        localisation error of mean square FLE^2, ``FRE^2 = (1 - 2/N) FLE^2`` and ``TRE^2(r) = FLE^2 / N (1 + 1/3 sum_k d_k^2 / f_k^2)``,
        where d_k is the target's and f_k the points' root mean square distance from the k-th principal axis. NaN for fewer than four
        points: their residuals say too little.
        """
        at = np.asarray(targets, dtype=np.float64)
        points = self.points[self.used]
        count = len(points)
        if count <= LEAST:
            return np.full(at.shape[:-1], np.nan)
        localisation = np.mean(self.residuals_mm[self.used] ** 2) / (1 - 2 / count)
        centred = points - points.mean(axis=0)
        variance, axes = np.linalg.eigh(centred.T @ centred / count)
        along = ((at - points.mean(axis=0)) @ axes) ** 2
        ratio = (along.sum(axis=-1, keepdims=True) - along) / (variance.sum() - variance)
        return np.asarray(np.sqrt(localisation / count * (1 + ratio.sum(axis=-1) / 3)))


def fit(moving: ArrayLike, fixed: ArrayLike, *, weights: ArrayLike | None = None) -> LandmarkFit:
    """Rigid map of least squares.

    Parameters
    ----------
    moving, fixed : (n, 3) array_like, mm
        At least three pairs, not on a line.
    weights : (n,) array_like, optional
        Not negative; a point marked with half the error has four times the weight. None: all alike.

    Raises
    ------
    RegistrationError
        The points do not pair, are not finite, are fewer than three, or lie on a line.

    Notes
    -----
    With both sets taken from their weighted means and ``H = sum w f m^T = U S V^T`` the rotation is ``U diag(1, 1, det(U V^T)) V^T`` and
    the scale ``trace(S D) / sum w |m|^2`` (Kabsch, Acta Cryst. A32, 1976; Umeyama, IEEE PAMI 13, 1991).

    Examples
    --------
    >>> moving = np.array([(0, 0, 0), (10, 0, 0), (0, 10, 0), (0, 0, 10)])
    >>> found = fit(moving, moving + (1, 2, 3))
    >>> found.moving_to_fixed.apply((0, 0, 0)).round(9)
    array([1., 2., 3.])
    """
    points, partners, share = _checked(moving, fixed, weights)
    return _report(points, partners, share, share > 0)


def fit_robustly(moving: ArrayLike, fixed: ArrayLike, *, tolerance_mm: float, weights: ArrayLike | None = None) -> LandmarkFit:
    """Rigid map of the largest set of pairs that agree, for points among which some are wrong.

    Parameters
    ----------
    moving, fixed, weights
        As in `fit`.
    tolerance_mm : float
        A pair agrees with a map that brings it this near: about three times what a careful hand errs by.

    Raises
    ------
    RegistrationError
        As in `fit`; or no map agrees with more than the three pairs it was made from, and there are more.

    Notes
    -----
    Random sample consensus (Fischler & Bolles, CACM 24, 1981) over all triples, or 2000 of them drawn with a fixed seed; the map of the
    largest set is fitted again to all of it until the set no longer changes.
    """
    points, partners, share = _checked(moving, fixed, weights)
    if not 0 < tolerance_mm < np.inf:
        raise RegistrationError(f"The tolerance of landmarks is a distance in mm above 0, got {tolerance_mm:g}.")
    best = np.zeros(len(points), bool)
    least = np.inf
    for triple in _triples(len(points)):
        if not _spans(points[triple]) or not _spans(partners[triple]):
            continue
        distance = _distances(_solve(points[triple], partners[triple], share[triple]), points, partners)
        agree = (distance <= tolerance_mm) & (share > 0)
        error = float((distance[agree] ** 2).sum())
        if (agree.sum(), -error) > (best.sum(), -least):
            best, least = agree, error
    for _ in range(10):
        if best.sum() < min(LEAST + 1, len(points)) or not _spans(points[best]):
            raise RegistrationError(
                f"No rigid map brings more than {int(best.sum())} of the {len(points)} pairs within {tolerance_mm:g} mm; "
                "mark the points again, or allow more."
            )
        distance = _distances(_solve(points[best], partners[best], share[best]), points, partners)
        agree = (distance <= tolerance_mm) & (share > 0)
        if np.array_equal(agree, best):
            break
        best = agree
    return _report(points, partners, share, best)


def _checked(moving: ArrayLike, fixed: ArrayLike, weights: ArrayLike | None) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Points, partners and weights that a map can be fitted to."""
    try:
        points, partners = (np.array(p, dtype=np.float64) for p in (moving, fixed))
        share = np.ones(len(points) if points.ndim else 0) if weights is None else np.array(weights, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise RegistrationError(f"Landmarks are numbers in mm, and so are their weights: {error}.") from error
    if points.ndim != 2 or points.shape[1] != 3 or points.shape != partners.shape:
        raise RegistrationError(f"Landmarks come in pairs of (n, 3) points, got shapes {points.shape} and {partners.shape}.")
    if share.shape != (len(points),) or not np.isfinite(share).all() or (share < 0).any():
        raise RegistrationError(f"{len(points)} pairs of landmarks need as many weights, finite and not negative.")
    if not (np.isfinite(points).all() and np.isfinite(partners).all()):
        raise RegistrationError("A landmark is not finite; every point needs three numbers in mm.")
    if max(np.abs(points).max(initial=0.0), np.abs(partners).max(initial=0.0)) > FARTHEST:
        raise RegistrationError(f"A landmark lies more than {FARTHEST:g} mm from the origin; are its coordinates in mm?")
    if (share > 0).sum() < LEAST:
        raise RegistrationError(f"A rigid map needs at least {LEAST} pairs of landmarks, got {int((share > 0).sum())}.")
    if not (_spans(points[share > 0]) and _spans(partners[share > 0])):
        raise RegistrationError("The landmarks lie on a line or in one place, where any turn about it fits; add one away from it.")
    return points, partners, share


def _spans(points: FloatArray) -> bool:
    """Whether points lie on no single line."""
    extent = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return len(points) >= LEAST and bool(extent[1] > ON_A_LINE * extent[0])


def _solve(points: FloatArray, partners: FloatArray, share: FloatArray) -> RigidTransform:
    """Kabsch's map of least squares."""
    middle, other = (np.average(p, axis=0, weights=share) for p in (points, partners))
    rotation = nearest((share[:, None] * (partners - other)).T @ (points - middle))
    return RigidTransform(rotation, other - middle, middle)


def _distances(transform: RigidTransform, points: FloatArray, partners: FloatArray) -> FloatArray:
    """(n,) mm between mapped points and their partners."""
    return np.asarray(np.linalg.norm(transform.apply(points) - partners, axis=1))


def _scale(transform: RigidTransform, points: FloatArray, partners: FloatArray, share: FloatArray) -> float:
    """Umeyama's uniform scale: of the turned points onto the partners, both from their means."""
    middle, other = (np.average(p, axis=0, weights=share) for p in (points, partners))
    turned = (points - middle) @ transform.rotation.T
    return float((share[:, None] * turned * (partners - other)).sum() / (share[:, None] * turned**2).sum())


def _report(points: FloatArray, partners: FloatArray, share: FloatArray, used: NDArray[np.bool_]) -> LandmarkFit:
    """The fit to the pairs used, and its errors at all."""
    transform = _solve(points[used], partners[used], share[used])
    residuals = _distances(transform, points, partners)
    left_out = np.full(len(points), np.nan)
    for number in range(len(points)):
        others = used.copy()
        others[number] = False
        if _spans(points[others]) and _spans(partners[others]):
            one = slice(number, number + 1)
            left_out[number] = _distances(_solve(points[others], partners[others], share[others]), points[one], partners[one])[0]
    return LandmarkFit(
        moving_to_fixed=transform,
        residuals_mm=residuals,
        rms_mm=float(np.sqrt(np.average(residuals[used] ** 2, weights=share[used]))),
        left_out_mm=left_out,
        scale=_scale(transform, points[used], partners[used], share[used]),
        used=used,
        points=points,
        weights=share,
    )


def _triples(count: int) -> Iterator[NDArray[np.intp]]:
    """All triples of so many points, or a fixed choice of them."""
    if comb(count, LEAST) <= MOST_TRIPLES:
        yield from (np.array(triple) for triple in combinations(range(count), LEAST))
        return
    rng = np.random.default_rng(SEED)
    for _ in range(MOST_TRIPLES):
        yield rng.choice(count, LEAST, replace=False)
