"""Landmarks on layers: names that pair, places that move with their layer, and a fit that is exact on exact points."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from volstudio.errors import CommandError, RegistrationError, SceneError
from volstudio.geometry.rigid import RigidTransform
from volstudio.geometry.spaces import SCENE, scanner
from volstudio.scene.model import Landmark, Layer, Scene
from volstudio.session.commands import Place
from volstudio.session.session import Session
from volstudio.tasks.landmark_layers import fit_layers, mark, pairs_of, place_of, renamed, unmark

MOVE = RigidTransform.from_six((12, -7, 4, 0.2, -0.1, 0.4), (5, 5, 5))  # epi scanner -> t1 scanner
T1_AT = RigidTransform.from_six((3, 2, 1, 0.1, 0.2, 0.3))  # t1 scanner -> scene: the fixed layer may have been moved, too
EPI_AT = RigidTransform.from_six((-8, 30, 5, -0.4, 0.1, 0.7))
POINTS = np.random.default_rng(3).normal(0, 40, (5, 3))  # in the EPI's scanner space
NAMES = ("nasion", "left ear", "right ear", "vertex", "inion")


@pytest.fixture
def scene():
    bare = Scene((Layer("t1", "sample:t1"), Layer("epi", "sample:epi"), Layer("map", "sample:stat")))
    placed = bare.place("t1", T1_AT.affine(scanner("t1"), SCENE)).place("epi", EPI_AT.affine(scanner("epi"), SCENE))
    marks = [Landmark(name, "epi", tuple(map(float, point))) for name, point in zip(NAMES, POINTS, strict=True)]
    # In another order on the other layer.
    marks += [Landmark(name, "t1", tuple(map(float, MOVE.apply(point)))) for name, point in list(zip(NAMES, POINTS, strict=True))[::-1]]
    return replace(placed, landmarks=tuple(marks))


def at(scene, name, layer):
    """Where a landmark lies in the scene."""
    return np.array(place_of(scene, next(each for each in scene.landmarks if (each.name, each.layer) == (name, layer))))


def test_a_fit_brings_exact_pairs_together_wherever_the_layers_lie(scene):
    found = fit_layers(scene, "t1", "epi", at=(0.0, 0.0, 0.0))
    assert set(found.names) == set(NAMES)
    assert isinstance(found.command, Place)
    assert found.command.placement.made_by == "landmarks"
    after = found.command.apply(scene)
    for name in NAMES:
        np.testing.assert_allclose(at(after, name, "epi"), at(scene, name, "t1"), atol=1e-10)
    np.testing.assert_allclose(after.placement("epi", onto="t1").matrix, MOVE.matrix, atol=1e-12)
    assert after.layer("t1") is scene.layer("t1")
    assert found.found.rms_mm < 1e-10
    assert found.expected_mm < 1e-9


def test_the_error_told_is_that_of_the_place_asked_about(scene):
    """Fitzpatrick's error grows with the distance from the points; at a place of the scene it is that of the EPI's point there then."""
    noisy = replace(
        scene,
        landmarks=tuple(
            replace(each, point=tuple(np.array(each.point) + (2.0 if each.name == "vertex" else 0.0))) if each.layer == "t1" else each
            for each in scene.landmarks
        ),
    )
    place = tuple(map(float, T1_AT.apply((10, 20, 30))))
    found = fit_layers(noisy, "t1", "epi", at=place)
    there = found.found.moving_to_fixed.inverse().apply((10, 20, 30))
    assert found.expected_mm == pytest.approx(float(found.found.expected_error_mm(there)), rel=1e-9)
    far = fit_layers(noisy, "t1", "epi", at=(500.0, 0.0, 0.0))
    assert far.expected_mm > 3 * found.expected_mm
    assert found.text.startswith(f"A fit of 5 pairs leaves {found.found.rms_mm:.2f} mm")
    assert "most at vertex: " in found.text
    assert f"Expected error at the crosshair: {found.expected_mm:.2f} mm." in found.text


def test_three_pairs_fit_and_say_no_error(scene):
    few = replace(scene, landmarks=tuple(each for each in scene.landmarks if each.layer == "epi" or each.name in NAMES[:3]))
    found = fit_layers(few, "t1", "epi", at=(0.0, 0.0, 0.0))
    assert np.isnan(found.expected_mm)
    assert "A fourth pair would tell the error to expect." in found.text


@pytest.mark.parametrize(("kept", "said"), [(NAMES[:2], "share 2 landmarks"), ((), "share 0 landmarks")])
def test_too_few_pairs_are_refused(scene, kept, said):
    few = replace(scene, landmarks=tuple(each for each in scene.landmarks if each.layer == "epi" or each.name in kept))
    with pytest.raises(RegistrationError, match=f"t1 and epi {said}; a rigid map needs at least 3"):
        fit_layers(few, "t1", "epi", at=(0.0, 0.0, 0.0))


def test_points_on_a_line_are_refused(scene):
    line = [Landmark(str(n), layer, (float(n), 0.0, 0.0)) for n in range(4) for layer in ("t1", "epi")]
    with pytest.raises(RegistrationError, match="lie on a line"):
        fit_layers(replace(scene, landmarks=tuple(line)), "t1", "epi", at=(0.0, 0.0, 0.0))


def test_undo_brings_the_layer_back_in_one_step(scene):
    session = Session(scene)
    session.apply(fit_layers(scene, "t1", "epi", at=(0.0, 0.0, 0.0)).command)
    assert session.undo_text == "Fit landmarks of epi"
    session.undo()
    assert session.scene == scene


def test_a_mark_lies_under_the_crosshair_and_moves_with_its_layer(scene):
    bare = replace(scene, landmarks=())
    marked = mark(bare, "epi", (10.0, -4.0, 7.0)).apply(bare)
    assert [(each.name, each.layer) for each in marked.landmarks] == [("1", "epi")]
    np.testing.assert_allclose(place_of(marked, marked.landmarks[0]), (10, -4, 7), atol=1e-12)
    moved = marked.place("epi", MOVE.affine(scanner("epi"), SCENE))
    np.testing.assert_allclose(place_of(moved, moved.landmarks[0]), MOVE.apply(EPI_AT.inverse().apply((10, -4, 7))), atol=1e-12)


@pytest.mark.parametrize("order", [("t1", "t1", "epi", "epi"), ("t1", "epi", "t1", "epi"), ("epi", "t1", "t1", "epi")])
def test_marks_pair_in_whatever_order_they_are_made(scene, order):
    now = replace(scene, landmarks=())
    for layer in order:
        now = mark(now, layer, (1.0, 2.0, 3.0)).apply(now)
    assert {(each.name, each.layer) for each in now.landmarks} == {(name, layer) for name in "12" for layer in ("t1", "epi")}
    assert set(pairs_of(now, "t1", "epi")) == {"1", "2"}


def test_a_mark_that_was_removed_is_the_next_one(scene):
    gone = unmark(scene, "left ear", "t1").apply(scene)
    assert ("left ear", "t1") not in {(each.name, each.layer) for each in gone.landmarks}
    assert ("left ear", "epi") in {(each.name, each.layer) for each in gone.landmarks}
    again = mark(gone, "t1", (0.0, 0.0, 0.0)).apply(gone)
    assert (again.landmarks[-1].name, again.landmarks[-1].layer) == ("left ear", "t1")


def test_removed_from_a_layer_without_it_it_is_gone_from_the_others(scene):
    gone = unmark(scene, "vertex", "map").apply(scene)
    assert "vertex" not in {each.name for each in gone.landmarks}
    with pytest.raises(SceneError, match="no landmark 'vertex'"):
        unmark(gone, "vertex", "map")


def test_a_name_is_that_of_all_layers(scene):
    session = Session(scene)
    session.apply(renamed(scene, "vertex", "top"))
    assert [each.layer for each in session.scene.landmarks if each.name == "top"] == ["epi", "t1"]
    with pytest.raises(CommandError, match="two landmarks called 'nasion'"):
        session.apply(renamed(session.scene, "top", "nasion"))
