"""One real number per voxel: what of a series, of colours or of complex numbers a registration compares, and the words that say so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from volstudio.errors import RegistrationError
from volstudio.volumes.series import RGB_WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from volstudio.volumes.volume import Volume

__all__ = ["Time", "one_frame"]

Time = Literal["first", "mean"] | int

# Single precision ends at 3e38 and 1e-38; sums over blocks and squares need room.
TOO_LARGE, TOO_SMALL = 1e30, 1e-30
FAR_OUT = 1e4
SOME, LEAST_SOME = 100_000, 1000
# What the readers have made one number per voxel of, by the code of their finding.
READ_AS = {"colour": "the brightness of its colours was used", "complex": "the magnitude of its complex voxels was used"}


def one_frame(volume: Volume, *, time: Time = "first", tick: Callable[[], None] | None = None) -> tuple[Volume, tuple[str, ...]]:
    """A 3D volume of real numbers, and notes of what was left out of it.

    Parameters
    ----------
    volume : Volume
        A 3D one of real numbers comes back as it is.
    time : {"first", "mean"} or int
        Of a series: its first time point, the mean of all, or the one of this number, from 0.
    tick : callable, optional
        Called before each time point is read; what it raises, such as `Cancelled`, goes through.

    Raises
    ------
    RegistrationError
        There is no such time point.

    Notes
    -----
    Colours count by their luminance (ITU-R BT.601); alpha is left out. The mean is taken over the finite values of each voxel, in float64,
    one time point after the other; a voxel without any is NaN. Floating-point voxels beyond the reach of single precision are scaled, and
    single ones ten thousand times as far from the middle as the farthest thousandth are cut off: one such voxel would outweigh a scan.

    Examples
    --------
    >>> from volstudio.volumes.readers import volume_from_array
    >>> series = volume_from_array(np.arange(16.0).reshape(2, 2, 2, 2), np.eye(4), name="rest")
    >>> mean, notes = one_frame(series, time="mean")
    >>> mean.data[0, 0, 0], notes
    (np.float64(0.5), ('of rest, the mean of its 2 time points was used',))
    """
    notes = [f"of {volume.name}, {READ_AS[each.code]}" for each in volume.findings if each.code in READ_AS]
    data, said = _at(volume, time, tick or (lambda: None))
    if data is None and volume.data.dtype.kind in "biu":
        return volume, tuple(notes)
    given = volume.frame(0) if data is None else data
    if given.dtype.names is not None or given.dtype.kind == "c":
        notes.append(f"of {volume.name}, {READ_AS['complex' if given.dtype.kind == 'c' else 'colour']}")
    tame, clipped = _tamed(_real(given, volume.name))
    if clipped:
        many = "1 voxel far beyond all others was" if clipped == 1 else f"{clipped} voxels far beyond all others were"
        notes.append(f"of {volume.name}, {many} cut off")
    if data is None and tame is given:
        return volume, tuple(notes)
    return replace(volume, data=tame), (*notes, *said)


def _at(volume: Volume, time: Time, tick: Callable[[], None]) -> tuple[NDArray[Any] | None, tuple[str, ...]]:
    """Voxels of the time asked for and what to say of them; None: the volume has no time axis."""
    count = volume.n_times
    if isinstance(time, int) and not 0 <= time < count:
        has = "is no series" if count == 1 else f"has time points 0 to {count - 1}"
        raise RegistrationError(f"{volume.name} {has}; time point {time} was asked for.")
    if len(volume.data.shape) == 3:
        return None, ()
    if count == 1:
        return volume.frame(0), ()
    if time == "mean":
        return _mean(volume, tick), (f"of {volume.name}, the mean of its {count} time points was used",)
    tick()
    if time == "first":
        return volume.frame(0), (f"of {volume.name}, the first of {count} time points was used",)
    return volume.frame(time), (f"of {volume.name}, time point {time} of {count} was used (the first is 0)",)


def _mean(volume: Volume, tick: Callable[[], None]) -> NDArray[np.float64]:
    """Mean over time of what is finite."""
    total, counts = np.zeros(volume.shape), np.zeros(volume.shape, np.int32)
    for number in range(volume.n_times):
        tick()
        values = _real(volume.frame(number), volume.name)
        finite = np.isfinite(values)
        np.add(total, values, out=total, where=finite)
        counts += finite
    return np.asarray(np.divide(total, counts, out=np.full(volume.shape, np.nan), where=counts > 0))


def _real(data: NDArray[Any], name: str) -> NDArray[Any]:
    """One real number per voxel."""
    if data.dtype.kind == "c":
        return np.asarray(np.abs(data))
    if data.dtype.names is not None and {"R", "G", "B"} <= set(data.dtype.names):
        red, green, blue = (weight * data[channel].astype(np.float32) for weight, channel in zip(RGB_WEIGHTS, "RGB", strict=True))
        return np.asarray(red + green + blue)
    if data.dtype.kind not in "biuf":
        raise RegistrationError(f"{name} holds {data.dtype} voxels; registration needs one real number per voxel.")
    return data


def _tamed(data: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """Values that sums in single precision can hold, and how many were cut off; the array itself where it holds such already."""
    if data.dtype.kind != "f":
        return data, 0
    low, high = _ends(data)
    if not high > low:
        return data, 0
    cut = 0
    least, most = _plausible(data, low, high)
    if low < least or high > most:
        cut = int(np.count_nonzero(np.isfinite(data) & ((data < least) | (data > most))))
        data = np.where(np.isfinite(data), np.clip(data, least, most), data)
        low, high = max(low, least), min(high, most)
    if TOO_SMALL < max(abs(low), abs(high)) < TOO_LARGE:
        return data, cut
    # Halves, so that the difference of the two ends of double precision is finite.
    half, middle = high / 2 - low / 2, high / 2 + low / 2
    return np.asarray((data / half - middle / half).astype(np.float32)), cut


def _ends(data: NDArray[Any]) -> tuple[float, float]:
    """Least and greatest finite value; NaN where there is none."""
    low, high = float(np.fmin.reduce(data, axis=None)), float(np.fmax.reduce(data, axis=None))
    if np.isfinite(low) and np.isfinite(high):
        return low, high
    finite = data[np.isfinite(data)]
    return (float(finite.min()), float(finite.max())) if finite.size else (np.nan, np.nan)


def _plausible(data: NDArray[Any], low: float, high: float) -> tuple[float, float]:
    """Ends of what a voxel can hold among the others, from some of them; the ends given where these do not tell."""
    some = data.ravel(order="K")[:: max(1, data.size // SOME)].astype(np.float64)
    some = some[np.isfinite(some)]
    if some.size < LEAST_SOME:
        return low, high
    first, middle, last = np.quantile(some, (0.001, 0.5, 0.999))
    with np.errstate(over="ignore"):
        reach = FAR_OUT * max(last - middle, middle - first)
    return (middle - reach, middle + reach) if 0 < reach < np.inf else (low, high)
