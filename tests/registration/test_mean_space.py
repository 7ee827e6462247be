"""The mean space: the exact mean of known poses, half-way of two, the same for any order, and deaf to strangers."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from volstudio.errors import RegistrationError
from volstudio.geometry.barycentre import barycentre
from volstudio.geometry.rigid import RigidTransform
from volstudio.registration.mean_space import mean_space
from volstudio.registration.plan import Mask, RegistrationPlan
from volstudio.registration.rigid import register

SHAPE = (36, 44, 34)
PLAN = RegistrationPlan(samples=6000, refine="builtin")
NEAR = PLAN.with_(start="given")
TURNS = {"a": ((1, 0, 0.3), 12), "b": ((0, 1, 1), 25), "c": ((1, 1, 0), 7)}
SHIFTS = {"a": (4, 5, -3), "b": (-8, 2, 6), "c": (20, 2, -4)}


@pytest.fixture(scope="module")
def moves(heads):
    """Head -> scanner space of each scan."""
    return {name: heads.rigid(*turn, SHIFTS[name]) for name, turn in TURNS.items()}


@pytest.fixture(scope="module")
def scans(heads, moves):
    affine = heads.grid_affine(SHAPE, np.diag([4.0, 4.0, 4.0]))
    return {name: heads.head(SHAPE, affine, name=name, moved=move, seed=ord(name), noise=1.0) for name, move in moves.items()}


def stranger(heads):
    """Another head: the same parts, elsewhere and of other sizes."""
    affine = heads.grid_affine(SHAPE, np.diag([4.0, 4.0, 4.0]))
    stretch = np.diag([1.12, 0.9, 1.06, 1])
    stretch[0, 1], stretch[2, 1] = 0.08, -0.1
    drawn = heads.head(SHAPE, stretch @ affine, name="stranger", seed=99)
    return heads.volume_of(drawn.data, affine, "stranger")


@pytest.mark.parametrize("names", ["ab", "abc"])
def test_it_is_the_mean_of_the_known_poses(heads, scans, moves, names):
    found = mean_space([scans[name] for name in names], plan=PLAN)
    truth = barycentre([RigidTransform.from_matrix(moves[name]) for name in names]).matrix
    assert list(found.to_mean) == list(names)
    for name in names:
        assert (found.to_mean[name].source, found.to_mean[name].target) == (f"{name}:scanner", "mean:scanner")
        assert heads.error_mm(found.to_mean[name].matrix @ moves[name], truth) < 0.25
    assert found.outliers == found.notes == ()
    assert found.verdict == "pass"


def test_of_two_it_is_half_way(scans):
    found = mean_space([scans["a"], scans["b"]], plan=PLAN)
    np.testing.assert_allclose(found.to_mean["a"].matrix @ found.to_mean["b"].matrix, np.eye(4), atol=1e-9)
    pair = found.pairs.get(("a", "b")) or found.pairs["b", "a"]
    went = found.between(*(name.split(":")[0] for name in (pair.moving_to_fixed.source, pair.moving_to_fixed.target)))
    np.testing.assert_allclose(went.matrix, pair.moving_to_fixed.matrix, atol=1e-9)


def test_the_order_of_the_scans_does_not_matter(scans):
    orders = list(permutations("abc"))[::2]
    first, *others = (mean_space([scans[name] for name in order], plan=NEAR) for order in orders)
    for other in others:
        for name in "abc":
            np.testing.assert_array_equal(other.to_mean[name].matrix, first.to_mean[name].matrix)


def test_a_stranger_counts_for_little_and_is_said(heads, scans, moves):
    found = mean_space([*scans.values(), stranger(heads)], plan=PLAN)
    assert found.outliers == ("stranger",)
    assert found.weights["stranger"] == 0
    assert found.notes[0].startswith("look closely: stranger counted for")
    truth = barycentre([RigidTransform.from_matrix(move) for move in moves.values()]).matrix
    for name, move in moves.items():
        assert heads.error_mm(found.to_mean[name].matrix @ move, truth) < 0.3


def mirrored(heads, scan):
    """The same with its left for its right."""
    return heads.volume_of(np.ascontiguousarray(scan.data[::-1]), scan.affine.matrix, "stranger")


def shuffled(heads, scan):
    """The same voxels in no order."""
    data = np.random.default_rng(7).permutation(scan.data.ravel()).reshape(scan.shape)
    return heads.volume_of(data, scan.affine.matrix, "stranger")


@pytest.mark.parametrize(
    ("other", "verdicts"),
    [(mirrored, {"fail"}), (shuffled, {"look", "fail"})],  # what shows nothing in common may be judged either way
    ids=["mirrored", "noise"],
)
def test_of_two_strangers_neither_is_believed(heads, scans, other, verdicts):
    found = mean_space([scans["a"], other(heads, scans["b"])], plan=PLAN)
    assert found.verdict in verdicts
    assert found.weights == {"a": 1.0, "stranger": 1.0}  # nothing tells which of them is wrong
    (note,) = found.notes
    assert note.startswith({"fail": "do not use it as it is: ", "look": "look closely: "}[found.verdict])
    assert next(iter(found.pairs.values())).trust.reasons[0] in note
    assert ("it cannot be told which is wrong" in note) == (found.verdict == "fail")


def test_two_strangers_to_two_visits_count_for_nothing(heads, scans, moves):
    """Of each visit's three pairs two are with strangers; the pair of the visits is the only one that is believed."""
    noises = [heads.volume_of(shuffled(heads, scans[name]).data, scans[name].affine.matrix, f"noise-{name}") for name in "bc"]
    found = mean_space([scans["a"], noises[0], scans["b"], noises[1]], plan=NEAR)
    assert found.weights == {"a": 1.0, "noise-b": 0.0, "b": 1.0, "noise-c": 0.0}
    assert found.verdict == "pass"
    truth = barycentre([RigidTransform.from_matrix(moves[name]) for name in "ab"]).matrix
    for name in "ab":
        assert heads.error_mm(found.to_mean[name].matrix @ moves[name], truth) < 0.25


