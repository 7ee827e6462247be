"""Pictures of slices as a paper shows them: planes at one scale, letters, coordinates and bars in strips of their own.

No OpenGL library is touched. All lengths follow one text size that grows with the picture, so that a figure of 6000 pixels looks like
one of 600, only sharper.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Literal

import numpy as np

from volstudio.rendering.annotations import (
    convention_text,
    coordinate_text,
    orientation_known,
    paint_badges,
    paint_crosshair,
    paint_letters,
    paint_scale_bar,
    scale_length,
)
from volstudio.rendering.colour_bars import paint_bars
from volstudio.rendering.compositor import slice_rgb
from volstudio.rendering.lettering import elide
from volstudio.rendering.paint import draw_line, draw_text, measure_text
from volstudio.rendering.palette import DIM, EDGE, TEXT
from volstudio.rendering.planes import PLANES, crosshair_of
from volstudio.rendering.sheet import (
    CAPTION,
    FOOT_SIDE,
    GAP,
    PAD,
    best_room,
    frames_of,
    head_height,
    panes_in_quarters,
    panes_in_row,
    quarters,
    rows_3d,
    sheet_of,
    text_size,
)

if TYPE_CHECKING:
    from volstudio.rendering.compositor import Picture
    from volstudio.rendering.planes import Plane, Volumes
    from volstudio.rendering.sheet import Box, Pane, Sheet
    from volstudio.scene.model import Scene, Vec3

__all__ = ["hole_3d", "quad", "quad_hole", "slices_picture", "text_size", "volume_picture"]

QUARTER_WITH_WORDS = 17.0  # lines of text; in a narrower quarter the coordinates would meet the letter


def slices_picture(
    scene: Scene,
    volumes: Volumes,
    size: tuple[int, int],
    view: Literal["axial", "coronal", "sagittal", "ortho"] = "ortho",
    *,
    beside: Scene | None = None,
) -> Picture:
    """One plane, or the three in a row, with all that a reader needs to know.

    Parameters
    ----------
    scene : Scene
    volumes : callable, Layer -> Volume
    size : (width, height), pixels
    view : "axial", "coronal", "sagittal", "ortho"
    beside : Scene or None
        Beside whose picture this one will be looked at: the frame has room for both.

    Returns
    -------
    (h, w, 3) uint8 array
    """
    planes: tuple[Plane, ...] = PLANES if view == "ortho" else (view,)
    sheet = sheet_of(scene, volumes, size, columns=len(planes))
    picture = _ground(scene, size)
    top = _paint_head(picture, scene, sheet)
    frames = frames_of(scene, volumes, planes, beside=beside)
    run, room, bars_box = best_room(sheet, top, frames)
    panes = panes_in_row(scene, volumes, frames, room=room, sheet=sheet)
    for pane in panes:
        _paint_pane(picture, scene, volumes, pane, sheet)
    if sheet.words:
        _paint_captions(picture, panes, sheet)
        paint_bars(picture, sheet.bars, bars_box, run=run, size=sheet.size)
        _paint_foot(picture, sheet, convention_text(scene, volumes), _scale(scene, panes))
    return picture


def hole_3d(scene: Scene, volumes: Volumes, size: tuple[int, int]) -> tuple[int, int]:
    """(width, height) of the 3D picture that `volume_picture` has room for."""
    sheet = sheet_of(scene, volumes, size, columns=1)
    top, bottom, _ = rows_3d(scene, sheet)
    return size[0], bottom - top


def volume_picture(scene: Scene, volumes: Volumes, size: tuple[int, int], picture3d: Picture) -> Picture:
    """The 3D view with the title above and the colour bars below it, where the scene has any.

    Parameters
    ----------
    scene : Scene
    volumes : callable, Layer -> Volume
    size : (width, height), pixels
    picture3d : (h, w, 3) uint8 array
        Of the size that `hole_3d` gives.

    Returns
    -------
    (h, w, 3) uint8 array
    """
    sheet = sheet_of(scene, volumes, size, columns=1)
    picture = _ground(scene, size)
    _paint_head(picture, scene, sheet)
    top, _, bars_box = rows_3d(scene, sheet)
    _lay(picture, picture3d, 0, top)
    paint_bars(picture, sheet.bars, bars_box, run="below", size=sheet.size)
    return picture


def quad_hole(scene: Scene, volumes: Volumes, size: tuple[int, int]) -> tuple[int, int]:
    """(width, height) of the 3D picture that `quad` has room for."""
    sheet = sheet_of(scene, volumes, size, columns=2)
    cells = quarters(sheet, head_height(scene, sheet))
    return cells[3][2] - cells[3][0] + 1, cells[3][3] - cells[3][1] + 1


def quad(
    scene: Scene,
    volumes: Volumes,
    size: tuple[int, int],
    picture3d: Picture | None,
    *,
    sentence: str = "3D needs OpenGL.",
    beside: Scene | None = None,
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
    beside : Scene or None
        As in `slices_picture`.

    Returns
    -------
    (h, w, 3) uint8 array
    """
    sheet = sheet_of(scene, volumes, size, columns=2)
    picture = _ground(scene, size)
    cells = quarters(sheet, _paint_head(picture, scene, sheet))
    _paste(picture, picture3d, cells[3], sentence, sheet)
    panes = panes_in_quarters(scene, volumes, cells, sheet, beside=beside)
    for pane, cell in zip(panes, cells, strict=False):
        _paint_pane(picture, scene, volumes, pane, sheet)
        if cell[2] - cell[0] > QUARTER_WITH_WORDS * sheet.size:
            at = (cell[0] + 0.7 * sheet.size, cell[1] + 0.55 * sheet.size)
            draw_text(picture, coordinate_text(pane.view), at, size=sheet.size, colour=TEXT, anchor=("left", "top"))
    line = max(round(sheet.size / 14), 1)
    x, y = (cells[0][2] + cells[1][0]) / 2, (cells[0][3] + cells[2][1]) / 2
    draw_line(picture, (x, cells[0][1]), (x, cells[2][3]), colour=EDGE, width=line)
    draw_line(picture, (cells[0][0], y), (cells[1][2], y), colour=EDGE, width=line)
    if sheet.words:
        paint_bars(picture, sheet.bars, sheet.bars_box, run="below", size=sheet.size)
        # Beside the convention, below slices: in the other corner it would seem to measure the 3D view, whose perspective has no scale.
        _paint_foot(picture, sheet, convention_text(scene, volumes), _scale(scene, panes), end=FOOT_SIDE * sheet.size)
    return picture


