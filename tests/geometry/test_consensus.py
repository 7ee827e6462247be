"""Consensus of pairwise maps: exact on exact maps, least squares on noisy ones, and deaf to wrong ones."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from volstudio.errors import GeometryError
from volstudio.geometry.consensus import consensus
from volstudio.geometry.rigid import RigidTransform, compose


def poses_of(rng, count):
    return [RigidTransform.from_axis_angle(rng.normal(size=3), rng.uniform(0, 3), rng.normal(0, 100, 3)) for _ in range(count)]


def small(rng, mm):
    return RigidTransform.from_axis_angle(rng.normal(size=3), rng.normal(0, mm / 60), rng.normal(0, mm, 3))


def maps_of(poses, pairs, rng, noise=0.0):
    """Maps between pairs, each with an error about the middle of the object in its target."""
    maps = {}
    for i, j in pairs:
        exact = compose(poses[j], poses[i].inverse())
        middle = RigidTransform(np.eye(3), poses[j].apply((0, 0, 0)))
        maps[i, j] = compose(middle, small(rng, noise), middle.inverse(), exact) if noise else exact
    return maps


def centres_of(poses):
    return [pose.apply((0, 0, 0)) for pose in poses]


def error_mm(found, poses):
    """Largest distance of a found pose from the true one, over points of the object."""
    points = np.random.default_rng(0).normal(0, 50, (40, 3))
    at = [pose.apply(poses[0].inverse().apply(poses[0].apply(points))) for pose in poses]
    return max(np.linalg.norm(f.apply(poses[0].apply(points)) - a, axis=1).max() for f, a in zip(found, at, strict=True))


@pytest.mark.parametrize("count", [2, 3, 6])
def test_exact_maps_give_the_exact_poses(count):
    rng = np.random.default_rng(count)
    poses = poses_of(rng, count)
    found = consensus(maps_of(poses, combinations(range(count), 2), rng), centres_of(poses), radius_mm=80, floor_mm=0.3)
    assert error_mm(found.poses, poses) < 1e-10
    assert max(found.gaps_mm.values()) < 1e-10
    np.testing.assert_allclose(found.poses[0].matrix, np.eye(4), atol=1e-12)


def test_a_map_may_be_given_either_way():
    rng = np.random.default_rng(1)
    poses = poses_of(rng, 4)
    found = consensus(maps_of(poses, [(1, 0), (1, 2), (3, 2), (3, 0)], rng), centres_of(poses), radius_mm=80, floor_mm=0.3)
    assert error_mm(found.poses, poses) < 1e-10


def test_more_maps_make_the_errors_smaller():
    rng = np.random.default_rng(2)
    direct, agreed = [], []
    for _ in range(12):
        poses = poses_of(rng, 8)
        maps = maps_of(poses, combinations(range(8), 2), rng, noise=0.3)
        found = consensus(maps, centres_of(poses), radius_mm=80, floor_mm=2.0)
        agreed.append(error_mm(found.poses, poses))
        direct.append(error_mm([RigidTransform.identity(), *(maps[0, j] for j in range(1, 8))], poses))
    # Of n scans all joined to all the variance of a map is 2 / n of that of one pair: half the error for 8, and the largest of 7 with it.
    assert np.mean(agreed) / np.mean(direct) == pytest.approx(np.sqrt(2 / 8), abs=0.12)


@pytest.mark.parametrize("seed", range(8))
def test_wrong_maps_are_not_heard(seed):
    rng = np.random.default_rng(seed)
    poses = poses_of(rng, 6)
    maps = maps_of(poses, combinations(range(6), 2), rng, noise=0.05)
    wrong = [sorted(maps)[k] for k in rng.permutation(15)[:4]]
    for i, j in wrong:
        maps[i, j] = compose(small(rng, 20), maps[i, j])
    found = consensus(maps, centres_of(poses), radius_mm=80, floor_mm=0.3)
    assert error_mm(found.poses, poses) < 0.5
    assert all(found.weights[pair] < 0.05 for pair in wrong)
    assert all(weight > 0.5 for pair, weight in found.weights.items() if pair not in wrong)


def test_one_scan_whose_maps_are_all_wrong_does_not_pull_the_others():
    rng = np.random.default_rng(5)
    poses = poses_of(rng, 5)
    maps = maps_of(poses, combinations(range(5), 2), rng, noise=0.05)
    for i in range(4):
        maps[i, 4] = compose(small(rng, 6), maps[i, 4])
    found = consensus(maps, centres_of(poses), radius_mm=80, floor_mm=0.3)
    assert error_mm(found.poses[:4], poses[:4]) < 0.4


def test_what_is_believed_less_beforehand_counts_less():
    rng = np.random.default_rng(6)
    poses = poses_of(rng, 3)
    maps = maps_of(poses, combinations(range(3), 2), rng)
    maps[0, 1] = compose(maps[0, 1], small(rng, 2))  # a triangle alone does not say which of its maps is wrong
    told = consensus(maps, centres_of(poses), radius_mm=80, floor_mm=5.0, prior={(0, 1): 0.001, (0, 2): 1.0, (1, 2): 1.0})
    untold = consensus(maps, centres_of(poses), radius_mm=80, floor_mm=5.0)
    assert error_mm(told.poses, poses) < 0.02 < error_mm(untold.poses, poses)


def test_scans_that_nothing_joins_are_refused():
    rng = np.random.default_rng(7)
    poses = poses_of(rng, 4)
    with pytest.raises(GeometryError, match="do not join all"):
        consensus(maps_of(poses, [(0, 1), (2, 3)], rng), centres_of(poses), radius_mm=80, floor_mm=0.3)
