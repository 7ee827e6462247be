"""Siemens mosaics: all slices of a volume side by side in one image.

The position in the header is that of the whole sheet, as if it were one large slice about the same middle; the normal is in Siemens' own
header (CSA), which nibabel reads.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from volstudio.errors import UnreadableFileError

if TYPE_CHECKING:
    from volstudio.geometry.affine import FloatArray
    from volstudio.volumes.dicom_file import Image

__all__ = ["mosaic_images"]

CSA = (0x0029, 0x1010)
COUNT = (0x0019, 0x100A)


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
    count = int(csa.get("NumberOfImagesInMosaic") or (header[COUNT].value if COUNT in header else 0))
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
    """First value of the few fields of Siemens' own header that are needed."""
    if CSA not in header:
        return {}
    from nibabel.nicom.csareader import get_scalar, get_vector, read

    parsed = read(bytes(header[CSA].value))
    found: dict[str, Any] = {"NumberOfImagesInMosaic": get_scalar(parsed, "NumberOfImagesInMosaic")}
    found["SliceNormalVector"] = get_vector(parsed, "SliceNormalVector", 3)
    return found


def _normal(csa: dict[str, Any], sheet: Image) -> FloatArray:
    """Direction in which the slices of a mosaic follow each other."""
    stated = csa.get("SliceNormalVector")
    if stated is None:
        return sheet.normal
    normal = np.asarray(stated, dtype=np.float64)
    length = float(np.linalg.norm(normal))
    if not length > 0 or abs(normal @ sheet.normal) < 0.999 * length:
        raise UnreadableFileError(f"Cannot place {str(sheet.block.path)!r}: the normal in its Siemens header is not across its image.")
    return np.asarray(normal / length)
