from __future__ import annotations

import os

import msgspec
import nibabel
import numpy as np
import pytest

from volstudio.errors import OpenGLUnavailableError, OutputError, SceneError
from volstudio.geometry.affine import Affine
from volstudio.geometry.rigid import RigidTransform
from volstudio.geometry.spaces import scanner
from volstudio.rendering.picture_files import read_png_text
from volstudio.scene.model import Scene
from volstudio.tasks.open import open_scene
from volstudio.tasks.shots import render, shot, suitable_size
from volstudio.volumes.readers import volume_from_array

SMALL = (300, 220)


@pytest.fixture
def scene(pair):
    return open_scene([pair.anatomy, pair.epi])


@pytest.mark.parametrize("view", ["axial", "coronal", "sagittal", "ortho"])
def test_a_picture_has_the_size_asked_for_and_shows_something(scene, view):
    picture = render(scene, size=SMALL, view=view)
    assert picture.shape == (SMALL[1], SMALL[0], 3)
    assert picture.dtype == np.uint8
    assert np.unique(picture.reshape(-1, 3), axis=0).shape[0] > 100


def test_the_order_of_files_changes_no_pixel(pair):
    one, other = (render(open_scene(paths), size=SMALL, view="ortho") for paths in ([pair.anatomy, pair.epi], [pair.epi, pair.anatomy]))
    np.testing.assert_array_equal(one, other)


def test_the_point_moves_the_slices(scene):
    a, b = (render(scene, size=SMALL, view="axial", at=at) for at in ((0, 0, 0), (0, 0, 20)))
    assert (a != b).any()
    moved = msgspec.structs.replace(scene, crosshair=(0.0, 0.0, 20.0))
    np.testing.assert_array_equal(b, render(moved, size=SMALL, view="axial"))


def test_convention_turns_left_and_right_of_the_anatomy(scene):
    bare = msgspec.structs.replace(scene, letters=False, colour_bars=False, scale_bar=False, show_crosshair=False)
    # Below the size at which words are written, the picture is anatomy alone.
    left, right = (render(bare, size=(140, 140), view="axial", convention=each) for each in ("neurological", "radiological"))
    # The mirrored picture may lie a fraction of a pixel aside, so it is compared and not demanded to the last bit.
    turned, same = (np.abs(left.astype(int) - other).mean() for other in (right[:, ::-1], right))
    assert turned < 0.5 * same


@pytest.mark.parametrize("view", ["axial", "coronal", "sagittal", "ortho", "3d"])
def test_side_by_side_only_what_moved_is_elsewhere(scene, view, request):
    if view == "3d":
        request.getfixturevalue("opengl")
    # The EPI is as good as invisible, so all that is left to see is the anatomy, which stays where it is.
    epi = scene.layer("epi")
    faint = msgspec.structs.replace(epi, box=False, look=msgspec.structs.replace(epi.look, opacity=1e-6, volume=False))
    layers = tuple(faint if layer.name == "epi" else layer for layer in scene.layers)
    before = msgspec.structs.replace(scene, layers=layers, show_crosshair=view != "3d")  # its arms reach as far as the layers do
    far = Affine(RigidTransform.from_euler((0.3, 0.2, 0.4), (30, -20, 25)).matrix, scanner("epi"), "scene")
    after = before.place("epi", far)
    alone = [render(each, size=(420, 320), view=view, at=(0, 0, 0)) for each in (before, after)]
    assert np.abs(np.subtract(*alone, dtype=int)).max() > 30, "each for itself, they are framed differently"
    one, other = (render(each, size=(420, 320), view=view, at=(0, 0, 0), beside=its) for each, its in ((before, after), (after, before)))
    assert np.abs(np.subtract(one, other, dtype=int)).max() <= 2


def test_a_point_outside_everything_is_refused(scene):
    with pytest.raises(SceneError, match=r"outside every layer.*reach x"):
        render(scene, size=SMALL, view="axial", at=(0, 500, 0))


