"""The search and the climb: any orientation, any size, slabs, and the same answer from either side."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.progress import Progress
from volstudio.registration.anywhere import ascend, contest
from volstudio.registration.ascent import climb
from volstudio.registration.comparison import Comparison
from volstudio.registration.field import Samples
from volstudio.registration.orientations import cube_rotations, spread_rotations
from volstudio.registration.pairing import Pairing
from volstudio.registration.plan import RegistrationPlan
from volstudio.registration.prepare import choose_levels, own_frame, prepare
from volstudio.registration.search import search

PLAN = RegistrationPlan(samples=20_000, polish="none")


def silent(*_):
    """Listener that hears nothing."""


def find(fixed, moving, *, header=None):
    """(4, 4) moving -> fixed by search and climb, and the contest."""
    pairing = Pairing.of(fixed, moving, choose_levels(fixed.grid, moving.grid), progress=Progress())
    start = pairing.pose(np.eye(4) if header is None else header)
    found = contest(pairing, PLAN, header=start, progress=Progress(), report=silent)
    end = ascend(pairing, PLAN, found.best.pose, contested=True, progress=Progress(), report=silent)
    return pairing.moving_to_fixed(end.pose), found


def scans(heads, movement, *, scale=1.0, shape=(48, 60, 36), voxel=(3.0, 3.0, 4.0)):
    """A head, and an oblique scan of it in another contrast whose header is wrong by a movement; all lengths times ``scale``."""
    fixed = heads.head((60, 72, 56), heads.grid_affine((60, 72, 56), np.diag([-2.5, 2.5, 2.5])), name="t1")
    affine = heads.grid_affine(shape, heads.turn((0, 1, 1), 20) @ np.diag(voxel), centre=(0, 0, 6))
    moving = heads.head(shape, affine, name="epi", contrast=lambda v: (v > 100) * (620 - 0.6 * v), moved=movement, seed=1)
    size = np.diag([scale, scale, scale, 1])
    sized = [heads.volume_of(v.data, size @ v.affine.matrix, v.name) for v in (fixed, moving)]
    return *sized, size @ np.linalg.inv(movement) @ np.linalg.inv(size)


@pytest.mark.parametrize("seed", range(4))
def test_any_orientation_is_found(heads, seed):
    rng = np.random.default_rng(seed)
    fixed, moving, truth = scans(heads, heads.rigid(rng.normal(size=3), rng.uniform(60, 180), rng.uniform(-100, 100, 3)))
    found, contested = find(fixed, moving)
    assert heads.error_mm(found, truth) < 0.5
    assert contested.rival < 0.9


@pytest.mark.parametrize("scale", [1e-4, 0.06, 10.0])
def test_size_does_not_matter(heads, scale):
    fixed, moving, truth = scans(heads, heads.rigid((1, 2, 3), 130, (30, -20, 10)), scale=scale)
    found, _ = find(fixed, moving)
    difference = found - truth
    points = np.stack(np.meshgrid(*([np.linspace(-60, 60, 5) * scale] * 3), indexing="ij"), -1).reshape(-1, 3)
    error = np.linalg.norm(points @ difference[:3, :3].T + difference[:3, 3], axis=1).mean()
    assert error < 0.5 * scale


@pytest.mark.parametrize(("slices", "most_mm"), [(12, 0.5), (3, 1.5), (2, 2.0), (1, 3.0)])
def test_a_few_slices_are_found(heads, slices, most_mm):
    fixed, moving, truth = scans(heads, heads.rigid((1, 2, 3), 20, (6, -8, 10)), shape=(80, 90, slices), voxel=(2.0, 2.0, 4.0))
    found, _ = find(fixed, moving)
    assert heads.error_mm(found, truth) < most_mm


def test_the_header_leaves_no_trace_and_either_may_be_fixed(heads):
    fixed, moving, truth = scans(heads, heads.rigid((0, 1, 2), 25, (12, -5, 6)))
    found, _ = find(fixed, moving)
    right, _ = find(fixed, moving, header=truth)
    np.testing.assert_array_equal(found, right)
    back, _ = find(moving, fixed)
    np.testing.assert_allclose(back @ found, np.eye(4), atol=1e-9)


def test_rotations_are_even():
    for rotations in (spread_rotations(300), cube_rotations()):
        np.testing.assert_allclose(rotations @ rotations.transpose(0, 2, 1), np.broadcast_to(np.eye(3), rotations.shape), atol=1e-12)
        np.testing.assert_allclose(np.linalg.det(rotations), 1)
    # The cosine of half the angle between two rotations follows from the trace of their quotient; no rotation is far from all 300.
    rng = np.random.default_rng(0)
    any_rotation = np.linalg.qr(rng.normal(size=(500, 3, 3)))[0]
    any_rotation *= np.sign(np.linalg.det(any_rotation))[:, None, None]
    trace = np.einsum("aij,bij->ab", any_rotation, spread_rotations(300)).max(axis=1)
    assert np.degrees(np.arccos((trace - 1) / 2)).max() < 40
    assert len({tuple(r.ravel()) for r in cube_rotations()}) == 24


def test_best_trial_lies_near_the_truth(heads):
    fixed, moving, truth = scans(heads, heads.rigid((1, -1, 2), 90, (20, 0, -30)))
    pairing = Pairing.of(fixed, moving, choose_levels(fixed.grid, moving.grid)[:1], progress=Progress())
    trials = search(pairing.source[0], pairing.target[0], keep=20, seed=1, progress=Progress())
    errors = [heads.error_mm(pairing.moving_to_fixed(trial.pose), truth) for trial in trials]
    assert min(errors[:10]) < 40
    assert [t.score for t in trials] == sorted((t.score for t in trials), reverse=True)


def test_a_climb_ends_on_top_and_says_so(heads):
    volume = heads.head((48, 56, 44), heads.grid_affine((48, 56, 44), np.diag([4.0, 4, 4])), name="t1")
    (level,) = prepare(volume, own_frame(volume.grid), (4.0,), progress=Progress())
    comparison = Comparison(Samples.draw(level, 20_000, seed=1), level)
    start = heads.rigid((1, 2, -1), 5, (4, -3, 5))
    heard = []
    top = climb(comparison, start, step_mm=2.0, tolerance_mm=0.004, iterations=60, report=heard.append)
    assert heads.error_mm(top.pose, np.eye(4)) < 0.05
    assert top.converged
    values = [summit.value for summit in heard]
    assert values == sorted(values)
    assert top.steps == len(heard)
    np.testing.assert_allclose(top.pose[:3, :3] @ top.pose[:3, :3].T, np.eye(3), atol=1e-12)
