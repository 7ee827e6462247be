"""Where everything stands in a figure of slices: arithmetic on boxes, before anything is painted.

Panes are cut to what is seen in their slices and share one scale; letters, coordinates, bars and warnings get strips of their own, and what
a small picture has no room for is left out rather than laid over the anatomy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from volstudio.rendering.annotations import badges_of
from volstudio.rendering.colour_bars import BAR_WIDTH, COLUMN_WIDTH, bars_below, bars_of, columns_beside, fitting
from volstudio.rendering.compositor import shown_part
from volstudio.rendering.planes import SliceView, axes_of, content_box
from volstudio.scene.model import vec3

if TYPE_CHECKING:
    from volstudio.rendering.annotations import Badge
    from volstudio.rendering.colour_bars import ColourBar
    from volstudio.rendering.planes import FloatArray, Plane, Volumes
    from volstudio.scene.model import Panel, Scene

__all__ = [
    "CAPTION",
    "FOOT_SIDE",
    "GAP",
    "PAD",
    "QUAD",
    "Box",
    "Frame",
    "Pane",
    "Sheet",
    "best_room",
    "frames_of",
    "head_height",
    "panes_in_quarters",
    "panes_in_row",
    "quarters",
    "rows_3d",
    "sheet_of",
    "text_size",
]

Box = tuple[int, int, int, int]

QUAD: tuple[Plane, ...] = ("coronal", "sagittal", "axial")
# In lines of text: free rim, strip of a letter, row of coordinates, foot with convention and scale bar, space between panes.
PAD, LETTER_STRIP, CAPTION, FOOT, GAP, BARS_GAP = 0.7, 1.45, 1.35, 1.6, 0.6, 0.8
FOOT_SIDE = 11.0  # width kept for the convention's word and for the scale bar, in lines of text
LETTERS_MOST = 0.3  # of the width
SCOUT = 192  # pixels of the coarse slice that finds what is to be seen
RIM = 3.0  # of its pixels, so that dim skin is not cut
SMALLEST_WITH_WORDS = 150  # pixels; below, words would leave no room for the anatomy


@dataclass(frozen=True, slots=True)
class Sheet:
    """A picture's pixels and what must find room around its panes.

    Parameters
    ----------
    width, height : int, pixels
    size : float, pixels
        Of the text, from line to line; every other length follows it.
    words : bool
        Whether there is room for anything but letters.
    letters : bool
    bars : tuple of ColourBar
    badges : tuple of Badge
    """

    width: int
    height: int
    size: float
    words: bool
    letters: bool
    bars: tuple[ColourBar, ...]
    badges: tuple[Badge, ...]

    @property
    def foot(self) -> float:
        """Pixels below the panes for convention, scale bar and lying colour bars."""
        if not self.words:
            return PAD * self.size
        return self.height - 1 - self.bars_box[1] + BARS_GAP * self.size if self.bars else (FOOT + PAD) * self.size

    @property
    def bars_box(self) -> Box:
        """Where bars lie: between the convention and the scale bar, or above both where that is too narrow."""
        shared, width = _width_of_bars(self.width, self.size)
        x0, y1 = (self.width - width) / 2, self.height - 1 - (PAD if shared else FOOT + PAD + 0.4) * self.size
        row = bars_below(len(self.bars), width, self.size)
        return _whole_pixels((x0, y1 - row.height, self.width - 1 - x0, y1))

    @property
    def strip(self) -> float:
        """Pixels kept free for a letter on each side of a pane."""
        return LETTER_STRIP * self.size if self.letters else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """The part of a plane that a pane shows: (right, up) mm of its lower left and upper right corners."""

    plane: Plane
    low: FloatArray
    high: FloatArray

    @property
    def extent(self) -> tuple[float, float]:
        """Width and height, mm."""
        width, height = self.high - self.low
        return float(width), float(height)


@dataclass(frozen=True, slots=True)
class Pane:
    """A plane's view, and the upper left pixel of the picture that it is painted from."""

    view: SliceView
    left: int
    top: int

    @property
    def box(self) -> Box:
        """(x0, y0, x1, y1) first and last pixels."""
        return self.left, self.top, self.left + self.view.size[0] - 1, self.top + self.view.size[1] - 1


def text_size(size: tuple[int, int]) -> float:
    """Pixels from line to line in a picture of (width, height)."""
    width, height = size
    return max(0.0145 * float(np.sqrt(width * height)), min(11.0, 0.03 * min(width, height) + 5))


def sheet_of(scene: Scene, volumes: Volumes, size: tuple[int, int], *, columns: int) -> Sheet:
    """Sheet of a picture of (width, height) pixels with panes in so many columns."""
    width, height = size
    words = min(size) >= SMALLEST_WITH_WORDS
    bars = bars_of(scene, volumes) if words else ()
    return Sheet(
        width=width,
        height=height,
        size=text_size(size),
        words=words,
        letters=scene.letters and 2 * columns * LETTER_STRIP * text_size(size) <= LETTERS_MOST * width,
        bars=fitting(bars, _width_of_bars(width, text_size(size))[1], height, text_size(size)),
        badges=badges_of(scene, volumes) if words else (),
    )


