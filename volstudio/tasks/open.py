"""From what a person names - scans, or a scene file, or both - to a scene whose files are open.

Opening is also the check: a file that cannot be read is refused here, before a window opens or a picture is begun, and what was read stays
warm in the store for whoever draws the scene.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import msgspec

from volstudio.errors import SceneError
from volstudio.scene.checks import check
from volstudio.scene.files import SUFFIXES, load_scene
from volstudio.scene.model import Scene
from volstudio.scene.sources import open_layer
from volstudio.volumes.nifti_forms import Form
from volstudio.volumes.series import Part, part_of
from volstudio.volumes.store import STORE
from volstudio.volumes.volume import Volume, distinct_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from volstudio.volumes.dicom import DicomSeries

PARTS: dict[str, Part] = {part: part for part in get_args(Part)}

__all__ = ["Form", "open_layer", "open_scene", "open_volumes", "series_in", "source_files"]


def open_scene(paths: Sequence[str | os.PathLike[str]], *, form: Form = "auto", follow_paths: bool = False) -> Scene:
    """Scene of the files that a person named, every one of them opened.

    Parameters
    ----------
    paths : sequence of path
        Volumes, ``"sample:<name>"``, and at most one scene file (.toml, .json, or a .py with ``def scene()``). The order does not matter:
        layers are arranged by what they are. Volumes beside a scene file are laid on top of it.
    form : "auto", "s", "q"
        Which placement of NIfTI files to use; layers of a scene file keep the form that the file states.
    follow_paths : bool
        Whether a scene file may name files outside its folder whose digest it does not hold.

    Raises
    ------
    SceneError
        Two scene files, or one that breaks the scene's rules.
    UnreadableFileError
        A volume is missing, damaged or of an unknown kind.
    """
    names = [os.fspath(path) for path in paths]
    scene_files = [name for name in names if is_scene_file(name)]
    if len(scene_files) > 1:
        raise SceneError(f"Only one scene can be opened at a time, got {' and '.join(scene_files)}; open them one after the other.")
    if form != "auto" and scene_files == names:
        raise SceneError(f"{scene_files[0]} says for each of its layers which form to use; write it there and leave {form!r} out.")
    scene = load_scene(scene_files[0], outside="follow" if follow_paths else "vouched") if scene_files else Scene()
    for layer in scene.layers:
        open_layer(layer)
    added = open_volumes([name for name in names if not is_scene_file(name)], form=form)
    if added:
        scene = _laid_on(scene, added, form)
    check(scene)
    return scene


def open_volumes(paths: Sequence[str], *, form: Form = "auto") -> tuple[Volume, ...]:
    """Volumes by path or sample name, kept warm, under names that tell them apart.

    Files of one DICOM scan, as ``folder/*.dcm`` names them, are one volume. ``field.nii#phase`` (or ``#real``, ``#imaginary``) is another
    part of complex numbers than their magnitude.
    """
    volumes: list[Volume] = []
    for path in map(absolute, paths):
        if not any(volume.source and volume.source.format == "DICOM" and Path(path) in volume.source.files for volume in volumes):
            volumes.append(_opened(path, form))
    names = distinct_names(volumes)
    return tuple(volume if volume.name == name else volume.renamed(name) for volume, name in zip(volumes, names, strict=True))


def series_in(path: str) -> tuple[DicomSeries, ...]:
    """The DICOM series of a folder, each of which opens by one of its files; none for anything that is no folder.

    Raises
    ------
    UnreadableFileError
        The folder holds no images, or damaged ones.
    MissingExtraError
    """
    if not Path(path).is_dir():
        return ()
    from volstudio.volumes.dicom import dicom_series

    return dicom_series(Path(path))


def source_files(scene: Scene) -> tuple[Path, ...]:
    """Every file that holds a part of the scene's volumes; nothing may ever be written to one of them."""
    return tuple(file for layer in scene.layers for file in open_layer(layer).files)


def absolute(path: str) -> str:
    """A path as layers hold it: absolute; names such as ``sample:t1`` and ``memory:1`` as they are.

    ``folder#2`` is the second DICOM series of a folder, ``folder#T1w`` that of this description: one of its files, which stands for it.

    Raises
    ------
    UnreadableFileError
        The folder has no such series.
    """
    if path.startswith(("sample:", "memory:")):
        return path
    if "#" in path and not os.path.lexists(os.path.expanduser(path)):  # noqa: PTH111 - see below
        path = _file_of_series(path)
    return os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 - Path.resolve would follow links, which people use as names


def _opened(path: str, form: Form) -> Volume:
    """The volume of a path, or the part of its complex numbers that the end of the path names."""
    file, _, named = path.rpartition("#")
    part = PARTS.get(named)
    if part is None or os.path.lexists(path) or not os.path.lexists(file):
        return STORE.get(path, form=form)
    return part_of(STORE.get(file, form=form), part)


def _file_of_series(path: str) -> str:
    """A file of the series that a path such as ``folder#2`` names; any other path as it is."""
    for at in (place for place, letter in enumerate(path) if letter == "#"):
        folder = Path(path[:at]).expanduser()
        if folder.is_dir():
            from volstudio.volumes.dicom import series_named

            return str(series_named(folder, path[at + 1 :]).path)
    return path


def is_scene_file(path: str) -> bool:
    """Whether a name is that of a scene, by its suffix."""
    return path.lower().endswith(SUFFIXES)


def _laid_on(scene: Scene, volumes: Sequence[Volume], form: Form) -> Scene:
    """The scene with volumes on top, in looks that suit them."""
    arranged = Scene.of(*volumes).layers
    taken = set(scene.names)
    layers = []
    for layer in arranged:
        name, number = layer.name, 2
        while name in taken:
            name, number = f"{layer.name}-{number}", number + 1
        taken.add(name)
        layers.append(msgspec.structs.replace(layer, name=name, form=form))
    return msgspec.structs.replace(scene, layers=(*scene.layers, *layers))
