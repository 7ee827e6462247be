"""The border to SimpleITK: poses there and back, sampling without patterns, words for its errors."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - the name everybody knows it by
from hypothesis import given
from hypothesis import strategies as st

from volstudio.progress import Progress
from volstudio.registration.foreground import Foreground
from volstudio.registration.prepare import Level, own_frame, prepare
from volstudio.registration.sitk_bridge import (
    _corners,
    _cut,
    _euler,
    _euler_matrix,
    _image_of,
    _in_words,
    _one_thread,
    _scales,
    _set_samples,
)

ANGLE = st.floats(-1.0, 1.0)
SHIFT = st.floats(-200, 200)
SHEARED = np.array([[2.0, 0.3, 0], [0, -1.5, 0.4], [0.2, 0, 3.0]])


@given(st.tuples(ANGLE, ANGLE, ANGLE, SHIFT, SHIFT, SHIFT), st.tuples(SHIFT, SHIFT, SHIFT), st.sampled_from([1.0, 0.05, 70.0]))
def test_pose_goes_to_itk_and_back(parameters, centre, unit):
    centre = np.array(centre)
    pose = _euler_matrix(parameters, centre, unit)
    transform = _euler(pose, centre, unit)
    np.testing.assert_allclose(transform.GetParameters(), parameters, atol=1e-7)
    point = np.array([10.0, -20.0, 30.0])
    np.testing.assert_allclose(np.array(transform.TransformPoint(point / unit)) * unit, pose[:3, :3] @ point + pose[:3, 3], atol=1e-7)


def level(shape, near=None, steps=None):
    steps = np.eye(3) * 2.0 if steps is None else steps
    values = np.asfortranarray(np.random.default_rng(0).random(shape), np.float32)
    origin = np.array([-3.0, 4.0, 5.0])
    return Level(2.0, origin, steps, values, Foreground.of(np.ones(shape, bool) if near is None else near, origin, steps))


@pytest.mark.parametrize("steps", [np.eye(3) * 2.0, SHEARED], ids=["straight", "sheared"])
def test_image_has_the_values_where_the_level_has_them(steps):
    here, turn = level((7, 8, 9), steps=steps), np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    image = _image_of(here.values, here.origin, here.steps, unit=4.0, turn=turn)
    assert image.GetSize() == (7, 8, 9)
    assert image[2, 5, 6] == here.values[2, 5, 6]
    place = turn @ (here.origin + steps @ [2, 5, 6]) / 4.0
    np.testing.assert_allclose(image.TransformIndexToPhysicalPoint((2, 5, 6)), place)
    assert image.TransformPhysicalPointToIndex(place) == (2, 5, 6)


def test_cut_keeps_all_that_samples_need_at_its_place():
    near = np.zeros((12, 14, 16), bool)
    near[3:6, 4:9, 10] = True
    whole = level(near.shape, near)
    part = _cut(whole, _corners(whole), unit=4.0)
    assert part.GetSize() == (7, 9, 5)  # with the next voxels, between which and these the outermost samples lie
    first = part.TransformPhysicalPointToIndex((whole.origin + whole.steps @ [3, 4, 10]) / 4.0)
    assert first == (2, 2, 2)
    assert part[first] == whole.values[3, 4, 10]


def test_scales_are_square_radii():
    here = level((21, 41, 5))
    mean, variance = here.moments()
    scales = _scales(here, mean, 4.0)
    assert scales[0] == pytest.approx((variance[1] + variance[2]) / 16)
    assert scales[2] == pytest.approx((variance[0] + variance[1]) / 16)
    assert scales[3:] == [1, 1, 1]


@pytest.mark.parametrize("samples", [2000, 10_000])
def test_about_as_many_points_are_compared_as_asked_for(heads, samples):
    scan = heads.head((60, 72, 56), heads.grid_affine((60, 72, 56), np.diag([2.5, 2.5, 2.5])), name="scan")
    (here,) = prepare(scan, own_frame(scan.grid), (2.5,), progress=Progress())
    method = sitk.ImageRegistrationMethod()
    _set_samples(method, here, samples, 20, 50.0)
    method.SetMetricAsMattesMutualInformation(16)
    method.SetInitialTransform(sitk.Euler3DTransform())
    image = _image_of(here.values, here.origin, here.steps, unit=50.0)
    method.SetOptimizerAsRegularStepGradientDescent(1e-3, 1e-4, 1)
    method.SetInterpolator(sitk.sitkLinear)
    method.Execute(image, image)
    assert method.GetMetricNumberOfValidPoints() == pytest.approx(samples, rel=0.1)


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
