"""How large a picture may be: the ends of the range, and what is no size."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.errors import SceneError, WrongTypeError
from volstudio.rendering.picture_size import LARGEST, MOST_PIXELS, SMALLEST, check_size


@pytest.mark.parametrize(
    "size", [(SMALLEST, SMALLEST), (LARGEST, SMALLEST), (SMALLEST, LARGEST), (10_000, 10_000), [640, 480], (np.int64(800), np.uint16(600))]
)
def test_sizes_in_range_come_back_as_plain_numbers(size):
    given = check_size(size)
    assert given == (int(size[0]), int(size[1]))
    assert [type(part) for part in given] == [int, int]


@pytest.mark.parametrize("size", [(SMALLEST - 1, 100), (100, SMALLEST - 1), (LARGEST + 1, 100), (100, LARGEST + 1), (0, 0), (-800, 600)])
def test_sides_out_of_range_are_refused(size):
    with pytest.raises(SceneError, match=f"each side must have {SMALLEST} to {LARGEST} pixels"):
        check_size(size)


def test_a_poster_may_have_so_many_pixels_and_no_more():
    assert check_size((MOST_PIXELS // 10_000, 10_000)) == (10_000, 10_000)
    with pytest.raises(SceneError, match="10001 x 10000 pixels has too many; at most 100 million"):
        check_size((10_001, 10_000))


@pytest.mark.parametrize("size", [(800,), (800, 600, 3), (800.0, 600), "800x600", "88", 800, None, {"width": 800}, (800, "600")])
def test_what_is_no_pair_of_whole_numbers_is_refused(size):
    with pytest.raises(WrongTypeError, match=r"\(width, height\) in pixels") as told:
        check_size(size)
    assert repr(size) in str(told.value)
    assert isinstance(told.value, TypeError)
