"""Who gives the samples, in which frames, and that nobody's name, header or memory layout plays a part in it."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from volstudio.errors import Cancelled
from volstudio.progress import Progress
from volstudio.registration.pairing import Pairing, gives_samples

SHAPE = (30, 36, 40)


@pytest.fixture
def head(heads):
    return heads.head(SHAPE, heads.grid_affine(SHAPE, np.diag([5.0, 5.0, 4.0])), name="a")


@pytest.fixture
def twin(heads, head):
    """The same grid and other noise: neither is smaller."""
    return heads.head(SHAPE, head.affine.matrix, name="b", seed=1)


def test_the_smaller_field_of_view_gives_the_samples(heads, head):
    slab = heads.head((30, 36, 10), heads.grid_affine((30, 36, 10), np.diag([5.0, 5.0, 4.0])), name="slab")
    assert gives_samples(slab, head)
    assert not gives_samples(head, slab)


def test_of_two_as_large_the_one_of_fewer_voxels_gives_them(heads, head):
    coarse = heads.head((15, 18, 20), heads.grid_affine((15, 18, 20), np.diag([10.0, 10.0, 8.0])), name="coarse")
    assert gives_samples(coarse, head)
    assert not gives_samples(head, coarse)


@pytest.mark.parametrize("voxel", [(0, 0, 0), (29, 35, 39), (3, 4, 35)], ids=str)
def test_of_two_on_one_grid_exactly_one_gives_them_whichever_voxel_differs(head, voxel):
    data = np.array(head.frame(0), order="F")
    data[voxel] += 1
    other = replace(head, data=data)
    assert gives_samples(head, other) != gives_samples(other, head)


def test_it_does_not_matter_how_the_voxels_lie_in_memory(head, twin):
    answers = {
        gives_samples(replace(head, data=np.array(head.frame(0), order=one)), replace(twin, data=np.array(twin.frame(0), order=other)))
        for one in "CF"
        for other in "CF"
    }
    assert len(answers) == 1


def test_a_scan_and_itself(head):
    assert not gives_samples(head, head)


def test_exchanged_scans_are_prepared_alike_and_their_maps_are_inverses(head, twin):
    one, other = (Pairing.of(*pair, (10.0, 5.0), progress=Progress()) for pair in ((head, twin), (twin, head)))
    assert one.source_is_moving != other.source_is_moving
    for a, b in zip((*one.source, *one.target), (*other.source, *other.target), strict=True):
        np.testing.assert_array_equal(a.values, b.values)
    pose = np.eye(4)
    pose[:3] = [[0.0, -1.0, 0.0, 3.0], [1.0, 0.0, 0.0, -4.0], [0.0, 0.0, 1.0, 5.0]]
    np.testing.assert_allclose(one.moving_to_fixed(pose) @ other.moving_to_fixed(pose), np.eye(4), atol=1e-12)


def test_a_map_becomes_a_pose_and_a_map_again(heads, head, twin):
    pairing = Pairing.of(head, twin, (10.0,), progress=Progress())
    there = heads.rigid((1, 2, 3), 25, (3, -8, 11))
    np.testing.assert_allclose(pairing.moving_to_fixed(pairing.pose(there)), there, atol=1e-12)


@pytest.mark.parametrize(("shift", "share"), [(0.0, 1.0), (1000.0, 0.0)])
def test_the_share_of_the_object_in_view(head, twin, shift, share):
    pairing = Pairing.of(head, twin, (10.0,), progress=Progress())
    away = np.eye(4)
    away[0, 3] = shift
    assert pairing.overlap(pairing.pose(away)) == share


def test_the_listener_is_called_in_one_thread_and_cancelling_stops_both_scans(head, twin):
    threads = []
    progress = Progress(lambda _: threads.append(threading.get_ident()))
    Pairing.of(head, twin, (10.0,), progress=progress)
    assert set(threads) == {threading.get_ident()}
    progress.cancel()
    with pytest.raises(Cancelled):
        Pairing.of(head, twin, (10.0,), progress=progress)
