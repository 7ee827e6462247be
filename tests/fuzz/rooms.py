"""What volstudio is asked to do with a damaged file, and what a right answer is: a sound value, or a `VolstudioError` of one line."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from seeds import FIXED, MOVING

from volstudio.errors import VolstudioError
from volstudio.geometry.affine import Affine
from volstudio.registration.plan import load_plan, save_plan
from volstudio.scene.checks import check
from volstudio.scene.files import load_scene, scene_bytes
from volstudio.scene.parse import parse_scene
from volstudio.session.recovery import recoverable
from volstudio.transforms.files import read_transform, write_transform
from volstudio.volumes.readers import open_volume
from volstudio.volumes.save import save_header, save_volume

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LONGEST", "attempt"]

LONGEST = 3000  # letters of a message; a person reads one sentence
REWRITTEN = (".nii", ".nii.gz", ".nii.bz2", ".hdr", ".img", ".mgh", ".mgz")


def attempt(room: str, path: Path, number: int) -> str:
    """Read a file; ``"read"`` or ``"refused"``.

    Raises
    ------
    AssertionError
        What came back is not sound.
    Exception
        Whatever else than a `VolstudioError` escapes.
    """
    try:
        ROOMS[room](path, number)
    except VolstudioError as error:
        message = str(error)
        assert message.strip(), "the refusal says nothing"
        assert "\n" not in message, f"the refusal has several lines: {message!r}"
        assert len(message) <= LONGEST, f"the refusal has {len(message)} letters: {message[:200]!r}"
        return "refused"
    return "read"


def _volume(path: Path, number: int) -> None:
    volume = open_volume(path)
    data = np.asarray(volume.data)
    assert data.shape[:3] == volume.shape, f"voxels of shape {data.shape} in a grid of {volume.shape}"
    assert data.dtype.isnative
    assert data.dtype.kind in "iuf", f"voxels of type {data.dtype}"
    assert data.dtype.itemsize <= 8
    matrix = volume.affine.matrix
    assert np.isfinite(matrix).all(), f"an affine that is not finite: {matrix}"
    assert np.linalg.matrix_rank(matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)) == 3, f"a singular affine: {matrix}"
    assert all(finding.text.strip() and "\n" not in finding.text for finding in volume.findings)
    if number % 4 == 0:
        _written_again(volume, data, path)


def _written_again(volume, data, path: Path) -> None:
    """What could be opened can be saved, and is then the same."""
    target = (path if path.is_dir() else path.parent) / "saved.nii"
    by_header = path.name.lower().endswith(REWRITTEN)
    try:
        if by_header:
            save_header(volume, Affine(np.eye(4), volume.affine.target, "world:scanner"), target)
        else:
            save_volume(volume, target)
        again = open_volume(target)
        assert again.shape == volume.shape
        slack = 1e-5 * max(1.0, np.abs(volume.affine.matrix).max())
        np.testing.assert_allclose(again.affine.matrix, volume.affine.matrix, rtol=1e-5, atol=slack)
        if not by_header:
            np.testing.assert_array_equal(np.asarray(again.data), data)
    finally:
        target.unlink(missing_ok=True)


def _transform(path: Path, number: int) -> None:
    images = {"fixed": FIXED, "moving": MOVING} if number % 5 else {}
    told = {"direction": "moving-to-fixed"} if path.suffix == ".npy" and not path.with_suffix(".json").exists() else {}
    affine = read_transform(path, **images, **told)
    assert np.isfinite(affine.matrix).all()
    if number % 4 == 0:
        target = path.with_name("saved.mat4")
        try:
            write_transform(affine, target)
            again = read_transform(target)
            assert np.array_equal(again.matrix, affine.matrix)
        finally:
            target.unlink(missing_ok=True)


def _scene(path: Path, number: int) -> None:
    scene = load_scene(path, missing="keep")
    check(scene)
    assert all(math.isfinite(x) for layer in scene.layers for row in layer.placement.matrix for x in row)
    if number % 4 == 0:
        syntax = "toml" if number % 8 else "json"
        assert parse_scene(scene_bytes(scene, syntax=syntax).decode(), syntax=syntax, where="again") == scene


def _journal(path: Path, number: int) -> None:
    """What a damaged journal gives back is a sound session that can be undone to its beginning; or it is set aside, and that is said."""
    said: list[str] = []
    found = recoverable(path.parent, complain=said.append)
    if not found:
        if not said:  # an empty session is forgotten without a word
            return
        assert not path.exists() or "newer" in said[0], "a journal that cannot be used is in the way at the next start"
        raise VolstudioError(said[0])
    (recovery,) = found
    assert all(note.strip() and "\n" not in note for note in recovery.notes)
    session = recovery.session(record=False)
    check(session.scene)
    end, steps = session.scene, 0
    while session.undo():
        check(session.scene)
        steps += 1
    for _ in range(steps):
        assert session.redo()
    assert session.scene.layers == end.layers
    if number % 2:
        recovery.leave()
    else:
        recovery.discard()
        assert not path.exists()


def _plan(path: Path, number: int) -> None:
    plan = load_plan(path)
    again = path.with_name(f"again{path.suffix if number % 2 else '.json'}")
    try:
        save_plan(plan, again)
        assert load_plan(again) == plan
    finally:
        again.unlink(missing_ok=True)


ROOMS = {"volume": _volume, "transform": _transform, "scene": _scene, "journal": _journal, "plan": _plan}
