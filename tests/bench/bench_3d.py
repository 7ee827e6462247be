"""How long a 3D picture takes from nothing, beside a bare PyVista script: ``python -m pytest tests/bench/bench_3d.py --benchmark-enable``.

The figures of the two scripts are for the same two volumes and the same number of pixels, not for the same picture: PyVista draws one
volume over the other, unlit, in its own placement.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.gl

SIZE = 800

OURS = """
import sys
from volstudio import Scene, open_volume, render
scene = Scene.of(open_volume(sys.argv[1]), open_volume(sys.argv[2]))
print(render(scene, size=({size}, {size}), view="3d").mean())
"""

PYVISTA = """
import sys
import nibabel, numpy, pyvista
plotter = pyvista.Plotter(off_screen=True, window_size=({size}, {size}))
for path, colours in ((sys.argv[1], "gray"), (sys.argv[2], "hot")):
    image = nibabel.load(path)
    grid = pyvista.ImageData(dimensions=image.shape[:3], spacing=image.header.get_zooms()[:3])
    grid.point_data["v"] = numpy.asarray(image.dataobj).ravel(order="F")
    plotter.add_volume(grid, cmap=colours)
print(plotter.screenshot(return_img=True).mean())
"""

PAIRS = {
    "pair": ("pair/someones_anatomy.nii.gz", "pair/someones_epi.nii.gz"),
    "whole-head": ("head/chris_t1.nii.gz", "head/fmri_pitch.nii.gz"),
}


@pytest.mark.parametrize("script", ["volstudio", "pyvista"])
@pytest.mark.parametrize("pair", PAIRS)
def test_two_volumes_from_a_cold_start(benchmark, pair, script, shared_data, opengl):
    code = (OURS if script == "volstudio" else PYVISTA).format(size=SIZE)
    paths = [str(shared_data / name) for name in PAIRS[pair]]
    environment = {**os.environ, "VTK_DEFAULT_OPENGL_WINDOW": opengl.how} if script == "pyvista" else dict(os.environ)

    def run():
        began = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code, *paths], check=True, capture_output=True, text=True, env=environment)
        print(f"{pair} {script}: {time.perf_counter() - began:.2f} s, mean {done.stdout.strip()}")

    benchmark.pedantic(run, rounds=3, warmup_rounds=1)


@pytest.fixture(scope="module")
def head_view(shared_data, opengl):
    """A whole head with an EPI in a window of 800 pixels: (view, render)."""
    from vtkmodules.vtkRenderingCore import vtkRenderer

    from volstudio import Scene, open_volume
    from volstudio.rendering.offscreen import offscreen_window
    from volstudio.rendering.view import SceneView
    from volstudio.scene.sources import open_layer

    scene = Scene.of(*(open_volume(shared_data / name) for name in PAIRS["whole-head"]))
    with offscreen_window((SIZE, SIZE)) as window:
        renderer = vtkRenderer()
        window.AddRenderer(renderer)
        view = SceneView(renderer, open_layer)
        view.sync(None, scene)
        yield view, window.Render
        view.close()


@pytest.mark.parametrize(("pixels", "steps"), [(1.0, 1.0), (3.0, 2.0)], ids=["still", "moving"])  # as the window's 3D pane has them
def test_one_frame_of_a_whole_head(benchmark, pixels, steps, head_view):
    view, render = head_view
    view.volume_actor.set_detail(pixels=pixels, steps=steps)
    benchmark.pedantic(render, rounds=3, warmup_rounds=1)


def test_one_pick_in_a_whole_head(benchmark, head_view):
    from volstudio.rendering.pick import pick
    from volstudio.scene.sources import open_layer

    view, _ = head_view
    assert benchmark(lambda: pick(view, view.scene, open_layer, (SIZE / 2, SIZE / 2))) is not None
