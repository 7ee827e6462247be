"""Pictures of slices as a paper shows them: planes at one scale, letters, coordinates and bars in strips of their own.

No OpenGL library is touched. All lengths follow one text size that grows with the picture, so that a figure of 6000 pixels looks like
one of 600, only sharper.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from volstudio.rendering.annotations import (
    badges_of,
    coordinate_text,
    orientation_known,
    paint_badges,
    paint_crosshair,
    paint_letters,
    paint_scale_bar,
)
from volstudio.rendering.colour_bars import COLUMN_WIDTH, bars_below, bars_of, paint_bars
from volstudio.rendering.compositor import shown_part, slice_rgb
from volstudio.rendering.lettering import elide
from volstudio.rendering.paint import draw_line, draw_text, measure_text
from volstudio.rendering.palette import DIM, EDGE, TEXT
from volstudio.rendering.planes import PLANES, SliceView, axes_of, content_box, crosshair_of

if TYPE_CHECKING:
    from volstudio.rendering.annotations import Badge
    from volstudio.rendering.colour_bars import ColourBar
    from volstudio.rendering.compositor import Picture
    from volstudio.rendering.planes import FloatArray, Plane, Volumes
    from volstudio.scene.model import Panel, Scene

__all__ = ["quad", "quad_hole", "slices_picture", "text_size"]

Box = tuple[int, int, int, int]

QUAD: tuple[Plane, ...] = ("coronal", "sagittal", "axial")
# In lines of text: free rim, strip of a letter, row of coordinates, foot with convention and scale bar, space between panes.
PAD, LETTER_STRIP, CAPTION, FOOT, GAP = 0.7, 1.45, 1.35, 2.0, 0.6
SCOUT = 192  # pixels of the coarse slice that finds what is to be seen
SMALLEST_WITH_WORDS = 150  # pixels; below, words would leave no room for the anatomy


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A picture's pixels and what must find room around its panes."""

    width: int
    height: int
    size: float
    words: bool
    letters: bool
    bars: tuple[ColourBar, ...]
    badges: tuple[Badge, ...]

    @property
    def strip(self) -> float:
        """Pixels kept free for a letter on each side of a pane."""
        return LETTER_STRIP * self.size if self.letters else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
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
class _Pane:
    """A plane's pixels in the picture, and its view."""

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


def slices_picture(
    scene: Scene, volumes: Volumes, size: tuple[int, int], view: Literal["axial", "coronal", "sagittal", "ortho"] = "ortho"
) -> Picture:
    """One plane, or the three in a row, with all that a reader needs to know.

    Parameters
    ----------
    scene : Scene
    volumes : callable, Layer -> Volume
    size : (width, height), pixels
    view : "axial", "coronal", "sagittal", "ortho"

    Returns
    -------
    (h, w, 3) uint8 array
    """
    planes: tuple[Plane, ...] = PLANES if view == "ortho" else (view,)
    sheet = _sheet(scene, volumes, size)
    picture = _ground(scene, size)
    top = _paint_head(picture, scene, sheet)
    frames = _frames(scene, volumes, planes)
    run, room, bars_box = _best_room(sheet, top, frames)
    panes = _row(scene, volumes, frames, room=room, sheet=sheet)
    for pane in panes:
        _paint_pane(picture, scene, volumes, pane, sheet)
    if sheet.words:
        caption = max(pane.box[3] for pane in panes) + sheet.strip + 0.5 * CAPTION * sheet.size
        for pane in panes:
            middle = (pane.box[0] + pane.box[2]) / 2
            draw_text(picture, coordinate_text(pane.view), (middle, caption), size=sheet.size, colour=TEXT, anchor=("centre", "middle"))
        paint_bars(picture, sheet.bars, bars_box, run=run, size=sheet.size)
        _paint_foot(picture, scene, sheet, [pane.view.pixel_mm for pane in panes])
    return picture


def quad_hole(scene: Scene, volumes: Volumes, size: tuple[int, int]) -> tuple[int, int]:
    """(width, height) of the 3D picture that `quad` has room for."""
    sheet = _sheet(scene, volumes, size)
    cells = _quarters(sheet, _head_height(scene, sheet))
    return cells[3][2] - cells[3][0] + 1, cells[3][3] - cells[3][1] + 1


