"""One DICOM file: its header, read with care, and the images in it, each with its own place.

Classic files hold one image, Siemens mosaics many in one, enhanced multi-frame files one a frame. All of them become `Image`s, so that
what sorts them into volumes need not know which it was. Nothing but ImagePositionPatient and ImageOrientationPatient places an image.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from volstudio.errors import MissingExtraError, UnreadableFileError, VolstudioError
from volstudio.volumes.integrity import check_regular

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from volstudio.geometry.affine import FloatArray

__all__ = [
    "Header",
    "Image",
    "PixelBlock",
    "directions",
    "images_of",
    "is_dicom",
    "number",
    "parsing",
    "pydicom_module",
    "read_header",
    "vector",
]

DEFERRED = 1 << 20  # bytes of an element above which it is left in the file; headers of vendors are smaller
MOST_FRAMES = 1 << 20
UNDEFINED = 0xFFFFFFFF  # length of an element that ends with a mark instead
META_AT = 144  # byte behind the element that holds the length of the file's own group
MOST_ELEMENTS = 100_000
PIXELS = {0x7FE00010: "whole", 0x7FE00008: "float", 0x7FE00009: "float"}
LONG_TYPES = ("OB", "OW", "OF", "OD", "OL", "OV", "UN")
DEFLATED = "1.2.840.10008.1.2.1.99"


@dataclass(frozen=True, slots=True)
class PixelBlock:
    """How the pixels of a file are stored.

    Parameters
    ----------
    path : Path
    offset, length : int
        Where the plain bytes of PixelData lie; length -1 where they are packed.
    rows, columns, frames : int
    stored : numpy dtype
        Of one number in the file.
    bits, high : int
        BitsStored and HighBit.
    signed : bool
    samples : int
        1, or 3 for colours.
    photometric : str
    """

    path: Path
    offset: int
    length: int
    rows: int
    columns: int
    frames: int
    stored: np.dtype[Any]
    bits: int
    high: int
    signed: bool
    samples: int
    photometric: str


@dataclass(frozen=True, slots=True, eq=False)
class Header:
    """A file's data set, and where its pixels are.

    Parameters
    ----------
    path : Path
    data : pydicom data set
        Up to the pixels.
    pixels : "", "whole", "float"
        Whether there are pixels, and of which kind.
    offset, length : int
        Of the value of the element that holds them.
    """

    path: Path
    data: Any
    pixels: str = ""
    offset: int = 0
    length: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """One image of a file: a slice of a volume.

    Parameters
    ----------
    block : PixelBlock
    frame : int
    tile : (int, int, int, int) or None
        First column, first row, columns and rows within the frame; None: the whole frame.
    position : (3,) array or None
        Of the centre of the first pixel, LPS mm.
    across, down : (3,) arrays
        Unit vectors along which the column and the row index grow.
    spacing : (float, float)
        Millimetres between columns and between rows; 0 where the file does not say.
    apart, thick : float
        Stated distance between slices and thickness of one, 0 where not stated; used for a single slice alone.
    slope, inter : float
    series : str
        SeriesInstanceUID.
    stack : tuple
        What, beside its series and place, tells images of different volumes apart: echo, kind of image, stack.
    order : tuple
        Sorts images of one place in time.
    instance : str
        SOPInstanceUID and frame.
    """

    block: PixelBlock
    frame: int
    tile: tuple[int, int, int, int] | None
    position: FloatArray | None
    across: FloatArray
    down: FloatArray
    spacing: tuple[float, float]
    apart: float
    thick: float
    slope: float
    inter: float
    series: str
    stack: tuple[str, ...]
    order: tuple[float, ...]
    instance: str

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        return (self.block.columns, self.block.rows) if self.tile is None else self.tile[2:]

    @property
    def normal(self) -> FloatArray:
        """Unit vector across the image, LPS."""
        return np.asarray(np.cross(self.across, self.down))


def pydicom_module() -> Any:  # noqa: ANN401 - a module
    """pydicom, or the sentence that says how to get it."""
    try:
        import pydicom
    except ImportError:
        raise MissingExtraError('DICOM files need pydicom; install it with: python -m pip install "volstudio[dicom]"') from None
    return pydicom


def is_dicom(head: bytes) -> bool:
    """Whether a file begins as DICOM does: with its marker or, in files of old archives, with the first element at once."""
    if head[128:132] == b"DICM":
        return True
    group, vr = head[:2], head[4:6]
    return (
        group in (b"\x02\0", b"\x08\0")
        and head[3:4] == b"\0"
        and ((vr.isalpha() and vr.isupper()) or head[6:8] == b"\0\0")
        and len(head) >= 132
    )


@contextmanager
def parsing(path: Path) -> Iterator[None]:
    """While a data set is parsed: what is wrong with it is one sentence about the file, and what is merely odd is silent."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom warns of every value that breaks a rule; most files break some
        try:
            yield
        except VolstudioError:
            raise
        except Exception as error:  # the parser raises what its many value types raise; every one of them means this file is damaged
            words = f"{type(error).__name__}: {error}".splitlines()[0][:200]
            raise UnreadableFileError(f"Cannot read {str(path)!r}: its DICOM data set is damaged or truncated ({words}).") from error


