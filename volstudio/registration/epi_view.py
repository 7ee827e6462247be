"""A fine scan as the voxels of a coarse one would see it: soft classes of intensity through the coarse voxels' point spread.

The fine scan is looked up on a grid of half coarse voxels, parted into soft classes, and each class is averaged. This is nearly all of the
cost of `volstudio.registration.epi`, so it is done slab by slab, as large as a core's cache. Points between
voxels and points at their centres are kept apart, along both axes of a slice, so that every sum runs over neighbours in memory. Of a
class' share, which is linear between its neighbours, only the rise is averaged: ``max(class, k)``, of which shares are differences.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from volstudio.registration.sitk_sampling import sampled_grid

if TYPE_CHECKING:
    from collections.abc import Callable

    import SimpleITK as sitk  # noqa: N813 - the name everybody knows it by
    from numpy.typing import NDArray

    from volstudio.geometry.affine import FloatArray

__all__ = ["CLASSES", "Scan", "Shades", "Spread", "View", "widened"]

CLASSES = 8
SUB = 2  # points of the looked-up grid per coarse voxel and axis
LEAST_WIDTH = 0.5
TABLE = 512  # steps between two classes, when a contrast is looked up
SLAB = 5  # about so many coarse slices are averaged at once: their part of the grid, twice, fits in a core's cache


@dataclass(frozen=True, slots=True)
class Scan:
    """Values, and where they lie.

    Parameters
    ----------
    values : (k, j, i) array
        Last axis first, as ITK's buffers lie in memory.
    to_scanner : (4, 4) float array
        Voxel indices (i, j, k) -> scanner, mm.
    """

    values: NDArray[Any]
    to_scanner: FloatArray

    @property
    def edges(self) -> FloatArray:
        """(3,) mm along i, j, k."""
        return np.asarray(np.linalg.norm(self.to_scanner[:3, :3], axis=0))

    @property
    def edge(self) -> float:
        """Edge of a cube as large as a voxel, mm."""
        return float(np.cbrt(abs(np.linalg.det(self.to_scanner[:3, :3]))))


@dataclass(frozen=True, slots=True)
class Spread:
    """Point spread of the coarse voxels on the looked-up grid: a Gaussian.

    Parameters
    ----------
    reach : int
        Points on either side; even, so that the grid begins at a voxel's centre.
    mean, slope : three (2 reach + 1,) float32 arrays
        Along i, j, k: weights of the average, and of its change per coarse voxel.
    """

    reach: int
    mean: tuple[NDArray[np.float32], ...]
    slope: tuple[NDArray[np.float32], ...]

    @classmethod
    def of(cls, coarse: Scan, fine: Scan, *, width: float) -> Spread:
        """Spread of a width at half height, in coarse voxels; the fine scan's own voxels have blurred it already and are taken off."""
        reach = SUB * round(width)
        at = np.arange(-reach, reach + 1) / SUB
        mean, slope = [], []
        for edge in coarse.edges:
            sigma = np.sqrt(max(width**2 - (fine.edge / edge) ** 2, LEAST_WIDTH**2) / (8 * np.log(2)))
            weights = np.exp(-0.5 * (at / sigma) ** 2)
            mean.append((weights / weights.sum()).astype(np.float32))
            slope.append((at * weights / (at * weights @ at)).astype(np.float32))
        return cls(reach, tuple(mean), tuple(slope))


