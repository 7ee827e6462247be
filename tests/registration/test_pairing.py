"""Two volumes made ready: who gives the samples, maps there and back, overlap by counting, and no part played by who is called fixed."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from volstudio.errors import Cancelled
from volstudio.progress import Progress
from volstudio.registration.masks import Region
from volstudio.registration.pairing import Pairing, gives_samples

SHAPE = (30, 36, 28)


@pytest.fixture(scope="module")
def pair(heads):
    """A head, and a smaller field of view of it with coarser voxels and an oblique header."""
    whole = heads.head(SHAPE, heads.grid_affine(SHAPE, np.diag([5.0, 5, 5])), name="whole")
    linear = heads.turn((1, 2, 3), 25) @ np.diag([6.0, -6.0, 8.0])
    part = heads.head(
        (16, 18, 9), heads.grid_affine((16, 18, 9), linear, centre=(10, -5, 8)), name="part", moved=heads.rigid((0, 1, 1), 40, (30, 5, -9))
    )
    return whole, part


@pytest.fixture(scope="module")
def pairing(pair):
    return Pairing.of(*pair, (8.0,), progress=Progress())


def box(heads, name, shape, voxel, seed=0):
    data = np.random.default_rng(seed).random(shape).astype(np.float32)
    return heads.volume_of(data, np.diag([*voxel, 1.0]), name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (((8, 8, 8), (2, 2, 2)), ((8, 8, 9), (2, 2, 2))),  # the smaller field of view
        (((8, 8, 8), (-2, 2, 2)), ((40, 40, 40), (1, 1, 1))),  # however its voxels lie and whatever their number
        (((4, 4, 4), (4, 4, 4)), ((8, 8, 8), (2, 2, 2))),  # of equal ones, the fewer voxels
    ],
)
def test_the_smaller_view_gives_the_samples_whoever_is_asked_first(heads, one, other):
    small, large = box(heads, "small", *one), box(heads, "large", *other)
    assert gives_samples(small, large)
    assert not gives_samples(large, small)


@pytest.mark.parametrize("seed", range(4))
def test_rounded_headers_do_not_decide(heads, seed):
    """float32 makes a field of view larger or smaller by 1e-7; the voxels then say the same of it."""
    one, other = box(heads, "one", (9, 9, 9), (2, 2, 2), 10), box(heads, "other", (9, 9, 9), (2, 2, 2), seed)
    exact = gives_samples(one, other)
    for edge in (2 - 1e-7, 2 + 1e-7):
        assert gives_samples(one, heads.volume_of(other.data, np.diag([edge, 2, 2, 1]), "other")) == exact


def test_of_twins_the_voxels_decide_however_they_lie_in_memory(heads):
    made = [box(heads, f"twin{seed}", (20, 9, 70), (2, 2, 2), seed) for seed in range(6)]
    order = [[gives_samples(a, b) for b in made] for a in made]
    for i in range(6):
        assert not order[i][i]  # the very same: either will do, and both ways alike
        for j in range(i):
            assert order[i][j] != order[j][i]
    other_way = [heads.volume_of(np.asfortranarray(v.data), v.affine.matrix, v.name) for v in made]
    assert [[gives_samples(a, b) for b in other_way] for a in made] == order


@pytest.mark.parametrize("voxel", [(0, 0, 0), (19, 8, 69), (3, 4, 35)], ids=str)
def test_of_two_on_one_grid_exactly_one_gives_them_whichever_voxel_differs(heads, voxel):
    one = box(heads, "one", (20, 9, 70), (2, 2, 2))
    data = one.data.copy()
    data[voxel] += 1
    other = heads.volume_of(data, one.affine.matrix, "other")
    assert gives_samples(one, other) != gives_samples(other, one)


def test_a_region_is_a_field_of_view(heads):
    large, small = box(heads, "large", (10, 10, 10), (3, 3, 3)), box(heads, "small", (10, 10, 10), (2, 2, 2))
    counts = np.zeros((10, 10, 10), bool)
    counts[:4, :4, :4] = True
    region = Region("brain", "large", counts, large.affine.matrix)
    assert not gives_samples(large, small)
    assert gives_samples(large, small, regions=(region, None))
    assert not gives_samples(large, small, regions=(region, Region("all", "small", counts, small.affine.matrix)))


def test_maps_go_to_poses_and_back(heads, pairing):
    assert pairing.source_is_moving  # the part, which was given second
    there = heads.rigid((1, -1, 2), 33, (12, -40, 7))
    found = pairing.moving_to_fixed(pairing.pose(there))
    np.testing.assert_allclose(found, there, atol=1e-11)
    np.testing.assert_array_equal(found[3], [0, 0, 0, 1])
    assert not found.flags.writeable
    # A pose maps the source's frame to the target's: the way round by scanner spaces is the same.
    point = np.array([3.0, -8, 5, 1])
    np.testing.assert_allclose(pairing.target_frame @ pairing.pose(there) @ point, there @ pairing.source_frame @ point, atol=1e-10)


def test_a_map_of_six_digits_is_made_rigid(heads, pairing):
    rounded = np.array([[float(f"{number:.6g}") for number in row] for row in heads.rigid((1, -1, 2), 33, (12, -40, 7))])
    pose = pairing.pose(rounded)
    np.testing.assert_allclose(pose[:3, :3].T @ pose[:3, :3], np.eye(3), atol=1e-14)
    np.testing.assert_allclose(pairing.moving_to_fixed(pose), rounded, atol=1e-4)


def test_exchanged_they_are_the_same_pair(heads, pair, pairing):
    other = Pairing.of(*pair[::-1], (8.0,), progress=Progress())
    assert other.source_is_moving is False
    np.testing.assert_array_equal(other.source_frame, pairing.source_frame)
    np.testing.assert_array_equal(other.target_frame, pairing.target_frame)
    np.testing.assert_array_equal(other.source[0].values, pairing.source[0].values)
    there = heads.rigid((1, -1, 2), 33, (12, -40, 7))
    pose = pairing.pose(there)
    np.testing.assert_allclose(other.pose(np.linalg.inv(there)), pose, atol=1e-12)
    np.testing.assert_allclose(other.moving_to_fixed(pose) @ pairing.moving_to_fixed(pose), np.eye(4), atol=1e-12)


@pytest.mark.parametrize("shift", [(0, 0, 0), (60, 0, 0), (0, -45, 80), (400, 0, 0)])
def test_overlap_is_the_share_of_the_object_in_the_others_view(heads, pair, pairing, shift):
    """Counted in world space: the object's places, moved, that lie in the box of the whole's voxels."""
    whole, part = pair
    truth = np.linalg.inv(heads.rigid((0, 1, 1), 40, (30, 5, -9)))
    there = heads.rigid((0, 0, 1), 0, shift) @ truth
    frame = pairing.source_frame
    points = there[:3, :3] @ (frame[:3, :3] @ pairing.source[0].foreground.centres() + frame[:3, 3:]) + there[:3, 3:]
    index = np.linalg.inv(whole.affine.matrix)[:3] @ np.vstack([points, np.ones(points.shape[1])])
    inside = ((index > -0.5) & (index < np.array(SHAPE)[:, None] - 0.5)).all(axis=0)
    found = pairing.overlap(pairing.pose(there))
    # The level's blocks of 2 x 2 x 2 voxels end within a voxel of the volume's own border.
    near = (np.abs(index + 0.5).min(axis=0) < 1) | (np.abs(index + 0.5 - np.array(SHAPE)[:, None]).min(axis=0) < 1)
    assert abs(found - inside.mean()) <= near.mean() + 1e-9
    assert found == {(0, 0, 0): 1.0, (400, 0, 0): 0.0}.get(shift, found)
    assert part.name == "part"


def test_the_listener_is_called_in_one_thread_and_cancelling_stops_both_scans(pair):
    threads = []
    progress = Progress(lambda _: threads.append(threading.get_ident()))
    Pairing.of(*pair, (8.0,), progress=progress)
    assert set(threads) == {threading.get_ident()}
    progress.cancel()
    with pytest.raises(Cancelled):
        Pairing.of(*pair, (8.0,), progress=progress)
