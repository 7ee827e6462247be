"""The 3D view as an array."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from volstudio.errors import OpenGLUnavailableError, SceneError
from volstudio.rendering import offscreen
from volstudio.rendering.camera import first_camera
from volstudio.rendering.gl_probe import Probe
from volstudio.rendering.offscreen import render_3d
from volstudio.rendering.planes import content_box
from volstudio.scene.model import Camera, Landmark, Look
from volstudio.volumes.store import path_of


@pytest.fixture
def scene(make_volume, make_scene):
    rng = np.random.default_rng(0)
    data = np.asfortranarray(rng.random((20, 24, 18)).astype(np.float32))
    scene, find = make_scene(make_volume(data), looks=[Look(window=(0.0, 1.0), preset="solid")])
    return msgspec.structs.replace(scene, layers=tuple(msgspec.structs.replace(x, path=path_of(find(x))) for x in scene.layers)), find


@pytest.mark.gl
@pytest.mark.parametrize("size", [(160, 120), (1, 1), (90, 200)])
def test_size_and_repetition(opengl, scene, size):
    first, second = (render_3d(*scene, size) for _ in range(2))
    assert first.shape == (size[1], size[0], 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, second)


@pytest.mark.gl
def test_row_zero_is_on_top(opengl, scene):
    scene, find = scene
    look = msgspec.structs.replace(scene, letters=False, show_crosshair=False)
    # The eye looks past the volume: it lies in the upper left part of the picture.
    picture = render_3d(
        msgspec.structs.replace(look, camera=Camera((0.0, 200.0, -40.0), (0.0, 0.0, -40.0), (0, 0, 1.0), 30.0, 80.0)), find, (200, 200)
    )
    assert picture[:100].mean() > 4 * picture[100:].mean()
    assert picture[:100, :100].mean() > 4 * picture[:100, 110:].mean()


@pytest.mark.gl
def test_larger_than_the_limit_is_put_together_from_tiles(opengl, scene, monkeypatch):
    scene, find = scene
    scene = msgspec.structs.replace(scene, landmarks=(Landmark("m", scene.layers[0].name, (1.0, 2.0, 3.0)),))
    whole = render_3d(scene, find, (230, 170))
    monkeypatch.setattr(offscreen, "MAX_EDGE", 100)
    tiled = render_3d(scene, find, (230, 170))
    assert tiled.shape == whole.shape
    difference = np.abs(tiled.astype(int) - whole)
    assert (difference.max(axis=2) > 8).mean() < 0.01
    assert difference.mean() < 0.3


def test_no_opengl_is_a_sentence(scene, monkeypatch):
    monkeypatch.setattr(offscreen, "probe_opengl", lambda: Probe(ok=False, how="", renderer="", sentence="None here; do this."))
    with pytest.raises(OpenGLUnavailableError, match="None here; do this"):
        render_3d(*scene, (50, 50))


@pytest.mark.parametrize("size", [(0, 10), (10, -1)])
def test_a_picture_without_pixels_is_refused(scene, size):
    with pytest.raises(SceneError, match="at least one pixel"):
        render_3d(*scene, size)


@pytest.mark.parametrize("aspect", [0.4, 1.0, 2.5])
@pytest.mark.parametrize("parallel", [False, True])
def test_first_camera_holds_everything_and_no_more(scene, aspect, parallel):
    corners = content_box(*scene)
    camera = first_camera(corners, aspect, parallel=parallel)
    eye, centre = np.array(camera.position), np.array(camera.focal_point)
    back = (eye - centre) / np.linalg.norm(eye - centre)
    right = np.cross(camera.view_up, back)
    right /= np.linalg.norm(right)
    arm = corners - eye
    depth = -(arm @ back)
    half = camera.parallel_scale if parallel else depth * np.tan(np.radians(camera.view_angle / 2))
    reach = np.maximum(np.abs(arm @ np.cross(back, right)) / half, np.abs(arm @ right) / half / aspect).max()
    assert 0.9 < reach < 0.96
    assert back[0] > 0.3  # from the patient's right, in front, above
    assert back[1] > 0.3
    assert back[2] > 0.1
