"""The border to SimpleITK: poses there and back, sampling without patterns, words for its errors."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - the name everybody knows it by
from hypothesis import given
from hypothesis import strategies as st

from volstudio.registration.prepare import Level
from volstudio.registration.sitk_bridge import _cut, _euler, _euler_matrix, _image_of, _in_words, _one_thread, _scales, _share, resampled

ANGLE = st.floats(-1.0, 1.0)
SHIFT = st.floats(-200, 200)


@given(st.tuples(ANGLE, ANGLE, ANGLE, SHIFT, SHIFT, SHIFT), st.tuples(SHIFT, SHIFT, SHIFT))
def test_pose_goes_to_itk_and_back(parameters, centre):
    centre = np.array(centre)
    pose = _euler_matrix(parameters, centre)
    transform = _euler(pose, centre)
    np.testing.assert_allclose(transform.GetParameters(), parameters, atol=1e-9)
    point = np.array([10.0, -20.0, 30.0])
    np.testing.assert_allclose(transform.TransformPoint(point), pose[:3, :3] @ point + pose[:3, 3], atol=1e-9)


def level(shape, near=None, spacing=2.0):
    values = np.asfortranarray(np.random.default_rng(0).random(shape), np.float32)
    return Level(spacing, np.array([-3.0, 4.0, 5.0]), values, np.asfortranarray(np.ones(shape, bool) if near is None else near), None)


def test_image_has_the_values_where_the_level_has_them():
    here = level((7, 8, 9))
    image = _image_of(here, here.values)
    assert image.GetSize() == (7, 8, 9)
    assert image[2, 5, 6] == here.values[2, 5, 6]
    np.testing.assert_allclose(image.TransformIndexToPhysicalPoint((2, 5, 6)), here.origin + 2.0 * np.array([2, 5, 6]))


@pytest.mark.parametrize("shape", [(60, 60, 60), (64, 64, 32), (91, 109, 91), (7, 350, 12)])
@pytest.mark.parametrize("samples", [500, 3000, 10**9])
def test_samples_do_not_line_up_with_the_rows_of_the_image(shape, samples):
    share = _share(level(shape), samples)
    stride = math.ceil(1 / share)
    assert stride == 1 or (math.gcd(stride, shape[0]) == 1 and math.gcd(stride, shape[0] * shape[1]) == 1)
    assert np.prod(shape) / stride <= 1.5 * samples


def test_cut_keeps_every_sample_at_its_place():
    near = np.zeros((12, 14, 16), bool)
    near[3:6, 4:9, 10] = True
    whole = level(near.shape, near)
    part = _cut(whole)
    assert part.near.shape == (3, 5, 1)
    for a, b in zip(whole.moments(), part.moments(), strict=True):
        np.testing.assert_allclose(a, b)


def test_scales_are_square_radii():
    here = level((21, 41, 5))
    mean, variance = here.moments()
    scales = _scales(here, mean)
    assert scales[0] == pytest.approx(variance[1] + variance[2])
    assert scales[2] == pytest.approx(variance[0] + variance[1])
    assert scales[3:] == [1, 1, 1]


def test_resampled_ramp_is_the_same_ramp():
    """Linear interpolation gives back a linear function exactly, whatever the affine between the grids."""
    to_frame = np.array([[0.3, -2.0, 0, 7], [1.5, 0.4, 0.1, -4], [0, 0.2, 3.0, 1], [0, 0, 0, 1]])
    indices = np.stack(np.meshgrid(*(np.arange(n) for n in (30, 28, 26)), indexing="ij"), -1)
    slope = np.array([0.5, -1.0, 2.0])
    values = np.asfortranarray((indices @ to_frame[:3, :3].T + to_frame[:3, 3]) @ slope, np.float32)
    middle = to_frame[:3, :3] @ (14.5, 13.5, 12.5) + to_frame[:3, 3]
    found, origin = resampled(values, to_frame, sigma_mm=0.0, spacing=1.5, box=np.stack([middle - 6, middle + 6]))
    assert found.shape == (8, 8, 8)
    points = np.stack(np.meshgrid(*(np.arange(8),) * 3, indexing="ij"), -1) * 1.5 + origin
    np.testing.assert_allclose(found, points @ slope, atol=1e-3)


def test_thin_axes_are_not_smoothed():
    """ITK's recursive filter refuses fewer than four samples."""
    values = np.asfortranarray(np.random.default_rng(0).random((20, 20, 2)), np.float32)
    found, _ = resampled(values, np.eye(4), sigma_mm=2.0, spacing=1.0, box=np.array([[-0.5] * 3, [19.5, 19.5, 1.5]]))
    assert found.std() < 0.5 * values.std()
    np.testing.assert_allclose(found.mean(axis=(0, 1)), values.mean(axis=(0, 1)), atol=0.02)


def test_threads_are_given_back_after_the_last_of_several():
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(3)
    inside, leave = threading.Barrier(3), threading.Event()

    def borrow():
        with _one_thread():
            inside.wait()
            leave.wait()

    try:
        threads = [threading.Thread(target=borrow) for _ in range(2)]
        for thread in threads:
            thread.start()
        inside.wait()
        assert sitk.ProcessObject.GetGlobalDefaultNumberOfThreads() == 1
        leave.set()
        for thread in threads:
            thread.join()
        assert sitk.ProcessObject.GetGlobalDefaultNumberOfThreads() == 3
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("x\nAll samples map outside moving image buffer. The images do not sufficiently overlap.", "hardly overlap"),
        ("sitk::ERROR: something\nITK ERROR: odd: reason", "reason"),
    ],
)
def test_errors_of_itk_become_one_sentence(said, words):
    assert words in _in_words(said)
    assert "\n" not in _in_words(said)
