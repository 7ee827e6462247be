"""What leaves the house: the edited header, the resampled volume, the transform, the session file.

Three answers are kept apart by name, because the field confuses them: an edited header changes where voxels lie and no voxel; resampling
makes new voxels on another grid; a transform is neither. No function here ever writes to a file that a volume was opened from.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from volstudio.errors import SceneError
from volstudio.scene.files import save_scene
from volstudio.tasks.apply import Choice, chosen_interpolation
from volstudio.tasks.open import open_layer, source_files
from volstudio.transforms.files import write_transform
from volstudio.volumes.resample import resample
from volstudio.volumes.save import save_header, save_volume

if TYPE_CHECKING:
    from volstudio.scene.model import Scene
    from volstudio.volumes.volume import Finding

__all__ = [
    "save_edited_header",
    "save_resampled",
    "save_session",
    "save_transform",
]

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
    scene: Scene, name: str, path: PathLike, *, onto: str, interpolation: Choice = "auto", overwrite: bool = False
) -> tuple[Finding, ...]:
    """Write new voxels of a layer on the grid of another one, as NIfTI; see `save_edited_header`.

    Parameters
    ----------
    onto : str
        The layer on whose grid the new voxels lie.
    interpolation : "auto", "linear", "nearest", "cubic", "sinc"
        ``"auto"``: nearest for labels, else linear.
    """
    moving, fixed = open_layer(scene.layer(name)), open_layer(scene.layer(onto))
    to_fixed = scene.placement(name, onto=onto)
    moved = resample(moving, onto=fixed, moving_to_fixed=to_fixed, interpolation=chosen_interpolation(interpolation, moving))
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
