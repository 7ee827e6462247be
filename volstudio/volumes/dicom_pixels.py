"""Pixels of DICOM files as numbers: plain ones straight from the file, packed ones through pydicom's decoders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from volstudio.errors import MissingExtraError, UnreadableFileError
from volstudio.volumes.dicom_file import PixelBlock, parsing, pydicom_module
from volstudio.volumes.integrity import check_regular
from volstudio.volumes.series import RGB_WEIGHTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["frames_of", "value_type"]


def value_type(block: PixelBlock) -> np.dtype[Any]:
    """Type of the numbers that `frames_of` gives."""
    return np.dtype(np.uint8) if block.samples == 3 else block.stored.newbyteorder("=")


def frames_of(block: PixelBlock) -> NDArray[Any]:
    """(frames, rows, columns) numbers of a file, not rescaled; colours as their brightness.

    Raises
    ------
    UnreadableFileError
        The pixels are damaged or truncated.
    MissingExtraError
        Nothing is installed that can unpack them.
    """
    if block.length < 0:
        return _unpacked(block)
    check_regular(block.path)
    count = block.frames * block.rows * block.columns * block.samples
    try:
        plain = np.fromfile(block.path, block.stored, count, offset=block.offset)
    except OSError as error:
        raise UnreadableFileError(f"Cannot read {str(block.path)!r}: {(error.strerror or str(error)).lower()}.") from error
    if plain.size < count:
        raise UnreadableFileError(f"Cannot read {str(block.path)!r}: its pixel data are truncated; it has changed since it was opened.")
    if block.samples == 3:
        return _unpacked(block)
    return _meant_bits(plain, block).reshape(block.frames, block.rows, block.columns)


def _meant_bits(numbers: NDArray[Any], block: PixelBlock) -> NDArray[Any]:
    """Numbers of the bits that are meant: old files keep overlays in the bits above them."""
    native = numbers.astype(value_type(block), copy=False)
    allocated = 8 * block.stored.itemsize
    if block.stored.kind == "f" or block.bits == allocated:
        return native
    # Up to the top, so that what stands above is lost, and down again, which brings the sign along where the type has one.
    return np.asarray((native << (allocated - 1 - block.high)) >> (allocated - block.bits))


def _unpacked(block: PixelBlock) -> NDArray[Any]:
    """Through pydicom and whichever decoder is installed."""
    pydicom = pydicom_module()
    with parsing(block.path):
        header = pydicom.dcmread(block.path)
        try:
            pixels = np.asarray(header.pixel_array)
        except RuntimeError as error:
            syntax = header.file_meta.TransferSyntaxUID
            if pydicom.pixels.get_decoder(syntax).is_available:
                raise UnreadableFileError(
                    f"Cannot unpack the pixels of {str(block.path)!r} ({syntax.name}): they are damaged, or packed in a way that the "
                    "installed decoders do not know; unpack the file with another tool first."
                ) from error
            raise MissingExtraError(
                f"Cannot unpack the pixels of {str(block.path)!r} ({syntax.name}); install the decoders with: "
                'python -m pip install "volstudio[dicom]"'
            ) from error
        shape = (block.frames, block.rows, block.columns)
        if block.samples == 3:  # pydicom gives RGB, whatever the colour space of the file
            brightness = np.rint(pixels.astype(np.float32) @ np.array(RGB_WEIGHTS, dtype=np.float32))
            return np.asarray(brightness, dtype=np.uint8).reshape(shape)
        return pixels.astype(value_type(block), copy=False).reshape(shape)