def test_of_two_and_two_neither_is_believed(heads, scans):
    """Two mirrored scans fit each other as well as the two that are not."""
    others = [heads.volume_of(mirrored(heads, scans[name]).data, scans[name].affine.matrix, f"mirror-{name}") for name in "bc"]
    found = mean_space([scans["a"], others[0], scans["b"], others[1]], plan=NEAR)
    assert found.verdict == "fail"
    assert found.notes[0].startswith("do not use it as it is: ")


def test_masks_go_to_the_pairs_of_their_scans(heads, scans):
    distance = np.linalg.norm(np.indices(SHAPE).T - (np.array(SHAPE) - 1) / 2, axis=-1).T
    ball = heads.volume_of((distance < 15).astype(np.uint8), scans["b"].affine.matrix, "brain")
    found = mean_space([scans["b"], scans["a"]], plan=NEAR, masks=[ball, None])
    ((moving, fixed), pair), *_ = found.pairs.items()
    masks = {"b": ball, "a": None}
    alone = register(scans[fixed], scans[moving], plan=NEAR, fixed_mask=masks[fixed], moving_mask=masks[moving])
    np.testing.assert_array_equal(pair.moving_to_fixed.matrix, alone.moving_to_fixed.matrix)
    with pytest.raises(RegistrationError, match="2 scans need as many masks"):
        mean_space([scans["b"], scans["a"]], masks=[ball])
    with pytest.raises(RegistrationError, match="The plan of a mean space cannot hold masks"):
        mean_space([scans["b"], scans["a"]], plan=PLAN.with_(fixed_mask=Mask(file="x.nii")))


def test_of_a_series_the_time_asked_for_counts(heads, scans):
    """The first time point of the series shows nothing."""
    series = heads.volume_of(np.stack([scans["a"].data * 0, scans["a"].data], axis=-1), scans["a"].affine.matrix, "a")
    found = mean_space([series, scans["b"]], plan=NEAR.with_(time=1))
    np.testing.assert_array_equal(found.to_mean["b"].matrix, mean_space([scans["a"], scans["b"]], plan=NEAR).to_mean["b"].matrix)
    assert found.notes[0] == "of a, time point 1 of 2 was used (the first is 0)"
    with pytest.raises(RegistrationError, match="none of the scans is a series"):
        mean_space([scans["a"], scans["b"]], plan=NEAR.with_(time="mean"))


def test_a_scan_that_shows_nothing_is_left_out_and_said(heads, scans):
    flat = heads.volume_of(np.full(SHAPE, 3.0, np.float32), scans["a"].affine.matrix, "flat")
    found = mean_space([flat, scans["a"], scans["b"]], plan=NEAR)
    assert list(found.to_mean) == ["a", "b"]
    assert "same value everywhere" in found.failures["flat"]
    np.testing.assert_array_equal(found.to_mean["a"].matrix, mean_space([scans["a"], scans["b"]], plan=NEAR).to_mean["a"].matrix)


def test_many_scans_are_not_all_compared_and_still_agree(heads):
    """Nine scans on a grid of their own, each registered to six others."""
    shape = (24, 30, 22)
    affine = heads.grid_affine(shape, np.diag([6.0, 6.0, 6.0]))
    rng = np.random.default_rng(3)
    moves = {f"s{n}": heads.rigid(rng.normal(size=3), rng.uniform(0, 20), rng.normal(0, 10, 3)) for n in range(9)}
    scans = [heads.head(shape, affine, name=name, moved=move, seed=n) for n, (name, move) in enumerate(moves.items())]
    found = mean_space(scans, plan=RegistrationPlan(samples=3000, refine="builtin", start="given"))
    assert len(found.pairs) == 9 * 3
    truth = barycentre([RigidTransform.from_matrix(move) for move in moves.values()]).matrix
    for name, move in moves.items():
        assert heads.error_mm(found.to_mean[name].matrix @ move, truth) < 0.6


def test_what_has_no_mean_is_refused(heads, scans):
    with pytest.raises(RegistrationError, match="at least two scans, got 1"):
        mean_space([scans["a"]])
    with pytest.raises(RegistrationError, match="give the space another name"):
        mean_space([scans["a"], scans["b"]], name="b")
    flat = [heads.volume_of(np.full(SHAPE, value, np.float32), scans["a"].affine.matrix, f"flat{value}") for value in (1.0, 2.0)]
    with pytest.raises(RegistrationError, match="No two of the 2 scans could be registered; the first reason: flat"):
        mean_space(flat, plan=PLAN)


def test_opposite_headers_have_no_middle(heads, scans):
    turned = heads.volume_of(scans["c"].data, heads.rigid((0, 0, 1), 180, (0, 0, 0)) @ scans["c"].affine.matrix, "turned")
    with pytest.raises(RegistrationError, match="from their middle, which is then not the only one"):
        mean_space([scans["c"], turned], plan=PLAN)
