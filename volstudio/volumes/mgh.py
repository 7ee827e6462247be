"""FreeSurfer MGH and MGZ: file to `Volume`, and the header fields that a save changes.

References
----------
https://surfer.nmr.mgh.harvard.edu/fswiki/FsTutorial/MghFormat: 284 bytes, big-endian, voxels, then optional scan parameters and tags.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from volstudio.errors import UnreadableFileError
from volstudio.geometry.affine import Affine, fault_of
from volstudio.geometry.grid import Grid
from volstudio.geometry.spaces import scanner, voxel
from volstudio.volumes.findings import examined, grid_findings
from volstudio.volumes.integrity import check_regular
from volstudio.volumes.nifti_forms import Form, no_form
from volstudio.volumes.nifti_layout import Layout, fold_shape
from volstudio.volumes.packing import ByteStream
from volstudio.volumes.series import Decoder, voxel_array
from volstudio.volumes.stored import stored_voxels
from volstudio.volumes.volume import Finding, Source, Volume

if TYPE_CHECKING:
    from pathlib import Path

    from volstudio.geometry.affine import FloatArray

__all__ = ["HEADER_BYTES", "MghHeader", "parse_mgh", "placed_mgh", "read_mgh"]

HEADER_BYTES = 284
TYPES = {0: "u1", 1: ">i4", 3: ">f4", 4: ">i2", 10: ">u2"}
# What FreeSurfer takes where goodRASflag is 0: coronal slices, 1 mm, centred.
DEFAULT_DIRECTIONS = ((-1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0))
PLACE = struct.Struct(">h3f9f3f")  # goodRASflag, voxel sizes, x, y and z directions, centre
PLACE_AT = 28


@dataclass(frozen=True, slots=True)
class MghHeader:
    """What the first 284 bytes say.

    Parameters
    ----------
    raw : bytes
    dims : (int, int, int, int)
        Width, height, depth, frames.
    stored : numpy dtype
    has_place : bool
        False: the file gives no orientation, and FreeSurfer's default is used.
    matrix : (4, 4) float64 array
        Voxel -> world mm.
    """

    raw: bytes
    dims: tuple[int, int, int, int]
    stored: np.dtype[Any]
    has_place: bool
    matrix: FloatArray


def read_mgh(path: Path, *, form: Form = "auto", name: str, memory_limit: int | None = None) -> Volume:
    """Volume of an MGH or MGZ file.

    Parameters
    ----------
    path : Path
    form : "auto"
        MGH files have one placement only.
    name : str
    memory_limit : int or None
        Bytes that unpacked voxels may take; None: what is free.

    Raises
    ------
    UnreadableFileError
        The file is damaged, declares what it does not hold, or a NIfTI form was asked for.
    """
    check_regular(path)
    no_form(path, form, "an MGH file")
    with ByteStream(path) as stream:
        header = parse_mgh(stream.read(HEADER_BYTES), path)
    shape, found = fold_shape(header.dims, path)
    layout = Layout(shape, Decoder(header.stored), HEADER_BYTES, found)
    grid = Grid((shape[0], shape[1], shape[2]), Affine(header.matrix, voxel(name), scanner(name)))
    raw, packed = stored_voxels(path, layout, memory_limit, quiet_tail=True)
    findings = (*_place_findings(header), *grid_findings(grid), *found, *packed)
    return examined(
        Volume(
            data=voxel_array(raw, layout.decoder),
            grid=grid,
            name=name,
            source=Source(path, "MGH", "RAS" if header.has_place else "fallback", (path,)),
            findings=findings,
            facts={"data_type": header.stored.name, "byte_order": "big"},
            orientation_known=header.has_place,
        )
    )


def parse_mgh(head: bytes, path: Path) -> MghHeader:
    """Header of an MGH file.

    Raises
    ------
    UnreadableFileError
        These bytes are no MGH header, or say what cannot be.
    """
    if len(head) < HEADER_BYTES:
        raise UnreadableFileError(
            f"Cannot read {str(path)!r}: it is truncated within its MGH header ({len(head)} of {HEADER_BYTES} bytes)."
        )
    version, width, height, depth, frames, kind = struct.unpack_from(">6i", head)
    if version != 1:
        raise UnreadableFileError(
            f"Cannot read {str(path)!r}: its MGH version is {version}, only 1 exists; is it another format, or damaged?"
        )
    if kind not in TYPES:
        raise UnreadableFileError(f"Cannot read {str(path)!r}: its MGH data type, code {kind}, is not supported.")
    if min(width, height, depth, frames) < 1:
        dims = f"{width} x {height} x {depth} x {frames}"
        raise UnreadableFileError(f"Cannot read {str(path)!r}: a dimension in its header is zero or negative (size {dims}).")
    good, *numbers = PLACE.unpack_from(head, PLACE_AT)
    if good <= 0:
        numbers = [1.0, 1.0, 1.0, *np.ravel(DEFAULT_DIRECTIONS), 0.0, 0.0, 0.0]
    sizes, directions, centre = np.array(numbers[:3]), np.array(numbers[3:12]).reshape(3, 3).T, np.array(numbers[12:])
    matrix = np.eye(4)
    matrix[:3, :3] = directions * sizes
    matrix[:3, 3] = centre - matrix[:3, :3] @ (np.array([width, height, depth]) / 2)
    fault = fault_of(matrix)
    if fault:
        raise UnreadableFileError(f"Cannot place {str(path)!r} by its affine: {fault}.")
    return MghHeader(head[:HEADER_BYTES], (width, height, depth, frames), np.dtype(TYPES[kind]), good > 0, matrix)


def placed_mgh(header: MghHeader, matrix: FloatArray) -> bytes:
    """The header with another placement, everything else byte for byte.

    Parameters
    ----------
    header : MghHeader
    matrix : (4, 4) array
        Voxel -> world mm; shear is kept, since the three directions are stored one by one.
    """
    sizes = np.linalg.norm(matrix[:3, :3], axis=0)
    centre = matrix[:3, :3] @ (np.array(header.dims[:3]) / 2) + matrix[:3, 3]
    place = PLACE.pack(1, *sizes, *(matrix[:3, :3] / sizes).T.ravel(), *centre)
    return header.raw[:PLACE_AT] + place + header.raw[PLACE_AT + PLACE.size :]


def _place_findings(header: MghHeader) -> tuple[Finding, ...]:
    if header.has_place:
        return (Finding("form-used", "The RAS directions of its MGH header place it.", "info"),)
    text = "The header gives no orientation (goodRASflag 0): FreeSurfer's default is used, coronal slices of 1 mm. Ask for its source."
    return (Finding("orientation-unknown", text, "warning"),)
