"""MetaImage (.mha, .mhd): file to `Volume`."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.geometry.spaces import scanner, voxel
from volstudio.volumes.findings import examined, grid_findings
from volstudio.volumes.integrity import check_regular
from volstudio.volumes.metaimage_header import MetaHeader, meta_place, read_meta_header
from volstudio.volumes.nifti_forms import Form, no_form
from volstudio.volumes.parts import named_files, open_parts, spelled_voxels
from volstudio.volumes.payload import Payload, open_payload
from volstudio.volumes.series import Decoder, voxel_array
from volstudio.volumes.volume import Finding, Source, Volume

if TYPE_CHECKING:
    from pathlib import Path

    from volstudio.volumes.packing import Packing
    from volstudio.volumes.series import RawArray

__all__ = ["read_metaimage"]

CHANNELS = ("R", "G", "B", "A")
LONG = ("MET_LONG", "MET_ULONG")


def read_metaimage(path: Path, *, form: Form = "auto", name: str, memory_limit: int | None = None) -> Volume:
    """Volume of a MetaImage.

    Parameters
    ----------
    path : Path
        ``.mha``, or an ``.mhd`` whose data lie in the same folder.
    form : "auto"
        MetaImages have one placement only.
    name : str
    memory_limit : int or None
        Bytes that unpacked voxels may take; None: what is free.

    Raises
    ------
    UnreadableFileError
        The file is damaged, declares what it does not hold, names data outside its folder, or a NIfTI form was asked for.
    """
    no_form(path, form, "a MetaImage")
    header = read_meta_header(path)
    place = meta_place(header)
    files = _files(header)
    dims, stored, order, said = _axes(header, files)
    raw, found = _voxels(header, files, Payload(files[0], 0, "", dims, stored, order), memory_limit)
    shape = (*raw.shape, 1, 1)[:3]
    grid = Grid((shape[0], shape[1], shape[2]), Affine(place.matrix, voxel(name), scanner(name)))
    used = "Its TransformMatrix, Offset and ElementSpacing place it." if place.known else "Its voxel sizes and Offset alone place it."
    findings = (Finding("form-used", used, "info"), *place.findings, *grid_findings(grid), *said, *_scaling(header), *found)
    return examined(
        Volume(
            data=voxel_array(raw, Decoder(stored)),
            grid=grid,
            name=name,
            source=Source(path, "MetaImage", "LPS" if place.known else "spacings", (path, *(file for file in files if file != path))),
            findings=findings,
            facts={
                "data_type": "colour" if stored.names else stored.name,
                "byte_order": "big" if header.stored.byteorder == ">" else "little",
            },
            orientation_known=place.known,
        )
    )


def _axes(header: MetaHeader, files: tuple[Path, ...]) -> tuple[tuple[int, ...], np.dtype[Any], tuple[int, ...], tuple[Finding, ...]]:
    """Axes of the data, type of a voxel, which axis becomes i, j, k and t, and what to say."""
    sizes, stored = header.sizes, _long(header, files)
    space = tuple(range(min(len(sizes), 3)))
    channels = header.whole("elementnumberofchannels", 1)
    if channels < 1:
        raise header.refuse(f"it has {channels} channels (ElementNumberOfChannels); at least one is needed")
    series = len(sizes) == 4 and sizes[3] > 1
    if channels == 1:
        text = f"This is a series of {sizes[-1]} volumes; the first one is shown."
        return sizes, stored, (*space, 3) if series else space, (Finding("series", text, "info"),) if series else ()
    if channels in (3, 4) and stored == np.uint8:
        text = "The voxels are colours (RGB); their brightness is shown."
        colour = np.dtype([(channel, "u1") for channel in CHANNELS[:channels]])
        return sizes, colour, (*space, 3) if series else space, (Finding("colour", text, "warning"),)
    if series or len(sizes) == 2:
        raise header.refuse(
            f"it has {channels} channels in {len(sizes)} dimensions; volstudio shows a volume or one series: split it first"
        )
    text = f"The {channels} channels of a voxel are shown as if they were time, one at a time."
    return (channels, *sizes), stored, (1, 2, 3, 0), (Finding("components-as-series", text, "warning"),)


def _long(header: MetaHeader, files: tuple[Path, ...]) -> np.dtype[Any]:
    """Type of a number. MET_LONG has 4 bytes in MetaIO's table and 8 in files of systems whose ``long`` has: the file's size decides."""
    stored = header.stored
    if (header.text("elementtype") or "").upper().removesuffix("_ARRAY") not in LONG or header.flag("compresseddata", default=False):
        return stored
    count = math.prod(header.sizes) * max(header.whole("elementnumberofchannels", 1), 1)
    held = sum(check_regular(file).st_size - (header.end if file == header.path else 0) for file in set(files))
    return np.dtype(f"{stored.byteorder}{stored.kind}8") if held == count * 8 else stored


def _files(header: MetaHeader) -> tuple[Path, ...]:
    """The files of the voxels; the header's own where they are local."""
    name = header.fields["elementdatafile"]
    if name.upper() == "LOCAL":
        return (header.path,)
    return named_files(header.path, name, header.listed)


def _voxels(header: MetaHeader, files: tuple[Path, ...], whole: Payload, memory_limit: int | None) -> tuple[RawArray, tuple[Finding, ...]]:
    """Voxels as stored, in the house's order; ``whole`` knows their axes."""
    if not header.flag("binarydata", default=True):
        if len(files) > 1:
            raise header.refuse("its data are text in several files, which is not supported; save it as binary")
        return spelled_voxels(_located(header, files[0], whole), header.stored, memory_limit, header.path), ()
    if len(files) == 1:
        return open_payload(_located(header, files[0], whole), memory_limit, header.path)
    if whole.dims[-1] % len(files):
        raise header.refuse(f"its {len(files)} data files cannot share {whole.dims[-1]} slices")
    share = replace(whole, dims=(*whole.dims[:-1], whole.dims[-1] // len(files)), order=tuple(range(len(whole.dims))))
    return open_parts([_located(header, file, share) for file in files], whole.order, memory_limit, header.path)


def _located(header: MetaHeader, file: Path, block: Payload) -> Payload:
    """A block where it lies in a file."""
    start = header.end if file == header.path else 0
    skipped = header.whole("headersize", 0)
    packing: Packing = ""
    if header.flag("compresseddata", default=False):
        with file.open("rb") as stream:
            stream.seek(start)
            packing = "gzip" if stream.read(2) == b"\x1f\x8b" else "zlib"
    if skipped < -1 or (skipped == -1 and packing):
        raise header.refuse(f"its HeaderSize is {skipped}, which cannot be followed")
    if skipped == -1:
        start = max(check_regular(file).st_size - block.n_bytes, start)
    elif not packing:
        start += skipped
    return replace(block, path=file, offset=start, packing=packing)


def _scaling(header: MetaHeader) -> tuple[Finding, ...]:
    slope = header.numbers("elementtointensityfunctionslope", 1)
    offset = header.numbers("elementtointensityfunctionoffset", 1)
    if (slope is None or slope[0] == 1) and (offset is None or offset[0] == 0):
        return ()
    text = "The header gives an intensity function (ElementToIntensityFunction); like ITK, volstudio shows the values as stored."
    return (Finding("not-rescaled", text, "warning"),)
