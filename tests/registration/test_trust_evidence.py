"""Evidence: what is measured agrees with what was done to the images."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from volstudio.progress import Progress
from volstudio.registration.pairing import Pairing
from volstudio.registration.prepare import choose_levels
from volstudio.registration.trust_evidence import gather

SHAPE = (60, 72, 56)


@pytest.fixture(scope="module")
def fixed(heads):
    return heads.head(SHAPE, heads.grid_affine(SHAPE, np.diag([-2.5, 2.5, 2.5])), name="fixed")


@pytest.fixture(scope="module")
def moving(heads):
    return heads.head((48, 60, 36), heads.grid_affine((48, 60, 36), np.diag([3.0, 3.0, 4.0])), name="moving", seed=1)


def paired(fixed, moving):
    return Pairing.of(fixed, moving, choose_levels(fixed.grid, moving.grid)[:3], progress=Progress())


def asked(fixed, moving, matrix, **kwargs):
    pairing = paired(fixed, moving)
    return gather(pairing, pairing.pose(matrix), rival=0.0, progress=Progress(**kwargs))


def test_the_distance_from_the_best_fit_is_the_distance_from_the_truth(heads, fixed, moving):
    for wrong in (heads.rigid((0, 0, 1), 0, (3, 0, 0)), heads.rigid((1, 2, 3), 6, (2, -4, 1))):
        found = asked(fixed, moving, wrong)
        assert found.best_mm == pytest.approx(heads.error_mm(wrong, np.eye(4)), rel=0.35)
        assert found.starts_apart_mm < 1
        assert found.fraction < 1


def test_at_the_truth_everything_agrees(fixed, moving):
    found = asked(fixed, moving, np.eye(4))
    assert found.overlap > 0.95
    assert found.fraction == 1
    assert max(found.best_mm, found.levels_mm, found.halves_mm, found.inverse_mm, found.agreement_mm) < 0.5
    assert found.local_share > 0.6
    assert found.mirror_share > 0.65
    assert found.mirror < 0.9


def test_a_mirrored_scan_fits_better_in_the_mirror(heads, fixed, moving):
    flipped = heads.volume_of(np.ascontiguousarray(np.asarray(moving.data)[::-1]), moving.affine.matrix, "moving")
    found = asked(fixed, flipped, np.eye(4))
    assert found.mirror > 1.1
    assert found.mirror_share < 0.3


def test_no_slice_is_asked_for_the_mirror_image_across_its_plane(heads, fixed):
    affine = fixed.affine.matrix.copy()
    affine[:3, 3] += 28 * affine[:3, 2]
    single = heads.volume_of(np.asarray(fixed.data)[:, :, 28:29], affine, "moving")
    found = asked(fixed, single, np.eye(4))
    assert found.mirror < 0.95


def test_noise_around_an_object_does_not_make_its_unit_larger(heads, fixed, moving):
    noise = np.random.default_rng(2).normal(0, 90, (2, *moving.shape))
    noisy = heads.volume_of(np.hypot(np.asarray(moving.data) + noise[0], noise[1]).astype(np.float32), moving.affine.matrix, "moving")
    assert asked(fixed, noisy, np.eye(4)).unit_mm == pytest.approx(asked(fixed, moving, np.eye(4)).unit_mm, rel=0.15)


def test_apart_nothing_but_the_overlap_is_told(heads, fixed, moving):
    found = asked(fixed, moving, heads.rigid((1, 0, 0), 0, (500, 0, 0)))
    assert found.overlap < 0.01
    assert found.best_mm == np.inf


def test_its_values_are_plain_numbers(fixed, moving):
    assert {type(value) for value in asdict(asked(fixed, moving, np.eye(4))).values()} <= {int, float}


def test_progress_goes_up(fixed, moving):
    seen = []
    asked(fixed, moving, np.eye(4), listen=seen.append)
    done = [step.done for step in seen]
    assert done == sorted(done)
    assert len({step.what for step in seen}) >= 5


def test_an_eighth_of_a_head_in_large_voxels_has_its_parts_in_place(heads, fixed):
    """Blocks of a few voxels, moved by a fifth of one, would hold too few samples to be asked."""
    shape = (17, 20, 14)
    centre = (28, 32, 22)
    part = heads.head(shape, heads.grid_affine(shape, np.diag([3.2, 3.2, 3.6]), centre=centre), name="moving", noise=25, seed=3)
    found = asked(fixed, part, np.eye(4))
    assert found.blocks >= 12
    assert found.local_share > 0.4  # chance is a quarter
