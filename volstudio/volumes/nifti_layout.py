"""What a NIfTI header says about its voxel bytes: how many axes, which type, where they begin; checked before anything is read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from volstudio.errors import UnreadableFileError
from volstudio.volumes.integrity import in_words
from volstudio.volumes.nifti_header import ANALYZE, NiftiHeader, stored_dtype
from volstudio.volumes.packing import Packing, room_in
from volstudio.volumes.series import Decoder
from volstudio.volumes.volume import Finding

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

__all__ = ["Layout", "check_room", "fold_shape", "layout_of"]


@dataclass(frozen=True, slots=True)
class Layout:
    """Voxels of a file.

    Parameters
    ----------
    shape : (i, j, k) or (i, j, k, t)
        As shown: axes of length 1 behind the third are dropped.
    decoder : Decoder
        From the stored type; that of 128-bit numbers is bytes without a meaning, which `volstudio.volumes.extended` gives them.
    offset : int
        Of the first voxel, in the unpacked file.
    findings : tuple of Finding
    """

    shape: tuple[int, ...]
    decoder: Decoder
    offset: int
    findings: tuple[Finding, ...]

    @property
    def n_bytes(self) -> int:
        """Bytes of all voxels."""
        return math.prod(self.shape) * self.decoder.stored.itemsize


def layout_of(header: NiftiHeader, path: Path) -> Layout:
    """Layout that a header declares.

    Raises
    ------
    UnreadableFileError
        Dimensions, data type or vox_offset cannot be.
    """
    stored = stored_dtype(header, path)
    n_axes = header["dim"][0]
    if not 1 <= n_axes <= 7:
        raise UnreadableFileError(f"Cannot read {str(path)!r}: its header gives {n_axes} dimensions (dim[0]); 1 to 7 are possible.")
    shape, findings = fold_shape(tuple(int(n) for n in header["dim"][1 : n_axes + 1]), path)
    slope, inter, scaling = _scaling(header)
    findings += scaling
    bits = header["bitpix"]
    if bits != 8 * stored.itemsize:
        text = f"The header says {bits} bits a voxel, its data type has {8 * stored.itemsize}; the data type is taken."
        findings += (Finding("bitpix-differs", text, "warning"),)
    findings += _type_findings(stored)
    offset, found = _offset(header, path)
    return Layout(shape, Decoder(stored, slope, inter), offset, findings + found)


def fold_shape(dims: tuple[int, ...], path: Path) -> tuple[tuple[int, ...], tuple[Finding, ...]]:
    """Dimensions of a file as (i, j, k) or (i, j, k, t).

    Raises
    ------
    UnreadableFileError
        A dimension is not positive, or more than one axis behind the third is longer than 1.
    """
    shown = " x ".join(map(str, dims))
    if min(dims) < 1:
        raise UnreadableFileError(f"Cannot read {str(path)!r}: a dimension in its header is zero or negative (size {shown}).")
    space, rest = (*dims[:3], 1, 1)[:3] if len(dims) < 3 else dims[:3], [(axis, n) for axis, n in enumerate(dims[3:], 4) if n > 1]
    if not rest:
        return space, ()
    if len(rest) > 1:
        raise UnreadableFileError(
            f"Cannot read {str(path)!r}: it has more than one dimension beside space (size {shown}); "
            "volstudio shows a volume or one series: split it first."
        )
    axis, count = rest[0]
    if axis == 4:
        return (*space, count), (Finding("series", f"This is a series of {count} volumes; the first one is shown.", "info"),)
    text = f"Dimension {axis} of the file ({count} components a voxel, such as a vector field) is shown as if it were time, one at a time."
    return (*space, count), (Finding("components-as-series", text, "warning"),)


def check_room(layout: Layout, packing: Packing, size: int, path: Path) -> None:
    """Refuse a file that declares more voxels than it can hold, before anything is allocated.

    Raises
    ------
    UnreadableFileError
        The voxels end behind the end of the file; for a packed file, behind the furthest that its packing can reach.
    """
    needed, room = layout.offset + layout.n_bytes, room_in(packing, size)
    if room is None or needed <= room:
        return
    if packing:
        raise UnreadableFileError(
            f"Cannot read {str(path)!r}: its header declares {in_words(needed)}, more than a {packing} file of {in_words(size)} can hold; "
            "it is truncated or not genuine."
        )
    if layout.offset >= size:
        raise UnreadableFileError(
            f"Cannot read {str(path)!r}: its voxels should begin at byte {layout.offset} (vox_offset), the file ends at {size}: truncated."
        )
    raise UnreadableFileError(
        f"Cannot read {str(path)!r}: its header declares {in_words(needed)}, the file holds {in_words(size)}; it is truncated."
    )


def _offset(header: NiftiHeader, path: Path) -> tuple[int, tuple[Finding, ...]]:
    """Where the voxels begin; 0 in a single file, which many programs write, stands for right behind the header."""
    offset = header["vox_offset"]
    if not math.isfinite(offset) or offset < 0 or offset != int(offset):
        raise UnreadableFileError(f"Cannot read {str(path)!r}: its vox_offset is {offset:g}, not a whole number of bytes in the file.")
    if offset == 0 < header.least_offset:
        text = f"The header says that the voxels begin at byte 0 (vox_offset), where it stands itself; {header.least_offset} is taken."
        return header.least_offset, (Finding("offset-zero", text, "warning"),)
    if offset < header.least_offset:
        raise UnreadableFileError(
            f"Cannot read {str(path)!r}: its vox_offset is {offset:g}, inside the header, which ends at {header.least_offset}."
        )
    return int(offset), ()


def _scaling(header: NiftiHeader) -> tuple[float, float, tuple[Finding, ...]]:
    """Slope, intercept, and what is odd about them; slope 0 or NaN means that nothing is scaled (nifti1.h, "DATA SCALING")."""
    slope, inter = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or math.isnan(slope):
        return 1.0, 0.0, ()
    if math.isinf(slope):
        return 1.0, 0.0, (Finding("scaling-odd", "scl_slope is infinite; the voxels are shown as stored, not scaled.", "warning"),)
    if header.version == ANALYZE and not math.isfinite(inter):
        return slope, 0.0, ()
    if not math.isfinite(inter):
        return slope, 0.0, (Finding("scaling-odd", f"scl_inter is {inter}; 0 is taken, and values may be shifted.", "warning"),)
    if (slope, inter) == (1.0, 0.0):
        return slope, inter, ()
    text = f"Values are scaled on reading: {slope:g} x stored {'+' if inter >= 0 else '-'} {abs(inter):g}."
    return slope, inter, (Finding("scaled", text, "info"),)


def _type_findings(stored: np.dtype[Any]) -> tuple[Finding, ...]:
    if stored.names:
        return (Finding("colour", f"The voxels are colours ({''.join(stored.names)}); their brightness is shown.", "warning"),)
    if stored.kind == "c" or stored.itemsize == 32:
        return (
            Finding(
                "complex",
                "The voxels are complex numbers; their magnitude is shown (name the file with #phase, #real or #imaginary for these).",
                "warning",
            ),
        )
    return ()
