"""Voxels of 128-bit floating point (NIfTI's FLOAT128 and COMPLEX256) as float64 and complex128.

NIfTI calls type 1536 "long double" and says no more. Two layouts of 16 bytes are in use, and nothing in a header tells them apart:

- x87's 80-bit extended numbers behind six bytes of padding, which C and numpy write on x86: a significand of 64 bits whose first bit is
  written out, 15 bits of exponent, a sign. The padding is zero as a rule, and whatever stood in memory otherwise.
- IEEE 754 binary128, which C and numpy write on 64-bit ARM, RISC-V and s390: 112 bits behind a hidden first bit, 15 of exponent, a sign.

So the bytes are asked. The first bit of every x87 number is set, unless its exponent is zero; padding of zeros is looked at no further,
behind other padding half of the numbers must lie in float64's range. Every pattern is a binary128 number, but bytes that were meant
otherwise have exponents all over its range of 10^±4932, or none at all: here too half must lie in float64's range. A file that fits neither
is refused, as is one that fits both with a few numbers only.

References
----------
Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, 4.2.2 and 8.2; IEEE 754-2019, 3.4 to 3.6; nifti1.h.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from volstudio.errors import UnreadableFileError
from volstudio.volumes.series import RawArray, resident_bytes
from volstudio.volumes.volume import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["LAYOUTS", "ExtendedVoxels", "decode_extended", "extended_voxels"]

ExtendedLayout = Literal["x87", "binary128"]
LAYOUTS: dict[ExtendedLayout, str] = {"x87": "x87 80-bit extended", "binary128": "IEEE 754 binary128"}

WORD = 16  # bytes of a number
BIAS, SPECIAL = 16383, 0x7FFF  # of the exponent, in both layouts
LEAST, MOST = -1022, 1023  # exponents of float64's normal numbers
TINIEST = -1074  # exponent of its smallest number
KEPT = 62  # bits of a significand that are looked at; the last one says whether anything below was set
MANY = 16  # numbers with their first bit set and a fitting exponent: one chance in 2^60 that binary128 looks so
SLICES = 16  # of a volume that is not in memory, looked at to tell the layouts apart
BLOCK = 1 << 14  # numbers that are decoded at once: the integers on the way take some ten times their room


class ExtendedVoxels:
    """Stored numbers of 128 bits that become float64 or complex128 when they are indexed; see `RawArray`.

    Parameters
    ----------
    raw : RawArray
        Of 16 bytes a voxel, or 32 for complex numbers.
    layout : "x87" or "binary128"
    order : "<" or ">"
    """

    __slots__ = ("_layout", "_order", "_raw", "dtype", "shape")

    def __init__(self, raw: RawArray, layout: ExtendedLayout, order: str) -> None:
        self._raw, self._layout, self._order = raw, layout, order
        self.shape = raw.shape
        self.dtype: np.dtype[Any] = np.dtype(np.float64 if raw.dtype.itemsize == WORD else np.complex128)

    @property
    def resident(self) -> int:
        """Bytes of memory that the stored voxels keep."""
        return resident_bytes(self._raw)

    def __getitem__(self, index: Any) -> NDArray[Any]:  # noqa: ANN401 - any numpy index
        return decode_extended(np.asarray(self._raw[index]), self._layout, self._order)


def extended_voxels(raw: RawArray, order: str, path: Path) -> tuple[ExtendedVoxels, tuple[Finding, ...]]:
    """Voxels of 128-bit numbers, in the layout that their bytes show.

    Parameters
    ----------
    raw : RawArray
        (i, j, k) or (i, j, k, t), of 16 or 32 bytes a voxel. In memory all are looked at, else some slices.
    order : "<" or ">"
    path : Path
        For the message.

    Raises
    ------
    UnreadableFileError
        The bytes fit neither layout, or both.
    """
    seen = _Evidence()
    for part in _parts(raw):
        seen = seen.and_of(_fields(part, order))
    layout = seen.layout(path)
    voxels = ExtendedVoxels(raw, layout, order)
    kind = "128-bit floating point" if voxels.dtype.kind == "f" else "complex, of 128-bit floating point"
    text = f"The voxels are {kind}; by their bytes they are {LAYOUTS[layout]} numbers, shown as float64."
    findings = [Finding("extended-precision", text, "info")]
    if beyond := seen.beyond if layout == "x87" else seen.beyond_quads:
        text = f"{beyond} of the numbers looked at are larger than float64 can hold (1.8e308); they are shown as infinite."
        findings.append(Finding("beyond-float64", text, "warning"))
    return voxels, tuple(findings)


def decode_extended(stored: NDArray[Any], layout: ExtendedLayout, order: str) -> NDArray[Any]:
    """Numbers of 16 bytes as float64, or pairs of them in 32 bytes as complex128, each rounded once, to nearest, ties to even.

    Parameters
    ----------
    stored : array of 16 or 32 bytes an element
    layout : "x87" or "binary128"
    order : "<" or ">"

    Returns
    -------
    array
        Of the same shape and memory order. Infinite where float64 cannot reach; NaN for x87's invalid patterns.
    """
    whole = stored.dtype.itemsize == WORD
    values: NDArray[Any] = np.empty_like(stored, dtype=np.float64 if whole else np.complex128, subok=False)
    for source, target in _blocks(stored, values):
        significand, exponent, negative, invalid = _normalised(_fields(source, order), layout)
        found = _rounded(significand, exponent, negative)
        found[invalid] = np.nan
        if not whole:
            found = found.view(np.complex128)
        target[...] = found.reshape(target.shape)
    return values


def _blocks(stored: NDArray[Any], values: NDArray[Any]) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Parts of both arrays that are small; the arrays share shape and memory order."""
    if stored.size <= BLOCK:
        yield stored, values
    elif stored.ndim > 1 and (stored.flags.f_contiguous or stored.flags.c_contiguous):
        yield from _blocks(stored.reshape(-1, order="A"), values.reshape(-1, order="A"))
    elif stored.ndim == 1:
        for start in range(0, len(stored), BLOCK):
            yield stored[start : start + BLOCK], values[start : start + BLOCK]
    else:
        for at in range(stored.shape[-1]):
            yield from _blocks(stored[..., at], values[..., at])


