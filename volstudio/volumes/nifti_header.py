"""The header of a NIfTI-1, NIfTI-2 or Analyze 7.5 file, field by field as the standards lay it out, and nothing added.

The raw bytes are kept, so that a saved file differs from its source in the fields that were meant and in no other.

References
----------
nifti1.h and nifti2.h, https://nifti.nimh.nih.gov; Analyze 7.5 header, Mayo Clinic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from volstudio.errors import OutputError, UnreadableFileError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ANALYZE", "EXTENDED", "NIFTI1", "NIFTI2", "NiftiHeader", "data_type_of", "parse_header", "stored_dtype"]

NIFTI1 = np.dtype([
    ("sizeof_hdr", "i4"), ("data_type", "S10"), ("db_name", "S18"), ("extents", "i4"), ("session_error", "i2"), ("regular", "S1"),
    ("dim_info", "u1"), ("dim", "i2", 8), ("intent_p", "f4", 3), ("intent_code", "i2"), ("datatype", "i2"), ("bitpix", "i2"),
    ("slice_start", "i2"), ("pixdim", "f4", 8), ("vox_offset", "f4"), ("scl_slope", "f4"), ("scl_inter", "f4"), ("slice_end", "i2"),
    ("slice_code", "u1"), ("xyzt_units", "u1"), ("cal_max", "f4"), ("cal_min", "f4"), ("slice_duration", "f4"), ("toffset", "f4"),
    ("glmax", "i4"), ("glmin", "i4"), ("descrip", "S80"), ("aux_file", "S24"), ("qform_code", "i2"), ("sform_code", "i2"),
    ("quatern", "f4", 3), ("qoffset", "f4", 3), ("srow", "f4", (3, 4)), ("intent_name", "S16"), ("magic", "S4"),
])  # fmt: skip
NIFTI2 = np.dtype([
    ("sizeof_hdr", "i4"), ("magic", "S8"), ("datatype", "i2"), ("bitpix", "i2"), ("dim", "i8", 8), ("intent_p", "f8", 3),
    ("pixdim", "f8", 8), ("vox_offset", "i8"), ("scl_slope", "f8"), ("scl_inter", "f8"), ("cal_max", "f8"), ("cal_min", "f8"),
    ("slice_duration", "f8"), ("toffset", "f8"), ("slice_start", "i8"), ("slice_end", "i8"), ("descrip", "S80"), ("aux_file", "S24"),
    ("qform_code", "i4"), ("sform_code", "i4"), ("quatern", "f8", 3), ("qoffset", "f8", 3), ("srow", "f8", (3, 4)), ("slice_code", "i4"),
    ("xyzt_units", "i4"), ("intent_code", "i4"), ("intent_name", "S16"), ("dim_info", "u1"), ("unused_str", "S15"),
])  # fmt: skip
Order = Literal["<", ">"]

ANALYZE = 0  # the version of a header without NIfTI's magic
MAGIC2 = b"\r\n\x1a\n"  # ends the magic of NIfTI-2, so that a transfer in text mode is seen

TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 32: "c8", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8", 1792: "c16"}
COLOURS = {128: ("R", "G", "B"), 2304: ("R", "G", "B", "A")}
EXTENDED = {1536: "float128", 2048: "complex256"}  # of numbers that numpy does not have everywhere: 16 and 32 bytes without a meaning
REFUSED = {0: "unknown", 1: "1-bit binary", 255: "all"}


@dataclass(frozen=True, slots=True, eq=False)
class NiftiHeader:
    """A header as it stands in its file.

    Parameters
    ----------
    raw : bytes
        348 bytes (NIfTI-1, Analyze) or 540 (NIfTI-2).
    version : int
        1, 2, or `ANALYZE`.
    order : str
        ``"<"`` or ``">"``.
    single : bool
        Whether the voxels follow in the same file (magic ``n+1`` or ``n+2``).
    """

    raw: bytes
    version: int
    order: Order
    single: bool

    @property
    def fields(self) -> np.void:
        """The fields by their names in nifti1.h; ``quatern`` is (b, c, d), ``srow`` is (3, 4)."""
        dtype = NIFTI2 if self.version == 2 else NIFTI1
        record: np.void = np.frombuffer(self.raw, dtype.newbyteorder(self.order))[0]
        return record

    def __getitem__(self, field: str) -> Any:  # noqa: ANN401 - number, bytes or array, as the field is
        """A field as a Python number, bytes, or an array of native byte order."""
        value = self.fields[field]
        return value.astype(value.dtype.newbyteorder("=")) if isinstance(value, np.ndarray) else value.item()

    @property
    def size(self) -> int:
        """Bytes of the header itself."""
        return len(self.raw)

    @property
    def least_offset(self) -> int:
        """Where voxels may begin: behind the header and its four extension bytes, or at the start of an ``.img``."""
        return self.size + 4 if self.single else 0

    @property
    def format(self) -> str:
        """``"NIfTI-1"``, ``"NIfTI-1 pair"``, ``"NIfTI-2"``, ``"NIfTI-2 pair"`` or ``"Analyze 7.5"``."""
        if self.version == ANALYZE:
            return "Analyze 7.5"
        return f"NIfTI-{self.version}" + ("" if self.single else " pair")

    def text(self, field: str) -> str:
        """A text field up to its first zero byte."""
        return bytes(self.fields[field]).partition(b"\0")[0].decode("utf-8", "replace").strip()


def parse_header(head: bytes, path: Path) -> NiftiHeader:
    """Header at the start of ``head``.

    Parameters
    ----------
    head : bytes
        At least the first 540 bytes of the unpacked file, or all there are.
    path : Path
        For the messages.

    Raises
    ------
    UnreadableFileError
        These bytes are no NIfTI or Analyze header, or only part of one.
    """
    orders: tuple[tuple[Order, Literal["little", "big"]], ...] = (("<", "little"), (">", "big"))
    for order, name in orders:
        size = int.from_bytes(head[:4], name)
        if size == NIFTI1.itemsize:
            if len(head) < size:
                raise UnreadableFileError(f"Cannot read {str(path)!r}: it is truncated within its header ({len(head)} of {size} bytes).")
            magic = head[344:348]
            version = 1 if magic[:3] in (b"n+1", b"ni1") else ANALYZE
            return NiftiHeader(head[:size], version, order, magic[:3] == b"n+1")
        if size == NIFTI2.itemsize:
            magic = head[4:12]
            if magic[:4] not in (b"n+2\0", b"ni2\0") or magic[4:] != MAGIC2:
                raise UnreadableFileError(
                    f"Cannot read {str(path)!r}: its NIfTI-2 magic is {magic!r}, as after a transfer in text mode; copy it in binary mode."
                )
            if len(head) < size:
                raise UnreadableFileError(f"Cannot read {str(path)!r}: it is truncated within its header ({len(head)} of {size} bytes).")
            return NiftiHeader(head[:size], 2, order, magic[:3] == b"n+2")
    raise UnreadableFileError(
        f"Cannot read {str(path)!r}: it has no NIfTI header (its sizeof_hdr is {int.from_bytes(head[:4], 'little', signed=True)}, "
        "not 348 or 540); is it another format, or damaged?"
    )


def stored_dtype(header: NiftiHeader, path: Path) -> np.dtype[Any]:
    """Type of the voxels, byte order included; colours as a structure of R, G, B[, A], 128-bit numbers as bytes (see `extended`).

    Raises
    ------
    UnreadableFileError
        volstudio cannot show that data type.
    """
    code = header["datatype"]
    if code in TYPES:
        return np.dtype(header.order + TYPES[code])
    if code in COLOURS:
        return np.dtype([(channel, "u1") for channel in COLOURS[code]])
    if code in EXTENDED:
        return np.dtype("V16" if code == 1536 else "V32")
    raise UnreadableFileError(
        f"Cannot read {str(path)!r}: its data type, code {code} ({REFUSED.get(code, 'not in the standard')}), is not supported; "
        "convert it to float32 or an integer type first."
    )


def data_type_of(dtype: np.dtype[Any]) -> tuple[int, int]:
    """(code, bits) that a header states for voxels of a type: real, complex, or colours as a structure of R, G, B[, A].

    Raises
    ------
    OutputError
        NIfTI has none for it.
    """
    if dtype.names:
        code = next((code for code, names in COLOURS.items() if names == dtype.names), None)
    else:
        code = next((code for code, kind in TYPES.items() if kind == dtype.str[1:]), None)
    if code is None:
        raise OutputError(f"Cannot save voxels of {dtype}: NIfTI has no data type for them; convert them first.")
    return code, 8 * dtype.itemsize
