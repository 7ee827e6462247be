"""What is written on and around a slice: letters, crosshair, coordinates, scale bar and what is odd about the files.

In pictures everything but the crosshair stands in strips beside the anatomy (see `volstudio.rendering.layout`). A pane of the window gives
the whole of its pixels to the slice: there the same marks stand at the edges, with a soft dark rim.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from volstudio.rendering.compositor import slice_rgb
from volstudio.rendering.paint import draw_line, draw_text, fill_rectangle, measure_text
from volstudio.rendering.palette import ACCENT, DIM, ERROR, TEXT, WARNING
from volstudio.rendering.planes import crosshair_of, depth_axis

if TYPE_CHECKING:
    from volstudio.rendering.compositor import Picture
    from volstudio.rendering.planes import FloatArray, SliceView, Volumes
    from volstudio.scene.model import Scene, Vec3
    from volstudio.volumes.volume import Finding, Volume

__all__ = [
    "Badge",
    "Extras",
    "badges_of",
    "convention_text",
    "coordinate_text",
    "edge_letters",
    "length_text",
    "number_text",
    "orientation_known",
    "paint_badges",
    "paint_crosshair",
    "paint_letters",
    "paint_scale_bar",
    "paint_slice",
    "scale_length",
]

PANE_TEXT = 13.0  # pixels from line to line in a pane of the window, at scale 1
HALO = 0.85
# A direction is named after every axis that it leans towards by more than this.
LETTER_LEAN = float(np.sin(np.deg2rad(15)))
AXIS_LETTERS = (("L", "R"), ("P", "A"), ("I", "S"))
BADGE_LENGTH = 72
EDGE, BADGES_AT = 0.6, 1.4  # lines of text: the space around the corners of a pane, and from there down to the warnings
SMALL = 0.85  # of the text's size: words that are not looked for first
SCALE_SHARE = 0.22  # of a pane's width, for the longest scale bar
SMALLEST_PANE = 6.0  # lines of text; a smaller pane shows nothing but the slice and the crosshair


@dataclass(frozen=True, slots=True)
class Extras:
    """What a pane shows besides the slice; None leaves the choice to the scene.

    Parameters
    ----------
    scale : float
        Device pixels per pixel: letters and lines grow with it.
    letters, crosshair, scale_bar : bool or None
    coordinate, convention, badges : bool
        The slice's place in mm, the word "neurological" or "radiological", and how many things are odd about the files: a pane has no
        strip for sentences, which would stand over the anatomy.
    """

    scale: float = 1.0
    letters: bool | None = None
    crosshair: bool | None = None
    scale_bar: bool | None = None
    coordinate: bool = True
    convention: bool = True
    badges: bool = True


@dataclass(frozen=True, slots=True)
class Badge:
    """A short warning about a layer's file."""

    text: str
    error: bool = False


def paint_slice(scene: Scene, volumes: Volumes, view: SliceView, *, extras: Extras | None = None) -> Picture:
    """A slice with its marks, pixel for pixel as a pane of the window shows it.

    Parameters
    ----------
    scene : Scene
    volumes : callable, Layer -> Volume
    view : SliceView
        `SliceView.for_scene` with a margin leaves room for the letters beside the anatomy.
    extras : Extras or None

    Returns
    -------
    (h, w, 3) uint8 array
    """
    chosen = extras or Extras()
    picture = slice_rgb(scene, volumes, view)
    size = PANE_TEXT * chosen.scale
    width, height = view.size
    small = min(width, height) < SMALLEST_PANE * size
    if scene.layers and _wanted(chosen.crosshair, scene.show_crosshair):
        rim = 0.0 if small or not _wanted(chosen.letters, scene.letters) else 2.0 * size
        kept = [] if small else [(part, picture[part].copy()) for part in _corners(scene, volumes, view, chosen, size)]
        paint_crosshair(picture, view.to_pixels(crosshair_of(scene, volumes)), size=size, rim=rim)
        for part, pixels in kept:  # no line runs through words
            picture[part] = pixels
    if small:
        return picture
    edge = EDGE * size
    if _wanted(chosen.letters, scene.letters):
        paint_letters(picture, view, (edge, edge, width - 1 - edge, height - 1 - edge), known=orientation_known(scene, volumes), size=size)
    foot = height - 1 - edge
    if chosen.coordinate:
        draw_text(picture, coordinate_text(view), (edge, edge), size=size, colour=TEXT, anchor=("left", "top"), halo=HALO)
    if chosen.convention:
        word, colour = _convention_word(scene, volumes, view, size)
        draw_text(picture, word, (edge, foot), size=SMALL * size, colour=colour, anchor=("left", "bottom"), halo=HALO)
    if _wanted(chosen.scale_bar, scene.scale_bar):
        paint_scale_bar(picture, (width - 1 - edge, foot), view.pixel_mm, longest=SCALE_SHARE * width, size=size, halo=HALO)
    if chosen.badges:
        badges = _counted(badges_of(scene, volumes))
        paint_badges(picture, badges, (edge, edge + BADGES_AT * size), width=width / 2, size=SMALL * size)
    return picture


