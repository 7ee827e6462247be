"""A scene that has to be computed: the brain cut open at the strongest activation of the statistical map.

The crosshair goes to the peak of the map, and a plane through it takes away what would hide it.
"""

from __future__ import annotations

import msgspec
import numpy as np

import volstudio as vs
from volstudio.scene.model import Camera, Clip, Scene


def scene() -> Scene:
    """The anatomy, opened at the peak."""
    t1, stat = vs.open_volume("sample:t1"), vs.open_volume("sample:stat")
    values = np.nan_to_num(stat.frame())
    peak = stat.affine.apply(np.unravel_index(values.argmax(), values.shape))
    x, y, z = (round(float(mm), 1) for mm in peak)
    side = 1.0 if x > 0 else -1.0
    layers = tuple(msgspec.structs.replace(layer, box=False) for layer in Scene.of(t1, stat).layers)
    return Scene(
        layers=layers,
        title=f"Peak of the map at {x:g}, {y:g}, {z:g} mm",
        view="3d",
        crosshair=(x, y, z),
        clips=(Clip((x, y, z), (0.0, 0.0, -1.0)),),
        camera=Camera((side * 190.0, 195.0, 260.0), (0.0, -20.0, 2.0)),
    )
