"""NRRD (.nrrd, .nhdr): file to `Volume`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.geometry.spaces import scanner, voxel
from volstudio.volumes.findings import examined, grid_findings
from volstudio.volumes.integrity import check_regular
from volstudio.volumes.nifti_forms import Form, no_form
from volstudio.volumes.nrrd_header import NrrdHeader, read_nrrd_header
from volstudio.volumes.nrrd_place import kinds_of, place_of
from volstudio.volumes.parts import named_files, open_parts, spelled_voxels
from volstudio.volumes.payload import Payload, open_payload
from volstudio.volumes.series import Decoder, voxel_array
from volstudio.volumes.volume import Finding, Source, Volume

if TYPE_CHECKING:
    from pathlib import Path

    from volstudio.volumes.packing import Packing
    from volstudio.volumes.series import RawArray

__all__ = ["read_nrrd"]

COLOURS = {"rgb-color": ("R", "G", "B"), "rgba-color": ("R", "G", "B", "A")}


@dataclass(frozen=True, slots=True)
class Axes:
    """The file's axes as voxels: lengths, type of a voxel, which axis becomes i, j, k and t, and what to say about the others."""

    dims: tuple[int, ...]
    stored: np.dtype[Any]
    order: tuple[int, ...]
    findings: tuple[Finding, ...] = ()


def read_nrrd(path: Path, *, form: Form = "auto", name: str, memory_limit: int | None = None) -> Volume:
    """Volume of an NRRD file.

    Parameters
    ----------
    path : Path
        ``.nrrd``, or an ``.nhdr`` whose data lie in the same folder.
    form : "auto"
        NRRD files have one placement only.
    name : str
    memory_limit : int or None
        Bytes that unpacked voxels may take; None: what is free.

    Raises
    ------
    UnreadableFileError
        The file is damaged, declares what it does not hold, names data outside its folder, or a NIfTI form was asked for.
    """
    no_form(path, form, "an NRRD file")
    header = read_nrrd_header(path)
    place = place_of(header)
    axes = _axes(header, place.axes)
    files = _files(header)
    raw, found = _voxels(header, files, axes, memory_limit)
    shape = (*raw.shape, 1, 1)[:3]
    grid = Grid((shape[0], shape[1], shape[2]), Affine(place.matrix, voxel(name), scanner(name)))
    text = f"The space directions of its header place it (space {place.space!r})." if place.space else "Its voxel sizes alone place it."
    findings = (Finding("form-used", text, "info"), *place.findings, *grid_findings(grid), *axes.findings, *_old_range(header), *found)
    return examined(
        Volume(
            data=voxel_array(raw, Decoder(axes.stored)),
            grid=grid,
            name=name,
            source=Source(path, "NRRD", place.space or "spacings", (path, *(file for file in files if file != path))),
            findings=findings,
            facts=_facts(header, axes.stored),
            orientation_known=place.known,
        )
    )


def _axes(header: NrrdHeader, space: tuple[int, ...]) -> Axes:
    """How the file's axes are shown."""
    sizes, kinds, stored = header.sizes, kinds_of(header), header.stored
    other = [axis for axis in range(len(sizes)) if axis not in space and sizes[axis] > 1]
    if 0 in other and (kind := kinds[0]):
        joined = _joined(kind, sizes[0], stored)
        if joined is not None:
            said = "colours (RGB); their brightness" if joined.names else "complex numbers; their magnitude"
            code = "colour" if joined.names else "complex"
            order = tuple(axis - 1 for axis in (*space, *(axis for axis in other if axis)))
            _one_other(header, other[1:])
            return Axes(sizes[1:], joined, order, (Finding(code, f"The voxels are {said} is shown.", "warning"),))
    _one_other(header, other)
    if not other:
        return Axes(sizes, stored, space)
    axis = other[0]
    order = (*space, axis) if len(space) == 3 else space
    if len(space) < 3:
        raise header.refuse("it is a slice with a further axis, which volstudio cannot show; make a volume or a series of it first")
    if kinds[axis] in ("time", "list", "") or "time" in header.fields.get("space", "").lower():
        text = f"This is a series of {sizes[axis]} volumes; the first one is shown."
        return Axes(sizes, stored, order, (Finding("series", text, "info"),))
    text = f"The {sizes[axis]} components of a voxel ({kinds[axis]}) are shown as if they were time, one at a time."
    return Axes(sizes, stored, order, (Finding("components-as-series", text, "warning"),))


