"""Philips PAR/REC through nibabel, whose order of slices and placement are used; sizes are held against the file first."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from volstudio.errors import UnreadableFileError
from volstudio.volumes.findings import examined, grid_findings
from volstudio.volumes.integrity import check_memory, check_regular, in_words
from volstudio.volumes.nibabel_parsing import grid_of, parsing_by_nibabel
from volstudio.volumes.nifti_forms import Form, no_form
from volstudio.volumes.series import Decoder, voxel_array
from volstudio.volumes.volume import Finding, Source, Volume

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_parrec"]

LARGEST_HEADER = 64 << 20
ENDS = {".PAR": ".REC", ".par": ".rec", ".REC": ".PAR", ".rec": ".par"}


def read_parrec(path: Path, *, form: Form = "auto", name: str, memory_limit: int | None = None) -> Volume:
    """Volume of a Philips PAR/REC pair; values as displayed on the scanner ("DV").

    Parameters
    ----------
    path : Path
        Either of its two files.
    form : "auto"
    name : str
    memory_limit : int or None
        Bytes that the values may take; None: what is free.

    Raises
    ------
    UnreadableFileError
        A file is missing or damaged, or holds less than declared.
    """
    no_form(path, form, "a PAR/REC pair")
    other = path.with_suffix(ENDS.get(path.suffix, ""))
    if path.suffix not in ENDS or not other.is_file():
        raise UnreadableFileError(f"Cannot open {str(path)!r}: its other half {other.name!r} is missing; put both files in one folder.")
    par, rec = (path, other) if path.suffix.lower() == ".par" else (other, path)
    size = check_regular(rec).st_size
    if check_regular(par).st_size > LARGEST_HEADER:
        raise UnreadableFileError(f"Cannot read {str(par)!r}: it is too large for a PAR header; is it another file?")
    from nibabel.parrec import PARRECArrayProxy, PARRECHeader

    with parsing_by_nibabel(par, "PAR/REC"):
        with par.open(encoding="latin-1") as file:
            header = PARRECHeader.from_fileobj(file, strict_sort=True)
        shape = tuple(int(n) for n in header.get_data_shape())
        stored = np.dtype(header.get_data_dtype())
        needed = math.prod(int(n) for n in header.get_rec_shape()) * stored.itemsize
        if needed > size:
            raise UnreadableFileError(
                f"Cannot read {str(par)!r}: it declares {in_words(needed)}, {rec.name!r} holds {in_words(size)}; it is truncated."
            )
        check_memory(par, math.prod(shape) * 4, memory_limit)
        grid = grid_of(shape, header.get_affine(), name, par)
        proxy = PARRECArrayProxy(str(rec), header, mmap=True, scaling="dv")
        values = np.empty(shape, np.float32, order="F")
        for time in range(shape[3] if len(shape) == 4 else 1):
            at = (..., time) if len(shape) == 4 else (...,)
            values[at] = proxy[at]
    findings = [Finding("form-used", "Its angulation and offcentre place it (nibabel's reading).", "info"), *grid_findings(grid)]
    findings.append(Finding("scaled", "Values are those displayed on the scanner (DV: rescale slope and intercept).", "info"))
    if len(shape) == 4 and shape[3] > 1:
        findings.append(
            Finding("series", f"This is a series of {shape[3]} volumes (times, echoes or kinds); the first one is shown.", "info")
        )
    data = voxel_array(values if len(shape) == 3 or shape[3] > 1 else values[..., 0], Decoder(values.dtype))
    return examined(Volume(data, grid, name, Source(par, "PAR/REC", "PAR", (par, rec)), tuple(findings), {"data_type": stored.name}))
