"""A transform from one program's dialect into another's, several chained into one, with everything said that a file cannot say."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from volstudio.errors import TransformError
from volstudio.geometry.spaces import scanner
from volstudio.tasks.open import Form, open_volumes
from volstudio.transforms.chain import beyond_rigid, chain
from volstudio.transforms.files import DIALECTS, dialect_for, dialect_of, read_transform, write_transform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from volstudio.geometry.affine import Affine
    from volstudio.transforms.dialect import Dialect, Direction
    from volstudio.volumes.volume import Volume

__all__ = ["Conversion", "convert"]

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Conversion:
    """What was written.

    Parameters
    ----------
    affine : Affine
        Fixed -> moving points of the output, RAS mm.
    notes : tuple of str
        Sentences for a person: what was taken for granted, and what the map does beyond moving.
    """

    affine: Affine
    notes: tuple[str, ...]


def convert(
    inputs: Sequence[PathLike],
    output: PathLike,
    *,
    fixed: str | None = None,
    moving: str | None = None,
    via: Sequence[str] = (),
    invert: bool = False,
    direction: Direction | None = None,
    write_direction: Direction | None = None,
    dialects: Sequence[str] = (),
    to: str | None = None,
    form: Form = "auto",
    overwrite: bool = False,
) -> Conversion:
    """Write transforms, chained where they are several, in another dialect.

    Parameters
    ----------
    inputs : sequence of path
        In the order in which a point of the fixed image passes through them on its way to the moving image.
    output : path
        The end of its name chooses the dialect.
    fixed, moving : str or None
        Paths of the images at both ends of the inputs.
    via : sequence of str
        Paths of the images between the inputs, one fewer than these, where a dialect needs them.
    invert : bool
        Write the inverse: the image named ``moving`` is then the fixed one of the output.
    direction : "fixed-to-moving", "moving-to-fixed" or None
        What the bare matrices among the inputs map, where they do not say it themselves.
    write_direction : "fixed-to-moving", "moving-to-fixed" or None
        For a bare matrix as output alone.
    dialects : sequence of str
        Names of the inputs' dialects: none (found), one for all, or one for each.
    to : str or None
        Name of the output's dialect; None: by the end of its name.

    Raises
    ------
    TransformError
        An input is no linear transform, says less than is needed, or the numbers of inputs, images and dialects do not fit.
    OutputError
        The output cannot be written, exists, or is one of the inputs or images.
    """
    chosen = _dialects(inputs, dialects)
    images = _images(fixed, via, moving, n_inputs=len(inputs), form=form)
    names = [image.affine.target if image else scanner(f"image {place}") for place, image in enumerate(images)]
    # A direction is for the bare matrices; where there is none, `read_transform` says why it cannot be overruled.
    none_is_bare = all(dialect.says_direction for dialect in chosen)
    parts = []
    for place, (path, dialect) in enumerate(zip(inputs, chosen, strict=True)):
        told = direction if none_is_bare or not dialect.says_direction else None
        read = read_transform(path, fixed=images[place], moving=images[place + 1], direction=told, dialect=dialect.name)
        parts.append(read.renamed(source=names[place], target=names[place + 1]))
    whole = chain(*parts).inverse() if invert else chain(*parts)
    start, end = (images[-1], images[0]) if invert else (images[0], images[-1])
    result = whole.renamed(source=start.affine.target if start else "fixed:scanner", target=end.affine.target if end else "moving:scanner")
    protect = [Path(path) for path in inputs] + [file for image in images if image and image.source for file in image.source.files]
    write_transform(result, output, fixed=start, moving=end, direction=write_direction, dialect=to, overwrite=overwrite, protect=protect)
    known = [(dialect, images[place], images[place + 1]) for place, dialect in enumerate(chosen)]
    return Conversion(result, _notes(result, output, [*known, (_written(output, to), start, end)], write_direction))


def _dialects(inputs: Sequence[PathLike], names: Sequence[str]) -> list[Dialect]:
    """The dialect of every input."""
    if not inputs:
        raise TransformError("A conversion needs at least one transform to read.")
    if len(names) not in (0, 1, len(inputs)):
        raise TransformError(f"{len(names)} dialects are named for {len(inputs)} transforms; name none, one for all, or one for each.")
    told = list(names) if len(names) == len(inputs) else [*names, None][:1] * len(inputs)
    return [dialect_of(path, dialect=name) for path, name in zip(inputs, told, strict=True)]


def _images(fixed: str | None, via: Sequence[str], moving: str | None, *, n_inputs: int, form: Form) -> list[Volume | None]:
    """The images at the ends of the inputs, one more than these, under names that tell them apart; None: not given."""
    if len(via) not in (0, n_inputs - 1):
        raise TransformError(
            f"{n_inputs} transforms meet in {n_inputs - 1} images between them, but {len(via)} are named; name all in order, or none."
        )
    between: list[str | None] = [*via] if via else [None] * (n_inputs - 1)
    paths = [fixed, *between, moving]
    opened = iter(open_volumes([path for path in paths if path is not None], form=form))
    return [None if path is None else next(opened) for path in paths]


def _written(output: PathLike, to: str | None) -> Dialect:
    """The dialect that the output was written in."""
    if to is not None:
        return next(dialect for dialect in DIALECTS if dialect.name == to)
    found = dialect_for(Path(output).name)
    if found is None:  # write_transform has refused it
        raise TransformError(f"No dialect has the end of the name {str(output)!r}.")
    return found


def _notes(
    affine: Affine, output: PathLike, uses: Sequence[tuple[Dialect, Volume | None, Volume | None]], write_direction: Direction | None
) -> tuple[str, ...]:
    """What a person should know of a conversion."""
    notes = []
    beyond = beyond_rigid(affine)
    if beyond:
        notes.append(f"The transform is not rigid: it {beyond}; {os.fspath(output)!r} keeps all of it.")
    for dialect, start, end in uses:
        note = f"{dialect.without_images}."
        if dialect.without_images and (start is None or end is None) and note not in notes:
            notes.append(note)
    if uses[-1][0].name == "npy":
        maps = write_direction or "fixed-to-moving"
        notes.append(f"A numpy array cannot say which way it maps: this one maps {maps}; say so when it is read (--direction {maps}).")
    return tuple(notes)