def _frame(scene: Scene, volumes: Volumes, plane: Plane) -> Frame:
    """What a pane shows: all that is seen in the slice, air left out; or what the scene's panel asks for."""
    right, up = axes_of(plane, scene.convention)
    axes = np.array([right, up])
    flat = content_box(scene, volumes) @ axes.T
    low, high = flat.min(axis=0), flat.max(axis=0)
    panel: Panel = getattr(scene, plane)
    if panel.centre is None and panel.height is None:
        scout = SliceView.for_scene(scene, volumes, plane, (SCOUT, SCOUT))
        seen = np.zeros((SCOUT, SCOUT), bool)
        for layer in scene.layers:
            if layer.look.visible and layer.look.opacity > 0:
                seen |= shown_part(layer, volumes(layer), scout)
        columns, rows = (np.flatnonzero(np.count_nonzero(seen, axis=axis) > 1) for axis in (0, 1))
        if columns.size and rows.size:
            ends = scout.to_scene([[columns[0], rows[-1]], [columns[-1], rows[0]]]) @ axes.T
            rim = RIM * scout.pixel_mm
            low, high = np.maximum(low, ends[0] - rim), np.minimum(high, ends[1] + rim)
    return Frame(plane, low, high)


def frames_of(scene: Scene, volumes: Volumes, planes: tuple[Plane, ...], *, beside: Scene | None = None) -> list[Frame]:
    """Frames of several panes; sagittal and coronal ones share their height, so that what lies level is drawn level.

    A scene beside which this one will be looked at gets room in them as well.
    """
    frames = [_frame(scene, volumes, plane) for plane in planes]
    if beside is not None:
        others = [_frame(beside, volumes, plane) for plane in planes]
        frames = [Frame(a.plane, np.minimum(a.low, b.low), np.maximum(a.high, b.high)) for a, b in zip(frames, others, strict=True)]
    upright = [frame for frame in frames if frame.plane != "axial"]
    if len(upright) < 2:
        return frames
    least, most = min(frame.low[1] for frame in upright), max(frame.high[1] for frame in upright)
    return [
        frame if frame.plane == "axial" else Frame(frame.plane, np.array([frame.low[0], least]), np.array([frame.high[0], most]))
        for frame in frames
    ]


def _width_of_bars(width: float, size: float) -> tuple[bool, float]:
    """Whether lying bars share their line with the convention and the scale bar, and how wide they may be."""
    beside = width - 2 * FOOT_SIDE * size
    shared = beside >= BAR_WIDTH * size
    return shared, beside if shared else width - 2 * PAD * size


def head_height(scene: Scene, sheet: Sheet) -> float:
    """Pixels that title and warnings take at the top."""
    if not sheet.words:
        return 0.0
    lines = 1.6 * bool(scene.title) + 1.2 * min(len(sheet.badges), 3)
    return (lines + (PAD if lines else 0.0)) * sheet.size


def best_room(sheet: Sheet, top: float, frames: list[Frame]) -> tuple[Literal["below", "beside"], Box, Box]:
    """Where the bars stand so that the anatomy is largest: (run, box of the panes, box of the bars)."""
    pad = PAD * sheet.size
    whole = (pad, top + pad, sheet.width - 1 - pad, sheet.height - 1 - sheet.foot)
    if not sheet.bars:
        return "below", _whole_pixels(whole), (0, 0, 0, 0)
    bottom = sheet.height - 1 - (FOOT + PAD + 0.5) * sheet.size
    columns = columns_beside(sheet.bars, bottom - whole[1], sheet.size)
    aside = (whole[2] - columns * COLUMN_WIDTH * sheet.size, whole[1], whole[2], bottom)
    narrow = (whole[0], whole[1], aside[0] - 1.2 * sheet.size, aside[3])
    if _row_mm(frames, _whole_pixels(narrow), sheet) < 0.97 * _row_mm(frames, _whole_pixels(whole), sheet):
        return "beside", _whole_pixels(narrow), _whole_pixels(aside)
    return "below", _whole_pixels(whole), sheet.bars_box


def _row_mm(frames: list[Frame], room: Box, sheet: Sheet) -> float:
    """Millimetres per pixel at which panes in a row fit into a box."""
    x0, y0, x1, y1 = room
    count = len(frames)
    width = x1 - x0 + 1 - 2 * count * sheet.strip - (count - 1) * GAP * sheet.size
    height = y1 - y0 + 1 - 2 * sheet.strip - (CAPTION * sheet.size if sheet.words else 0.0)
    return max(sum(f.extent[0] for f in frames) / max(width, count), max(f.extent[1] for f in frames) / max(height, 1.0))


