"""Many scans to one, and chains: the answers of single registrations, whole in spite of bad scans, and maps that multiply."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.errors import Cancelled, RegistrationError, WrongTypeError
from volstudio.geometry.affine import Affine
from volstudio.progress import Progress
from volstudio.registration.group import register_chain, register_many
from volstudio.registration.plan import Mask, RegistrationPlan
from volstudio.registration.rigid import register

SHAPE = (36, 44, 34)
PLAN = RegistrationPlan(samples=6000, refine="builtin")


@pytest.fixture(scope="module")
def moves(heads):
    return {
        "a": heads.rigid((1, 0, 0.3), 12, (4, 5, -3)),
        "b": heads.rigid((0, 1, 1), 25, (-8, 2, 6)),
        "c": heads.rigid((1, 1, 0), 7, (20, 2, -4)),
    }


@pytest.fixture(scope="module")
def scans(heads, moves):
    affine = heads.grid_affine(SHAPE, np.diag([4.0, 4.0, 4.0]))
    made = {name: heads.head(SHAPE, affine, name=name, moved=move, seed=ord(name)) for name, move in moves.items()}
    return {"fixed": heads.head(SHAPE, affine, name="fixed"), **made}


def test_many_are_each_what_one_is(scans):
    found = list(register_many(scans["fixed"], [scans["a"], scans["b"]], plan=PLAN))
    assert [each.name for each in found] == ["a", "b"]
    for each in found:
        alone = register(scans["fixed"], scans[each.name], plan=PLAN)
        np.testing.assert_array_equal(each.result.moving_to_fixed.matrix, alone.moving_to_fixed.matrix)


def test_a_bad_scan_is_said_and_the_others_go_on(heads, scans, moves):
    flat = heads.volume_of(np.full(SHAPE, 7.0, np.float32), scans["a"].affine.matrix, "flat")
    found = {each.name: each for each in register_many(scans["fixed"], [flat, scans["c"]], plan=PLAN)}
    assert not found["flat"]
    assert "same value everywhere" in str(found["flat"].error)
    assert heads.error_mm(found["c"].result.fixed_to_moving.matrix, moves["c"]) < 0.5


def test_scans_are_asked_for_one_by_one(scans):
    opened = []

    def opening():
        for name in ("a", "b"):
            opened.append(name)
            yield scans[name]

    attempts = register_many(scans["fixed"], opening(), plan=PLAN)
    next(attempts)
    assert opened == ["a"]


def test_a_start_is_given_by_name(scans, moves):
    start = Affine(np.linalg.inv(moves["b"]), "b:scanner", "fixed:scanner")
    first, second = register_many(scans["fixed"], [scans["a"], scans["b"]], plan=PLAN, starts={"b": start})
    np.testing.assert_array_equal(first.result.start.matrix, np.eye(4))
    np.testing.assert_array_equal(second.result.start.matrix, start.matrix)


@pytest.fixture(scope="module")
def brains(heads, scans):
    """A mask for each scan: a ball about the middle of its grid, which moves with its header."""
    distance = np.linalg.norm(np.indices(SHAPE).T - (np.array(SHAPE) - 1) / 2, axis=-1).T
    ball = (distance < 15).astype(np.uint8)
    return {name: heads.volume_of(ball, scan.affine.matrix, f"{name}-brain") for name, scan in scans.items()}


def test_masks_are_given_by_name(scans, brains):
    found = register_many(
        scans["fixed"], [scans["a"], scans["c"]], plan=PLAN, fixed_mask=brains["fixed"], moving_masks={"c": brains["c"]}, judge=False
    )
    for each, mask in zip(found, (None, brains["c"]), strict=True):
        alone = register(scans["fixed"], scans[each.name], plan=PLAN, fixed_mask=brains["fixed"], moving_mask=mask, judge=False)
        np.testing.assert_array_equal(each.result.moving_to_fixed.matrix, alone.moving_to_fixed.matrix)
        assert each.result.trust is None


def test_a_scan_of_a_chain_has_its_mask_in_both_links(scans, brains):
    volumes = [scans[name] for name in "abc"]
    found = register_chain(volumes, plans=[PLAN], masks=[None, brains["b"], None], judge=False)
    first = register(scans["b"], scans["a"], plan=PLAN, fixed_mask=brains["b"], judge=False)
    second = register(scans["c"], scans["b"], plan=PLAN, moving_mask=brains["b"], judge=False)
    np.testing.assert_array_equal(found.first_to_last.matrix, second.moving_to_fixed.matrix @ first.moving_to_fixed.matrix)


def test_each_link_has_its_plan_and_a_time_is_about_series(heads, scans):
    frames = np.stack([scans["a"].data * 0, scans["a"].data], axis=-1)
    series = heads.volume_of(frames, scans["a"].affine.matrix, "epi")
    plans = [PLAN.with_(start="given", time=1), PLAN.with_(start="given", metric="ncc", time=1)]
    found = register_chain([series, scans["a"], scans["c"]], plans=plans, judge=False)
    assert [(each.plan.metric, each.plan.time) for each in found.results] == [("mi", 1), ("ncc", "first")]
    assert heads.error_mm(found.results[0].moving_to_fixed.matrix, np.eye(4)) < 0.05


def test_cancelled_ends_all(scans):
    progress = Progress()
    attempts = register_many(scans["fixed"], [scans["a"], scans["b"]], plan=PLAN, progress=progress)
    next(attempts)
    progress.cancel()
    with pytest.raises(Cancelled):
        next(attempts)


def test_a_path_is_no_scan(scans):
    with pytest.raises(WrongTypeError, match="open it first"):
        next(register_many(scans["fixed"], ["t1.nii.gz"], plan=PLAN))


def test_a_chain_multiplies_its_maps(heads, scans, moves):
    found = register_chain([scans["a"], scans["b"], scans["c"]], plans=[PLAN])
    assert found.names == ("a", "b", "c")
    first, second = (result.moving_to_fixed for result in found.results)
    np.testing.assert_array_equal(found.first_to_last.matrix, second.matrix @ first.matrix)
    assert (found.first_to_last.source, found.first_to_last.target) == ("a:scanner", "c:scanner")
    # Both headers were moved away from one head: a point of a goes back to the head, and from there to where c has it.
    assert heads.error_mm(found.first_to_last.matrix, moves["c"] @ np.linalg.inv(moves["a"])) < 0.8
    np.testing.assert_allclose(found.between("c", "a").matrix @ found.first_to_last.matrix, np.eye(4), atol=1e-12)
    np.testing.assert_array_equal(found.between("b", "b").matrix, np.eye(4))
    np.testing.assert_array_equal(found.between("b", "c").matrix, second.matrix)


def test_scans_of_one_name_are_told_apart(scans):
    found = register_chain([scans["a"].renamed("T1"), scans["b"].renamed("T1")], plans=[PLAN])
    assert found.names == ("T1", "T1-2")
    assert found.first_to_last.target == "T1-2:scanner"


def test_a_link_that_fails_is_named(heads, scans):
    flat = heads.volume_of(np.zeros(SHAPE, np.float32), scans["a"].affine.matrix, "flat")
    with pytest.raises(RegistrationError, match="Link 2 of the chain, b to flat, failed: flat has the same value"):
        register_chain([scans["a"], scans["b"], flat], plans=[PLAN])


@pytest.mark.parametrize(
    ("names", "options", "said"),
    [
        (("a",), {}, "at least two"),
        (("a", "b"), {"plans": [PLAN, PLAN]}, "has 1 link and needs as many plans, or one for all of them, got 2"),
        (("a", "b", "c"), {"starts": [None]}, "has 2 links and needs as many starts, got 1"),
        (("a", "b", "c"), {"masks": [None, None]}, "3 scans need as many masks, None for a scan that has none, got 2"),
        (("a", "b"), {"plans": [PLAN.with_(time="mean")]}, "Time mean was asked for, and none of the scans is a series"),
        (("a", "b", "c"), {"plans": [PLAN.with_(moving_mask=Mask(file="x.nii"))]}, "cannot hold masks, which belong to a scan each"),
    ],
)
def test_chains_that_do_not_fit_are_refused(scans, names, options, said):
    with pytest.raises(RegistrationError, match=said):
        register_chain([scans[name] for name in names], **options)


def test_a_chain_has_no_other_scan(scans):
    with pytest.raises(RegistrationError, match="no scan 'x'; it goes a -> b"):
        register_chain([scans["a"], scans["b"]], plans=[PLAN]).between("a", "x")
