"""Air is parted from what is in it."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.registration.otsu import air_threshold


@pytest.mark.parametrize("scale", [1.0, 1e-3, 4000.0])
def test_the_threshold_lies_between_air_and_the_darkest_tissue(scale):
    random = np.random.default_rng(0)
    values = np.concatenate([random.normal(mean, 4, count) for mean, count in ((5, 6000), (60, 2000), (110, 2000))]) * scale
    assert 15 * scale < air_threshold(values.astype(np.float32)) < 50 * scale