def _fields(stored: NDArray[Any], order: str) -> NDArray[np.uint64]:
    """(n, 2) native integers: the low and the high 64 bits of every number, elements in C order."""
    words = np.ascontiguousarray(stored).reshape(-1).view(f"{order}u8").reshape(-1, 2)
    low_first = words if order == "<" else words[:, ::-1]
    return low_first.astype(np.uint64)


def _normalised(
    fields: NDArray[np.uint64], layout: ExtendedLayout
) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Significand (62 bits, the last one sticky), exponent of its first bit (`SPECIAL` where infinite), sign, and where there is no number.

    Subnormal numbers of both layouts are far below float64's smallest; they come out as zeros.
    """
    low, high = fields[:, 0], fields[:, 1]
    top = high if layout == "x87" else high >> np.uint64(48)
    stated = (top & np.uint64(SPECIAL)).astype(np.int64)
    negative = (top & np.uint64(0x8000)) != 0
    if layout == "x87":
        significand = (low >> np.uint64(2)) | ((low & np.uint64(3)) != 0)
        first = low >> np.uint64(63) != 0
        fraction = (low & np.uint64((1 << 63) - 1)) != 0
        invalid = (stated != 0) & ~first
    else:
        fraction_high = high & np.uint64((1 << 48) - 1)
        significand = ((fraction_high | np.uint64(1 << 48)) << np.uint64(13)) | (low >> np.uint64(51))
        significand |= (low & np.uint64((1 << 51) - 1)) != 0
        fraction = (fraction_high | low) != 0
        invalid = np.zeros(len(low), dtype=bool)
    special = stated == SPECIAL
    significand[stated == 0] = 0
    return significand, np.where(special, SPECIAL, stated - BIAS), negative, invalid | (special & fraction)


def _rounded(significand: NDArray[np.uint64], exponent: NDArray[np.int64], negative: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Nearest float64 of ``significand * 2^(exponent - 61)``, ties to even; near zero fewer bits are kept, so that it is rounded once."""
    dropped = KEPT - 53 + np.maximum(LEAST - exponent, 0)
    shift = np.minimum(dropped, 63).astype(np.uint64)
    kept = significand >> shift
    rest = significand - (kept << shift)
    half = np.uint64(1) << (shift - np.uint64(1))
    kept += (rest > half) | ((rest == half) & (kept & np.uint64(1) != 0))
    with np.errstate(over="ignore"):  # what is too large becomes infinity, which is told
        values: NDArray[np.float64] = np.ldexp(kept.astype(np.float64), (exponent - KEPT + 1 + dropped).astype(np.int32))
    values[exponent == SPECIAL] = np.inf
    return np.where(negative, -values, values)


