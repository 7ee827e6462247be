"""A transform file put to use: on one scan, or on several that share a space.

Either the header is edited, which loses nothing, or new voxels are made on another grid. Several scans are moved by the transform of the
first, into a folder, all of them or none. No file that was opened is ever written to.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from volstudio.errors import OutputError
from volstudio.geometry.cover import isotropic_cover
from volstudio.geometry.grid import Grid
from volstudio.progress import Progress
from volstudio.scene.sources import digest_of
from volstudio.tasks.open import Form, open_volumes
from volstudio.tasks.staging import staged
from volstudio.transforms.files import read_transform
from volstudio.transforms.sidecar import read_sidecar, sidecar_path
from volstudio.volumes.formats import name_of
from volstudio.volumes.intensity import is_labels
from volstudio.volumes.relation import relate
from volstudio.volumes.resample import Interpolation, resample
from volstudio.volumes.save import check_new_file, save_header, save_volume
from volstudio.volumes.volume import Finding, distinct_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from volstudio.geometry.affine import Affine
    from volstudio.transforms.dialect import Direction
    from volstudio.volumes.volume import Volume

__all__ = ["Applied", "Choice", "Onto", "Reading", "apply_header", "apply_resampled", "chosen_interpolation"]

Choice = Literal["auto", "linear", "nearest", "cubic", "sinc"]
PathLike = str | os.PathLike[str]
KEPT_WHOLE = ("colour", "complex")  # findings on what is shown of a voxel, all of which goes into the new one
WRITTEN = (".nii", ".nii.gz")
WITH_HEADER = (*WRITTEN, ".mgh", ".mgz", ".mgh.gz")


@dataclass(frozen=True, slots=True)
class Reading:
    """How the transform file is to be taken.

    Parameters
    ----------
    fixed : str or None
        Path of the fixed image, for the dialects that count in its voxels; of `apply_resampled`, None: the reference.
    direction : "fixed-to-moving", "moving-to-fixed" or None
        What a bare matrix maps that does not say it itself.
    dialect : str or None
        None: by content and name.
    invert : bool
        Take the inverse of what the file says.
    form : "auto", "s", "q"
        Which placement of NIfTI files to use.
    """

    fixed: str | None = None
    direction: Direction | None = None
    dialect: str | None = None
    invert: bool = False
    form: Form = "auto"


@dataclass(frozen=True, slots=True)
class Onto:
    """Where new voxels lie, and how they are made.

    Parameters
    ----------
    reference : str or None
        Path or sample name of the volume on whose grid they lie; None: the moving volume's own grid, in the fixed world.
    isotropic_mm : float or None
        Use cubes of this edge instead, along the world's axes, that cover the moved volume and the reference where there is one.
    interpolation : "auto", "linear", "nearest", "cubic", "sinc"
        ``"auto"``: nearest for labels, else linear.
    background : float
        Value where the moving volume has none.
    """

    reference: str | None = None
    isotropic_mm: float | None = None
    interpolation: Choice = "auto"
    background: float = 0.0


@dataclass(frozen=True, slots=True)
class Applied:
    """A file that was written.

    Parameters
    ----------
    path : Path
    findings : tuple of Finding
        What a person should know of it.
    """

    path: Path
    findings: tuple[Finding, ...] = field(default=())


def apply_header(
    transform: PathLike, moving: Sequence[str], output: PathLike, *, reading: Reading | None = None, overwrite: bool = False
) -> tuple[Applied, ...]:
    """Write volumes whose headers place them where a transform file says; no voxel changes.

    Parameters
    ----------
    transform : path
        Maps fixed points to moving points.
    moving : sequence of str
        Paths or sample names. The transform is that of the first; the others lie in its space, and are told of where their headers do not
        say so.
    output : path
        The file for one volume; for several the folder, in which each keeps its name.
    reading : Reading or None
    overwrite : bool

    Raises
    ------
    TransformError
        The file is no linear transform, or says less than is needed.
    OutputError
        A target is one of the files that are read, exists, or cannot be written; nothing is written then.
    """
    how = reading or Reading()
    volumes, fixed = _opened(moving, how.fixed, how.form)
    to_fixed = _moving_to_fixed(transform, volumes[0], fixed, how)
    protect = _sources(transform, [*volumes, *filter(None, [fixed])])

    def write(volume: Volume, path: Path) -> tuple[Finding, ...]:
        return save_header(volume, _of(volume, to_fixed), path, overwrite=overwrite, protect=protect)

    written = _written(volumes, Path(output), write, ends=WITH_HEADER, protect=protect, overwrite=overwrite)
    return _with_doubts(written, volumes, _other_scan(transform, volumes, invert=how.invert))


def apply_resampled(
    transform: PathLike,
    moving: Sequence[str],
    output: PathLike,
    *,
    onto: Onto,
    reading: Reading | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> tuple[Applied, ...]:
    """Write volumes with new voxels where a transform file says, as NIfTI; see `apply_header`.

    Parameters
    ----------
    onto : Onto
    progress : Progress or None
        Told how far it is, and the way to stop.

    Returns
    -------
    tuple of Applied
        With what is odd about the volumes, since new voxels hold what was read and not what was meant, and what the format could not hold.
    """
    how = reading or Reading()
    volumes, fixed = _opened(moving, onto.reference or how.fixed, how.form)
    to_fixed = _moving_to_fixed(transform, volumes[0], fixed, how)
    still = fixed if onto.reference is not None else None
    protect = _sources(transform, [*volumes, *filter(None, [fixed])])
    if len(volumes) == 1:
        check_new_file(output, overwrite=overwrite, protect=protect)
    report = progress or Progress()

    def write(volume: Volume, path: Path) -> tuple[Finding, ...]:
        own = _of(volume, to_fixed)
        part = report.part(volumes.index(volume) / len(volumes), (volumes.index(volume) + 1) / len(volumes))
        kind = chosen_interpolation(onto.interpolation, volume)
        grid = _target_grid(volume, still, own, onto.isotropic_mm)
        moved = resample(volume, onto=grid, moving_to_fixed=own, interpolation=kind, background=onto.background, progress=part)
        return (*_odd(volume), *save_volume(moved, path, overwrite=overwrite, protect=protect))

    written = _written(volumes, Path(output), write, ends=WRITTEN, protect=protect, overwrite=overwrite)
    doubts = (*_other_scan(transform, volumes, invert=how.invert), *(_odd(still) if still is not None else ()))
    return _with_doubts(written, volumes, doubts)


def chosen_interpolation(choice: Choice, volume: Volume) -> Interpolation:
    """What ``"auto"`` means for a volume: nearest for labels, else linear; any other choice is itself."""
    if choice == "auto":
        return "nearest" if is_labels(volume) else "linear"
    return choice


def _opened(moving: Sequence[str], fixed: str | None, form: Form) -> tuple[tuple[Volume, ...], Volume | None]:
    """The moving volumes and the fixed one, under names that tell them apart."""
    movers = open_volumes(moving, form=form)
    if fixed is None:
        return movers, None
    still = open_volumes([fixed], form=form)[0]
    *names, last = distinct_names((*movers, still))
    return tuple(volume.renamed(name) for volume, name in zip(movers, names, strict=True)), still.renamed(last)


def _moving_to_fixed(path: PathLike, moving: Volume, fixed: Volume | None, how: Reading) -> Affine:
    read = read_transform(path, fixed=fixed, moving=moving, direction=how.direction, dialect=how.dialect)
    if how.invert:
        return read.renamed(source=read.target, target=read.source)
    return read.inverse()


def _of(volume: Volume, to_fixed: Affine) -> Affine:
    """The map of the first volume for one that shares its space."""
    return to_fixed.renamed(source=volume.affine.target)


def _target_grid(volume: Volume, fixed: Volume | None, moving_to_fixed: Affine, isotropic_mm: float | None) -> Volume | Grid:
    """What the new voxels lie on, in the fixed world."""
    if isotropic_mm is not None:
        placed = Grid(volume.grid.shape, moving_to_fixed @ volume.affine)
        return isotropic_cover([placed] if fixed is None else [fixed.grid, placed], isotropic_mm)
    if fixed is not None:
        return fixed
    return Grid(volume.grid.shape, volume.affine.renamed(target=moving_to_fixed.target))


def _written(
    volumes: Sequence[Volume],
    output: Path,
    write: Callable[[Volume, Path], tuple[Finding, ...]],
    *,
    ends: Sequence[str],
    protect: Iterable[Path],
    overwrite: bool,
) -> tuple[Applied, ...]:
    """One volume as a file, or several as a folder of files that appear together or not at all."""
    if len(volumes) == 1:
        return (Applied(output, write(volumes[0], output)),)
    names = [_name(volume, ends) for volume in volumes]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise OutputError(
            f"Several of the scans would be written as {twice[0]!r} in {str(output)!r}; apply the transform to them one by one."
        )
    with staged(output, names, overwrite=overwrite, protect=protect) as files:
        found = [write(volume, files.path(name)) for volume, name in zip(volumes, names, strict=True)]
    return tuple(Applied(output / name, _named(name, findings)) for name, findings in zip(names, found, strict=True))


def _named(name: str, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings on one of several files, each with the name of its file where it does not begin with it."""
    stem = name_of(Path(name))
    return tuple(found if found.text.startswith(stem) else replace(found, text=f"{name}: {found.text}") for found in findings)


