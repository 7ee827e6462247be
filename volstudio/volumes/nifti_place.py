"""Writing a placement into a NIfTI header: sform and qform together, each only as far as it tells the truth.

A qform is a rotation, three voxel sizes and a shift: it cannot hold shear, and in single precision it may be off by more than a reader
should accept. Then its code is 0, which tells every program to use the sform, and a finding says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from volstudio.errors import OutputError
from volstudio.geometry.rotation import nearest, to_quaternion
from volstudio.volumes.findings import corner_distance
from volstudio.volumes.nifti_forms import quaternion_rotation
from volstudio.volumes.nifti_header import ANALYZE, NIFTI1, NIFTI2, NiftiHeader
from volstudio.volumes.volume import Finding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from volstudio.geometry.affine import FloatArray
    from volstudio.geometry.grid import Grid


__all__ = ["ALIGNED", "new_header", "placed_header"]

ALIGNED = 2  # NIFTI_XFORM_ALIGNED_ANAT: "aligned to another file's, or to anatomical truth"
MILLIMETRE = 2
TIME_UNIT = 0x38  # the bits of xyzt_units that name the unit of time
EXACT_SHARE = 0.02  # of the smallest voxel: how far a qform may be off at a corner and still count as the same place
ULPS = np.arange(-192, 193)  # units in the last place by which numbers of a quaternion are varied: 2e-5 radians at most
# Fields of NIfTI-1 where an Analyze header holds something else, or nothing.
FOREIGN_TO_NIFTI = (
    "dim_info",
    "intent_p",
    "intent_code",
    "slice_start",
    "slice_end",
    "slice_code",
    "slice_duration",
    "toffset",
    "intent_name",
)
MAGIC = {(1, True): b"n+1", (1, False): b"ni1", (2, True): b"n+2\0\r\n\x1a\n", (2, False): b"ni2\0\r\n\x1a\n"}


@dataclass(frozen=True, slots=True)
class QForm:
    """What a qform stores, and how far from the truth it then is."""

    quatern: NDArray[Any]
    qfac: float
    error_mm: float


def placed_header(header: NiftiHeader, grid: Grid, *, code: int, single: bool, offset: int) -> tuple[bytes, tuple[Finding, ...]]:
    """A header with another placement and another layout of files, every other field byte for byte.

    Parameters
    ----------
    header : NiftiHeader
        An Analyze header becomes a NIfTI-1 header.
    grid : Grid
        Where the voxels shall lie; its shape is the file's own.
    code : int
        What the new placement means; 0 leaves the placement of the header as it is.
    single : bool
        Whether the voxels follow in the same file.
    offset : int
        Of the first voxel in its file.
    """
    version = max(header.version, 1)
    dtype = (NIFTI2 if version == 2 else NIFTI1).newbyteorder(header.order)
    record = np.frombuffer(bytearray(header.raw), dtype)[0:1]
    findings: tuple[Finding, ...] = ()
    if header.version == ANALYZE:
        for field in FOREIGN_TO_NIFTI:
            record[field] = np.zeros_like(record[field])
        record["xyzt_units"] = MILLIMETRE
        _clear_forms(record)
    if code:
        findings = _place(record, grid, code)
    record["vox_offset"] = offset
    record["magic"] = MAGIC[version, single]
    return record.tobytes(), findings


def new_header(
    grid: Grid, n_times: int, data_type: tuple[int, int], *, order: str = "<", time_step_s: float = 0.0, code: int = ALIGNED
) -> tuple[bytes, tuple[Finding, ...]]:
    """Header of a new single file: NIfTI-1, or NIfTI-2 where an axis is too long for it.

    Parameters
    ----------
    grid : Grid
    n_times : int
        1: no time axis.
    data_type : (code, bits)
        Of NIfTI.
    order : "<", ">"
    time_step_s : float
        0: not known.
    code : int
        What the placement means.
    """
    dims = (*grid.shape, n_times) if n_times > 1 else grid.shape
    version = 1 if max(dims) <= np.iinfo(np.int16).max else 2
    dtype = (NIFTI1 if version == 1 else NIFTI2).newbyteorder(order)  # type: ignore[arg-type]  # "<" or ">"
    record = np.zeros(1, dtype)
    record["sizeof_hdr"] = dtype.itemsize
    record["dim"] = (len(dims), *dims, *[1] * (7 - len(dims)))
    record["pixdim"] = (1, 1, 1, 1, time_step_s, 0, 0, 0)
    record["datatype"], record["bitpix"] = data_type
    record["scl_slope"] = 1
    record["vox_offset"] = dtype.itemsize + 4
    record["descrip"] = b"volstudio"
    record["xyzt_units"] = MILLIMETRE | (8 if n_times > 1 else 0)
    record["magic"] = MAGIC[version, True]
    if version == 1:
        record["regular"] = b"r"
    findings = _place(record, grid, code)
    return record.tobytes(), findings


def _clear_forms(record: NDArray[Any]) -> None:
    for field in ("qform_code", "sform_code", "quatern", "qoffset", "srow"):
        record[field] = 0


def _place(record: NDArray[Any], grid: Grid, code: int) -> tuple[Finding, ...]:
    """Write sform and qform, in mm."""
    matrix = grid.affine.matrix
    if np.abs(matrix).max() > np.finfo(record["srow"].dtype).max:
        raise OutputError("Cannot write a NIfTI header: the volume lies too far away, or its voxels are too large, for its numbers.")
    record["srow"] = matrix[:3]
    record["sform_code"] = code
    record["qoffset"] = matrix[:3, 3]
    sizes = grid.voxel_sizes
    qform = _qform(grid, record["quatern"].dtype.newbyteorder("="))
    record["pixdim"][:, 0] = qform.qfac
    record["pixdim"][:, 1:4] = sizes
    record["xyzt_units"] = (record["xyzt_units"] & TIME_UNIT) | MILLIMETRE
    if qform.error_mm <= EXACT_SHARE * sizes.min():
        record["quatern"] = qform.quatern
        record["qform_code"] = code
        return ()
    record["quatern"] = 0
    record["qform_code"] = 0
    why = "it is sheared" if grid.shear > 1e-5 else "its numbers are too coarse"
    text = (
        f"The qform cannot hold this placement exactly ({why}: {qform.error_mm:.3g} mm off at a corner), so its code is 0: "
        "programs use the sform, and those that know only the qform will not place the file."
    )
    return (Finding("qform-not-written", text, "warning"),)


def _qform(grid: Grid, dtype: np.dtype[Any]) -> QForm:
    """The qform nearest to a grid's placement."""
    sizes = grid.voxel_sizes
    qfac = float(grid.handedness)
    quatern = _stored_quaternion(to_quaternion(nearest(grid.affine.linear / sizes * (1.0, 1.0, qfac))), dtype)
    matrix = np.eye(4)
    matrix[:3, :3] = quaternion_rotation(*map(float, quatern)) @ np.diag(sizes.astype(dtype) * (1.0, 1.0, qfac))
    matrix[:3, 3] = grid.affine.offset.astype(dtype)
    return QForm(quatern, qfac, corner_distance(grid, matrix)[0])


