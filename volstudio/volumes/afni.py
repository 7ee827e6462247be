"""AFNI .HEAD/.BRIK: the header's text through nibabel, the voxels under the house's own checks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from volstudio.errors import UnreadableFileError
from volstudio.volumes.findings import examined, grid_findings
from volstudio.volumes.integrity import check_memory, check_regular
from volstudio.volumes.nibabel_parsing import grid_of, parsing_by_nibabel, value_dtype
from volstudio.volumes.nifti_forms import Form, no_form
from volstudio.volumes.packing import packing_of
from volstudio.volumes.payload import Payload, open_payload
from volstudio.volumes.series import Decoder, voxel_array
from volstudio.volumes.volume import Finding, Source, Volume

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from volstudio.volumes.series import RawArray

__all__ = ["read_afni"]

LARGEST_HEADER = 16 << 20
BRIKS = (".BRIK", ".BRIK.gz", ".BRIK.bz2", ".brik", ".brik.gz")


def read_afni(path: Path, *, form: Form = "auto", name: str, memory_limit: int | None = None) -> Volume:
    """Volume of an AFNI data set.

    Parameters
    ----------
    path : Path
        Either of its two files.
    form : "auto"
        AFNI data sets have one placement only.
    name : str
    memory_limit : int or None
        Bytes that unpacked voxels may take; None: what is free.

    Raises
    ------
    UnreadableFileError
        A file is missing or damaged, or holds less than declared.
    """
    no_form(path, form, "an AFNI data set")
    head, brik = _files(path)
    header = _header(head)
    with parsing_by_nibabel(head, "AFNI"):
        shape = tuple(int(n) for n in header.get_data_shape())
        if not 3 <= len(shape) <= 4 or min(shape) < 1:
            raise UnreadableFileError(f"Cannot read {str(head)!r}: its size {shape} is not that of a volume or series.")
        stored = np.dtype(header.get_data_dtype())
        grid = grid_of(shape, header.get_affine(), name, head)
        scales = header.get_data_scaling()
        factors = np.ones(1) if scales is None else np.atleast_1d(np.asarray(scales, dtype=np.float64))
    with brik.open("rb") as file:
        packing = packing_of(file.read(4))
    dims = shape if len(shape) == 3 or shape[3] > 1 else shape[:3]
    raw, found = open_payload(Payload(brik, 0, packing, dims, stored, tuple(range(len(dims)))), memory_limit, head)
    data, said = _values(raw, factors, head, memory_limit)
    text = "Its IJK_TO_DICOM_REAL matrix places it."
    if len(dims) == 4:
        said = (*said, Finding("series", f"This is a series of {dims[3]} volumes (times or sub-bricks); the first one is shown.", "info"))
    findings = (Finding("form-used", text, "info"), *grid_findings(grid), *said, *found)
    facts: dict[str, str | int | float] = {"data_type": stored.name}
    return examined(Volume(data, grid, name, Source(head, "AFNI", "IJK_TO_DICOM_REAL", (head, brik)), findings, facts))


def _files(path: Path) -> tuple[Path, Path]:
    """Header and voxels of a path that names either."""
    ends = (".HEAD", ".head", *BRIKS)
    end = next((end for end in sorted(ends, key=len, reverse=True) if path.name.endswith(end)), None)
    if end is None:
        raise UnreadableFileError(f"Cannot open {str(path)!r}: an AFNI file is named .HEAD or .BRIK.")
    stem = path.name[: -len(end)]
    found = []
    for wanted, what in (((".HEAD", ".head"), "header (.HEAD)"), (BRIKS, "data file (.BRIK)")):
        files = [path] if end in wanted else [file for other in wanted if (file := path.with_name(stem + other)).is_file()]
        if not files:
            raise UnreadableFileError(f"Cannot open {str(path)!r}: its {what} is missing, no such file exists beside it.")
        check_regular(files[0])
        found.append(files[0])
    return found[0], found[1]


def _header(head: Path) -> Any:  # noqa: ANN401 - nibabel's header
    from nibabel.brikhead import AFNIHeader

    if check_regular(head).st_size > LARGEST_HEADER:
        raise UnreadableFileError(f"Cannot read {str(head)!r}: it is too large for an AFNI header; is it another file?")
    with parsing_by_nibabel(head, "AFNI"), head.open(encoding="latin-1") as file:
        return AFNIHeader.from_fileobj(file)


def _values(raw: RawArray, factors: NDArray[np.float64], head: Path, memory_limit: int | None) -> tuple[Any, tuple[Finding, ...]]:
    """Values of the voxels; one factor for all stays lazy, one for each volume is applied at once. A factor of 0 means none (AFNI)."""
    used = np.where(np.isfinite(factors) & (factors != 0), factors, 1.0)
    stored = raw.dtype
    if (used == used[0]).all():
        slope = float(used[0])
        said = (Finding("scaled", f"Values are scaled on reading: {slope:g} x stored.", "info"),) if slope != 1 else ()
        return voxel_array(raw, Decoder(stored, slope)), said
    dtype = value_dtype(stored)
    check_memory(head, math.prod(raw.shape) * dtype.itemsize, memory_limit)
    values = np.empty(raw.shape, dtype, order="F")
    if len(used) != raw.shape[-1] or len(raw.shape) != 4:
        raise UnreadableFileError(
            f"Cannot read {str(head)!r}: it has {len(used)} factors (BRICK_FLOAT_FACS) for another number of volumes."
        )
    with np.errstate(over="ignore", invalid="ignore"):  # what is too large becomes infinity, which the header doctor tells of
        for time, factor in enumerate(used):
            values[..., time] = np.asarray(raw[..., time], dtype=np.float64) * factor
    return voxel_array(values, Decoder(dtype)), (Finding("scaled", "Each volume is scaled by its own factor.", "info"),)
