"""Trust: right maps pass, and each way of being wrong is told by its own words."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.errors import SpaceMismatchError
from volstudio.geometry.affine import Affine
from volstudio.registration.trust import Evidence, judged, trust


@pytest.fixture(scope="module")
def fixed(heads):
    return heads.head((60, 72, 56), heads.grid_affine((60, 72, 56), np.diag([-2.5, 2.5, 2.5])), name="t1")


@pytest.fixture(scope="module")
def moving(heads):
    linear = heads.turn((0, 1, 1), 20) @ np.diag([3.0, 3.0, 4.0])
    affine = heads.grid_affine((48, 60, 36), linear, centre=(0, 0, 6))
    return heads.head((48, 60, 36), affine, name="epi", contrast=lambda v: (v > 100) * (620 - 0.6 * v), seed=1)


def between(matrix):
    return Affine(matrix, "epi:scanner", "t1:scanner")


def test_the_truth_passes_with_a_small_error(fixed, moving):
    found = trust(fixed, moving, between(np.eye(4)))
    assert found.verdict == "pass"
    assert found.error_mm < 1.6
    assert found.reasons == ()
    assert found.evidence.fraction == 1


@pytest.mark.parametrize(("degrees", "shift"), [(0, (6, 0, 0)), (8, (0, 0, 0)), (12, (10, -8, 6))])
def test_a_wrong_place_fails_and_its_distance_is_told(heads, fixed, moving, degrees, shift):
    wrong = heads.rigid((1, 2, -1), degrees, shift)
    found = trust(fixed, moving, between(wrong))
    assert found.verdict == "fail"
    assert "not where they fit best" in found.reasons[0]
    assert found.error_mm == pytest.approx(heads.error_mm(wrong, np.eye(4)), rel=0.5)


def test_no_overlap_fails(heads, fixed, moving):
    found = trust(fixed, moving, between(heads.rigid((1, 0, 0), 0, (400, 0, 0))))
    assert found.verdict == "fail"
    assert found.error_mm == np.inf
    assert "do not overlap" in found.reasons[0]


def test_a_mirrored_scan_fails(heads, fixed, moving):
    flipped = heads.volume_of(np.ascontiguousarray(moving.data[::-1]), moving.affine.matrix, "epi")
    found = trust(fixed, flipped, between(np.eye(4)))
    assert found.verdict == "fail"
    assert any("mirrored" in reason for reason in found.reasons)


def test_who_is_called_fixed_does_not_matter(fixed, moving):
    there, back = trust(fixed, moving, between(np.eye(4))), trust(moving, fixed, between(np.eye(4)).inverse())
    assert there.error_mm == pytest.approx(back.error_mm, abs=1e-6)


def test_noise_is_not_passed(heads, fixed, moving):
    noise = heads.volume_of(np.random.default_rng(0).normal(size=moving.shape).astype(np.float32), moving.affine.matrix, "epi")
    assert trust(fixed, noise, between(np.eye(4))).verdict != "pass"


def test_a_map_between_other_spaces_is_refused(fixed, moving):
    with pytest.raises(SpaceMismatchError, match="inverse"):
        trust(fixed, moving, between(np.eye(4)).inverse())


def test_lengths_follow_the_object():
    evidence = Evidence(overlap=1, information=1, fraction=1, drop=0.6, agreement_mm=0.1, mirror=0.6)
    assert judged(evidence, 8.0).verdict == "pass"
    assert judged(evidence, 0.1).verdict == "fail"