def quad(
    scene: Scene, volumes: Volumes, size: tuple[int, int], picture3d: Picture | None, *, sentence: str = "3D needs OpenGL."
) -> Picture:
    """Three planes and the 3D view, two by two: coronal and sagittal above, axial and 3D below.

    Parameters
    ----------
    scene : Scene
    volumes : callable, Layer -> Volume
    size : (width, height), pixels
    picture3d : (h, w, 3) uint8 array or None
        Of the size that `quad_hole` gives; another size is centred and cut.
    sentence : str
        What stands in the fourth quarter where there is no 3D picture.

    Returns
    -------
    (h, w, 3) uint8 array
    """
    sheet = _sheet(scene, volumes, size)
    picture = _ground(scene, size)
    cells = _quarters(sheet, _paint_head(picture, scene, sheet))
    _paste(picture, picture3d, cells[3], sentence, sheet)
    frames = _frames(scene, volumes, QUAD)
    inner = [_inside(cell, sheet) for cell in cells[:3]]
    mm = max(max(f.extent[0] / (b[2] - b[0] + 1), f.extent[1] / (b[3] - b[1] + 1)) for f, b in zip(frames, inner, strict=True))
    panes = [_placed(scene, volumes, frame, mm=mm, box=box) for frame, box in zip(frames, inner, strict=True)]
    for pane, cell in zip(panes, cells, strict=False):
        _paint_pane(picture, scene, volumes, pane, sheet)
        if sheet.words:
            at = (cell[0] + 0.7 * sheet.size, cell[1] + 0.55 * sheet.size)
            draw_text(picture, coordinate_text(pane.view), at, size=sheet.size, colour=TEXT, anchor=("left", "top"))
    line = max(round(sheet.size / 14), 1)
    x, y = (cells[0][2] + cells[1][0]) / 2, (cells[0][3] + cells[2][1]) / 2
    draw_line(picture, (x, cells[0][1]), (x, cells[2][3]), colour=EDGE, width=line)
    draw_line(picture, (cells[0][0], y), (cells[1][2], y), colour=EDGE, width=line)
    if sheet.words:
        row = bars_below(len(sheet.bars), _bars_width(sheet), sheet.size)
        foot = sheet.height - PAD * sheet.size
        left = (sheet.width - _bars_width(sheet)) / 2
        paint_bars(picture, sheet.bars, (left, foot - row.height, sheet.width - left, foot), run="below", size=sheet.size)
        _paint_foot(picture, scene, sheet, [pane.view.pixel_mm for pane in panes])
    return picture


def _sheet(scene: Scene, volumes: Volumes, size: tuple[int, int]) -> _Sheet:
    width, height = size
    words = min(size) >= SMALLEST_WITH_WORDS
    return _Sheet(
        width=width,
        height=height,
        size=text_size(size),
        words=words,
        letters=scene.letters,
        bars=bars_of(scene, volumes) if words else (),
        badges=badges_of(scene, volumes) if words else (),
    )


def _ground(scene: Scene, size: tuple[int, int]) -> Picture:
    picture = np.empty((size[1], size[0], 3), np.uint8)
    picture[:] = np.floor(np.asarray(scene.background) * 255 + 0.5)
    return picture


def _frame(scene: Scene, volumes: Volumes, plane: Plane) -> _Frame:
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
            rim = 1.5 * scout.pixel_mm
            low, high = np.maximum(low, ends[0] - rim), np.minimum(high, ends[1] + rim)
    return _Frame(plane, low, high)


def _frames(scene: Scene, volumes: Volumes, planes: tuple[Plane, ...]) -> list[_Frame]:
    """Frames of several panes; sagittal and coronal ones share their height, so that what lies level is drawn level."""
    frames = [_frame(scene, volumes, plane) for plane in planes]
    upright = [frame for frame in frames if frame.plane != "axial"]
    if len(upright) < 2:
        return frames
    least, most = min(frame.low[1] for frame in upright), max(frame.high[1] for frame in upright)
    return [
        frame if frame.plane == "axial" else _Frame(frame.plane, np.array([frame.low[0], least]), np.array([frame.high[0], most]))
        for frame in frames
    ]


def _head_height(scene: Scene, sheet: _Sheet) -> float:
    if not sheet.words:
        return 0.0
    lines = 1.6 * bool(scene.title) + 1.2 * min(len(sheet.badges), 3)
    return (lines + (PAD if lines else 0.0)) * sheet.size


