"""A grid laid anyhow into a volume, against a function that linear interpolation meets exactly."""

from __future__ import annotations

import numpy as np

from volstudio.registration.sitk_sampling import sampled_grid


def test_a_linear_function_is_sampled_exactly(heads):
    k, j, i = np.meshgrid(np.arange(20), np.arange(22), np.arange(24), indexing="ij")
    values = (2 * i - 3 * j + 5 * k).astype(np.float32)
    to_index = heads.rigid((1, 2, 3), 10, (7, 8, 6))
    seen = sampled_grid(values, to_index, first=-0.5, step=0.5, counts=(6, 5, 4), outside=-1000)
    assert seen.shape == (4, 5, 6)
    for place in ((0, 0, 0), (3, 4, 5), (1, 2, 3)):
        at = to_index[:3, :3] @ (np.array(place[::-1]) * 0.5 - 0.5) + to_index[:3, 3]
        np.testing.assert_allclose(seen[place], at @ (2, -3, 5), atol=1e-3)


def test_outside_is_what_was_asked_for():
    seen = sampled_grid(np.ones((4, 4, 4), np.float32), np.eye(4), first=-3, step=1, counts=(3, 3, 3), outside=-7)
    assert (seen[0, 0] == -7).all()
