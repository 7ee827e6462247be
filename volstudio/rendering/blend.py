"""Values into colours, and colours onto what is below them: one layer of a slice at a time, in place."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from volstudio.rendering.labels import LABEL_COLOURS, is_label_look, label_rows

if TYPE_CHECKING:
    from volstudio.scene.model import Look

__all__ = ["blend"]

Slice = NDArray[np.floating[Any]]  # (h, w), row 0 on top


def blend(planes: NDArray[np.float32], values: Slice, cover: Slice | None, look: Look, window: tuple[float, float]) -> None:
    """Draw one layer over (or add it to) what is below it, in place.

    Parameters
    ----------
    planes : (3, h, w) float32 array
        Red, green and blue, 0 to 255.
    values : (h, w) float array
        NaN is nothing.
    cover : (h, w) float32 array or None
        How much of each pixel the layer covers, 0 to 1; None: all of it.
    look : Look
    window : (low, high)
        Values of the first and the last colour.
    """
    part = _extent(values)
    if part is None:
        return
    planes, values, cover = planes[:, part[0], part[1]], values[part], None if cover is None else cover[part]
    labels = is_label_look(look)
    drawn = np.isfinite(values)
    if labels:
        drawn &= values != 0  # label 0 is "nothing" in every atlas
    if look.hide_below is not None:
        size = np.abs(values) if look.two_sided else values
        if look.interpolation == "linear" and not labels:
            edge = _edge(size, look.hide_below)
            cover = edge if cover is None else cover * edge
        else:
            with np.errstate(invalid="ignore"):
                drawn &= size >= look.hide_below
    if not drawn.any():
        return
    table = _table(look.colourmap, LABEL_COLOURS if labels else 256)
    rows = label_rows(values) if labels else _rows(values, window, two_sided=look.two_sided)
    whole = cover is None and look.opacity >= 1 and bool(drawn.all())
    alpha = drawn * np.float32(min(look.opacity, 1.0))
    if cover is not None:
        alpha *= cover
    for plane, colours in zip(planes, table.T, strict=True):
        colour = colours[rows]
        if look.blend == "add":
            colour *= alpha
            np.minimum(plane + colour, 255, out=plane)
        elif whole:
            plane[:] = colour
        else:
            colour -= plane
            colour *= alpha
            np.add(plane, colour, out=plane)


def _extent(values: Slice) -> tuple[slice, slice] | None:
    """The rows and columns outside of which there is nothing; None where there is nothing at all."""
    there = ~np.isnan(values)
    rows, columns = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
    return (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)) if len(rows) else None


@lru_cache(maxsize=64)
def _table(colourmap: str, n: int) -> NDArray[np.float32]:
    """(n, 3) colours, 0 to 255."""
    from volstudio.scene import colourmaps

    return np.asarray(colourmaps.get(colourmap).table(n), dtype=np.float32, order="F")


def _edge(values: Slice, threshold: float) -> Slice:
    """Share of each pixel that lies above a threshold, from the distance to its contour: value over slope."""
    # Beside what is outside there is no slope, and the threshold is hard; what overflows is far from it.
    with np.errstate(invalid="ignore", over="ignore"):
        above = values - values.dtype.type(threshold)
        slope = np.full(values.shape, values.dtype.type(1e-12))
        np.fmax(slope[:, 1:-1], np.abs(values[:, 2:] - values[:, :-2]) / 2, out=slope[:, 1:-1])
        np.fmax(slope[1:-1], np.abs(values[2:] - values[:-2]) / 2, out=slope[1:-1])
        share: Slice = np.minimum(np.fmax(above / slope + np.float32(0.5), 0), 1)  # 0 where there is no value
    return share


def _rows(values: Slice, window: tuple[float, float], *, two_sided: bool) -> NDArray[np.uint8]:
    """Rows of the colour table; NaN takes row 0."""
    number = values.dtype.type
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows lies beyond the window's end, and is cut off there
        low = number(window[0])
        scale = number(255 / ((window[1] - window[0]) or 1.0))
        if two_sided:
            size = np.fmin(np.fmax((np.abs(values) - low) * (scale / 2), 0), number(127.5))
            place = number(127.5) + np.copysign(size, values)
            place = np.fmax(place, 0)
        else:
            place = np.fmin(np.fmax((values - low) * scale, 0), 255)
    rows: NDArray[np.uint8] = (place + np.float32(0.5)).astype(np.uint8)
    return rows
