"""HDF5 files from bytes and to bytes, for the dialects that are kept in them.

Reading is the house's own (`volstudio.transforms.hdf5_format` says why) and needs nothing. Writing goes through h5py, an optional part.
"""

from __future__ import annotations

import io
import struct
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from volstudio.errors import MissingExtraError, TransformError
from volstudio.transforms.hdf5_format import DAMAGED, MAGIC, File
from volstudio.transforms.hdf5_values import attributes, text_of, values_of
from volstudio.transforms.text import sensible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from volstudio.geometry.affine import FloatArray

__all__ = ["MAGIC", "Group", "opened", "stored"]

MOST_NUMBERS = 4096
# What numpy, struct and zlib raise for lengths and numbers that contradict each other.
CONTRADICTIONS = (ValueError, TypeError, IndexError, OverflowError, struct.error, zlib.error)


@dataclass(frozen=True, slots=True)
class Group:
    """A group of a file, by the names of what is in it.

    Parameters
    ----------
    file : File
    address : int
        Of its object header.
    """

    file: File
    address: int

    def names(self) -> set[str]:
        """Names of what is in the group."""
        return set(self.file.links(self.address))

    def group(self, name: str) -> Group:
        """The group of that name; raises `TransformError` where there is none, or a link to elsewhere."""
        address = self.file.links(self.address).get(name)
        if address is None:
            raise TransformError(f"it has no group {name!r}; is it damaged, or another kind of HDF5 file?")
        return Group(self.file, address)

    def numbered(self) -> list[Group]:
        """The groups 0, 1, 2, ... in the order of their numbers; raises `TransformError` where there is anything else."""
        names = self.names()
        wanted = [str(number) for number in range(len(names))]
        if not names or names != set(wanted):
            said = ", ".join(sorted(names)[:5]) or "there are none"
            raise TransformError(f"its transforms are not numbered from 0 ({said}); is it damaged?")
        return [self.group(name) for name in wanted]

    def numbers(self, *names: str) -> FloatArray:
        """The finite numbers of the array under the first of some names that is there.

        Raises
        ------
        TransformError
            There is none, it is large, it lies elsewhere, or it holds what is no number.
        """
        links = self.file.links(self.address)
        name = next((name for name in names if name in links), names[0])
        address = links.get(name)
        found = None if address is None else values_of(self.file, address, most=MOST_NUMBERS)
        if found is None or found[0].numbers is None:
            raise TransformError(f"it has no array of numbers {name!r}; is it damaged?")
        kind, shape, data = found
        values = np.frombuffer(data, kind.numbers).reshape(shape).astype(np.float64)
        if not np.isfinite(values).all():
            raise TransformError(f"its {name!r} holds NaN or infinity, which are not finite numbers; make the transform again")
        for value in values.ravel().tolist():
            sensible(value)
        return values

    def text(self, name: str) -> str:
        """The text of an array with one entry; raises `TransformError` where there is none."""
        address = self.file.links(self.address).get(name)
        found = None if address is None else values_of(self.file, address, most=1)
        if found is None or found[0].numbers is not None:
            raise TransformError(f"it has no text {name!r}; is it damaged?")
        return text_of(self.file, found[0], found[2])

    def attribute(self, name: str) -> str:
        """The text of an attribute; empty: there is none."""
        return attributes(self.file, self.address).get(name, "")


@contextmanager
def opened(data: bytes) -> Iterator[Group]:
    """The root group of an HDF5 file.

    Raises
    ------
    TransformError
        The structure of the file is damaged, found at once or while it is read.
    """
    try:
        file = File(data)
        yield Group(file, file.root)
    except CONTRADICTIONS as error:
        if isinstance(error, TransformError):
            raise
        raise TransformError(DAMAGED) from error


def stored(fill: Callable[[Any], None]) -> bytes:
    """The bytes of a new HDF5 file that ``fill`` puts its groups and arrays into; the same groups give the same bytes.

    Raises
    ------
    MissingExtraError
        h5py is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise MissingExtraError(
            "Writing transforms in HDF5 needs h5py: install it with  python -m pip install 'volstudio[formats]'"
        ) from error
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        fill(file)
    return buffer.getvalue()
