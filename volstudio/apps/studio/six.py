"""The six numbers of the placement panel: the same placement, read about a pivot and written back."""

from __future__ import annotations

from math import degrees, radians
from typing import TYPE_CHECKING

import numpy as np

from volstudio.geometry.affine import Affine
from volstudio.geometry.rigid import RigidTransform
from volstudio.geometry.spaces import SCENE, scanner
from volstudio.scene.model import Placement

if TYPE_CHECKING:
    from volstudio.geometry.affine import FloatArray
    from volstudio.scene.model import Layer
    from volstudio.volumes.volume import Volume

__all__ = ["Six", "own_pivot", "placed_by", "six_of"]

Six = tuple[float, float, float, float, float, float]


def own_pivot(layer: Layer, volume: Volume) -> FloatArray:
    """(3,) mm, the layer's scanner space: the point that the numbers turn about."""
    return volume.grid.centre if layer.placement.pivot is None else np.array(layer.placement.pivot)


def six_of(layer: Layer, volume: Volume) -> Six | None:
    """Translation (mm) and rotation (degrees, about fixed x, y, z) of a placement about its pivot; None where it is not rigid."""
    from volstudio.errors import GeometryError

    try:
        rigid = RigidTransform.from_matrix(layer.placement.matrix, centre=own_pivot(layer, volume))
    except GeometryError:
        return None
    tx, ty, tz, rx, ry, rz = rigid.six()
    return (tx, ty, tz, degrees(rx), degrees(ry), degrees(rz))


def placed_by(layer: Layer, volume: Volume, six: Six) -> Placement:
    """The placement with these six numbers about the layer's pivot."""
    tx, ty, tz, rx, ry, rz = six
    rigid = RigidTransform.from_six((tx, ty, tz, radians(rx), radians(ry), radians(rz)), own_pivot(layer, volume))
    affine = Affine(rigid.matrix, scanner(layer.name), SCENE)
    return Placement.of(affine, made_by="hand", pivot=layer.placement.pivot)
