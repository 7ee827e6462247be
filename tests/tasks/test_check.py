"""Judging and comparing two layers of a scene: through both placements, and the frame that is shown."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from msgspec.structs import replace

from volstudio.errors import RegistrationError, SceneError
from volstudio.geometry.affine import Affine
from volstudio.geometry.rigid import RigidTransform
from volstudio.registration.similarity import Similarity
from volstudio.scene.model import Layer, Scene
from volstudio.tasks.check import judge, likeness
from volstudio.volumes.samples import sample, truth

pytestmark = pytest.mark.skipif(importlib.util.find_spec("nilearn") is None, reason="nilearn, which holds the brain, is not installed")


def volumes(layer):
    return sample(layer.path.removeprefix("sample:"))


@pytest.fixture(scope="module")
def right(tmp_path_factory):
    """The sample's pair put right, then both carried somewhere else in the scene."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VOLSTUDIO_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        scene = Scene(layers=(Layer("anatomy", "sample:t1"), Layer("bold", "sample:epi")))
        move = RigidTransform.from_axis_angle((0.3, 1, 0), np.radians(40)).matrix
        scene = scene.place("anatomy", Affine(move, "anatomy:scanner", "scene"))
        yield scene.place("bold", truth().renamed(source="bold:scanner", target="anatomy:scanner"))


def test_the_truth_does_not_fail(right):
    verdict = judge(right, "anatomy", "bold", volumes=volumes)
    assert verdict.verdict != "fail", verdict  # the template is symmetric, so that a mirror fits nearly as well
    assert verdict.error_mm < 3.0  # an EPI voxel


def test_the_wrong_header_does_not_pass(right):
    bold = right.layer("bold")
    wrong = replace(right, layers=(Layer("anatomy", "sample:t1"), Layer("bold", bold.path)))
    verdict = judge(wrong, "anatomy", "bold", volumes=volumes)
    assert verdict.verdict == "fail", verdict
    assert verdict.reasons


def test_likeness_is_asked_with_the_map_between_the_layers(right):
    between = right.placement("bold", onto="anatomy")
    alike = likeness(right, "anatomy", "bold", volumes=volumes)
    expected = Similarity(sample("t1"), sample("epi"), metric="mi").value(truth())
    assert alike.value(between) == pytest.approx(expected, abs=1e-9)
    away = Affine(np.array(between.matrix) + np.eye(4, k=3) * 15.0, between.source, between.target)
    assert alike.value(away) < alike.value(between)


@pytest.mark.parametrize("ask", [judge, likeness])
def test_what_cannot_be_asked(right, ask):
    with pytest.raises(RegistrationError, match="two layers"):
        ask(right, "bold", "bold", volumes=volumes)
    with pytest.raises(SceneError):
        ask(right, "anatomy", "pet", volumes=volumes)