def _name(volume: Volume, ends: Sequence[str]) -> str:
    """A volume's own file name where its format is written, else its short name as NIfTI."""
    path = volume.source.path if volume.source is not None else Path(volume.name)
    if path.name.lower().endswith(tuple(ends)):
        return path.name
    return f"{name_of(path)}.nii.gz"


def _sources(transform: PathLike, volumes: Iterable[Volume]) -> tuple[Path, ...]:
    """Every file that was read; none may be written to."""
    return (Path(transform), sidecar_path(transform), *(file for each in volumes for file in each.files))


def _odd(volume: Volume) -> tuple[Finding, ...]:
    """What new voxels inherit from a file that is not as it should be."""
    doubts = (found for found in volume.findings if found.severity != "info" and found.code not in KEPT_WHOLE)
    return tuple(replace(found, text=f"{volume.name}: {found.text}") for found in doubts)


def _with_doubts(written: Sequence[Applied], volumes: Sequence[Volume], doubts: tuple[Finding, ...]) -> tuple[Applied, ...]:
    """The files with what is to be said of all, which stands first, and of how each lies to the first."""
    told = [Applied(written[0].path, (*doubts, *written[0].findings))]
    for each, volume in zip(written[1:], volumes[1:], strict=True):
        relation = relate(volumes[0], volume)
        apart = Finding("moved-along", f"{volume.name!r} is moved as {volumes[0].name!r} is. {relation.text}", "warning")
        told.append(Applied(each.path, each.findings if relation.claims_same_space else (apart, *each.findings)))
    return tuple(told)


def _other_scan(transform: PathLike, volumes: Sequence[Volume], *, invert: bool) -> tuple[Finding, ...]:
    """A finding where the sidecar of a transform was made with none of the scans that are moved."""
    sidecar = read_sidecar(transform)
    meant = None if sidecar is None else sidecar.fixed if invert else sidecar.moving
    files = [volume.source.path for volume in volumes if volume.source is not None]
    if meant is None or not meant.digest or not files or meant.digest in map(digest_of, map(str, files)):
        return ()
    name = volumes[0].name
    text = f"The transform was made for another file than this {name!r}: for {meant.path or meant.name!r}; check that it lies right."
    return (Finding("other-scan", text, "warning"),)
