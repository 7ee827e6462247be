"""Rigid transforms: what a registration may do to a head, and what six numbers in a panel mean.

A rigid transform is kept as a rotation, a translation and the centre it turns about, so that the numbers a person types stay the numbers
a person reads. The same map about another centre is `RigidTransform.about`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from volstudio.errors import GeometryError
from volstudio.geometry import rotation as rot
from volstudio.geometry.affine import Affine, FloatArray, as_points

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

__all__ = ["ORIGIN", "RigidTransform", "compose", "interpolate", "mean"]

ORIGIN = (0.0, 0.0, 0.0)
Six = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class RigidTransform:
    """Rotation about a centre, then a translation: ``y = R (x - c) + c + t``.

    Parameters
    ----------
    rotation : (3, 3) array_like
        Proper rotation. Accepted within 1e-6 of orthonormal and then replaced by the nearest exact one, so that the inverse is exact;
        one that is orthonormal to 1e-14 keeps its bits.
    translation : (3,) array_like, mm
        How far the centre moves.
    centre : (3,) array_like, mm
        The point turned about, in the source space.

    Raises
    ------
    GeometryError
        Wrong shapes, NaN or infinity, or a matrix that stretches, shears or mirrors.

    Examples
    --------
    A quarter turn about z that leaves the point (10, 0, 0) where it is:

    >>> quarter = RigidTransform.from_axis_angle((0, 0, 1), np.pi / 2, centre=(10, 0, 0))
    >>> quarter.apply([(10, 0, 0), (11, 0, 0)]).round(12)
    array([[10.,  0.,  0.],
           [10.,  1.,  0.]])
    >>> quarter.about((0, 0, 0)).translation.round(12)
    array([ 10., -10.,   0.])
    """

    rotation: FloatArray
    translation: FloatArray = ORIGIN  # type: ignore[assignment]  # made an array below, as every array_like given
    centre: FloatArray = ORIGIN  # type: ignore[assignment]  # as translation

    def __post_init__(self) -> None:
        rotation = rot.proper(np.array(self.rotation, dtype=np.float64))
        rotation.setflags(write=False)
        object.__setattr__(self, "rotation", rotation)
        for name in ("translation", "centre"):
            object.__setattr__(self, name, _vector(getattr(self, name), name))

    @classmethod
    def identity(cls, *, centre: ArrayLike = ORIGIN) -> RigidTransform:
        """The transform that moves nothing."""
        return cls(np.eye(3), ORIGIN, centre)  # type: ignore[arg-type]  # array_like

    @classmethod
    def from_matrix(cls, matrix: ArrayLike, *, centre: ArrayLike = ORIGIN) -> RigidTransform:
        """The rigid transform with this homogeneous matrix, seen about a centre.

        Parameters
        ----------
        matrix : (4, 4) array_like
        centre : (3,) array_like, mm

        Raises
        ------
        GeometryError
            The matrix is not rigid: an entry of ``R^T R - I`` is larger than 1e-6, the determinant is negative, or the last row is not
            (0, 0, 0, 1). `nearest` gives the rigid part of such a matrix, knowingly.
        """
        full = _homogeneous(matrix)
        return cls(full[:3, :3], full[:3, 3]).about(centre)

    @classmethod
    def nearest(cls, matrix: ArrayLike, *, centre: ArrayLike = ORIGIN) -> RigidTransform:
        """The rigid transform nearest to an affine matrix: what is left without its scale and shear.

        Parameters
        ----------
        matrix : (4, 4) array_like
        centre : (3,) array_like, mm
            The point that is moved exactly as by ``matrix``; it decides the translation.

        Raises
        ------
        GeometryError
            No single rotation is nearest, as for a point reflection or a matrix of rank one.

        Notes
        -----
        With the SVD ``M = U S V^T`` the rotation nearest in the Frobenius norm is ``U diag(1, 1, det(U V^T)) V^T`` (Kabsch, Acta Cryst.
        A32, 1976; Higham, "Computing the polar decomposition", 1986). With the centre's image kept, the result is also the rigid map
        with the least mean squared distance to ``matrix`` over any ball about the centre.
        """
        full = _homogeneous(matrix)
        point = _vector(centre, "centre")
        moved = full[:3, :3] @ point + full[:3, 3]
        return cls(rot.nearest(full[:3, :3]), moved - point, point)

    @classmethod
    def from_euler(cls, angles: ArrayLike, translation: ArrayLike = ORIGIN, *, centre: ArrayLike = ORIGIN) -> RigidTransform:
        """Turns about the fixed x, then the fixed y, then the fixed z axis: ``R = Rz Ry Rx``.

        Parameters
        ----------
        angles : (3,) array_like, radians
            About x, y and z; positive turns are right-handed (y towards z, z towards x, x towards y).
        translation, centre : (3,) array_like, mm

        Raises
        ------
        GeometryError
            The angles, the translation or the centre are not three finite numbers.
        """
        return cls(rot.from_euler(_vector(angles, "angles")), translation, centre)  # type: ignore[arg-type]  # array_like

    @classmethod
    def from_quaternion(cls, quaternion: ArrayLike, translation: ArrayLike = ORIGIN, *, centre: ArrayLike = ORIGIN) -> RigidTransform:
        """From a quaternion (w, x, y, z), Hamilton's convention; its length does not matter, ``q`` and ``-q`` are the same rotation.

        Parameters
        ----------
        quaternion : (4,) array_like
        translation, centre : (3,) array_like, mm

        Raises
        ------
        GeometryError
            The quaternion is zero or not finite.
        """
        return cls(rot.from_quaternion(np.asarray(quaternion, dtype=np.float64)), translation, centre)  # type: ignore[arg-type]

    @classmethod
    def from_axis_angle(
        cls, axis: ArrayLike, angle: float, translation: ArrayLike = ORIGIN, *, centre: ArrayLike = ORIGIN
    ) -> RigidTransform:
        """Right-handed turn about an axis.

        Parameters
        ----------
        axis : (3,) array_like
            Of any length but zero.
        angle : float, radians
        translation, centre : (3,) array_like, mm

        Raises
        ------
        GeometryError
            The axis is zero, or a number is not finite.
        """
        return cls(rot.from_axis_angle(_vector(axis, "axis"), float(angle)), translation, centre)  # type: ignore[arg-type]

    @classmethod
    def from_six(cls, six: ArrayLike, centre: ArrayLike = ORIGIN) -> RigidTransform:
        """From (tx, ty, tz, rx, ry, rz), mm and radians: `from_euler` about ``centre``, then the translation.

        Raises
        ------
        GeometryError
            They are not six finite numbers.
        """
        numbers = np.asarray(six, dtype=np.float64)
        if numbers.shape != (6,):
            raise GeometryError(f"A rigid transform has six numbers, three of mm and three of radians, got shape {numbers.shape}.")
        return cls.from_euler(numbers[3:], numbers[:3], centre=centre)

    @property
    def matrix(self) -> FloatArray:
        """(4, 4) homogeneous matrix."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.rotation
        matrix[:3, 3] = self.centre - self.rotation @ self.centre + self.translation
        return matrix

    @property
    def angle(self) -> float:
        """The one angle of the whole rotation, radians, 0 to pi."""
        return rot.to_axis_angle(self.rotation)[1]

    def euler(self) -> FloatArray:
        """(3,) radians about fixed x, y, z: the inverse of `from_euler`, with x and z in (-pi, pi] and y in [-pi/2, pi/2].

        Notes
        -----
        At gimbal lock (y at +-90 degrees) only the sum or difference of the other two angles is defined; z is then given as 0 and x
        holds all of it. Near the lock x is computed from what z leaves over, so the three angles always rebuild the rotation to rounding.
        """
        return rot.to_euler(self.rotation)

    def quaternion(self) -> FloatArray:
        """(4,) unit quaternion (w, x, y, z) with w >= 0."""
        return rot.to_quaternion(self.rotation)

    def axis_angle(self) -> tuple[FloatArray, float]:
        """Unit axis (3,) and angle in radians, 0 to pi; the axis of no rotation at all is given as x."""
        return rot.to_axis_angle(self.rotation)

    def six(self) -> Six:
        """(tx, ty, tz, rx, ry, rz): mm and radians about the transform's own centre."""
        tx, ty, tz = self.translation.tolist()
        rx, ry, rz = self.euler().tolist()
        return (tx, ty, tz, rx, ry, rz)

    def about(self, centre: ArrayLike) -> RigidTransform:
        """The same map, turning about another centre: the rotation stays, the translation changes."""
        point = _vector(centre, "centre")
        if np.array_equal(point, self.centre):
            return self
        return RigidTransform(self.rotation, self.apply(point) - point, point)

    def apply(self, points: ArrayLike) -> FloatArray:
        """Points (..., 3) of the source, mm, in the target.

        Raises
        ------
        GeometryError
            The last axis of the points does not have three coordinates.
        """
        return (as_points(points) - self.centre) @ self.rotation.T + (self.centre + self.translation)

    def inverse(self) -> RigidTransform:
        """The map back, about the same centre: ``R^T`` and ``-R^T t``."""
        return RigidTransform(self.rotation.T, -(self.rotation.T @ self.translation), self.centre)

    def affine(self, source: str, target: str) -> Affine:
        """The transform as a map between named spaces."""
        return Affine(self.matrix, source, target)

    def is_close(self, other: RigidTransform, *, atol: float = 1e-9) -> bool:
        """Whether both are the same map, whatever their centres: no entry of the matrices differs by more than ``atol``."""
        return bool(np.allclose(self.matrix, other.matrix, rtol=0, atol=atol))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RigidTransform):
            return NotImplemented
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in ("rotation", "translation", "centre"))

    def __hash__(self) -> int:
        return hash((self.rotation.tobytes(), self.translation.tobytes(), self.centre.tobytes()))

    def __repr__(self) -> str:
        moved = ", ".join(f"{number:.4f}" for number in self.translation)
        turned = ", ".join(f"{number:.4f}" for number in np.degrees(self.euler()))
        about = ", ".join(f"{number:g}" for number in self.centre)
        return f"RigidTransform(moved ({moved}) mm, turned ({turned}) deg, about ({about}))"


