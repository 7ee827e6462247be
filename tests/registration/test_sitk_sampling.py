"""A grid laid anyhow into a volume, against a function that linear interpolation meets exactly."""

from __future__ import annotations

import numpy as np

from volstudio.registration.sitk_sampling import image_of, sampled_grid


def test_a_linear_function_is_sampled_exactly(heads):
    k, j, i = np.meshgrid(np.arange(20), np.arange(22), np.arange(24), indexing="ij")
    values = (2 * i - 3 * j + 5 * k).astype(np.float32)
    to_index = heads.rigid((1, 2, 3), 10, (7, 8, 6))
    with sampled_grid(image_of(values), to_index, first=-0.5, step=0.5, counts=(6, 5, 4), outside=-1000) as seen:
        assert seen.shape == (4, 5, 6)
        for place in ((0, 0, 0), (3, 4, 5), (1, 2, 3)):
            at = to_index[:3, :3] @ (np.array(place[::-1]) * 0.5 - 0.5) + to_index[:3, 3]
            np.testing.assert_allclose(seen[place], at @ (2, -3, 5), atol=1e-3)


def test_outside_is_what_was_asked_for():
    image = image_of(np.ones((4, 4, 4), np.float32))
    with sampled_grid(image, np.eye(4), first=-3, step=1, counts=(3, 3, 3), outside=-7) as seen:
        assert (seen[0, 0] == -7).all()


def test_small_integers_are_not_rounded_between_voxels():
    values = np.broadcast_to(np.arange(8, dtype=np.uint8), (8, 8, 8)).copy()
    with sampled_grid(image_of(values), np.eye(4), first=2.25, step=1, counts=(3, 3, 3), outside=0) as seen:
        assert seen.dtype == np.float32
        np.testing.assert_allclose(seen[1, 1], [2.25, 3.25, 4.25])
