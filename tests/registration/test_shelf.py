"""`Shelf`: one preparation for many registrations, and the same answer."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.progress import Progress
from volstudio.registration import shelf as shelves
from volstudio.registration.plan import RegistrationPlan
from volstudio.registration.prepare import own_frame, prepare
from volstudio.registration.rigid import register
from volstudio.registration.shelf import Shelf

SHAPE = (30, 36, 28)


@pytest.fixture
def volumes(heads):
    moved = heads.rigid((1, 1, 0), 4, (3, 0, -2))
    affine = heads.grid_affine(SHAPE, np.diag([5.0, 5.0, 5.0]))
    return heads.head(SHAPE, affine, name="a"), heads.head(SHAPE, affine, name="b", moved=moved, seed=1)


@pytest.fixture
def counted(monkeypatch):
    """Names of the volumes that are prepared."""
    names = []

    def counting(volume, *args, **options):
        names.append(volume.name)
        return prepare(volume, *args, **options)

    monkeypatch.setattr(shelves, "prepare", counting)
    return names


def test_a_volume_that_is_kept_is_not_prepared_again(volumes, counted):
    a, b = volumes
    shelf = Shelf(room=2)
    plan = RegistrationPlan(samples=4000, refine="builtin")
    first, second = (register(a, b, plan=plan, shelf=shelf) for _ in range(2))
    assert sorted(counted) == ["a", "b"]
    without = register(a, b, plan=plan)
    for found in (first, second):
        np.testing.assert_array_equal(found.moving_to_fixed.matrix, without.moving_to_fixed.matrix)


def test_the_one_asked_for_longest_ago_gives_way(volumes, counted):
    a, b = volumes
    shelf = Shelf(room=2)
    for volume, mm in ((a, 10.0), (b, 10.0), (a, 10.0), (a, 8.0), (a, 10.0), (b, 10.0)):
        shelf(volume, own_frame(volume.grid), (mm,), progress=Progress())
    assert counted == ["a", "b", "a", "b"]