def compose(*transforms: RigidTransform) -> RigidTransform:
    """The chain of transforms, written as a product: the last one given is applied first.

    The result turns about the centre of the one that is applied first, which is a point of the chain's source.

    Raises
    ------
    GeometryError
        There is none.

    Examples
    --------
    >>> up = RigidTransform(np.eye(3), (0, 0, 5))
    >>> quarter = RigidTransform.from_axis_angle((1, 0, 0), np.pi / 2)
    >>> compose(quarter, up).apply((0, 0, 0)).round(12)
    array([ 0., -5.,  0.])
    """
    if not transforms:
        raise GeometryError("A chain of no transforms has no meaning; give at least one.")
    return reduce(_product, transforms)


def interpolate(a: RigidTransform, b: RigidTransform, s: float) -> RigidTransform:
    """The transform on the way from ``a`` (s = 0) to ``b`` (s = 1); other values of ``s`` go on along the same way.

    Notes
    -----
    The rotation turns with constant speed about the one axis that leads from ``a`` to ``b`` the short way (Shoemake, "Animating rotation
    with quaternion curves", 1985: slerp); the image of the centre of ``a`` moves on a straight line. So a head that turns about its
    middle stays where it is, which a screw motion about a far axis would not do. Where ``a`` and ``b`` are half a turn apart both ways
    are equally short, and one of them is taken.
    """
    if s in (0.0, 1.0):
        return a if s == 0.0 else b.about(a.centre)
    end = b.about(a.centre)
    axis, angle = rot.to_axis_angle(end.rotation @ a.rotation.T)
    rotation = rot.from_axis_angle(axis, angle * s) @ a.rotation
    return RigidTransform(rotation, (1 - s) * a.translation + s * end.translation, a.centre)


