"""What lies at a point of the scene: voxel and value of each layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from volstudio.rendering.compositor import frame_of
from volstudio.rendering.planes import voxel_to_scene

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from volstudio.rendering.planes import Volumes
    from volstudio.scene.model import Scene

__all__ = ["Reading", "readout"]


class Reading(NamedTuple):
    """What one layer holds at a point.

    Parameters
    ----------
    layer : str
    ijk : (3,) float array
        Voxel coordinates; whole numbers are centres of voxels.
    value : float or None
        Of the voxel that the point lies in, as stored in the file (scaled); None outside the volume.
    """

    layer: str
    ijk: NDArray[np.float64]
    value: float | None


def readout(scene: Scene, volumes: Volumes, point: ArrayLike) -> list[Reading]:
    """Voxel coordinates and value of every layer at a scene point, top layer first.

    Parameters
    ----------
    scene : Scene
    volumes : callable, Layer -> Volume
    point : (3,) array_like, scene mm

    Returns
    -------
    list of Reading
        The value is that of the voxel the point lies in, not interpolated: a number that stands in the file.
    """
    readings = []
    for layer in reversed(scene.layers):
        volume = volumes(layer)
        ijk = voxel_to_scene(layer, volume).inverse().apply(point)
        readings.append(Reading(layer.name, ijk, _value(frame_of(layer, volume), ijk)))
    return readings


def _value(frame: NDArray[Any], ijk: NDArray[np.float64]) -> float | None:
    """The voxel a point lies in; a point on the face between two counts to the upper one, and the last face counts to the last voxel."""
    shape = np.array(frame.shape)
    if not ((ijk >= -0.5) & (ijk <= shape - 0.5)).all():
        return None
    i, j, k = np.minimum(np.floor(ijk + 0.5).astype(int), shape - 1)
    return float(frame[i, j, k])
