"""What a number about two layers depends on: which voxels each shows, and where one lies on the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from volstudio.errors import SceneError

if TYPE_CHECKING:
    from volstudio.geometry.affine import Affine
    from volstudio.scene.model import Layer, Matrix, Scene

__all__ = ["Relation"]


@dataclass(frozen=True, slots=True)
class Relation:
    """Two layers as they lie; equal where everything said of them is still true.

    Parameters
    ----------
    fixed, moving : Layer
    """

    fixed: Layer
    moving: Layer

    @classmethod
    def of(cls, scene: Scene, fixed: str | None, moving: str | None) -> Relation | None:
        """The relation of two layers of a scene; None where it does not hold both."""
        if not fixed or not moving or fixed == moving:
            return None
        try:
            return cls(scene.layer(fixed), scene.layer(moving))
        except SceneError:
            return None

    @property
    def moving_to_fixed(self) -> Affine:
        """Where the moving layer lies: from its scanner space to the fixed one's."""
        to_scene = (layer.placement.affine(layer.name) for layer in (self.fixed, self.moving))
        fixed, moving = to_scene
        return fixed.inverse() @ moving

    @property
    def voxels(self) -> tuple[tuple[str, str, int], ...]:
        """Which voxels are compared."""
        return tuple((layer.path, layer.form, layer.time) for layer in (self.fixed, self.moving))

    @property
    def matrices(self) -> tuple[Matrix, Matrix]:
        """Where the two lie in the scene."""
        return self.fixed.placement.matrix, self.moving.placement.matrix

    def same(self, other: Relation | None) -> bool:
        """Whether voxels and places are the same; looks do not count."""
        return other is not None and self.voxels == other.voxels and self.matrices == other.matrices
