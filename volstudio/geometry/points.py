"""Many points moved at once, in a way that costs one thread and gives the same bits everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from volstudio.geometry.affine import FloatArray

__all__ = ["moved"]


def moved(points: NDArray[Any], linear: NDArray[np.floating[Any]], offset: NDArray[np.floating[Any]]) -> FloatArray:
    """Points after a linear map and a shift.

    Parameters
    ----------
    points : (3, n) array
    linear : (3, 3) float array
    offset : (3,) float array

    Returns
    -------
    (3, n) float array

    Notes
    -----
    ``linear @ points`` would go to BLAS, which wakes a thread for every core; these then spin for a while, waiting for more: on small
    registrations that was a third of all processor time.

    Examples
    --------
    >>> moved(np.array([[1.0], [2.0], [3.0]]), 2 * np.eye(3), np.ones(3)).ravel()
    array([3., 5., 7.])
    """
    return np.asarray(np.einsum("ab,bn->an", linear, points) + offset[:, None], np.float64)
