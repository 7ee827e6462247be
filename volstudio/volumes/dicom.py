"""DICOM: a file, or the folder of a scan, to `Volume`.

A file stands for the whole volume that it is a part of: its neighbours in the folder are looked through. Thereby any one of its files names
a volume for good, in scenes and in journals, even where a folder holds many.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from volstudio.errors import UnreadableFileError
from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.geometry.spaces import scanner, voxel
from volstudio.volumes.dicom_file import Header, Image, images_of, is_dicom, number, parsing, read_header
from volstudio.volumes.dicom_pixels import frames_of, value_type
from volstudio.volumes.dicom_stack import Stack, groups_of, stack_of
from volstudio.volumes.findings import examined, grid_findings
from volstudio.volumes.formats import name_of
from volstudio.volumes.integrity import check_memory
from volstudio.volumes.nifti_forms import Form, no_form
from volstudio.volumes.series import Decoder, voxel_array
from volstudio.volumes.volume import Finding, Source, Volume

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["DicomSeries", "dicom_series", "read_dicom", "series_named"]

HEAD = 132
LISTED = 12


@dataclass(frozen=True, slots=True)
class DicomSeries:
    """One volume or 4D series that can be opened.

    Parameters
    ----------
    number : int
        In the list, from 1.
    text : str
        What it is, in words.
    uid : str
        SeriesInstanceUID.
    description : str
        SeriesDescription, empty where there is none.
    path : Path
        One of its files, which names it as well.
    images : tuple of Image
    """

    number: int
    text: str
    uid: str
    description: str
    path: Path
    images: tuple[Image, ...]


def read_dicom(
    path: Path, *, form: Form = "auto", name: str | None = None, memory_limit: int | None = None, series: str | int | None = None
) -> Volume:
    """Volume of DICOM files.

    Parameters
    ----------
    path : Path
        A file, which stands for all images of its volume beside it, or a folder.
    form : "auto"
        DICOM files have one placement only.
    name : str or None
        None: the description of the series, else the name of the folder or file.
    memory_limit : int or None
        Bytes that the voxels may take; None: what is free.
    series : str, int or None
        Which of several series: its number in the list, its UID or its description. None: the only one, or that of the file.

    Raises
    ------
    UnreadableFileError
        There is no image, several series and none chosen, or images that are damaged or make no grid.
    MissingExtraError
        pydicom, or a decoder, is not installed.
    """
    no_form(path, form, "a DICOM scan")
    found = dicom_series(path)
    chosen = _chosen(found, path, series)
    stack = stack_of(chosen.images, path)
    header = read_header(chosen.path).data
    name = name or (chosen.description and name_of(path.with_name(chosen.description.replace(os.sep, " ")))) or name_of(path)
    raw, decoder, said = _voxels(stack, path, memory_limit)
    shape = (raw.shape[0], raw.shape[1], raw.shape[2])
    grid = Grid(shape, Affine(stack.matrix, voxel(name), scanner(name)))
    files = tuple(dict.fromkeys(image.block.path for slot in stack.slots for image in slot if image is not None))
    findings = (
        *((Finding("form-used", "The positions and orientations of its images place it.", "info"),) if stack.known else ()),
        *stack.findings,
        *grid_findings(grid),
        *said,
        *_company(path, chosen, found, len(files)),
        *_header_findings(header),
    )
    return examined(
        Volume(
            data=voxel_array(raw, decoder),
            grid=grid,
            name=name,
            source=Source(chosen.path, "DICOM", "patient" if stack.known else "fallback", files),
            findings=findings,
            facts=_facts(header, decoder, chosen.path),
            orientation_known=stack.known,
        )
    )


def dicom_series(path: Path) -> tuple[DicomSeries, ...]:
    """What can be opened in a folder, or in a file and beside it.

    Raises
    ------
    UnreadableFileError
        Nothing, or images that are damaged.
    """
    folder = path if path.is_dir() else path.parent
    own = () if path.is_dir() else images_of(read_header(path))
    if not own and not path.is_dir():
        raise UnreadableFileError(f"Cannot open {str(path)!r}: this DICOM file holds no image with pixels; give the files of a scan.")
    images: list[Image] = []
    words: dict[Path, tuple[str, ...]] = {}
    files = _dicom_files(folder)
    if not files:
        raise UnreadableFileError(
            f"Cannot open {str(path)!r}: it is a directory that holds no DICOM images; give a file, or the folder that holds the images."
        )
    wanted = {image.series for image in own}
    for file in files:
        header = read_header(file)
        with parsing(file):
            series = str(header.data.get("SeriesInstanceUID", ""))
        if wanted and series not in wanted:
            continue
        here = images_of(header)
        if here:
            words[file] = _words(header)
            images += here
    if not images:
        raise UnreadableFileError(
            f"Cannot open {str(path)!r}: it is a directory whose DICOM files hold no images with pixels; give the folder of a scan."
        )
    groups = groups_of(images)
    return tuple(_described(at, group, words[group[0].block.path]) for at, group in enumerate(groups, 1))


def series_named(folder: Path, wanted: str) -> DicomSeries:
    """The series of a folder that a number of the list, a UID or a description names.

    Raises
    ------
    UnreadableFileError
        There is none, or several fit.
    """
    return _chosen(dicom_series(folder), folder, wanted)


def _dicom_files(folder: Path) -> list[Path]:
    """Files of a folder that begin as DICOM does, by name; anything else is left alone."""
    files = []
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise UnreadableFileError(f"Cannot open {str(folder)!r}: {(error.strerror or str(error)).lower()}.") from error
    for entry in entries:
        try:
            if not entry.is_file() or entry.stat().st_size < HEAD:
                continue
            with open(entry.path, "rb") as file:  # noqa: PTH123 - a Path for each of 10 000 files costs more than reading them
                head = file.read(HEAD)
        except OSError:  # a file that may not be read, or has gone since: it is none of this volume's
            continue
        if is_dicom(head):
            files.append(folder / entry.name)
    return files


def _words(header: Header) -> tuple[str, ...]:
    """Description of the series first, then what else tells it from others."""
    with parsing(header.path):
        data = header.data
        description = str(data.get("SeriesDescription") or "").strip()
        echo = number(data.get("EchoTime"))
        words = [description, str(data.get("Modality") or "image"), f"series {data.get('SeriesNumber') or '?'}"]
    return (*words, *([repr(description)] if description else []), *([f"echo {echo:g} ms"] if echo else []))


def _described(at: int, group: tuple[Image, ...], words: tuple[str, ...]) -> DicomSeries:
    """A group in words."""
    columns, rows = group[0].size
    text = " ".join((*words[1:], f"{len(group)} images of {columns} x {rows}"))
    first = min(group, key=lambda image: image.block.path.name)
    return DicomSeries(at, text, group[0].series, words[0], first.block.path, group)


def _chosen(found: Sequence[DicomSeries], path: Path, series: str | int | None) -> DicomSeries:
    """The one that is asked for."""
    fitting = list(found)
    if series is not None:
        wanted = str(series)
        fitting = [each for each in found if wanted and (wanted == str(each.number) or wanted in (each.uid, each.description))]
    elif not path.is_dir():
        fitting = [each for each in found if any(image.block.path == path for image in each.images)]
    if len(fitting) == 1:
        return fitting[0]
    lines = "; ".join(f"{each.number}: {each.text} (such as {each.path.name!r})" for each in found[:LISTED])
    more = f"; and {len(found) - LISTED} more" if len(found) > LISTED else ""
    wrong = f"holds {len(found)} series (by scan, orientation, echo and kind)" if series is None else f"has no single series {series!r}"
    raise UnreadableFileError(
        f"Cannot open {str(path)!r}: it {wrong}: {lines}{more}. Name one by its number, as {f'{path}#{found[0].number}'!r}, by one of its "
        "files, or choose with series=."
    )


def _voxels(stack: Stack, path: Path, memory_limit: int | None) -> tuple[NDArray[Any], Decoder, tuple[Finding, ...]]:
    """(i, j, k[, t]) numbers and what makes values of them.

    One pair of slope and intercept for all images stays with the reader of values; images that differ are rescaled here, each by its own.
    """
    images = [image for slot in stack.slots for image in slot if image is not None]
    empty = len(images) < sum(len(slot) for slot in stack.slots)
    scales = {(image.slope, image.inter) for image in images}
    own = len(scales) > 1
    stored = np.result_type(*{value_type(image.block) for image in images})
    dtype = np.dtype(np.float32) if own or empty else stored
    columns, rows = images[0].size
    n_times = len(stack.slots[0])
    shape = (columns, rows, len(stack.slots), n_times)
    check_memory(path, math.prod(shape) * dtype.itemsize, memory_limit)
    values = np.full(shape, np.nan, dtype, order="F") if empty else np.empty(shape, dtype, order="F")
    places = [(image, k, t) for k, slot in enumerate(stack.slots) for t, image in enumerate(slot) if image is not None]
    places.sort(key=lambda place: (str(place[0].block.path), place[0].frame))
    block, frames = None, np.empty(0)
    for image, k, t in places:
        if image.block is not block:
            block, frames = image.block, frames_of(image.block)
        pixels = frames[image.frame]
        if image.tile is not None:
            left, top, width, height = image.tile
            pixels = pixels[top : top + height, left : left + width]
        values[..., k, t] = (pixels.astype(np.float64) * image.slope + image.inter if own else pixels).T
    slope, inter = (1.0, 0.0) if own else next(iter(scales))
    findings = _value_findings(images, own=own, n_times=n_times, slope=slope, inter=inter)
    return values[..., 0] if n_times == 1 else values, Decoder(dtype, slope, inter), findings


def _value_findings(images: list[Image], *, own: bool, n_times: int, slope: float, inter: float) -> tuple[Finding, ...]:
    found = []
    if n_times > 1:
        found.append(Finding("series", f"This is a series of {n_times} volumes; the first one is shown.", "info"))
        echoes = {image.order[1:4] for image in images} if images[0].block.frames > 1 else set()
        if len({order[:2] for order in echoes}) > 1:
            text = "Frames of several echoes or kinds (such as magnitude and phase) follow each other along the fourth axis."
            found.append(Finding("echoes-as-series", text, "warning"))
    if own:
        found.append(Finding("scaled", "Each image is rescaled by its own slope and intercept.", "info"))
    elif (slope, inter) != (1.0, 0.0):
        text = f"Values are scaled on reading: {slope:g} x stored {'+' if inter >= 0 else '-'} {abs(inter):g}."
        found.append(Finding("scaled", text, "info"))
    if images[0].block.samples == 3:
        found.append(Finding("colour", "The voxels are colours (RGB); their brightness is shown.", "warning"))
    if images[0].block.photometric == "MONOCHROME1":
        text = "The images are MONOCHROME1: low values are meant to be bright. Values are kept as stored, for the map gray-inverted."
        found.append(Finding("monochrome1", text, "warning"))
    return tuple(found)


def _company(path: Path, chosen: DicomSeries, found: Sequence[DicomSeries], n_files: int) -> tuple[Finding, ...]:
    """What else is in the folder."""
    said = []
    if not path.is_dir() and n_files > 1:
        text = f"This file is one of {n_files} of its scan in the folder; the whole scan is shown."
        said.append(Finding("scan-of-folder", text, "info"))
    if len(found) > 1:
        text = f"The folder or file holds {len(found)} series or stacks; this is {chosen.number}: {chosen.text}."
        said.append(Finding("several-series", text, "info"))
    return tuple(said)


def _header_findings(header: Any) -> tuple[Finding, ...]:  # noqa: ANN401 - a pydicom data set
    if "ModalityLUTSequence" in header:
        text = "The file has a table that turns stored numbers into values (Modality LUT), which is not applied; values are as stored."
        return (Finding("not-rescaled", text, "warning"),)
    return ()


def _facts(header: Any, decoder: Decoder, path: Path) -> dict[str, str | int | float]:  # noqa: ANN401 - a pydicom data set
    """What the header says that is about the scan; nothing about the person."""
    facts: dict[str, str | int | float] = {"data_type": decoder.stored.name}
    with parsing(path):
        for key, field in (
            ("modality", "Modality"),
            ("manufacturer", "Manufacturer"),
            ("description", "SeriesDescription"),
            ("protocol", "ProtocolName"),
            ("units", "Units"),
            ("frame_of_reference", "FrameOfReferenceUID"),
            ("photometric", "PhotometricInterpretation"),
        ):
            if text := str(header.get(field) or "").strip():
                facts[key] = text[:200]
        if (repetition := number(header.get("RepetitionTime"))) > 0:
            facts["repetition_time_ms"] = repetition
        if (echo := number(header.get("EchoTime"))) > 0:
            facts["echo_time_ms"] = echo
    if facts.get("modality") == "CT":
        facts.setdefault("units", "HU")
    return facts
