"""The two scans that `volstudio.registration.epi` fits to each other, made ready: cut to the object, in fine steps or coarse ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from volstudio.registration.epi_view import Scan, Shades
from volstudio.registration.otsu import air_threshold
from volstudio.registration.sitk_sampling import image_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import SimpleITK as sitk  # noqa: N813 - the name everybody knows it by
    from numpy.typing import NDArray

    from volstudio.geometry.affine import FloatArray
    from volstudio.volumes.volume import Volume

__all__ = ["Prepared", "prepared"]

MOST_COUNTED = 200_000  # voxels about the object; larger scans are averaged in blocks
MOST_READ = 4_000_000
MARGIN = 2  # voxels of air around the object that count
MOST_TOLD = 65_536  # about so many values of a scan tell its intensities as well as all
LEAST_STEP = 1e-6  # between two intensities, as a share of the scan's range

Pause: TypeAlias = "Callable[[], None]"


@dataclass(frozen=True, slots=True)
class Prepared:
    """Two scans made ready.

    Parameters
    ----------
    coarse : Scan
        Float32, 0 to 1, cut to its object.
    near : (k, j, i) bool array
        Voxels of the coarse scan in and around its object.
    threshold : float
        Brightness of its dimmest tissue.
    fine : Scan
    image : sitk.Image
        The same on whole indices.
    shades : Shades
        Of the fine scan.
    """

    coarse: Scan
    near: NDArray[np.bool_]
    threshold: float
    fine: Scan
    image: sitk.Image
    shades: Shades


def prepared(coarse: Volume, fine: Volume, pause: Pause) -> Prepared:
    """Both scans made ready."""
    scan, near, threshold = _object(coarse, pause)
    blocks = np.maximum(1, np.rint(0.5 * scan.edges.min() / fine.grid.voxel_sizes - 0.3).astype(int))
    sharp = _as_it_is(fine) if blocks.max() == 1 else None
    pause()
    sharp = _read(fine, blocks, pause) if sharp is None else sharp
    pause()
    image = image_of(sharp.values)
    pause()
    return Prepared(scan, near, threshold, sharp, image, _shades(_told(sharp.values)))


def _object(coarse: Volume, pause: Pause) -> tuple[Scan, NDArray[np.bool_], float]:
    """The coarse scan about its object, where to look, and the brightness of its dimmest tissue."""
    whole = _read(coarse, _halvings(coarse.grid.voxel_sizes, float(np.prod(coarse.shape[:3])), MOST_READ), pause)
    threshold = air_threshold(_told(whole.values))
    near = _grown(whole.values > threshold)
    ends = [np.flatnonzero(near.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    cut = tuple(slice(int(index[0]), int(index[-1]) + 1) for index in ends)
    begin = np.eye(4)
    begin[:3, 3] = [part.start for part in cut[::-1]]
    scan, near = Scan(np.ascontiguousarray(whole.values[cut]), whole.to_scanner @ begin), near[cut]
    blocks = _halvings(scan.edges, scan.values.size, MOST_COUNTED)
    if blocks.max() > 1:
        scan = Scan(np.ascontiguousarray(_block_means(scan.values, blocks)), scan.to_scanner @ _block_step(blocks))
        near = _grown(scan.values > threshold)
    return scan, near, threshold


def _as_it_is(volume: Volume) -> Scan | None:
    """A scan whose values can be looked up without a change: small integers, or floats that are all finite; None where there are others."""
    data: NDArray[Any] = volume.frame(0).T
    small = data.dtype.kind in "iu" and data.dtype.itemsize <= 2
    finite = data.dtype == np.float32 and np.isfinite(float(data.max()) - float(data.min()))
    if not data.dtype.isnative or not (small or finite):
        return None
    return Scan(data, volume.affine.matrix)


def _read(volume: Volume, blocks: NDArray[np.int_], pause: Pause) -> Scan:
    """Means of blocks of voxels, from 0 to 1; read block by block, so that the whole is not copied. What is not finite is the least."""
    data: NDArray[Any] = volume.frame(0).T
    pause()
    low, high = _range(data)
    count, depth = np.array(data.shape) // blocks[::-1], int(blocks[2])
    values = np.empty(count, np.float32)
    exact = np.dtype(np.float64 if data.dtype.itemsize > 2 else np.float32)
    for k in range(len(values)):
        pause()
        slab = (data[k * depth : (k + 1) * depth].astype(exact) - exact.type(low)) / exact.type((high - low) or 1.0)
        if data.dtype.kind == "f":
            slab[~np.isfinite(slab)] = 0
        values[k] = _block_means(slab, blocks)[0]
    return Scan(values, volume.affine.matrix @ _block_step(blocks))


def _range(data: NDArray[Any]) -> tuple[float, float]:
    """Least and greatest finite value, plane by plane."""
    if data.dtype.kind != "f":
        return float(data.min()), float(data.max())
    ends = []
    for plane in data:
        finite = plane[np.isfinite(plane)]
        if finite.size:
            ends.append((float(finite.min()), float(finite.max())))
    return min((low for low, _ in ends), default=0.0), max((high for _, high in ends), default=0.0)


def _block_means(values: NDArray[Any], blocks: NDArray[np.int_]) -> NDArray[Any]:
    """Means of blocks of so many voxels along i, j, k."""
    for axis, count in enumerate(blocks[::-1]):
        if count > 1:
            along = np.moveaxis(values, axis, 0)
            along = along[: along.shape[0] // count * count]
            total = sum((along[first::count] for first in range(1, count)), start=along[0::count])
            values = np.moveaxis(total / values.dtype.type(count), 0, axis)
    return values


def _block_step(blocks: NDArray[np.int_]) -> FloatArray:
    """(4, 4) indices of blocks -> indices of voxels."""
    step = np.diag([*blocks.astype(float), 1.0])
    step[:3, 3] = (blocks - 1) / 2
    return step


def _halvings(edges: FloatArray, size: float, most: int) -> NDArray[np.int_]:
    """(3,) voxels per block, shortest edges first, that leave at most so many blocks."""
    blocks = np.ones(3, int)
    while size / np.prod(blocks) > most:
        blocks[np.argmin(edges * blocks)] *= 2
    return blocks


def _told(values: NDArray[Any]) -> NDArray[np.float32]:
    """Some of a scan's values, evenly from all of it: every so many, out of step with its rows and planes."""
    stride = max(1, values.size // MOST_TOLD) | 1
    while any(np.gcd(stride, count) > 1 for count in values.shape[1:]):
        stride += 2
    return values.ravel()[::stride].astype(np.float32)


def _shades(values: NDArray[np.float32]) -> Shades:
    """Of a scan that these values tell of."""
    least = LEAST_STEP * (float(values.max()) - float(values.min()) or 1.0)
    air = float(np.percentile(values, 0.2))
    dark = max(air_threshold(values), air + least)
    return Shades(air, dark, max(float(np.percentile(values[values >= dark], 99.5)), dark + least))


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask grown by `MARGIN` voxels along and across all axes."""
    for _ in range(MARGIN):
        for axis in range(3):
            grown = mask.copy()
            here, out = np.moveaxis(mask, axis, 0), np.moveaxis(grown, axis, 0)
            out[1:] |= here[:-1]
            out[:-1] |= here[1:]
            mask = grown
    return mask
