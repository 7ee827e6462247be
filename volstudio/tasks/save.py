"""What leaves the house: the edited header, the resampled volume, the transform, the session file.

Three answers are kept apart by name, because the field confuses them: an edited header changes where voxels lie and no voxel; resampling
makes new voxels on another grid; a transform is neither. No function here ever writes to a file that a volume was opened from.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from volstudio.errors import SceneError
from volstudio.geometry.cover import isotropic_cover
from volstudio.geometry.grid import Grid
from volstudio.scene.files import save_scene
from volstudio.scene.sources import digest_of
from volstudio.tasks.open import Form, open_layer, open_volumes, source_files
from volstudio.transforms.files import read_transform, write_transform
from volstudio.transforms.sidecar import read_sidecar, sidecar_path
from volstudio.volumes.intensity import is_labels
from volstudio.volumes.resample import resample
from volstudio.volumes.save import save_header, save_volume
from volstudio.volumes.volume import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from volstudio.geometry.affine import Affine
    from volstudio.scene.model import Scene
    from volstudio.transforms.dialect import Direction
    from volstudio.volumes.volume import Volume

__all__ = [
    "apply_header",
    "apply_resampled",
    "save_edited_header",
    "save_resampled",
    "save_session",
    "save_transform",
]

Interpolation = Literal["auto", "linear", "nearest", "cubic"]
PathLike = str | os.PathLike[str]


def save_edited_header(scene: Scene, name: str, path: PathLike, *, onto: str | None = None, overwrite: bool = False) -> tuple[Finding, ...]:
    """Write a layer with its voxels untouched and its placement in the header.

    Parameters
    ----------
    scene : Scene
    name : str
        The layer to write.
    path : path
        A new file of the same format.
    onto : str or None
        The new header places the voxels in this layer's scanner space, so that any viewer overlays the two; None: in scene space.
    overwrite : bool

    Returns
    -------
    tuple of Finding
        What the format could not hold.

    Raises
    ------
    SceneError
        There is no such layer, or ``onto`` is the layer itself.
    OutputError
        The target is one of the scene's files, exists, has a suffix of another format, or cannot be written.
    """
    volume = open_layer(scene.layer(name))
    return save_header(volume, scene.placement(name, onto=onto), path, overwrite=overwrite, protect=source_files(scene))


def save_resampled(
    scene: Scene, name: str, path: PathLike, *, onto: str, interpolation: Interpolation = "auto", overwrite: bool = False
) -> tuple[Finding, ...]:
    """Write new voxels of a layer on the grid of another one, as NIfTI; see `save_edited_header`.

    Parameters
    ----------
    onto : str
        The layer on whose grid the new voxels lie.
    interpolation : "auto", "linear", "nearest", "cubic"
        ``"auto"``: nearest for labels, else linear.
    """
    moving, fixed = open_layer(scene.layer(name)), open_layer(scene.layer(onto))
    to_fixed = scene.placement(name, onto=onto)
    moved = resample(moving, onto=fixed, moving_to_fixed=to_fixed, interpolation=_chosen(interpolation, moving))
    return save_volume(moved, path, overwrite=overwrite, protect=source_files(scene))


def save_transform(scene: Scene, name: str, path: PathLike, *, onto: str | None = None, overwrite: bool = False) -> None:
    """Write where a layer lies as a transform file, fixed -> moving as the field's files are; the suffix chooses the dialect.

    Parameters
    ----------
    onto : str or None
        The fixed layer; None: the lowest layer of the scene that is not ``name``.

    Raises
    ------
    SceneError
        There is no such layer, or no other one.
    OutputError
        The target is one of the scene's files, exists, or cannot be written.
    TransformError
        No dialect has that end of name, or the dialect cannot hold this transform.
    """
    fixed = onto or next((other for other in scene.names if other != name), None)
    if fixed is None:
        raise SceneError(f"A transform joins two volumes and the scene holds only {name!r}; open the fixed volume too.")
    fixed_to_moving = scene.placement(name, onto=fixed).inverse()
    still, mover = open_layer(scene.layer(fixed)), open_layer(scene.layer(name))
    write_transform(fixed_to_moving, path, fixed=still, moving=mover, overwrite=overwrite, protect=source_files(scene))


def save_session(scene: Scene, path: PathLike, *, overwrite: bool = True) -> Scene:
    """Write the scene file; a session saves to the same file again and again, but never over a volume.

    Returns
    -------
    Scene
        The scene as the file holds it, with the digests of its files.

    Raises
    ------
    OutputError
        The target is one of the volumes, or cannot be written.
    """
    from volstudio.volumes.atomic import check_target

    check_target(path, protect=source_files(scene), overwrite=overwrite)
    return save_scene(scene, path, overwrite=overwrite)


def apply_header(
    transform: PathLike,
    moving: str,
    path: PathLike,
    *,
    direction: Direction | None = None,
    invert: bool = False,
    form: Form = "auto",
    overwrite: bool = False,
) -> tuple[Finding, ...]:
    """Write a volume whose header places it where a transform file says; see `save_edited_header`.

    Parameters
    ----------
    transform : path
        Maps fixed points to moving points.
    moving : str
        Path or sample name of the volume.
    direction : "fixed-to-moving", "moving-to-fixed" or None
        What a bare matrix maps that does not say it itself.
    invert : bool
        Take the inverse of what the file says.

    Raises
    ------
    TransformError
        The file is no linear transform, or says less than is needed.
    OutputError
        The target is one of the files that are read, exists, or cannot be written.
    """
    (volume,) = open_volumes([moving], form=form)
    affine = _moving_to_fixed(transform, volume, None, direction=direction, invert=invert)
    findings = save_header(volume, affine, path, overwrite=overwrite, protect=_opened(transform, [volume]))
    return (*_other_scan(transform, volume, invert=invert), *findings)


def apply_resampled(
    transform: PathLike,
    moving: str,
    path: PathLike,
    *,
    reference: str | None = None,
    isotropic_mm: float | None = None,
    interpolation: Interpolation = "auto",
    background: float = 0.0,
    direction: Direction | None = None,
    invert: bool = False,
    form: Form = "auto",
    overwrite: bool = False,
) -> tuple[Finding, ...]:
    """Write a volume with new voxels where a transform file says; see `apply_header`.

    Parameters
    ----------
    reference : str or None
        Path or sample name of the fixed volume, whose grid the new voxels lie on; None: the moving volume's own grid, in the fixed world.
    isotropic_mm : float or None
        Use cubes of this edge instead, along the world's axes, that cover the moved volume and the reference where there is one.
    background : float
        Value where the moving volume has none.

    Returns
    -------
    tuple of Finding
        What is odd about the volumes, since new voxels hold what was read and not what was meant, and what the format could not hold.
    """
    opened = open_volumes([moving] if reference is None else [moving, reference], form=form)
    volume, fixed = opened[0], opened[1] if reference is not None else None
    affine = _moving_to_fixed(transform, volume, fixed, direction=direction, invert=invert)
    onto = _target_grid(volume, fixed, affine, isotropic_mm)
    moved = resample(volume, onto=onto, moving_to_fixed=affine, interpolation=_chosen(interpolation, volume), background=background)
    findings = save_volume(moved, path, overwrite=overwrite, protect=_opened(transform, opened))
    doubts = (replace(found, text=f"{each.name}: {found.text}") for each in opened for found in each.findings if found.severity != "info")
    return (*_other_scan(transform, volume, invert=invert), *doubts, *findings)


def _moving_to_fixed(path: PathLike, moving: Volume, fixed: Volume | None, *, direction: Direction | None, invert: bool) -> Affine:
    read = read_transform(path, fixed=fixed, moving=moving, direction=direction)
    if invert:
        return read.renamed(source=read.target, target=read.source)
    return read.inverse()


def _target_grid(volume: Volume, fixed: Volume | None, moving_to_fixed: Affine, isotropic_mm: float | None) -> Volume | Grid:
    """What the new voxels lie on, in the fixed world."""
    if isotropic_mm is not None:
        placed = Grid(volume.grid.shape, moving_to_fixed @ volume.affine)
        return isotropic_cover([placed] if fixed is None else [fixed.grid, placed], isotropic_mm)
    if fixed is not None:
        return fixed
    return Grid(volume.grid.shape, volume.affine.renamed(target=moving_to_fixed.target))


def _chosen(interpolation: Interpolation, volume: Volume) -> Literal["linear", "nearest", "cubic"]:
    if interpolation == "auto":
        return "nearest" if is_labels(volume) else "linear"
    return interpolation


def _opened(transform: PathLike, volumes: Iterable[Volume]) -> tuple[Path, ...]:
    """Every file that was read; none may be written to."""
    return (Path(transform), sidecar_path(transform), *(file for each in volumes for file in each.files))


def _other_scan(transform: PathLike, volume: Volume, *, invert: bool) -> tuple[Finding, ...]:
    """A finding where the sidecar of a transform was made with another scan than the one that is moved."""
    sidecar = read_sidecar(transform)
    meant = None if sidecar is None else sidecar.fixed if invert else sidecar.moving
    if meant is None or not meant.digest or volume.source is None or digest_of(str(volume.source.path)) == meant.digest:
        return ()
    text = f"The transform was made for another file than this {volume.name!r}: for {meant.path or meant.name!r}; check that it lies right."
    return (Finding("other-scan", text, "warning"),)
