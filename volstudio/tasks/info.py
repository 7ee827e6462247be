"""What files say about themselves and about each other, as values for a page or a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from volstudio.tasks.open import Form, open_volumes, series_in
from volstudio.volumes.relation import relate
from volstudio.volumes.spelling import readable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from volstudio.volumes.volume import Volume

__all__ = ["Description", "Listed", "Oddity", "ToFirst", "as_text", "describe", "list_series"]

Row = tuple[float, ...]


class Oddity(msgspec.Struct, frozen=True):
    """A finding of the header doctor; see `volstudio.volumes.volume.Finding`."""

    code: str
    severity: str
    text: str


class ToFirst(msgspec.Struct, frozen=True):
    """How a volume lies to the first of the list, in numbers; see `volstudio.volumes.relation.Relation`.

    Parameters
    ----------
    angle_deg, centre_distance_mm : float
    share_in_first, share_of_first : float
        Of this volume's box, how much lies in the first's, and of the first's, how much this one fills; 0 to 1.
    same_grid, claims_same_space : bool
    """

    angle_deg: float
    centre_distance_mm: float
    share_in_first: float
    share_of_first: float
    same_grid: bool
    claims_same_space: bool


class Description(msgspec.Struct, frozen=True):
    """What is known of a volume before anybody looks at it.

    Parameters
    ----------
    name, path, format, dtype : str
    shape : (i, j, k)
    times : int
        Time points; 1 for a 3D volume.
    voxel_sizes_mm : (3,)
    axis_codes : str
        Such as ``"RAS"``: where i, j and k point.
    orientation_known : bool
    form : str
        Which placement of the file is used.
    affine : (4, 4)
        Voxel -> scanner, mm, RAS+.
    bounds_mm : (2, 3)
        World box, outer faces of the voxels.
    obliquity_deg, shear : float
        Angle to the world axes; 0 for a box without shear.
    handedness : int
        +1 or -1.
    facts : dict
        What the header states besides.
    findings : tuple of Oddity
    relation : str
        How it lies to the first volume of the list, in words; empty for the first itself.
    to_first : ToFirst or None
        The same in numbers.
    """

    name: str
    path: str
    format: str
    dtype: str
    shape: tuple[int, int, int]
    times: int
    voxel_sizes_mm: Row
    axis_codes: str
    orientation_known: bool
    form: str
    affine: tuple[Row, ...]
    bounds_mm: tuple[Row, Row]
    obliquity_deg: float
    shear: float
    handedness: int
    facts: dict[str, str | int | float]
    findings: tuple[Oddity, ...]
    relation: str = ""
    to_first: ToFirst | None = None

    @property
    def tilt(self) -> str:
        """How the box lies, in words."""
        lies = f"{self.obliquity_deg:.1f} degrees oblique" if self.obliquity_deg >= 0.05 else "along the world axes"
        sheared = f", sheared ({self.shear:.2g})" if self.shear > 1e-4 else ""
        return f"{lies}{sheared}, {'right' if self.handedness > 0 else 'left'}-handed"


class Listed(msgspec.Struct, frozen=True):
    """One DICOM series of a folder that holds several.

    Parameters
    ----------
    path : str
        What opens it: ``"folder#2"``.
    text, description, uid : str
        What it is, in words; its SeriesDescription and SeriesInstanceUID.
    images : int
    """

    path: str
    text: str
    description: str
    uid: str
    images: int


def list_series(path: str) -> tuple[Listed, ...]:
    """The series of a folder of DICOM files that holds several; none for anything that opens as one volume.

    Raises
    ------
    UnreadableFileError
        The folder holds no images, or damaged ones.
    """
    found = series_in(path)
    if len(found) < 2:
        return ()
    return tuple(
        Listed(f"{readable(path)}#{each.number}", readable(each.text), readable(each.description), each.uid, len(each.images))
        for each in found
    )


def describe(paths: Sequence[str], *, form: Form = "auto") -> tuple[Description, ...]:
    """Descriptions of files, in the order given.

    Parameters
    ----------
    paths : sequence of str
        Files or sample names.
    form : "auto", "s", "q"

    Raises
    ------
    UnreadableFileError
        One of them cannot be read; nothing is described then.
    """
    volumes = open_volumes(paths, form=form)
    return tuple(_describe(volume, volumes[0]) for volume in volumes)


def as_text(described: Sequence[Description], series: Sequence[Listed] = ()) -> str:
    """Descriptions as JSON: an object with a list ``volumes``, and a list ``series`` where there are any."""
    told: dict[str, list[Description] | list[Listed]] = {"volumes": list(described)}
    if series:
        told["series"] = list(series)
    return msgspec.json.format(msgspec.json.encode(told), indent=2).decode()


def _describe(volume: Volume, first: Volume) -> Description:
    source, grid = volume.source, volume.grid
    it = None if volume is first else relate(first, volume)
    return Description(
        name=volume.name,
        path=readable(str(source.path)) if source else "",
        format=source.format if source else "array",
        dtype=str(volume.data.dtype),
        shape=volume.shape,
        times=volume.n_times,
        voxel_sizes_mm=_row(grid.voxel_sizes),
        axis_codes=grid.axis_codes,
        orientation_known=volume.orientation_known,
        form=source.form if source else "given",
        affine=tuple(_row(row) for row in grid.affine.matrix),
        bounds_mm=(_row(grid.bounds()[0]), _row(grid.bounds()[1])),
        obliquity_deg=float(grid.obliquity_deg),
        shear=float(grid.shear),
        handedness=int(grid.handedness),
        facts=dict(volume.facts),
        findings=tuple(Oddity(finding.code, finding.severity, finding.text) for finding in volume.findings),
        relation="" if it is None else it.text,
        to_first=None
        if it is None
        else ToFirst(it.angle_deg, it.centre_distance_mm, it.overlap_b, it.overlap_a, it.same_grid, it.claims_same_space),
    )


def _row(numbers: Iterable[float]) -> Row:
    return tuple(float(number) for number in numbers)
