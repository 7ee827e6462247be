from __future__ import annotations

import hashlib
import os

import nibabel
import numpy as np
import pytest
from scipy.ndimage import maximum_filter, minimum_filter

from volstudio.errors import OutputError, SceneError
from volstudio.geometry.affine import Affine
from volstudio.geometry.spaces import scanner
from volstudio.scene.files import load_scene
from volstudio.tasks.open import open_layer, open_scene, open_volumes
from volstudio.tasks.save import save_edited_header, save_resampled, save_session, save_transform
from volstudio.transforms.files import read_transform

FIXED = "解剖"


@pytest.fixture
def scene(pair):
    """The EPI where it truly belongs, on an anatomy that itself was moved in the scene."""
    scene = open_scene([pair.anatomy, pair.epi])
    moved = Affine([[0, -1, 0, 7], [1, 0, 0, -3], [0, 0, 1, 5], [0, 0, 0, 1]], scanner(FIXED), "scene")
    return scene.place(FIXED, moved).place("epi", Affine(pair.truth, scanner("epi"), scanner(FIXED)))


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(autouse=True)
def _sources_never_change(pair):
    before = [(digest(path), path.stat().st_mtime_ns) for path in (pair.anatomy, pair.epi)]
    yield
    assert [(digest(path), path.stat().st_mtime_ns) for path in (pair.anatomy, pair.epi)] == before


def test_placements_lead_from_one_scan_to_the_other_whatever_the_scene_does(scene, pair):
    onto = scene.placement("epi", onto=FIXED)
    assert (onto.source, onto.target) == ("epi:scanner", f"{FIXED}:scanner")
    np.testing.assert_allclose(onto.matrix, pair.truth, atol=1e-9)
    assert scene.placement("epi").target == "scene"
    with pytest.raises(SceneError, match="itself"):
        scene.placement("epi", onto="epi")


def test_the_edited_header_says_where_it_lies_and_keeps_every_voxel(scene, pair, tmp_path):
    save_edited_header(scene, "epi", tmp_path / "out.nii.gz", onto=FIXED)
    written, source = nibabel.load(tmp_path / "out.nii.gz"), nibabel.load(pair.epi)
    np.testing.assert_allclose(written.affine, pair.truth @ source.affine, atol=1e-4)
    np.testing.assert_array_equal(np.asanyarray(written.dataobj), np.asanyarray(source.dataobj))
    assert written.get_data_dtype() == source.get_data_dtype()


def test_resampled_lies_on_the_fixed_grid(scene, pair, tmp_path):
    save_resampled(scene, "epi", tmp_path / "out.nii.gz", onto=FIXED)
    written, fixed = nibabel.load(tmp_path / "out.nii.gz"), nibabel.load(pair.anatomy)
    np.testing.assert_array_equal(written.affine, fixed.affine)
    assert written.shape == fixed.shape
    # The EPI was made as 900 - 0.8 x the anatomy: away from edges, and where the slab reaches, that must hold voxel by voxel.
    moved, still = (np.asanyarray(image.dataobj).astype(float) for image in (written, fixed))
    flat = (maximum_filter(still, 7) - minimum_filter(still, 7) < 100) & (minimum_filter(still, 7) > 100) & (moved > 50)
    assert flat.sum() > 2000
    assert np.abs(moved - (900 - 0.8 * still))[flat].mean() < 15


@pytest.mark.parametrize("name", ["out.tfm", "out.mat4"])
def test_a_transform_maps_fixed_points_to_moving_points(scene, pair, tmp_path, name):
    save_transform(scene, "epi", tmp_path / name, onto=FIXED)
    still, mover = open_volumes([str(pair.anatomy), str(pair.epi)])
    read = read_transform(tmp_path / name, fixed=still, moving=mover)
    np.testing.assert_allclose(read.matrix, np.linalg.inv(pair.truth), atol=1e-9)


def test_a_transform_of_a_single_scan_is_refused(pair, tmp_path):
    with pytest.raises(SceneError, match="only 'epi'"):
        save_transform(open_scene([pair.epi]), "epi", tmp_path / "out.tfm")


def test_a_session_is_saved_again_and_again_and_reopens(scene, tmp_path):
    save_session(scene, tmp_path / "会话.toml")
    save_session(scene.place("epi", Affine.identity("epi:scanner", "scene")), tmp_path / "会话.toml")
    save_session(scene, tmp_path / "会话.toml")
    again = load_scene(tmp_path / "会话.toml")
    np.testing.assert_array_equal(again.placement("epi").matrix, scene.placement("epi").matrix)


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_no_saving_ever_reaches_a_source_through_a_link(scene, pair, tmp_path, link):
    for suffix, save in (
        (".nii", lambda path: save_edited_header(scene, "epi", path, onto=FIXED, overwrite=True)),
        (".nii.gz", lambda path: save_resampled(scene, "epi", path, onto=FIXED, overwrite=True)),
        (".tfm", lambda path: save_transform(scene, "epi", path, onto=FIXED, overwrite=True)),
        (".toml", lambda path: save_session(scene, path)),
    ):
        for number, source in enumerate((pair.anatomy, pair.epi)):
            disguise = tmp_path / f"{number}{suffix}"
            link(source, disguise)
            with pytest.raises(OutputError, match="source"):
                save(disguise)


def test_a_layer_is_opened_under_its_own_name(scene):
    assert open_layer(scene.layer("epi")).affine.target == "epi:scanner"