def _ground(scene: Scene, size: tuple[int, int]) -> Picture:
    picture = np.empty((size[1], size[0], 3), np.uint8)
    picture[:] = np.floor(np.asarray(scene.background) * 255 + 0.5)
    return picture


def _paint_head(picture: Picture, scene: Scene, sheet: Sheet) -> float:
    """Title and warnings; gives the height that they take."""
    height = head_height(scene, sheet)
    if not height:
        return 0.0
    x, y = PAD * sheet.size, PAD * sheet.size
    if scene.title:
        title = elide(scene.title, 1.15 * sheet.size, sheet.width - 2 * x, bold=True)
        draw_text(picture, title, (x, y), size=1.15 * sheet.size, colour=TEXT, anchor=("left", "top"), bold=True)
        y += 1.6 * sheet.size
    paint_badges(picture, sheet.badges, (x, y), width=sheet.width - 2 * x, size=0.88 * sheet.size, halo=0.0)
    return height


def _paint_pane(picture: Picture, scene: Scene, volumes: Volumes, pane: Pane, sheet: Sheet) -> None:
    """Slice, crosshair and, in the strips around them, letters."""
    drawn = slice_rgb(scene, volumes, pane.view)
    if scene.layers and scene.show_crosshair:
        paint_crosshair(drawn, pane.view.to_pixels(crosshair_of(scene, volumes)), size=sheet.size)
    x0, y0, x1, y1 = pane.box
    _lay(picture, drawn, x0, y0)
    if sheet.letters:
        # The letter stands in the strip's middle, as near to the anatomy above as beside.
        rim = sheet.strip - 0.35 * sheet.size
        box = (x0 - rim, y0 - rim, x1 + rim, y1 + rim)
        paint_letters(picture, pane.view, box, known=orientation_known(scene, volumes), size=sheet.size, halo=0.0)