def edge_letters(view: SliceView) -> dict[str, str]:
    """Letters of the directions "left", "right", "top" and "bottom" of a view; oblique ones have several, the nearest first.

    >>> from volstudio.rendering.planes import SliceView
    >>> edge_letters(SliceView("axial", (0, 0, 0), 100, (10, 10), "radiological"))
    {'left': 'R', 'right': 'L', 'top': 'A', 'bottom': 'P'}
    """
    return {
        "left": _letters(-view.right),
        "right": _letters(view.right),
        "top": _letters(view.up),
        "bottom": _letters(-view.up),
    }


def orientation_known(scene: Scene, volumes: Volumes) -> tuple[bool, bool]:
    """Whether any and whether every visible layer says which side is left; (True, True) for an empty scene."""
    known = [volumes(layer).orientation_known for layer in scene.layers if layer.look.visible]
    return (any(known) or not known, all(known))


def convention_text(scene: Scene, volumes: Volumes) -> tuple[str, Vec3]:
    """The word for which side of a picture is the patient's left, and its colour; a warning where no file says so, or not all do."""
    some, every = orientation_known(scene, volumes)
    if every:
        return scene.convention, DIM
    return (f"{scene.convention}?" if some else "left/right unknown"), ERROR


def coordinate_text(view: SliceView) -> str:
    """Where the slice lies: ``"z = −12.0 mm"``; an oblique plane gives its distance from the origin along its normal.

    >>> from volstudio.rendering.planes import SliceView
    >>> coordinate_text(SliceView("coronal", (0, -12.04, 0), 100, (10, 10)))
    'y = −12.0 mm'
    """
    if view.basis is None:
        axis = depth_axis(view.plane)
        name, value = "xyz"[axis], view.centre[axis]
    else:
        name, value = "d", float(view.normal @ np.array(view.centre))
    return f"{name} = {number_text(round(value, 1), decimals=1)} mm"


def number_text(value: float, *, decimals: int | None = None) -> str:
    """A number as people read it: three digits, more where they are whole, or fixed decimals; a true minus sign; never "-0".

    >>> number_text(-1234.5678), number_text(0.000123456), number_text(-0.0, decimals=1), number_text(2.50)
    ('−1235', '0.000123', '0.0', '2.5')
    """
    if decimals is not None:
        text = f"{value:.{decimals}f}"
    elif value and not 1e-4 <= abs(value) < 1e7:
        text = f"{value:.3g}"
    else:
        text = f"{value:.{max(2 - int(np.floor(np.log10(abs(value)))) if value else 0, 0)}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    return (text[1:] if text.startswith("-") and not text.strip("-0.") else text).replace("-", "−")


def scale_length(longest: float) -> float:
    """The greatest of 1, 2, 5 x 10^n mm that is not longer than ``longest`` mm.

    >>> scale_length(73.0), scale_length(0.3)
    (50.0, 0.2)
    """
    power = 10.0 ** np.floor(np.log10(longest))
    return float(max((step * power for step in (1, 2, 5) if step * power <= longest * (1 + 1e-9)), default=power))


def length_text(length_mm: float) -> str:
    """A length in mm, or µm below a tenth of a millimetre."""
    return f"{number_text(length_mm)} mm" if length_mm >= 0.1 else f"{number_text(length_mm * 1000)} µm"


