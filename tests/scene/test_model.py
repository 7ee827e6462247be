import numpy as np
import pytest

from volstudio.errors import SceneError, SpaceMismatchError
from volstudio.geometry.affine import Affine
from volstudio.scene.model import Layer, Placement, Scene

MOVE = np.array([[0.0, -1.0, 0.0, 10.0], [1.0, 0.0, 0.0, 20.0], [0.0, 0.0, 1.0, 30.0], [0.0, 0.0, 0.0, 1.0]])


@pytest.fixture
def scene():
    return Scene(layers=(Layer("t1", "/t1.nii"), Layer("epi", "/epi.nii", Placement(pivot=(1.0, 2.0, 3.0)))))


def test_placing_into_the_scene(scene):
    placed = scene.place("epi", Affine(MOVE, "epi:scanner", "scene"), made_by="registration")
    assert placed.placement("epi").is_close(Affine(MOVE, "epi:scanner", "scene"))
    assert placed.layer("epi").placement.made_by == "registration"
    assert placed.layer("epi").placement.pivot == (1.0, 2.0, 3.0)
    assert placed.layer("t1") is scene.layer("t1")


def test_placing_onto_another_layer_follows_its_placement(scene):
    moved = scene.place("t1", Affine(MOVE, "t1:scanner", "scene"))
    both = moved.place("epi", Affine(MOVE, "epi:scanner", "t1:scanner"))
    assert np.allclose(both.placement("epi").matrix, MOVE @ MOVE)
    assert both.placement("epi", onto="t1").is_close(Affine(MOVE, "epi:scanner", "t1:scanner"))
    with pytest.raises(SceneError, match="cannot be placed on itself"):
        both.placement("epi", onto="epi")


@pytest.mark.parametrize(
    "ends",
    [("t1:scanner", "scene"), ("scene", "epi:scanner"), ("epi:voxel", "scene"), ("t1:scanner", "epi:scanner"), ("epi:scanner", "world")],
)
def test_a_forgotten_inverse_is_an_error(scene, ends):
    with pytest.raises(SpaceMismatchError):
        scene.place("epi", Affine(MOVE, *ends))


def test_an_unknown_layer_is_named(scene):
    with pytest.raises(SceneError, match="no layer 'ep'; it has 't1', 'epi'"):
        scene.layer("ep")
    with pytest.raises(SceneError, match="no layer 'nobody'"):
        scene.place("epi", Affine(MOVE, "epi:scanner", "nobody:scanner"))


def test_a_placement_keeps_every_bit():
    matrix = MOVE.copy()
    matrix[0, 3] = 0.1 + 0.2
    placement = Placement.of(Affine(matrix, "epi:scanner", "scene"))
    assert placement.matrix[0][3] == 0.1 + 0.2
    assert np.array_equal(placement.affine("epi").matrix, matrix)
