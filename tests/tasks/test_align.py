"""Refining a layer of a scene: the command that comes back, through both placements, and the words about it."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from volstudio.errors import Cancelled, RegistrationError, SceneError
from volstudio.geometry.affine import Affine
from volstudio.geometry.rigid import RigidTransform
from volstudio.progress import Progress
from volstudio.registration.plan import RegistrationPlan
from volstudio.registration.result import TraceStep
from volstudio.scene.model import Layer, Placement, Scene
from volstudio.session.session import Session
from volstudio.tasks.align import known_truth_mm, outcome, refine
from volstudio.volumes.samples import sample, truth

pytestmark = pytest.mark.skipif(importlib.util.find_spec("nilearn") is None, reason="nilearn, which holds the brain, is not installed")

QUICK = RegistrationPlan(levels_mm=(8.0, 4.0), samples=8000)


def volumes(layer):
    return sample(layer.path.removeprefix("sample:"))


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VOLSTUDIO_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield Scene(layers=(Layer("anatomy", "sample:t1"), Layer("bold", "sample:epi")))


@pytest.fixture(scope="module")
def turned(pair):
    """The pair with both layers placed by hand: the anatomy lies somewhere else in the scene, the EPI with it."""
    move = RigidTransform.from_axis_angle((1, 0.2, 0), np.radians(25)).matrix.copy()
    move[:3, 3] = 30, -12, 8
    scene = pair.place("anatomy", Affine(move, "anatomy:scanner", "scene"))
    return scene.place("bold", Affine(move, "bold:scanner", "scene"))


@pytest.fixture(scope="module")
def refined(pair):
    return refine(pair, "anatomy", "bold", volumes=volumes, revision=7)


def test_sample_is_put_right_to_half_a_millimetre(pair, refined):
    assert refined.before.mean > 10
    assert refined.after.mean < 0.5
    assert refined.after.max < 3.0  # an EPI voxel
    after = refined.command.apply(pair)
    assert outcome(after, "bold") == pytest.approx(refined.after.mean, abs=1e-9)


def test_command_is_one_undo_step_made_by_registration(pair, refined):
    session = Session(pair)
    session.apply(refined.command)
    assert session.scene.layer("bold").placement.made_by == "registration"
    assert session.scene.layer("anatomy") is pair.layer("anatomy")
    session.undo()
    assert session.scene == pair


def test_words_say_how_far_and_how_well(refined):
    assert "bold moved by" in refined.text
    assert "converged" in refined.text
    assert refined.revision == 7
    assert (refined.fixed, refined.moving) == ("anatomy", "bold")


def test_answer_goes_through_both_placements(turned):
    steps = []
    found = refine(turned, "anatomy", "bold", volumes=volumes, plan=QUICK, progress=Progress(steps.append))
    assert found.after.mean < 1.0
    after = found.command.apply(turned)
    expected = turned.placement("anatomy") @ truth().renamed(source="bold:scanner", target="anatomy:scanner")
    points = np.array([[0, 0, 0], [40, 0, 20], [0, -50, 10]], float)
    np.testing.assert_allclose(after.placement("bold").apply(points), expected.apply(points), atol=2.0)
    poses = [step.value.moving_to_fixed for step in steps if isinstance(step.value, TraceStep)]
    live = turned.place("bold", Affine(poses[-1], "bold:scanner", "anatomy:scanner"))
    np.testing.assert_allclose(live.placement("bold").matrix, after.placement("bold").matrix, atol=0.5)


def test_result_does_not_depend_on_where_the_pair_lies_in_the_scene(pair, turned):
    here = refine(pair, "anatomy", "bold", volumes=volumes, plan=QUICK).result
    there = refine(turned, "anatomy", "bold", volumes=volumes, plan=QUICK).result
    np.testing.assert_allclose(here.moving_to_fixed.matrix, there.moving_to_fixed.matrix, atol=1e-4)


def test_cancelled_work_raises(pair):
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        refine(pair, "anatomy", "bold", volumes=volumes, progress=progress)


def test_layer_cannot_be_registered_to_itself(pair):
    with pytest.raises(RegistrationError, match="cannot be registered to itself"):
        refine(pair, "bold", "bold", volumes=volumes)


def test_unknown_layer(pair):
    with pytest.raises(SceneError, match="no layer 'pet'"):
        refine(pair, "anatomy", "pet", volumes=volumes)


def test_truth_is_known_for_the_sample_only(pair):
    assert known_truth_mm(pair, "anatomy") is None
    alone = Scene(layers=(Layer("bold", "sample:epi"),))
    assert known_truth_mm(alone, "bold") is None
    with pytest.raises(SceneError, match="not known"):
        outcome(alone, "bold")


def test_distance_from_the_truth_is_nought_at_the_truth(pair):
    right = pair.place("bold", truth().renamed(source="bold:scanner", target="anatomy:scanner"))
    assert known_truth_mm(right, "bold").max < 1e-9
    assert known_truth_mm(pair, "bold").mean == pytest.approx(12.95, abs=0.01)


def test_time_point_shown_is_the_one_used(pair):
    epi, t1 = sample("epi"), sample("t1")
    series = np.stack([np.random.default_rng(0).integers(0, 900, epi.shape, dtype=np.int16), epi.frame()], axis=-1)
    shown = Scene(layers=(Layer("anatomy", "sample:t1"), Layer("bold", "memory:bold", Placement(), time=1)))

    def both(layer):
        return t1 if layer.name == "anatomy" else type(epi)(series, epi.grid, "series")

    found = refine(shown, "anatomy", "bold", volumes=both, plan=QUICK)
    expected = refine(pair, "anatomy", "bold", volumes=volumes, plan=QUICK)
    np.testing.assert_array_equal(found.result.moving_to_fixed.matrix, expected.result.moving_to_fixed.matrix)
    assert "Of bold, time point 1 of 2 was used." in found.text
