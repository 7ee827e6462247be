"""The files behind a scene's layers: paths between file and memory, files that are missing, moved or changed.

A study is copied to another disk as a folder, so a scene file names its scans relative to itself, and each with a digest. A file that is
not where it was is looked for by its digest, never taken for its name alone: every subject has a ``T1.nii.gz``. Names alone are only ever
proposed to the person, in the sentence that says what is missing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from volstudio.errors import SceneError, UnreadableFileError, VolstudioError
from volstudio.scene.checks import check_path
from volstudio.volumes.integrity import digest
from volstudio.volumes.spelling import spelled, unspelled
from volstudio.volumes.volume import Finding

if TYPE_CHECKING:
    from volstudio.scene.model import Layer, Scene
    from volstudio.volumes.volume import Volume

__all__ = [
    "Relocate",
    "changed_files",
    "digest_of",
    "has_file",
    "likely_files",
    "missing_files",
    "on_disk",
    "open_layer",
    "resolved",
    "stored",
    "strange_files",
]

Relocate = Mapping[str, "str | os.PathLike[str]"] | str | os.PathLike[str]

# Bounds of the search for a moved file, so that a scene in a home folder does not read the whole disk.
SEARCH_DEPTH = 3
SEARCH_ENTRIES = 5000
SEARCH_BYTES = 2 << 30


def has_file(layer: Layer) -> bool:
    """Whether a layer's voxels come from a file (and not from memory or the built-in samples)."""
    return not layer.path.startswith(("memory:", "sample:"))


def open_layer(layer: Layer) -> Volume:
    """The volume of a layer, under the layer's name, from the store that windows, pictures and registrations share.

    Raises
    ------
    UnreadableFileError
        It cannot be read; the sentence names the layer.
    """
    from volstudio.volumes.store import STORE  # readers are for those who look at voxels; a scene alone needs none

    try:
        return STORE.get(layer.path, form=layer.form, name=layer.name)
    except VolstudioError as error:
        if layer.name in str(error):
            raise
        raise type(error)(f"Layer {layer.name!r}: {error}") from error


def missing_files(scene: Scene) -> tuple[Layer, ...]:
    """Layers whose file is not there, or is no regular file."""
    return tuple(layer for layer in scene.layers if has_file(layer) and not is_there(layer.path))


def strange_files(scene: Scene, folder: Path) -> tuple[Layer, ...]:
    """Layers whose file lies outside the scene's folder and that the scene does not vouch for by the file's digest.

    A scene may come from anybody and name any file of the person who opens it. Who wrote a file's digest has had the file already, so
    what a session saved opens again wherever its scans lie.
    """
    home = folder.resolve()
    there = (layer for layer in scene.layers if has_file(layer) and is_there(layer.path))
    outside = [layer for layer in there if not Path(layer.path).resolve().is_relative_to(home)]
    return tuple(layer for layer in outside if not layer.digest or digest_of(layer.path) != layer.digest)


def changed_files(scene: Scene) -> tuple[Finding, ...]:
    """A finding (``"file-changed"``) for each layer whose file differs from the one the scene was saved with.

    Reads the files whole. Layers without a digest, and files that are missing, have none.
    """
    absent = missing_files(scene)
    known = [layer for layer in scene.layers if layer.digest and has_file(layer) and layer not in absent]
    return tuple(
        Finding(
            "file-changed",
            f"The file of layer {layer.name!r} has changed since the scene was saved ({layer.path}); check that it lies right, then save.",
            "warning",
        )
        for layer in known
        if digest_of(layer.path) != layer.digest
    )


def is_there(path: str | os.PathLike[str]) -> bool:
    """Whether a path is a file; a name that no disk can hold is none."""
    return os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises where the name is too long


def resolved(layer: Layer, folder: Path) -> Layer:
    """A layer as written in a file, with an absolute path.

    Raises
    ------
    SceneError
        The path is remote or empty.
    """
    given = unspelled(layer.path)
    check_path(given, f"layer {layer.name!r}")
    if not has_file(layer):
        return layer
    written = folder / os.path.expanduser(given)  # noqa: PTH111 - Path.expanduser raises where a user is unknown; the file is missing then
    path = os.path.normpath(written)
    if not os.path.lexists(path) and is_there(written):
        # The folder is reached through a link, and ".." was meant from where it really is.
        path = str(written.parent.resolve() / Path(path).name)
    return replace(layer, path=path)


def stored(layer: Layer, folder: Path, *, digests: bool) -> Layer:
    """A layer as it is written into a file in ``folder``: path relative with ``/``, digest of the file as it is now.

    Raises
    ------
    SceneError
        The layer has no file.
    """
    if layer.path.startswith("memory:"):
        raise SceneError(f"Layer {layer.name!r} lives in memory only; save its volume to a file before the scene can name it.")
    if not has_file(layer):
        return layer
    known = digest_of(layer.path) if digests and is_there(layer.path) else layer.digest
    path = spelled(_relative(layer.path, folder).replace(os.sep, "/"))
    # A file that is really called "~" or "sample:x" must not be taken for the home folder or a sample when it is read.
    plain = f"./{path}" if path.startswith(("~", "sample:", "memory:")) else path
    return replace(layer, path=plain, digest=known)


