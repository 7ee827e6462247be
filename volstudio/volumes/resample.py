"""New voxels of a volume on another grid, through an affine map between their worlds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.geometry.spaces import scanner, voxel
from volstudio.volumes.volume import Volume, check_volume

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from volstudio.geometry.affine import FloatArray

__all__ = ["Interpolation", "resample"]

Interpolation = Literal["nearest", "linear", "cubic"]

EDGE = 1e-6  # voxels: a point this far beyond the outer face of the outer voxel is on it, by rounding
SLAB = 1 << 21  # voxels computed at once, so that coordinates and float64 results stay small
KEPT_FACTS = ("description", "intent_code", "intent", "time_step_s")


def resample(
    volume: Volume,
    *,
    onto: Volume | Grid,
    moving_to_fixed: Affine | None = None,
    interpolation: Interpolation = "linear",
    background: float = 0.0,
) -> Volume:
    """The volume on another grid; its type is kept, integers are rounded and clipped.

    Parameters
    ----------
    volume : Volume
        3D, or a series, each time point of which is resampled.
    onto : Volume or Grid
        The grid of the result.
    moving_to_fixed : Affine or None
        Scanner space of ``volume`` -> world of ``onto``; None: both are the same world, as their headers claim.
    interpolation : "nearest", "linear", "cubic"
        Nearest for labels; cubic is an interpolating B-spline and may overshoot at edges.
    background : float
        Value outside the volume, whose voxels reach half a voxel beyond the centres of the outer ones.

    Returns
    -------
    Volume
        In memory, Fortran-ordered, under the name of ``volume``.

    Raises
    ------
    SpaceMismatchError
        The map does not lead from the volume's scanner space to the world of the grid.

    Notes
    -----
    Voxel x of the result shows ``moving_affine^-1 @ moving_to_fixed^-1 @ fixed_affine @ x``. Non-finite voxels are left out of linear
    weights, and stay NaN where more than half of the weight is theirs.

    Examples
    --------
    >>> from volstudio.volumes.readers import volume_from_array
    >>> coarse = volume_from_array(np.arange(8.0).reshape(2, 2, 2), np.diag([2, 2, 2, 1]), name="coarse")
    >>> fine = Grid((3, 1, 1), Affine(np.eye(4), "fine:voxel", "coarse:scanner"))
    >>> np.asarray(resample(coarse, onto=fine).data).ravel()
    array([0., 2., 4.])
    """
    check_volume(volume, "What is resampled")
    grid = onto if isinstance(onto, Grid) else check_volume(onto, "What it is resampled onto").grid
    world = grid.affine.target
    placed = (Affine.identity(volume.affine.target, world) if moving_to_fixed is None else moving_to_fixed) @ volume.affine
    to_moving = (placed.inverse() @ grid.affine).matrix
    dtype = volume.data.dtype
    series = len(volume.data.shape) == 4
    result: NDArray[Any] = np.empty((*grid.shape, volume.n_times) if series else grid.shape, dtype, order="F")
    for time in range(volume.n_times):
        into = result[..., time] if series else result
        _resample_frame(volume.frame(time), into, to_moving, interpolation, background)
    result.setflags(write=False)
    return Volume(
        data=result,
        grid=Grid(grid.shape, Affine(grid.affine.matrix, voxel(volume.name), scanner(volume.name))),
        name=volume.name,
        facts={key: volume.facts[key] for key in KEPT_FACTS if key in volume.facts},
        orientation_known=onto.orientation_known if isinstance(onto, Volume) else volume.orientation_known,
    )


def _resample_frame(
    values: NDArray[Any], into: NDArray[Any], to_moving: FloatArray, interpolation: Interpolation, background: float
) -> None:
    """Fill one time point, in slabs of slices."""
    depth = max(1, SLAB // (into.shape[0] * into.shape[1]))
    sampler = None if interpolation == "nearest" else _Sampler(values, interpolation)
    empty = _as_type(np.array(background, dtype=np.float64), into.dtype)
    for first in range(0, into.shape[2], depth):
        slab = into[..., first : first + depth]
        shifted = to_moving.copy()
        shifted[:3, 3] += to_moving[:3, 2] * first
        coordinates = [_coordinate(shifted[axis], slab.shape) for axis in range(3)]
        inside = np.ones(slab.shape, dtype=bool)
        for at, n in zip(coordinates, values.shape, strict=True):
            inside &= (at >= -0.5 - EDGE) & (at <= n - 0.5 + EDGE)
        if not inside.any():
            slab[...] = empty
        elif sampler is None:
            nearest = tuple(np.clip(np.floor(at + 0.5).astype(np.intp), 0, n - 1) for at, n in zip(coordinates, values.shape, strict=True))
            slab[...] = np.where(inside, values[nearest], empty)
        else:
            slab[...] = np.where(inside, _as_type(sampler(shifted, slab.shape), into.dtype), empty)


class _Sampler:
    """Linear or cubic interpolation of one time point.

    scipy walks arrays in C order and ours are Fortran-ordered: everything is handed over transposed, which costs nothing.
    """

    def __init__(self, values: NDArray[Any], interpolation: Interpolation) -> None:
        from scipy import ndimage

        self._ndimage = ndimage
        self._order = 1 if interpolation == "linear" else 3
        # Beyond the outer centres lies half a voxel: its value is that of the centre (linear), or the spline's own mirror (cubic).
        self._mode = "nearest" if self._order == 1 else "mirror"
        self._weights: NDArray[np.float32] | None = None
        numbers = values.T
        if values.dtype.kind == "f":
            finite = np.isfinite(numbers)
            if not finite.all():
                self._weights = finite.astype(np.float32)
                numbers = np.where(finite, numbers, 0).astype(values.dtype)
        precision = np.float32 if values.dtype == np.float32 else np.float64
        self._numbers = ndimage.spline_filter(numbers, order=3, output=precision, mode="mirror") if self._order == 3 else numbers
        self._precision = precision

    def __call__(self, matrix: FloatArray, shape: tuple[int, ...]) -> NDArray[Any]:
        values = self._interpolate(self._numbers, matrix, shape, self._order)
        if self._weights is None:
            return values
        weights = self._interpolate(self._weights, matrix, shape, 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            kept: NDArray[Any] = np.where(weights >= 0.5, values / weights if self._order == 1 else values, np.nan)
        return kept

    def _interpolate(self, numbers: NDArray[Any], matrix: FloatArray, shape: tuple[int, ...], order: int) -> NDArray[Any]:
        found: NDArray[Any] = self._ndimage.affine_transform(
            numbers,
            matrix[:3, :3][::-1, ::-1],
            offset=matrix[:3, 3][::-1],
            output_shape=shape[::-1],
            output=self._precision,
            order=order,
            mode=self._mode,
            prefilter=False,
        )
        return found.T


def _coordinate(row: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """(i, j, k) array of one coordinate in the moving volume, in voxels."""
    i, j, k = np.ogrid[: shape[0], : shape[1], : shape[2]]
    coordinate: FloatArray = row[0] * i + row[1] * j + row[2] * k + row[3]
    return coordinate


def _as_type(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Values in another type: rounded and clipped where that is an integer type, whose NaN is 0."""
    if dtype.kind not in "iu":
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    # The greatest 64-bit integers are no float64: the next one below is taken, so that the conversion cannot overflow.
    top = float(limits.max) if float(limits.max) <= limits.max else np.nextafter(float(limits.max), 0.0)
    return np.asarray(np.clip(np.rint(np.nan_to_num(values, nan=0.0)), float(limits.min), top), dtype=dtype)
