"""HDF5 files from bytes and to bytes, for the dialects that are kept in them.

HDF5 can point at other files, promise more than it holds and call for decompressors. A transform needs none of that: only small arrays
that lie in the file itself are read. h5py is an optional part and is imported when such a file is met.
"""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from volstudio.errors import MissingExtraError, TransformError
from volstudio.transforms.text import sensible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["MAGIC", "attribute", "group", "numbered", "numbers_at", "opened", "stored", "text_at"]

MAGIC = b"\x89HDF\r\n\x1a\n"
MOST_NUMBERS = 4096
# What h5py raises for damaged structures, depending on which layer of it meets them.
DAMAGE = (OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError, IndexError, OverflowError, SystemError, MemoryError)


@contextmanager
def opened(data: bytes) -> Iterator[Any]:
    """The root group of an HDF5 file.

    Raises
    ------
    MissingExtraError
        h5py is not installed.
    TransformError
        The structure of the file is damaged, found at once or while it is read.
    """
    h5py = _h5py()
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            yield file
    except TransformError:
        raise
    except DAMAGE as error:
        raise TransformError("its HDF5 structure is truncated or damaged") from error


def stored(fill: Callable[[Any], None]) -> bytes:
    """The bytes of a new HDF5 file that ``fill`` puts its groups and arrays into; the same groups give the same bytes."""
    h5py = _h5py()
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        fill(file)
    return buffer.getvalue()


def group(parent: Any, name: str) -> Any:  # noqa: ANN401 - h5py has no types
    """The group of that name, which must lie in the file itself.

    Raises
    ------
    TransformError
        There is none.
    """
    found = _member(parent, name)
    if not isinstance(found, _h5py().Group):
        raise TransformError(f"it has no group {name!r}; is it damaged, or another kind of HDF5 file?")
    return found


def numbered(parent: Any) -> list[Any]:  # noqa: ANN401 - h5py has no types
    """The groups 0, 1, 2, ... of a group, in the order of their numbers."""
    names = sorted((name for name in parent if name.isascii() and name.isdecimal()), key=int)
    if not names or len(names) != len(parent) or [int(name) for name in names] != list(range(len(names))):
        raise TransformError(f"its transforms are not numbered from 0 ({', '.join(sorted(parent)) or 'there are none'}); is it damaged?")
    return [group(parent, name) for name in names]


def numbers_at(parent: Any, *names: str) -> np.ndarray[Any, np.dtype[np.float64]]:  # noqa: ANN401 - h5py has no types
    """The finite numbers of the array under the first of some names that is there.

    Raises
    ------
    TransformError
        There is none, it is large, it lies elsewhere, or it holds what is no number.
    """
    name = next((name for name in names if name in parent), names[0])
    array = _member(parent, name)
    if not isinstance(array, _h5py().Dataset) or array.dtype.kind not in "fiu":
        raise TransformError(f"it has no array of numbers {name!r}; is it damaged?")
    if array.size is None or array.size > MOST_NUMBERS:
        raise TransformError(f"its {name!r} holds {array.size} numbers, too many for a linear transform; non-linear warps are not read")
    if array.external or array.is_virtual:
        raise TransformError(f"its {name!r} lies in another file, which is not followed")
    with np.errstate(over="ignore"):  # a long double beyond the range of doubles becomes infinite, which is refused by its name
        values = np.asarray(array[()], dtype=np.float64)
    if not np.isfinite(values).all():
        raise TransformError(f"its {name!r} holds NaN or infinity, which are not finite numbers; make the transform again")
    for value in values.ravel().tolist():
        sensible(value)
    return values


def text_at(parent: Any, name: str) -> str:  # noqa: ANN401 - h5py has no types
    """The text of an array with one entry.

    Raises
    ------
    TransformError
        There is none.
    """
    array = _member(parent, name)
    if not isinstance(array, _h5py().Dataset) or array.size != 1 or array.dtype.kind not in "OS" or array.external or array.is_virtual:
        raise TransformError(f"it has no text {name!r}; is it damaged?")
    return _text(np.asarray(array[()]).ravel()[0])


def attribute(parent: Any, name: str) -> str:  # noqa: ANN401 - h5py has no types
    """The text of an attribute; empty: there is none."""
    return _text(parent.attrs[name]) if name in parent.attrs else ""


def _member(parent: Any, name: str) -> Any:  # noqa: ANN401 - h5py has no types
    """What a group holds under a name; None: nothing, or a link to elsewhere."""
    is_here = name in parent and isinstance(parent.get(name, getlink=True), _h5py().HardLink)
    return parent[name] if is_here else None


def _text(value: object) -> str:
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def _h5py() -> Any:  # noqa: ANN401 - h5py has no types
    try:
        import h5py
    except ImportError as error:
        raise MissingExtraError(
            "This transform is kept in HDF5, which needs h5py: install it with  python -m pip install 'volstudio[formats]'"
        ) from error
    return h5py
