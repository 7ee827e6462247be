"""NIfTI-1, NIfTI-2, their two-file form, and Analyze 7.5: file to `Volume`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from volstudio.errors import UnreadableFileError
from volstudio.geometry.affine import Affine, FloatArray
from volstudio.geometry.grid import Grid
from volstudio.geometry.spaces import scanner, voxel
from volstudio.volumes.extended import extended_voxels
from volstudio.volumes.findings import examined, form_findings, grid_findings, size_findings, unit_findings
from volstudio.volumes.integrity import check_regular
from volstudio.volumes.nifti_extensions import extension_findings
from volstudio.volumes.nifti_forms import CODES, Form, Forms, choose_form, forms_of, spatial_scale
from volstudio.volumes.nifti_header import ANALYZE, EXTENDED, NiftiHeader, parse_header
from volstudio.volumes.nifti_layout import Layout, layout_of
from volstudio.volumes.packing import ByteStream
from volstudio.volumes.series import voxel_array
from volstudio.volumes.stored import stored_voxels
from volstudio.volumes.volume import Finding, Source, Volume

if TYPE_CHECKING:
    from pathlib import Path


__all__ = ["NiftiFiles", "files_of", "read_header", "read_nifti"]

TIME_UNITS = {8: 1.0, 16: 1e-3, 24: 1e-6}
HEAD = 540
EXTENSIONS_LIMIT = 64 << 20  # of what is read between header and voxels


@dataclass(frozen=True, slots=True)
class NiftiFiles:
    """The file of the header and the file of the voxels; one and the same for ``.nii``."""

    header: Path
    voxels: Path

    @property
    def all(self) -> tuple[Path, ...]:
        """Each file once."""
        return (self.header,) if self.header == self.voxels else (self.header, self.voxels)


def read_nifti(path: Path, *, form: Form = "auto", name: str, memory_limit: int | None = None) -> Volume:
    """Volume of a NIfTI or Analyze file.

    Parameters
    ----------
    path : Path
        ``.nii``, or either file of a ``.hdr``/``.img`` pair, packed or not.
    form : "auto", "s", "q"
        Which placement to use.
    name : str
    memory_limit : int or None
        Bytes that unpacked voxels may take; None: what is free.

    Raises
    ------
    UnreadableFileError
        The file is damaged, declares what it does not hold, cannot be placed, or does not fit.
    """
    files = files_of(path)
    header, behind = read_header(files.header)
    _check_kind(header, files)
    layout = layout_of(header, path)
    shape = layout.shape[:3]
    grid_shape = (shape[0], shape[1], shape[2])
    forms = forms_of(header, grid_shape)
    matrix, used = choose_form(forms, form, path)
    grid = Grid(grid_shape, Affine(matrix, voxel(name), scanner(name)))
    raw, found = stored_voxels(files.voxels, layout, memory_limit)
    decoder = layout.decoder
    if header["datatype"] in EXTENDED:
        raw, told = extended_voxels(raw, header.order, path)
        decoder, found = replace(decoder, stored=raw.dtype), (*told, *found)
    findings = (
        *_placement_findings(header, forms, used, grid),
        *layout.findings,
        *extension_findings(header, behind, layout.offset),
        *found,
    )
    return examined(
        Volume(
            data=voxel_array(raw, decoder),
            grid=grid,
            name=name,
            source=Source(files.header, header.format, used, files.all),
            findings=findings,
            facts=_facts(header, layout),
            orientation_known=used != "fallback",
            stated_sizes=_stated_sizes(forms, grid),
        )
    )


def files_of(path: Path) -> NiftiFiles:
    """Header file and voxel file of a path that names either.

    Raises
    ------
    UnreadableFileError
        The other half of a pair is missing.
    """
    lower = path.name.lower()
    packed = next((end for end in (".gz", ".bz2") if lower.endswith(end)), "")
    stem = path.name[: len(path.name) - len(packed)]
    kind = stem[-4:].lower()
    if kind not in (".hdr", ".img"):
        return NiftiFiles(path, path)
    other = {".hdr": ".img", ".img": ".hdr"}[kind]
    if stem[-3:].isupper():
        other = other.upper()
    ends = (path.name[len(stem) :], "", ".gz", ".bz2")
    partner = next((found for end in ends if (found := path.with_name(stem[:-4] + other + end)).is_file()), None)
    if partner is None:
        raise UnreadableFileError(
            f"Cannot open {str(path)!r}: its other half {stem[:-4] + other!r} is missing; put both files in one folder."
        )
    return NiftiFiles(path, partner) if kind == ".hdr" else NiftiFiles(partner, path)


def read_header(path: Path) -> tuple[NiftiHeader, bytes]:
    """Header of a file, and the bytes between it and the voxels.

    Raises
    ------
    UnreadableFileError
        There is no valid header at the start of the file.
    """
    check_regular(path)
    with ByteStream(path) as stream:
        head = stream.read(HEAD)
        if stream.packing and head[:2] == b"\x1f\x8b":
            raise UnreadableFileError(f"Cannot read {str(path)!r}: it is packed with gzip twice; unpack it once.")
        header = parse_header(head, path)
        wanted = header["vox_offset"]
        # A pair keeps its extensions behind the header, in a file of its own; a bound stops a header that lies about its offset.
        limit = int(wanted) if header.single and np.isfinite(wanted) and header.size < wanted < EXTENSIONS_LIMIT else EXTENSIONS_LIMIT
        limit = header.least_offset if header.single and wanted == 0 else limit
        behind = (head + stream.read(max(limit - len(head), 0)))[header.size : limit]
    return header, behind


def _check_kind(header: NiftiHeader, files: NiftiFiles) -> None:
    """Whether the header's magic and the kind of file agree."""
    pair = files.header != files.voxels
    if pair and header.single:
        raise UnreadableFileError(
            f"Cannot read {str(files.header)!r}: its magic says that the voxels follow in the same file, yet it is half of a pair."
        )
    if pair or header.single:
        return
    magic = header.raw[344:348]
    if header.version == ANALYZE:
        raise UnreadableFileError(
            f"Cannot read {str(files.header)!r}: its NIfTI magic is missing ({magic!r}), so nothing says where it lies; is it damaged?"
        )
    raise UnreadableFileError(
        f"Cannot read {str(files.header)!r}: its magic {magic!r} says that its voxels are in a separate .img file: rename it to .hdr."
    )