class _Evidence(NamedTuple):
    """How many of the numbers looked at are what; words of which all bits are zero say nothing and are not counted."""

    words: int = 0
    padding: int = 0  # with a bit set where x87 has padding
    invalid: int = 0  # no x87 numbers
    numbers: int = 0  # x87 numbers that are not zero
    normal: int = 0  # of these, with an exponent
    usual: int = 0  # of these, in float64's range
    usual_quads: int = 0  # binary128 numbers in float64's range
    beyond: int = 0  # x87 numbers beyond it
    beyond_quads: int = 0

    def and_of(self, fields: NDArray[np.uint64]) -> _Evidence:
        """With more numbers, (n, 2): low and high 64 bits."""
        low, high = fields[np.any(fields != 0, axis=1)].T
        stated = high & np.uint64(SPECIAL)
        invalid = (low >> np.uint64(63) != 0) != (stated != 0)
        number = (low != 0) | (stated != 0)
        more = [len(low), high >> np.uint64(16) != 0, invalid, number, number & (stated != 0)]
        ranges = [_usual_and_beyond(np.stack([low, high], axis=1), layout) for layout in LAYOUTS]
        more += [ranges[0][0] & number, ranges[1][0], ranges[0][1], ranges[1][1]]
        return _Evidence(*(have + int(np.sum(new)) for have, new in zip(self, more, strict=True)))

    def layout(self, path: Path) -> ExtendedLayout:
        """The one layout that fits; zeros alone are zeros in both."""
        x87 = not self.invalid and (2 * self.normal >= self.numbers if not self.padding else 2 * self.usual >= self.numbers > 0)
        quads = 2 * self.usual_quads >= self.words > 0
        if x87 and (not quads or self.usual >= MANY):
            return "x87"
        if quads and not x87:
            return "binary128"
        fit = "fit both of" if x87 else "fit neither of"
        raise UnreadableFileError(
            f"Cannot read {str(path)!r}: its data type is 128-bit floating point (float128, complex256), and its bytes {fit} the known "
            f"layouts ({LAYOUTS['x87']}, {LAYOUTS['binary128']}); convert it to float64 with the program that wrote it."
        )


def _usual_and_beyond(fields: NDArray[np.uint64], layout: ExtendedLayout) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which numbers float64 has, infinity and NaN among them, and which finite ones are too large for it."""
    significand, exponent, _, invalid = _normalised(fields, layout)
    special = exponent == SPECIAL
    last = np.uint64(((1 << 54) - 1) << (KEPT - 54))  # half a unit above float64's largest: from here on it is rounded to infinity
    beyond = ~special & ~invalid & ((exponent > MOST) | ((exponent == MOST) & (significand >= last)))
    return special | (~beyond & (exponent >= TINIEST)), beyond


def _parts(raw: RawArray) -> Iterator[NDArray[Any]]:
    """Voxels to look at, a block at a time: all of an array; else slices of the first volume that is not empty."""
    if isinstance(raw, np.ndarray):
        for part, _ in _blocks(raw, raw):
            yield part
        return
    times = range(math.prod(raw.shape[3:]))
    for time in times:
        empty = True
        spread = np.unique(np.linspace(0, raw.shape[2] - 1, SLICES).astype(int)).tolist()
        for k in [*spread, *(k for k in range(raw.shape[2]) if k not in spread)]:
            if not empty and k not in spread:
                break
            part = np.asarray(raw[:, :, k, time] if len(raw.shape) == 4 else raw[:, :, k])
            empty = empty and not part.tobytes().strip(b"\0")
            yield part
        if not empty:
            return