def _paint_head(picture: Picture, scene: Scene, sheet: _Sheet) -> float:
    """Title and warnings; gives the height that they take."""
    height = _head_height(scene, sheet)
    if not height:
        return 0.0
    x, y = PAD * sheet.size, PAD * sheet.size
    if scene.title:
        title = elide(scene.title, 1.15 * sheet.size, sheet.width - 2 * x, bold=True)
        draw_text(picture, title, (x, y), size=1.15 * sheet.size, colour=TEXT, anchor=("left", "top"), bold=True)
        y += 1.6 * sheet.size
    paint_badges(picture, sheet.badges, (x, y), width=sheet.width - 2 * x, size=0.88 * sheet.size, halo=0.0)
    return height


def _best_room(sheet: _Sheet, top: float, frames: list[_Frame]) -> tuple[Literal["below", "beside"], Box, Box]:
    """Where the bars stand so that the anatomy is largest: (run, box of the panes, box of the bars)."""
    pad = PAD * sheet.size
    foot = (FOOT * sheet.size if sheet.words else 0.0) + pad
    whole = (pad, top + pad, sheet.width - 1 - pad, sheet.height - 1 - foot)
    if not sheet.bars:
        return "below", _whole_pixels(whole), (0, 0, 0, 0)
    row = bars_below(len(sheet.bars), _bars_width(sheet), sheet.size)
    left = (sheet.width - _bars_width(sheet)) / 2
    under = (left, sheet.height - pad - row.height, sheet.width - left, sheet.height - pad)
    above = (whole[0], whole[1], whole[2], min(whole[3], under[1] - 0.3 * sheet.size))
    aside = (whole[2] - COLUMN_WIDTH * sheet.size, whole[1], whole[2], whole[3])
    narrow = (whole[0], whole[1], aside[0] - 1.2 * sheet.size, whole[3])
    if _row_mm(frames, _whole_pixels(narrow), sheet) < 0.97 * _row_mm(frames, _whole_pixels(above), sheet):
        return "beside", _whole_pixels(narrow), _whole_pixels(aside)
    return "below", _whole_pixels(above), _whole_pixels(under)


def _bars_width(sheet: _Sheet) -> float:
    """Pixels between the convention's word and the scale bar, which share the lowest row with the bars."""
    return max(sheet.width - 2 * (0.2 * sheet.width if sheet.width > 60 * sheet.size else 11 * sheet.size), 0.3 * sheet.width)


def _row_mm(frames: list[_Frame], room: Box, sheet: _Sheet) -> float:
    """Millimetres per pixel at which panes in a row fit into a box."""
    x0, y0, x1, y1 = room
    count = len(frames)
    width = x1 - x0 + 1 - 2 * count * sheet.strip - (count - 1) * GAP * sheet.size
    height = y1 - y0 + 1 - 2 * sheet.strip - (CAPTION * sheet.size if sheet.words else 0.0)
    return max(sum(f.extent[0] for f in frames) / max(width, count), max(f.extent[1] for f in frames) / max(height, 1.0))


def _row(scene: Scene, volumes: Volumes, frames: list[_Frame], *, room: Box, sheet: _Sheet) -> list[_Pane]:
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
        panes.append(_Pane(_view(scene, volumes, frame, (width, height), mm), round(x), round(middle - height / 2)))
        x += width + sheet.strip + GAP * sheet.size
    return panes


def _view(scene: Scene, volumes: Volumes, frame: _Frame, size: tuple[int, int], mm: float) -> SliceView:
    """View of a pane at a given scale, or with the zoom and pan that the scene's panel asks for."""
    view = SliceView.for_scene(scene, volumes, frame.plane, size)
    panel: Panel = getattr(scene, frame.plane)
    if panel.height is not None:
        return view
    view = replace(view, height_mm=mm * size[1])
    if panel.centre is not None:
        return view
    across, upward = (frame.low + frame.high) / 2 - np.array(view.centre) @ np.stack([view.right, view.up]).T
    x, y, z = np.array(view.centre) + across * view.right + upward * view.up
    return replace(view, centre=(float(x), float(y), float(z)))


