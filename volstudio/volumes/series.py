"""Voxel arrays that stay as they are stored until they are looked at.

A large plain file is read where it is looked at. A packed series is unpacked as far as it is asked for: the first volume at once, any other
when it is wanted, each byte once. Values are scaled on access.
"""

from __future__ import annotations

import math
import mmap
import os
import tempfile
import threading
import weakref
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from volstudio.errors import UnreadableFileError, WrongTypeError
from volstudio.volumes.integrity import in_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from volstudio.volumes.packing import ByteStream, Tail
    from volstudio.volumes.volume import Volume

__all__ = [
    "IN_MEMORY",
    "RGB_WEIGHTS",
    "Decoder",
    "PackedSeries",
    "Part",
    "RawArray",
    "StoredArray",
    "fill_voxels",
    "part_of",
    "resident_bytes",
    "voxel_array",
]

Kind = Literal["stored", "scaled", "complex", "luminance"]
Part = Literal["magnitude", "phase", "real", "imaginary"]
IN_WORDS: dict[Part, str] = {"magnitude": "magnitude", "phase": "phase", "real": "real part", "imaginary": "imaginary part"}
RGB_WEIGHTS = (0.299, 0.587, 0.114)  # ITU-R BT.601 luma, as most of the field's tools use for RGB volumes
FLOAT_REACH = 1e12  # stored floats are smaller than this, whatever their unit
IN_MEMORY = 1 << 30  # a larger packed series goes to a temporary file, whose pages the system can drop


class RawArray(Protocol):
    """Voxels as stored: a numpy array, or something that reads them when indexed."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(i, j, k) or (i, j, k, t)."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """As stored."""
        ...

    def __getitem__(self, index: Any, /) -> Any: ...  # noqa: ANN401 - any numpy index


@dataclass(frozen=True, slots=True)
class Decoder:
    """From the stored type to the values a person means.

    Parameters
    ----------
    stored : numpy dtype
        With its byte order; a structure of R, G, B[, A] for colours.
    slope, inter : float
        ``value = slope * stored + inter``; of complex numbers both parts are scaled so (nifti1.h, "DATA SCALING").
    part : "magnitude", "phase", "real", "imaginary"
        What is shown of complex numbers; the phase in radians.
    """

    stored: np.dtype[Any]
    slope: float = 1.0
    inter: float = 0.0
    part: Part = "magnitude"

    @property
    def kind(self) -> Kind:
        """What is done to the stored numbers."""
        if self.stored.names:
            return "luminance"
        if self.stored.kind == "c":
            return "complex"
        return "scaled" if self.scales else "stored"

    @property
    def scales(self) -> bool:
        """Whether slope and intercept change the numbers; those of colours play no part."""
        return (self.slope, self.inter) != (1.0, 0.0) and not self.stored.names

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values.

        Scaled values are float32, whose 24 bits hold any scaled 16-bit number; wider stored types are scaled as float64, and so is what
        would leave the range of float32.
        """
        kind, itemsize = self.kind, self.stored.itemsize
        if kind == "luminance":
            return np.dtype(np.uint8)
        if kind == "complex":
            return np.dtype(np.float32 if itemsize == 8 else np.float64)
        if kind == "scaled":
            wide = itemsize > 4 or (itemsize == 4 and self.stored.kind in "iu")
            reach = 2.0 ** (8 * itemsize) if self.stored.kind in "iu" else FLOAT_REACH
            far = abs(self.slope) * reach + abs(self.inter) > float(np.finfo(np.float32).max)
            return np.dtype(np.float64 if wide or far else np.float32)
        return self.stored.newbyteorder("=")

    def __call__(self, raw: NDArray[Any]) -> NDArray[Any]:
        """Values of stored voxels; in the memory order of the input."""
        kind = self.kind
        if kind == "stored":
            native: NDArray[Any] = np.asarray(raw, dtype=self.dtype)
            return native
        if kind == "luminance":
            red, green, blue = (raw[channel].astype(np.float32) for channel in ("R", "G", "B"))
            return np.asarray(np.rint(RGB_WEIGHTS[0] * red + RGB_WEIGHTS[1] * green + RGB_WEIGHTS[2] * blue), dtype=np.uint8)
        with np.errstate(over="ignore", invalid="ignore"):  # what is too large becomes infinity, which the header doctor tells of
            if raw.ndim == 0:
                return np.asarray(self._values(raw)).astype(self.dtype)
            values = np.empty_like(raw, dtype=self.dtype, subok=False)
            for slab in range(raw.shape[-1]):  # in slabs, so that no float64 copy of the whole is ever made
                values[..., slab] = self._values(raw[..., slab])
            return values

    def _values(self, raw: NDArray[Any]) -> NDArray[Any]:
        if self.kind == "complex":
            return self._part(raw.astype(self.stored.newbyteorder("=")))
        return np.asarray(raw.astype(np.float64) * self.slope + self.inter)

    def _part(self, numbers: NDArray[Any]) -> NDArray[Any]:
        """What is shown of complex numbers."""
        if self.scales:
            numbers = numbers.astype(np.complex128) * self.slope + self.inter * (1 + 1j)
        if self.part == "magnitude":
            return np.asarray(np.abs(numbers))
        if self.part == "phase":
            return np.asarray(np.angle(numbers))
        return np.asarray(numbers.real if self.part == "real" else numbers.imag)


