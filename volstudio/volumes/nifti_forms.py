"""Where a NIfTI header says its voxels lie: sform, qform, or neither.

A NIfTI file may carry two placements and two codes that say what they mean. The standard's order is kept: the sform where its code is
positive, else the qform, else a guess from the voxel sizes that says nothing about left and right. A person may force either.

References
----------
nifti1.h, "3D IMAGE (VOLUME) ORIENTATION AND LOCATION IN SPACE", methods 1 to 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from volstudio.errors import UnreadableFileError
from volstudio.geometry.affine import REACH, fault_of
from volstudio.volumes.nifti_header import ANALYZE, NiftiHeader

if TYPE_CHECKING:
    from pathlib import Path

    from volstudio.geometry.affine import FloatArray

__all__ = ["CODES", "UNITS", "Form", "Forms", "choose_form", "forms_of", "no_form", "quaternion_rotation", "spatial_scale"]

Form = Literal["auto", "s", "q"]

CODES = {0: "unknown", 1: "scanner", 2: "aligned", 3: "Talairach", 4: "MNI 152", 5: "template"}
UNITS = {1: ("metre", 1e3), 2: ("millimetre", 1.0), 3: ("micrometre", 1e-3)}
QUATERNION_SLACK = 1e-4  # how far b² + c² + d² may exceed 1: rounding of float32, and of programs that store fewer digits


@dataclass(frozen=True, slots=True)
class Forms:
    """All that a header says about place, in mm.

    Parameters
    ----------
    sform, qform : (4, 4) float64 array or None
        None where the code is 0 or the matrix cannot be used.
    sform_fault, qform_fault : str
        Why a form whose code is positive cannot be used; empty where it can.
    sform_code, qform_code : int
    fallback : (4, 4) float64 array
        What nibabel and SPM take where neither form is there: voxel sizes alone, origin in the middle, x to the left.
    sizes : (3,) float64 array
        Voxel sizes that the header states, mm, without their sign; NaN where it states none that can be used.
    negative_sizes, unknown_sizes : bool
        Whether voxel sizes were negative (their size is taken) or not positive numbers (1 mm is taken).
    """

    sform: FloatArray | None
    qform: FloatArray | None
    sform_fault: str
    qform_fault: str
    sform_code: int
    qform_code: int
    fallback: FloatArray
    sizes: FloatArray
    negative_sizes: bool
    unknown_sizes: bool


def no_form(path: Path, form: Form, kind: str) -> None:
    """Refuse a NIfTI form for another format.

    Raises
    ------
    UnreadableFileError
        The form is not "auto".
    """
    if form != "auto":
        raise UnreadableFileError(f"Cannot place {str(path)!r} by form {form!r}: {kind} has neither sform nor qform; leave the form out.")


def spatial_scale(header: NiftiHeader) -> float:
    """Millimetres per unit of the header's lengths; 1 where the unit is not stated or not known."""
    if header.version == ANALYZE:
        return 1.0
    return UNITS.get(header["xyzt_units"] & 7, ("", 1.0))[1]


def forms_of(header: NiftiHeader, shape: tuple[int, int, int]) -> Forms:
    """The placements of a header.

    Parameters
    ----------
    header : NiftiHeader
    shape : (int, int, int)
        Of the grid, for the fallback.
    """
    scale = spatial_scale(header)
    sizes = np.asarray(header["pixdim"][1:4], dtype=np.float64) * scale
    usable = (np.abs(sizes) > 1 / REACH) & (np.abs(sizes) < REACH)  # not so for NaN
    # A flat axis has no spacing of its own, and many programs write 0 there.
    flat = np.array(shape) == 1
    zooms = np.where(usable, np.abs(sizes), 1.0)
    unknown = bool((~usable & ~flat).any())
    analyze = header.version == ANALYZE
    sform_code, qform_code = (0, 0) if analyze else (header["sform_code"], header["qform_code"])
    sform = qform = None
    sform_fault = qform_fault = ""
    if sform_code > 0:
        sform = np.eye(4)
        sform[:3] = header["srow"]
        sform[:3] *= scale
        sform_fault = fault_of(sform)
    if qform_code > 0:
        qform, qform_fault = _qform(header, zooms, scale)
        if unknown and not qform_fault:
            qform_fault = f"its voxel sizes (pixdim {_numbers(sizes)}) are not positive numbers"
    return Forms(
        sform=None if sform_fault else sform,
        qform=None if qform_fault else qform,
        sform_fault=sform_fault,
        qform_fault=qform_fault,
        sform_code=sform_code,
        qform_code=qform_code,
        fallback=_fallback(header, shape, zooms),
        sizes=np.where(usable, np.abs(sizes), np.nan),
        negative_sizes=bool((sizes < 0).any()),
        unknown_sizes=unknown,
    )


