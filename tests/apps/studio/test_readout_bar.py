"""Voxel and value of each layer at the crosshair."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

pytestmark = pytest.mark.window


def test_the_readout_gives_voxel_and_value_of_each_layer(window, hand, scans):
    image = nib.load(scans["epi"])
    ijk = (9, 15, 7)
    point = image.affine[:3, :3] @ ijk + image.affine[:3, 3]
    for field, value in zip(window.readout.fields, point, strict=True):
        hand.type(field, repr(float(value)))
    reading = {reading.layer: reading for reading in window.readout.readings}["epi"]
    assert np.abs(np.array(reading.ijk) - ijk).max() < 1e-4
    assert reading.value == float(np.asarray(image.dataobj)[ijk])
    assert "[9&nbsp;15&nbsp;7]" in window.readout.values.text()
    assert f"epi [9 15 7] {reading.value:.0f}" in window.readout.values.toolTip()
