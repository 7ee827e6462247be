"""Saving a volume: the same voxels under another header, or new voxels in a new file. A source is never written to.

Every file appears whole or not at all (see `volstudio.volumes.atomic`). The voxel bytes of an edited header are copied as they are stored,
checked against the checksum of the source on the way, and never pass through a number.
"""

from __future__ import annotations

import gzip
import hashlib
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np

from volstudio.errors import OutputError
from volstudio.geometry.grid import Grid
from volstudio.volumes.atomic import atomic_bytes, atomic_write, check_target
from volstudio.volumes.findings import ORIENTATION_GUESSED
from volstudio.volumes.integrity import digest
from volstudio.volumes.nifti_header import data_type_of
from volstudio.volumes.nifti_place import new_header
from volstudio.volumes.rewrite import mgh_as_nifti, rewrite_mgh, rewrite_nifti
from volstudio.volumes.series import StoredArray
from volstudio.volumes.volume import Finding

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

    from volstudio.geometry.affine import Affine
    from volstudio.volumes.rewrite import Rewrite
    from volstudio.volumes.series import RawArray
    from volstudio.volumes.volume import Volume, VoxelArray

__all__ = ["check_new_file", "save_header", "save_volume"]

COMPRESSION = 4  # twice as fast as gzip's own 6, and 2 % larger on scans
SINGLE = (".nii", ".nii.gz")
PAIR = (".hdr", ".img")
MGH = (".mgh", ".mgz", ".mgh.gz")
IDENTITY_MM = 1e-9
EDITABLE = ("NIfTI", "Analyze", "MGH")  # formats whose files are written with another header and the same bytes of voxels


def save_header(
    volume: Volume, moving_to_fixed: Affine, path: str | os.PathLike[str], *, overwrite: bool = False, protect: Iterable[Path] = ()
) -> tuple[Finding, ...]:
    """Write the volume's file anew with the same voxel bytes and a header that places them elsewhere.

    Parameters
    ----------
    volume : Volume
        Opened from a file.
    moving_to_fixed : Affine
        Applied after the volume's own affine: from its scanner space to wherever it shall lie.
    path : path
        The new file: ``.nii``, ``.nii.gz`` or ``.hdr``/``.img`` for NIfTI and Analyze; ``.mgh``, ``.mgz`` or NIfTI for MGH; ``.nii`` or
        ``.nii.gz`` for every other format, whose values are then written, and a finding says so.
    overwrite : bool
        Whether an existing file may be replaced.
    protect : iterable of Path
        Files that may not be written to; the volume's own files never are.

    Returns
    -------
    tuple of Finding
        What the format could not hold.

    Raises
    ------
    OutputError
        The target is a source, exists, has a suffix of another format, or cannot be written.
    UnreadableFileError
        The source is damaged, or has changed since it was opened.
    SpaceMismatchError
        The map does not start in the volume's scanner space.

    Notes
    -----
    The new affine is ``moving_to_fixed @ volume.affine``, in sform and qform, both with code 2 ("aligned"). Under the identity the codes of
    the source are kept. Units become mm.
    """
    placed = moving_to_fixed @ volume.affine
    source = volume.source
    if source is None:
        raise OutputError(f"{volume.name!r} has no file whose header could be edited; save it as a new volume.")
    if not source.format.startswith(EDITABLE):
        return _converted(volume, placed, path, overwrite=overwrite, protect=protect)
    target = Path(path)
    mgh = source.format == "MGH"
    kind = _kind(target, (MGH, SINGLE) if mgh else (SINGLE, PAIR), source.format)
    protected = (*protect, *source.files)
    check_target(target, protect=protected, overwrite=overwrite)
    grid = Grid(volume.shape, placed)
    if mgh:
        rewrite = rewrite_mgh(volume, source, grid) if kind is MGH else mgh_as_nifti(volume, source, grid)
    else:
        moved = not np.allclose(moving_to_fixed.matrix, np.eye(4), rtol=0, atol=IDENTITY_MM)
        rewrite = rewrite_nifti(volume, source, grid, moved=moved, single=kind is SINGLE)
    if kind is PAIR:
        _write_pair(rewrite, target, protected, overwrite=overwrite)
    else:
        with _opened(target, protected, overwrite=overwrite) as file:
            file.write(rewrite.head)
            rewrite.copy_voxels(file)
    return rewrite.findings


def _converted(
    volume: Volume, placed: Affine, path: str | os.PathLike[str], *, overwrite: bool, protect: Iterable[Path]
) -> tuple[Finding, ...]:
    """A NIfTI file of the same values for a source whose own format is not written."""
    moved = replace(volume, grid=Grid(volume.shape, placed.renamed(target=volume.affine.target)))
    kind = volume.source.format if volume.source else "source"
    text = f"The {kind} format is not written: the voxels stand in a new NIfTI file, value by value, with the new placement."
    return (*save_volume(moved, path, overwrite=overwrite, protect=protect), Finding("converted", text, "info"))


