from __future__ import annotations

import dataclasses

import nibabel
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
    assert relation.text == "50 % of the box of 'b' lies in 'a', which it fills to 25 %; not turned, the centres 5.6 mm apart."


def test_boxes_apart_are_said_to_be_apart():
    far = np.eye(4)
    far[:3, 3] = 300, 400, 0
    relation = relate(volume(np.eye(4)), volume(far, name="b"))
    assert not relation.claims_same_space
    assert relation.centre_distance_mm == pytest.approx(500)
    assert "do not overlap" in relation.text
    assert "500.0 mm" in relation.text


def test_a_guessed_orientation_claims_nothing():
    guess = dataclasses.replace(volume(np.eye(4), name="b"), orientation_known=False)
    relation = relate(volume(np.eye(4)), guess)
    assert relation.same_grid
    assert not relation.claims_same_space
    assert "'b' is unknown" in relation.text


@pytest.mark.parametrize("seed", range(6))
def test_overlap_angle_and_distance_are_those_of_closed_forms(seed):
    """A box and its copy, moved along its own axes, whatever the axes: flipped, sheared, stored in another order, and a single slice."""
    chance = np.random.default_rng(seed)
    shape = np.array([(10, 12, 14), (9, 1, 8), (1, 1, 5)][seed % 3])
    turn = np.eye(4)
    turn[:3, :3] = np.linalg.qr(chance.normal(size=(3, 3)))[0] @ np.diag([1.5, 2, 3])
    if seed % 2:
        turn[:3, :3] = turn[:3, :3] @ [[1, 0.2, 0], [0, 1, 0.1], [0, 0, 1]]  # shear keeps shares of boxes that have their edges along it
    turn[:3, 3] = chance.normal(0, 50, 3)
    order, signs, shift = chance.permutation(3), chance.choice([-1.0, 1.0], 3), chance.uniform(0, 0.9, 3) * shape
    stored = np.eye(4)  # voxel of the copy -> voxel of the box
    stored[:3, :3] = np.eye(3)[:, order] * signs
    stored[:3, 3] = shift - stored[:3, :3] @ ((shape[order] - 1) / 2) + (shape - 1) / 2
    relation = relate(volume(turn, tuple(shape)), volume(turn @ stored, tuple(int(n) for n in shape[order]), name="b"))
    assert relation.overlap_a == pytest.approx(np.prod(1 - shift / shape), abs=1e-9)
    assert relation.overlap_b == pytest.approx(relation.overlap_a)
    assert relation.angle_deg == pytest.approx(0, abs=1e-5)
    assert relation.centre_distance_mm == pytest.approx(np.linalg.norm(turn[:3, :3] @ shift))
    assert "not turned" in relation.text


@pytest.mark.parametrize("degrees", [0.2, 12.0, 44.0])
def test_the_angle_is_that_of_the_turn_for_flipped_and_reordered_axes(degrees):
    angle = np.radians(degrees)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    flipped = turn @ np.array([[0, -1.0, 0, 9], [0, 0, 1, 0], [-1, 0, 0, 9], [0, 0, 0, 1]])
    relation = relate(volume(np.eye(4)), volume(flipped, name="b"))
    assert relation.angle_deg == pytest.approx(degrees, abs=1e-6)
    assert f"turned by {degrees:.1f}°" in relation.text


def nifti(path, sform=0, qform=0):
    image = nibabel.Nifti1Image(np.zeros((4, 5, 6), np.int16), None)
    image.set_sform(np.diag([2.0, 2, 2, 1]), code=sform)
    image.set_qform(np.diag([2.0, 2, 2, 1]), code=qform)
    image.to_filename(path)
    return open_volume(path)


@pytest.mark.parametrize(
    ("codes", "one", "words"),
    [
        ((1, 1), True, "Both headers claim scanner space, which is one within a session."),
        ((4, 4), True, "Both headers claim MNI 152 space."),
        ((1, 4), False, "Their headers claim different spaces: scanner and MNI 152."),
        ((3, 4), False, "different spaces: Talairach and MNI 152"),
        ((1, 2), True, "claim scanner and aligned space; with which scan it is aligned, a header does not say."),
        ((2, 2), True, "with which scan they do not say"),
        ((1, 0), False, "the orientation of 'b' is unknown"),
        ((1, 5), False, "different spaces: scanner and template"),
    ],
)
def test_what_the_headers_claim(tmp_path, codes, one, words):
    a, b = (nifti(tmp_path / f"{name}.nii", sform=code) for name, code in zip("ab", codes, strict=True))
    relation = relate(a, b)
    assert relation.claims_same_space == one
    assert words in relation.text
    assert relate(nifti(tmp_path / "q.nii", sform=0, qform=4), nifti(tmp_path / "s.nii", sform=4, qform=1)).claims_same_space


def test_dicom_says_which_frame_of_reference_it_is_in():
    here, there = ({"frame_of_reference": uid} for uid in ("1.2.3", "1.2.4"))
    a, b, c = (
        dataclasses.replace(volume(np.eye(4), name=name), facts=facts) for name, facts in zip("abc", (here, here, there), strict=True)
    )
    assert relate(a, b).claims_same_space
    assert not relate(a, c).claims_same_space
    assert "frames of reference differ" in relate(a, c).text


def test_the_pair_of_nibabels_manual_overlaps(shared_data):
    anatomy = open_volume(shared_data / "pair/someones_anatomy.nii.gz")
    relation = relate(anatomy, open_volume(shared_data / "pair/someones_epi.nii.gz"))
    assert relation.claims_same_space
    assert relation.angle_deg == pytest.approx(17.2, abs=0.1)
    assert relation.overlap_b > 0.5
