"""Blocks: each part of an image finds its own place."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.progress import Progress
from volstudio.registration.pairing import Pairing
from volstudio.registration.trust_blocks import SHELLS, Blocks

STEP = 2.5


@pytest.fixture(scope="module")
def pairing(heads):
    affine = heads.grid_affine((60, 72, 56), np.diag([-2.5, 2.5, 2.5]))
    one = heads.head((60, 72, 56), affine, name="one", noise=20)
    other = heads.head((60, 72, 56), affine, name="other", contrast=lambda v: (v > 100) * (700 - v), noise=20, seed=1)
    return Pairing.of(one, other, (STEP,), progress=Progress())


@pytest.fixture(scope="module")
def blocks(pairing):
    return Blocks(pairing.source[0], pairing.target[0], edge_mm=24.0, reach_mm=max(SHELLS) * STEP, seed=1)


def shifted(*mm):
    pose = np.eye(4)
    pose[:3, 3] = mm
    return pose


def test_in_place_most_blocks_fit_best_where_they_are(blocks):
    share, count = blocks.share_in_place(np.eye(4), step_mm=STEP)
    assert share > 0.7  # chance is a quarter
    assert count > 20


@pytest.mark.parametrize("shift", [(3 * STEP, 0, 0), (0, -3 * STEP, 0), (0, 0, 3 * STEP)])
def test_out_of_place_few_do(blocks, shift):
    assert blocks.share_in_place(shifted(*shift), step_mm=STEP)[0] < 0.4


def test_out_of_view_none_is_usable(blocks):
    assert blocks.share_in_place(shifted(5000, 0, 0), step_mm=STEP) == (0.0, 0)
    assert not blocks.at(shifted(5000, 0, 0)).usable.any()


def test_nearer_the_truth_more_blocks_are_alike(blocks):
    here, off, far = (blocks.at(shifted(x, 0, 0)) for x in (0, 5, 15))
    assert here.share_above(off)[0] > 0.8
    assert off.share_above(far)[0] > 0.5
    assert here.information > off.information > far.information


def test_equal_likenesses_count_half_and_the_two_shares_add_up(blocks):
    here, off = blocks.at(np.eye(4)), blocks.at(shifted(5, 0, 0))
    assert here.share_above(here)[0] == 0.5
    assert here.share_above(off)[0] + off.share_above(here)[0] == pytest.approx(1)


def test_the_information_of_blocks_is_that_of_a_histogram(pairing, blocks):
    """Against mutual information as the textbook has it: the two volumes lie on one grid, so each voxel has its partner."""
    inside = pairing.source[0].foreground.mask()  # of the same voxels, there being one level
    pair = [np.rint(level.values[inside] * 23) for level in (pairing.source[0], pairing.target[0])]
    joint = np.histogram2d(*pair, bins=24)[0] / inside.sum()
    expected = np.nansum(joint * np.log(np.where(joint > 0, joint / np.outer(joint.sum(axis=1), joint.sum(axis=0)), np.nan)))
    assert blocks.at(np.eye(4)).information == pytest.approx(expected, rel=0.2)
