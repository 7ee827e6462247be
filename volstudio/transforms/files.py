"""Transform files to and from `Affine`: one border, RAS+ mm, fixed points to moving points.

Every dialect's own direction, axes and origin end here. The dialect of a file is found by its content and, where the content leaves a
choice (four lines of four numbers may be FLIRT's or anybody's), by the end of its name. On writing the end of the name decides:

========================  ==================  ============================================================================
end of the name           dialect             what the numbers are
========================  ==================  ============================================================================
.tfm .txt                 ITK text            fixed -> moving points, LPS mm
.xfm.txt .mat4            plain 4 x 4 text    fixed -> moving points, RAS+ mm, said in the first line
.npy                      numpy array         fixed -> moving points, RAS+ mm, said in the sidecar
.mat .fsl .flirt          FSL FLIRT           moving -> fixed, scaled voxels of both images, which must be given
.lta                      FreeSurfer LTA      moving (src) -> fixed (dst) points, RAS mm, with the geometry of both images
.dat                      register.dat        fixed -> moving points, FreeSurfer's tkregister RAS of both images, which must be given
.aff12.1D .1D .afni       AFNI matrix         fixed (base) -> moving points, LPS mm; oblique images as if they were plumb
.itk.mat GenericAffine.mat  ITK binary        as ITK text
.h5 .hdf5                 ITK HDF5            as ITK text
.x5                       X5                  fixed (reference) -> moving points, RAS+ mm
.mrtrix.txt .mrtrix       MRtrix transform    fixed (template) -> moving points, RAS mm
.c3d.mat .c3d.txt .c3d    Convert3D matrix    fixed -> moving points, RAS mm
========================  ==================  ============================================================================
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from volstudio.errors import GeometryError, SpaceMismatchError, TransformError
from volstudio.geometry.affine import Affine
from volstudio.geometry.spaces import scanner
from volstudio.transforms.afni import AFNI
from volstudio.transforms.c3d import C3D
from volstudio.transforms.dialect import Dialect, Direction, Ends
from volstudio.transforms.fsl import FSL
from volstudio.transforms.itk import ITK
from volstudio.transforms.itk_h5 import ITK_H5
from volstudio.transforms.itk_mat import ITK_MAT
from volstudio.transforms.lta import LTA
from volstudio.transforms.mrtrix import MRTRIX
from volstudio.transforms.plain import NUMPY, PLAIN
from volstudio.transforms.register_dat import REGISTER_DAT
from volstudio.transforms.sidecar import direction_beside
from volstudio.transforms.x5 import X5
from volstudio.volumes.atomic import atomic_bytes, check_target
from volstudio.volumes.integrity import check_regular, in_words
from volstudio.volumes.volume import Volume, distinct_names

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from volstudio.geometry.grid import Grid

__all__ = ["DIALECTS", "dialect_for", "dialect_of", "read_transform", "write_transform"]

# A new dialect is one file with a `Dialect` in it and one entry here. Content is tried in this order, so bare numbers under a name that
# tells nothing are taken as plain text, which asks for their direction.
DIALECTS: tuple[Dialect, ...] = (ITK, ITK_MAT, ITK_H5, X5, LTA, REGISTER_DAT, NUMPY, PLAIN, FSL, AFNI, MRTRIX, C3D)

LARGEST = 1 << 20  # bytes: a matrix takes less than 1 kB; a larger file is an image, a warp or a mistake

# What people hand over instead: how the file begins, and what it then is.
STRANGERS = (
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file of neither ITK nor X5, such as an image; a linear transform is needed"),
    (b"\x1f\x8b", "compressed, so an image or a non-linear warp; a linear transform is needed"),
    (b"MATLAB 5.0", "a MATLAB file; save the 4 x 4 matrix as text"),
    (b"\x5c\x01\x00\x00", "a NIfTI image or a non-linear warp; a linear transform is needed"),
    (b"\x00\x00\x01\x5c", "a NIfTI image or a non-linear warp; a linear transform is needed"),
    (b"{", "JSON and no transform; the transform lies beside it"),
)


def read_transform(
    path: str | os.PathLike[str],
    *,
    fixed: Volume | Grid | None = None,
    moving: Volume | Grid | None = None,
    direction: Direction | None = None,
    dialect: str | None = None,
) -> Affine:
    """The linear transform in a file, as the map of fixed points to moving points.

    Parameters
    ----------
    path : path
    fixed, moving : Volume, Grid or None
        The images it joins; needed by the dialects that count in voxels, and the names of the result's ends.
    direction : "fixed-to-moving", "moving-to-fixed" or None
        What a bare matrix maps that does not say it itself. None: the file (or, for .npy, the sidecar beside it) must say it.
    dialect : str or None
        Name of the dialect; None: by content, then by the end of the name.

    Returns
    -------
    Affine
        From ``"<fixed>:scanner"`` to ``"<moving>:scanner"``, mm, RAS+; ``"fixed:scanner"`` and ``"moving:scanner"`` where they are not
        given. Scale and shear are kept.

    Raises
    ------
    UnreadableFileError
        The file is missing, a directory, empty, no regular file.
    TransformError
        It is no linear transform of a known dialect, or says less than is needed; the message tells what and what to do.
    """
    file = Path(path)
    chosen, data = _opened(file, dialect)
    if direction and chosen.says_direction:
        raise TransformError(
            f"{chosen.title} always says itself which way it maps, so leave direction out for {str(file)!r}; use .inverse() on the result."
        )
    told = direction or (direction_beside(file) if chosen is NUMPY else None)
    ends = _ends(fixed, moving, told)
    try:
        return Affine(chosen.read(data, ends), ends.fixed_space, ends.moving_space)
    except TransformError as error:
        raise TransformError(f"Cannot read {str(file)!r} as {chosen.title}: {_ended(error)}") from error
    except GeometryError as error:
        raise TransformError(f"Cannot use the transform {str(file)!r}: its matrix is not invertible. {error}") from error


def write_transform(
    affine: Affine,
    path: str | os.PathLike[str],
    *,
    fixed: Volume | Grid | None = None,
    moving: Volume | Grid | None = None,
    direction: Direction | None = None,
    dialect: str | None = None,
    overwrite: bool = False,
    protect: Iterable[Path] = (),
) -> None:
    """Write the map of fixed points to moving points in the dialect that the end of the file's name asks for.

    Parameters
    ----------
    affine : Affine
        Fixed -> moving points, RAS mm. Its ends are held against ``fixed`` and ``moving``, so that an inverse is never written by mistake.
    path : path
        Written atomically.
    fixed, moving : Volume, Grid or None
        The images it joins; needed by the dialects that count in voxels, and named in the comment. Their files are never written to.
    direction : "fixed-to-moving", "moving-to-fixed" or None
        For a bare matrix alone: which way the numbers in the file shall map; None: fixed to moving.
    dialect : str or None
        Name of the dialect; None: by the end of the name.
    overwrite : bool
        Whether an existing file may be replaced.
    protect : iterable of Path
        Further files that are never written to.

    Raises
    ------
    SpaceMismatchError
        The affine does not map fixed to moving points.
    TransformError
        No dialect has that end of name, or the dialect needs images that are not given.
    OutputError
        The file cannot be written, exists, or is one of the sources.
    """
    file = Path(path)
    sources = [source for volume in (fixed, moving) if isinstance(volume, Volume) and volume.source for source in volume.source.files]
    guarded = [*protect, *sources]
    chosen = _named(dialect) if dialect else dialect_for(file.name)
    if chosen is None:
        known = ", ".join(suffix for each in DIALECTS for suffix in each.suffixes)
        raise TransformError(
            f"Cannot write the transform {str(file)!r}: the end of its name chooses the dialect and must be one of {known}."
        )
    if direction and chosen.says_direction:
        raise TransformError(f"{chosen.title} has one direction of its own, so leave direction out for {str(file)!r}.")
    ends = _ends(fixed, moving, direction)
    _check_direction(affine, ends, given=(fixed is not None, moving is not None))
    check_target(file, protect=guarded, overwrite=overwrite)
    try:
        data = chosen.write(affine.matrix, replace(ends, fixed_space=affine.source, moving_space=affine.target))
    except TransformError as error:
        raise TransformError(f"Cannot write {str(file)!r} as {chosen.title}: {_ended(error)}") from error
    atomic_bytes(file, data, protect=guarded, overwrite=overwrite)


def dialect_of(path: str | os.PathLike[str], *, dialect: str | None = None) -> Dialect:
    """The dialect in which `read_transform` reads a file; raises as it does."""
    return _opened(Path(path), dialect)[0]


def dialect_for(name: str) -> Dialect | None:
    """The dialect that the end of a file's name means, the longest end first; None: no dialect has it.

    >>> dialect_for("epi_to_t1.tfm").title, dialect_for("EPI.XFM.TXT").title, dialect_for("epi.nii")
    ('ITK text', 'plain 4 x 4 text', None)
    """
    ends = sorted(((suffix, dialect) for dialect in DIALECTS for suffix in dialect.suffixes), key=lambda end: -len(end[0]))
    return next((dialect for suffix, dialect in ends if name.lower().endswith(suffix)), None)


def _opened(file: Path, dialect: str | None) -> tuple[Dialect, bytes]:
    """How a file is to be read, and what it holds."""
    size = check_regular(file).st_size
    if size > LARGEST:
        raise TransformError(
            f"Cannot read the transform {str(file)!r}: with {in_words(size)} it is too large for a linear one, a few lines of text; "
            "non-linear warps are not read."
        )
    data = file.read_bytes()
    try:
        return (_named(dialect) if dialect else _found(data, file.name)), data
    except TransformError as error:
        raise TransformError(f"Cannot read the transform {str(file)!r}: {_ended(error)}") from error


def _named(name: str) -> Dialect:
    """The dialect of that name."""
    for dialect in DIALECTS:
        if dialect.name == name:
            return dialect
    raise TransformError(f"there is no dialect {name!r}; the dialects are {', '.join(dialect.name for dialect in DIALECTS)}")


def _found(data: bytes, name: str) -> Dialect:
    """The dialect of a file's content, or that of its name, which then tells best what is wrong with the content."""
    by_name = dialect_for(name)
    for dialect in DIALECTS:
        if dialect.names_itself(data):
            return dialect
    candidates = [dialect for dialect in DIALECTS if dialect.recognises(data)]
    if candidates:
        return by_name if by_name in candidates else candidates[0]
    for start, what in STRANGERS:
        if data.lstrip(b" \t\r\n\xef\xbb\xbf").startswith(start) or data.startswith(start):
            raise TransformError(f"it is {what}")
    if not data.strip():
        raise TransformError("it is empty but for white space; make the transform again")
    if by_name is None or b"\x00" in data[:1024]:
        known = ", ".join(dialect.title for dialect in DIALECTS)
        raise TransformError(f"its content is no linear transform of a known dialect ({known})")
    return by_name