def save_volume(
    volume: Volume, path: str | os.PathLike[str], *, overwrite: bool = False, protect: Iterable[Path] = ()
) -> tuple[Finding, ...]:
    """Write a volume's values as a new NIfTI file, ``.nii`` or ``.nii.gz``.

    Parameters
    ----------
    volume : Volume
    path : path
    overwrite : bool
        Whether an existing file may be replaced.
    protect : iterable of Path
        Files that may not be written to; the volume's own files never are.

    Returns
    -------
    tuple of Finding
        What the format could not hold.

    Raises
    ------
    OutputError
        The target is a source, exists, has another suffix, or cannot be written.

    Notes
    -----
    Values are stored in their own type, unscaled; colours and complex numbers as such. The codes are 2 ("aligned").
    """
    target = Path(path)
    protected = (*protect, *volume.files)
    check_new_file(target, overwrite=overwrite, protect=protected)
    data_type = data_type_of(_meant(volume).dtype)
    step = volume.facts.get("time_step_s", 0.0)
    head, findings = new_header(volume.grid, volume.n_times, data_type, time_step_s=step if isinstance(step, float) else 0.0)
    with _opened(target, protected, overwrite=overwrite) as file:
        file.write(head + bytes(4))
        for slab in _slabs(volume):
            file.write(slab)
    if not volume.orientation_known:
        findings += (ORIENTATION_GUESSED,)
    return findings


def check_new_file(path: str | os.PathLike[str], *, overwrite: bool = False, protect: Iterable[Path] = ()) -> None:
    """Refuse what `save_volume` would refuse of its target, before the work on the voxels is begun."""
    _kind(Path(path), (SINGLE,), "NIfTI-1")
    check_target(path, protect=protect, overwrite=overwrite)


def _slabs(volume: Volume) -> Iterator[bytes]:
    """Little-endian bytes of one slice after the other, i fastest, so that a large volume is never copied as a whole."""
    data = _meant(volume)
    series = len(data.shape) == 4
    stored = data.dtype.newbyteorder("<")
    for time in range(volume.n_times):
        for k in range(volume.shape[2]):
            index = (slice(None), slice(None), k, time) if series else (slice(None), slice(None), k)
            yield np.asarray(data[index], dtype=stored).tobytes(order="F")


def _meant(volume: Volume) -> VoxelArray | RawArray:
    """What a file should hold: colours and complex numbers, where a volume shows brightness or magnitude; else its values."""
    data = volume.data
    return data.raw if isinstance(data, StoredArray) and data.folds else data


def _kind(target: Path, kinds: tuple[tuple[str, ...], ...], source: str) -> tuple[str, ...]:
    """Which kind of file a target's suffix asks for."""
    name = target.name.lower()
    for kind in kinds:
        if name in kind:
            raise OutputError(f"Cannot write {str(target)!r}: that is a suffix without a name before it; give the file a name.")
        if name.endswith(kind):
            return kind
    allowed = ", ".join(suffix for kind in kinds for suffix in kind)
    raise OutputError(f"Cannot write {str(target)!r}: a {source} volume is saved as one of {allowed}; give the file such a suffix.")


@contextmanager
def _opened(target: Path, protect: Iterable[Path], *, overwrite: bool) -> Iterator[BinaryIO]:
    """The target, packed where its suffix says so; the same input gives the same bytes on every day."""
    with atomic_write(target, protect=protect, overwrite=overwrite) as file:
        if not target.name.lower().endswith((".gz", ".mgz")):
            yield file
            return
        with gzip.GzipFile("", "wb", COMPRESSION, file, mtime=0) as packed:
            yield cast("BinaryIO", packed)


def _write_pair(rewrite: Rewrite, target: Path, protect: tuple[Path, ...], *, overwrite: bool) -> None:
    """Both files of a pair: the voxels first, so that a header never stands before voxels that are not its own.

    Two files cannot be replaced in one step. So where a pair stands already, its voxels must be the same, and only the header changes.
    """
    base = target.name[:-4]
    upper = target.suffix.isupper()
    header, voxels = (target.with_name(base + (end.upper() if upper else end)) for end in PAIR)
    if not (header.exists() or voxels.exists()):
        with atomic_write(voxels, protect=protect) as file:
            rewrite.copy_voxels(file)
        atomic_bytes(header, rewrite.head, protect=protect)
        return
    for file_path in (header, voxels):
        check_target(file_path, protect=protect, overwrite=overwrite)
    if not voxels.exists() or digest(voxels) != _voxel_digest(rewrite):
        raise OutputError(
            f"Cannot write {str(header)!r}: a pair with other voxels stands there, and two files cannot be replaced in one step; "
            "choose another name, or save as .nii."
        )
    atomic_bytes(header, rewrite.head, protect=protect, overwrite=overwrite)


class _Digest:
    """A file that keeps nothing of what is written to it but its fingerprint."""

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self.sha256.update(data)


def _voxel_digest(rewrite: Rewrite) -> str:
    into = _Digest()
    rewrite.copy_voxels(cast("BinaryIO", into))
    return f"sha256:{into.sha256.hexdigest()}"
