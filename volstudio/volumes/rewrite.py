"""A file anew with another header: everything that stands before the voxels, and where the voxel bytes are copied from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from volstudio.errors import OutputError, UnreadableFileError
from volstudio.volumes.findings import ORIENTATION_GUESSED
from volstudio.volumes.mgh import HEADER_BYTES, MghHeader, parse_mgh, placed_mgh
from volstudio.volumes.nifti import files_of, read_header
from volstudio.volumes.nifti_forms import Form, choose_form, forms_of
from volstudio.volumes.nifti_header import ANALYZE, data_type_of
from volstudio.volumes.nifti_layout import fold_shape, layout_of
from volstudio.volumes.nifti_place import ALIGNED, new_header, placed_header
from volstudio.volumes.packing import ByteStream
from volstudio.volumes.stored import skip
from volstudio.volumes.volume import Finding

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from volstudio.geometry.affine import FloatArray
    from volstudio.geometry.grid import Grid
    from volstudio.volumes.volume import Source, Volume

__all__ = ["Rewrite", "mgh_as_nifti", "rewrite_mgh", "rewrite_nifti"]

CHUNK = 1 << 20
FORMS: dict[str, Form] = {"sform": "s", "qform": "q"}


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What a new file is made of.

    Parameters
    ----------
    head : bytes
        All that stands before the voxels; for a pair, the header file.
    voxels : Path
        The file that the voxel bytes come from.
    offset, n_bytes : int
        Where they are in that file, once it is unpacked.
    findings : tuple of Finding
    tail : bool
        Whether what stands behind them is kept too (MGH's scan parameters and tags).
    """

    head: bytes
    voxels: Path
    offset: int
    n_bytes: int
    findings: tuple[Finding, ...] = ()
    tail: bool = False

    def copy_voxels(self, file: BinaryIO) -> None:
        """Write the voxel bytes, as stored, to an open file.

        Raises
        ------
        UnreadableFileError
            The source is damaged; its checksum is tested where it has one.
        """
        with ByteStream(self.voxels) as stream:
            skip(stream, self.offset)
            left = self.n_bytes
            while left > 0:
                part = stream.read(min(left, CHUNK))
                if not part:
                    raise UnreadableFileError(f"Cannot read {str(self.voxels)!r}: it is truncated, {left} bytes of voxels are missing.")
                file.write(part)
                left -= len(part)
            while self.tail and (part := stream.read(CHUNK)):
                file.write(part)
            stream.finish()


def rewrite_nifti(volume: Volume, source: Source, grid: Grid, *, moved: bool, single: bool) -> Rewrite:
    """A NIfTI or Analyze file with another placement.

    Parameters
    ----------
    volume : Volume
        Read from such a file.
    source : Source
        The volume's own.
    grid : Grid
        Where its voxels shall lie.
    moved : bool
        False: the grid is where the volume lies already, and the codes of the source still hold.
    single : bool
        Whether header and voxels go into one file.

    Raises
    ------
    UnreadableFileError
        The file has changed since the volume was opened.
    """
    files = files_of(source.path)
    header, behind = read_header(files.header)
    layout = layout_of(header, files.header)
    forms = forms_of(header, volume.shape)
    matrix, used = choose_form(forms, FORMS.get(source.form, "auto"), files.header)
    _check_unchanged(volume, layout.shape, matrix)
    if header.single and len(behind) != layout.offset - header.size:
        raise OutputError(f"Cannot save {volume.name!r}: the extensions in its header are too large to be kept.")
    code = ALIGNED
    if not moved and header.version != ANALYZE:
        code = {"sform": forms.sform_code, "qform": forms.qform_code}.get(used, 0)
    # Voxels begin on a multiple of 16 bytes, which some programs insist on, behind at least the four bytes that announce extensions.
    room = max(len(behind), 4)
    if single and not header.single:
        room += -(header.size + room) % 16
    offset = header.size + room if single else 0
    head, findings = placed_header(header, grid, code=code, single=single, offset=offset)
    if not volume.orientation_known and code:
        findings += (ORIENTATION_GUESSED,)
    head += behind.ljust(room if single else len(behind), b"\0")
    return Rewrite(head, files.voxels, layout.offset, layout.n_bytes, findings)


def rewrite_mgh(volume: Volume, source: Source, grid: Grid) -> Rewrite:
    """An MGH file with another placement, its scan parameters and tags kept; see `rewrite_nifti`."""
    header = _mgh_header(volume, source.path)
    n_bytes = math.prod(header.dims) * header.stored.itemsize
    return Rewrite(placed_mgh(header, grid.affine.matrix), source.path, HEADER_BYTES, n_bytes, tail=True)


def mgh_as_nifti(volume: Volume, source: Source, grid: Grid) -> Rewrite:
    """The voxel bytes of an MGH file behind a big-endian NIfTI header; see `rewrite_nifti`."""
    header = _mgh_header(volume, source.path)
    n_bytes = math.prod(header.dims) * header.stored.itemsize
    head, findings = new_header(grid, volume.n_times, data_type_of(header.stored), order=">")
    text = "The scan parameters and tags at the end of the MGH file are not part of the NIfTI file."
    return Rewrite(head + bytes(4), source.path, HEADER_BYTES, n_bytes, (*findings, Finding("mgh-tail-left-out", text, "info")))


def _mgh_header(volume: Volume, path: Path) -> MghHeader:
    with ByteStream(path) as stream:
        header = parse_mgh(stream.read(HEADER_BYTES), path)
    _check_unchanged(volume, fold_shape(header.dims, path)[0], header.matrix)
    return header


def _check_unchanged(volume: Volume, shape: tuple[int, ...], matrix: FloatArray) -> None:
    """Whether the file still says what it said when it was opened; a saved move would otherwise rest on another placement."""
    if tuple(volume.data.shape) != shape or not np.array_equal(volume.affine.matrix, matrix):
        raise UnreadableFileError(f"Cannot save {volume.name!r}: its file has changed since it was opened; open it again.")
