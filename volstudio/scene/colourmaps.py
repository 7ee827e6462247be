"""Colour maps by the names the field types, as numbers of our own.

A map is a list of control points joined by straight lines in sRGB; no plotting library is asked. Three kinds: sequential (low to high),
two-sided (the first half for negative, the second for positive values) and labels (a colour per whole number).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from volstudio.errors import SceneError
from volstudio.scene.names import nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ColourMap", "get", "names"]

Point = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class ColourMap:
    """A named colour map.

    Parameters
    ----------
    name : str
    points : tuple of (position, red, green, blue)
        Positions rise from 0 to 1, colours are 0 to 255; two points at one position are a jump.
    kind : "sequential", "two-sided", "labels"
    """

    name: str
    points: tuple[Point, ...]
    kind: Literal["sequential", "two-sided", "labels"] = "sequential"

    def table(self, n: int = 256) -> NDArray[np.uint8]:
        """Colours at ``n`` even steps from the first to the last.

        Parameters
        ----------
        n : int
            At least 2. For labels, row *k* is the colour of label *k*, and row 0 (nothing) is black.

        Returns
        -------
        (n, 3) read-only uint8 array

        Examples
        --------
        >>> get("gray").table(3).tolist()
        [[0, 0, 0], [128, 128, 128], [255, 255, 255]]
        """
        if n < 2:
            raise SceneError(f"A colour table needs at least 2 colours, {n} was asked for.")
        return _table(self, n)


@cache
def _table(colours: ColourMap, n: int) -> NDArray[np.uint8]:
    if colours.kind == "labels":
        table = _label_colours(n)
    else:
        points = np.array(colours.points)
        steps = np.linspace(0.0, 1.0, n)
        table = np.stack([np.interp(steps, points[:, 0], points[:, k]) for k in (1, 2, 3)], axis=1)
    rounded = np.floor(table + 0.5).astype(np.uint8)
    rounded.setflags(write=False)
    return rounded


def _label_colours(n: int) -> NDArray[np.float64]:
    """(n, 3) colours 0-255 that neighbours in number can be told apart by.

    Hue turns by the golden angle, so that no two near labels are near in hue, at the lightness and chroma of OKLCh (Ottosson 2020) whose
    colours all exist on screens; lightness alternates, for eyes that see fewer hues.
    """
    k = np.arange(1, n)
    lightness = np.array([0.72, 0.84, 0.62])[k % 3]
    hue = np.deg2rad((25.0 + 137.508 * k) % 360.0)
    a, b = 0.125 * np.cos(hue), 0.125 * np.sin(hue)
    lms = (
        np.stack(
            [
                lightness + 0.3963377774 * a + 0.2158037573 * b,
                lightness - 0.1055613458 * a - 0.0638541728 * b,
                lightness - 0.0894841775 * a - 1.2914855480 * b,
            ],
            axis=1,
        )
        ** 3
    )
    to_rgb = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    linear = np.clip(lms @ to_rgb.T, 0.0, 1.0)
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.concatenate([np.zeros((1, 3)), 255.0 * srgb])


def get(name: str) -> ColourMap:
    """The colour map of that name, or of a name that people also type for it (``"grey"``, ``"heat"``, ``"5redyell"``).

    Raises
    ------
    SceneError
        There is none; the sentence names what is near.

    Examples
    --------
    >>> get("grey").name
    'gray'
    """
    found = _MAPS.get(_ALIASES.get(name, name))
    if found is None:
        raise SceneError(f"There is no colour map {name!r}{nearest(name, [*_MAPS, *_ALIASES])}")
    return found


def names() -> tuple[str, ...]:
    """Names of all colour maps, the plain ones first; aliases are left out."""
    return tuple(_MAPS)


def _even(*colours: str) -> tuple[Point, ...]:
    """Control points at even distances from ``"#rrggbb"`` colours."""
    last = len(colours) - 1
    return tuple((k / last, *(float(x) for x in bytes.fromhex(colour[1:]))) for k, colour in enumerate(colours))  # type: ignore[misc]  # three bytes each


def _at(*stops: tuple[float, str]) -> tuple[Point, ...]:
    """Control points from ``(position, "#rrggbb")``."""
    return tuple((position, *(float(x) for x in bytes.fromhex(colour[1:]))) for position, colour in stops)  # type: ignore[misc]  # as above


_SEQUENTIAL = {
    "gray": _even("#000000", "#ffffff"),
    "gray-inverted": _even("#ffffff", "#000000"),
    "hot": _at((0.0, "#0b0000"), (0.365, "#ff0000"), (0.746, "#ffff00"), (1.0, "#ffffff")),
    "warm": _at((0.0, "#180400"), (0.3, "#7a2200"), (0.72, "#f47a1c"), (1.0, "#ffd2a6")),
    "cold": _at((0.0, "#000c1c"), (0.35, "#004a80"), (0.7, "#2a9ce8"), (1.0, "#9fe4ff")),
    "red-yellow": _even("#ff0000", "#ffff00"),
    "blue-lightblue": _even("#0000ff", "#00ffff"),
    "cool": _even("#00ffff", "#ff00ff"),
    "copper": _at((0.0, "#000000"), (0.81, "#ffa165"), (1.0, "#ffc77f")),
    "bone": _at((0.0, "#000000"), (0.375, "#535373"), (0.75, "#a6c6c6"), (1.0, "#ffffff")),
    "pink": _even("#1e0000", "#8b5a5a", "#c08d7f", "#dcc8a2", "#efefd0", "#ffffff"),
    "red": _even("#000000", "#ff3b30"),
    "green": _even("#000000", "#34d058"),
    "blue": _even("#000000", "#4a8cff"),
    "yellow": _even("#000000", "#ffe14a"),
    "cyan": _even("#000000", "#34d9e8"),
    "violet": _even("#000000", "#b98aff"),
    "magenta": _even("#000000", "#ff5ab4"),
    "viridis": _even("#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"),
    "plasma": _even("#0d0887", "#46039f", "#7201a8", "#9c179e", "#bd3786", "#d8576b", "#ed7953", "#fb9f3a", "#fdca26", "#f0f921"),
    "inferno": _even("#000004", "#1b0c41", "#4a0c6b", "#781c6d", "#a52c60", "#cf4446", "#ed6925", "#fb9b06", "#f7d13d", "#fcffa4"),
    "magma": _even("#000004", "#180f3d", "#440f76", "#721f81", "#9e2f7f", "#cd4071", "#f1605d", "#fd9668", "#feca8d", "#fcfdbf"),
    "cividis": _even("#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838"),
    "turbo": _even(
        "#30123b", "#4145ab", "#4675ed", "#39a2fc", "#1bcfd4", "#24eca6", "#61fc6c", "#a4fc3b",
        "#d1e834", "#f3c63a", "#fe9b2d", "#f36315", "#d93806", "#b11901", "#7a0402",
    ),
    "jet": _at((0.0, "#000080"), (0.125, "#0000ff"), (0.375, "#00ffff"), (0.625, "#ffff00"), (0.875, "#ff0000"), (1.0, "#800000")),
    "hsv": _even("#ff0000", "#ffff00", "#00ff00", "#00ffff", "#0000ff", "#ff00ff", "#ff0000"),
}  # fmt: skip

# The halves meet at 0.5 with a jump where the small values are dark (overlays), without one where they are pale (differences).
_TWO_SIDED = {
    "cold-hot": _at(
        (0.0, "#b8f4ff"), (0.22, "#2f9bff"), (0.5, "#0a2a8c"),
        (0.5, "#8c1204"), (0.78, "#ff7a1a"), (1.0, "#fff2a0"),
    ),
    "blue-red": _even("#2458b8", "#7fa8e0", "#f2f2f2", "#e08a6c", "#b02418"),
    "blue-black-red": _even("#7fd0ff", "#1f5fc8", "#000000", "#c83a1f", "#ffb07f"),
}  # fmt: skip

_MAPS = {
    **{name: ColourMap(name, points) for name, points in _SEQUENTIAL.items()},
    **{name: ColourMap(name, points, "two-sided") for name, points in _TWO_SIDED.items()},
    "labels": ColourMap("labels", (), "labels"),
}

_ALIASES = {
    "grey": "gray", "greyscale": "gray", "grayscale": "gray",
    "gray_r": "gray-inverted", "grey-inverted": "gray-inverted", "inverted": "gray-inverted",
    "heat": "hot", "1hot": "hot", "3warm": "warm", "2winter": "cold", "4cool": "cool",
    "5redyell": "red-yellow", "redyell": "red-yellow", "red_yellow": "red-yellow",
    "blue_lightblue": "blue-lightblue", "bluelight": "blue-lightblue",
    "cold_hot": "cold-hot", "coldhot": "cold-hot", "coolwarm": "blue-red", "bwr": "blue-red", "rdbu_r": "blue-red",
    "lut": "labels", "random": "labels",
}  # fmt: skip
