"""What a transform dialect is, and what it is told about the two images that a transform joins.

A dialect is one file of this room with a `Dialect` in it, and one line in `volstudio.transforms.files.DIALECTS`. All dialects meet at
one border: the (4, 4) map of *fixed points to moving points*, RAS+ millimetres, float64. What a dialect does not know (a name, a suffix,
a disk) it does not ask: bytes in, matrix out, and back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from volstudio.errors import TransformError

if TYPE_CHECKING:
    from collections.abc import Callable

    from volstudio.geometry.affine import FloatArray
    from volstudio.geometry.grid import Grid

__all__ = ["Dialect", "Direction", "Ends"]

Direction = Literal["fixed-to-moving", "moving-to-fixed"]


@dataclass(frozen=True, slots=True)
class Ends:
    """The two images a transform joins, as far as they are known.

    Parameters
    ----------
    fixed, moving : Grid or None
        Their grids, which some dialects need to place their coordinates.
    fixed_space, moving_space : str
        Names of their worlds, for comments and for the resulting `Affine`.
    direction : "fixed-to-moving", "moving-to-fixed" or None
        What a bare matrix maps, where its file does not say it; None: not known.
    fixed_sizes, moving_sizes : (float, float, float) or None
        Voxel sizes that their headers state beside the affine, mm; None: those of the grid.
    """

    fixed: Grid | None = None
    moving: Grid | None = None
    fixed_space: str = "fixed:scanner"
    moving_space: str = "moving:scanner"
    direction: Direction | None = None
    fixed_sizes: tuple[float, float, float] | None = None
    moving_sizes: tuple[float, float, float] | None = None

    def grids(self) -> tuple[Grid, Grid]:
        """Grids of the fixed and of the moving image, for a dialect that counts in voxels.

        Raises
        ------
        TransformError
            One of them is not known.
        """
        if self.fixed is None or self.moving is None:
            which = "both" if self.fixed is self.moving else "fixed" if self.fixed is None else "moving"
            missing = "both images" if which == "both" else f"the {which} image too"
            give = "them (--fixed, --moving; fixed=, moving=)" if which == "both" else f"it (--{which}, {which}=)"
            raise TransformError(f"its numbers count from the corners of the images, so it needs {missing}; give {give}")
        return self.fixed, self.moving

    def in_words(self, direction: Direction = "fixed-to-moving") -> str:
        """What the numbers map, for a comment: ``"maps fixed points (t1) to moving points (epi)"``."""
        fixed, moving = f"fixed points ({_printable(self.fixed_space)})", f"moving points ({_printable(self.moving_space)})"
        return f"maps {fixed} to {moving}" if direction == "fixed-to-moving" else f"maps {moving} to {fixed}"


def _never(data: bytes) -> bool:  # noqa: ARG001 - a test that every content fails
    return False


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way in which programs write linear transforms.

    Parameters
    ----------
    name : str
        Short word to ask for it: ``"itk"``.
    title : str
        What a person calls it: ``"ITK text"``.
    suffixes : tuple of str
        Ends of file names, lower case, that mean this dialect.
    recognises : callable
        ``bytes -> bool``: whether the content is, or may be, this dialect.
    read : callable
        ``(bytes, Ends) -> (4, 4) array``: fixed -> moving points, RAS mm. Raises `TransformError` with what is wrong, beginning with "it".
    write : callable
        ``(matrix, Ends) -> bytes``, its inverse.
    says_direction : bool
        Whether the dialect itself fixes, or its files say, which way the numbers map.
    names_itself : callable
        ``bytes -> bool``: whether the content names the program that made it, so that it can be no other dialect.
    without_images : str
        What is taken for granted where the images are not given; empty: nothing is, or they must be given.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    recognises: Callable[[bytes], bool]
    read: Callable[[bytes, Ends], FloatArray]
    write: Callable[[FloatArray, Ends], bytes]
    says_direction: bool = True
    names_itself: Callable[[bytes], bool] = _never
    without_images: str = ""


def _printable(space: str) -> str:
    """A space's name on one line, without what would end a comment or start another."""
    return " ".join("".join(letter if letter.isprintable() and letter not in "()#" else " " for letter in space).split())