def badges_of(scene: Scene, volumes: Volumes) -> tuple[Badge, ...]:
    """Warnings and errors of the visible layers' files, errors first, each with its layer's name where there are several layers."""
    found = []
    for layer in scene.layers:
        if layer.look.visible:
            volume: Volume = volumes(layer)
            found += [
                Badge(f"{layer.name}: {_short(finding)}" if len(scene.layers) > 1 else _short(finding), finding.severity == "error")
                for finding in volume.findings
                if finding.severity != "info"
            ]
    return tuple(sorted(found, key=lambda badge: not badge.error))


def paint_letters(
    picture: Picture, view: SliceView, box: tuple[float, float, float, float], *, known: tuple[bool, bool], size: float, halo: float = HALO
) -> None:
    """Letters in the middle of the four edges of a box, inside it.

    Parameters
    ----------
    picture : (h, w, 3) uint8 array
    view : SliceView
    box : (x0, y0, x1, y1), pixels
    known : (any, all)
        As `orientation_known` says. Where no layer knows, a red "?" stands for the letters; where some do, it follows them.
    size : float, pixels
    halo : float
    """
    x0, y0, x1, y1 = box
    letters = edge_letters(view)
    cap = measure_text("R", size, bold=True)[1]
    places = {
        "left": (x0, (y0 + y1) / 2, 0.0),
        "right": (x1, (y0 + y1) / 2, 1.0),
        "top": ((x0 + x1) / 2, y0 + cap / 2, 0.5),
        "bottom": ((x0 + x1) / 2, y1 - cap / 2, 0.5),
    }
    some, every = known
    for edge, (x, y, share) in places.items():
        parts = [(letters[edge], TEXT)] * some + [("?", ERROR)] * (not every)
        x -= share * sum(measure_text(text, size, bold=True)[0] for text, _ in parts)  # noqa: PLW2901 - the pen moves along
        for text, colour in parts:
            draw_text(picture, text, (x, y), size=size, colour=colour, anchor=("left", "middle"), bold=True, halo=halo)
            x += measure_text(text, size, bold=True)[0]  # noqa: PLW2901 - as above


def paint_crosshair(picture: Picture, pixel: FloatArray, *, size: float, colour: Vec3 = ACCENT, rim: float = 0.0) -> None:
    """Two thin lines through a pixel that leave its surroundings free, and ``rim`` pixels along the edges of the picture."""
    height, width = picture.shape[:2]
    thickness = max(round(size / 13), 1)
    # An odd line is crisp on a pixel's centre, an even one between two.
    x, y = (round(float(value)) if thickness % 2 else np.floor(float(value)) + 0.5 for value in pixel)
    gap = max(0.65 * size, 3.0)
    low, right, bottom = rim - 1.0, width - rim, height - rim
    for start, end in (((low, y), (x - gap, y)), ((x + gap, y), (right, y)), ((x, low), (x, y - gap)), ((x, y + gap), (x, bottom))):
        if start[0] <= end[0] and start[1] <= end[1]:
            draw_line(picture, start, end, colour=colour, width=thickness, opacity=0.75)


def paint_scale_bar(
    picture: Picture, corner: tuple[float, float], pixel_mm: float, *, longest: float, size: float, halo: float = 0.0
) -> float:
    """A bar of 1, 2 or 5 x 10^n mm with its length written above; ``corner`` is its lower right end.

    Returns
    -------
    float
        Its length in pixels.
    """
    length_mm = scale_length(max(longest, 1.0) * pixel_mm)
    length = length_mm / pixel_mm
    x, y = corner
    thick = max(round(size / 6), 2)
    if halo > 0:
        fill_rectangle(picture, (x - length - 1, y - thick - 1, x + 1, y + 1), colour=(0.0, 0.0, 0.0), opacity=0.5 * halo)
    fill_rectangle(picture, (x - length, y - thick, x, y), colour=TEXT)
    label = length_text(length_mm)
    draw_text(
        picture, label, (x - length / 2, y - thick - 0.35 * size), size=SMALL * size, colour=TEXT, anchor=("centre", "bottom"), halo=halo
    )
    return length


