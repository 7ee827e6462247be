"""Values between voxels: a level as a field with a soft border, and samples of it.

The field goes on for half a voxel beyond the outermost centres and fades over one voxel about that border. A stack of a single slice is
then a field like any other, and the likeness of a pose stays smooth, with a slope that is right, while parts of the object leave the view.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from volstudio.geometry.affine import FloatArray
    from volstudio.registration.prepare import Level

__all__ = ["Border", "Field", "Samples", "Three"]


Floats: TypeAlias = "NDArray[np.float32]"
Three: TypeAlias = "tuple[Floats, Floats, Floats]"


@dataclass(frozen=True, slots=True)
class Border:
    """Those of some places that lie where a field fades; all others weigh one.

    Parameters
    ----------
    index : (m,) int array
        Which of the places.
    weight : (m,) float32 array
        0 to 1.
    slope : three (m,) float32 arrays or None
        Change of the weight per voxel along x, y and z, where it was asked for.
    """

    index: NDArray[np.intp]
    weight: Floats
    slope: Three | None


class Field:
    """Trilinear values of a level, and how much they weigh.

    Places are three arrays x, y, z, counted in voxels from one voxel before the level's first: a frame position ``p`` in mm is
    ``(p - origin) / spacing``.

    Parameters
    ----------
    level : Level
    """

    def __init__(self, level: Level) -> None:
        self.spacing = level.spacing
        self.origin: FloatArray = level.origin - level.spacing
        padded = np.pad(level.values, 1, mode="edge")
        self._values = padded.ravel(order="F")
        self._all_seen = level.seen is None
        seen = np.ones(level.values.shape, bool, order="F") if level.seen is None else level.seen
        self._seen = np.pad(seen, 1).ravel(order="F").view(np.uint8)
        self._far = [np.float32(n - 1) for n in padded.shape]
        self._strides = (1, padded.shape[0], padded.shape[0] * padded.shape[1])

    def in_view(self, x: Floats, y: Floats, z: Floats) -> NDArray[np.bool_]:
        """Which places lie in the level or the voxel around it."""
        far = [np.nextafter(end, np.float32(0)) for end in self._far]
        inside: NDArray[np.bool_] = (x >= 0) & (x < far[0]) & (y >= 0) & (y < far[1]) & (z >= 0) & (z < far[2])
        return inside

    def look(self, x: Floats, y: Floats, z: Floats, *, slope: bool = True) -> tuple[Floats, Three | None, Border]:
        """Values at places in view, their change per voxel along each axis (where asked for), and the places in the border."""
        base, within = self._cells(x, y, z)
        value, value_slope = _between(self._values, base, within, self._strides, slope=slope)
        if self._all_seen:
            outer = [(p < 1) | (p > end - 1) for p, end in zip((x, y, z), self._far, strict=True)]
            index = np.flatnonzero(outer[0] | outer[1] | outer[2])
        else:
            index = np.arange(len(x))
        parts = within[0][index], within[1][index], within[2][index]
        weight, weight_slope = _between(self._seen, base[index], parts, self._strides, slope=slope)
        return value, value_slope, Border(index, weight, weight_slope)

    def _cells(self, x: Floats, y: Floats, z: Floats) -> tuple[NDArray[np.intp], Three]:
        """Flat index of each place's lowest corner, and where in that cell it lies, 0 to 1 along each axis."""
        i, j, k = (p.astype(np.int32) for p in (x, y, z))
        _, row, plane = self._strides
        base = i + j * np.int32(row) + k * np.int32(plane)
        return base.astype(np.intp), (x - i.astype(np.float32), y - j.astype(np.float32), z - k.astype(np.float32))


def _between(
    flat: NDArray[np.generic], base: NDArray[np.intp], within: Three, strides: tuple[int, int, int], *, slope: bool
) -> tuple[Floats, Three | None]:
    """Trilinear interpolation, and its derivatives where asked for, from the eight corners of each cell."""
    fx, fy, fz = within
    _, row, plane = strides

    def corner(offset: int) -> Floats:
        return flat.take(base + offset).astype(np.float32, copy=False)

    # Along x first, on the four edges of the cell; then the two faces along y; then z.
    edge, along_x = {}, {}
    for j, k in np.ndindex(2, 2):
        low = corner(j * row + k * plane)
        along_x[j, k] = corner(j * row + k * plane + 1) - low
        edge[j, k] = low + fx * along_x[j, k]
    along_y = [edge[1, k] - edge[0, k] for k in (0, 1)]
    face = [edge[0, k] + fy * along_y[k] for k in (0, 1)]
    along_z = face[1] - face[0]
    value = face[0] + fz * along_z
    if not slope:
        return value, None
    face_x = [along_x[0, k] + fy * (along_x[1, k] - along_x[0, k]) for k in (0, 1)]
    return value, (face_x[0] + fz * (face_x[1] - face_x[0]), along_y[0] + fz * (along_y[1] - along_y[0]), along_z)


@dataclass(frozen=True, slots=True)
class Samples:
    """Points of a level and what it holds there.

    Parameters
    ----------
    centroid : (3,) float array, mm
        Mean of the points, in the level's frame.
    points : (3, n) float32 array, mm
        From the centroid.
    values : (n,) float32 array
        0 to 1.
    """

    centroid: FloatArray
    points: Floats
    values: Floats

    @property
    def radius(self) -> float:
        """Root mean square distance from the centroid, mm: how far a turn by one radian moves the points."""
        return float(np.sqrt(np.mean(np.sum(self.points.astype(np.float64) ** 2, axis=0))))

    @classmethod
    def draw(cls, level: Level, count: int, *, seed: int) -> Samples:
        """About ``count`` points in and around a level's object, spread evenly and jittered, the same for the same seed.

        One voxel is taken from each of ``count`` equal stretches of the object's voxels in memory order, and a random place in it: regular
        points would beat with the other volume's grid (Thévenaz, Bierlaire, Unser, "Halton sampling", 2008).
        """
        rng = np.random.default_rng(seed)
        voxels = np.flatnonzero(level.near.ravel(order="F"))
        if len(voxels) > count:
            stretch = len(voxels) / count
            voxels = voxels[((np.arange(count) + rng.random(count)) * stretch).astype(np.intp).clip(0, len(voxels) - 1)]
        index = np.stack(np.unravel_index(voxels, level.near.shape, order="F")).astype(np.float64)
        index += rng.uniform(-0.5, 0.5, index.shape)
        x, y, z = (index + 1).astype(np.float32)
        values, _, _ = Field(level).look(x, y, z, slope=False)
        frame = index * level.spacing + level.origin[:, None]
        centroid = frame.mean(axis=1)
        return cls(centroid, np.ascontiguousarray(frame - centroid[:, None], np.float32), values)
