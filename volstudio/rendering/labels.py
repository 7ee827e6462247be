"""Label maps: one colour per label number, the same in slices and in 3D.

Label numbers are names: they are never interpolated, averaged or stretched over a window. In 3D, where a graphics card looks colours up by
place in a table, the labels that a volume holds are numbered anew without gaps, so that numbers far apart do not come to share an entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from volstudio.scene import colourmaps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from volstudio.rendering.rays import FloatArray
    from volstudio.scene.looks import OpacityCurve
    from volstudio.scene.model import Look

__all__ = [
    "LABEL_COLOURS",
    "is_label_look",
    "label_colour_points",
    "label_image",
    "label_opacity",
    "label_opacity_points",
    "label_rows",
    "shown_labels",
]

LABEL_COLOURS = 4096  # higher label numbers start again at the first colour
BEYOND = 2.0**53  # doubles hold whole numbers up to here
# The steps between two labels' colours take this part of their distance, more where there are more labels than a table can hold so finely.
STEP = 0.2
# Entries of the longest table that every driver takes, with some to spare.
TABLE = 12000


def is_label_look(look: Look) -> bool:
    """Whether a look draws numbers as names."""
    return colourmaps.get(look.colourmap).kind == "labels"


def label_rows(values: NDArray[Any]) -> NDArray[np.intp]:
    """Rows of a table of `LABEL_COLOURS` colours: row k for label k, from the first again beyond the last; NaN and infinities take row 0.

    Slices hold numbers as doubles, so labels of 64 bits are told apart as far as doubles tell them: all of them up to 2^53.

    >>> label_rows(np.array([0.0, 3.0, 4095.0, 4096.0, np.nan])).tolist()
    [0, 3, 4095, 1, 0]
    """
    if values.dtype.kind == "f" or values.dtype.itemsize == 8:
        real = np.rint(np.nan_to_num(values.astype(np.float64, copy=False), nan=0.0, posinf=0.0, neginf=0.0))
        # The remainder of a double is exact, however great the double is.
        places = np.mod(np.where(np.abs(real) < BEYOND, real - 1, real), LABEL_COLOURS - 1).astype(np.intp)
        return np.where(real == 0, 0, 1 + places)
    rows: NDArray[np.intp] = np.where(values == 0, 0, 1 + (values.astype(np.intp) - 1) % (LABEL_COLOURS - 1))
    return rows


def shown_labels(values: NDArray[Any], look: Look) -> NDArray[np.intp]:
    """The rows of `label_rows`, 0 where the look shows nothing."""
    rows = label_rows(values)
    if look.hide_below is not None:
        with np.errstate(invalid="ignore"):
            rows[~((np.abs(values) if look.two_sided else values) >= look.hide_below)] = 0
    return rows


def label_image(frame: NDArray[Any], look: Look) -> tuple[NDArray[np.uint16], NDArray[np.intp]]:
    """A frame of labels, numbered anew without gaps.

    Parameters
    ----------
    frame : (i, j, k) array
    look : Look

    Returns
    -------
    numbers : (i, j, k) uint16 array
        0 where nothing is shown.
    rows : (n,) int array
        Row of the table of `label_rows` for each number.
    """
    found = np.empty(frame.shape, np.uint16, order="F")
    for k in range(frame.shape[2]):  # in slabs: the rows of a whole volume would take eight bytes a voxel
        found[..., k] = shown_labels(frame[..., k], look)
    flat = found.ravel(order="F")
    there = np.bincount(flat, minlength=LABEL_COLOURS) > 0
    there[0] = True
    rows = np.flatnonzero(there)
    number = np.zeros(LABEL_COLOURS, np.uint16)
    number[rows] = np.arange(len(rows))
    return number[flat].reshape(frame.shape, order="F"), rows


def label_colour_points(look: Look, rows: NDArray[np.intp]) -> FloatArray:
    """(n, 4) number, then red, green, blue 0 to 1, for the numbers of `label_image`: an even tone around each number."""
    colours = colourmaps.get(look.colourmap).table(LABEL_COLOURS)[rows] / 255.0
    half = (1 - max(STEP, len(rows) / TABLE)) / 2
    numbers = np.arange(len(rows))
    return np.column_stack([np.ravel([numbers - half, numbers + half], order="F"), np.repeat(colours, 2, axis=0)])


def label_opacity(curve: OpacityCurve) -> float:
    """How opaque a preset draws every label over its unit of length: as opaque as its highest value."""
    return curve.points[-1][1]


def label_opacity_points(curve: OpacityCurve) -> FloatArray:
    """(n, 2) number and opacity, for the numbers of `label_image`."""
    return np.array([[0.4, 0.0], [0.6, label_opacity(curve)]])
