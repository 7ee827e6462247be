"""Voxels that a header spreads over several files, or spells out as text."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from volstudio.errors import UnreadableFileError
from volstudio.volumes.integrity import check_memory, check_regular
from volstudio.volumes.payload import Payload, beside, check_room, in_order, open_payload, payload_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from volstudio.volumes.volume import Finding

__all__ = ["named_files", "numbered_names", "open_parts", "spelled_voxels"]

MOST_FILES = 100_000
TEXT_PER_NUMBER = 64  # bytes; a double with all its digits and generous blanks takes half of that
PATTERN = re.compile(r"\S*%0?\d{0,3}d\S*( +[+-]?\d{1,9}){3,4}")


def numbered_names(text: str) -> tuple[str, ...] | None:
    """File names of a pattern with first, last and step, as NRRD and MetaImage write them; None where the text is none.

    >>> numbered_names("s%02d.raw 8 10 1"), numbered_names("voxels.raw")
    (('s08.raw', 's09.raw', 's10.raw'), None)
    """
    if not PATTERN.fullmatch(text):
        return None
    pattern, *numbers = text.split()
    first, last, step = (int(number) for number in numbers[:3])
    if step == 0 or not 0 <= (last - first) // step < MOST_FILES:
        return ()
    before, zero, width, after = re.split(r"%(0?)(\d{0,3})d", pattern, maxsplit=1)
    return tuple(f"{before}{number:{zero}{width}d}{after}" for number in range(first, last + (1 if step > 0 else -1), step))


def named_files(header: Path, name: str, listed: Sequence[str]) -> tuple[Path, ...]:
    """The data files beside a header: the one that it names, those of a pattern, or those that it lists.

    Parameters
    ----------
    header : Path
    name : str
        What stands in its field; begins with LIST where the names follow.
    listed : sequence of str

    Raises
    ------
    UnreadableFileError
        There are none or too many, or one lies in another folder or is missing.
    """
    names = listed if name.upper().startswith("LIST") else numbered_names(name)
    if names is None:
        return (beside(header, name),)
    if not 0 < len(names) <= MOST_FILES:
        raise UnreadableFileError(
            f"Cannot read {str(header)!r}: its list of data files has {len(names)} entries; 1 to {MOST_FILES} are possible."
        )
    return tuple(beside(header, each) for each in names)


def open_parts(
    parts: Sequence[Payload], order: tuple[int, ...], memory_limit: int | None, header: Path
) -> tuple[NDArray[Any], tuple[Finding, ...]]:
    """Voxels of several files that each hold the same number of slices, one behind the other along the slowest axis.

    Parameters
    ----------
    parts : sequence of Payload
        In order, all alike.
    order : tuple of int
        Which axis of the whole becomes i, j, k and t.
    memory_limit : int or None
    header : Path

    Raises
    ------
    UnreadableFileError
        A file holds less than its share, or the whole does not fit.
    """
    first = parts[0]
    check_memory(header, len(parts) * first.n_bytes, memory_limit)
    for part in parts:
        check_room(part, header)
    share = first.dims[-1]
    whole = np.empty((*first.dims[:-1], share * len(parts)), first.stored, order="F")
    found: dict[str, Finding] = {}
    for at, part in enumerate(parts):
        voxels, said = open_payload(part, memory_limit, header)
        whole[..., at * share : (at + 1) * share] = np.asarray(voxels[...]).reshape(part.dims)
        found |= {finding.code: finding for finding in said}
    return in_order(whole, order), tuple(found.values())


def spelled_voxels(
    payload: Payload, number: np.dtype[Any], memory_limit: int | None, header: Path, *, hexadecimal: bool = False
) -> NDArray[Any]:
    """Voxels that are written as text, in the house's order.

    Parameters
    ----------
    payload : Payload
        Where the text begins.
    number : numpy dtype
        Of one number; a voxel may be several.
    memory_limit : int or None
    header : Path
    hexadecimal : bool
        Whether the text holds the bytes as hex digits, otherwise decimal numbers.

    Raises
    ------
    UnreadableFileError
        The text holds fewer numbers than declared, something else, or numbers that the type cannot hold.
    """
    count = payload.n_bytes // number.itemsize
    start = payload.offset + payload.skipped
    held = max(check_regular(payload.path).st_size - start, 0)
    if count > held:  # each number takes at least one byte of text
        raise UnreadableFileError(
            f"Cannot read {str(header)!r}: its header declares {count} numbers, more than {held} bytes of text can hold; it is truncated."
        )
    check_memory(header, count * (number.itemsize + TEXT_PER_NUMBER), memory_limit)
    text = payload_bytes(payload.path, start, (count + 1) * TEXT_PER_NUMBER)
    try:
        numbers = np.frombuffer(bytes.fromhex(text.decode("ascii")), number) if hexadecimal else _numbers(text, number)
    except (ValueError, OverflowError) as error:
        raise UnreadableFileError(
            f"Cannot read {str(header)!r}: its text holds what is no number of the type {number.name}; it is damaged."
        ) from error
    if numbers.size < count:
        raise UnreadableFileError(f"Cannot read {str(header)!r}: its text holds {numbers.size} of {count} numbers; it is truncated.")
    block = numbers[: math.prod(payload.dims) * payload.stored.itemsize // number.itemsize].copy().view(payload.stored)
    return in_order(block.reshape(payload.dims, order="F"), payload.order)


def _numbers(text: bytes, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Numbers of a text; whole ones are read as such, so that 64 bits keep all their digits."""
    words = text.replace(b",", b" ").split()
    if dtype.kind == "f":
        return np.array(words, dtype="S").astype(np.float64).astype(dtype)
    whole = np.array([int(word) for word in words], dtype=np.uint64 if dtype.kind == "u" else np.int64)
    limits = np.iinfo(dtype)
    if whole.size and (whole.min() < limits.min or whole.max() > limits.max):
        raise ValueError("out of range")
    return whole.astype(dtype)
