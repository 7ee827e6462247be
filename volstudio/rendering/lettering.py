"""Text as masks of ink, through VTK's FreeType: no OpenGL library is touched.

VTK carries one sans serif face of its own, so that pictures look the same on every machine. It knows Latin letters only. Characters that it
cannot draw (Chinese layer names, Greek, Cyrillic) are taken from the first font file of the system that has them, and where there is none
they are written as their code points, so that two layers can still be told apart.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkRenderingCore import vtkTextProperty
from vtkmodules.vtkRenderingFreeType import vtkFreeTypeTools

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Ink", "elide", "ink", "text_width"]

VTK_FONT_FILE = 4
POINTS_PER_INCH = 72  # one point is then one pixel
# Strokes of a light face fade when they are thinner than a pixel; this exponent gives them back the weight that the eye expects.
STROKE_GAMMA = 0.75
# Font files tried, best first, by how their names start in lower case: faces with Chinese, Japanese and Korean, then other wide ones.
WANTED = (
    "notosanscjk",
    "notosanssc",
    "sourcehansans",
    "wqy-microhei",
    "wqy-zenhei",
    "droidsansfallback",
    "pingfang",
    "hiragino sans gb",
    "stheiti",
    "msyh",
    "simhei",
    "simsun",
    "arial unicode",
    "arialuni",
    "notosans-regular",
    "dejavusans.",
    "liberationsans-regular",
    "freesans.",
    "arial.",
)


@dataclass(frozen=True, slots=True, eq=False)
class Ink:
    """A line of text as coverage.

    Parameters
    ----------
    mask : (h, w) float32 array
        0 to 1.
    baseline : int
        Row of the mask on which the letters stand.
    cap : int
        Height of a capital letter, pixels.
    """

    mask: NDArray[np.float32]
    baseline: int
    cap: int


@lru_cache(maxsize=1024)
def ink(text: str, size: float, *, bold: bool = False) -> Ink:
    """A line of text, ``size`` pixels from one line to the next.

    Parameters
    ----------
    text : str
    size : float, pixels
    bold : bool

    Returns
    -------
    Ink
    """
    # Drawn larger and averaged: even strokes at every size, with neither hinting jumps nor coloured fringes.
    factor = 4 if size < 40 else 2
    pixels = max(round(size * factor), 1)
    pieces = [_raw(part, font, pixels, bold) for part, font in _runs(text)] or [(np.zeros((1, 1), np.float32), 0)]
    above = max(top for _, top in pieces)
    above += -above % factor
    below = max(factor, *(mask.shape[0] - top for mask, top in pieces))
    below += -below % factor
    width = sum(mask.shape[1] for mask, _ in pieces)
    sheet = np.zeros((above + below, width + -width % factor), np.float32)
    left = 0
    for mask, top in pieces:
        sheet[above - top : above - top + mask.shape[0], left : left + mask.shape[1]] = mask
        left += mask.shape[1]
    rows, columns = sheet.shape[0] // factor, sheet.shape[1] // factor
    mean = sheet.reshape(rows, factor, columns, factor).mean(axis=(1, 3)) ** np.float32(STROKE_GAMMA)
    mean.setflags(write=False)
    return Ink(mean, above // factor, max(round(_cap(pixels, bold) / factor), 1))


def text_width(text: str, size: float, *, bold: bool = False) -> int:
    """Pixels that a line of text takes from left to right."""
    return int(ink(text, size, bold=bold).mask.shape[1])


def elide(text: str, size: float, width: float, *, bold: bool = False) -> str:
    """The text, with its middle left out where it is wider than ``width`` pixels: file names differ at both ends.

    >>> elide("sub-01_task-rest_bold", 12, 400)
    'sub-01_task-rest_bold'
    >>> elide("sub-01_task-rest_bold", 12, 80)
    'sub-0…_bold'
    """
    if text_width(text, size, bold=bold) <= width:
        return text
    for kept in range(len(text) - 1, 0, -1):
        tail = kept // 2
        shorter = text[: kept - tail] + "…" + (text[-tail:] if tail else "")
        if text_width(shorter, size, bold=bold) <= width:
            return shorter
    return "…" if text_width("…", size, bold=bold) <= width else ""


def _runs(text: str) -> list[tuple[str, str]]:
    """The text cut into pieces of one font each: (piece, font file), "" for VTK's own."""
    marked: list[tuple[str, str]] = []
    for character in text:
        if character.isspace() or not character.isprintable():
            marked.append((" ", marked[-1][1] if marked else ""))
            continue
        font = _font_of(character)
        marked += [(character, font)] if font is not None else [(plain, "") for plain in f"U+{ord(character):04X}"]
    return [("".join(c for c, _ in part), font) for font, part in groupby(marked, key=lambda pair: pair[1])]


