"""What the readers share that let nibabel parse a header: its errors become sentences, and its placement a `Grid`."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from volstudio.errors import UnreadableFileError, VolstudioError
from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.geometry.spaces import scanner, voxel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["grid_of", "parsing_by_nibabel", "value_dtype"]


@contextmanager
def parsing_by_nibabel(path: Path, kind: str) -> Iterator[None]:
    """While nibabel reads a file; whatever it raises means that the file is damaged or not what it claims to be."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except VolstudioError:
            raise
        except Exception as error:  # parsers of text and HDF5 raise what their values raise
            words = f"{type(error).__name__}: {error}".splitlines()[0][:200]
            raise UnreadableFileError(f"Cannot read {str(path)!r}: it is no whole {kind} file, damaged or truncated ({words}).") from error


def grid_of(shape: tuple[int, ...], affine: Any, name: str, path: Path) -> Grid:  # noqa: ANN401 - any matrix
    """Grid of a file.

    Raises
    ------
    UnreadableFileError
        Its affine is not finite or singular, or its shape is none.
    """
    matrix = np.asarray(affine, dtype=np.float64)
    try:
        return Grid((shape[0], shape[1], shape[2]), Affine(matrix, voxel(name), scanner(name)))
    except (VolstudioError, IndexError) as error:
        raise UnreadableFileError(f"Cannot place {str(path)!r}: {error}") from error


def value_dtype(stored: np.dtype[Any]) -> np.dtype[Any]:
    """Type that holds scaled values of a stored type without loss that matters: float32, or float64 for wide ones."""
    wide = stored.itemsize > 4 or (stored.itemsize == 4 and stored.kind in "iu")
    return np.dtype(np.float64 if wide else np.float32)