def test_an_empty_scene_is_refused():
    with pytest.raises(SceneError, match="no layer"):
        render(Scene())


def test_a_volume_made_in_memory_is_drawn_through_its_layer():
    data = np.zeros((20, 22, 24), np.float32)
    data[5:15, 6:16, 7:17] = 1
    volume = volume_from_array(data, np.diag([2.0, 2.0, 2.0, 1.0]), name="cube")
    picture = render(Scene.of(volume), size=(200, 200), view="coronal")
    assert picture.max() > 200


def no_opengl(*_, **__):
    raise OpenGLUnavailableError("There is no OpenGL here; install with: apt install libosmesa6")


def test_quad_without_opengl_shows_slices_and_the_sentence(scene, monkeypatch):
    from volstudio.rendering import offscreen

    monkeypatch.setattr(offscreen, "render_3d", no_opengl)
    picture = render(scene, size=(600, 450), view="quad")
    quarter = picture[250:400, 320:590]
    assert quarter.max() > 90, "the sentence is missing"
    with pytest.raises(OpenGLUnavailableError, match="libosmesa6"):
        render(scene, size=SMALL, view="3d")


def test_shot_writes_the_picture_and_what_it_shows(scene, tmp_path):
    path = shot(scene, tmp_path / "图 1.png", view="axial", size=SMALL)
    words = read_png_text(path.read_bytes())
    assert words["Software"].startswith("volstudio ")
    assert "axial" in words["Description"]
    assert "解剖, epi" in words["Description"]
    assert os.fspath(tmp_path) not in str(words)


def test_a_picture_claims_no_side_that_the_files_do_not_know(pair, tmp_path):
    image = nibabel.Nifti1Image(np.arange(8 * 9 * 10, dtype=np.int16).reshape(8, 9, 10), None)
    image.to_filename(tmp_path / "unknown.nii")
    for paths, side in (
        ([tmp_path / "unknown.nii"], "left/right unknown"),
        ([tmp_path / "unknown.nii", pair.epi], "neurological?"),
        ([pair.epi], "neurological"),
    ):
        path = shot(open_scene(paths), tmp_path / f"{len(paths)}{len(side)}.png", view="axial", size=SMALL)
        assert f"; {side}; " in read_png_text(path.read_bytes())["Description"]


def test_the_same_scene_gives_the_same_bytes_wherever_it_lies(scene, pair, tmp_path):
    first = shot(scene, tmp_path / "a.png", view="ortho", size=SMALL).read_bytes()
    for path in (pair.anatomy, pair.epi):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    moved = open_scene([tmp_path / pair.anatomy.name, tmp_path / pair.epi.name])
    assert shot(moved, tmp_path / "b.png", view="ortho", size=SMALL).read_bytes() == first


def test_nothing_is_drawn_for_a_place_that_cannot_be_written(scene, tmp_path, monkeypatch):
    from volstudio.tasks import shots

    monkeypatch.setattr(shots, "render", lambda *_, **__: pytest.fail("the work began"))
    for target in (tmp_path / "a.bmp", tmp_path / "absent" / "a.png", tmp_path):
        with pytest.raises(OutputError):
            shot(scene, target)
    assert list(tmp_path.iterdir()) == []


def test_a_source_is_never_replaced(pair, tmp_path):
    disguised = tmp_path / "scan.png"
    os.link(pair.epi, disguised)
    with pytest.raises(OutputError, match="source"):
        shot(open_scene([pair.epi]), disguised, view="axial", overwrite=True)
    disguised.unlink()


@pytest.mark.parametrize(("view", "width", "size"), [("quad", None, (1200, 900)), ("ortho", 3000, (3000, 1160)), ("3d", 640, (640, 640))])
def test_sizes_suit_views(view, width, size):
    assert suitable_size(view, width) == size
