"""Measures of a joint histogram, against closed forms; each derivative against differences."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.registration.measures import MEASURES

ROWS, COLUMNS = 5, 8


def test_independent_classes_share_nothing():
    share = np.outer([0.2, 0.5, 0.3], [0.1, 0.2, 0.3, 0.2, 0.1, 0.1])
    assert MEASURES["mi"](share)[0] == pytest.approx(0, abs=1e-9)
    assert MEASURES["nmi"](share)[0] == pytest.approx(1, abs=1e-9)
    assert MEASURES["ncc"](share)[0] == pytest.approx(0, abs=1e-9)


def test_one_class_for_each_shares_all():
    share = np.zeros((4, 7))
    share[np.arange(4), [1, 4, 2, 3]] = [0.1, 0.2, 0.3, 0.4]
    entropy = -sum(p * np.log(p) for p in (0.1, 0.2, 0.3, 0.4))
    assert MEASURES["mi"](share)[0] == pytest.approx(entropy)
    assert MEASURES["nmi"](share)[0] == pytest.approx(2)


@pytest.mark.parametrize(("sign", "columns"), [(1, [1, 2, 3, 4, 5]), (-1, [5, 4, 3, 2, 1])])
def test_a_line_correlates_fully(sign, columns):
    """Columns are spread by a cubic B-spline, 1/6, 2/3 and 1/6 about their middle: its variance does not count."""
    share = np.zeros((ROWS, COLUMNS))
    for row, column in enumerate(columns):
        share[row, column - 1 : column + 2] = np.array([1, 4, 1]) / 6 / ROWS
    assert MEASURES["ncc"](share)[0] == pytest.approx(sign)
    assert MEASURES["mse"](share)[0] == pytest.approx(0 if sign == 1 else -np.mean([16, 4, 0, 4, 16]) / 16)


@pytest.mark.parametrize("metric", list(MEASURES))
def test_the_derivative_is_that_of_the_value(metric):
    rng = np.random.default_rng(1)
    share, change = rng.random((2, ROWS, COLUMNS))
    share, change = share / share.sum(), change - change.mean()  # shares go on to add up to one
    measure, step = MEASURES[metric], 1e-6
    measured = (measure(share + step * change)[0] - measure(share - step * change)[0]) / (2 * step)
    assert (measure(share)[1] * change).sum() == pytest.approx(measured, rel=1e-5)
