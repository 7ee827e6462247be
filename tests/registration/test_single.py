"""One real number per voxel: which, and said."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest

from volstudio.errors import Cancelled, RegistrationError
from volstudio.registration.single import one_frame
from volstudio.volumes.readers import open_volume, volume_from_array
from volstudio.volumes.volume import Volume

COLOURS = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])


def series(count=4):
    data = np.random.default_rng(0).normal(100, 20, (5, 6, 7, count)).astype(np.float32)
    return volume_from_array(data, np.eye(4), name="rest")


def coloured():
    rng = np.random.default_rng(1)
    data = np.zeros((5, 6, 7), COLOURS)
    for channel in "RGB":
        data[channel] = rng.integers(0, 256, data.shape)
    return data


def test_a_plain_volume_comes_back_as_it_is():
    volume = volume_from_array(np.zeros((5, 6, 7), np.int16), np.eye(4), name="t1")
    for time in ("first", "mean", 0):
        assert one_frame(volume, time=time) == (volume, ())


@pytest.mark.parametrize(
    ("time", "pick", "said"),
    [
        ("first", lambda data: data[..., 0], "the first of 4 time points was used"),
        ("mean", lambda data: data.astype(float).mean(axis=-1), "the mean of its 4 time points was used"),
        (2, lambda data: data[..., 2], "time point 2 of 4 was used (the first is 0)"),
    ],
)
def test_a_series_gives_what_was_asked_for(time, pick, said):
    rest = series()
    found, notes = one_frame(rest, time=time)
    np.testing.assert_allclose(found.data, pick(rest.data), rtol=1e-12)
    assert (found.name, found.affine) == (rest.name, rest.affine)
    assert notes == (f"of rest, {said}",)


def test_a_mean_minds_only_what_is_finite():
    data = np.array(series().data)
    data[0, 0, 0] = [np.nan, 2, np.inf, 4]
    data[1, 1, 1] = np.nan
    found, _ = one_frame(volume_from_array(data, np.eye(4)), time="mean")
    assert found.data[0, 0, 0] == 3
    assert np.isnan(found.data[1, 1, 1])


@pytest.mark.parametrize(("volume", "said"), [(series(), "has time points 0 to 3"), (series(1), "is no series")])
def test_a_time_point_that_is_not_there_is_refused(volume, said):
    with pytest.raises(RegistrationError, match=said):
        one_frame(volume, time=4)


def test_a_long_mean_can_be_stopped():
    def stop():
        raise Cancelled("Cancelled.")

    with pytest.raises(Cancelled):
        one_frame(series(), time="mean", tick=stop)


def test_colours_and_complex_numbers_of_a_file_are_said(tmp_path):
    nibabel.Nifti1Image(coloured(), np.eye(4)).to_filename(tmp_path / "rgb.nii")
    nibabel.Nifti1Image(np.full((5, 6, 7), 3 + 4j, np.complex64), np.eye(4)).to_filename(tmp_path / "wave.nii")
    found, notes = one_frame(open_volume(tmp_path / "rgb.nii"))
    truth = 0.299 * coloured()["R"] + 0.587 * coloured()["G"] + 0.114 * coloured()["B"]
    np.testing.assert_allclose(found.frame(), truth, atol=0.51)
    assert notes == ("of rgb, the brightness of its colours was used",)
    found, notes = one_frame(open_volume(tmp_path / "wave.nii"))
    np.testing.assert_allclose(found.frame(), 5)
    assert notes == ("of wave, the magnitude of its complex voxels was used",)


def test_colours_and_complex_numbers_in_memory_are_said():
    grid = volume_from_array(np.zeros((5, 6, 7)), np.eye(4), name="rgb").grid
    found, notes = one_frame(Volume(coloured(), grid, "rgb"))
    truth = 0.299 * coloured()["R"] + 0.587 * coloured()["G"] + 0.114 * coloured()["B"]
    np.testing.assert_allclose(found.frame(), truth, atol=1e-4)
    assert notes == ("of rgb, the brightness of its colours was used",)
    found, notes = one_frame(Volume(np.full((5, 6, 7), 3 + 4j), grid, "wave"))
    np.testing.assert_allclose(found.frame(), 5)
    assert notes == ("of wave, the magnitude of its complex voxels was used",)
    with pytest.raises(RegistrationError, match="one real number per voxel"):
        one_frame(Volume(np.full((5, 6, 7), "x"), grid, "words"))
