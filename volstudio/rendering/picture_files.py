"""Pictures as bytes of a file: PNG and TIFF by hand, JPEG through VTK.

The same picture gives the same bytes on every run: no date, no name of the machine. PNG needs nothing but zlib, so that a picture of three
planes starts no image library.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from volstudio.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["SUFFIXES", "encode", "picture_suffix", "read_png_text"]

Rgb = NDArray[np.uint8]

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
JPEG_QUALITY = 95  # below, red and blue overlays bleed visibly into the grey anatomy
TIFF_ENTRY, TIFF_ASCII, TIFF_SHORT, TIFF_LONG = 12, 2, 3, 4


def picture_suffix(path: Path) -> str:
    """The suffix of a picture file, in lower case.

    Raises
    ------
    OutputError
        It names no kind of picture that can be written.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise OutputError(f"{path} does not end like a picture; give a name that ends in .png, .jpg or .tif.")
    return suffix


def encode(rgb: Rgb, suffix: str, text: Mapping[str, str] | None = None) -> bytes:
    """A picture as the bytes of a file.

    Parameters
    ----------
    rgb : (h, w, 3) uint8 array
        First row on top.
    suffix : str
        One of `SUFFIXES`.
    text : mapping of str to str
        Words kept in the file: ``Software``, ``Title``, ``Description``, ... (PNG: all; TIFF: Software and Description; JPEG: none.)
    """
    picture = np.ascontiguousarray(rgb, dtype=np.uint8)
    words = dict(text or {})
    if suffix == ".png":
        return _png(picture, words)
    return _jpeg(picture) if suffix in {".jpg", ".jpeg"} else _tiff(picture, words)


def read_png_text(data: bytes) -> dict[str, str]:
    """The words that `encode` put into a PNG.

    >>> read_png_text(encode(np.zeros((2, 3, 3), np.uint8), ".png", {"Title": "解剖 vor °"}))
    {'Title': '解剖 vor °'}
    """
    words, at = {}, len(PNG_MAGIC)
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        if kind == b"tEXt":
            key, _, value = body.partition(b"\0")
            words[key.decode("latin-1")] = value.decode("latin-1")
        elif kind == b"iTXt":
            key, _, rest = body.partition(b"\0")
            words[key.decode("latin-1")] = rest[4:].decode()
        at += length + 12
    return words


def _png(rgb: Rgb, words: Mapping[str, str]) -> bytes:
    """PNG of 8-bit RGB (ISO/IEC 15948), every row filtered by Paeth's predictor, which suits smooth anatomy best."""
    height, width, _ = rgb.shape
    rows = np.empty((height, 1 + 3 * width), np.uint8)
    rows[:, 0] = 4
    rows[:, 1:] = (rgb - _paeth(rgb)).reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [_chunk(b"IHDR", header), *(_text_chunk(key, value) for key, value in words.items())]
    chunks += [_chunk(b"IDAT", zlib.compress(rows.tobytes(), 6)), _chunk(b"IEND", b"")]
    return PNG_MAGIC + b"".join(chunks)


def _paeth(rgb: Rgb) -> Rgb:
    """What Paeth's predictor expects of each pixel: whichever of left, above and upper left lies nearest to left + above - upper left."""
    padded = np.pad(rgb, ((1, 0), (1, 0), (0, 0))).astype(np.int16)
    left, above, corner = padded[1:, :-1], padded[:-1, 1:], padded[:-1, :-1]
    to_left, to_above, to_corner = np.abs(above - corner), np.abs(left - corner), np.abs(left + above - 2 * corner)
    best = np.where(to_above <= to_corner, above, corner)
    return np.where((to_left <= to_above) & (to_left <= to_corner), left, best).astype(np.uint8)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _text_chunk(key: str, value: str) -> bytes:
    try:
        return _chunk(b"tEXt", key.encode("latin-1") + b"\0" + value.encode("latin-1"))
    except UnicodeEncodeError:
        return _chunk(b"iTXt", key.encode("latin-1") + b"\0\0\0\0\0" + value.encode())


def _tiff(rgb: Rgb, words: Mapping[str, str]) -> bytes:
    """TIFF 6.0 with one deflated strip and horizontal differences."""
    height, width, _ = rgb.shape
    differences = rgb.copy()
    differences[:, 1:] -= rgb[:, :-1]
    strip = zlib.compress(differences.tobytes(), 6)
    strip += b"\0" * (len(strip) % 2)
    entries = [(256, TIFF_LONG, width), (257, TIFF_LONG, height), (258, TIFF_SHORT, (8, 8, 8)), (259, TIFF_SHORT, 8), (262, TIFF_SHORT, 2)]
    entries += [(270, TIFF_ASCII, words["Description"])] if "Description" in words else []
    entries += [(273, TIFF_LONG, 8), (277, TIFF_SHORT, 3), (278, TIFF_LONG, height), (279, TIFF_LONG, len(strip))]
    entries += [(305, TIFF_ASCII, words["Software"])] if "Software" in words else []
    entries.append((317, TIFF_SHORT, 2))
    directory_at = 8 + len(strip)
    spill_at = directory_at + 2 + TIFF_ENTRY * len(entries) + 4
    directory, spill = struct.pack("<H", len(entries)), b""
    for tag, kind, value in entries:
        packed, count = _tiff_value(kind, value)
        if len(packed) > 4:
            packed, spill = struct.pack("<I", spill_at + len(spill)), spill + packed + b"\0" * (len(packed) % 2)
        directory += struct.pack("<HHI", tag, kind, count) + packed.ljust(4, b"\0")
    return b"II*\0" + struct.pack("<I", directory_at) + strip + directory + struct.pack("<I", 0) + spill


def _tiff_value(kind: int, value: object) -> tuple[bytes, int]:
    """Bytes and count of a TIFF directory entry."""
    if isinstance(value, str):
        data = value.encode() + b"\0"
        return data, len(data)
    numbers = value if isinstance(value, tuple) else (value,)
    return struct.pack(f"<{len(numbers)}{'H' if kind == TIFF_SHORT else 'I'}", *numbers), len(numbers)


def _jpeg(rgb: Rgb) -> bytes:
    from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkIOImage import vtkJPEGWriter

    height, width, _ = rgb.shape
    image = vtkImageData()
    image.SetDimensions(width, height, 1)
    upright = np.ascontiguousarray(rgb[::-1]).reshape(-1, 3)
    image.GetPointData().SetScalars(numpy_to_vtk(upright, deep=1))
    writer = vtkJPEGWriter()
    writer.SetInputData(image)
    writer.SetQuality(JPEG_QUALITY)
    writer.WriteToMemoryOn()
    writer.Write()
    return bytes(vtk_to_numpy(writer.GetResult()).tobytes())
