"""Sets of rotations: those that lay axes on axes, and those spread evenly over all there are.

Source of the second: Alexa, "Super-Fibonacci spirals: fast, low-discrepancy sampling of SO(3)", CVPR 2022.
"""

from __future__ import annotations

from itertools import permutations, product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from volstudio.geometry.affine import FloatArray

__all__ = ["cube_rotations", "spread_rotations"]


def spread_rotations(count: int) -> FloatArray:
    """(count, 3, 3) rotations spread evenly over all there are: a super-Fibonacci spiral on the unit quaternions."""
    along = np.arange(count) + 0.5
    inner, outer = np.sqrt(along / count), np.sqrt(1 - along / count)
    # The root of 2, and the real root of x^4 = x + 4: the two winding rates that Alexa found to leave the smallest holes.
    a, b = 2 * np.pi * along / np.sqrt(2), 2 * np.pi * along / 1.533751168755204288118041
    x, y, z, w = inner * np.sin(a), inner * np.cos(a), outer * np.sin(b), outer * np.cos(b)
    rows = [
        *(1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
        *(2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
        *(2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
    ]
    return np.stack(rows, axis=1).reshape(-1, 3, 3)


def cube_rotations() -> FloatArray:
    """(24, 3, 3) rotations that lay the axes onto each other: where scans of one scanner, named any way, nearly lie."""
    found = []
    for order, signs in product(permutations(range(3)), product((1.0, -1.0), repeat=3)):
        turned = np.eye(3)[:, order] * signs
        if np.linalg.det(turned) > 0:
            found.append(turned)
    return np.array(found)
