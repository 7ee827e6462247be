"""Files that a person opens or drops: volumes, scene files and transforms, told apart and put where they belong."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from volstudio.errors import SceneError
from volstudio.scene.model import Layer, Placement, Scene
from volstudio.tasks.open import open_layer, open_volumes, series_in
from volstudio.transforms.files import read_transform
from volstudio.volumes.store import STORE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from volstudio.progress import Progress
    from volstudio.volumes.dicom import DicomSeries
    from volstudio.volumes.volume import Volume

__all__ = ["SCENE_KINDS", "TRANSFORM_KINDS", "VOLUME_KINDS", "Sorted", "loaded", "looked_into", "placed_from_file", "sort_files"]

VOLUME_KINDS = "Volumes (*.nii *.nii.gz *.mgz *.mgh *.hdr *.img *.img.gz *.nrrd *.nhdr *.mha *.mhd *.dcm);;All files (*)"
SCENE_KINDS = "Sessions (*.toml *.json);;All files (*)"
TRANSFORM_KINDS = "Transforms (*.tfm *.txt *.mat *.xfm *.h5 *.lta *.x5 *.1D *.dat *.csv *.npy);;All files (*)"
SCENE_SUFFIXES = (".toml", ".json")
TRANSFORM_SUFFIXES = (".tfm", ".txt", ".mat", ".xfm", ".csv", ".npy", ".h5", ".lta", ".x5", ".1d", ".dat")


@dataclass(frozen=True, slots=True)
class Sorted:
    """Files by what they are taken for."""

    volumes: tuple[Path, ...]
    scenes: tuple[Path, ...]
    transforms: tuple[Path, ...]


def sort_files(paths: Sequence[Path]) -> Sorted:
    """Tell files apart by their suffixes; what is neither scene nor transform is taken for a volume, whose reader then decides.

    A scene that is a program (.py) is none of these: it would run, and a dropped file is too easily dropped.
    """
    scenes = tuple(path for path in paths if path.name.lower().endswith(SCENE_SUFFIXES))
    transforms = tuple(path for path in paths if path.name.lower().endswith(TRANSFORM_SUFFIXES))
    volumes = tuple(path for path in paths if path not in scenes and path not in transforms)
    return Sorted(volumes, scenes, transforms)


def loaded(scene: Scene, paths: Sequence[str], progress: Progress) -> Scene:
    """The scene with volumes added, their voxels read.

    As long as nobody has touched looks and order, all layers are arranged anew, so that the picture does not depend on which
    file was opened first; else the new ones are laid on top.

    Parameters
    ----------
    scene : Scene
        As it is when the files are opened.
    paths : sequence of str
    progress : Progress
    """
    volumes = []
    for number, path in enumerate(paths):
        progress(f"opening {Path(path).name}", number / max(len(paths), 1))
        (volume,) = open_volumes([path])
        STORE.frame(volume, 0)
        volumes.append(volume)
    progress("arranging", 1.0)
    return _joined(scene, volumes)


def looked_into(folders: Sequence[str], progress: Progress) -> dict[str, tuple[DicomSeries, ...]]:
    """The DICOM series of folders."""
    found = {}
    for number, folder in enumerate(folders):
        progress(f"looking into {Path(folder).name}", number / len(folders))
        found[folder] = series_in(folder)
    return found


def placed_from_file(scene: Scene, path: Path, *, fixed: str, moving: str) -> Placement:
    """Placement of one layer on another that a transform file gives.

    Raises
    ------
    TransformError
        The file is no transform.
    """
    fixed_to_moving = read_transform(path, fixed=open_layer(scene.layer(fixed)), moving=open_layer(scene.layer(moving)))
    return scene.place(moving, fixed_to_moving.inverse(), made_by="file").layer(moving).placement


def _joined(scene: Scene, volumes: Sequence[Volume]) -> Scene:
    present = [open_layer(layer) for layer in scene.layers]
    if _untouched(scene, present):
        together = Scene.of(*present, *volumes).layers
        known = {layer.path: layer for layer in scene.layers}
        return replace(scene, layers=tuple(_as_known(layer, known.get(layer.path)) for layer in together))
    taken, layers = set(scene.names), []
    for layer in Scene.of(*volumes).layers:
        name, number = layer.name, 2
        while name in taken:
            name, number = f"{layer.name}-{number}", number + 1
        taken.add(name)
        layers.append(replace(layer, name=name))
    return replace(scene, layers=(*scene.layers, *layers))


def _untouched(scene: Scene, volumes: Sequence[Volume]) -> bool:
    """Whether order and looks are still those of first sight."""
    if not volumes:
        return True
    try:
        first = Scene.of(*volumes).layers
    except SceneError:  # the same file twice: somebody wanted it so
        return False
    return [(layer.path, layer.look) for layer in first] == [(layer.path, layer.look) for layer in scene.layers]


def _as_known(layer: Layer, known: Layer | None) -> Layer:
    return layer if known is None else replace(known, look=layer.look)
