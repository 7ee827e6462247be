"""Colours of label numbers, however great they are."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.rendering.labels import LABEL_COLOURS, label_rows


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64, np.float32, np.float64])
def test_a_label_has_one_colour_in_every_type(dtype):
    numbers = np.array([0, 1, 17, 127]).astype(dtype)
    assert label_rows(numbers).tolist() == [0, 1, 17, 127]


def test_colours_begin_again_behind_the_last_and_never_at_nothing():
    far = np.array([LABEL_COLOURS - 1, LABEL_COLOURS, 2 * LABEL_COLOURS - 2, 2**31 - 1, 2**53 - 1], np.int64)
    expected = [1 + (int(number) - 1) % (LABEL_COLOURS - 1) for number in far]
    assert label_rows(far).tolist() == label_rows(far.astype(np.float64)).tolist() == expected
    assert label_rows(far[:4].astype(np.uint32)).tolist() == expected[:4]


def test_labels_beyond_the_doubles_are_told_apart_as_far_as_doubles_tell_them():
    """Slices hold them as doubles, 3D as they are stored: both give one colour."""
    far = np.array([2**63 + 4096, 2**63 + 8192, 2**64 - 4096, 2**53 + 2], np.uint64)
    assert len(set(label_rows(far).tolist())) == 4
    assert label_rows(far).tolist() == label_rows(far.astype(np.float64)).tolist()
    assert label_rows(np.array([2**64 - 1], np.uint64)).tolist() == label_rows(np.array([2.0**64])).tolist()
    assert min(label_rows(far)) > 0