@cache
def _font_of(character: str) -> str | None:
    """The first font that draws a character: "" for VTK's own, a path, or None."""
    return next((font for font in ("", *_font_files()) if _raw(character, font, 24, bold=False)[0].any()), None)


@cache
def _font_files() -> tuple[str, ...]:
    """Font files of this system that widen VTK's own face, best first; looked up only when a character needs it."""
    files = [
        file
        for folder in _font_folders()
        if folder.is_dir()
        for file in sorted(folder.rglob("*"))
        if file.suffix.lower() in (".ttf", ".ttc", ".otf", ".otc") and file.name.lower().startswith(WANTED)
    ]
    ranks = {file: next(n for n, start in enumerate(WANTED) if file.name.lower().startswith(start)) for file in files}
    upright = [file for file in files if not any(word in file.name.lower() for word in ("bold", "black", "light", "thin"))]
    return tuple(str(file) for file in sorted(upright, key=ranks.__getitem__))


def _font_folders() -> list[Path]:
    """Where systems keep fonts, as in fontconfig's defaults, macOS and Windows; ``$VOLSTUDIO_FONTS`` comes first."""
    own = [Path(part) for part in os.environ.get("VOLSTUDIO_FONTS", "").split(os.pathsep) if part]
    if sys.platform == "win32":
        return [*own, Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts"]
    if sys.platform == "darwin":
        return [*own, Path("/System/Library/Fonts"), Path("/Library/Fonts"), Path.home() / "Library/Fonts"]
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    return [*own, data / "fonts", Path.home() / ".fonts", Path("/usr/local/share/fonts"), Path("/usr/share/fonts")]


def _raw(text: str, font: str, pixels: int, bold: bool) -> tuple[NDArray[np.float32], int]:  # noqa: FBT001 - private, always spelt out
    """Mask of a piece of text in one font, and how many of its rows stand above the baseline."""
    image, low = _freetype(text, font, pixels, bold)
    top_of_baseline = image.shape[0] + low - _baseline(font, pixels, bold)
    return image, top_of_baseline


@lru_cache(maxsize=256)
def _baseline(font: str, pixels: int, bold: bool) -> int:  # noqa: FBT001 - as _raw
    """Height of the letters' feet in FreeType's own count; a font without Latin letters counts from them."""
    image, low = _freetype("H", font, pixels, bold)
    rows = np.flatnonzero(image.any(axis=1))
    return int(image.shape[0] - 1 - rows[-1] + low) if rows.size else 0


@lru_cache(maxsize=256)
def _cap(pixels: int, bold: bool) -> int:  # noqa: FBT001 - as _raw
    """Height of a capital letter of VTK's own face."""
    return int(np.count_nonzero(_freetype("H", "", pixels, bold)[0].any(axis=1)))


def _freetype(text: str, font: str, pixels: int, bold: bool) -> tuple[NDArray[np.float32], int]:  # noqa: FBT001 - as _raw
    """Mask, row 0 on top, and the height of its lowest row in FreeType's count."""
    look = vtkTextProperty()
    look.SetFontSize(pixels)
    look.SetColor(1, 1, 1)
    if font:
        look.SetFontFamily(VTK_FONT_FILE)
        look.SetFontFile(font)
    else:
        look.SetFontFamilyToArial()
        look.SetBold(bold)
    image = vtkImageData()
    tools = vtkFreeTypeTools.GetInstance()
    scaled = tools.GetScaleToPowerTwo()
    tools.ScaleToPowerTwoOff()
    drawn = tools.RenderString(look, text, POINTS_PER_INCH, image, [0, 0])
    tools.SetScaleToPowerTwo(scaled)
    if not drawn:
        return np.zeros((1, 1), np.float32), 0
    width, height, _ = image.GetDimensions()
    alpha = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)[::-1, :, 3]
    return alpha.astype(np.float32) / 255, int(image.GetExtent()[2])
