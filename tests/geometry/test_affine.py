"""Affine maps: algebra, named ends, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from volstudio.errors import GeometryError, SpaceMismatchError
from volstudio.geometry.affine import Affine
from volstudio.geometry.spaces import SCENE, scanner, volume_of, voxel

POINTS = np.random.default_rng(0).uniform(-100, 100, (3, 4, 3))


@st.composite
def matrices(draw):
    matrix = np.eye(4)
    matrix[:3, :3] = draw(arrays(float, (3, 3), elements=st.floats(-3, 3)))
    matrix[:3, 3] = draw(arrays(float, 3, elements=st.floats(-200, 200)))
    stretch = np.linalg.svd(matrix[:3, :3], compute_uv=False)
    assume(stretch[-1] > max(1e-3 * stretch[0], 0.01))
    return matrix


@given(matrices(), matrices(), matrices())
def test_chains_and_inverses(a, b, c):
    ab, bc, cd = Affine(a, "a", "b"), Affine(b, "b", "c"), Affine(c, "c", "d")
    assert (cd @ bc @ ab).is_close(cd @ (bc @ ab), atol=1e-7)
    assert np.allclose((bc @ ab).apply(POINTS), bc.apply(ab.apply(POINTS)), atol=1e-7)
    assert np.allclose(ab.inverse().apply(ab.apply(POINTS)), POINTS, atol=1e-7)
    assert ab.inverse().inverse().is_close(ab, atol=1e-6)
    assert ((bc @ ab).inverse()).is_close(ab.inverse() @ bc.inverse(), atol=1e-4)


def test_ends_must_meet():
    there = Affine.identity("a", "b")
    with pytest.raises(SpaceMismatchError, match="inverse"):
        there @ there
    with pytest.raises(TypeError):
        there @ np.eye(4)
    assert (there.inverse() @ there) == Affine.identity("a", "a")
    assert there.renamed(target="c") == Affine.identity("a", "c")
    assert there != there.inverse()
    assert there != "b"
    assert hash(there) == hash(Affine.identity("a", "b"))


@pytest.mark.parametrize(
    ("matrix", "word"),
    [
        (np.eye(3), "4 x 4"),
        (np.diag([1, np.nan, 1, 1]), "NaN"),
        (np.diag([1, 1, np.inf, 1]), "infinity"),
        (np.diag([1, 1, 0, 1]), "singular"),
        (np.diag([1, 1, 1e-10, 1]), "singular"),
        (np.zeros((4, 4)) + np.diag([1, 1, 1, 2]), "last row"),
        (np.diag([1e-200, 1e-200, 1e-200, 1]), "shrinks a voxel"),
        (np.diag([1e200, 1e200, 1e200, 1]), "beyond any distance"),
        ([[1, 0, 0, -1e300], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], "beyond any distance"),
    ],
)
def test_what_places_nothing_is_refused(matrix, word):
    with pytest.raises(GeometryError, match=word):
        Affine(matrix, "a", "b")


def test_small_voxels_are_not_singular():
    assert Affine(np.diag([1e-6, 1e-6, 1e-6, 1]), "a", "b").apply((1, 1, 1)) == pytest.approx([1e-6] * 3)


def test_values_cannot_be_changed_from_outside():
    matrix = np.eye(4)
    affine = Affine(matrix, "a", "b")
    matrix[0, 3] = 5
    assert affine.matrix[0, 3] == 0
    for array in (affine.matrix, affine.linear, affine.offset):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_directions_are_not_shifted():
    affine = Affine([[2, 0, 0, 10], [0, 2, 0, 20], [0, 0, 2, 30], [0, 0, 0, 1]], "a", "b")
    assert affine.apply_direction([(1, 0, 0)]).tolist() == [[2, 0, 0]]
    with pytest.raises(GeometryError, match="three coordinates"):
        affine.apply([1, 2])


def test_names_of_spaces():
    assert volume_of(voxel("a:b")) == volume_of(scanner("a:b")) == "a:b"
    assert volume_of(SCENE) is None
