"""Measures of likeness as functions of a joint histogram, each with its derivative by every cell.

A histogram here holds shares that add up to one: rows are the source's classes, columns the target's, spread by a cubic B-spline over four
columns each (so there are three more columns than rows). With the derivative any measure can be climbed by the same code.

Sources: mutual information (Viola & Wells, IJCV 24, 1997; Collignon et al., CVRMed 1995); its normalised form (Studholme et al., Pattern
Recognition 32, 1999).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from volstudio.geometry.affine import FloatArray

__all__ = ["MEASURES"]

TINY = 1e-12
SPLINE_VARIANCE = 1 / 3  # of a cubic B-spline, in squared columns


def _mutual_information(share: FloatArray) -> tuple[float, FloatArray]:
    """Mutual information of shares that add up to one, nats, and its derivative by each of them (up to a constant)."""
    joint, rows, columns = _logs(share)
    table = np.where(share > TINY, joint - rows[:, None] - columns[None], 0.0)
    return float((share * table).sum()), table


def _normalised(share: FloatArray) -> tuple[float, FloatArray]:
    """Studholme's (H(rows) + H(columns)) / H(both), and its derivative."""
    joint, rows, columns = _logs(share)
    both = -(share * joint).sum()
    marginal = -(share * (rows[:, None] + columns[None])).sum()
    value = marginal / max(both, TINY)
    return float(value), np.where(share > TINY, (value * joint - rows[:, None] - columns[None]) / max(both, TINY), 0.0)


def _correlation(share: FloatArray) -> tuple[float, FloatArray]:
    """Pearson's correlation of rows and columns, and its derivative."""
    row, column = _deviations(share)
    row_variance = (share.sum(axis=1) * row**2).sum()
    column_variance = (share.sum(axis=0) * column**2).sum() - SPLINE_VARIANCE
    product = row[:, None] * column[None]
    both = np.sqrt(max(row_variance * column_variance, TINY))
    value = (share * product).sum() / both
    shrink = row[:, None] ** 2 / max(row_variance, TINY) + column[None] ** 2 / max(column_variance, TINY)
    return float(value), product / both - 0.5 * value * shrink


def _squared_difference(share: FloatArray) -> tuple[float, FloatArray]:
    """Mean squared difference of the values 0 to 1, negative, and its derivative."""
    row, column = (np.arange(n, dtype=float) for n in share.shape)
    table = -((row[:, None] - (column[None] - 1)) ** 2) / (len(row) - 1) ** 2
    return float((share * table).sum() + SPLINE_VARIANCE / (len(row) - 1) ** 2), table


MEASURES: dict[str, Callable[[FloatArray], tuple[float, FloatArray]]] = {
    "mi": _mutual_information,
    "nmi": _normalised,
    "ncc": _correlation,
    "mse": _squared_difference,
}


def _logs(share: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Logarithms of the shares and of both marginals."""
    return np.log(share + TINY), np.log(share.sum(axis=1) + TINY), np.log(share.sum(axis=0) + TINY)


def _deviations(share: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Rows and columns, each from its mean."""
    row, column = (np.arange(n, dtype=float) for n in share.shape)
    return row - (share.sum(axis=1) * row).sum(), column - (share.sum(axis=0) * column).sum()
