"""Anti-aliased painting on pictures in memory: lines, rectangles and text, without OpenGL and without a window.

Positions are in pixels, (x, y) from the top left; integers are pixel *centres*, so a line of width 1 at x = 10 fills exactly column 10.
Colours are (r, g, b), 0 to 1. Everything is painted in place on (h, w, 3) uint8 arrays and may reach beyond their edges.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from volstudio.rendering.lettering import ink

if TYPE_CHECKING:
    from volstudio.scene.model import Vec3

__all__ = ["draw_line", "draw_polyline", "draw_text", "fill_rectangle", "measure_text", "stroke_rectangle"]

Picture = NDArray[np.uint8]
Mask = NDArray[np.float32]
Anchor = tuple[Literal["left", "centre", "right"], Literal["top", "middle", "bottom", "baseline"]]

# A segment is painted in pieces of this length, so that a slanted line does not touch the whole rectangle it spans.
PIECE = 48.0
SHADOW: Vec3 = (0.0, 0.0, 0.0)


def draw_text(
    picture: Picture,
    text: str,
    at: tuple[float, float],
    *,
    size: float,
    colour: Vec3 = (1.0, 1.0, 1.0),
    anchor: Anchor = ("left", "baseline"),
    bold: bool = False,
    opacity: float = 1.0,
    halo: float = 0.0,
) -> None:
    """Write one line of text.

    Parameters
    ----------
    picture : (h, w, 3) uint8 array
    text : str
    at : (x, y), pixels
        Where the anchor of the text comes to lie.
    size : float, pixels
        From one line to the next; capitals are about 0.73 of it.
    colour : (r, g, b)
    anchor : (horizontal, vertical)
        ``"top"`` is the top of capitals, ``"bottom"`` and ``"baseline"`` are where they stand, ``"middle"`` is half-way.
    bold : bool
    opacity : float
    halo : float
        Strength, 0 to 1, of a soft dark rim that keeps the text readable on a bright picture.
    """
    if not text:
        return
    drawn = ink(text, size, bold=bold)
    across = {"left": 0.0, "centre": 0.5, "right": 1.0}[anchor[0]] * drawn.mask.shape[1]
    above = {"top": float(drawn.cap), "middle": drawn.cap / 2, "bottom": 0.0, "baseline": 0.0}[anchor[1]]
    left, top = round(at[0] - across), round(at[1] + above) - drawn.baseline
    if halo > 0:
        rim = _rim(text, size, bold)
        reach = (rim.shape[0] - drawn.mask.shape[0]) // 2
        _lay(picture, rim, (left - reach, top - reach), SHADOW, halo * opacity)
    _lay(picture, drawn.mask, (left, top), colour, opacity)


def measure_text(text: str, size: float, *, bold: bool = False) -> tuple[int, int]:
    """(width, height of capitals) of a line of text, pixels."""
    drawn = ink(text, size, bold=bold)
    return int(drawn.mask.shape[1]), drawn.cap


def draw_line(picture: Picture, start: ArrayLike, end: ArrayLike, *, colour: Vec3, width: float = 1.0, opacity: float = 1.0) -> None:
    """A straight line with round ends; one that runs along a row or column is crisp."""
    (x0, y0), (x1, y1) = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    half = width / 2
    if x0 == x1 or y0 == y1:
        flat = y0 == y1
        box = (min(x0, x1) - half * (not flat), min(y0, y1) - half * flat, max(x0, x1) + half * (not flat), max(y0, y1) + half * flat)
        fill_rectangle(picture, box, colour=colour, opacity=opacity)
        return
    draw_polyline(picture, [(x0, y0), (x1, y1)], colour=colour, width=width, opacity=opacity)


def draw_polyline(
    picture: Picture, points: ArrayLike, *, colour: Vec3, width: float = 1.0, opacity: float = 1.0, closed: bool = False
) -> None:
    """Straight pieces from point to point, painted as one stroke so that joints are not darker.

    Parameters
    ----------
    picture : (h, w, 3) uint8 array
    points : (n, 2) array_like, pixels
        A NaN breaks the stroke.
    colour : (r, g, b)
    width : float, pixels
    opacity : float
    closed : bool
        Whether the last point is joined to the first.
    """
    path = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    if closed and len(path) > 2:
        path = np.concatenate([path, path[:1]])
    height, across = picture.shape[:2]
    pieces = _pieces(path, reach=width / 2 + 1, size=(across, height))
    if not len(pieces):
        return
    reach = width / 2 + 1
    low = np.maximum(np.floor(pieces.min(axis=(0, 1)) - reach), 0).astype(int)
    high = np.minimum(np.ceil(pieces.max(axis=(0, 1)) + reach), (across - 1, height - 1)).astype(int)
    if (low > high).any():
        return
    mask = np.zeros((high[1] - low[1] + 1, high[0] - low[0] + 1), np.float32)
    for start, end in pieces - low:
        _stamp(mask, start, end, width)
    _lay(picture, mask, (int(low[0]), int(low[1])), colour, opacity)


def fill_rectangle(picture: Picture, box: tuple[float, float, float, float], *, colour: Vec3, opacity: float = 1.0) -> None:
    """Fill (x0, y0, x1, y1); the edges take their share of the pixels they cut, and pixel 0 reaches from -0.5 to 0.5."""
    x0, y0, x1, y1 = box
    height, width = picture.shape[:2]
    left, right = max(int(np.floor(x0 + 0.5)), 0), min(int(np.ceil(x1 - 0.5)), width - 1)
    top, bottom = max(int(np.floor(y0 + 0.5)), 0), min(int(np.ceil(y1 - 0.5)), height - 1)
    if left > right or top > bottom:
        return
    x, y = np.arange(left, right + 1), np.arange(top, bottom + 1)
    across = np.clip(np.minimum(x1, x + 0.5) - np.maximum(x0, x - 0.5), 0, 1)
    down = np.clip(np.minimum(y1, y + 0.5) - np.maximum(y0, y - 0.5), 0, 1)
    _lay(picture, np.outer(down, across).astype(np.float32), (left, top), colour, opacity)


def stroke_rectangle(
    picture: Picture, box: tuple[float, float, float, float], *, colour: Vec3, width: float = 1.0, opacity: float = 1.0
) -> None:
    """Outline (x0, y0, x1, y1), half of the line's width on either side."""
    x0, y0, x1, y1 = box
    half = width / 2
    for part in (
        (x0 - half, y0 - half, x1 + half, y0 + half),
        (x0 - half, y1 - half, x1 + half, y1 + half),
        (x0 - half, y0 + half, x0 + half, y1 - half),
        (x1 - half, y0 + half, x1 + half, y1 - half),
    ):
        fill_rectangle(picture, part, colour=colour, opacity=opacity)


