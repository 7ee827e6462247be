"""Arrays handed to VTK: whose memory, which type, and which voxel each sample is."""

from __future__ import annotations

import numpy as np
import pytest
from vtkmodules.util.numpy_support import vtk_to_numpy

from volstudio.rendering.voxel_image import voxel_image

SHAPE = (5, 7, 4)


def ramp(shape, dtype=np.float32):
    """Values that say which voxel they are: i + 10 j + 100 k."""
    return np.einsum("cijk,c->ijk", np.indices(shape, dtype=float), (1.0, 10.0, 100.0)).astype(dtype)


def samples(made):
    values = vtk_to_numpy(made.image.GetPointData().GetScalars()).reshape(made.image.GetDimensions(), order="F")
    return values, np.moveaxis(np.indices(values.shape), 0, -1)


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (2, 0, 1)])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32])
def test_memory_is_shared_in_any_order_of_axes(axes, dtype):
    frame = np.asfortranarray(np.zeros(np.array(SHAPE)[list(np.argsort(axes))], dtype)).transpose(axes)
    frame[:] = ramp(frame.shape).astype(dtype)
    made = voxel_image(frame, np.eye(4))
    values, index = samples(made)
    assert np.shares_memory(values, frame)
    at = np.rint(index @ made.to_voxel[:3, :3].T + made.to_voxel[:3, 3]).astype(int)
    assert np.array_equal(values, frame[tuple(np.moveaxis(at, -1, 0))])


def test_reading_only_memory_is_shared(tmp_path):
    np.asfortranarray(ramp(SHAPE)).ravel(order="F").tofile(tmp_path / "voxels")
    frame = np.memmap(tmp_path / "voxels", np.float32, "r", shape=SHAPE, order="F")
    assert np.shares_memory(samples(voxel_image(frame, np.eye(4)))[0], frame)


@pytest.mark.parametrize("dtype", [np.float64, ">i2", ">f4", np.int64, np.uint64, np.float16, bool, np.complex64])
def test_other_types_are_never_drawn_as_doubles(dtype):
    frame = np.asfortranarray(np.abs(ramp(SHAPE) % 2).astype(dtype))
    values, _ = samples(voxel_image(frame, np.eye(4)))
    assert values.dtype in (np.float32, np.uint8)
    assert np.array_equal(np.asarray(values, float), np.abs(frame).astype(float))


def test_what_is_not_known_is_drawn_as_the_least():
    frame = ramp(SHAPE) + 3
    frame[1, 2, 3], frame[0, 0, 0], frame[4, 6, 3] = np.nan, -np.inf, np.inf
    values, _ = samples(voxel_image(frame, np.eye(4)))
    finite = frame[np.isfinite(frame)]
    assert np.isfinite(values).all()
    assert values.min() == finite.min()
    assert values.max() == finite.max()
    assert np.isnan(frame[1, 2, 3])


def test_nothing_known_at_all():
    made = voxel_image(np.full(SHAPE, np.nan, np.float32), np.eye(4))
    assert made.value_range == (0.0, 0.0)


def test_a_single_slice_gets_the_thickness_of_its_voxels():
    made = voxel_image(ramp((5, 7, 1)), np.diag([1, 1, 3.0, 1]))
    values, index = samples(made)
    ends = index @ made.to_voxel[:3, :3].T + made.to_voxel[:3, 3]
    assert sorted(values.shape) == [2, 5, 7]
    assert sorted(set(ends[..., 2].ravel())) == [-0.5, 0.5]
    assert sorted(made.image.GetSpacing()) == [1.0, 1.0, 3.0]


@pytest.mark.parametrize("budget", [500, 90, 20])
def test_too_many_voxels_are_averaged_in_place(budget):
    frame = np.asfortranarray(ramp((13, 9, 8)))
    made = voxel_image(frame, np.eye(4), max_voxels=budget)
    values, index = samples(made)
    at = index @ made.to_voxel[:3, :3].T + made.to_voxel[:3, 3]
    assert values.size <= budget
    assert made.reduced > 1
    # The mean of a linear ramp over a block is its value at the block's centre: it tells where the sample lies.
    assert np.allclose(values, at @ (1.0, 10.0, 100.0), atol=1e-4)


def test_integers_stay_integers_when_averaged():
    made = voxel_image(ramp((13, 9, 8), np.int16), np.eye(4), max_voxels=200)
    assert samples(made)[0].dtype == np.int16


@pytest.mark.parametrize("order", ["F", "C"])
def test_user_matrix_places_every_sample(placing, order):
    frame = np.array(ramp(SHAPE), order=order)
    made = voxel_image(frame, placing)
    values, index = samples(made)
    seen = index * made.image.GetSpacing() @ made.user_matrix(placing)[:3, :3].T + made.user_matrix(placing)[:3, 3]
    i, rest = values % 10, values // 10
    ijk = np.stack([i, rest % 10, rest // 10], axis=-1)
    assert np.allclose(seen, ijk @ placing[:3, :3].T + placing[:3, 3], atol=1e-9)
    assert np.allclose(np.linalg.norm(made.user_matrix(placing)[:3, :3], axis=0), 1)
