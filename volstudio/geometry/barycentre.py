"""The mean of rigid transforms that does not depend on the frames they are written in.

`volstudio.geometry.rigid.mean` asks for a centre, because a mean of turns and a mean of shifts are two things. Where no point is better
than another, as between the scanner spaces of several sessions, the mean has to be the same whichever origin and axes are chosen on either
side: the exponential barycentre is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from volstudio.errors import GeometryError
from volstudio.geometry import rotation as rot
from volstudio.geometry.rigid import RigidTransform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from volstudio.geometry.affine import FloatArray

__all__ = ["barycentre", "logarithm"]

MOST_STEPS = 200
CONVERGED = 1e-15  # radians
SMALL_ANGLE = 1e-3  # radians; below it the series is exact to 1e-16 and the closed form is not
HALF_TURN = np.pi - 1e-6


def logarithm(transform: RigidTransform) -> FloatArray:
    """(6,) turn (radians) and shift (mm) of the screw whose unit time is the transform; the origin decides what the shift is.

    Notes
    -----
    With the rotation vector w of angle a the shift is ``V^-1 t`` with ``V^-1 = I - [w]/2 + (1 - a/2 cot(a/2)) / a^2 [w]^2`` (Murray, Li &
    Sastry, "A mathematical introduction to robotic manipulation", 1994).

    Examples
    --------
    >>> logarithm(RigidTransform(np.eye(3), (1, 2, 3))).tolist()
    [0.0, 0.0, 0.0, 1.0, 2.0, 3.0]
    """
    turn = _rotation_vector(transform.rotation)
    return np.concatenate([turn, _screw_shift(turn) @ transform.about((0.0, 0.0, 0.0)).translation])


def barycentre(transforms: Sequence[RigidTransform], *, weights: ArrayLike | None = None) -> RigidTransform:
    """The exponential barycentre: the transform m from which all the others lie around in balance, ``sum w log(m^-1 x) = 0``.

    Parameters
    ----------
    transforms : sequence of RigidTransform
        At least one; turns within a quarter turn of their mean for a mean that is the only one.
    weights : (n,) array_like or None
        Not negative, not all zero; None: all alike.

    Returns
    -------
    RigidTransform
        About the origin.

    Raises
    ------
    GeometryError
        There is none, the weights do not fit, or the turns have no single mean.

    Notes
    -----
    It goes along with any change of frame on either side and with inversion: the mean of ``a x b`` is ``a mean(x) b``, that of the
    inverses is the inverse of the mean; of two transforms it is half-way along the screw from one to the other (Pennec & Arsigny,
    "Exponential barycenters of the canonical Cartan connection", 2013, with the closed form of the shift given the turn). The turn is
    the Karcher mean of the rotations, found from the chordal mean by steps of the mean logarithm (Moakher, SIAM J. Matrix Anal. 24, 2002).

    Examples
    --------
    >>> quarter = RigidTransform.from_axis_angle((0, 0, 1), np.pi / 2, (10, 0, 0))
    >>> half = barycentre([RigidTransform.identity(), quarter])
    >>> (half.matrix @ half.matrix - quarter.matrix).round(12).any()
    np.False_
    """
    if not transforms:
        raise GeometryError("The mean of no transforms has no meaning; give at least one.")
    share = np.ones(len(transforms)) if weights is None else np.asarray(weights, dtype=np.float64)
    if share.shape != (len(transforms),) or not np.isfinite(share).all() or share.min() < 0 or share.sum() == 0:
        raise GeometryError(f"A mean of {len(transforms)} transforms needs as many weights, finite, not negative and not all zero.")
    share = share / share.sum()
    rotation = _karcher([each.rotation for each in transforms], share)
    left, right = np.zeros((3, 3)), np.zeros(3)
    for weight, each in zip(share, transforms, strict=True):
        to_shift = weight * _screw_shift(_rotation_vector(rotation.T @ each.rotation)) @ rotation.T
        left += to_shift
        right += to_shift @ each.about((0.0, 0.0, 0.0)).translation
    return RigidTransform(rotation, np.asarray(np.linalg.solve(left, right), dtype=np.float64))


def _karcher(rotations: Sequence[FloatArray], share: FloatArray) -> FloatArray:
    """Rotation from which the turns to all the others add up to nothing."""
    mean = rot.mean(np.array([rot.to_quaternion(each) for each in rotations]), share)
    for _ in range(MOST_STEPS):
        turns = np.array([_rotation_vector(mean.T @ each) for each in rotations])
        if (np.linalg.norm(turns, axis=1)[share > 0] > HALF_TURN).any():
            raise GeometryError("These rotations have no single mean: one is half a turn from the middle of the others.")
        step = share @ turns
        length = float(np.linalg.norm(step))
        if length <= CONVERGED:
            break
        mean = rot.nearest(mean @ rot.from_axis_angle(step, length))
    return mean


def _rotation_vector(rotation: FloatArray) -> FloatArray:
    """(3,) axis times angle in radians."""
    axis, angle = rot.to_axis_angle(rotation)
    return axis * angle


def _screw_shift(turn: FloatArray) -> FloatArray:
    """(3, 3) matrix ``V^-1`` that gives the shift along a screw of this turn from where it ends."""
    angle = float(np.linalg.norm(turn))
    x, y, z = turn
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    second = 1 / 12 + angle**2 / 720 if angle < SMALL_ANGLE else (1 - angle / 2 / np.tan(angle / 2)) / angle**2
    return np.asarray(np.eye(3) - cross / 2 + second * cross @ cross)
