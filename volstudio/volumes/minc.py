"""MINC1 (NetCDF) and MINC2 (HDF5) through nibabel; MINC2 needs h5py."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from volstudio.errors import MissingExtraError, UnreadableFileError
from volstudio.volumes.findings import examined, grid_findings
from volstudio.volumes.integrity import check_memory, check_regular, in_words
from volstudio.volumes.nibabel_parsing import grid_of, parsing_by_nibabel, value_dtype
from volstudio.volumes.nifti_forms import Form, no_form
from volstudio.volumes.series import Decoder, voxel_array
from volstudio.volumes.volume import Finding, Source, Volume

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_minc"]

HDF5 = b"\x89HDF"
IMAGE = ("minc-2.0", "image", "0", "image")
MOST_PER_BYTE = 1032  # HDF5 packs with deflate, which cannot expand further


def read_minc(path: Path, *, form: Form = "auto", name: str, memory_limit: int | None = None) -> Volume:
    """Volume of a MINC file.

    Parameters
    ----------
    path : Path
    form : "auto"
        MINC files have one placement only.
    name : str
    memory_limit : int or None
        Bytes that the values may take; None: what is free.

    Raises
    ------
    UnreadableFileError
        The file is damaged, holds less than declared, or its voxels lie in another file.
    MissingExtraError
        The file is MINC2 and h5py is not installed.
    """
    no_form(path, form, "a MINC file")
    size = check_regular(path).st_size
    with path.open("rb") as file:
        second = file.read(4) == HDF5
    if second:
        _check_inside(path)
    import nibabel

    with parsing_by_nibabel(path, "MINC"):
        image = (nibabel.Minc2Image if second else nibabel.Minc1Image).from_filename(str(path))
        stored, shape = np.dtype(image.get_data_dtype()), tuple(int(n) for n in image.shape)
        _check_room(path, shape, stored, size * (MOST_PER_BYTE if second else 1))
        dtype = value_dtype(stored) if stored.kind != "f" else stored.newbyteorder("=")
        check_memory(path, math.prod(shape) * dtype.itemsize, memory_limit)
        order, kind = _order(image, shape, path)
        values = np.empty(shape, dtype)
        for at in range(shape[0]):  # nibabel scales in float64: one slab at a time
            values[at] = image.dataobj[at]
    view = values.transpose(order)
    grid = grid_of(view.shape, image.affine, name, path)
    found = [Finding("form-used", "The starts, steps and direction cosines of its dimensions place it.", "info"), *grid_findings(grid)]
    if view.ndim == 4 and view.shape[3] == 1:
        view = view[..., 0]
    if view.ndim == 4:
        series = Finding("series", f"This is a series of {view.shape[3]} volumes; the first one is shown.", "info")
        text = f"The {view.shape[3]} components of a voxel are shown as if they were time, one at a time."
        found.append(series if kind == "time" else Finding("components-as-series", text, "warning"))
    data = voxel_array(view, Decoder(dtype))
    version = "MINC2" if second else "MINC1"
    return examined(Volume(data, grid, name, Source(path, version, "MINC", (path,)), tuple(found), {"data_type": stored.name}))


def _check_inside(path: Path) -> None:
    """Refuse an HDF5 file whose voxels lie in another file: HDF5 may name any file of the machine."""
    try:
        import h5py
    except ImportError:
        raise MissingExtraError('MINC2 files need h5py; install it with: python -m pip install "volstudio[formats]"') from None
    with parsing_by_nibabel(path, "MINC2"), h5py.File(path, "r") as file:
        place = file
        for part in IMAGE:
            if not isinstance(place.get(part, getlink=True), h5py.HardLink):
                raise UnreadableFileError(f"Cannot read {str(path)!r}: its voxels are linked from elsewhere, which is refused.")
            place = place[part]
        if place.external or place.is_virtual:
            raise UnreadableFileError(f"Cannot read {str(path)!r}: its voxels lie outside the file, which is refused; pack them into it.")


def _check_room(path: Path, shape: tuple[int, ...], stored: np.dtype[Any], room: int) -> None:
    needed = math.prod(shape) * stored.itemsize
    if not shape or min(shape) < 1 or needed > room:
        raise UnreadableFileError(
            f"Cannot read {str(path)!r}: its header declares {in_words(needed)} of voxels, more than the file can hold; it is truncated."
        )


def _order(image: Any, shape: tuple[int, ...], path: Path) -> tuple[tuple[int, ...], str]:  # noqa: ANN401 - nibabel's image
    """Axes of space in the file's order, then the other one; what that other one is."""
    names = [str(name) for name in image.dataobj.minc_file._dim_names]  # noqa: SLF001 - nibabel offers no other way to tell time from space
    space = [axis for axis, name in enumerate(names) if name.endswith("space")]
    rest = [axis for axis in range(len(shape)) if axis not in space]
    if len(names) != len(shape) or len(space) != 3 or len(rest) > 1:
        raise UnreadableFileError(
            f"Cannot read {str(path)!r}: its dimensions are {', '.join(names)}; volstudio shows a volume or one series."
        )
    return (*space, *rest), names[rest[0]] if rest else ""
