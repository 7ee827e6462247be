"""From a path to a `Volume`: which reader a file is for, by its content first and its name second.

A reader outside volstudio joins through the entry-point group ``volstudio.readers``; each entry gives a `Reader`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from volstudio.errors import UnreadableFileError, WrongTypeError
from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.geometry.spaces import scanner, voxel
from volstudio.volumes.findings import grid_findings, voxel_findings
from volstudio.volumes.formats import name_of, recognise
from volstudio.volumes.integrity import check_regular
from volstudio.volumes.packing import ByteStream
from volstudio.volumes.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from volstudio.volumes.nifti_forms import Form
    from volstudio.volumes.samples import SampleName

__all__ = ["ENTRY_POINTS", "HEAD", "Reader", "open_volume", "readers", "volume_from_array"]

ENTRY_POINTS = "volstudio.readers"
HEAD = 4096  # bytes of the unpacked file that a reader may look at
# Readers of volstudio's own, by what `recognise` says; each is imported when the first file of its kind is opened.
OWN = {
    "nifti": ("volstudio.volumes.nifti", "read_nifti"),
    "mgh": ("volstudio.volumes.mgh", "read_mgh"),
    "nrrd": ("volstudio.volumes.nrrd", "read_nrrd"),
    "metaimage": ("volstudio.volumes.metaimage", "read_metaimage"),
    "minc": ("volstudio.volumes.minc", "read_minc"),
    "afni": ("volstudio.volumes.afni", "read_afni"),
    "parrec": ("volstudio.volumes.parrec", "read_parrec"),
}


class ReadFunction(Protocol):
    """What a reader does with a file that is its own."""

    def __call__(self, path: Path, *, form: Form, name: str, memory_limit: int | None) -> Volume: ...


class RecogniseFunction(Protocol):
    """Whether a file is a reader's own: from its name in lower case and the first bytes of its unpacked content."""

    def __call__(self, name: str, head: bytes) -> bool: ...


@dataclass(frozen=True, slots=True)
class Reader:
    """One file format.

    Parameters
    ----------
    name : str
        For messages, such as ``"NRRD"``.
    recognise : callable
        ``(name, head) -> bool``.
    read : callable
        ``(path, *, form, name, memory_limit) -> Volume``; raises `UnreadableFileError`.
    """

    name: str
    recognise: RecogniseFunction
    read: ReadFunction


def open_volume(
    path: str | os.PathLike[str],
    *,
    form: Form = "auto",
    name: str | None = None,
    memory_limit: int | None = None,
    series: str | int | None = None,
) -> Volume:
    """Volume of a file; its voxels are read when they are looked at.

    Parameters
    ----------
    path : path
        NIfTI-1/2 (``.nii``, ``.nii.gz``, either file of a ``.hdr``/``.img`` pair), Analyze 7.5, FreeSurfer ``.mgh``/``.mgz``, NRRD,
        MetaImage, MINC, AFNI, PAR/REC, DICOM (the folder, or a file, which stands for all images of its scan in the folder), whatever an
        installed plug-in reads, or ``"sample:t1"``, ``"sample:epi"``, ``"sample:stat"`` for the built-in samples.
    form : "auto", "s", "q"
        Which placement of a NIfTI file to use: the standard's choice, or one of the two.
    name : str or None
        Short name of the volume; None: the file's name without its suffixes.
    memory_limit : int or None
        Bytes that the voxels of a packed file may take; None: most of what is free.
    series : str, int or None
        Which scan of a folder of DICOM files: its number in the list that the refusal shows, its UID or its description.

    Raises
    ------
    UnreadableFileError
        The file cannot be read or cannot be trusted; the message says why and what to do.
    WrongTypeError
        The path is neither text nor a Path.
    """
    if not isinstance(path, str | os.PathLike) or not isinstance(text := os.fspath(path), str):
        raise WrongTypeError(f"open_volume needs the path of a file or folder as text or Path, got {type(path).__name__}.")
    if form not in ("auto", "s", "q"):
        raise UnreadableFileError(f"Cannot open {text!r} with form {form!r}: a form is 'auto', 's' (sform) or 'q' (qform).")
    if text.startswith("sample:"):
        return _sample(text.removeprefix("sample:"), name)
    absolute = Path(os.path.abspath(os.path.expanduser(text)))  # noqa: PTH100, PTH111 - a link keeps its name; realpath would not
    try:
        return _opened(absolute, form=form, name=name, memory_limit=memory_limit, series=series)
    except MemoryError as error:
        # The budget is what the machine has; a limit of the account or of a container may be lower.
        raise UnreadableFileError(
            f"Cannot open {str(absolute)!r}: its voxels need more memory than the system gives; crop or downsample it first."
        ) from error


