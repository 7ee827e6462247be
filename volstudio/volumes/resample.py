"""New voxels of a volume on another grid, through an affine map between their worlds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.geometry.spaces import scanner, voxel
from volstudio.progress import Progress
from volstudio.volumes.sampling import Interpolation, sampler_of
from volstudio.volumes.series import Decoder, StoredArray, voxel_array
from volstudio.volumes.volume import Volume, check_volume

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from volstudio.geometry.affine import FloatArray
    from volstudio.volumes.series import RawArray

__all__ = ["Interpolation", "resample"]

EDGE = 1e-6  # voxels: a point this far beyond the outer face of the outer voxel is on it, by rounding
SLAB = 1 << 19  # voxels computed at once, so that coordinates and float64 results stay small
KEPT_FACTS = ("description", "intent_code", "intent", "time_step_s")


def resample(
    volume: Volume,
    *,
    onto: Volume | Grid,
    moving_to_fixed: Affine | None = None,
    interpolation: Interpolation = "linear",
    background: float = 0.0,
    progress: Progress | None = None,
) -> Volume:
    """The volume on another grid; its type is kept, integers are rounded and clipped.

    Colours and complex numbers are resampled part by part and stay what they are.

    Parameters
    ----------
    volume : Volume
        3D, or a series, each time point of which is resampled.
    onto : Volume or Grid
        The grid of the result.
    moving_to_fixed : Affine or None
        Scanner space of ``volume`` -> world of ``onto``; None: both are the same world, as their headers claim.
    interpolation : "nearest", "linear", "cubic", "sinc"
        Nearest for labels; cubic (an interpolating B-spline) and sinc (windowed, for fine detail) may overshoot at edges.
    background : float
        Value outside the volume, whose voxels reach half a voxel beyond the centres of the outer ones.
    progress : Progress or None
        Told after every slab, and the way to stop.

    Returns
    -------
    Volume
        In memory, Fortran-ordered, under the name of ``volume``.

    Raises
    ------
    SpaceMismatchError
        The map does not lead from the volume's scanner space to the world of the grid.
    Cancelled
        ``progress`` was cancelled.

    Notes
    -----
    Voxel x of the result shows ``moving_affine^-1 @ moving_to_fixed^-1 @ fixed_affine @ x``. Non-finite voxels are left out of linear
    weights, and stay NaN where more than half of the weight is theirs. Beside the volume and the result it takes the memory of one time
    point (cubic and sinc: in single precision, or double where the type needs it) and of one slab.

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
    data, decoder = _parts(volume)
    series = len(data.shape) == 4
    dtype = data.dtype.newbyteorder("=")
    result: NDArray[Any] = np.empty((*grid.shape, volume.n_times) if series else grid.shape, dtype, order="F")
    report = progress or Progress()
    for time in range(volume.n_times):
        frame, into = (_channels(np.asarray(array[..., time] if series else array[...])) for array in (data, result))
        for number, (values, channel) in enumerate(zip(frame, into, strict=True)):
            # Of a complex number the background is the real part.
            channel[...] = _as_type(np.array(0.0 if number and not dtype.names else background), channel.dtype)
            whole, done = volume.n_times * len(frame), time * len(frame) + number
            _fill(channel, values, to_moving, interpolation, report.part(done / whole, (done + 1) / whole))
    result.setflags(write=False)
    return Volume(
        data=result if decoder is None else voxel_array(result, decoder),
        grid=Grid(grid.shape, Affine(grid.affine.matrix, voxel(volume.name), scanner(volume.name))),
        name=volume.name,
        facts={key: volume.facts[key] for key in KEPT_FACTS if key in volume.facts},
        orientation_known=onto.orientation_known if isinstance(onto, Volume) else volume.orientation_known,
    )


def _parts(volume: Volume) -> tuple[RawArray, Decoder | None]:
    """What is resampled: the voxels as stored where a colour or a complex number stands for one value, else the values."""
    data = volume.data
    if isinstance(data, StoredArray) and data.folds:
        return data.raw, Decoder(data.decoder.stored.newbyteorder("="))
    return data, None


def _channels(frame: NDArray[Any]) -> list[NDArray[Any]]:
    """The numbers of an array one by one: colours, real and imaginary parts, or the array itself; views that can be written to."""
    if frame.dtype.names:
        return [frame[name] for name in frame.dtype.names]
    return [frame.real, frame.imag] if frame.dtype.kind == "c" else [frame]


def _fill(into: NDArray[Any], values: NDArray[Any], to_moving: FloatArray, interpolation: Interpolation, progress: Progress) -> None:
    """Fill what the values of one time point reach, in slabs of slices; the rest stays."""
    depth = max(1, SLAB // (into.shape[0] * into.shape[1]))
    sampler = sampler_of(values, interpolation)
    for first in range(0, into.shape[2], depth):
        progress("resampling", first / into.shape[2])
        slab = into[..., first : first + depth]
        shifted = to_moving.copy()
        shifted[:3, 3] += to_moving[:3, 2] * first
        inside = np.ones(slab.shape, dtype=bool)
        for row, n in zip(shifted[:3], values.shape, strict=True):
            at = _coordinate(row, slab.shape)
            inside &= (at >= -0.5 - EDGE) & (at <= n - 0.5 + EDGE)
        if inside.any():
            slab[inside] = _as_type(sampler(shifted, inside), into.dtype)


def _coordinate(row: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """(i, j, k) array of one coordinate in the moving volume, in voxels."""
    i, j, k = np.ogrid[: shape[0], : shape[1], : shape[2]]
    coordinate: FloatArray = row[0] * i + row[1] * j + row[2] * k + row[3]
    return coordinate


def _as_type(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Values in another type: rounded and clipped where that is an integer type, whose NaN is 0."""
    if values.dtype == dtype or dtype.kind not in "iu":
        return values.astype(dtype, copy=False)
    limits = np.iinfo(dtype)
    # The greatest 64-bit integers are no float64: the next one below is taken, so that the conversion cannot overflow.
    top = float(limits.max) if float(limits.max) <= limits.max else np.nextafter(float(limits.max), 0.0)
    return np.asarray(np.clip(np.rint(np.nan_to_num(values, nan=0.0)), float(limits.min), top), dtype=dtype)