class StoredArray:
    """Stored voxels with their decoder: indexing gives values, for the indexed part alone.

    Parameters
    ----------
    raw : RawArray
        Voxels as stored.
    decoder : Decoder
    """

    __slots__ = ("_decoder", "_raw")

    def __init__(self, raw: RawArray, decoder: Decoder) -> None:
        self._raw = raw
        self._decoder = decoder

    @property
    def shape(self) -> tuple[int, ...]:
        """(i, j, k) or (i, j, k, t)."""
        return self._raw.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def raw(self) -> RawArray:
        """The voxels as stored."""
        return self._raw

    @property
    def decoder(self) -> Decoder:
        """What makes values of them."""
        return self._decoder

    @property
    def folds(self) -> bool:
        """Whether a value stands for several stored numbers, a colour or a complex number, so that new voxels are made of these."""
        return self._decoder.kind in ("luminance", "complex") and not self._decoder.scales and self._decoder.part == "magnitude"

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values that indexing gives."""
        return self._decoder.dtype

    @property
    def resident(self) -> int:
        """Bytes of memory that the stored voxels keep; 0 for voxels that are read when they are asked for."""
        return resident_bytes(self._raw)

    def __getitem__(self, index: Any) -> NDArray[Any]:  # noqa: ANN401 - any numpy index
        return _frozen(self._decoder(np.asarray(self._raw[index])))

    def __array__(self, dtype: Any = None, /, *, copy: bool | None = None) -> NDArray[Any]:  # noqa: ANN401 - numpy's own protocol
        values = self[...]
        return values.copy(order="K") if copy and dtype is None else values.astype(dtype or values.dtype, copy=bool(copy))


class PackedSeries:
    """A 4D series in a packed file, unpacked once, as far as it is asked for.

    Parameters
    ----------
    stream : ByteStream
        Stands at the first voxel; the series owns and closes it.
    shape : (i, j, k, t)
    dtype : numpy dtype
        As stored.
    on_end : callable
        Told what stood behind the voxels, once the end is reached.

    Notes
    -----
    Safe to use from several threads. Damage is told by whichever access meets it, and by every access after that.
    """

    def __init__(
        self, stream: ByteStream, shape: tuple[int, ...], dtype: np.dtype[Any], on_end: Callable[[Tail], None] | None = None
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self._stream = stream
        self._on_end = on_end
        self._lock = threading.Lock()
        self._ready = 0
        self._damage: UnreadableFileError | None = None
        self._voxels = _room(shape, dtype)
        weakref.finalize(self, stream.close)

    def __getitem__(self, index: Any) -> NDArray[Any]:  # noqa: ANN401 - any numpy index
        self._need(_last_time(index, self.shape) + 1)
        return np.asarray(self._voxels[index])

    @property
    def resident(self) -> int:
        """Bytes of memory that the unpacked volumes keep; 0 where they lie in a temporary file."""
        return resident_bytes(self._voxels)

    def _need(self, n_times: int) -> None:
        """Unpack so many time points."""
        with self._lock:
            if self._damage is not None:
                raise UnreadableFileError(str(self._damage))
            try:
                while self._ready < n_times:
                    fill_voxels(self._stream, self._voxels[..., self._ready])
                    self._ready += 1
                    if self._ready == self.shape[3]:
                        tail = self._stream.finish()
                        self._stream.close()
                        if self._on_end is not None:
                            self._on_end(tail)
            except UnreadableFileError as error:
                self._damage = error
                self._stream.close()
                raise


def fill_voxels(stream: ByteStream, voxels: NDArray[Any]) -> None:
    """Fill a Fortran-ordered array from a stream.

    Raises
    ------
    UnreadableFileError
        The stream ends before the array is full.
    """
    view = voxels.reshape(-1, order="A").view(np.uint8).data
    done = stream.fill(view)
    if done < len(view):
        raise UnreadableFileError(
            f"Cannot read {str(stream.path)!r}: it is truncated, its voxels end {len(view) - done} bytes too early; copy it again."
        )


def voxel_array(raw: RawArray, decoder: Decoder) -> Any:  # noqa: ANN401 - a numpy array where nothing is left to do, else a lazy one
    """The array a volume holds: the numpy array itself where it is stored as it is shown, so that nobody copies it; else a lazy one.

    An array of the other byte order that its reader made, and so may be written to, is turned round where it lies.
    """
    if isinstance(raw, np.ndarray) and decoder.kind == "stored":
        if not raw.dtype.isnative and raw.flags.writeable:
            raw = raw.byteswap(inplace=True).view(decoder.dtype)
        if raw.dtype.isnative:
            return _frozen(np.asarray(raw))
    return StoredArray(raw, decoder)


def part_of(volume: Volume, part: Part) -> Volume:
    """A volume of complex numbers that shows another part of them: ``"<name>-phase"``, and so on.

    Raises
    ------
    WrongTypeError
        Its numbers are not complex.
    """
    data = volume.data
    if not isinstance(data, StoredArray) or data.decoder.kind != "complex":
        raise WrongTypeError(f"{volume.name!r} has no {IN_WORDS[part]} to show: its voxels are {data.dtype}, not complex numbers.")
    text = f"The voxels are complex numbers; their {IN_WORDS[part]} is shown."
    findings = tuple(replace(found, text=text) if found.code == "complex" else found for found in volume.findings)
    shown = replace(volume, data=StoredArray(data.raw, replace(data.decoder, part=part)), findings=findings)
    return shown.renamed(f"{volume.name}-{part}")


def resident_bytes(data: object) -> int:
    """Bytes of memory that an array keeps: none where voxels are read when they are asked for, or lie in a temporary file."""
    if isinstance(own := getattr(data, "resident", None), int):  # of arrays that read or decode what they are asked for
        return own
    base = data
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap):
            return 0
        base = base.base
    return 0 if isinstance(base, mmap.mmap) or not isinstance(data, np.ndarray) else int(data.nbytes)


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.setflags(write=False)
    return array


def _room(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Fortran-ordered array, in memory or, for a large series, in a file that vanishes with the program."""
    n_bytes = math.prod(shape) * dtype.itemsize
    if n_bytes <= IN_MEMORY:
        return np.empty(shape, dtype, order="F")
    try:
        with tempfile.TemporaryFile(prefix="volstudio-") as file:
            # Taken at once: a page that the disk cannot hold later would kill the process instead of raising.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, n_bytes)
            return np.asarray(np.memmap(file, dtype=dtype, mode="w+", shape=shape, order="F"))
    except OSError as error:
        raise UnreadableFileError(
            f"Cannot unpack a series of {in_words(n_bytes)} to the folder {tempfile.gettempdir()!r}: "
            f"{(error.strerror or str(error)).lower()}; make room there or set TMPDIR to a larger disk."
        ) from error


def _last_time(index: Any, shape: tuple[int, ...]) -> int:  # noqa: ANN401 - any numpy index
    """Greatest time point an index touches; the last one where the index is not a simple one."""
    items = index if isinstance(index, tuple) else (index,)
    if not all(item is Ellipsis or isinstance(item, int | np.integer | slice) for item in items):
        return shape[3] - 1
    if Ellipsis in items:
        at = items.index(Ellipsis)
        items = items[:at] + (slice(None),) * (len(shape) - len(items) + 1) + items[at + 1 :]
    if len(items) < 4:
        return shape[3] - 1
    touched = range(shape[3])[items[3]]
    if isinstance(touched, int):
        return touched
    return max(touched, default=-1)
