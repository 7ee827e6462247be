"""Scenes in files: TOML by hand, JSON by machine, one set of keys; a ``.py`` where a scene must be computed.

A file names its scans relative to itself, or absolutely; web addresses and network shares are refused, and nothing that is read runs.
Only a ``.py`` runs, and only because the person named it: a scene file cannot name another scene.
"""

from __future__ import annotations

import os
import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from volstudio.errors import SceneError, StrangePathError, VolstudioError, shortened
from volstudio.scene.checks import check
from volstudio.scene.model import Scene
from volstudio.scene.parse import FORMAT_VERSION, MARKER, MAX_BYTES, parse_scene
from volstudio.scene.schema import schema
from volstudio.scene.sources import changed_files, has_file, likely_files, missing_files, on_disk, resolved, stored, strange_files
from volstudio.scene.toml import to_toml
from volstudio.volumes.atomic import atomic_bytes
from volstudio.volumes.integrity import check_regular

if TYPE_CHECKING:
    from volstudio.scene.model import Layer
    from volstudio.scene.parse import Syntax
    from volstudio.scene.sources import Relocate

__all__ = [
    "SUFFIXES",
    "changed_files",
    "load_scene",
    "load_scene_script",
    "missing_files",
    "save_scene",
    "scene_bytes",
    "schema",
    "strange_files",
]

SUFFIXES = (".toml", ".json", ".py")
"""Endings of scene files."""
ARCHIVES = (
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ",
    b"7z\xbc\xaf",
    b"Rar!",
)  # zip (also empty), gzip, bzip2, xz, 7z, rar


def load_scene(
    path: str | os.PathLike[str],
    *,
    relocate: Relocate | None = None,
    missing: Literal["error", "keep"] = "error",
    outside: Literal["vouched", "follow"] = "vouched",
) -> Scene:
    """The scene in a file, with absolute paths.

    Parameters
    ----------
    path : path
        ``.toml``, ``.json``, or ``.py`` (see `load_scene_script`).
    relocate : mapping or folder or None
        Where moved files have gone: new paths by layer name or by old path, or a folder to search. Without it they are looked for beside
        and below the scene file by their digests, never by name alone: every subject has a ``T1.nii.gz``.
    missing : "error", "keep"
        What to do where files stay missing: refuse, or keep the layers so that `missing_files` can be asked and the person can be.
    outside : "vouched", "follow"
        Which files outside the scene's folder may be named: those whose digest the scene holds, as saved sessions do, or any. Files that
        ``relocate`` names, or that are found by it, are the person's own word.

    Raises
    ------
    UnreadableFileError
        There is no such scene file.
    SceneError
        It is no scene, breaks a rule, or its scans are missing or strange; nothing was run or fetched.
    """
    file = Path(path).absolute()
    if file.suffix.lower() == ".py":
        return load_scene_script(file)
    text = _read(file)
    syntax: Syntax = "json" if file.suffix.lower() == ".json" else "toml"
    written = parse_scene(text, syntax=syntax, where=file.name)
    try:
        layers = tuple(resolved(layer, file.parent) for layer in written.layers)
        scene = on_disk(msgspec.structs.replace(written, layers=layers), file.parent, relocate)
        check(scene)
        if missing == "error":
            _demand_files(scene, file.parent)
        if outside == "vouched":
            said = relocate if isinstance(relocate, Mapping) else {}
            named = {layer.path for layer in layers if layer.name not in said and layer.path not in said}
            _refuse_strange(scene, named=named, folder=file.parent)
    except SceneError as error:
        raise type(error)(shortened(f"{file.name}: {error}")) from error
    return scene


def load_scene_script(path: str | os.PathLike[str]) -> Scene:
    """The scene that a Python file computes with ``def scene() -> Scene``.

    The file **runs** with all the rights of the person, like any program; it is only ever run when the person names it. Relative paths
    in the layers it returns are taken from its folder.

    Raises
    ------
    UnreadableFileError
        There is no such file.
    SceneError
        It fails, has no ``scene()``, or what that returns is no sound scene.
    """
    file = Path(path).absolute()
    check_regular(file)
    try:
        found = runpy.run_path(str(file), run_name="volstudio_scene").get("scene")
        made = found() if callable(found) else None
    except VolstudioError:
        raise
    except SystemExit as error:
        raise SceneError(f"{file.name} ends the program (sys.exit) instead of giving a scene; let scene() return one.") from error
    except Exception as error:
        raise SceneError(f"{file.name} failed: {type(error).__name__}: {error}") from error
    if not callable(found):
        raise SceneError(f"{file.name} has no function scene(); write 'def scene() -> vs.Scene:' in it.")
    if not isinstance(made, Scene):
        raise SceneError(f"scene() of {file.name} returned a {type(made).__name__}; it must return a volstudio Scene.")
    check(made)
    scene = msgspec.structs.replace(made, layers=tuple(resolved(layer, file.parent) for layer in made.layers))
    _demand_files(scene, file.parent)
    return scene


