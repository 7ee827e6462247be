"""A volume: voxels, where they lie, and what was odd about the file they came from."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from volstudio.errors import GeometryError, WrongTypeError
from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.geometry.spaces import scanner, voxel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Finding", "Source", "Volume", "VoxelArray", "check_volume", "distinct_names"]

Severity = Literal["info", "warning", "error"]


class VoxelArray(Protocol):
    """What a volume's data must offer: a numpy array does, and so do the lazy arrays of the readers.

    Indexing gives scaled values (scl_slope and scl_inter applied), as float32 where scaling is not the identity, otherwise in the
    stored type.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """(i, j, k) or (i, j, k, t)."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values that indexing gives."""
        ...

    def __getitem__(self, index: Any, /) -> Any: ...  # noqa: ANN401 - any numpy index; an array, or a number where it names one voxel
    def __array__(self, dtype: Any = None, /, *, copy: bool | None = None) -> NDArray[Any]: ...  # noqa: ANN401 - numpy's own protocol


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is odd, or worth knowing, about a file.

    Parameters
    ----------
    code : str
        Stable word for scripts, such as ``"qform-sform-differ"``.
    text : str
        One sentence for a scientist, with numbers and what to do.
    severity : "info", "warning" or "error"
    """

    code: str
    text: str
    severity: Severity = "info"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a volume came from.

    Parameters
    ----------
    path : Path
        Absolute path of the (header) file.
    format : str
        ``"NIfTI-1"``, ``"NIfTI-2"``, ``"NIfTI-1 pair"``, ``"Analyze 7.5"``, ``"MGH"``, ...
    form : str
        Which placement of the file is used: ``"sform"``, ``"qform"``, ``"fallback"``, or the format's own word.
    files : tuple of Path
        Every file that holds part of the volume; none of them may ever be written to.
    """

    path: Path
    format: str
    form: str
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """Voxels on a grid in the world.

    Parameters
    ----------
    data : VoxelArray
        (i, j, k) or (i, j, k, t); lazy where the reader can.
    grid : Grid
        Shape and affine of the three spatial axes; the affine maps ``"<name>:voxel"`` to ``"<name>:scanner"``.
    name : str
        Short name, by default the file's name without its suffixes; part of the names of its spaces.
    source : Source or None
        None for a volume made in memory.
    findings : tuple of Finding
        What the header doctor says of the file.
    facts : mapping of str to str, int, float
        What the header states and a person may ask for: units, description, codes, time step.
    orientation_known : bool
        False where the file does not say which side is left; views then print "?" for their letters.
    stated_sizes : (float, float, float) or None
        Voxel sizes that the header states beside its affine (NIfTI's pixdim), mm, which some programs go by; None: it states none.

    Raises
    ------
    GeometryError
        The data do not have the shape of the grid, with or without a time axis behind it.
    """

    data: VoxelArray
    grid: Grid
    name: str
    source: Source | None = None
    findings: tuple[Finding, ...] = ()
    facts: Mapping[str, str | int | float] = field(default_factory=dict)
    orientation_known: bool = True
    stated_sizes: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        shape = tuple(self.data.shape)
        if len(shape) not in (3, 4) or shape[:3] != self.grid.shape:
            raise GeometryError(f"Volume {self.name!r} needs data of shape {self.grid.shape} or with a time axis behind it, got {shape}.")

    @property
    def affine(self) -> Affine:
        """Voxel indices to scanner millimetres, RAS+."""
        return self.grid.affine

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along i, j, k."""
        return self.grid.shape

    @property
    def n_times(self) -> int:
        """Number of volumes along the time axis; 1 for a 3D volume."""
        return self.data.shape[3] if len(self.data.shape) == 4 else 1

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that holds part of the volume, none of which may ever be written to; empty for a volume made in memory."""
        return self.source.files if self.source is not None else ()

    def frame(self, time: int = 0) -> NDArray[Any]:
        """(i, j, k) array of one time point, scaled; only that part of the file is read where the format allows it.

        Raises
        ------
        IndexError
            There is no such time point.
        """
        if not 0 <= time < self.n_times:
            raise IndexError(f"Volume {self.name!r} has time points 0 to {self.n_times - 1}, {time} was asked for.")
        return np.asarray(self.data[..., time] if len(self.data.shape) == 4 else self.data)

    def renamed(self, name: str) -> Volume:
        """The same volume under another name, its spaces included."""
        affine = Affine(self.affine.matrix, voxel(name), scanner(name))
        return replace(self, name=name, grid=Grid(self.grid.shape, affine))


def check_volume(value: object, what: str) -> Volume:
    """The value itself if it is a volume.

    Raises
    ------
    WrongTypeError
        It is not; the sentence begins with ``what`` and says how to make one.

    Examples
    --------
    >>> check_volume("t1.nii.gz", "The fixed scan")
    Traceback (most recent call last):
    volstudio.errors.WrongTypeError: The fixed scan must be an opened volume, got 't1.nii.gz'; open it first, with open_volume('t1.nii.gz').
    """
    if isinstance(value, Volume):
        return value
    if isinstance(value, str | os.PathLike):
        name = repr(os.fspath(value))
        raise WrongTypeError(f"{what} must be an opened volume, got {name}; open it first, with open_volume({name}).")
    kind = type(value).__name__
    remedy = "give an array its affine, with volumes.readers.volume_from_array" if hasattr(value, "shape") else "see open_volume"
    raise WrongTypeError(f"{what} must be an opened volume, got {kind}; {remedy}.")


def distinct_names(volumes: Sequence[Volume]) -> tuple[str, ...]:
    """Names that tell volumes apart: their own where they differ, else with the folder in front, else numbered.

    Registration and scenes both use this, so that two scans called ``T1.nii`` get the same names in either.
    """
    names = [volume.name for volume in volumes]
    if len(set(names)) < len(names):
        names = [
            f"{volume.source.path.parent.name}/{name}" if names.count(name) > 1 and volume.source else name
            for name, volume in zip(names, volumes, strict=True)
        ]
    seen: dict[str, int] = {}
    distinct = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        distinct.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return tuple(distinct)
