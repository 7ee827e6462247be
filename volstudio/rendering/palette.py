"""Colours of everything that is drawn around and over the anatomy, the same in pictures, panes and 3D; (r, g, b), 0 to 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from volstudio.scene.model import Vec3

__all__ = ["ACCENT", "DIM", "EDGE", "ERROR", "TEXT", "WARNING"]

# Calm, and in neither the grey of anatomy nor the warm half of the wheel where overlays live.
ACCENT: Vec3 = (0.36, 0.79, 0.85)
TEXT: Vec3 = (0.90, 0.91, 0.93)
DIM: Vec3 = (0.60, 0.62, 0.66)
EDGE: Vec3 = (0.24, 0.26, 0.30)
WARNING: Vec3 = (0.91, 0.76, 0.35)
ERROR: Vec3 = (0.96, 0.36, 0.32)