def _paint_captions(picture: Picture, panes: list[Pane], sheet: Sheet) -> None:
    """Coordinates in one line below the panes, where all of them have room."""
    y = max(pane.box[3] for pane in panes) + sheet.strip + 0.5 * CAPTION * sheet.size
    texts = [coordinate_text(pane.view) for pane in panes]
    rim = 2 * sheet.strip + GAP * sheet.size - 0.5 * sheet.size
    if any(measure_text(text, sheet.size)[0] > pane.view.size[0] + rim for text, pane in zip(texts, panes, strict=True)):
        return
    for text, pane in zip(texts, panes, strict=True):
        draw_text(picture, text, ((pane.box[0] + pane.box[2]) / 2, y), size=sheet.size, colour=TEXT, anchor=("centre", "middle"))


def _scale(scene: Scene, panes: list[Pane]) -> float | None:
    """Millimetres per pixel, where all panes have the same and the scene wants it shown."""
    scales = [pane.view.pixel_mm for pane in panes]
    return scales[0] if scene.scale_bar and max(scales) <= min(scales) * (1 + 1e-9) else None


def _paint_foot(picture: Picture, sheet: Sheet, convention: tuple[str, Vec3], scale: float | None, *, end: float | None = None) -> None:
    """Convention on the left, scale bar on the right, or behind the convention up to ``end`` pixels."""
    pad, foot, size = PAD * sheet.size, sheet.height - 1 - PAD * sheet.size, 0.85 * sheet.size
    word, colour = convention
    draw_text(picture, word, (pad, foot), size=size, colour=colour, anchor=("left", "bottom"))
    if scale is None:
        return
    longest, corner = min(9 * sheet.size, 0.25 * sheet.width), sheet.width - 1 - pad
    if end is not None:
        begin = pad + measure_text(word, size)[0] + 1.2 * sheet.size
        longest = max(end - begin, 2 * sheet.size)
        corner = begin + scale_length(longest * scale) / scale
    paint_scale_bar(picture, (corner, foot), scale, longest=longest, size=sheet.size)


def _paste(picture: Picture, inset: Picture | None, box: Box, sentence: str, sheet: Sheet) -> None:
    """The 3D picture in its quarter, or the sentence that says why there is none."""
    x0, y0, x1, y1 = box
    width, height = x1 - x0 + 1, y1 - y0 + 1
    if inset is not None:
        cut = inset[max((inset.shape[0] - height) // 2, 0) :][:height, max((inset.shape[1] - width) // 2, 0) :][:, :width]
        left, top = x0 + (width - cut.shape[1]) // 2, y0 + (height - cut.shape[0]) // 2
        _lay(picture, cut, left, top)
        return
    if not sheet.words:
        return
    wide = measure_text("n", sheet.size)[0]
    lines = textwrap.wrap(sentence, max(int(0.8 * width / max(wide, 1)), 8))
    y = y0 + height / 2 - 0.7 * sheet.size * (len(lines) - 1)
    for line in lines:
        draw_text(picture, line, (x0 + width / 2, y), size=sheet.size, colour=DIM, anchor=("centre", "middle"))
        y += 1.4 * sheet.size


def _lay(picture: Picture, part: Picture, left: int, top: int) -> None:
    """Copy a part into the picture; what reaches beyond its edges is left out."""
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + part.shape[1], picture.shape[1]), min(top + part.shape[0], picture.shape[0])
    if x0 < x1 and y0 < y1:
        picture[y0:y1, x0:x1] = part[y0 - top : y1 - top, x0 - left : x1 - left]
