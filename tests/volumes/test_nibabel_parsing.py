"""What nibabel raises becomes one sentence, its matrices become grids or are refused, and scaled values fit the type they are given."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from volstudio.errors import Cancelled, UnreadableFileError
from volstudio.volumes.nibabel_parsing import grid_of, parsing_by_nibabel, value_dtype

PATH = Path("scan.mnc")


@pytest.mark.parametrize("error", [ValueError("bad\nsecond line"), KeyError("image"), IndexError(), MemoryError("x"), OSError(5, "I/O")])
def test_whatever_a_parser_raises_is_a_damaged_file(error):
    words = r"Cannot read 'scan.mnc': it is no whole MINC file, damaged or truncated \("
    with pytest.raises(UnreadableFileError, match=words) as told, parsing_by_nibabel(PATH, "MINC"):
        raise error
    assert told.value.__cause__ is error
    assert type(error).__name__ in str(told.value)
    assert "second line" not in str(told.value)


def test_long_words_of_a_parser_are_cut_short():
    with pytest.raises(UnreadableFileError) as told, parsing_by_nibabel(PATH, "MINC"):
        raise ValueError("x" * 10_000)
    assert len(str(told.value)) < 320


@pytest.mark.parametrize("error", [UnreadableFileError("Our own sentence."), Cancelled("reading"), KeyboardInterrupt()])
def test_our_own_errors_and_a_stop_go_through(error):
    with pytest.raises(type(error)) as told, parsing_by_nibabel(PATH, "MINC"):
        raise error
    assert told.value is error


def test_its_warnings_are_not_ours():
    with parsing_by_nibabel(PATH, "MINC"):
        warnings.warn("odd header", UserWarning, stacklevel=1)  # an error of the tests where it gets out
    with pytest.raises(UserWarning, match="ours"):
        warnings.warn("ours", UserWarning, stacklevel=1)


def test_a_matrix_becomes_a_grid():
    affine = np.array([[0, -2, 0, 5], [3, 0, 0, 6], [0, 0, 4, 7], [0, 0, 0, 1]], dtype=np.float32)
    grid = grid_of((4, 5, 6, 9), affine, "scan", PATH)
    assert grid.shape == (4, 5, 6)
    assert (grid.affine.source, grid.affine.target) == ("scan:voxel", "scan:scanner")
    np.testing.assert_allclose(grid.affine.apply((1, 2, 3)), [1, 9, 19])


@pytest.mark.parametrize(
    ("shape", "affine"),
    [
        ((4, 5, 6), np.diag([1.0, 1, 0, 1])),
        ((4, 5, 6), np.full((4, 4), np.nan)),
        ((4, 5), np.eye(4)),
        ((4, 0, 6), np.eye(4)),
        ((4, 5, 6), np.eye(3)),
    ],
)
def test_what_places_nothing_is_refused_with_the_files_name(shape, affine):
    with pytest.raises(UnreadableFileError, match=r"Cannot place 'scan.mnc': "):
        grid_of(shape, affine, "scan", PATH)


@pytest.mark.parametrize("stored", ["i1", "u1", "i2", "u2", "i4", "u4", "f2", "f4", "f8", "i8", "u8"])
def test_values_are_held_without_loss_that_matters(stored):
    dtype = np.dtype(stored)
    held = value_dtype(dtype)
    assert held in (np.dtype(np.float32), np.dtype(np.float64))
    assert held == (np.float64 if dtype.itemsize == 8 or stored in ("i4", "u4") else np.float32)
    ends = np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype)
    for end in (ends.min, ends.max):
        number = np.array(end, dtype)
        if dtype.itemsize < 8:  # every one of their numbers
            assert held.type(number) == number
        else:
            assert abs(float(held.type(number)) - float(number)) <= abs(float(number)) * 2**-52
