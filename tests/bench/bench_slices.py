"""How long slices take, beside other ways of drawing them: ``python -m pytest tests/bench/bench_slices.py --benchmark-enable``."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest

from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.rendering.annotations import paint_slice
from volstudio.rendering.compositor import slice_rgb
from volstudio.rendering.layout import slices_picture
from volstudio.rendering.planes import SliceView
from volstudio.scene.model import Layer, Look, Scene
from volstudio.volumes.volume import Volume

SIDE = 256
PIXELS = 512


def head(name, dtype, degrees):
    """256 voxels each way over 220 mm, tilted."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) * (220 / SIDE)
    matrix[:3, 3] = -matrix[:3, :3] @ np.full(3, (SIDE - 1) / 2)
    i, j, k = np.ogrid[:SIDE, :SIDE, :SIDE]
    array = np.asfortranarray((1000 + 300 * (np.sin(i / 9) + np.sin(j / 7) + np.cos(k / 8))).astype(dtype))
    return Volume(array, Grid(array.shape, Affine(matrix, f"{name}:voxel", f"{name}:scanner")), name)


@pytest.fixture(scope="module")
def two_heads():
    volumes = {"t1": head("t1", np.int16, 0), "epi": head("epi", np.float32, 17)}
    over = Look("hot", opacity=0.5, hide_below=700.0)
    return Scene(layers=(Layer("t1", "memory:t1"), Layer("epi", "memory:epi", look=over))), lambda layer: volumes[layer.name]


def views():
    """A new depth each time, so that no cache answers."""
    depth = 0.0
    while True:
        depth += 0.0371
        yield SliceView("axial", (0.0, 0.0, depth), 230.0, (PIXELS, PIXELS))


@pytest.mark.parametrize("draw", [slice_rgb, paint_slice])
def test_two_layers_of_256_at_512_pixels(benchmark, draw, two_heads):
    scene, find = two_heads
    depths = views()
    benchmark(lambda: draw(scene, find, next(depths)))


def test_the_same_two_layers_by_scipy(benchmark, two_heads):
    """Coordinates, scipy's linear interpolation and a blend with numpy: what a script would write."""
    from scipy import ndimage

    scene, find = two_heads
    depths = views()
    pixels = np.stack(np.meshgrid(np.arange(PIXELS), np.arange(PIXELS)), axis=-1)

    def draw():
        world = next(depths).to_scene(pixels)
        grays = []
        for layer in scene.layers:
            volume = find(layer)
            ijk = np.moveaxis(volume.affine.inverse().apply(world), -1, 0)
            values = ndimage.map_coordinates(volume.data, ijk, output=np.float32, order=1, cval=np.nan)
            grays.append(np.nan_to_num(np.clip((values - 200) / 1800, 0, 1) * 255))
        return (0.5 * grays[0] + 0.5 * grays[1]).astype(np.uint8)

    benchmark(draw)


def test_a_figure_of_three_planes(benchmark, two_heads):
    scene, find = two_heads
    benchmark(lambda: slices_picture(scene, find, (1500, 600)))


@pytest.mark.parametrize("tool", ["volstudio", "nilearn"])
def test_three_planes_of_a_file_from_a_cold_start(benchmark, tool, shared_data, tmp_path):
    """A fresh interpreter, imports and reading included."""
    pytest.importorskip("nilearn")
    file = shared_data / "head" / "chris_t1.nii.gz"
    scripts = {
        "volstudio": "from volstudio.volumes.store import STORE; from volstudio.scene.model import Scene;"
        "from volstudio.rendering.layout import slices_picture; from volstudio.rendering.picture_files import encode;"
        f"scene = Scene.of(STORE.get({str(file)!r}));"
        "rgb = slices_picture(scene, lambda layer: STORE.get(layer.path, name=layer.name), (1200, 500));"
        f"open({str(tmp_path / 'v.png')!r}, 'wb').write(encode(rgb, '.png'))",
        "nilearn": "import matplotlib; matplotlib.use('Agg'); from nilearn import plotting;"
        f"plotting.plot_anat({str(file)!r}, output_file={str(tmp_path / 'n.png')!r})",
    }
    # Two rounds: the first fills the disk cache. A process is slow enough for its time to be seen.
    benchmark.pedantic(lambda: subprocess.run([sys.executable, "-W", "ignore", "-c", scripts[tool]], check=True), rounds=2, warmup_rounds=1)


def test_a_moved_layer_does_not_cut_the_others_again(benchmark, two_heads):
    """A drag in a pane: the view stays, one placement changes."""
    scene, find = two_heads
    view = next(views())
    started = time.perf_counter()

    def nudge():
        shift = Affine(
            np.array([[1, 0, 0, time.perf_counter() - started], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]), "epi:scanner", "scene"
        )
        return slice_rgb(scene.place("epi", shift), find, view)

    benchmark(nudge)
