"""Every scene file is an example, a page of the gallery and, here, a test of what it claims: in numbers first, then in pixels.

After a deliberate change of looks, look at the pictures and run ``python docs/make_gallery.py``, which writes gallery and goldens anew.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import numpy as np
import pytest
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOImage import vtkPNGReader

from volstudio.rendering.gl_probe import probe_opengl
from volstudio.rendering.picture_files import encode, read_png_text
from volstudio.rendering.planes import SliceView
from volstudio.rendering.readout import readout
from volstudio.tasks.align import outcome
from volstudio.tasks.open import open_layer, open_scene, open_volumes
from volstudio.tasks.shots import render, suitable_size

ROOT = Path(__file__).resolve().parents[2]
SCENES = sorted([*(ROOT / "scenes").glob("*.toml"), *(ROOT / "scenes").glob("*.py")])
GOLDEN = Path(__file__).parent / "golden"
WIDTHS = {"ortho": 520, "quad": 420, "3d": 220}
UPDATE = os.environ.get("VOLSTUDIO_UPDATE_GOLDENS") == "1"

scenes = pytest.mark.parametrize("path", SCENES, ids=lambda path: path.stem)


def scene_of(stem):
    return open_scene([next(path for path in SCENES if path.stem == stem)])


def small(scene):
    return render(scene, size=suitable_size(scene.view, WIDTHS[scene.view]))


def read_png(path: Path) -> np.ndarray:
    reader = vtkPNGReader()
    reader.SetFileName(str(path))
    reader.Update()
    width, height, _ = reader.GetOutput().GetDimensions()
    return vtk_to_numpy(reader.GetOutput().GetPointData().GetScalars()).reshape(height, width, 3)[::-1]


# ---- numbers


def test_before_and_after_differ_by_the_error_of_the_header():
    assert outcome(scene_of("01_sample_before"), "epi") > 8
    for stem, name in (("02_sample_after", "epi"), ("03_quad", "epi"), ("04_methods_figure", "EPI"), ("05_cut_3d", "epi")):
        assert outcome(scene_of(stem), name) < 1e-4, stem


def test_the_methods_figure_has_the_left_of_the_patient_on_the_right():
    view = SliceView.for_scene(scene_of("04_methods_figure"), open_layer, "axial", (100, 100))
    np.testing.assert_array_equal(view.right, (-1, 0, 0))


def test_the_cut_is_seen_from_its_open_side():
    scene = scene_of("05_cut_3d")
    (clip,) = scene.clips
    assert np.dot(np.subtract(scene.camera.position, clip.origin), clip.normal) < 0


def test_the_map_is_hot_under_the_crosshair():
    scene = scene_of("06_stat_on_t1")
    value = next(value for name, _, value in readout(scene, open_layer, scene.crosshair) if name == "z")
    assert value > scene.layer("z").look.hide_below


def test_the_computed_scene_goes_to_the_strongest_activation():
    scene = scene_of("07_activation_peak")
    (stat,) = open_volumes(["sample:stat"])
    values = np.nan_to_num(np.asarray(stat.data))
    peak = stat.affine.matrix @ [*np.unravel_index(values.argmax(), values.shape), 1]
    np.testing.assert_allclose(scene.crosshair, peak[:3], atol=0.051)
    assert np.dot(np.subtract(scene.clips[0].origin, peak[:3]), scene.clips[0].normal) == pytest.approx(0, abs=0.051)


# ---- pixels


@scenes
def test_picture(path):
    scene = open_scene([path])
    needs_gl = scene.view in {"quad", "3d"}
    probe = probe_opengl() if needs_gl else None
    if probe is not None and not probe.ok:
        pytest.skip(probe.sentence)
    picture = small(scene)
    target = GOLDEN / f"{path.stem}.png"
    renderer = probe.renderer if probe else "CPU"
    if UPDATE:
        target.write_bytes(encode(picture, ".png", {"Renderer": renderer}))
    if probe is not None and "llvmpipe" not in probe.renderer:
        pytest.skip(f"the golden picture was drawn by llvmpipe, this machine draws with {probe.renderer}")
    golden = read_png(target)
    assert picture.shape == golden.shape
    difference = np.abs(picture.astype(int) - golden)
    if renderer == read_png_text(target.read_bytes())["Renderer"]:
        assert difference.max() <= 1
    else:
        # Another release of llvmpipe rounds otherwise; a shift of a quarter millimetre or a flip is far above this.
        assert difference.mean() < 0.3


@pytest.mark.parametrize("stem", ["01_sample_before", "05_cut_3d", "06_stat_on_t1"])
def test_the_comparison_sees_a_quarter_of_a_millimetre(stem):
    """The golden comparison is worth something only if a small error fails it."""
    scene = scene_of(stem)
    if scene.view == "3d" and not probe_opengl().ok:
        pytest.skip(probe_opengl().sentence)
    top = scene.layers[-1]
    rows = tuple((*row[:3], row[3] + (0.25 if number == 0 else 0.0)) for number, row in enumerate(top.placement.matrix))
    moved = scene.with_layer(msgspec.structs.replace(top, placement=msgspec.structs.replace(top.placement, matrix=rows)))
    assert np.abs(small(moved).astype(int) - small(scene)).max() > 8


@scenes
def test_every_scene_is_small_documented_and_in_the_gallery(path):
    assert (GOLDEN / f"{path.stem}.png").stat().st_size <= 60_000
    gallery = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    assert f"images/{path.stem}.png" in gallery
    assert (ROOT / "docs" / "images" / f"{path.stem}.png").is_file()
    assert path.read_text(encoding="utf-8").startswith(("# ", '"""'))
