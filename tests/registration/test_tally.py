"""Counted mutual information, against histograms made one by one."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.registration.foreground import Foreground
from volstudio.registration.prepare import Level
from volstudio.registration.tally import CLASSES, Crowd, Labels

EDGES = np.linspace(0.1, 0.9, CLASSES - 1)


def level_of(values, spacing=2.0, origin=(-9.0, -12.0, -7.0), seen=None):
    values = np.asfortranarray(values, np.float32)
    steps = np.diag([spacing, spacing, 1.5 * spacing])
    return Level(spacing, np.array(origin), steps, values, Foreground.of(np.ones(values.shape, bool), np.array(origin), steps), seen)


def expected(level, points, crisp, shift):
    """Score of samples at places (3, n), shifted by whole voxels: by the definition of mutual information."""
    index = np.rint(np.linalg.inv(level.steps) @ (points - level.origin[:, None])).astype(int) + shift[:, None]
    inside = ((index >= 0) & (index < np.array(level.values.shape)[:, None])).all(axis=0)
    if level.seen is not None:
        inside[inside] = level.seen[tuple(index[:, inside])]
    if inside.mean() < 0.5:
        return -1.0
    classes = np.searchsorted(EDGES, level.values[tuple(index[:, inside])])
    joint = np.zeros((CLASSES, CLASSES))
    np.add.at(joint, (crisp[inside], classes), 1 / inside.sum())
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    some = joint > 0
    return float((joint[some] * np.log(joint[some] / apart[some])).sum() * np.sqrt(inside.mean()))


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("count", [60, 900])
def test_scores_are_mutual_information_times_the_root_of_the_overlap(heads, masked, count):
    """With more than 255 samples of a class on one class, a class without samples, samples far out, and shifts that leave the target."""
    rng = np.random.default_rng(count)
    seen, common = rng.random((11, 14, 9)) < 0.95 if masked else None, 0.5 if count < 100 else 0.99
    level = level_of(np.where(rng.random((11, 14, 9)) < common, 0.05, rng.random((11, 14, 9))), seen=seen)
    crisp = np.where(rng.random(count) < 0.6, 0, rng.integers(2, CLASSES, count))
    points = rng.uniform(-8, 8, (3, count)).astype(np.float32)
    points[:, ::9] *= 9
    shifts = np.array([[0, 0, 0], [2, -1, 0], [-4, 0, 3], [6, 6, -4], [11, 0, 0]])
    rotations = np.stack([np.eye(3), heads.turn((1, 2, -1), 70)])
    middle = np.array([0.6, -0.4, 1.1])
    labels, crowd = Labels(level, shifts, EDGES), Crowd(points, crisp)
    every = np.arange(len(shifts))
    found = labels.scores(crowd, rotations, every[None], middle)
    truth = [[expected(level, r @ points.astype(float) + middle[:, None], crisp, s) for s in shifts] for r in rotations]
    np.testing.assert_allclose(found, truth, atol=2e-5)
    assert -1 in found
    assert found.max() > 0
    # Shifts of each rotation's own, and one rotation alone, give the same bits.
    own = labels.scores(crowd, rotations, np.stack([every[:3], every[2:]]), middle)
    np.testing.assert_array_equal(own, [found[0, :3], found[1, 2:]])
    np.testing.assert_array_equal(labels.scores(crowd, rotations[1:], every[None], middle), found[1:])


def test_a_target_that_is_its_source_scores_the_entropy_of_its_classes():
    level = level_of(np.random.default_rng(0).random((8, 8, 8)))
    classes = np.searchsorted(EDGES, level.values).ravel()
    points = (level.origin[:, None] + level.steps @ np.indices(level.values.shape).reshape(3, -1)).astype(np.float32)
    share = np.bincount(classes) / classes.size
    score = Labels(level, np.zeros((1, 3), int), EDGES).scores(Crowd(points, classes), np.eye(3)[None], np.zeros((1, 1), int), np.zeros(3))
    assert score.item() == pytest.approx(-(share * np.log(share)).sum(), abs=1e-5)
