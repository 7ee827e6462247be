"""Rotations as (3, 3) matrices, and their other names: Euler angles, quaternions, axis and angle.

Arrays in, arrays out; `volstudio.geometry.rigid` checks what comes from outside and is what other rooms use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from volstudio.errors import GeometryError

if TYPE_CHECKING:
    from volstudio.geometry.affine import FloatArray

__all__ = [
    "RIGID_TOLERANCE",
    "from_axis_angle",
    "from_euler",
    "from_quaternion",
    "mean",
    "nearest",
    "proper",
    "to_axis_angle",
    "to_euler",
    "to_quaternion",
]

RIGID_TOLERANCE = 1e-6  # of the entries of R^T R - I: 0.1 micrometre at the far side of a head; single-precision headers stay below it
EXACT = 1e-14  # what a few products of exact rotations differ from orthonormal by rounding
GIMBAL = 1e-13  # cosine of the y angle below which the x and z angles are told apart by rounding alone


def proper(matrix: FloatArray) -> FloatArray:
    """The exact rotation that a (3, 3) matrix is within 1e-6; itself where it is exact to rounding.

    Raises
    ------
    GeometryError
        It is none: it mirrors, stretches or shears.
    """
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all():
        raise GeometryError("A rotation needs a finite 3 x 3 matrix.")
    off = float(np.abs(matrix.T @ matrix - np.eye(3)).max())
    if off > RIGID_TOLERANCE:
        raise GeometryError(
            f"The matrix is not rigid: it stretches or shears by up to {off:.2g}, more than {RIGID_TOLERANCE:g}; "
            "RigidTransform.nearest gives its rigid part."
        )
    if np.linalg.det(matrix) < 0:
        raise GeometryError("The matrix is not rigid: it mirrors left and right (its determinant is negative).")
    return matrix if off <= EXACT else nearest(matrix)


def nearest(matrix: FloatArray) -> FloatArray:
    """The rotation nearest to a (3, 3) matrix in the Frobenius norm (Kabsch 1976), by SVD.

    Raises
    ------
    GeometryError
        Several rotations are equally near.
    """
    u, stretch, vt = np.linalg.svd(matrix)
    sign = 1.0 if np.linalg.det(u) * np.linalg.det(vt) > 0 else -1.0
    # Unique exactly when the two smallest stretches, the last one signed, do not cancel (Umeyama, IEEE PAMI 13, 1991).
    if stretch[1] + sign * stretch[2] <= 1e-9 * stretch[0]:
        raise GeometryError("No single rotation is nearest to this matrix: it flattens space to a line, or reflects it through a point.")
    rotation: FloatArray = (u * (1.0, 1.0, sign)) @ vt
    return rotation


def from_euler(angles: FloatArray) -> FloatArray:
    """``Rz Ry Rx`` of three angles in radians about fixed axes."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    return np.array(
        [
            [cy * cz, sx * sy * cz - cx * sz, cx * sy * cz + sx * sz],
            [cy * sz, sx * sy * sz + cx * cz, cx * sy * sz - sx * cz],
            [-sy, sx * cy, cx * cy],
        ]
    )


def to_euler(rotation: FloatArray) -> FloatArray:
    """(3,) angles x, y, z of `from_euler`; at gimbal lock z is 0.

    Notes
    -----
    ``tan z = R10 / R00`` and ``tan y = -R20 / |(R00, R10)|``; then ``Rz^T R = Ry Rx`` has the middle row (0, cos x, -sin x), which gives x
    with full accuracy for any z, that of the gimbal lock included.
    """
    cos_y = np.hypot(rotation[0, 0], rotation[1, 0])
    z = np.arctan2(rotation[1, 0], rotation[0, 0]) if cos_y > GIMBAL else 0.0
    y = np.arctan2(-rotation[2, 0], cos_y)
    middle = np.cos(z) * rotation[1] - np.sin(z) * rotation[0]
    return np.array([np.arctan2(-middle[2], middle[1]), y, z])


def from_quaternion(quaternion: FloatArray) -> FloatArray:
    """Rotation of a quaternion (w, x, y, z) of any length but zero.

    Raises
    ------
    GeometryError
        It is zero, not finite, or has not four numbers.
    """
    length = np.linalg.norm(quaternion) if quaternion.shape == (4,) else np.nan
    if not np.isfinite(length) or length == 0:
        raise GeometryError("A quaternion needs four finite numbers (w, x, y, z) that are not all zero.")
    w, x, y, z = quaternion / length
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def to_quaternion(rotation: FloatArray) -> FloatArray:
    """(4,) unit quaternion (w, x, y, z), w >= 0, well conditioned at every angle.

    Notes
    -----
    ``4 q q^T`` is linear in the matrix entries; its row with the largest diagonal, scaled to unit length, is the quaternion
    (Shepperd, J. Guidance 1, 1978).
    """
    (a, b, c), (d, e, f), (g, h, i) = rotation
    outer = np.array(
        [
            [1 + a + e + i, h - f, c - g, d - b],
            [h - f, 1 + a - e - i, b + d, c + g],
            [c - g, b + d, 1 - a + e - i, f + h],
            [d - b, c + g, f + h, 1 - a - e + i],
        ]
    )
    row = outer[np.argmax(np.diag(outer))]
    quaternion: FloatArray = row / np.linalg.norm(row)
    return -quaternion if quaternion[0] < 0 else quaternion


def from_axis_angle(axis: FloatArray, angle: float) -> FloatArray:
    """Right-handed rotation by ``angle`` radians about an axis of any length but zero (through the quaternion).

    Raises
    ------
    GeometryError
        The axis is zero, or the angle is not finite.
    """
    length = np.linalg.norm(axis)
    if length == 0 or not np.isfinite(angle):
        raise GeometryError("A rotation needs an axis that is not zero and a finite angle.")
    return from_quaternion(np.concatenate([[np.cos(angle / 2)], np.sin(angle / 2) * (axis / length)]))


def to_axis_angle(rotation: FloatArray) -> tuple[FloatArray, float]:
    """Unit axis and angle, 0 to pi; accurate for the smallest angles and at half a turn, where an arc cosine of the trace is neither."""
    quaternion = to_quaternion(rotation)
    sine = float(np.linalg.norm(quaternion[1:]))
    axis = quaternion[1:] / sine if sine > 0 else np.array([1.0, 0.0, 0.0])
    return axis, float(2 * np.arctan2(sine, quaternion[0]))


def mean(quaternions: FloatArray, weights: FloatArray) -> FloatArray:
    """Rotation with the least weighted sum of squared Frobenius distances to those of (n, 4) quaternions (Markley et al. 2007).

    Raises
    ------
    GeometryError
        There is no single one.
    """
    values, vectors = np.linalg.eigh((quaternions.T * weights) @ quaternions)
    if values[3] - values[2] <= 1e-9 * values[3]:
        raise GeometryError("These rotations have no single mean: they are half a turn apart.")
    return from_quaternion(vectors[:, 3])