def _joined(kind: str, count: int, stored: np.dtype[Any]) -> np.dtype[Any] | None:
    """Type of a voxel whose components belong together; None where they are numbers of their own."""
    if kind == "complex" and count == 2 and stored.kind == "f":
        return np.dtype(f"{stored.str[0]}c{2 * stored.itemsize}")
    channels = COLOURS.get(kind, ())
    if len(channels) == count and stored == np.uint8:
        return np.dtype([(channel, "u1") for channel in channels])
    return None


def _one_other(header: NrrdHeader, other: list[int]) -> None:
    if len(other) > 1:
        shown = " x ".join(map(str, header.sizes))
        raise header.refuse(
            f"it has more than one dimension beside space (size {shown}); volstudio shows a volume or one series: split it first"
        )


def _files(header: NrrdHeader) -> tuple[Path, ...]:
    """The files of the voxels; the header's own where they are attached."""
    name = header.fields.get("data file", "")
    if not name:
        if check_regular(header.path).st_size <= header.end and "data file" in header.fields:
            raise header.refuse("its data file has no name")
        return (header.path,)
    return named_files(header.path, name, header.listed)


def _voxels(header: NrrdHeader, files: tuple[Path, ...], axes: Axes, memory_limit: int | None) -> tuple[RawArray, tuple[Finding, ...]]:
    """Voxels as stored, in the house's order."""
    dims, stored, order = axes.dims, axes.stored, axes.order
    if header.encoding in ("text", "hex"):
        if len(files) > 1:
            raise header.refuse("its data are text in several files, which is not supported; save it as raw or gzip")
        text = Payload(files[0], _behind_lines(header, files[0]), "", dims, stored, order, max(header.whole("byte skip", 0), 0))
        return spelled_voxels(text, header.stored, memory_limit, header.path, hexadecimal=header.encoding == "hex"), ()
    if len(files) == 1:
        return open_payload(_payload(header, files[0], dims, stored, order), memory_limit, header.path)
    if dims[-1] % len(files):
        raise header.refuse(f"its {len(files)} data files cannot share {dims[-1]} slices")
    share = (*dims[:-1], dims[-1] // len(files))
    parts = [_payload(header, file, share, stored, tuple(range(len(dims)))) for file in files]
    return open_parts(parts, order, memory_limit, header.path)


def _payload(header: NrrdHeader, file: Path, dims: tuple[int, ...], stored: np.dtype[Any], order: tuple[int, ...]) -> Payload:
    """Where the voxels lie: lines are skipped before unpacking, bytes after it (NRRD: "line skip", "byte skip")."""
    packing: Packing = {"gzip": "gzip", "bzip2": "bzip2"}.get(header.encoding, "")  # type: ignore[assignment]  # text never comes here
    start = _behind_lines(header, file)
    skipped = header.whole("byte skip", 0)
    if skipped < -1 or (skipped == -1 and packing):
        raise header.refuse(f"its byte skip is {skipped}, which cannot be followed")
    if skipped == -1:
        start, skipped = check_regular(file).st_size - math.prod(dims) * stored.itemsize, 0
        if start < 0:
            raise header.refuse("its data file holds less than the header declares; it is truncated")
    return Payload(file, start, packing, dims, stored, order, skipped)


def _behind_lines(header: NrrdHeader, file: Path) -> int:
    """Byte at which the data of a file begin, behind the header and the lines to be skipped."""
    start = header.end if file == header.path else 0
    lines = header.whole("line skip", 0)
    if not 0 <= lines <= 1 << 20:
        raise header.refuse(f"its line skip is {lines}, which cannot be followed")
    if not lines:
        return start
    with file.open("rb") as stream:
        stream.seek(start)
        for _ in range(lines):
            if not stream.readline(1 << 20).endswith(b"\n"):
                raise header.refuse("it ends within the lines to be skipped (line skip); it is truncated")
        return stream.tell()


def _old_range(header: NrrdHeader) -> tuple[Finding, ...]:
    low, high = header.fields.get("old min"), header.fields.get("old max")
    if low is None and high is None:
        return ()
    text = f"The header says that the numbers once ran from {low} to {high} (old min, old max); they are shown as stored."
    return (Finding("not-rescaled", text, "info"),)


def _facts(header: NrrdHeader, stored: np.dtype[Any]) -> dict[str, str | int | float]:
    number = header.stored
    facts: dict[str, str | int | float] = {
        "data_type": "colour" if stored.names else stored.name,
        "byte_order": "big" if number.byteorder == ">" else "little",
        "encoding": header.encoding,
    }
    if content := header.fields.get("content", "").strip('"'):
        facts["description"] = content[:200]
    return facts