def paint_badges(
    picture: Picture,
    badges: tuple[Badge, ...],
    corner: tuple[float, float],
    *,
    width: float,
    size: float,
    most: int = 3,
    halo: float = HALO,
) -> float:
    """Warnings one under the other, from an upper left corner down; what is beyond ``most`` is counted.

    Returns
    -------
    float
        Height that they take.
    """
    from volstudio.rendering.lettering import elide

    x, y = corner
    shown = list(badges[:most])
    if len(badges) > most:
        shown[-1] = Badge(f"and {len(badges) - most + 1} more warnings", any(badge.error for badge in badges[most - 1 :]))
    for badge in shown:
        colour = ERROR if badge.error else WARNING
        fill_rectangle(picture, (x, y, x + 0.22 * size, y + 0.78 * size), colour=colour)
        text = elide(badge.text, size, width - 0.7 * size)
        draw_text(picture, text, (x + 0.7 * size, y + 0.4 * size), size=size, colour=colour, anchor=("left", "middle"), halo=halo)
        y += 1.35 * size
    return y - corner[1]


def _convention_word(scene: Scene, volumes: Volumes, view: SliceView, size: float) -> tuple[str, Vec3]:
    """The convention as a pane has room for it."""
    word, colour = convention_text(scene, volumes)
    return word if view.size[0] > 24 * size or colour is ERROR else word[:5] + ".", colour


def _corners(scene: Scene, volumes: Volumes, view: SliceView, chosen: Extras, size: float) -> list[tuple[slice, slice]]:
    """(rows, columns) of the words in the corners of a pane."""
    width, height = view.size
    edge, foot = EDGE * size, height - 1 - EDGE * size
    boxes = []
    if chosen.coordinate:
        boxes.append((edge, edge, edge + measure_text(coordinate_text(view), size)[0], edge + size))
    if chosen.convention:
        boxes.append((edge, foot - size, edge + measure_text(_convention_word(scene, volumes, view, size)[0], SMALL * size)[0], foot))
    if _wanted(chosen.scale_bar, scene.scale_bar):
        boxes.append((width - edge - SCALE_SHARE * width, foot - 1.6 * size, width - edge, foot))
    if chosen.badges:
        badges = _counted(badges_of(scene, volumes))
        widest = max((measure_text(badge.text, SMALL * size)[0] for badge in badges), default=0.0)
        top = edge + BADGES_AT * size
        boxes.append((edge, top, edge + min(widest + size, width / 2), top + 1.35 * SMALL * size * len(badges)))
    gap = 0.3 * size
    whole = ((max(round(x0 - gap), 0), max(round(y0 - gap), 0), round(x1 + gap), round(y1 + gap)) for x0, y0, x1, y1 in boxes if y1 > y0)
    return [(slice(y0, y1), slice(x0, x1)) for x0, y0, x1, y1 in whole]


def _letters(direction: FloatArray) -> str:
    """Letters of a direction, the axis it leans to most first."""
    order = np.argsort(-np.abs(direction), kind="stable")
    return "".join(AXIS_LETTERS[axis][int(direction[axis] > 0)] for axis in order if abs(direction[axis]) > LETTER_LEAN)


def _short(finding: Finding) -> str:
    """The first clause of a finding's sentence, without what stands in brackets."""
    text, brackets = finding.text, 1
    while brackets:
        text, brackets = re.subn(r"\s*\([^()]*\)", "", text)
    for stop in (". ", "; ", ": "):
        text = text.split(stop)[0]
    text = text.rstrip(".")
    return text if len(text) <= BADGE_LENGTH else text[: BADGE_LENGTH - 1].rstrip() + "…"


def _counted(badges: tuple[Badge, ...]) -> tuple[Badge, ...]:
    """One badge that counts the others."""
    if not badges:
        return ()
    return (Badge(f"{len(badges)} warning{'s' * (len(badges) > 1)}", any(badge.error for badge in badges)),)


def _wanted(chosen: bool | None, scene_says: bool) -> bool:  # noqa: FBT001 - two answers to one question
    return scene_says if chosen is None else chosen
