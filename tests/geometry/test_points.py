"""`moved`: many points under one map, against the definition and against `Affine`."""

import numpy as np
import pytest

from volstudio.geometry.affine import Affine
from volstudio.geometry.points import moved


@pytest.mark.parametrize("count", [0, 1, 1000])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_points_are_turned_sheared_and_shifted_as_by_an_affine(count: int, dtype: type) -> None:
    rng = np.random.default_rng(count)
    matrix = np.eye(4)
    matrix[:3] = rng.normal(size=(3, 4))
    points = (100 * rng.normal(size=(3, count))).astype(dtype)
    expected = Affine(matrix, "a:scanner", "b:scanner").apply(points.T.astype(float)).T
    found = moved(points, matrix[:3, :3], matrix[:3, 3])
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-6 if dtype is np.float32 else 1e-13, atol=1e-12)


def test_each_point_is_moved_by_itself() -> None:
    points = np.random.default_rng(0).normal(size=(3, 50_001))
    linear, offset = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]), np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(moved(points, linear, offset)[:, 777], [1 - points[1, 777], 2 + points[0, 777], 3 + points[2, 777]])
