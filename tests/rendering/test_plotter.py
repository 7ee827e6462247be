"""Scenes beside a person's own meshes in PyVista."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from volstudio.rendering.plotter import add_to
from volstudio.scene.model import Camera
from volstudio.volumes.store import path_of


@pytest.mark.gl
def test_a_plotter_shows_scene_and_mesh(opengl, make_volume, make_scene, monkeypatch):
    monkeypatch.setenv("VTK_DEFAULT_OPENGL_WINDOW", opengl.how)
    import pyvista

    scene, find = make_scene(make_volume(np.ones((20, 20, 20), np.float32)), letters=False, show_crosshair=False)
    layers = tuple(msgspec.structs.replace(x, path=path_of(find(x)), box=False) for x in scene.layers)
    scene = msgspec.structs.replace(scene, layers=layers, camera=Camera((9.5, 200.0, 9.5), (9.5, 0.0, 9.5), (0, 0, 1.0), 30.0, 30.0))
    plotter = pyvista.Plotter(off_screen=True, window_size=(200, 200))
    try:
        plotter.add_mesh(pyvista.Sphere(radius=6, center=(28, 9.5, 9.5)), color="red", lighting=False)
        view = add_to(plotter, scene)
        seen = plotter.screenshot(return_img=True)
        assert plotter.camera.parallel_scale == 30.0
        assert seen[100, 100].min() > 60
        assert np.ptp(seen[100, 100]) <= 2
        x, y = view.rays().project((28, 9.5, 9.5))[0].round().astype(int)
        assert seen[y, x, 0] > 200
        assert seen[y, x, 1] < 20
        view.close()
        plotter.render()
        assert plotter.screenshot(return_img=True)[100, 100].max() == 0
    finally:
        plotter.close()
