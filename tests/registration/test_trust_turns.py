"""Half turns: the other ways in which an object lies in its own outline."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.progress import Progress
from volstudio.registration.ascent import Pace, Summit
from volstudio.registration.comparison import Comparison
from volstudio.registration.field import Samples
from volstudio.registration.pairing import Pairing
from volstudio.registration.trust_turns import best_of, half_turns, score


def box(*edges, turn=None, middle=(0, 0, 0), seed=0):
    """Samples of a box of some edges, mm, turned and put somewhere."""
    points = np.random.default_rng(seed).uniform(-0.5, 0.5, (3, 2000)) * np.array(edges)[:, None]
    points = (np.eye(3) if turn is None else turn) @ points
    mean = points.mean(axis=1)
    return Samples(mean + np.array(middle, float), (points - mean[:, None]).astype(np.float32), np.ones(2000, np.float32))


def test_each_half_turn_lays_a_box_on_itself(heads):
    turn = heads.turn((1, 2, 3), 40)
    one = box(40, 60, 200, turn=turn, middle=(5, -3, 9))
    corners = np.array([[x, y, z] for x in (-20, 20) for y in (-30, 30) for z in (-100, 100)]) @ turn.T + (5, -3, 9)
    poses = half_turns(np.eye(4), one, one, apart_mm=10)
    assert len(poses) == 3  # the target is the same object: its own half turns lead nowhere else
    for pose in poses:
        assert np.trace(pose[:3, :3]) == pytest.approx(-1)
        assert pose @ pose == pytest.approx(np.eye(4), abs=1e-9)
        ends = corners @ pose[:3, :3].T + pose[:3, 3]
        nearest = np.linalg.norm(ends[:, None] - corners, axis=-1).min(axis=1)
        assert nearest.max() < 12


def test_a_part_is_laid_in_the_other_end_of_the_whole():
    part = box(40, 50, 60, middle=(0, 0, 70))
    poses = half_turns(np.eye(4), part, box(40, 50, 200, seed=1), apart_mm=10)
    heights = [(pose[:3, :3] @ part.centroid + pose[:3, 3])[2] for pose in poses]
    assert any(height < -60 for height in heights)
    assert any(height > 60 for height in heights)


def test_poor_places_are_not_climbed_to_the_end(heads):
    affine = heads.grid_affine((40, 48, 36), np.eye(3) * 4)
    pairing = Pairing.of(
        heads.head((40, 48, 36), affine, name="one"), heads.head((40, 48, 36), affine, name="other", seed=1), (8.0,), progress=Progress()
    )
    comparison = Comparison(Samples.draw(pairing.source[0], 2500, seed=1), pairing.target[0], bins=16)
    pace = Pace(6.0, 0.3, 15)
    near, far = np.eye(4), np.eye(4)
    near[0, 3], far[0, 3] = 4, 60
    ratio, best = best_of(comparison, np.eye(4), [near], pace)
    assert ratio == pytest.approx(1, abs=0.02)
    assert best is not None
    assert best_of(comparison, np.eye(4), [far], pace) == (0.0, None)
    assert best_of(comparison, np.eye(4), [], pace) == (0.0, None)


def test_what_is_out_of_view_counts_less():
    whole, part = (Summit(np.eye(4), 1.0, overlap) for overlap in (0.9, 0.2))
    assert score(whole) == 1
    assert score(part) == pytest.approx(0.5)
    assert score(Summit(np.eye(4), -np.inf, 0.0)) == -1
