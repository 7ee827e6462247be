from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from volstudio.volumes.readers import open_volume, volume_from_array
from volstudio.volumes.relation import relate


def volume(affine, shape=(10, 10, 10), name="a"):
    return volume_from_array(np.zeros(shape, np.int16), affine, name=name)


def test_a_turned_box_is_told_by_its_angle(rigid_move):
    a = volume(np.eye(4))
    relation = relate(a, volume(rigid_move, name="b"))
    assert relation.angle_deg == pytest.approx(17)
    assert relation.claims_same_space
    assert not relation.same_grid


def test_axes_in_another_order_are_no_turn():
    stored = np.array([[0, 0, -1.0, 9], [-1, 0, 0, 9], [0, 1, 0, 0], [0, 0, 0, 1]])
    relation = relate(volume(np.eye(4)), volume(stored, name="b"))
    assert relation.angle_deg == pytest.approx(0, abs=1e-6)
    assert relation.overlap_a == pytest.approx(1)


def test_overlap_is_of_each_box():
    half = np.eye(4)
    half[0, 3] = 5
    relation = relate(volume(np.eye(4)), volume(half, (10, 10, 5), name="b"))
    assert relation.overlap_b == pytest.approx(0.5)
    assert relation.overlap_a == pytest.approx(0.25)
    assert "50 %" in relation.text


def test_boxes_apart_are_said_to_be_apart():
    far = np.eye(4)
    far[:3, 3] = 300, 400, 0
    relation = relate(volume(np.eye(4)), volume(far, name="b"))
    assert not relation.claims_same_space
    assert relation.centre_distance_mm == pytest.approx(500)
    assert "do not overlap" in relation.text
    assert "500 mm" in relation.text


def test_a_guessed_orientation_claims_nothing():
    guess = dataclasses.replace(volume(np.eye(4), name="b"), orientation_known=False)
    relation = relate(volume(np.eye(4)), guess)
    assert relation.same_grid
    assert not relation.claims_same_space
    assert "'b' is unknown" in relation.text


def test_the_pair_of_nibabels_manual_overlaps(shared_data):
    anatomy = open_volume(shared_data / "pair/someones_anatomy.nii.gz")
    relation = relate(anatomy, open_volume(shared_data / "pair/someones_epi.nii.gz"))
    assert relation.claims_same_space
    assert relation.angle_deg == pytest.approx(17.2, abs=0.1)
    assert relation.overlap_b > 0.5
