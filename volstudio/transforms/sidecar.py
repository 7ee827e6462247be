"""The JSON beside a transform: which way it maps, in words, how it came about, from which files and with which programs.

A matrix alone cannot be checked by anyone a year later. The sidecar holds the same map as numbers of one convention (fixed to moving
points, RAS+ mm), whatever the dialect of the file, and digests of the two images, so that "is this the transform of these scans?" has an
answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from volstudio.errors import UnreadableFileError
from volstudio.transforms.dialect import Direction
from volstudio.volumes.atomic import atomic_bytes
from volstudio.volumes.integrity import check_regular, digest
from volstudio.volumes.spelling import readable

if TYPE_CHECKING:
    import os

    from volstudio.geometry.affine import Affine
    from volstudio.volumes.volume import Volume

__all__ = ["Image", "Sidecar", "direction_beside", "read_sidecar", "sidecar_path", "write_sidecar"]

LARGEST = 16 << 20  # bytes: a trace of ten thousand steps; more is no sidecar
LONG_SUFFIXES = (".xfm.txt", ".aff12.1D", ".itk.mat", ".mrtrix.txt", ".c3d.mat", ".c3d.txt")

Row = tuple[float, float, float, float]


class Image(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of the two images.

    Parameters
    ----------
    name : str
        As in the names of its spaces.
    path : str
        Name of its file, without folders: where a scan lies on one machine is nobody else's business.
    digest : str
        ``"sha256:..."`` of the file's bytes; empty: the image has no file.
    """

    name: str
    path: str = ""
    digest: str = ""

    @classmethod
    def of(cls, volume: Volume) -> Image:
        """What identifies a volume; its file is read once, as a stream, for the digest."""
        if volume.source is None:
            return cls(volume.name)
        return cls(volume.name, readable(volume.source.path.name), digest(volume.source.path))


class Sidecar(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="format", tag="volstudio-transform-1"):
    """What is known of a transform beside its numbers.

    Parameters
    ----------
    direction : "fixed-to-moving", "moving-to-fixed"
        Which way the numbers *in the file* map points.
    in_words : str
        The same for a person.
    fixed_to_moving : 4 rows of 4 numbers
        The map of fixed to moving points, RAS+ mm.
    fixed, moving : Image
    made_by : str
        ``"registration"``, ``"hand"``, ``"header"`` or ``"file"``.
    parameters : mapping
        How: the plan of a registration, its trace and stop reason, as plain values.
    versions : mapping of str to str
        Programs that took part.

    Notes
    -----
    In the file ``"format": "volstudio-transform-1"`` comes first and marks it as ours.
    """

    direction: Direction
    in_words: str
    fixed_to_moving: tuple[Row, Row, Row, Row]
    fixed: Image
    moving: Image
    made_by: str = ""
    parameters: Mapping[str, Any] = {}
    versions: Mapping[str, str] = {}

    @classmethod
    def of(
        cls,
        affine: Affine,
        *,
        fixed: Volume,
        moving: Volume,
        made_by: str = "",
        parameters: Mapping[str, Any] | None = None,
        versions: Mapping[str, str] | None = None,
        direction: Direction = "fixed-to-moving",
    ) -> Sidecar:
        """The sidecar of a map of fixed to moving points between two volumes.

        Parameters
        ----------
        affine : Affine
            Fixed -> moving points, RAS mm.
        fixed, moving : Volume
        made_by, parameters, versions
            As in the class.
        direction : "fixed-to-moving", "moving-to-fixed"
            That of the file the sidecar lies beside.
        """
        first, second = (fixed.name, moving.name) if direction == "fixed-to-moving" else (moving.name, fixed.name)
        rows = tuple(tuple(row) for row in affine.matrix.tolist())
        return cls(
            direction=direction,
            in_words=f"the file maps points of {first} to points of {second}; fixed_to_moving here is in RAS+ mm",
            fixed_to_moving=rows,  # type: ignore[arg-type]  # four rows of four by Affine's own check
            fixed=Image.of(fixed),
            moving=Image.of(moving),
            made_by=made_by,
            parameters=parameters or {},
            versions=versions or {},
        )


def sidecar_path(path: str | os.PathLike[str]) -> Path:
    """Where the sidecar of a transform lies: beside it, with the suffix ``.json``.

    >>> sidecar_path("from-epi_to-t1_mode-image_xfm.tfm").name, sidecar_path("epi.xfm.txt").name
    ('from-epi_to-t1_mode-image_xfm.json', 'epi.json')
    """
    file = Path(path)
    for suffix in LONG_SUFFIXES:
        if file.name.lower().endswith(suffix.lower()):
            return file.with_name(file.name[: -len(suffix)] + ".json")
    return file.with_suffix(".json")


def write_sidecar(sidecar: Sidecar, path: str | os.PathLike[str], *, overwrite: bool = False, protect: Iterable[Path] = ()) -> Path:
    """Write the sidecar beside the transform ``path`` (or to ``path`` itself where that ends in .json); returns where it went.

    Raises
    ------
    OutputError
        It cannot be written, or exists.
    """
    target = sidecar_path(path)
    data = msgspec.json.format(msgspec.json.encode(sidecar), indent=2) + b"\n"
    atomic_bytes(target, data, overwrite=overwrite, protect=protect)
    return target


def read_sidecar(path: str | os.PathLike[str]) -> Sidecar | None:
    """The sidecar beside a transform; None: there is none, or the JSON there is another program's.

    Raises
    ------
    UnreadableFileError
        It is ours and damaged.
    """
    target = sidecar_path(path)
    if not target.exists() or check_regular(target).st_size > LARGEST:
        return None
    data = target.read_bytes()
    if b'"volstudio-transform-' not in data:
        return None
    try:
        return msgspec.json.decode(data, type=Sidecar)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableFileError(
            f"Cannot read the sidecar {str(target)!r}: {str(error)[:200]}; write it again or move it away."
        ) from error


def direction_beside(path: str | os.PathLike[str]) -> Direction | None:
    """Which way the sidecar beside a transform says that the file's numbers map; None: there is no sidecar."""
    sidecar = read_sidecar(path)
    return None if sidecar is None else sidecar.direction
