"""MINC files written here by MINC's own description: dimensions with starts, steps and cosines, and a range of values for each slice."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.io import netcdf_file

from volstudio.errors import UnreadableFileError
from volstudio.volumes.readers import open_volume

COUNTS = {"zspace": 3, "yspace": 5, "xspace": 4}
STARTS = {"zspace": -20.0, "yspace": 31.0, "xspace": -7.5}
STEPS = {"zspace": 4.0, "yspace": -2.5, "xspace": 1.5}
TURN = np.radians(20)
COSINES = {"xspace": (np.cos(TURN), np.sin(TURN), 0.0), "yspace": (-np.sin(TURN), np.cos(TURN), 0.0), "zspace": (0.0, 0.0, 1.0)}
LEAST, MOST = 0, 4000  # valid_range: stored numbers that stand for the ends of a slice's values
LOW, HIGH = np.array([-10.0, 0.0, 5.0]), np.array([100.0, 50.0, 45.0])  # of the slices' values


def world(z, y, x):
    """Where a voxel lies: every dimension goes its steps from its start along its cosines."""
    at = {"zspace": z, "yspace": y, "xspace": x}
    return sum((STARTS[name] + STEPS[name] * index) * np.array(COSINES[name]) for name, index in at.items())


def stored(times=0):
    shape = (*((times,) if times else ()), *COUNTS.values())
    return np.random.default_rng(4).integers(LEAST, MOST + 1, shape).astype("i2")


def values_of(numbers):
    """Of stored numbers (z, y, x): the share of the valid range is the share of the slice's own."""
    share = (numbers - LEAST) / (MOST - LEAST)
    return LOW[:, None, None] + share * (HIGH - LOW)[:, None, None]


def write_minc1(path, numbers, *, dims=tuple(COUNTS), signtype=b"signed__"):
    with netcdf_file(path, "w") as file:
        for name, count in zip(dims, numbers.shape, strict=True):
            file.createDimension(name, count)
            variable = file.createVariable(name, "i4", ())
            if name in COUNTS:
                variable.start, variable.step, variable.direction_cosines = STARTS[name], STEPS[name], np.array(COSINES[name])
            variable.spacing = b"regular__"
        image = file.createVariable("image", numbers.dtype.str[1:], dims)
        image[:] = numbers
        image.signtype, image.valid_range = signtype, np.array([float(LEAST), float(MOST)])
        along = dims[: len(dims) - 2]
        for name, ends in (("image-min", LOW), ("image-max", HIGH)):
            file.createVariable(name, "f8", along)[:] = np.broadcast_to(ends, numbers.shape[:-2])
    return path


def write_minc2(path, numbers):
    h5py = pytest.importorskip("h5py", reason="h5py (the extra 'formats') is not installed")
    with h5py.File(path, "w") as file:
        dimensions = file.create_group("minc-2.0/dimensions")
        for name, count in COUNTS.items():
            variable = dimensions.create_dataset(name, (), "i4")
            variable.attrs.update({"start": STARTS[name], "step": STEPS[name], "direction_cosines": COSINES[name], "length": count})
            variable.attrs["spacing"] = np.bytes_("regular__")
        group = file.create_group("minc-2.0/image/0")
        image = group.create_dataset("image", data=numbers)
        image.attrs.update({"dimorder": np.bytes_(",".join(COUNTS)), "valid_range": np.array([float(LEAST), float(MOST)])})
        for name, ends in (("image-min", LOW), ("image-max", HIGH)):
            group.create_dataset(name, data=ends).attrs["dimorder"] = np.bytes_("zspace")
    return path


def codes(volume):
    return {finding.code for finding in volume.findings}


@pytest.mark.parametrize(("write", "version"), [(write_minc1, "MINC1"), (write_minc2, "MINC2")])
def test_places_and_values(tmp_path, write, version):
    numbers = stored()
    volume = open_volume(write(tmp_path / "scan.mnc", numbers))
    assert (volume.name, volume.source.format, volume.shape) == ("scan", version, tuple(COUNTS.values()))
    np.testing.assert_allclose(volume.data, values_of(numbers), rtol=1e-6, atol=1e-5)
    assert volume.data.dtype == np.float32
    for voxel in ((0, 0, 0), (2, 0, 0), (1, 4, 3)):
        np.testing.assert_allclose(volume.affine.apply(voxel), world(*voxel), atol=1e-12)


def test_time_comes_last_whatever_the_file_says(tmp_path):
    numbers = stored(times=2)
    volume = open_volume(write_minc1(tmp_path / "series.mnc", numbers, dims=("time", *COUNTS)))
    assert volume.n_times == 2
    for time in range(2):
        np.testing.assert_allclose(volume.data[..., time], values_of(numbers[time]), rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(volume.affine.apply((2, 3, 1)), world(2, 3, 1), atol=1e-12)
    assert "series" in codes(volume)
    single = open_volume(write_minc1(tmp_path / "one.mnc", stored(times=1), dims=("time", *COUNTS)))
    assert (single.data.shape, single.n_times) == (tuple(COUNTS.values()), 1)


def test_what_is_no_time_is_told(tmp_path):
    volume = open_volume(write_minc1(tmp_path / "vector.mnc", stored(times=3), dims=("vector_dimension", *COUNTS)))
    assert "components-as-series" in codes(volume)
    assert "3 components of a voxel" in " ".join(finding.text for finding in volume.findings)


def test_two_dimensions_beside_space_are_refused(tmp_path):
    numbers = np.broadcast_to(stored(times=2), (2, 2, *COUNTS.values()))
    path = write_minc1(tmp_path / "deep.mnc", numbers, dims=("time", "echo", *COUNTS))
    with pytest.raises(UnreadableFileError, match="its dimensions are time, echo, zspace, yspace, xspace"):
        open_volume(path)


@pytest.mark.parametrize("write", [write_minc1, write_minc2])
def test_a_file_that_ends_early_is_said_to(tmp_path, write):
    path = write(tmp_path / "scan.mnc", stored())
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UnreadableFileError, match="truncated"):
        open_volume(path)


def test_more_voxels_than_the_file_can_hold_are_not_believed(tmp_path):
    """HDF5 declares what was never written, and reads it as zeros."""
    h5py = pytest.importorskip("h5py", reason="h5py (the extra 'formats') is not installed")
    path = write_minc2(tmp_path / "scan.mnc", stored())
    with h5py.File(path, "r+") as file:
        group = file["minc-2.0/image/0"]
        attributes = dict(group["image"].attrs)
        del group["image"]
        group.create_dataset("image", (3, 4000, 4000), "i2", chunks=(1, 100, 100), compression="gzip").attrs.update(attributes)
    with pytest.raises(UnreadableFileError, match=r"declares .* of voxels, more than the file can hold"):
        open_volume(path)


def test_a_form_and_too_little_memory_are_refused(tmp_path):
    path = write_minc1(tmp_path / "scan.mnc", stored())
    with pytest.raises(UnreadableFileError, match="neither sform nor qform"):
        open_volume(path, form="s")
    with pytest.raises(UnreadableFileError, match="memory"):
        open_volume(path, memory_limit=100)
