"""Affine maps between named spaces: the one way coordinates change in volstudio.

A map knows where it starts and where it ends. Chaining two maps whose ends do not meet is an error at once, not a mirrored patient later.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from volstudio.errors import GeometryError, SpaceMismatchError

__all__ = ["REACH", "Affine", "as_points", "fault_of"]

FloatArray = NDArray[np.float64]

# Below this ratio of smallest to largest singular value a matrix flattens space: no voxel grid of the field comes near it.
SINGULAR_RATIO = 1e-9
# Beyond this, and below its inverse, lengths leave the range of float64 when they are squared; no world is so large.
REACH = 1e100


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """An affine map of points from one named space to another.

    Parameters
    ----------
    matrix : (4, 4) array_like
        Homogeneous matrix, acting on column vectors: ``y = matrix @ (x, 1)``. Kept as read-only float64.
    source, target : str
        Names of the spaces it maps from and to, see `volstudio.geometry.spaces`.

    Raises
    ------
    GeometryError
        The matrix is not 4 x 4, not finite, singular, or its last row is not (0, 0, 0, 1).

    Notes
    -----
    Homogeneous coordinates: ``[y; 1] = [[M, t], [0, 1]] [x; 1]``, so ``y = M x + t``; the product of two matrices is the map that
    applies the right one first.

    Examples
    --------
    >>> a = Affine([[2, 0, 0, -10], [0, 2, 0, -20], [0, 0, 2, 5], [0, 0, 0, 1]], "epi:voxel", "epi:scanner")
    >>> a.apply([1, 2, 3])
    array([ -8., -16.,  11.])
    >>> (a.inverse() @ a).apply([1, 2, 3])
    array([1., 2., 3.])
    >>> a @ a
    Traceback (most recent call last):
    ...
    volstudio.errors.SpaceMismatchError: Cannot chain epi:voxel -> epi:scanner after epi:voxel -> epi:scanner: \
the first ends in epi:scanner, the second starts in epi:voxel; is an .inverse() missing?
    """

    matrix: FloatArray
    source: str
    target: str

    # A bare array has no named ends: numpy must leave ``affine @ array`` alone, so that Python refuses it.
    __array_ufunc__ = None

    def __post_init__(self) -> None:
        matrix = np.array(self.matrix, dtype=np.float64)
        if matrix.shape != (4, 4):
            raise GeometryError(f"An affine needs a 4 x 4 matrix, got shape {matrix.shape}.")
        fault = fault_of(matrix)
        if fault:
            raise GeometryError(f"The affine {self.source} -> {self.target} cannot place anything: {fault}.")
        if not np.array_equal(matrix[3], (0.0, 0.0, 0.0, 1.0)):
            raise GeometryError(f"The last row of the affine {self.source} -> {self.target} must be 0 0 0 1, got {matrix[3]}.")
        matrix.setflags(write=False)
        object.__setattr__(self, "matrix", matrix)

    @classmethod
    def identity(cls, source: str, target: str) -> Affine:
        """The map that changes the name of a space and no coordinate."""
        return cls(np.eye(4), source, target)

    @property
    def linear(self) -> FloatArray:
        """(3, 3) read-only linear part."""
        return self.matrix[:3, :3]

    @property
    def offset(self) -> FloatArray:
        """(3,) read-only translation part, in units of the target."""
        return self.matrix[:3, 3]

    def apply(self, points: ArrayLike) -> FloatArray:
        """Points of the source in the target.

        Parameters
        ----------
        points : (..., 3) array_like

        Returns
        -------
        (..., 3) float64 array

        Raises
        ------
        GeometryError
            The last axis of the points does not have three coordinates.
        """
        return as_points(points) @ self.linear.T + self.offset

    def apply_direction(self, vectors: ArrayLike) -> FloatArray:
        """Directions (..., 3) of the source in the target: the linear part alone, lengths not kept."""
        return np.asarray(vectors, dtype=np.float64) @ self.linear.T

    def inverse(self) -> Affine:
        """The map back, from target to source."""
        matrix = np.eye(4)
        matrix[:3, :3] = np.linalg.inv(self.linear)
        matrix[:3, 3] = -matrix[:3, :3] @ self.offset
        return Affine(matrix, self.target, self.source)

    def renamed(self, *, source: str | None = None, target: str | None = None) -> Affine:
        """The same numbers between other names; for borders where a space is known to be another's."""
        return Affine(self.matrix, source or self.source, target or self.target)

    def is_close(self, other: Affine, *, atol: float = 1e-9) -> bool:
        """Whether both ends agree and no matrix entry differs by more than ``atol``."""
        same_ends = (self.source, self.target) == (other.source, other.target)
        return same_ends and bool(np.allclose(self.matrix, other.matrix, rtol=0, atol=atol))

    def __matmul__(self, other: Affine) -> Affine:
        """``self @ other``: first ``other``, then ``self``."""
        if not isinstance(other, Affine):
            return NotImplemented
        if other.target != self.source:
            raise SpaceMismatchError(
                f"Cannot chain {self.source} -> {self.target} after {other.source} -> {other.target}: "
                f"the first ends in {other.target}, the second starts in {self.source}; is an .inverse() missing?"
            )
        return Affine(self.matrix @ other.matrix, other.source, self.target)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Affine):
            return NotImplemented
        return (self.source, self.target) == (other.source, other.target) and np.array_equal(self.matrix, other.matrix)

    def __hash__(self) -> int:
        return hash((self.source, self.target, self.matrix.tobytes()))

    def __repr__(self) -> str:
        rows = np.array2string(self.matrix, precision=6, suppress_small=True)
        return f"Affine {self.source} -> {self.target}\n{rows}"


def as_points(points: ArrayLike) -> FloatArray:
    """Points (..., 3) as float64.

    Raises
    ------
    GeometryError
        Their last axis does not have three coordinates.
    """
    pts = np.asarray(points, dtype=np.float64)
    if pts.shape[-1:] != (3,):
        raise GeometryError(f"Points must have three coordinates in their last axis, got shape {pts.shape}.")
    return pts


def fault_of(matrix: FloatArray) -> str:
    """Why an affine matrix (4, 4) can place nothing, as the end of a sentence; empty where it can."""
    if not np.isfinite(matrix).all():
        return "it holds NaN or infinity, which is not finite"
    if np.abs(matrix).max() > REACH:
        return f"its numbers, such as {np.abs(matrix).max():.3g}, are beyond any distance"
    stretch = np.linalg.svd(matrix[:3, :3], compute_uv=False)
    if 0 < stretch[0] < 1 / REACH:
        return f"it shrinks a voxel to nothing ({stretch[0]:.3g})"
    if stretch[-1] <= SINGULAR_RATIO * stretch[0]:
        return "it is singular: it flattens the volume and has no inverse"
    return ""
