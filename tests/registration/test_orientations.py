"""Sets of rotations: that they are rotations, the group of the cube, and how large the holes are that even ones leave."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.spatial.transform import Rotation

from volstudio.registration.orientations import cube_rotations, spread_rotations


@pytest.mark.parametrize("rotations", [cube_rotations(), spread_rotations(1), spread_rotations(300)], ids=["cube", "one", "spread"])
def test_they_are_rotations(rotations):
    np.testing.assert_allclose(rotations @ rotations.transpose(0, 2, 1), np.broadcast_to(np.eye(3), rotations.shape), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(rotations), 1, atol=1e-12)


def test_those_of_the_cube_are_the_group_of_24():
    cube = {tuple(rotation.ravel().astype(int)) for rotation in cube_rotations()}
    assert cube == {tuple(np.rint(rotation).astype(int).ravel()) for rotation in Rotation.create_group("O").as_matrix()}


@pytest.mark.parametrize("count", [100, 300, 600])
def test_even_ones_leave_no_large_hole(count):
    """Balls of an angle w hold (w - sin w) / pi of all rotations; so the nearest of a set can nowhere be nearer than that of 1 / count."""
    anywhere = Rotation.random(4000, random_state=0).as_matrix()
    cosine = (np.einsum("nab,mab->nm", anywhere, spread_rotations(count)).max(axis=1) - 1) / 2
    nearest = np.arccos(np.clip(cosine, -1, 1))
    least = brentq(lambda angle: angle - np.sin(angle) - np.pi / count, 0.01, 3)
    assert least < nearest.max() < 1.6 * least
    assert np.median(nearest) < 0.9 * least