def mean(transforms: Sequence[RigidTransform], *, weights: ArrayLike | None = None) -> RigidTransform:
    """The transform in the middle of several.

    Parameters
    ----------
    transforms : sequence of RigidTransform
        At least one; the result turns about the centre of the first.
    weights : (n,) array_like or None
        Not negative, not all zero; None: all alike.

    Raises
    ------
    GeometryError
        There is none, the weights do not fit, or the rotations have no single mean, as two that are half a turn apart.

    Notes
    -----
    The rotation's quaternion is the eigenvector with the largest eigenvalue of ``sum w q q^T`` (Markley, Cheng, Crassidis, Oshman,
    "Averaging quaternions", J. Guidance 30, 2007), which minimises ``sum w |R - R_i|_F^2``; the translation is the mean translation
    about the centre. Together they minimise the mean squared distance of points to their images under all transforms, over a ball about
    the centre.
    """
    if not transforms:
        raise GeometryError("The mean of no transforms has no meaning; give at least one.")
    share = np.ones(len(transforms)) if weights is None else np.asarray(weights, dtype=np.float64)
    if share.shape != (len(transforms),) or not np.isfinite(share).all() or share.min() < 0 or share.sum() == 0:
        raise GeometryError(f"A mean of {len(transforms)} transforms needs as many weights, finite, not negative and not all zero.")
    centre = transforms[0].centre
    translations = np.array([transform.about(centre).translation for transform in transforms])
    rotation = rot.mean(np.array([transform.quaternion() for transform in transforms]), share)
    return RigidTransform(rotation, share @ translations / share.sum(), centre)


def _product(later: RigidTransform, first: RigidTransform) -> RigidTransform:
    """``later`` after ``first``, about the centre of ``first``."""
    return RigidTransform(later.rotation @ first.rotation, later.apply(first.apply(first.centre)) - first.centre, first.centre)


def _vector(values: ArrayLike, what: str) -> FloatArray:
    """Three finite numbers as a read-only array of their own."""
    vector = np.array(values, dtype=np.float64)
    if vector.shape != (3,) or not np.isfinite(vector).all():
        raise GeometryError(f"The {what} of a rigid transform must be three finite numbers, got {values!r}.")
    vector.setflags(write=False)
    return vector


def _homogeneous(matrix: ArrayLike) -> FloatArray:
    """A finite 4 x 4 matrix whose last row is (0, 0, 0, 1)."""
    full = np.asarray(matrix, dtype=np.float64)
    if full.shape != (4, 4) or not np.isfinite(full).all() or not np.array_equal(full[3], (0, 0, 0, 1)):
        raise GeometryError("A rigid transform needs a finite 4 x 4 matrix with the last row 0 0 0 1.")
    return full