def save_scene(scene: Scene, path: str | os.PathLike[str], *, overwrite: bool = False, digests: bool = True) -> Scene:
    """Write a scene to a ``.toml`` or ``.json`` file, whole or not at all.

    Parameters
    ----------
    scene : Scene
    path : path
        Paths of the layers are written relative to its folder (absolute where they lie on another drive).
    overwrite : bool
        Whether an existing file may be replaced; a file of the scene's layers never is.
    digests : bool
        Whether the layers' files are read and their digests written, so that a changed or moved file is seen.

    Returns
    -------
    Scene
        What `load_scene` gives for the file: the scene with the digests.

    Raises
    ------
    SceneError
        The scene breaks a rule, holds a layer that lives in memory only, or the suffix is neither.
    OutputError
        The file exists, is one of the scans, or cannot be written.
    """
    file = Path(path).absolute()
    if file.suffix.lower() not in (".toml", ".json"):
        raise SceneError(f"A scene is saved as .toml or .json, got {file.name!r}; give the name one of these endings.")
    check(scene)
    layers = tuple(stored(layer, file.parent, digests=digests) for layer in scene.layers)
    data = scene_bytes(msgspec.structs.replace(scene, layers=layers), syntax="json" if file.suffix.lower() == ".json" else "toml")
    atomic_bytes(file, data, protect=[Path(layer.path) for layer in scene.layers if has_file(layer)], overwrite=overwrite)
    named = tuple(
        msgspec.structs.replace(new, path=os.path.normpath(old.path) if has_file(old) else old.path)
        for new, old in zip(layers, scene.layers, strict=True)
    )
    return msgspec.structs.replace(scene, layers=named)


def scene_bytes(scene: Scene, *, syntax: Syntax) -> bytes:
    """Text of a scene file, paths as they are."""
    plain = {MARKER: FORMAT_VERSION, **msgspec.to_builtins(scene)}
    if syntax == "json":
        return msgspec.json.format(msgspec.json.encode(plain), indent=2) + b"\n"
    return to_toml(plain).encode()


def _read(file: Path) -> str:
    """Text of a scene file within the bounds of one."""
    if file.suffix.lower() not in SUFFIXES:
        raise SceneError(
            f"{file.name} is not a session or scene file of volstudio{_packed(file)}; their names end in {', '.join(SUFFIXES)}."
        )
    if check_regular(file).st_size > MAX_BYTES:
        raise SceneError(f"{file.name} is too large for a scene file (more than {MAX_BYTES >> 20} MB).")
    with file.open("rb") as stream:
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise SceneError(f"{file.name} is too large for a scene file (more than {MAX_BYTES >> 20} MB).")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SceneError(f"{file.name} is not a text file in UTF-8 (byte {error.start}); it cannot be a scene.") from error


def _packed(file: Path) -> str:
    """What an archive is told, as a part of a sentence; it is not unpacked, not even to look how large it would grow."""
    check_regular(file)
    with file.open("rb") as stream:
        start = stream.read(6)
    if not start.startswith(ARCHIVES):
        return ""
    largest = f"{MAX_BYTES >> 20} MB"
    return f" but a packed archive, whatever its size when unpacked: a scene is one text file of at most {largest} and nothing is unpacked"


def _demand_files(scene: Scene, folder: Path) -> None:
    absent = missing_files(scene)
    if absent:
        listed = ", ".join(f"{layer.path!r} (layer {layer.name!r}{_meant(layer, folder)})" for layer in absent[:8])
        more = f" and {len(absent) - 8} more" if len(absent) > 8 else ""
        raise SceneError(f"The scene's files are missing: {listed}{more}; put them back, or write in the scene where they are now.")


def _refuse_strange(scene: Scene, *, named: set[str], folder: Path) -> None:
    """Refuse files outside the folder for which nobody vouches; only paths that the scene file itself names are asked about."""
    strange = [layer for layer in strange_files(scene, folder) if layer.path in named]
    if strange:
        listed = ", ".join(f"{layer.path!r} (layer {layer.name!r})" for layer in strange[:8])
        raise StrangePathError(
            f"The scene names files outside its folder, absolutely or by '..', without a matching digest: {listed}; another person's "
            'scene may point at any file, so say that you want them opened (--follow-paths, outside="follow"), or put them beside it.'
        )


def _meant(layer: Layer, folder: Path) -> str:
    """What the person may have meant, as the end of a remark."""
    # Where the digest is known, every namesake has been looked at and is another file.
    near = () if layer.digest else likely_files(layer, folder)
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