def choose_form(forms: Forms, form: Form, path: Path) -> tuple[FloatArray, str]:
    """The placement that is used and its name, ``"sform"``, ``"qform"`` or ``"fallback"``.

    Raises
    ------
    UnreadableFileError
        The form that was asked for is not there, or every form with a code is unusable.
    """
    if form != "auto":
        wanted, code, fault, matrix = (
            ("sform", forms.sform_code, forms.sform_fault, forms.sform)
            if form == "s"
            else ("qform", forms.qform_code, forms.qform_fault, forms.qform)
        )
        if matrix is None:
            why = fault or f"its {wanted}_code is {code}, which means that no {wanted} is given"
            raise UnreadableFileError(f"Cannot place {str(path)!r} by its {wanted}: {why}; leave the form to the file.")
        return matrix, wanted
    if forms.sform is not None:
        return forms.sform, "sform"
    if forms.qform is not None:
        return forms.qform, "qform"
    faults = [f"{name}: {fault}" for name, fault in (("sform", forms.sform_fault), ("qform", forms.qform_fault)) if fault]
    if faults:
        raise UnreadableFileError(f"Cannot place {str(path)!r}: {'; '.join(faults)}; set a valid affine in its header first.")
    return forms.fallback, "fallback"


def quaternion_rotation(b: float, c: float, d: float) -> FloatArray:
    """Rotation of the unit quaternion (a, b, c, d) with the a ≥ 0 that makes its length 1.

    >>> quaternion_rotation(0, 0, 1).round(6).tolist()
    [[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    length2 = b * b + c * c + d * d
    if length2 > 1.0:
        b, c, d = (x / np.sqrt(length2) for x in (b, c, d))
        length2 = 1.0
    a = np.sqrt(1.0 - length2)
    return np.array([
        [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
        [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
        [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
    ])  # fmt: skip


def _qform(header: NiftiHeader, zooms: FloatArray, scale: float) -> tuple[FloatArray, str]:
    """The qform and what is wrong with it; qfac is the sign of pixdim[0], and 0 counts as +1 (nifti1.h, method 2)."""
    b, c, d = (float(x) for x in header["quatern"])
    length2 = b * b + c * c + d * d
    if not np.isfinite(length2):
        return np.eye(4), "its quaternion holds NaN or infinity"
    if length2 > 1.0 + QUATERNION_SLACK:
        return np.eye(4), f"its quaternion is no rotation (b² + c² + d² = {length2:.4g}, at most 1 is possible)"
    flip = -1.0 if header["pixdim"][0] < 0 else 1.0
    matrix = np.eye(4)
    matrix[:3, :3] = quaternion_rotation(b, c, d) @ np.diag(zooms * (1.0, 1.0, flip))
    matrix[:3, 3] = header["qoffset"] * scale
    return matrix, fault_of(matrix)


def _fallback(header: NiftiHeader, shape: tuple[int, int, int], zooms: FloatArray) -> FloatArray:
    """Voxel sizes alone, x to the left; the origin in the middle, or where SPM put it in an Analyze header."""
    matrix = np.diag([-zooms[0], zooms[1], zooms[2], 1.0])
    dims = np.array(shape)
    centre = (dims - 1) / 2
    if header.version == ANALYZE:
        origin = np.frombuffer(header.raw, header.order + "i2", count=3, offset=253).astype(np.float64)  # SPM's field, counted from 1
        if origin.any() and (origin > -dims).all() and (origin < 2 * dims).all():
            centre = origin - 1
    matrix[:3, 3] = -matrix[:3, :3] @ centre
    return matrix


def _numbers(values: FloatArray) -> str:
    return " ".join(f"{value:g}" for value in values)
