"""A coarse scan with dropout comes nearer to the truth by its last step, and other pairs are left alone."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from volstudio.errors import Cancelled
from volstudio.registration.epi import Settled, Unsettled, settled, suits
from volstudio.registration.pairing import gives_samples
from volstudio.registration.prepare import own_frame

FINE, COARSE = (60, 74, 54), (36, 44, 24)
FINE_MM, COARSE_MM = 2.6, np.array([4.0, 4.0, 5.0])
SUB = 3


def dark_where_bright(values):
    """Contrast of an EPI: air is dark, fluid bright, white matter dim."""
    return np.where(values < 40, 0.0, 900 - values)


def coarse_signal(heads, affine, contrast, *, even=False):
    """Signal averaged over each coarse voxel; unless it is even, lost around a place low in front, and brighter on one side."""
    steps = [(np.arange(n * SUB) - (SUB - 1) / 2) / SUB for n in COARSE]
    points = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1) @ affine[:3, :3].T + affine[:3, 3]
    signal = contrast(heads.head_at(points))
    if not even:
        signal *= 1 - 0.9 * np.exp(-(((points - (0, 60, -30)) / (25, 25, 20)) ** 2).sum(axis=-1))
        signal *= 1 + 0.003 * points[..., 0] - 0.002 * points[..., 2]
    blocks = signal.reshape(COARSE[0], SUB, COARSE[1], SUB, COARSE[2], SUB)
    return blocks.mean(axis=(1, 3, 5))


@pytest.fixture(scope="module")
def scans(heads):
    """An anatomy, an EPI of it on a tilted grid, and where the EPI belongs."""
    anatomy = heads.head(FINE, heads.grid_affine(FINE, np.eye(3) * FINE_MM), name="t1", noise=2.0)
    affine = heads.grid_affine(COARSE, heads.turn((1, 0.2, 0.1), 12) @ np.diag(COARSE_MM), centre=(2, -3, 6))
    signal = coarse_signal(heads, affine, dark_where_bright)
    noise = np.random.default_rng(3).normal(0, 15, signal.shape)
    truth = heads.rigid((0.3, 1, -0.4), 6, (4, -3, 5))
    epi = heads.volume_of((signal + noise).astype(np.float32), np.linalg.inv(truth) @ affine, "epi")
    return anatomy, epi, truth


def pairing_of(fixed, moving):
    """What `settled` asks of a pairing."""
    from_moving = gives_samples(moving, fixed)
    source, target = (moving, fixed) if from_moving else (fixed, moving)
    return SimpleNamespace(source_is_moving=from_moving, source_frame=own_frame(source.grid), target_frame=own_frame(target.grid))


def settle(fixed, moving, moving_to_fixed, report=lambda *_: None, pause=lambda: None):
    """Outcome, and the map moving -> fixed that it stands for."""
    pairing = pairing_of(fixed, moving)
    ends = np.linalg.inv(pairing.target_frame), pairing.source_frame
    pose = ends[0] @ (moving_to_fixed if pairing.source_is_moving else np.linalg.inv(moving_to_fixed)) @ ends[1]
    found = settled(pairing, (fixed, moving), pose, report=report, pause=pause)
    if isinstance(found, Unsettled):
        return found, None
    source_to_target = pairing.target_frame @ found.pose @ np.linalg.inv(pairing.source_frame)
    return found, source_to_target if pairing.source_is_moving else np.linalg.inv(source_to_target)


def test_an_epi_with_dropout_comes_to_the_truth(scans, heads):
    anatomy, epi, truth = scans
    start = heads.rigid((1, 2, -1), 0.8, (0.8, -0.5, 0.6)) @ truth
    assert heads.error_mm(start, truth) > 1
    steps = []
    found, moving_to_fixed = settle(anatomy, epi, start, lambda *step: steps.append(step))
    assert isinstance(found, Settled)
    assert heads.error_mm(moving_to_fixed, truth) < 0.35  # voxels of 5 mm, and a head that is nearly round
    assert [number for _, number, _, _ in steps] == list(range(1, found.steps + 1))
    assert steps[0][0] == pytest.approx(np.cbrt(COARSE_MM.prod()))
    assert 0.8 < found.explained <= 1
    np.testing.assert_array_equal(found.pose[:3, :3].shape, (3, 3))
    assert found.moved_mm == pytest.approx(heads.error_mm(start, moving_to_fixed), rel=0.3)


def test_exchanging_the_scans_gives_the_inverse(scans, heads):
    anatomy, epi, truth = scans
    start = heads.rigid((1, 0, 0), 0.5, (0.3, 0.3, -0.2)) @ truth
    _, one = settle(anatomy, epi, start)
    _, other = settle(epi, anatomy, np.linalg.inv(start))
    assert np.abs(one @ other - np.eye(4)).max() < 1e-9


def test_the_same_contrast_is_left_alone(scans, heads):
    anatomy, epi, truth = scans
    affine = truth @ epi.affine.matrix
    coarse = heads.volume_of(coarse_signal(heads, affine, lambda v: v).astype(np.float32), affine, "t1-coarse")
    found, _ = settle(anatomy, coarse, np.eye(4))
    assert isinstance(found, Unsettled)
    assert "dark" in found.words


def test_a_scan_without_dropout_and_bias_is_left_alone(scans, heads):
    anatomy, epi, truth = scans
    affine = truth @ epi.affine.matrix
    signal = coarse_signal(heads, affine, dark_where_bright, even=True)
    noise = np.random.default_rng(3).normal(0, 15, signal.shape)
    found, _ = settle(anatomy, heads.volume_of((signal + noise).astype(np.float32), affine, "even"), np.eye(4))
    assert isinstance(found, Unsettled)
    assert "neither dropout nor a bias field" in found.words


def test_noise_is_left_alone(scans, heads):
    anatomy, epi, truth = scans
    noise = np.random.default_rng(0).normal(500, 80, COARSE).astype(np.float32)
    found, _ = settle(anatomy, heads.volume_of(noise, epi.affine.matrix, "noise"), truth)
    assert isinstance(found, Unsettled)


def test_scans_apart_are_left_alone(scans, heads):
    anatomy, epi, truth = scans
    found, _ = settle(anatomy, epi, heads.rigid((0, 0, 1), 0, (0, 0, 170)) @ truth)
    assert isinstance(found, Unsettled)
    assert "too little" in found.words


def test_only_a_coarse_scan_on_a_finer_one_suits(scans, heads):
    anatomy, epi, _ = scans
    assert suits(anatomy, epi)
    assert suits(epi, anatomy)
    assert not suits(anatomy, anatomy)
    slices = heads.volume_of(np.ones((*COARSE[:2], 3), np.float32), epi.affine.matrix, "slices")
    assert not suits(anatomy, slices)
    fine = heads.volume_of(np.ones((200, 240, 60), np.float32), heads.grid_affine((200, 240, 60), np.diag([0.9, 0.9, 3.0])), "ct")
    finer = heads.volume_of(np.ones((200, 240, 200), np.float32), heads.grid_affine((200, 240, 200), np.eye(3) * 0.9), "t1")
    assert not suits(fine, finer)


def test_it_ends_at_once_when_cancelled(scans):
    anatomy, epi, truth = scans

    def cancel(*_):
        raise Cancelled

    with pytest.raises(Cancelled):
        settle(anatomy, epi, truth, cancel)


def stops_and_steps(scans, limit):
    """How many steps there had been at every chance to stop; the chance of that number is taken."""
    anatomy, epi, truth = scans
    asked, steps = [], []

    def pause():
        asked.append(len(steps))
        if len(asked) == limit:
            raise Cancelled

    try:
        settle(anatomy, epi, truth, lambda *step: steps.append(step), pause)
    except Cancelled:
        return asked, len(steps)
    return asked, len(steps)


def test_it_ends_before_its_first_step_when_cancelled(scans):
    asked, steps = stops_and_steps(scans, 0)
    before = asked.count(0)
    assert steps > 0
    assert before > 5
    for limit in (1, before // 2, before):
        assert stops_and_steps(scans, limit) == ([0] * limit, 0)