def _lay(picture: Picture, mask: Mask, corner: tuple[int, int], colour: Vec3, opacity: float) -> None:
    """Blend a colour into the picture where the mask covers it."""
    left, top = corner
    height, width = picture.shape[:2]
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + mask.shape[1], width), min(top + mask.shape[0], height)
    if x0 >= x1 or y0 >= y1 or opacity <= 0:
        return
    share = mask[y0 - top : y1 - top, x0 - left : x1 - left, None] * np.float32(min(opacity, 1.0))
    patch = picture[y0:y1, x0:x1]
    under = patch.astype(np.float32)
    patch[:] = (under + (np.asarray(colour, dtype=np.float32) * 255 - under) * share + np.float32(0.5)).astype(np.uint8)


def _pieces(path: NDArray[np.float64], *, reach: float, size: tuple[int, int]) -> NDArray[np.float64]:
    """(n, 2, 2) short segments of a path that come near the picture."""
    pieces = []
    for start, end in pairwise(path):
        if not (np.isfinite(start).all() and np.isfinite(end).all()):
            continue
        clipped = _clip(start, end, reach, size)
        if clipped is None:
            continue
        count = max(int(np.ceil(np.hypot(*(clipped[1] - clipped[0])) / PIECE)), 1)
        stops = clipped[0] + np.linspace(0, 1, count + 1)[:, None] * (clipped[1] - clipped[0])
        pieces.append(np.stack([stops[:-1], stops[1:]], axis=1))
    return np.concatenate(pieces) if pieces else np.empty((0, 2, 2))


def _clip(
    start: NDArray[np.float64], end: NDArray[np.float64], reach: float, size: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """The part of a segment within ``reach`` of the picture (Liang and Barsky 1984); None: none of it."""
    step = end - start
    low, high = 0.0, 1.0
    for axis in (0, 1):
        least, greatest = -0.5 - reach, size[axis] - 0.5 + reach
        if abs(step[axis]) < 1e-9:  # pixels: parallel to this edge, and a division by less could overflow
            if not least <= start[axis] <= greatest:
                return None
            continue
        first, last = sorted(((least - start[axis]) / step[axis], (greatest - start[axis]) / step[axis]))
        low, high = max(low, first), min(high, last)
    return None if low > high else (start + low * step, start + high * step)


def _stamp(mask: Mask, start: NDArray[np.float64], end: NDArray[np.float64], width: float) -> None:
    """Coverage of one segment by its distance from each pixel, joined to the mask."""
    reach = width / 2 + 1
    low = np.maximum(np.floor(np.minimum(start, end) - reach), 0).astype(int)
    high = np.minimum(np.ceil(np.maximum(start, end) + reach), (mask.shape[1] - 1, mask.shape[0] - 1)).astype(int)
    if (low > high).any():
        return
    x = np.arange(low[0], high[0] + 1, dtype=np.float32)[None, :] - np.float32(start[0])
    y = np.arange(low[1], high[1] + 1, dtype=np.float32)[:, None] - np.float32(start[1])
    along = (end - start).astype(np.float32)
    length = float(along @ along)
    share = np.clip((x * along[0] + y * along[1]) / length, 0, 1) if length else np.float32(0)
    distance = np.hypot(x - share * along[0], y - share * along[1])
    # A line thinner than a pixel keeps its width and loses strength.
    cover = np.clip(max(width, 1.0) / 2 + 0.5 - distance, 0, 1) * min(width, 1.0)
    patch = mask[low[1] : high[1] + 1, low[0] : high[0] + 1]
    np.maximum(patch, cover, out=patch)


@lru_cache(maxsize=512)
def _rim(text: str, size: float, bold: bool) -> Mask:  # noqa: FBT001 - private, spelt out by its only caller
    """Soft widening of a text's ink."""
    mask = ink(text, size, bold=bold).mask
    spread = max(size * 0.09, 0.8)
    reach = int(np.ceil(spread * 2.5))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / spread) ** 2).astype(np.float32)
    weights /= weights.sum()
    soft = np.pad(mask, reach)
    for axis in (0, 1):
        padded = np.pad(soft, [(reach, reach) if axis == a else (0, 0) for a in (0, 1)])
        soft = sum(w * np.take(padded, np.arange(n, n + soft.shape[axis]), axis=axis) for n, w in enumerate(weights))
    rim: Mask = np.minimum(soft * np.float32(2.6), 1)
    return rim
