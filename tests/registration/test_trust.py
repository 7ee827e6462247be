"""Trust: right maps pass, and each way of being wrong is told by its own words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from volstudio.errors import Cancelled, RegistrationError, SpaceMismatchError
from volstudio.geometry.affine import Affine
from volstudio.progress import Progress
from volstudio.registration.pairing import Pairing
from volstudio.registration.plan import RegistrationPlan
from volstudio.registration.prepare import choose_levels
from volstudio.registration.rigid import register
from volstudio.registration.trust import Evidence, judge, judged, trust


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


@pytest.fixture(scope="module")
def right(fixed, moving):
    """Verdict on the truth."""
    return trust(fixed, moving, between(np.eye(4)))


def test_the_truth_passes_with_a_small_error(right):
    assert right.verdict == "pass"
    assert right.error_mm < 1.6
    assert right.reasons == ()
    assert right.evidence.fraction == 1


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


def test_who_is_called_fixed_does_not_matter(fixed, moving, right):
    assert trust(moving, fixed, between(np.eye(4)).inverse()).error_mm == pytest.approx(right.error_mm, abs=1e-6)


def test_noise_is_not_passed(heads, fixed, moving):
    noise = heads.volume_of(np.random.default_rng(0).normal(size=moving.shape).astype(np.float32), moving.affine.matrix, "epi")
    assert trust(fixed, noise, between(np.eye(4))).verdict != "pass"


def test_a_map_between_other_spaces_is_refused(fixed, moving):
    with pytest.raises(SpaceMismatchError, match="inverse"):
        trust(fixed, moving, between(np.eye(4)).inverse())


@pytest.fixture
def sure():
    """Evidence that nothing speaks against."""
    return Evidence(
        overlap=1, unit_mm=7.0, information=0.8, fraction=1, drop=0.3, agreement_mm=0.1, starts_apart_mm=0.1, best_mm=0.1,
        levels_mm=0.1, halves_mm=0.1, inverse_mm=0.1, mirror=0.7, mirror_share=0.9, mirror_blocks=200, local_share=0.8, blocks=200,
        shared=0.8,
    )  # fmt: skip


def test_nothing_against_it_passes(sure):
    assert judged(sure).verdict == "pass"
    assert judged(sure).reasons == ()


@pytest.mark.parametrize(
    ("change", "verdict", "words"),
    [
        ({"overlap": 0.1}, "fail", "do not overlap"),
        ({"information": 0.0}, "fail", "not enough structure"),
        ({"best_mm": 2.8}, "look", "not where they fit best"),
        ({"best_mm": 5.0}, "fail", "5 mm away"),
        ({"best_mm": 5.0, "starts_apart_mm": 9.0}, "fail", "two climbs from around it end 9 mm apart"),
        ({"mirror_share": 0.1}, "fail", "mirrored"),
        ({"mirror_share": 0.5, "local_share": 0.1}, "fail", "different subjects"),
        ({"mirror_share": 0.5, "local_share": 0.5}, "look", "different subjects"),
        ({"drop": 0.07}, "look", "not enough structure"),
        ({"blocks": 3}, "look", "only 3 parts"),
        ({"rival": 0.97}, "look", "another place"),
        ({"halves_mm": 8.0}, "look", "not enough structure"),
        ({"starts_apart_mm": 10.0}, "look", "two fits are as good, 10 mm apart"),
        ({"turned": 1.3, "turned_share": 0.1, "turned_blocks": 100, "turned_mm": 224.0}, "fail", "224 mm from here, they fit better"),
        ({"turned": 1.0, "turned_share": 0.5, "turned_blocks": 100}, "look", "they fit as well"),
        ({"shared": 0.02, "local_share": 0.1, "best_mm": 20.0}, "look", "share only 0.02 nats"),
    ],
)
def test_each_way_of_being_wrong_has_its_words(sure, change, verdict, words):
    found = judged(replace(sure, **change))
    assert found.verdict == verdict
    assert words in found.reasons[0]


@pytest.mark.parametrize(
    "change",
    [
        {"turned": 0.97, "turned_share": 0.9, "turned_blocks": 100},  # nearly as alike, but most parts say which way round
        {"turned": 0.7, "turned_share": 0.6, "turned_blocks": 20},  # few parts, but the whole is clear
    ],
)
def test_half_a_turn_away_the_whole_and_its_parts_must_both_speak(sure, change):
    assert judged(replace(sure, **change)).verdict == "pass"


def test_the_bound_reaches_to_the_place_half_a_turn_away(sure):
    doubted = judged(replace(sure, turned=1.0, turned_share=0.5, turned_blocks=100, turned_mm=224.0))
    assert doubted.error_mm == pytest.approx(judged(sure).error_mm + 224)


def test_a_symmetric_object_passes_with_a_remark(sure):
    found = judged(replace(sure, mirror_share=0.5, local_share=0.9))
    assert found.verdict == "pass"
    assert "cannot be told" in found.reasons[0]


@pytest.mark.parametrize("scale", [1e-3, 1, 10])
def test_lengths_follow_the_object(sure, scale):
    lengths = ("unit_mm", "turned_mm", "agreement_mm", "starts_apart_mm", "best_mm", "levels_mm", "halves_mm", "inverse_mm")
    scaled = replace(sure, **{name: scale * getattr(sure, name) for name in lengths})
    assert judged(scaled).doubt == pytest.approx(judged(sure).doubt)
    assert judged(scaled).error_mm == pytest.approx(scale * judged(sure).error_mm)


def test_worse_is_never_less_doubtful(sure):
    doubts = [judged(replace(sure, best_mm=mm)).doubt for mm in np.linspace(0, 40, 81)]
    assert np.all(np.diff(doubts) >= 0)
    errors = [judged(replace(sure, best_mm=mm)).error_mm for mm in np.linspace(0, 40, 81)]
    assert np.all(np.array(errors) >= np.linspace(0, 40, 81))


def test_a_map_that_is_not_rigid_is_refused(fixed, moving):
    with pytest.raises(RegistrationError, match="stretches by"):
        trust(fixed, moving, between(np.diag([1.1, 1, 1, 1])))


def test_it_can_be_stopped(fixed, moving):
    def listen(step):
        if "mirror" in step.what:
            progress.cancel()

    progress = Progress(listen)
    with pytest.raises(Cancelled):
        trust(fixed, moving, between(np.eye(4)), progress=progress)


def test_a_prepared_pairing_is_judged_alike_to_the_last_bit(fixed, moving, right):
    pairing = Pairing.of(fixed, moving, choose_levels(fixed.grid, moving.grid)[:3], progress=Progress())
    assert judge(pairing, pairing.pose(np.eye(4))) == right


@pytest.mark.parametrize("scale", [0.1, 0.001])
def test_a_small_object_is_judged_as_a_large_one(heads, fixed, moving, right, scale):
    small = [heads.volume_of(v.data, np.diag([scale, scale, scale, 1]) @ v.affine.matrix, v.name) for v in (fixed, moving)]
    found = trust(*small, between(np.eye(4)))
    assert found.verdict == right.verdict == "pass"
    assert found.error_mm == pytest.approx(scale * right.error_mm, rel=0.4)  # levels are rounded to three digits


def test_a_slice_is_not_called_mirrored(heads, fixed):
    """A slice is its own mirror image across its plane."""
    data = np.asarray(fixed.data)[:, :, 30:31]
    affine = fixed.affine.matrix.copy()
    affine[:3, 3] += 30 * affine[:3, 2]
    found = trust(fixed, heads.volume_of(data, affine, "epi"), between(np.eye(4)))
    assert not any("mirrored:" in reason for reason in found.reasons)
    assert found.error_mm < 5


def test_another_head_is_not_passed(heads, fixed):
    """A head a little wider and shorter, with other folds; and the same head, noisy."""
    rng = np.random.default_rng(3)

    def person(seed, stretch):
        grid = np.stack(np.meshgrid(*(np.arange(n) for n in fixed.shape), indexing="ij"), axis=-1)
        points = grid @ fixed.affine.matrix[:3, :3].T + fixed.affine.matrix[:3, 3]
        folds = ndimage.gaussian_filter(np.random.default_rng(seed).normal(0, 1, fixed.shape), 1.6) * 900
        return np.where(heads.head_at(points * stretch) > 150, 400 + folds, 0) + rng.normal(0, 5, fixed.shape)

    def seen(data, name):
        return heads.volume_of(data.astype(np.float32), fixed.affine.matrix, name)

    one, other = person(1, np.ones(3)), person(2, np.array([0.94, 1.06, 1.03]))
    assert trust(seen(one, "t1"), seen(one + rng.normal(0, 60, fixed.shape), "epi"), between(np.eye(4))).verdict == "pass"
    found = trust(seen(one, "t1"), seen(other, "epi"), between(np.eye(4)))
    assert found.verdict != "pass"
    assert "different subjects" in " ".join(found.reasons)
    assert found.error_mm == np.inf


LIMBS = (  # of a body: nearly the same from the front and from the back, and from either side
    ((0, 0, 0), (44, 24, 120), 300),
    ((24, 3, 60), (12, 15, 26), -160),
    ((-24, -2, 62), (12, 14, 26), -160),
    ((0, -9, 10), (5, 5, 100), 240),
    ((20, -2, -30), (9, 9, 16), 200),
    ((-20, 1, -34), (9, 9, 16), 200),
    ((-16, 3, 14), (17, 12, 14), 150),
    ((4, 6, -80), (14, 10, 12), 180),
)


def body(heads, name, *, contrast, seed):
    """A long thing on a grid of 4 mm."""
    shape = (32, 24, 72)
    affine = heads.grid_affine(shape, np.eye(3) * 4)
    points = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1) @ affine[:3, :3].T + affine[:3, 3]
    value = np.zeros(shape)
    for centre, widths, bright in LIMBS:
        radius = np.linalg.norm((points - np.array(centre)) / np.array(widths), axis=-1)
        value += bright / (1 + np.exp(np.clip((radius - 1) * 12, -50, 50)))
    noisy = contrast(value) + np.random.default_rng(seed).normal(0, 4, shape)
    return heads.volume_of(noisy.astype(np.float32), affine, name)


def test_a_body_laid_on_its_front_is_not_passed(heads):
    lying, seen = (
        body(heads, name, contrast=c, seed=k) for k, (name, c) in enumerate((("t1", abs), ("epi", lambda v: (v > 60) * (700 - v))))
    )
    assert trust(lying, seen, between(np.eye(4))).verdict == "pass"
    turned = heads.rigid((0, 0, 1), 180, (0, 0, 0))
    found = register(lying, seen, plan=RegistrationPlan.from_here(refine="builtin"), start=between(turned)).trust
    assert found.verdict == "fail"
    assert any("half a turn away" in reason for reason in found.reasons)


def test_an_angiogram_is_not_called_a_stranger(heads, fixed):
    """Some thin vessels where the other scan shows nothing."""
    rng, shape = np.random.default_rng(5), fixed.shape
    one, other = (ndimage.gaussian_filter(rng.normal(size=shape), 4) for _ in range(2))
    vessels = (np.abs(one) < 2e-3) & (np.abs(other) < 4e-3) & (np.asarray(fixed.data) > 250)  # where two folded sheets meet
    angiogram = heads.volume_of((200 * vessels + rng.normal(0, 2, shape)).astype(np.float32), fixed.affine.matrix, "epi")
    found = trust(fixed, angiogram, between(np.eye(4)))
    assert found.verdict == "look"
    assert "structure in common" in found.reasons[0]
