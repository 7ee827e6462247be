"""How far a registration may go from where it starts: the largest turn, and the largest shift of the object's middle."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from volstudio.geometry.rotation import from_axis_angle, proper, to_axis_angle

if TYPE_CHECKING:
    from volstudio.geometry.affine import FloatArray

__all__ = ["Bounds"]

# A pose that was put on the bound lies on it to rounding; this near to it, it was held back.
AT_BOUND = 0.999
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Bounds:
    """A neighbourhood of a pose.

    Parameters
    ----------
    start : (4, 4) float array
        Pose in the middle of it, source frame -> target frame.
    middle : (3,) float array, mm
        Point of the source frame whose shift is measured: the middle of the source's object.
    turn_deg, shift_mm : float
        The largest turn from the start, and the longest way of the middle; infinite where there is no bound.

    Notes
    -----
    Both are the same for a pose and for its inverse, so that exchanging fixed and moving keeps the bounds.
    """

    start: FloatArray
    middle: FloatArray
    turn_deg: float = math.inf
    shift_mm: float = math.inf

    def reach(self, pose: FloatArray) -> tuple[float, float]:
        """How far a pose is from the start: turn in degrees, and mm that the middle went."""
        turn, shift = self._way(pose)
        return math.degrees(float(np.linalg.norm(turn))), float(np.linalg.norm(shift))

    def holds(self, pose: FloatArray) -> bool:
        """Whether a pose is within the bounds."""
        turn, shift = self.reach(pose)
        return turn <= self.turn_deg * (1 + ROUNDING) and shift <= self.shift_mm * (1 + ROUNDING)

    def stops(self, pose: FloatArray) -> bool:
        """Whether a pose lies at the edge, where only the bounds may have stopped it."""
        turn, shift = self.reach(pose)
        return turn > AT_BOUND * self.turn_deg or shift > AT_BOUND * self.shift_mm

    def clip(self, pose: FloatArray) -> FloatArray:
        """(4, 4) nearest pose within the bounds: the same turn and the same shift, each no longer than allowed.

        Examples
        --------
        >>> bounds = Bounds(np.eye(4), np.zeros(3), shift_mm=5)
        >>> far = np.eye(4)
        >>> far[:3, 3] = 30, 40, 0
        >>> bounds.clip(far)[:3, 3]
        array([3., 4., 0.])
        """
        if self.holds(pose):
            return pose
        turn, shift = self._way(pose)
        angle, length = float(np.linalg.norm(turn)), float(np.linalg.norm(shift))
        allowed = min(angle, math.radians(self.turn_deg))
        clipped = np.eye(4)
        clipped[:3, :3] = (from_axis_angle(turn, allowed) if angle > 0 else np.eye(3)) @ self.start[:3, :3]
        place = self.start[:3, :3] @ self.middle + self.start[:3, 3] + shift * min(1.0, self.shift_mm / max(length, ROUNDING))
        clipped[:3, 3] = place - clipped[:3, :3] @ self.middle
        return clipped

    def _way(self, pose: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Turn as a vector in radians about the target frame's axes, and shift of the middle in mm, from the start to a pose."""
        axis, angle = to_axis_angle(proper(pose[:3, :3] @ self.start[:3, :3].T))
        shift = (pose[:3, :3] - self.start[:3, :3]) @ self.middle + pose[:3, 3] - self.start[:3, 3]
        return axis * angle, shift
