from __future__ import annotations

import json
from itertools import permutations

import nibabel
import numpy as np
import pytest

from volstudio.errors import SceneError, UnreadableFileError
from volstudio.geometry.affine import Affine
from volstudio.geometry.spaces import SCENE, scanner
from volstudio.scene.files import save_scene
from volstudio.tasks.open import open_layer, open_scene, open_volumes, source_files
from volstudio.volumes.store import STORE


def test_the_order_of_files_changes_nothing(pair):
    scenes = [open_scene(paths) for paths in permutations([pair.anatomy, pair.epi])]
    assert scenes[0] == scenes[1]
    assert scenes[0].names == ("解剖", "epi")


def test_files_are_opened_once_and_stay_warm(pair):
    scene = open_scene([pair.anatomy, pair.epi])
    again = open_volumes([str(pair.epi)])[0]
    assert open_layer(scene.layer("epi")).data is again.data
    assert STORE.get(str(pair.epi)).data is again.data


def test_a_scene_file_opens_with_its_placement_and_form(pair, tmp_path):
    move = Affine([[1, 0, 0, 4], [0, 1, 0, 0], [0, 0, 1, -2], [0, 0, 0, 1]], scanner("epi"), SCENE)
    scene = open_scene([pair.anatomy, pair.epi], form="s").place("epi", move)
    save_scene(scene, tmp_path / "study.toml")
    opened = open_scene([tmp_path / "study.toml"])
    np.testing.assert_array_equal(opened.placement("epi").matrix, move.matrix)
    assert [layer.form for layer in opened.layers] == ["s", "s"]
    assert [layer.path for layer in opened.layers] == [str(pair.anatomy), str(pair.epi)]


def test_volumes_beside_a_scene_file_lie_on_top_under_a_name_of_their_own(pair, tmp_path):
    save_scene(open_scene([pair.epi]), tmp_path / "study.json")
    scene = open_scene([pair.anatomy, tmp_path / "study.json", pair.epi])
    assert scene.names == ("epi", "解剖", "epi-2")
    assert open_layer(scene.layer("epi-2")).name == "epi-2"


def test_two_scans_of_one_name_are_told_apart_by_their_folders(pair, tmp_path):
    other = tmp_path / "visit2"
    other.mkdir()
    (other / "epi.nii").write_bytes(pair.epi.read_bytes())
    volumes = open_volumes([str(pair.epi), str(other / "epi.nii")])
    assert [volume.name for volume in volumes] == ["病人 一/epi", "visit2/epi"]
    assert set(open_scene([pair.epi, other / "epi.nii"]).names) == {"病人 一/epi", "visit2/epi"}


def test_a_form_that_nothing_would_heed_is_refused(pair, tmp_path):
    save_scene(open_scene([pair.anatomy]), tmp_path / "study.toml")
    with pytest.raises(SceneError, match=r"study.toml says for each of its layers which form to use"):
        open_scene([tmp_path / "study.toml"], form="q")
    assert [layer.form for layer in open_scene([tmp_path / "study.toml", pair.epi], form="s").layers] == ["auto", "s"]


def test_two_scene_files_are_refused(tmp_path):
    with pytest.raises(SceneError, match="one scene"):
        open_scene([tmp_path / "a.toml", tmp_path / "b.json"])


def test_a_layer_whose_file_is_damaged_is_named(pair, tmp_path):
    (tmp_path / "scan.nii").write_bytes(pair.epi.read_bytes()[:5000])
    (tmp_path / "study.json").write_text(json.dumps({"layers": [{"name": "functional", "path": "scan.nii"}]}))
    with pytest.raises(UnreadableFileError, match="functional"):
        open_scene([tmp_path / "study.json"])


def test_source_files_are_those_of_every_layer(pair):
    assert set(source_files(open_scene([pair.anatomy, pair.epi]))) == {pair.anatomy, pair.epi}


def test_samples_are_files_too():
    scene = open_scene(["sample:t1"])
    assert scene.layers[0].path == "sample:t1"
    assert len(source_files(scene)) == 1


def test_the_phase_of_complex_numbers_is_opened_by_name(tmp_path):
    data = (np.arange(24).reshape(2, 3, 4) * (1 - 1j)).astype(np.complex64)
    nibabel.Nifti1Image(data, np.eye(4)).to_filename(tmp_path / "field.nii")
    whole, phase = open_volumes([str(tmp_path / "field.nii"), str(tmp_path / "field.nii#phase")])
    assert (whole.name, phase.name) == ("field", "field-phase")
    np.testing.assert_allclose(phase.data, np.angle(data), rtol=1e-6)
    scene = open_scene([tmp_path / "field.nii#phase"])
    np.testing.assert_array_equal(open_layer(scene.layers[0]).data, phase.data)
    with pytest.raises(SceneError, match="memory only"):
        save_scene(scene, tmp_path / "scene.toml")
