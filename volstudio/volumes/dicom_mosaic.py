"""Siemens mosaics: all slices of a volume side by side in one image.

The position in the header is that of the whole sheet, as if it were one large slice about the same middle; number and course of the slices
are in Siemens' own headers (CSA), which nibabel reads.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from volstudio.errors import UnreadableFileError

if TYPE_CHECKING:
    from volstudio.geometry.affine import FloatArray
    from volstudio.volumes.dicom_file import Image

__all__ = ["mosaic_images"]

IMAGE_HEADER = (0x0029, 0x1010)
SERIES_HEADER = (0x0029, 0x1020)
COUNT = (0x0019, 0x100A)
AXES = (b"Sag", b"Cor", b"Tra")


def mosaic_images(header: Any, sheet: Image) -> tuple[Image, ...]:  # noqa: ANN401 - a pydicom data set
    """The slices of a mosaic.

    Parameters
    ----------
    header : pydicom data set
    sheet : Image
        The whole sheet, placed as the header says.

    Raises
    ------
    UnreadableFileError
        The header does not say how many slices there are, how far apart, or where.
    """
    path = sheet.block.path
    csa = _csa(header)
    count = int(csa.get("count") or (header[COUNT].value if COUNT in header else 0))
    side = math.isqrt(max(count, 1) - 1) + 1
    columns, rows = sheet.block.columns // side, sheet.block.rows // side
    if count < 1 or sheet.block.columns % side or sheet.block.rows % side:
        raise UnreadableFileError(
            f"Cannot read {str(path)!r}: it is a Siemens mosaic whose header does not say how many slices it holds ({count} in a sheet of "
            f"{sheet.block.columns} x {sheet.block.rows})."
        )
    apart = sheet.apart or sheet.thick
    if sheet.position is None or apart <= 0 or min(sheet.spacing) <= 0:
        raise UnreadableFileError(
            f"Cannot place {str(path)!r}: it is a Siemens mosaic without a position or a distance between its slices."
        )
    normal = _normal(csa, sheet)
    corner = (sheet.block.columns - columns) / 2 * sheet.spacing[0] * sheet.across + (sheet.block.rows - rows) / 2 * sheet.spacing[
        1
    ] * sheet.down
    return tuple(
        replace(
            sheet,
            tile=(at % side * columns, at // side * rows, columns, rows),
            position=sheet.position + corner + at * apart * normal,
            instance=f"{sheet.instance}/{at}",
        )
        for at in range(count)
    )


def _csa(header: Any) -> dict[str, Any]:  # noqa: ANN401 - a pydicom data set
    """Number and normal of the slices in Siemens' own headers: the image's, else the protocol in that of the series."""
    found: dict[str, Any] = {}
    if IMAGE_HEADER in header:
        from nibabel.nicom.csareader import get_scalar, get_vector, read

        parsed = read(bytes(header[IMAGE_HEADER].value))
        found = {"count": get_scalar(parsed, "NumberOfImagesInMosaic"), "normal": get_vector(parsed, "SliceNormalVector", 3)}
    if SERIES_HEADER in header:
        protocol = bytes(header[SERIES_HEADER].value)
        if not found.get("count") and (size := re.search(rb"sSliceArray\.lSize\s*=\s*(\d{1,4})", protocol)):
            found["count"] = int(size[1])
        if found.get("normal") is None and found.get("count", 0) > 1:
            found["normal"] = _course(protocol, int(found["count"]))
    return found


def _course(protocol: bytes, count: int) -> FloatArray | None:
    """From the first slice of a protocol to its last, LPS; None where it does not give both. It leaves out what is zero."""
    ends = []
    for at in (0, count - 1):
        place = [re.search(rb"sSliceArray\.asSlice\[%d\]\.sPosition\.d%s\s*=\s*(-?[\d.]{1,20})" % (at, axis), protocol) for axis in AXES]
        if not any(place):
            return None
        ends.append([0.0 if number is None else float(number[1]) for number in place])
    return np.subtract(ends[1], ends[0])


def _normal(csa: dict[str, Any], sheet: Image) -> FloatArray:
    """Direction in which the slices of a mosaic follow each other."""
    stated = csa.get("normal")
    if stated is None:
        return sheet.normal
    normal = np.asarray(stated, dtype=np.float64)
    length = float(np.linalg.norm(normal))
    along = float(normal @ sheet.normal)
    if not length > 0 or abs(along) < 0.999 * length:
        raise UnreadableFileError(f"Cannot place {str(sheet.block.path)!r}: the normal in its Siemens header is not across its image.")
    return np.asarray(sheet.normal * np.sign(along))