def read_header(path: Path) -> Header:
    """Data set of a file up to its pixels, which are only found.

    Raises
    ------
    UnreadableFileError
        It is damaged.
    MissingExtraError
        pydicom is not installed.
    """
    pydicom_module()
    from pydicom.filereader import read_file_meta_info, read_partial

    seen = 0
    pixels: tuple[int, str | None, int] | None = None

    def stop(tag: int, vr: str | None, length: int) -> bool:
        nonlocal seen, pixels
        seen += 1
        if seen > MOST_ELEMENTS:  # such as a file of zeros, each eight of which are an element
            raise ValueError(f"more than {MOST_ELEMENTS} elements before the pixels")
        if tag in PIXELS:
            pixels = (tag, vr, length)
        return pixels is not None

    check_regular(path)
    with parsing(path), path.open("rb") as file:
        head = file.read(132)
        marked = head[128:] == b"DICM"
        if not is_dicom(head):
            raise UnreadableFileError(f"Cannot open {str(path)!r}: it does not begin as a DICOM file does; is it another format?")
        if marked:
            _check_start(read_file_meta_info(path), file, path)
        file.seek(0)
        data = read_partial(file, stop, defer_size=DEFERRED, force=not marked)
        if pixels is None:
            return Header(path, data)
        tag, vr, length = pixels
        # The parser has gone back to the beginning of the element: a tag, a type and a length of 8 bytes, or 12 for the long types.
        return Header(path, data, PIXELS[tag], file.tell() + (12 if vr in LONG_TYPES else 8), length)


def _check_start(meta: Any, file: BinaryIO, path: Path) -> None:  # noqa: ANN401 - a pydicom data set
    """Refuse what the parser would follow without bound: a deflated data set, or one that begins with the elements of a network command."""
    if str(meta.get("TransferSyntaxUID", "")) == DEFLATED:
        raise UnreadableFileError(
            f"Cannot read {str(path)!r}: it is a deflated DICOM file of unknown unpacked size; convert it first (dcmconv +te)."
        )
    if "FileMetaInformationGroupLength" in meta:
        file.seek(META_AT + int(meta.FileMetaInformationGroupLength))
        if file.read(2) == b"\0\0":
            raise UnreadableFileError(f"Cannot read {str(path)!r}: its elements do not begin as those of an image do; it is damaged.")


def images_of(header: Header) -> tuple[Image, ...]:
    """Images in a file; none where it holds something else than images.

    Raises
    ------
    UnreadableFileError
        It holds images that cannot be understood.
    """
    path, data = header.path, header.data
    with parsing(path):
        if not header.pixels:
            kind = data.get("SOPClassUID") or getattr(data, "file_meta", {}).get("MediaStorageSOPClassUID")
            if "Rows" in data or "Image Storage" in getattr(kind, "name", ""):
                raise UnreadableFileError(f"Cannot read {str(path)!r}: it is an image without pixel data: truncated; copy it again.")
            return ()
        block = _block(header)
        if "PerFrameFunctionalGroupsSequence" in data:
            from volstudio.volumes.dicom_enhanced import enhanced_images

            return enhanced_images(data, block)
        if "GridFrameOffsetVector" in data:
            from volstudio.volumes.dicom_enhanced import dose_images

            return dose_images(data, _classic(data, block))
        if block.frames > 1:
            raise UnreadableFileError(
                f"Cannot place {str(path)!r}: it holds {block.frames} frames without a position for each (no per-frame functional groups); "
                "convert it to an enhanced multi-frame file or to single images."
            )
        image = _classic(data, block)
        if "MOSAIC" in (data.get("ImageType") or ()):
            from volstudio.volumes.dicom_mosaic import mosaic_images

            return mosaic_images(data, image)
        return (image,)


