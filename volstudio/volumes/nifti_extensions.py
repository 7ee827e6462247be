"""Header extensions of a NIfTI file: what stands between the header and the voxels, such as DICOM attributes or AFNI's XML.

They are never interpreted, and a saved file carries them byte for byte; here they are only counted, and damage is told.

References
----------
nifti1.h, "HEADER EXTENSIONS": four bytes, the first not 0 if extensions follow; each has a size (a multiple of 16) and a code.
"""

from __future__ import annotations

import struct

from volstudio.volumes.nifti_header import ANALYZE, NiftiHeader
from volstudio.volumes.volume import Finding

__all__ = ["extension_codes", "extension_findings"]

KNOWN = {2: "DICOM", 4: "AFNI", 6: "comment", 8: "XCEDE", 18: "workflow", 30: "PyPickle", 32: "CIFTI", 38: "Eval", 44: "BIDS JSON"}


def extension_codes(header: NiftiHeader, behind: bytes) -> tuple[tuple[int, ...], str]:
    """Codes of the extensions, in order, and what is wrong with the first damaged one (empty: nothing).

    Parameters
    ----------
    header : NiftiHeader
    behind : bytes
        What stands between the header and the voxels.
    """
    if header.version == ANALYZE or len(behind) < 4 or behind[0] == 0:
        return (), ""
    codes: list[int] = []
    at = 4
    while at + 8 <= len(behind):
        size, code = struct.unpack_from(header.order + "ii", behind, at)
        if size == 0 and not any(behind[at:]):
            break  # padding up to the voxels
        if size < 16 or size % 16 or at + size > len(behind):
            return tuple(codes), f"the size of extension {len(codes) + 1} is {size}"
        codes.append(code)
        at += size
    return tuple(codes), ""


def extension_findings(header: NiftiHeader, behind: bytes, offset: int) -> tuple[Finding, ...]:
    """What to say about the extensions of a file whose voxels begin at ``offset``."""
    if header.single:
        behind = behind[: max(offset - header.size, 0)]
    codes, fault = extension_codes(header, behind)
    found = []
    if codes:
        kinds = ", ".join(KNOWN.get(code, f"code {code}") for code in codes)
        text = f"The header carries {len(codes)} extension{'s' if len(codes) > 1 else ''} ({kinds}), kept when it is saved."
        found.append(Finding("extensions", text, "info"))
    if fault:
        text = f"A header extension is damaged ({fault}); the voxels are not affected, and the bytes are kept when it is saved."
        found.append(Finding("extension-damaged", text, "warning"))
    return tuple(found)
