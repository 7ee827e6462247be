from __future__ import annotations

import nibabel
import numpy as np
import pytest

from volstudio.errors import OutputError
from volstudio.rendering import offscreen
from volstudio.rendering.gl_probe import Probe
from volstudio.scene.files import load_scene
from volstudio.tasks.align import outcome
from volstudio.tasks.demo import demo_scene, run_headless
from volstudio.volumes.samples import sample, truth

EPI_VOXEL_MM = 3.0


def test_the_demo_starts_wrong_by_a_known_move():
    scene = demo_scene()
    assert [layer.path for layer in scene.layers] == ["sample:t1", "sample:epi"]
    assert outcome(scene, "epi") > 8


@pytest.fixture(scope="module")
def bare_server(tmp_path_factory):
    """The demo's outcome where no OpenGL library is to be had."""
    folder = tmp_path_factory.mktemp("demo") / "volstudio-demo"
    with pytest.MonkeyPatch.context() as patch:
        missing = Probe(ok=False, how="", renderer="", sentence="3D needs OpenGL; install it with: apt install libosmesa6")
        patch.setattr(offscreen, "probe_opengl", lambda: missing)
        patch.setattr(offscreen, "render_3d", lambda *_, **__: pytest.fail("OpenGL was asked for"))
        return run_headless(folder)


def test_without_opengl_everything_but_3d_is_done_and_said(bare_server):
    names = {path.name for path in bare_server.pair.folder.iterdir()}
    assert {"before.png", "after.png", "scene.toml", "epi_aligned.nii.gz"} < names
    assert any(name.endswith(".tfm") for name in names)
    assert any("slices only" in line and "libosmesa6" in line for line in bare_server.story())
    assert load_scene(bare_server.pair.folder / "scene.toml").view == "ortho"


def test_the_truth_is_recovered_to_less_than_a_voxel(bare_server):
    assert bare_server.before_mm > 8
    assert bare_server.after_mm < EPI_VOXEL_MM
    assert f"{bare_server.after_mm:.2f} mm off" in bare_server.story()[0]


def test_the_edited_header_puts_the_voxels_where_the_truth_does(bare_server):
    stated = nibabel.load(bare_server.pair.folder / "epi_aligned.nii.gz").affine
    true = truth().matrix @ sample("epi").affine.matrix
    corners = np.array([[i, j, k, 1] for i in (0, 63) for j in (0, 63) for k in (0, 33)], float)
    assert np.linalg.norm((corners @ stated.T - corners @ true.T)[:, :3], axis=1).max() < EPI_VOXEL_MM


def test_the_session_reopens_where_it_was_left(bare_server):
    assert outcome(load_scene(bare_server.pair.folder / "scene.toml"), "epi") == pytest.approx(bare_server.after_mm, abs=1e-9)


def test_a_second_run_does_not_replace_the_first_unasked(bare_server):
    with pytest.raises(OutputError, match="exists already"):
        run_headless(bare_server.pair.folder)
