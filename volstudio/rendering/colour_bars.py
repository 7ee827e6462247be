"""Colour bars: which colour means which value, one per layer, always beside the anatomy and never over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from volstudio.rendering.annotations import number_text
from volstudio.rendering.compositor import window_of
from volstudio.rendering.lettering import elide
from volstudio.rendering.paint import draw_text, measure_text, stroke_rectangle
from volstudio.rendering.palette import DIM, EDGE, TEXT
from volstudio.scene import colourmaps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from volstudio.rendering.compositor import Picture
    from volstudio.rendering.planes import Volumes
    from volstudio.scene.model import Scene

__all__ = ["BarRow", "ColourBar", "bars_below", "bars_of", "columns_beside", "fitting", "paint_bars"]

Box = tuple[float, float, float, float]

# In lines of text.
BAR_WIDTH, BAR_WIDTH_MOST = 13.0, 20.0
ROW_HEIGHT, ROW_STEP = 1.95, 2.6
COLUMN_WIDTH = 9.0
COLUMN_HEIGHT_MOST = 13.0
# A standing bar's name, its two or three numbers and the space below.
STANDING_LEAST = {False: 4.4, True: 5.4}
ROWS_MOST = 0.3  # of the picture's height
BAR_THICK = 0.62
NAME_SIZE, TICK_SIZE = 0.95, 0.85


@dataclass(frozen=True, slots=True, eq=False)
class ColourBar:
    """What a layer's bar says.

    Parameters
    ----------
    name : str
    window : (low, high)
    colours : (n, 3) uint8 array
        First to last colour of the map; none: the name is a note that stands for the bars that found no room.
    two_sided : bool
        The window is one of magnitudes: the bar runs from -high to high.
    hide_below : float or None
    """

    name: str
    window: tuple[float, float]
    colours: NDArray[np.uint8]
    two_sided: bool = False
    hide_below: float | None = None

    @property
    def shown(self) -> NDArray[np.bool_]:
        """(n,) which of the colours are drawn at all."""
        steps = np.linspace(0, 1, len(self.colours))
        low, high = self.window
        values = low + np.abs(2 * steps - 1) * (high - low) if self.two_sided else low + steps * (high - low)
        return np.ones(len(steps), bool) if self.hide_below is None else values >= self.hide_below - 1e-9 * (high - low)

    @property
    def ends(self) -> tuple[str, str]:
        """The numbers at its ends."""
        low, high = self.window
        return number_text(-high if self.two_sided else low), number_text(high)

    @property
    def middle(self) -> str:
        """The number at the middle of a two-sided bar: its least magnitude."""
        return f"±{number_text(self.window[0])}" if self.two_sided and self.window[0] else "0" if self.two_sided else ""


@dataclass(frozen=True, slots=True)
class BarRow:
    """How bars stand below a picture: so many in a row, so many rows, of this height in pixels."""

    columns: int
    rows: int
    height: float


def bars_of(scene: Scene, volumes: Volumes) -> tuple[ColourBar, ...]:
    """Bars of the visible layers, bottom layer first; labels have no scale and no bar. Empty where the scene wants none."""
    if not scene.colour_bars:
        return ()
    bars = []
    for layer in scene.layers:
        colourmap = colourmaps.get(layer.look.colourmap)
        if layer.look.visible and layer.look.opacity > 0 and colourmap.kind != "labels":
            window = window_of(layer, volumes(layer))
            bars.append(ColourBar(layer.name, window, colourmap.table(256), layer.look.two_sided, layer.look.hide_below))
    return tuple(bars)


def fitting(bars: tuple[ColourBar, ...], width: float, height: float, size: float) -> tuple[ColourBar, ...]:
    """As many bars as rows of ``width`` pixels in a part of ``height`` have room for, and a note that counts the others."""
    rows = max(int((ROWS_MOST * height / size - ROW_HEIGHT) / ROW_STEP) + 1, 1)
    most = rows * bars_below(len(bars), width, size).columns
    if len(bars) <= most:
        return bars
    text = f"and {len(bars) - most + 1} more" if most > 1 else f"{len(bars)} layers"
    return (*bars[: most - 1], ColourBar(text, (0.0, 1.0), np.zeros((0, 3), np.uint8)))


def columns_beside(bars: tuple[ColourBar, ...], height: float, size: float) -> int:
    """Columns in which standing bars find room in ``height`` pixels without their texts touching."""
    step = STANDING_LEAST[any(bar.two_sided for bar in bars)] * size
    return -(-len(bars) // max(int((height + size) / step), 1))


def bars_below(count: int, width: float, size: float) -> BarRow:
    """Arrangement of ``count`` bars in rows of ``width`` pixels, for text of ``size`` pixels."""
    columns = max(min(count, int(width / (BAR_WIDTH * size))), 1)
    rows = -(-count // columns)
    return BarRow(columns, rows, ((rows - 1) * ROW_STEP + ROW_HEIGHT) * size)


def paint_bars(picture: Picture, bars: tuple[ColourBar, ...], box: Box, *, run: Literal["below", "beside"], size: float) -> None:
    """Draw bars into a box that nothing else is drawn in.

    Parameters
    ----------
    picture : (h, w, 3) uint8 array
    bars : tuple of ColourBar
    box : (x0, y0, x1, y1), pixels
    run : "below", "beside"
        Lying bars in rows, or standing bars one above the other.
    size : float, pixels
        Of the text.
    """
    if not bars:
        return
    x0, y0, x1, y1 = box
    if run == "beside":
        columns = columns_beside(bars, y1 - y0, size)
        rows = -(-len(bars) // columns)
        length = min((y1 - y0 + size) / rows, COLUMN_HEIGHT_MOST * size)
        top = y0 + (y1 - y0 + size - length * rows) / 2
        width = (x1 - x0) / columns
        for n, bar in enumerate(bars):
            x, y = x0 + n // rows * width, top + n % rows * length
            _standing(picture, bar, (x, y, x + width - 0.5 * size * (columns > 1), y + length - size), size)
        return
    row = bars_below(len(bars), x1 - x0, size)
    width = min((x1 - x0) / row.columns, BAR_WIDTH_MOST * size)
    left = x0 + (x1 - x0 - width * row.columns) / 2
    for n, bar in enumerate(bars):
        x, y = left + (n % row.columns) * width, y0 + (n // row.columns) * ROW_STEP * size
        _lying(picture, bar, (x + 0.5 * size, y, x + width - 0.5 * size, y + ROW_HEIGHT * size), size)


def _lying(picture: Picture, bar: ColourBar, box: Box, size: float) -> None:
    """Name above; first number, colours and last number in one line below it."""
    x0, y0, x1, _ = box
    tick = TICK_SIZE * size
    ends = [measure_text(text, tick)[0] for text in bar.ends]
    left, right = x0 + ends[0] + 0.4 * size, x1 - ends[1] - 0.4 * size
    name_y, middle = y0 + 0.5 * size, y0 + 1.6 * size
    if not len(bar.colours):
        draw_text(picture, bar.name, ((x0 + box[2]) / 2, middle), size=tick, colour=DIM, anchor=("centre", "middle"))
        return
    name = elide(bar.name, NAME_SIZE * size, right - left)
    draw_text(picture, name, ((left + right) / 2, name_y), size=NAME_SIZE * size, colour=TEXT, anchor=("centre", "middle"))
    for x, text, side in ((left - 0.4 * size, bar.ends[0], "right"), (right + 0.4 * size, bar.ends[1], "left")):
        draw_text(picture, text, (x, middle), size=tick, colour=DIM, anchor=(side, "middle"))  # type: ignore[arg-type]  # two words
    thick = BAR_THICK * size
    pieces = [(left, right, slice(None))]
    half, room = len(bar.colours) // 2, measure_text(bar.middle, tick)[0] / 2 + 0.35 * size
    if bar.middle and right - left > 2 * room + 2 * size:
        centre = (left + right) / 2
        pieces = [(left, centre - room, slice(0, half)), (centre + room, right, slice(half, None))]
        draw_text(picture, bar.middle, (centre, middle), size=tick, colour=DIM, anchor=("centre", "middle"))
    for start, stop, part in pieces:
        _gradient(picture, bar, part, (start, middle - thick / 2, stop, middle + thick / 2), size=size, upright=False)


def _standing(picture: Picture, bar: ColourBar, box: Box, size: float) -> None:
    """Name above; colours from the last down to the first, with their numbers to the right."""
    x0, y0, x1, y1 = box
    tick = TICK_SIZE * size
    if not len(bar.colours):
        draw_text(picture, bar.name, (x0, (y0 + y1) / 2), size=tick, colour=DIM, anchor=("left", "middle"))
        return
    name = elide(bar.name, NAME_SIZE * size, x1 - x0)
    draw_text(picture, name, (x0, y0 + 0.5 * size), size=NAME_SIZE * size, colour=TEXT, anchor=("left", "middle"))
    top, bottom = y0 + 1.4 * size, y1
    thick = 0.9 * size
    for y, text in ((top + 0.35 * size, bar.ends[1]), ((top + bottom) / 2, bar.middle), (bottom - 0.35 * size, bar.ends[0])):
        draw_text(picture, text, (x0 + thick + 0.5 * size, y), size=tick, colour=DIM, anchor=("left", "middle"))
    _gradient(picture, bar, slice(None), (x0, top, x0 + thick, bottom), size=size, upright=True)


def _gradient(picture: Picture, bar: ColourBar, part: slice, box: Box, *, size: float, upright: bool) -> None:
    """The colours themselves, in whole pixels, with a thin frame; hidden values leave the ground to be seen."""
    x0, y0, x1, y1 = (round(value) for value in box)
    height, width = picture.shape[:2]
    length = y1 - y0 if upright else x1 - x0
    if length < 2 or x0 < 0 or y0 < 0 or x1 >= width or y1 >= height:
        return
    colours, shown = bar.colours[part], bar.shown[part]
    steps = np.rint(np.linspace(0, len(colours) - 1, length + 1)).astype(int)
    if upright:
        steps = steps[::-1]
    patch = picture[y0 : y1 + 1, x0 : x1 + 1]
    strip, seen = colours[steps], shown[steps]
    if upright:
        strip, seen = strip[:, None], seen[:, None]
    patch[:] = np.where(seen[..., None], strip, patch)
    line = max(round(size / 16), 1)
    stroke_rectangle(picture, (x0, y0, x1, y1), colour=EDGE, width=line)
