"""Multi-frame files: enhanced ones, each frame with its own functional groups over those that all share, and dose grids."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from volstudio.errors import UnreadableFileError
from volstudio.volumes.dicom_file import Image, PixelBlock, directions, number, vector

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["dose_images", "enhanced_images"]


@dataclass(frozen=True, slots=True)
class Groups:
    """Functional groups of one frame: its own, else the shared ones."""

    own: Any
    shared: Any

    def item(self, sequence: str) -> Any:  # noqa: ANN401 - a pydicom data set, or an empty mapping
        """First item of a sequence."""
        for place in (self.own, self.shared):
            if place is not None and sequence in place and len(place[sequence].value):
                return place[sequence].value[0]
        empty: Mapping[str, Any] = {}
        return empty


def enhanced_images(header: Any, block: PixelBlock) -> tuple[Image, ...]:  # noqa: ANN401 - a pydicom data set
    """The frames of an enhanced multi-frame file.

    Raises
    ------
    UnreadableFileError
        It has not one group for each frame.
    """
    frames = header.PerFrameFunctionalGroupsSequence
    if len(frames) != block.frames:
        raise UnreadableFileError(
            f"Cannot read {str(block.path)!r}: it has {block.frames} frames and functional groups for {len(frames)}; it is damaged."
        )
    shared = header.get("SharedFunctionalGroupsSequence") or [None]
    return tuple(_image(header, block, at, Groups(own, shared[0])) for at, own in enumerate(frames))


def dose_images(header: Any, first: Image) -> tuple[Image, ...]:  # noqa: ANN401 - a pydicom data set
    """The planes of a dose grid: offsets along the normal from the first one (PS3.3 C.8.8.3.2).

    Raises
    ------
    UnreadableFileError
        It has not one offset for each frame, or offsets of a kind that the standard has given up.
    """
    offsets = [float(offset) for offset in header.GridFrameOffsetVector]
    if len(offsets) != first.block.frames or first.position is None or offsets[0] != 0:
        raise UnreadableFileError(
            f"Cannot place {str(first.block.path)!r}: its dose grid has not one offset from the first for each plane."
        )
    return tuple(
        replace(
            first,
            frame=at,
            position=first.position + offset * first.normal,
            slope=number(header.get("DoseGridScaling"), 1.0),
            instance=f"{first.instance}/{at}",
        )
        for at, offset in enumerate(offsets)
    )


def _image(header: Any, block: PixelBlock, at: int, groups: Groups) -> Image:  # noqa: ANN401 - a pydicom data set
    orientation = groups.item("PlaneOrientationSequence").get("ImageOrientationPatient")
    across, down = directions(orientation)
    measures, content = groups.item("PixelMeasuresSequence"), groups.item("FrameContentSequence")
    spacing = measures.get("PixelSpacing") or (0.0, 0.0)
    values = groups.item("PixelValueTransformationSequence")
    position = vector(groups.item("PlanePositionSequence").get("ImagePositionPatient"))
    index = content.get("DimensionIndexValues")
    index = [] if index is None else [index] if isinstance(index, int) else list(index)
    kind = groups.item("MRImageFrameTypeSequence").get("FrameType") or ()
    echo = number(groups.item("MREchoSequence").get("EffectiveEchoTime"))
    order = (
        number(content.get("TemporalPositionIndex")),
        echo,
        number(groups.item("MRDiffusionSequence").get("DiffusionBValue")),
        *(float(value) for value in index),
        float(at),
    )
    return Image(
        block=block,
        frame=at,
        tile=None,
        position=position if orientation is not None else None,
        across=across,
        down=down,
        spacing=(float(spacing[1]), float(spacing[0])),
        apart=abs(number(measures.get("SpacingBetweenSlices") or header.get("SpacingBetweenSlices"))),
        thick=abs(number(measures.get("SliceThickness"))),
        slope=number(values.get("RescaleSlope", header.get("RescaleSlope")), 1.0),
        inter=number(values.get("RescaleIntercept", header.get("RescaleIntercept")), 0.0),
        series=str(header.get("SeriesInstanceUID", "")),
        stack=(str(content.get("StackID", "")),),
        order=(order[0], _kind_number(kind), *order[1:]),
        instance=f"{header.get('SOPInstanceUID', block.path)}/{at}",
    )


def _kind_number(kind: Any) -> float:  # noqa: ANN401 - a multi-value of pydicom
    """Sorts magnitude before phase before the rest, so that frames of one kind stay together."""
    words = {str(word).upper() for word in kind}
    return next((float(at) for at, names in enumerate(({"M", "M_FFE", "MAGNITUDE"}, {"P", "PHASE", "PHASE MAP"})) if words & names), 2.0)
