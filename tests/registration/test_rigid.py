"""`register`: truth recovered for every kind of affine, the same bits each time, and clear words where it cannot work."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.registration.rigid import register

SHAPE = (60, 72, 56)
SHEAR = np.array([[1, 0.15, 0], [0, 1, 0.2], [0, 0, 1]])


@pytest.fixture(scope="module")
def fixed(heads):
    return heads.head(SHAPE, heads.grid_affine(SHAPE, np.diag([2.5, 2.5, 2.5])), name="fixed")


@pytest.mark.parametrize(
    ("kind", "linear", "shape"),
    [
        ("RAS", np.diag([2.5, 2.5, 2.5]), SHAPE),
        ("LAS", np.diag([-3.0, 3.0, 3.0]), (48, 60, 46)),
        ("LPS", np.diag([-3.0, -3.0, 3.0]), (48, 60, 46)),
        ("PIR", np.array([[0, 0, 3.0], [-3.0, 0, 0], [0, -3.0, 0]]), (60, 46, 48)),
        ("thick slices", np.diag([2.0, 2.0, 5.0]), (72, 90, 28)),
        ("oblique", "oblique", (48, 60, 46)),
        ("sheared", SHEAR @ np.diag([3.0, 3.0, 3.0]), (54, 66, 46)),
        ("sheared and flipped", SHEAR @ np.diag([-3.0, 3.0, 3.0]), (54, 66, 46)),
    ],
)
def test_truth_is_found_for_every_kind_of_affine(heads, fixed, kind, linear, shape):
    linear = heads.turn((1, 2, 3), 25) @ np.diag([3.0, 3.0, 3.0]) if isinstance(linear, str) else linear
    moved = heads.rigid((1, -1, 0.5), 9, (6, -5, 6))
    moving = heads.head(shape, heads.grid_affine(shape, linear), name="moving", contrast=lambda v: 500 - 0.6 * v, moved=moved, seed=1)
    found = register(fixed, moving)
    assert (found.moving_to_fixed.source, found.moving_to_fixed.target) == ("moving:scanner", "fixed:scanner")
    assert heads.error_mm(found.fixed_to_moving.matrix, moved) < 0.3


def test_sheared_volume_is_not_misled_by_what_lies_outside_its_field_of_view(heads, fixed):
    """Its box has empty corners; were they taken for air, the slab would be pulled to the middle."""
    shape = (54, 40, 46)
    affine = heads.grid_affine(shape, SHEAR @ np.diag([3.0, 3.0, 3.0]), centre=(0, 20, 0))
    moved = heads.rigid((0, 1, 1), 6, (4, 4, -4), centre=(0, 20, 0))
    moving = heads.head(shape, affine, name="moving", moved=moved, seed=2)
    assert heads.error_mm(register(fixed, moving).fixed_to_moving.matrix, moved) < 0.3
