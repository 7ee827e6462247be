"""Small volumes and scenes whose truth is known, for the tests of this room."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.geometry.spaces import scanner, voxel
from volstudio.scene.model import Layer, Look, Scene
from volstudio.volumes.volume import Volume


def _turn(*degrees):
    """Rotation about x, then y, then z."""
    x, y, z = np.deg2rad(degrees)
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def _placed(linear, offset=(-20.0, -25.0, -15.0)):
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = linear, offset
    return matrix


_OBLIQUE = _turn(20, -13, 31)
_SHEAR = np.array([[1, 0.3, 0.1], [0, 1, 0.2], [0, 0, 1]])
MATRICES = {
    "identity": _placed(np.eye(3)),
    "oblique": _placed(_OBLIQUE),
    "anisotropic": _placed(_OBLIQUE @ np.diag([0.9, 1.1, 2.4])),
    "flipped": _placed(_OBLIQUE @ np.diag([-0.9, 1.1, 2.4]), (30.0, -20.0, -40.0)),
    "sheared": _placed(_OBLIQUE @ _SHEAR @ np.diag([0.9, 1.1, 1.7])),
    "sheared and flipped": _placed(_SHEAR @ np.diag([1.2, -0.8, 1.5]), (-20.0, 25.0, -15.0)),
}


@pytest.fixture(params=MATRICES, ids=lambda name: name.replace(" ", "-"))
def placing(request):
    """(4, 4) of each way a file may place its voxels: straight, oblique, anisotropic, flipped, sheared."""
    return MATRICES[request.param]


@pytest.fixture
def make_volume():
    """Volume of an array and a matrix."""

    def make(array, matrix=None, name="vol", **more):
        affine = Affine(np.eye(4) if matrix is None else matrix, voxel(name), scanner(name))
        return Volume(array, Grid(array.shape[:3], affine), name, **more)

    return make


@pytest.fixture
def make_scene():
    """(scene, volumes) of volumes drawn gray on black from 0 to 1, or as the looks say."""

    def make(*volumes, looks=(), **more):
        looks = looks or [Look(window=(0.0, 1.0))] * len(volumes)
        layers = tuple(Layer(volume.name, f"memory:{volume.name}", look=look) for volume, look in zip(volumes, looks, strict=True))
        scene = Scene(layers=layers, **{"background": (0.0, 0.0, 0.0), **more})
        return scene, {volume.name: volume for volume in volumes}.__getitem__

    def scene_and_find(*volumes, **more):
        scene, by_name = make(*volumes, **more)
        return scene, lambda layer: by_name(layer.name)

    return scene_and_find


@pytest.fixture
def make_view(opengl):
    """(view, picture): a `SceneView` in a renderer of its own, and what renders it to (h, w, 3)."""
    from contextlib import ExitStack

    from vtkmodules.vtkRenderingCore import vtkRenderer

    from volstudio.rendering.offscreen import grab, offscreen_window
    from volstudio.rendering.view import SceneView

    with ExitStack() as open_windows:

        def make(volumes, size=(240, 240)):
            window = open_windows.enter_context(offscreen_window(size))
            renderer = vtkRenderer()
            window.AddRenderer(renderer)
            view = SceneView(renderer, volumes)
            open_windows.callback(view.close)

            def picture():
                window.Render()
                return grab(window)

            return view, picture

        yield make