def _stored_quaternion(quaternion: FloatArray, dtype: np.dtype[Any]) -> NDArray[Any]:
    """(b, c, d) in the header's precision, such that a reader finds (a, b, c, d) again as well as it can.

    Notes
    -----
    a = sqrt(1 - b² - c² - d²) is not stored. Near a = 0, as in many left-handed files, the last place of b, c or d then decides on up
    to 0.03 degrees. So neighbours of the two largest are tried as well, of which one in 150 000 comes far closer.
    Readers refuse a quaternion longer than 1, and some do so for a single unit in the last place.
    """
    rounded: NDArray[Any] = quaternion[1:].astype(dtype)
    if dtype.itemsize > 4:
        return rounded
    largest = np.argsort(np.abs(rounded))[1:]
    tried = np.repeat(rounded[None], len(ULPS) ** 2, axis=0)
    tried[:, largest] += np.stack(np.meshgrid(ULPS, ULPS), axis=-1).reshape(-1, 2).astype(dtype) * np.spacing(np.abs(rounded[largest]))
    squares = np.sum(tried.astype(np.float64) ** 2, axis=1)
    found = np.column_stack([np.sqrt(np.maximum(1.0 - squares, 0.0)), tried])
    error = np.where(squares <= 1.0, np.linalg.norm(found - quaternion, axis=1), np.inf)
    best: NDArray[Any] = tried[np.argmin(error)]
    return best