@dataclass(frozen=True, slots=True)
class Shades:
    """Classes of intensity: the air's, then evenly from the object's darkest to its brightest.

    Parameters
    ----------
    air, dark, bright : float
        Rising.
    """

    air: float
    dark: float
    bright: float

    def classes(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Class of each value, 0 to CLASSES - 1, and between two where it lies between."""
        below, above = 1 / (self.dark - self.air), (CLASSES - 2) / (self.bright - self.dark)
        low, high = values - np.float32(self.air), values - np.float32(self.dark)
        low *= np.float32(below)
        high *= np.float32(above)
        high += np.float32(1)
        bent = (np.minimum if below > above else np.maximum)(low, high, out=low)
        return np.asarray(bent.clip(0, CLASSES - 1, out=bent))


@dataclass(frozen=True, slots=True)
class View:
    """What the fine scan shows at a place, for the coarse scan's voxels.

    Parameters
    ----------
    spread : Spread
    shape : three int
        Of the coarse scan, k, j, i.
    slabs : tuple of (first, last, (2, 2, k, j, i) float32 array)
        The coarse slices of each slab, and classes of its part of the grid: points at the centres and between them along i, along j.
    """

    spread: Spread
    shape: tuple[int, int, int]
    slabs: tuple[tuple[int, int, NDArray[np.float32]], ...]

    @classmethod
    def of(cls, coarse: Scan, image: sitk.Image, *, spread: Spread, shades: Shades, coarse_to_fine: FloatArray) -> View:
        """Look the fine scan up.

        Parameters
        ----------
        coarse : Scan
        image : sitk.Image
            The fine scan on whole indices.
        spread : Spread
        shades : Shades
            Of the fine scan; outside of it lies air.
        coarse_to_fine : (4, 4) float array
            Indices of the coarse scan -> indices of the fine one.
        """
        nk, nj, ni = coarse.values.shape
        reach = spread.reach
        counts = tuple((n - 1) * SUB + 2 * reach + 1 for n in (ni, nj, nk))
        ends = np.linspace(0, nk, max(1, round(nk / SLAB)) + 1).astype(int).tolist()

        def slab(first: int, last: int, seen: NDArray[np.float32]) -> tuple[int, int, NDArray[np.float32]]:
            classes = shades.classes(seen[first * SUB : (last - 1) * SUB + 2 * reach + 1])
            parted = np.zeros((2, 2, len(classes), nj + reach, ni + reach), np.float32)
            for a in (0, 1):
                for b in (0, 1):
                    parted[a, b, :, : nj + reach - b, : ni + reach - a] = classes[:, b::2, a::2]
            return first, last, parted

        with sampled_grid(image, coarse_to_fine, first=-reach / SUB, step=1 / SUB, counts=counts, outside=shades.air) as seen:
            slabs = tuple(slab(a, b, seen) for a, b in pairwise(ends))
        return cls(spread, (nk, nj, ni), slabs)

    def shares(self) -> NDArray[np.float32]:
        """(CLASSES, k, j, i) share of each class in each coarse voxel."""
        shares = np.empty((CLASSES, *self.shape), np.float32)
        for first, last, classes in self.slabs:
            self._slab_shares(first, last, classes, shares[:, first:last])
        return shares

    def _slab_shares(self, first: int, last: int, classes: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        """Shares of a slab: differences of the rises of its average class."""
        work, risen = _Averages(self.spread, (last - first, *self.shape[1:])), np.empty_like(classes)
        averages = [work.mean(np.maximum(classes, np.float32(k), out=risen) if k else classes) for k in range(CLASSES - 1)]
        steps = [upper - lower for lower, upper in pairwise(averages)]
        steps.append(np.float32(CLASSES - 1) - averages[-1])
        out[0] = steps[0]
        for k, (lower, upper) in enumerate(pairwise(steps), start=1):
            np.subtract(upper, lower, out=out[k])
        np.subtract(np.float32(1), steps[-1], out=out[-1])

    def slopes(self, amounts: FloatArray) -> NDArray[np.float32]:
        """(3, k, j, i) change of a contrast's signal per coarse voxel along i, j, k; a contrast is the signal of each class."""
        table = np.interp(np.arange(TABLE * (CLASSES - 1) + 1) / TABLE, np.arange(CLASSES), amounts).astype(np.float32)
        slopes = np.empty((3, *self.shape), np.float32)

        for first, last, classes in self.slabs:
            signal = table.take((classes * np.float32(TABLE) + np.float32(0.5)).astype(np.intp))
            _Averages(self.spread, (last - first, *self.shape[1:])).slopes(signal, slopes[:, first:last])
        return slopes


class _Averages:
    """Sums over a slab of a view's grid, seen through a spread, and the room they need."""

    def __init__(self, spread: Spread, shape: tuple[int, int, int]) -> None:
        (self.nk, self.nj, self.ni), self.spread = shape, spread
        rows, columns = self.nj + spread.reach, self.ni + spread.reach
        self.along_k = np.empty((2, 2, 2, self.nk, rows, columns), np.float32)
        self.along_j = np.empty((2, 2, self.nk, self.nj, columns), np.float32)
        self.along_i = np.empty((2, self.nk * self.nj * columns), np.float32)

    def mean(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """(k, j, i) averages."""
        self._k(values, self.along_k[0])
        self._j(self.along_k[0], self.along_j[0])
        return self._i(self.along_j[0])

    def slopes(self, values: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        """Changes of the averages along i, j, k."""
        self._k(values, self.along_k[0])
        self._j(self.along_k[0], self.along_j[0])
        out[0] = self._i(self.along_j[0], slope=True)
        self._j(self.along_k[0], self.along_j[0], slope=True)
        out[1] = self._i(self.along_j[0])
        self._k(values, self.along_k[0], slope=True)
        self._j(self.along_k[0], self.along_j[0])
        out[2] = self._i(self.along_j[0])

    def _k(self, values: NDArray[np.float32], out: NDArray[np.float32], *, slope: bool = False) -> None:
        """Along k, over every second plane."""
        length = SUB * self.nk - 1
        self._sum(2, lambda tap: values[:, :, tap : tap + length : SUB], out, self.along_k[1], slope=slope)

    def _j(self, values: NDArray[np.float32], out: NDArray[np.float32], *, slope: bool = False) -> None:
        """Along j, over rows at the centres and between them."""
        self._sum(1, lambda tap: values[:, tap % 2, :, tap // 2 : tap // 2 + self.nj], out, self.along_j[1], slope=slope)

    def _i(self, values: NDArray[np.float32], *, slope: bool = False) -> NDArray[np.float32]:
        """Along i, over columns at the centres and between them; what runs over a row's end is cut off."""
        flat, size = values.reshape(2, -1), self.along_i.shape[1]
        length = size - self.spread.reach
        out, room = self.along_i[:, :length]
        self._sum(0, lambda tap: flat[tap % 2, tap // 2 : tap // 2 + length], out, room, slope=slope)
        return np.ascontiguousarray(self.along_i[0].reshape(self.nk, self.nj, -1)[:, :, : self.ni])

    def _sum(
        self, axis: int, tap: Callable[[int], NDArray[np.float32]], out: NDArray[np.float32], room: NDArray[np.float32], *, slope: bool
    ) -> None:
        """Weighted sum of taps, those with one weight first added (of a slope: subtracted)."""
        last = 2 * self.spread.reach
        weights = (self.spread.slope if slope else self.spread.mean)[axis]
        join: np.ufunc = np.subtract if slope else np.add
        np.multiply(tap(last // 2), weights[last // 2], out=out)
        for number in range(last // 2):
            out += np.multiply(join(tap(last - number), tap(number), out=room), weights[last - number], out=room)


def widened(shares: NDArray[np.float32], width: float) -> NDArray[np.float32]:
    """Averages through a point spread of so many voxels, of averages through one of a single voxel; along the last three axes."""
    sigma = np.sqrt((width**2 - 1) / (8 * np.log(2)))
    weights = np.exp(-0.5 * (np.arange(3) / sigma) ** 2)
    weights = (weights / (weights[0] + 2 * weights[1:].sum())).astype(np.float32)
    wide = np.empty_like(shares)
    for one, out in zip(shares, wide, strict=True):
        _widen(one, weights, out)
    return wide


def _widen(values: NDArray[np.float32], weights: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """One share through a wider spread."""
    room = np.empty_like(out)
    for axis in range(3):
        along, total, part = (np.moveaxis(one, axis, 0) for one in (values, np.empty_like(out), room))
        np.multiply(along, weights[0], out=total)
        for away in range(1, min(3, len(along))):
            np.multiply(along, weights[away], out=part)
            total[away:] += part[:-away]
            total[:-away] += part[away:]
        values = np.moveaxis(total, 0, axis)
    out[...] = values