def volume_from_array(
    data: ArrayLike, affine: ArrayLike, *, name: str = "array", facts: Mapping[str, str | int | float] | None = None
) -> Volume:
    """Volume of any array with an affine; the array is not copied where its type can be shown as it is.

    Parameters
    ----------
    data : (i, j, k) or (i, j, k, t) array_like
        Numbers; bool and float16 become uint8 and float32, complex numbers their magnitude.
    affine : (4, 4) array_like
        Voxel indices -> world mm, RAS+.
    name : str
    facts : mapping or None

    Raises
    ------
    GeometryError
        The affine can place nothing, or the array has no three or four axes.
    ValueError
        The array does not hold numbers.

    Examples
    --------
    >>> volume = volume_from_array(np.zeros((4, 5, 6), bool), np.diag([2, 2, 3, 1]))
    >>> volume.data.dtype, volume.grid.voxel_sizes
    (dtype('uint8'), array([2., 2., 3.]))
    """
    array: NDArray[Any] = np.asarray(data)
    if array.dtype.kind not in "biufc":
        raise ValueError(f"A volume needs an array of numbers, got {array.dtype}.")
    if array.dtype.kind == "b":
        array = array.view(np.uint8)
    elif array.dtype == np.float16:
        array = array.astype(np.float32)
    elif array.dtype.kind == "c":
        array = np.abs(array)
    elif array.dtype.kind == "f" and array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    array = array.astype(array.dtype.newbyteorder("="), copy=False).view()
    array.setflags(write=False)
    shape = (*array.shape, 0, 0, 0)[:3]
    grid = Grid(shape, Affine(np.asarray(affine, dtype=np.float64), voxel(name), scanner(name)))
    volume = Volume(array, grid, name, facts=dict(facts or {}))
    return Volume(array, grid, name, findings=(*grid_findings(grid), *voxel_findings(volume)), facts=volume.facts)


@cache
def readers() -> Mapping[str, Reader]:
    """Readers of installed plug-ins, by the name of their entry point; looked up once, when a file is none of volstudio's own formats."""
    return {entry.name: cast("Reader", entry.load()) for entry in entry_points(group=ENTRY_POINTS)}


def _opened(absolute: Path, *, form: Form, name: str | None, memory_limit: int | None, series: str | int | None) -> Volume:
    """Volume of a file or folder, by the reader that recognises it."""
    if absolute.is_dir():
        return _dicom(absolute, form=form, name=name, memory_limit=memory_limit, series=series)
    check_regular(absolute)
    with ByteStream(absolute) as stream:
        head = stream.read(HEAD)
    chosen = name_of(absolute) if name is None else name
    lower = absolute.name.lower()
    kind = recognise(lower, head)
    if kind == "dicom":
        return _dicom(absolute, form=form, name=name, memory_limit=memory_limit, series=series)
    if series is not None:
        raise UnreadableFileError(
            f"Cannot open {str(absolute)!r} by series {series!r}: only DICOM has series to choose from; leave it out."
        )
    if kind in OWN:
        module, function = OWN[kind]
        read: ReadFunction = getattr(import_module(module), function)
        return read(absolute, form=form, name=chosen, memory_limit=memory_limit)
    for reader in readers().values():
        if reader.recognise(lower, head):
            return reader.read(absolute, form=form, name=chosen, memory_limit=memory_limit)
    raise UnreadableFileError(f"Cannot open {str(absolute)!r}: {kind}; volstudio reads {_formats()}.")


def _dicom(path: Path, *, form: Form, name: str | None, memory_limit: int | None, series: str | int | None) -> Volume:
    from volstudio.volumes.dicom import read_dicom

    return read_dicom(path, form=form, name=name, memory_limit=memory_limit, series=series)


def _formats() -> str:
    own = [
        "NIfTI-1 and NIfTI-2 (.nii, .nii.gz, .hdr/.img)",
        "Analyze 7.5",
        "FreeSurfer MGH/MGZ",
        "NRRD (.nrrd, .nhdr)",
        "MetaImage (.mha, .mhd)",
        "DICOM",
        "MINC (.mnc)",
        "AFNI (.HEAD/.BRIK)",
        "PAR/REC",
        *(reader.name for reader in readers().values()),
    ]
    return f"{', '.join(own[:-1])} and {own[-1]}"


def _sample(wanted: str, name: str | None) -> Volume:
    from volstudio.volumes.samples import names, sample

    if wanted not in names():
        raise UnreadableFileError(f"There is no sample {wanted!r}; there are {', '.join(names())}.")
    volume = sample(cast("SampleName", wanted))
    return volume if name is None else volume.renamed(name)