def _ends(fixed: Volume | Grid | None, moving: Volume | Grid | None, direction: Direction | None) -> Ends:
    """What is known of the two images, under names that differ."""
    spaces = [_space(fixed, "fixed:scanner"), _space(moving, "moving:scanner")]
    if isinstance(fixed, Volume) and isinstance(moving, Volume):
        spaces = [scanner(name) for name in distinct_names((fixed, moving))]
    return Ends(_grid(fixed), _grid(moving), spaces[0], spaces[1], direction, _stated_sizes(fixed), _stated_sizes(moving))


def _grid(image: Volume | Grid | None) -> Grid | None:
    return image.grid if isinstance(image, Volume) else image


def _stated_sizes(image: Volume | Grid | None) -> tuple[float, float, float] | None:
    return image.stated_sizes if isinstance(image, Volume) else None


def _space(image: Volume | Grid | None, otherwise: str) -> str:
    grid = _grid(image)
    return otherwise if grid is None else grid.affine.target


def _check_direction(affine: Affine, ends: Ends, *, given: tuple[bool, bool]) -> None:
    """Refuse an affine whose named ends are not those of the images, as far as they are given."""
    reversed_names = (affine.source, affine.target) == (ends.moving_space, ends.fixed_space)
    wrong = (given[0] and affine.source != ends.fixed_space) or (given[1] and affine.target != ends.moving_space)
    if wrong or (reversed_names and ends.fixed_space != ends.moving_space):
        raise SpaceMismatchError(
            f"A transform file maps fixed points to moving points, {ends.fixed_space} -> {ends.moving_space}, "
            f"but the affine maps {affine.source} -> {affine.target}; is an .inverse() missing?"
        )


def _ended(error: TransformError) -> str:
    """What is wrong, as the end of a sentence; a question has its own mark."""
    text = str(error)
    return text if text.endswith("?") else f"{text}."
