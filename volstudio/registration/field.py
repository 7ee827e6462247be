"""Values between voxels: a level as a field with a soft border, and samples of it.

The field goes on for half a voxel beyond the outermost centres and fades over one voxel about that border. A stack of a single slice is
then a field like any other, and the likeness of a pose stays smooth, with a slope that is right, while parts of the object leave the view.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from volstudio.geometry.points import moved

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from volstudio.geometry.affine import FloatArray
    from volstudio.registration.prepare import Level

__all__ = ["Border", "Field", "Samples", "Three"]


Floats: TypeAlias = "NDArray[np.float32]"
Three: TypeAlias = "tuple[Floats, Floats, Floats]"


@dataclass(frozen=True, slots=True)
class Border:
    """Those of some places that lie where a field fades or beyond; all others weigh one.

    Parameters
    ----------
    index : (m,) int array
        Which of the places, counted flat.
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

    Places are three arrays x, y, z of one shape, counted in voxels from the level's first: ``to_voxels @ (p - origin)`` for a frame
    position ``p`` in mm.

    Parameters
    ----------
    level : Level
    """

    def __init__(self, level: Level) -> None:
        self.origin = level.origin
        self.to_voxels = np.asarray(np.linalg.inv(level.steps), float)
        self._values = level.values.ravel(order="F")
        self._shape = level.values.shape
        strides = (1, self._shape[0], self._shape[0] * self._shape[1])
        # The next voxel along an axis of one voxel is that voxel itself.
        across = [stride if n > 1 else 0 for stride, n in zip(strides, self._shape, strict=True)]
        self._next = across[0], across[1], across[2]
        self._seen = None
        if level.seen is not None:
            self._seen = np.pad(level.seen, 1).ravel(order="F").view(np.uint8)

    def look(self, x: Floats, y: Floats, z: Floats, *, slope: bool = True) -> tuple[Floats, Three | None, Border]:
        """Values at any places (those of the nearest voxels beyond the last), their change per voxel, and the places in the border."""
        shape = x.shape
        places = x.ravel(), y.ravel(), z.ravel()
        out = [(p < 0) | (p >= np.float32(n - 1)) for p, n in zip(places, self._shape, strict=True)]
        outer = np.flatnonzero(out[0] | out[1] | out[2])
        outside = tuple(p[outer] for p in places)
        base, parts = _cells(places, outer, outside, self._shape)
        value, value_slope = _between(self._values, base, parts, self._next, slope=slope)
        if value_slope is not None:
            for along, at, n in zip(value_slope, outside, self._shape, strict=True):  # beyond the last voxel's centre the value stays
                along[outer[(at < 0) | (at > n - 1)]] = 0
        border = self._border(outer, outside, slope=slope) if self._seen is None else self._masked(places, slope=slope)
        if value_slope is None:
            return value.reshape(shape), None, border
        sx, sy, sz = (along.reshape(shape) for along in value_slope)
        return value.reshape(shape), (sx, sy, sz), border

    def _border(self, index: NDArray[np.intp], places: tuple[Floats, ...], *, slope: bool) -> Border:
        """Weights of the places that may not weigh one."""
        (wx, sx), (wy, sy), (wz, sz) = (_fade(p, n) for p, n in zip(places, self._shape, strict=True))
        return Border(index, wx * wy * wz, (sx * wy * wz, wx * sy * wz, wx * wy * sz) if slope else None)

    def _masked(self, places: Three, *, slope: bool) -> Border:
        """Weights where only part of the level may be looked at: trilinear, from one voxel around it."""
        assert self._seen is not None  # noqa: S101 - asked of masked levels only
        i, j, k = (n + 2 for n in self._shape)
        every, (x, y, z) = np.arange(places[0].size), (p + np.float32(1) for p in places)
        base, parts = _cells((x, y, z), every, (x, y, z), (i, j, k))
        return Border(every, *_between(self._seen, base, parts, (1, i, i * j), slope=slope))


def _cells(
    places: Three, outer: NDArray[np.intp], outside: tuple[Floats, ...], shape: tuple[int, int, int]
) -> tuple[NDArray[np.intp], Three]:
    """Flat index of the voxel below each place, and where between it and the next the place lies, 0 to 1 along each axis.

    Those that are ``outer``, at ``outside``, may lie beyond the voxels; they are taken as at the first or (all but) at the last one.
    """
    x, y, z = (_within(p, outer, at, n) for p, at, n in zip(places, outside, shape, strict=True))
    i, j, k = x.astype(np.int32), y.astype(np.int32), z.astype(np.int32)
    base = i + j * np.int32(shape[0]) + k * np.int32(shape[0] * shape[1])
    return base.astype(np.intp), (x - i.astype(np.float32), y - j.astype(np.float32), z - k.astype(np.float32))


def _within(p: Floats, outer: NDArray[np.intp], at: Floats, count: int) -> Floats:
    """Coordinates, those that are ``outer`` brought between the first voxel and the last."""
    if not outer.size:
        return p
    p = p.copy()
    p[outer] = np.clip(at, np.float32(0), np.nextafter(np.float32(count - 1), np.float32(0)) if count > 1 else np.float32(0))
    return p


def _fade(p: Floats, count: int) -> tuple[Floats, Floats]:
    """Weight along one axis, 1 from the first voxel to the last and 0 one voxel beyond, and its slope."""
    low, high = p + np.float32(1), np.float32(count) - p
    weight = np.clip(np.minimum(low, high), np.float32(0), np.float32(1))
    slope = ((p < 0) & (low > 0)).astype(np.float32) - ((p > count - 1) & (high > 0)).astype(np.float32)
    return weight, slope


def _between(
    flat: NDArray[np.generic], base: NDArray[np.intp], within: Three, steps: tuple[int, int, int], *, slope: bool
) -> tuple[Floats, Three | None]:
    """Trilinear interpolation, and its derivatives where asked for, from the eight corners of each cell."""
    fx, fy, fz = within
    column, row, plane = steps

    def corner(offset: int) -> Floats:
        # No index is out of range; numpy looks up faster if it need not check.
        return flat[offset:].take(base, mode="wrap").astype(np.float32, copy=False)

    # Along x first, on the four edges of the cell; then the two faces along y; then z.
    edge, along_x = {}, {}
    for j, k in np.ndindex(2, 2):
        low = corner(j * row + k * plane)
        along_x[j, k] = corner(j * row + k * plane + column) - low
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
        """``count`` points in and around a level's object, or one per voxel where there are fewer, spread evenly and jittered."""
        voxels = level.foreground.extent / abs(float(np.linalg.det(level.steps)))
        frame = level.foreground.draw(max(1, min(count, round(voxels))), seed=seed)
        x, y, z = moved(frame - level.origin[:, None], np.linalg.inv(level.steps), np.zeros(3)).astype(np.float32)
        values, _, _ = Field(level).look(x, y, z, slope=False)
        centroid = frame.mean(axis=1)
        return cls(centroid, np.ascontiguousarray(frame - centroid[:, None], np.float32), values)
