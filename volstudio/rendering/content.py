"""Where in a volume there is something to see: for the first crosshair and the first camera.

A file's box says little about that: label maps and cut-outs fill a small part of theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from volstudio.rendering.rays import FloatArray

__all__ = ["Content", "find_content"]

FINE = 64  # voxels looked at along each axis
# Of the busiest slice: slices with fewer voxels that show something hold noise.
STRAY = 0.01
# Of the volume: what is this near to the middle of its box is called its middle, so that usual scans open at round places.
NEAR = 0.1


class Content(NamedTuple):
    """The part of a volume that shows something.

    Parameters
    ----------
    low, high : (3,) float arrays
        Voxel positions of its outer faces.
    middle : (3,) float array
        A voxel position for a first look: about the middle, and where there is a number.
    """

    low: FloatArray
    high: FloatArray
    middle: FloatArray


def find_content(frame: NDArray[Any]) -> Content:
    """Content of an (i, j, k) array; all of it where nothing stands out.

    Examples
    --------
    >>> frame = np.zeros((20, 20, 20)); frame[2:8, 4:8, 12:20] = 7
    >>> content = find_content(frame)
    >>> content.low.tolist(), content.high.tolist(), content.middle.tolist()
    ([1.5, 3.5, 11.5], [7.5, 7.5, 19.5], [4.5, 5.5, 15.5])
    """
    shape = np.array(frame.shape)
    step = np.maximum(-(-shape // FINE), 1)
    part = frame[tuple(slice(None, None, int(n)) for n in step)]
    shown = _shown(part)
    low, high = np.full(3, -0.5), shape - 0.5
    for axis, others in enumerate(((1, 2), (0, 2), (0, 1))):
        count = np.count_nonzero(shown, axis=others)
        there = np.flatnonzero(count > STRAY * count.max()) if count.any() else np.arange(len(count))
        low[axis] = max(there[0] * step[axis] - 0.5, -0.5)
        high[axis] = min((there[-1] + 1) * step[axis] - 0.5, shape[axis] - 0.5)
    middle, centre = (low + high) / 2, (shape - 1) / 2
    if (np.abs(middle - centre) <= NEAR * shape).all():
        middle = centre
    around = tuple(slice(int(np.floor(at)), int(np.ceil(at)) + 1) for at in middle)
    if not np.isfinite(frame[around]).all() and shown.any():
        places = np.argwhere(shown) * step
        middle = places[np.linalg.norm((places - middle) / shape, axis=1).argmin()].astype(float)
    return Content(low, high, middle)


def _shown(part: NDArray[Any]) -> NDArray[np.bool_]:
    """Which voxels are neither padding nor air nor without a number."""
    from volstudio.volumes.intensity import foreground

    finite: NDArray[np.bool_] = np.isfinite(part)
    bright = foreground(part.ravel())
    if bright.size == 0:
        return finite
    least = float(bright.min())
    shown: NDArray[np.bool_] = (part != 0) if least < 0 < float(bright.max()) else (part >= least)
    return finite & shown
