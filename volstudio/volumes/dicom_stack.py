"""From images to volumes: which images belong together, in which order, and whether their places make a grid.

Images are sorted by where they lie, never by name or number. Places that do not make an evenly spaced line of slices are not stretched into
one: a missing slice stays empty and is told, and anything else is refused with its numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from volstudio.errors import UnreadableFileError
from volstudio.volumes.findings import SHEAR
from volstudio.volumes.volume import Finding

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence
    from pathlib import Path

    from volstudio.geometry.affine import FloatArray
    from volstudio.volumes.dicom_file import Image

__all__ = ["Stack", "groups_of", "stack_of"]

SAME_DIRECTION = 2e-3  # largest difference of a unit vector's entries: headers of one series round differently
SAME_PLACE = 0.01  # of the distance between pixels
EVEN = 0.05  # of the distance between slices: how far a slice may be from its place on the line
ROUNDED = 0.01  # of the same: from here on it is told
MOST_MISSING = 1.0  # missing slices for each one that is there


@dataclass(frozen=True, slots=True)
class Stack:
    """Images on a grid.

    Parameters
    ----------
    matrix : (4, 4) float64 array
        (i, j, k) -> world mm, RAS+; i runs along the columns of an image, j along its rows.
    slots : tuple of tuple
        ``slots[k][t]``: the image there, None where it is missing.
    findings : tuple of Finding
    known : bool
        Whether the images say where they lie.
    """

    matrix: FloatArray
    slots: tuple[tuple[Image | None, ...], ...]
    findings: tuple[Finding, ...]
    known: bool = True


def groups_of(images: Sequence[Image]) -> tuple[tuple[Image, ...], ...]:
    """Images of one volume or series each: the same scan, size, direction, echo and kind; in the order in which they are met."""
    groups: dict[tuple[object, ...], list[list[Image]]] = {}
    for image in images:
        key = (image.series, image.size, tuple(round(size, 4) for size in image.spacing), image.stack, image.position is None)
        alike = groups.setdefault(key, [])
        mates = next((group for group in alike if _same_direction(group[0], image)), None)
        if mates is None:
            alike.append([image])
        else:
            mates.append(image)
    return tuple(tuple(group) for alike in groups.values() for group in alike)


def stack_of(images: Sequence[Image], path: Path) -> Stack:
    """The grid that images of one group make.

    Parameters
    ----------
    images : sequence of Image
    path : Path
        What was opened, for messages.

    Raises
    ------
    UnreadableFileError
        Their places make no grid.
    """
    found: list[Finding] = []
    once = _once(images, found, path)
    spacing = _spacing(images[0], found)
    if images[0].position is None:
        return _unplaced(once, spacing, found, path)
    places = _places(once, min(spacing))
    counts = [len(place) for place in places]
    if len(set(counts)) > 1:
        places, dropped = _without_copies(places, path)
        found.append(dropped)
    times = [_in_time(place) for place in places]
    _check_times(times, path)
    first = np.array([place[0].position for place in times])
    steps, at = _line(first, times[0][0], path, found)
    image = times[0][0]
    matrix = np.eye(4)
    matrix[:3, :3] = np.column_stack([image.across * spacing[0], image.down * spacing[1], steps])
    matrix[:3, 3] = first[0]
    if len(times) > 1:
        _tell_tilt(steps, image.normal, found)
    by_slot = dict(zip(at, times, strict=True))
    n_times = len(times[0])
    slots = tuple(tuple(by_slot.get(k, [None] * n_times)) for k in range(at[-1] + 1))
    return Stack(np.diag([-1.0, -1, 1, 1]) @ matrix, slots, tuple(found))


def _once(images: Sequence[Image], found: list[Finding], path: Path) -> list[Image]:
    """Each image once, though its file may be in the folder several times.

    An SOPInstanceUID alone does not make a copy: some programs that take names away give all images the same one.
    """
    from volstudio.volumes.dicom_pixels import frames_of

    alike: dict[Hashable, list[Image]] = {}
    for image in images:
        place = None if image.position is None else tuple(np.asarray(image.position).tolist())
        alike.setdefault((image.instance, place, image.order), []).append(image)
    for group in alike.values():
        if len(group) > 1 and len({(frames_of(image.block)[image.frame].tobytes(), image.slope, image.inter) for image in group}) > 1:
            raise UnreadableFileError(
                f"Cannot read {str(path)!r}: {group[0].block.path.name!r} and {group[1].block.path.name!r} have one SOPInstanceUID "
                "and one place, but not the same pixels (duplicate slices); remove the one that does not belong."
            )
    once = [group[-1] for group in alike.values()]
    surplus = len(images) - len(once)
    if surplus:
        many = "1 image is" if surplus == 1 else f"{surplus} images are"
        text = f"{many} in the folder twice (duplicate slices of the same instance); each is used once."
        found.append(Finding("duplicate-slices", text, "warning"))
    if len({image.instance for image in once}) < len(once):
        text = "Different images have the same SOPInstanceUID, which no two may have; they are told apart by their places and numbers."
        found.append(Finding("instance-repeated", text, "warning"))
    return once


def _same_direction(a: Image, b: Image) -> bool:
    return bool(max(np.abs(a.across - b.across).max(), np.abs(a.down - b.down).max()) <= SAME_DIRECTION)


def _spacing(image: Image, found: list[Finding]) -> tuple[float, float]:
    """Distances between columns and rows; 1 mm where the file does not say."""
    columns, rows = image.spacing
    if columns > 0 and rows > 0 and np.isfinite([columns, rows]).all():
        return columns, rows
    text = "The file gives no distance between pixels (PixelSpacing); 1 mm is taken. Do not measure on it."
    found.append(Finding("voxel-size-unknown", text, "warning"))
    return 1.0, 1.0


def _unplaced(images: list[Image], spacing: tuple[float, float], found: list[Finding], path: Path) -> Stack:
    """A single image that does not say where it lies; several of them cannot be put in order."""
    if len(images) > 1:
        raise UnreadableFileError(
            f"Cannot place {str(path)!r}: its {len(images)} images have no position (ImagePositionPatient), so neither order nor "
            "distance is known; export them again with their geometry."
        )
    image = images[0]
    text = "The image has no position or orientation (ImagePositionPatient); it is shown at 0, 0, 0 and left and right are not known."
    found.append(Finding("position-unknown", text, "warning"))
    thick = image.apart or image.thick or 1.0
    return Stack(np.diag([-spacing[0], -spacing[1], thick, 1.0]), ((image,),), tuple(found), known=False)


def _places(images: list[Image], pixel: float) -> list[list[Image]]:
    """Images by place, along the normal of the first."""
    normal = images[0].normal
    along = np.array([image.position @ normal for image in images])  # type: ignore[operator]  # a group has a position or none has
    order = np.argsort(along, kind="stable")
    places: list[list[Image]] = []
    last = -np.inf
    for index in order:
        if along[index] - last > SAME_PLACE * pixel:
            places.append([])
        last = along[index]
        places[-1].append(images[index])
    return places


def _without_copies(places: list[list[Image]], path: Path) -> tuple[list[list[Image]], Finding]:
    """Places with as many images each, where the surplus ones are copies of others down to the last pixel."""
    from volstudio.volumes.dicom_pixels import frames_of

    counts = [len(place) for place in places]
    fewest = min(counts)
    kept, dropped = [], 0
    for place in places:
        different: dict[bytes, Image] = {}
        if len(place) > fewest:
            for image in _in_time(place):
                different.setdefault(frames_of(image.block)[image.frame].tobytes(), image)
        left = list(different.values()) or place
        dropped += len(place) - len(left)
        kept.append(left)
    if len({len(place) for place in kept}) > 1:
        raise UnreadableFileError(
            f"Cannot read {str(path)!r}: its places have between {fewest} and {max(counts)} images each: duplicate slices, or a series "
            "cut short; remove the images that do not belong to whole volumes."
        )
    text = f"{dropped} images are copies of others at the same position (duplicate slices); each is used once."
    return kept, Finding("duplicate-slices", text, "warning")


def _in_time(place: list[Image]) -> list[Image]:
    return sorted(place, key=lambda image: image.order)


def _check_times(times: list[list[Image]], path: Path) -> None:
    """Each time point must be one and the same temporal position in all slices, where the files number them."""
    for time in range(len(times[0])):
        stated = {place[time].order[0] for place in times} - {0.0}
        if len(stated) > 1:
            raise UnreadableFileError(
                f"Cannot read {str(path)!r}: its images of time {time} belong to different temporal positions ({len(stated)}); "
                "the series is incomplete or mixed."
            )


def _line(first: FloatArray, image: Image, path: Path, found: list[Finding]) -> tuple[FloatArray, list[int]]:
    """Step from slice to slice (LPS mm) and the number of each slice on the line."""
    if len(first) == 1:
        apart = image.apart or image.thick
        if apart <= 0:
            apart = 1.0
            found.append(Finding("slice-thickness-unknown", "This is a single slice of unknown thickness; 1 mm is taken.", "warning"))
        return image.normal * apart, [0]
    gaps = np.diff(first @ image.normal)
    numbers = np.concatenate([[0], np.cumsum(np.maximum(np.rint(gaps / gaps.min()), 1))])
    total = int(numbers[-1])
    step = (first[-1] - first[0]) / total
    size = float(np.linalg.norm(step))
    off = float(np.linalg.norm(first - (first[0] + numbers[:, None] * step), axis=1).max())
    missing = total + 1 - len(first)
    if off > EVEN * size or missing > MOST_MISSING * len(first):
        raise UnreadableFileError(
            f"Cannot place {str(path)!r}: its {len(first)} slices are not evenly spaced on a straight line (gaps from {gaps.min():.4g} to "
            f"{gaps.max():.4g} mm, up to {off:.3g} mm off); volstudio does not stretch them: resample or split the series first."
        )
    if missing:
        text = (
            f"{missing} of {total + 1} slices are missing (a gap of {gaps.max():.4g} mm where the slice spacing is {gaps.min():.4g} mm); "
            "they are left empty, all others stand where their positions say. Export the series again if it should be whole."
        )
        found.append(Finding("slices-missing", text, "warning"))
    if off > ROUNDED * size:
        text = f"The positions of the slices are rounded: up to {off:.2g} mm off an even spacing of {size:.4g} mm, which is used."
        found.append(Finding("positions-rounded", text, "info"))
    return step, [int(number) for number in numbers]


def _tell_tilt(step: FloatArray, normal: FloatArray, found: list[Finding]) -> None:
    size = float(np.linalg.norm(step))
    lateral = float(np.linalg.norm(step - (step @ normal) * normal))
    if lateral > SHEAR * size:
        angle = float(np.degrees(np.arcsin(min(lateral / size, 1.0))))
        text = (
            f"The slices are shifted against each other (gantry tilt of {angle:.3g}°, {lateral:.3g} mm a slice); kept as shear, "
            "so that every slice stands where it was taken."
        )
        found.append(Finding("gantry-tilt", text, "warning"))