def _quarters(sheet: _Sheet, top: float) -> list[Box]:
    """Boxes of the four quarters."""
    pad = PAD * sheet.size
    foot = 0.0
    if sheet.words:
        row = bars_below(len(sheet.bars), _bars_width(sheet), sheet.size) if sheet.bars else None
        foot = max(FOOT * sheet.size, row.height if row else 0.0) + pad
    gap = max(round(0.3 * sheet.size), 1)
    x = [0, (sheet.width - gap) // 2, (sheet.width + gap) // 2, sheet.width]
    y0, y1 = round(top), round(sheet.height - foot)
    y = [y0, (y0 + y1 - gap) // 2, (y0 + y1 + gap) // 2, y1]
    return [(x[a], y[b], max(x[a + 1] - 1, x[a]), max(y[b + 1] - 1, y[b])) for b in (0, 2) for a in (0, 2)]


def _inside(cell: Box, sheet: _Sheet) -> Box:
    """A quarter without the strips of its letters."""
    rim = sheet.strip + 0.25 * sheet.size
    return _whole_pixels((cell[0] + rim, cell[1] + rim + 0.3 * sheet.size, cell[2] - rim, cell[3] - rim))


def _placed(scene: Scene, volumes: Volumes, frame: _Frame, *, mm: float, box: Box) -> _Pane:
    """A pane in the middle of a box: as large as its content, or as the box where the scene zooms in."""
    room = (box[2] - box[0] + 1, box[3] - box[1] + 1)
    panel: Panel = getattr(scene, frame.plane)
    size = room if panel.height is not None else tuple(max(min(int(e / mm), r), 1) for e, r in zip(frame.extent, room, strict=True))
    left, top = box[0] + (room[0] - size[0]) // 2, box[1] + (room[1] - size[1]) // 2
    return _Pane(_view(scene, volumes, frame, (size[0], size[1]), mm), left, top)


def _paint_pane(picture: Picture, scene: Scene, volumes: Volumes, pane: _Pane, sheet: _Sheet) -> None:
    """Slice, crosshair and, in the strips around them, letters."""
    drawn = slice_rgb(scene, volumes, pane.view)
    if scene.layers and scene.show_crosshair:
        paint_crosshair(drawn, pane.view.to_pixels(crosshair_of(scene, volumes)), size=sheet.size)
    x0, y0, x1, y1 = pane.box
    picture[max(y0, 0) : y1 + 1, max(x0, 0) : x1 + 1] = drawn[: picture.shape[0] - y0, : picture.shape[1] - x0]
    if sheet.letters:
        # The letter stands in the strip's middle, as near to the anatomy above as beside.
        rim = sheet.strip - 0.35 * sheet.size
        box = (x0 - rim, y0 - rim, x1 + rim, y1 + rim)
        paint_letters(picture, pane.view, box, known=orientation_known(scene, volumes), size=sheet.size, halo=0.0)


def _paint_foot(picture: Picture, scene: Scene, sheet: _Sheet, scales: list[float]) -> None:
    """Convention on the left; scale bar on the right where all panes have the same scale."""
    pad, foot = PAD * sheet.size, sheet.height - 1 - PAD * sheet.size
    draw_text(picture, scene.convention, (pad, foot), size=0.85 * sheet.size, colour=DIM, anchor=("left", "bottom"))
    if scene.scale_bar and max(scales) <= min(scales) * (1 + 1e-9):
        longest = min(9 * sheet.size, 0.25 * sheet.width)
        paint_scale_bar(picture, (sheet.width - 1 - pad, foot), scales[0], longest=longest, size=sheet.size)


def _paste(picture: Picture, inset: Picture | None, box: Box, sentence: str, sheet: _Sheet) -> None:
    """The 3D picture in its quarter, or the sentence that says why there is none."""
    x0, y0, x1, y1 = box
    width, height = x1 - x0 + 1, y1 - y0 + 1
    if inset is not None:
        cut = inset[max((inset.shape[0] - height) // 2, 0) :][:height, max((inset.shape[1] - width) // 2, 0) :][:, :width]
        left, top = x0 + (width - cut.shape[1]) // 2, y0 + (height - cut.shape[0]) // 2
        picture[top : top + cut.shape[0], left : left + cut.shape[1]] = cut
        return
    if not sheet.words:
        return
    wide = measure_text("n", sheet.size)[0]
    lines = textwrap.wrap(sentence, max(int(0.8 * width / max(wide, 1)), 8))
    y = y0 + height / 2 - 0.7 * sheet.size * (len(lines) - 1)
    for line in lines:
        draw_text(picture, line, (x0 + width / 2, y), size=sheet.size, colour=DIM, anchor=("centre", "middle"))
        y += 1.4 * sheet.size


def _whole_pixels(box: tuple[float, float, float, float]) -> Box:
    x0, y0, x1, y1 = (round(value) for value in box)
    return x0, y0, max(x1, x0), max(y1, y0)