def _placement_findings(header: NiftiHeader, forms: Forms, used: str, grid: Grid) -> tuple[Finding, ...]:
    """All there is to say about where the file puts its voxels."""
    found = list(_fallback_findings(header, forms) if used == "fallback" else _form_findings(forms, used, grid))
    if header.version != ANALYZE:
        found += unit_findings(header["xyzt_units"] & 7)
    sizes: FloatArray = np.asarray(header["pixdim"][1:4], dtype=np.float64) * spatial_scale(header)
    if forms.negative_sizes:
        shown = " x ".join(f"{size:g}" for size in sizes)
        found.append(
            Finding("pixdim-negative", f"A voxel size in the header is negative (pixdim {shown}); its absolute value is taken.", "warning")
        )
    if used == "sform":
        found += size_findings(grid, sizes, used)
    return (*found, *grid_findings(grid))


def _form_findings(forms: Forms, used: str, grid: Grid) -> tuple[Finding, ...]:
    codes = {"sform": forms.sform_code, "qform": forms.qform_code}
    other = "qform" if used == "sform" else "sform"
    matrix, fault = (forms.qform, forms.qform_fault) if other == "qform" else (forms.sform, forms.sform_fault)
    found = [Finding("form-used", f"The {used} places it (code {codes[used]}, {_meaning(codes[used])}).", "info")]
    for form, code in codes.items():
        if code not in CODES:
            text = f"The {form}_code is {code}, which the standard does not know; the matrix is used, what its world is stays unknown."
            found.append(Finding("code-unknown", text, "warning"))
    if fault:
        text = f"The {other} has code {codes[other]} but cannot be used, {fault}; the {used} is used."
        found.append(Finding(f"{other}-unusable", text, "warning"))
    elif matrix is not None:
        found += form_findings(grid, matrix, used, other, (_meaning(codes[used]), _meaning(codes[other])))
    return tuple(found)


def _fallback_findings(header: NiftiHeader, forms: Forms) -> tuple[Finding, ...]:
    if header.version == ANALYZE:
        text = "Analyze files do not say which side is left: x is taken to run to the left, as SPM does. Check with a landmark before use."
        found = [Finding("analyze-left-right-unknown", text, "warning")]
    else:
        text = (
            "The header does not say where it lies (sform_code and qform_code are 0): orientation, left and right are unknown; "
            "the voxel sizes alone are used, x to the left. Ask where the file came from."
        )
        found = [Finding("orientation-unknown", text, "warning")]
    if forms.unknown_sizes:
        found.append(Finding("voxel-size-unknown", "The header states no usable voxel size; 1 mm is taken: lengths are wrong.", "warning"))
    return tuple(found)


def _stated_sizes(forms: Forms, grid: Grid) -> tuple[float, float, float]:
    """Voxel sizes by the header, and by the placement where the header states none."""
    i, j, k = np.where(np.isfinite(forms.sizes), forms.sizes, grid.voxel_sizes).tolist()
    return i, j, k


def _meaning(code: int) -> str:
    return CODES.get(code, "not in the standard")


def _facts(header: NiftiHeader, layout: Layout) -> dict[str, str | int | float]:
    stored = layout.decoder.stored
    facts: dict[str, str | int | float] = {
        "data_type": EXTENDED.get(header["datatype"], stored.name) if not stored.names else "colour",
        "byte_order": {"<": "little", ">": "big"}[header.order],
        "description": header.text("descrip"),
    }
    if header.version == ANALYZE:
        return facts
    facts |= {key: header[key] for key in ("sform_code", "qform_code", "intent_code")}
    facts["intent"] = header.text("intent_name")
    unit = header["xyzt_units"] & 0x38
    step = float(header["pixdim"][4])
    if len(layout.shape) == 4 and unit in TIME_UNITS and np.isfinite(step) and step > 0:
        facts["time_step_s"] = step * TIME_UNITS[unit]
    return facts