def _block(header: Header) -> PixelBlock:
    """Where and how the pixels are stored."""
    path, data = header.path, header.data
    rows, columns, frames = int(data.Rows), int(data.Columns), int(data.get("NumberOfFrames") or 1)
    samples, allocated = int(data.get("SamplesPerPixel", 1)), int(data.get("BitsAllocated", 16))
    if min(rows, columns, frames) < 1 or frames > MOST_FRAMES:
        raise UnreadableFileError(f"Cannot read {str(path)!r}: its size ({columns} x {rows} pixels, {frames} frames) cannot be.")
    real = header.pixels == "float"
    signed = bool(data.get("PixelRepresentation", 0)) and not real
    if allocated not in (8, 16, 32, 64) or (real and allocated < 32) or samples not in (1, 3) or (samples == 3 and allocated != 8):
        raise UnreadableFileError(
            f"Cannot read {str(path)!r}: pixels of {allocated} bits and {samples} samples are not supported; convert it first."
        )
    photometric = str(data.get("PhotometricInterpretation", "MONOCHROME2"))
    if photometric == "PALETTE COLOR":
        raise UnreadableFileError(f"Cannot read {str(path)!r}: its pixels are indices of a colour palette, not measured values.")
    syntax = getattr(data, "file_meta", {}).get("TransferSyntaxUID", "1.2.840.10008.1.2")
    order = ">" if str(syntax) == "1.2.840.10008.1.2.2" else "<"
    stored = np.dtype(f"{order}{'f' if real else 'i' if signed else 'u'}{allocated // 8}")
    plain = not getattr(syntax, "is_compressed", False) and header.length != UNDEFINED
    bits = int(data.get("BitsStored", allocated))
    high = int(data.get("HighBit", bits - 1))
    if not 0 < bits <= allocated or not bits - 1 <= high < allocated:
        bits, high = allocated, allocated - 1
    length = header.length if plain else -1
    block = PixelBlock(path, header.offset, length, rows, columns, frames, stored, bits, high, signed, samples, photometric)
    if plain:
        _check_length(block, path.stat().st_size)
    return block


def _check_length(block: PixelBlock, size: int) -> None:
    samples = 2 if block.photometric == "YBR_FULL_422" else block.samples  # two pixels share their colour
    needed = block.rows * block.columns * block.frames * samples * block.stored.itemsize
    held = min(block.length, size - block.offset)
    if held < needed:
        raise UnreadableFileError(
            f"Cannot read {str(block.path)!r}: its pixel data are truncated: {block.columns} x {block.rows} x {block.frames} pixels need "
            f"{needed} bytes, the file holds {max(held, 0)}; copy it again."
        )


def _classic(header: Any, block: PixelBlock) -> Image:  # noqa: ANN401 - a pydicom data set
    """The one image of a classic file."""
    across, down = directions(header.get("ImageOrientationPatient"))
    position = vector(header.get("ImagePositionPatient"))
    known = header.get("ImageOrientationPatient") is not None
    spacing = header.get("PixelSpacing") or (0.0, 0.0)
    slope, inter = number(header.get("RescaleSlope"), 1.0), number(header.get("RescaleIntercept"), 0.0)
    kinds = [*(str(word) for word in (header.get("ImageType") or ())[2:]), str(header.get("ComplexImageComponent", ""))]
    order = (
        number(header.get("TemporalPositionIdentifier")),
        number(header.get("AcquisitionNumber")),
        number(header.get("TriggerTime")),
        number(header.get("AcquisitionTime")),
        number(header.get("InstanceNumber")),
    )
    return Image(
        block=block,
        frame=0,
        tile=None,
        position=position if known else None,
        across=across,
        down=down,
        spacing=(float(spacing[1]), float(spacing[0])),
        apart=abs(number(header.get("SpacingBetweenSlices"))),
        thick=abs(number(header.get("SliceThickness"))),
        slope=slope,
        inter=inter,
        series=str(header.get("SeriesInstanceUID", "")),
        stack=(f"{number(header.get('EchoTime')):g}", "\\".join(kinds)),
        order=order,
        instance=f"{header.get('SOPInstanceUID', block.path)}",
    )


def number(value: object, default: float = 0.0) -> float:
    """A number of a header; the default where it is missing, empty or not finite."""
    try:
        found = float(value)  # type: ignore[arg-type]  # what is no number raises
    except (TypeError, ValueError):
        return default
    return found if np.isfinite(found) else default


def vector(values: Any) -> FloatArray | None:  # noqa: ANN401 - a multi-value of pydicom
    """Three finite numbers of a header; None where there are none."""
    if values is None or len(values) != 3:
        return None
    found = np.array([float(value) for value in values])
    return found if np.isfinite(found).all() else None


def directions(values: Any) -> tuple[FloatArray, FloatArray]:  # noqa: ANN401 - a multi-value of pydicom
    """Directions of rows and columns, LPS, of length 1."""
    if values is None or len(values) != 6:
        return np.array([1.0, 0, 0]), np.array([0.0, 1, 0])
    both = np.array([float(value) for value in values]).reshape(2, 3)
    lengths = np.linalg.norm(both, axis=1)
    if not np.isfinite(both).all() or (np.abs(lengths - 1) > 0.01).any() or abs(both[0] @ both[1]) > 0.01:
        raise ValueError(f"ImageOrientationPatient {list(values)} is not two unit vectors at a right angle")
    across, down = both / lengths[:, None]
    return across, down