def _relative(path: str, folder: Path) -> str:
    """A path from a folder; from where both really are if that stays inside the folder, so that a study moves as a whole."""
    try:
        relative = os.path.relpath(path, folder)
        if relative.startswith(os.pardir):
            real = os.path.relpath(Path(path).parent.resolve() / Path(path).name, folder.resolve())
            return relative if real.startswith(os.pardir) else real
    except ValueError:  # another drive of Windows
        return path
    return relative


def on_disk(scene: Scene, folder: Path, relocate: Relocate | None = None) -> Scene:
    """The scene with every missing file found that can be found without doubt.

    Parameters
    ----------
    scene : Scene
        Paths absolute.
    folder : Path
        Of the scene file; it and its subfolders are searched.
    relocate : mapping or folder or None
        Where files have gone: new paths by layer name or by old path, or a folder that is searched first. What a person gives in a
        mapping is taken as given; `changed_files` tells if it is another file. In a folder that a person gives, a file of the same name
        is taken too, where the scene knows no digest and one file alone has the name.
    """
    said = {key: os.fspath(value) for key, value in relocate.items()} if isinstance(relocate, Mapping) else {}
    given = None if relocate is None or isinstance(relocate, Mapping) else Path(relocate)
    layers = []
    for layer in scene.layers:
        told = said.get(layer.name) or said.get(layer.path)
        if told is not None:
            layers.append(resolved(replace(layer, path=spelled(told)), Path.cwd()))
        elif has_file(layer) and not is_there(layer.path):
            found = _found(layer, folder, given)
            layers.append(layer if found is None else replace(layer, path=found))
        else:
            layers.append(layer)
    return replace(scene, layers=tuple(layers)) if any(a is not b for a, b in zip(layers, scene.layers, strict=True)) else scene


def digest_of(path: str) -> str:
    """Digest of a file, remembered while its size and time stay the same."""
    state = Path(path).stat()
    return _digest(path, state.st_size, state.st_mtime_ns, state.st_ino)


@lru_cache(maxsize=256)
def _digest(path: str, _size: int, _mtime: int, _inode: int) -> str:
    return digest(path)


def likely_files(layer: Layer, folder: Path) -> tuple[str, ...]:
    """Files in and below a folder that a person may have meant by a path that leads nowhere: the same name, else a similar one.

    Only ever to be proposed: the same name may belong to another subject.
    """
    from difflib import get_close_matches  # only errors pay for it

    files = list(_walk(folder))
    name = _name(layer.path)
    namesakes = [str(path) for path in files if path.name == name]
    return tuple(namesakes[:3] or get_close_matches(layer.path, map(str, files), n=1, cutoff=0.9))


def _found(layer: Layer, folder: Path, given: Path | None) -> str | None:
    """Path of a layer's file elsewhere: the same bytes, or without a digest the only namesake in the folder that was given."""
    name = _name(layer.path)
    if not layer.digest:
        namesakes = [path for path in _walk(given) if path.name == name] if given else []
        return str(namesakes[0]) if len(namesakes) == 1 else None
    files = list(dict.fromkeys(path for where in (given, folder) if where for path in _walk(where)))
    namesakes = [path for path in files if path.name == name]
    suffix = _suffix(name)
    budget = SEARCH_BYTES
    for path in [*namesakes, *(path for path in files if path.name != name and _suffix(path.name) == suffix)]:
        try:
            budget -= path.stat().st_size
            if budget < 0:
                return None
            if digest_of(str(path)) == layer.digest:
                return str(path)
        except (OSError, UnreadableFileError):  # an unreadable file is not the one; the search goes on
            continue
    return None


def _walk(folder: Path) -> Iterator[Path]:
    """Regular files of a folder and its subfolders, within bounds, in a steady order."""
    seen = 0
    depth_of_root = len(folder.parts)
    for where, folders, files in os.walk(folder):
        folders[:] = (
            sorted(each for each in folders if not each.startswith(".")) if len(Path(where).parts) - depth_of_root < SEARCH_DEPTH else []
        )
        for name in sorted(files):
            seen += 1
            if seen > SEARCH_ENTRIES:
                return
            path = Path(where, name)
            if is_there(path):
                yield path


def _name(path: str) -> str:
    """Last part of a path, whichever system it was written on."""
    return re.split(r"[\\/]", path)[-1]


def _suffix(name: str) -> str:
    lower = name.lower()
    return ".nii.gz" if lower.endswith(".nii.gz") else Path(lower).suffix
