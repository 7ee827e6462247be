"""When a number about two layers is still true."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from volstudio.geometry.affine import Affine
from volstudio.scene.model import Layer, Scene

relation = pytest.importorskip("volstudio.apps.studio.relation", reason="the window's extra is not installed", exc_type=ImportError)

SCENE = Scene(layers=(Layer("t1", "t1.nii"), Layer("epi", "epi.nii")))


def shifted(scene, name, x):
    matrix = np.eye(4)
    matrix[0, 3] = x
    return scene.place(name, Affine(matrix, f"{name}:scanner", "scene"))


def of(scene):
    return relation.Relation.of(scene, "t1", "epi")


@pytest.mark.parametrize("names", [("t1", "t1"), ("t1", "pet"), (None, "epi"), ("t1", "")])
def test_two_layers_of_the_scene_or_none(names):
    assert relation.Relation.of(SCENE, *names) is None


def test_where_one_lies_on_the_other():
    both = shifted(shifted(SCENE, "epi", 7.0), "t1", 2.0)
    assert of(both).moving_to_fixed.matrix[0, 3] == pytest.approx(5.0)
    assert (of(both).moving_to_fixed.source, of(both).moving_to_fixed.target) == ("epi:scanner", "t1:scanner")


def test_looks_do_not_count_and_places_and_voxels_do():
    here = of(SCENE)
    epi = SCENE.layer("epi")
    dim = replace(SCENE, layers=(SCENE.layer("t1"), replace(epi, look=replace(epi.look, opacity=0.2))))
    later = replace(SCENE, layers=(SCENE.layer("t1"), replace(epi, time=3)))
    assert here.same(of(dim))
    assert not here.same(of(later))
    assert not here.same(of(shifted(SCENE, "t1", 0.5)))
    assert not here.same(None)