def panes_in_row(scene: Scene, volumes: Volumes, frames: list[Frame], *, room: Box, sheet: Sheet) -> list[Pane]:
    """Panes side by side at one scale, in the middle of a box."""
    mm = _row_mm(frames, room, sheet)
    sizes = [(max(int(w / mm), 1), max(int(h / mm), 1)) for w, h in (frame.extent for frame in frames)]
    caption = CAPTION * sheet.size if sheet.words else 0.0
    total = sum(w for w, _ in sizes) + 2 * len(sizes) * sheet.strip + (len(sizes) - 1) * GAP * sheet.size
    x = room[0] + (room[2] - room[0] + 1 - total) / 2
    middle = (room[1] + room[3] + 1 - caption) / 2
    panes = []
    for frame, (width, height) in zip(frames, sizes, strict=True):
        x += sheet.strip
        panes.append(Pane(_view(scene, volumes, frame, (width, height), mm), round(x), round(middle - height / 2)))
        x += width + sheet.strip + GAP * sheet.size
    return panes


def _view(scene: Scene, volumes: Volumes, frame: Frame, size: tuple[int, int], mm: float) -> SliceView:
    """View of a pane at a given scale, or with the zoom and pan that the scene's panel asks for."""
    view = SliceView.for_scene(scene, volumes, frame.plane, size)
    panel: Panel = getattr(scene, frame.plane)
    if panel.height is not None:
        return view
    view = replace(view, height_mm=mm * size[1])
    if panel.centre is not None:
        return view
    across, upward = (frame.low + frame.high) / 2 - np.array(view.centre) @ np.stack([view.right, view.up]).T
    return replace(view, centre=vec3(np.array(view.centre) + across * view.right + upward * view.up))


def quarters(sheet: Sheet, top: float) -> list[Box]:
    """Boxes of the four quarters."""
    gap = max(round(0.3 * sheet.size), 1)
    x = [0, (sheet.width - gap) // 2, (sheet.width + gap) // 2, sheet.width]
    y0, y1 = round(top), max(round(sheet.height - sheet.foot), round(top) + 4)
    y = [y0, (y0 + y1 - gap) // 2, (y0 + y1 + gap) // 2, y1]
    return [(x[a], y[b], max(x[a + 1] - 1, x[a]), max(y[b + 1] - 1, y[b])) for b in (0, 2) for a in (0, 2)]


def rows_3d(scene: Scene, sheet: Sheet) -> tuple[int, int, Box]:
    """First row of a 3D view that has a picture for itself, first row below it, and the box of the bars below that."""
    top, pad = round(head_height(scene, sheet)), PAD * sheet.size
    if not sheet.bars:
        return top, sheet.height, (0, sheet.height, 0, sheet.height)
    y1 = sheet.height - 1 - pad
    y0 = y1 - bars_below(len(sheet.bars), sheet.width - 2 * pad, sheet.size).height
    return top, max(round(y0 - BARS_GAP * sheet.size), top + 1), _whole_pixels((pad, y0, sheet.width - 1 - pad, y1))


def panes_in_quarters(scene: Scene, volumes: Volumes, cells: list[Box], sheet: Sheet, *, beside: Scene | None = None) -> list[Pane]:
    """Panes of `QUAD` in the first three quarters, at one scale."""
    frames = frames_of(scene, volumes, QUAD, beside=beside)
    boxes = [_inside(cell, sheet) for cell in cells[:3]]
    mm = max(max(f.extent[0] / (b[2] - b[0] + 1), f.extent[1] / (b[3] - b[1] + 1)) for f, b in zip(frames, boxes, strict=True))
    return [_placed(scene, volumes, frame, mm=mm, box=box) for frame, box in zip(frames, boxes, strict=True)]


def _inside(cell: Box, sheet: Sheet) -> Box:
    """A quarter without the strips of its letters."""
    rim = sheet.strip + 0.25 * sheet.size
    return _whole_pixels((cell[0] + rim, cell[1] + rim + 0.3 * sheet.size, cell[2] - rim, cell[3] - rim))


def _placed(scene: Scene, volumes: Volumes, frame: Frame, *, mm: float, box: Box) -> Pane:
    """A pane in the middle of a box: as large as its content, or as the box where the scene zooms in."""
    room = (box[2] - box[0] + 1, box[3] - box[1] + 1)
    panel: Panel = getattr(scene, frame.plane)
    size = room if panel.height is not None else tuple(max(min(int(e / mm), r), 1) for e, r in zip(frame.extent, room, strict=True))
    left, top = box[0] + (room[0] - size[0]) // 2, box[1] + (room[1] - size[1]) // 2
    return Pane(_view(scene, volumes, frame, (size[0], size[1]), mm), left, top)


def _whole_pixels(box: tuple[float, float, float, float]) -> Box:
    x0, y0, x1, y1 = (round(value) for value in box)
    return x0, y0, max(x1, x0), max(y1, y0)
