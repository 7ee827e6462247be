from __future__ import annotations

import json
import os
import shutil

import nibabel
import numpy as np
import pytest
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOImage import vtkPNGReader

from volstudio.errors import Cancelled, OutputError, RegistrationError, UnreadableFileError
from volstudio.geometry.measure import over_grid
from volstudio.progress import Progress
from volstudio.scene.files import load_scene
from volstudio.scene.model import Scene
from volstudio.tasks.open import open_scene, open_volumes
from volstudio.tasks.pair import register_pair
from volstudio.tasks.shots import render
from volstudio.transforms.files import read_transform, write_transform
from volstudio.transforms.sidecar import read_sidecar

STEM = "from-epi_to-解剖_mode-image_xfm"
FILES = {f"{STEM}.tfm", f"{STEM}.mat4", f"{STEM}.json", "epi_aligned.nii.gz", "before.png", "after.png", "scene.toml"}


@pytest.fixture(scope="module")
def outcome(pair, tmp_path_factory):
    return register_pair(str(pair.anatomy), str(pair.epi), tmp_path_factory.mktemp("out") / "结果")


def test_every_file_is_there_and_nothing_else(outcome):
    assert {path.name for path in outcome.folder.iterdir()} == FILES
    assert {path.name for path in outcome.files.values()} == FILES


def test_the_scan_lies_where_it_belongs(outcome, pair):
    off = over_grid(outcome.result.moving_to_fixed.matrix, pair.truth, open_volumes([str(pair.epi)])[0].grid)
    assert off.max < 2.0, "half a voxel of the EPI"
    # What is told is the way from the header, not from the truth.
    true_way = over_grid(np.eye(4), pair.truth, open_volumes([str(pair.epi)])[0].grid)
    assert outcome.moved.mean == pytest.approx(true_way.mean, abs=2.0)


def test_all_files_say_the_same(outcome, pair):
    still, mover = open_volumes([str(pair.anatomy), str(pair.epi)])
    found = outcome.result.moving_to_fixed.matrix
    for suffix in (".tfm", ".mat4"):
        read = read_transform(outcome.folder / f"{STEM}{suffix}", fixed=still, moving=mover)
        np.testing.assert_allclose(np.linalg.inv(read.matrix), found, atol=1e-9)
    np.testing.assert_allclose(np.linalg.inv(read_sidecar(outcome.folder / f"{STEM}.tfm").fixed_to_moving), found, atol=1e-9)
    np.testing.assert_allclose(nibabel.load(outcome.folder / "epi_aligned.nii.gz").affine, found @ mover.affine.matrix, atol=1e-4)
    np.testing.assert_allclose(load_scene(outcome.folder / "scene.toml").placement("epi").matrix, found, atol=1e-12)


def test_voxels_are_untouched(outcome, pair):
    written, source = nibabel.load(outcome.folder / "epi_aligned.nii.gz"), nibabel.load(pair.epi)
    np.testing.assert_array_equal(np.asanyarray(written.dataobj), np.asanyarray(source.dataobj))


def test_the_folder_can_move_together_with_the_scans(outcome, pair, tmp_path):
    top = pair.folder.parents[1]
    for folder in (pair.folder, outcome.folder):
        shutil.copytree(folder, tmp_path / folder.relative_to(top))
    scene = load_scene(tmp_path / outcome.folder.relative_to(top) / "scene.toml")
    assert {layer.path for layer in scene.layers} == {str(tmp_path / path.relative_to(top)) for path in (pair.anatomy, pair.epi)}


def test_the_scene_file_draws_the_picture_after(outcome, pair):
    scene = open_scene([outcome.folder / "scene.toml"])
    assert scene.view == "ortho"
    assert scene.layer("epi").placement.made_by == "registration"
    before = render(open_scene([pair.anatomy, pair.epi]), size=(400, 160), view="ortho")
    assert (render(scene, size=(400, 160)) != before).any()


def test_before_and_after_have_one_frame_and_one_point(outcome, pair):
    still, mover = open_volumes([str(pair.anatomy), str(pair.epi)])
    before = Scene.of(still, mover)
    after = before.place("epi", outcome.result.moving_to_fixed, made_by="registration")
    middle = still.affine.apply((np.array(still.shape) - 1) / 2)
    for name, scene, other in (("before", before, after), ("after", after, before)):
        expected = render(scene, size=(1500, 580), view="ortho", at=tuple(map(float, middle)), beside=other)
        np.testing.assert_array_equal(read_png(outcome.folder / f"{name}.png"), expected)


def read_png(path):
    reader = vtkPNGReader()
    reader.SetFileName(str(path))
    reader.Update()
    image = reader.GetOutput()
    width, height, _ = image.GetDimensions()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, 3)[::-1]


def test_the_story_and_the_json_tell_the_same_numbers(outcome):
    told = json.loads(outcome.as_json())
    assert f"{told['moved_mm']['mean']:.2f} mm" in outcome.story()[0]
    np.testing.assert_array_equal(told["moving_to_fixed"], outcome.result.moving_to_fixed.matrix)
    assert set(told["files"].values()) == {str(path) for path in outcome.files.values()}


def test_the_same_run_gives_the_same_bytes(outcome, pair):
    again = register_pair(str(pair.anatomy), str(pair.epi), outcome.folder.parent / "again")
    for name in FILES - {f"{STEM}.json"}:
        assert (again.folder / name).read_bytes() == (outcome.folder / name).read_bytes(), name


def test_a_start_is_taken_from_a_file(pair, tmp_path):
    still, mover = open_volumes([str(pair.anatomy), str(pair.epi)])
    start = outcome_start(pair, still, mover)
    write_transform(start, tmp_path / "start.tfm", fixed=still, moving=mover)
    done = register_pair(str(pair.anatomy), str(pair.epi), tmp_path / "out", start=tmp_path / "start.tfm")
    np.testing.assert_allclose(done.result.start.matrix, pair.truth, atol=1e-6)


def outcome_start(pair, still, mover):
    from volstudio.geometry.affine import Affine

    return Affine(pair.truth, mover.affine.target, still.affine.target).inverse()


def test_cancelled_at_any_step_leaves_nothing(pair, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # which thread prepares a scan, and so how many reports are heard, is chance
    reports = []
    register_pair(str(pair.anatomy), str(pair.epi), tmp_path / "whole", progress=Progress(reports.append))
    shutil.rmtree(tmp_path / "whole")
    for stop_at in (0, len(reports) // 2, len(reports) - 3, len(reports) - 2, len(reports) - 1):
        progress = Progress()
        progress._listen = Stopper(progress, stop_at)
        with pytest.raises(Cancelled):
            register_pair(str(pair.anatomy), str(pair.epi), tmp_path / "out", progress=progress)
        assert list(tmp_path.iterdir()) == [], stop_at


class Stopper:
    """Cancels at the n-th report."""

    def __init__(self, progress, at):
        self.progress, self.left = progress, at

    def __call__(self, step):
        if self.left == 0:
            self.progress.cancel()
            raise Cancelled("Cancelled; nothing was changed.")
        self.left -= 1


def test_results_that_are_there_are_kept_unless_asked(outcome, pair, tmp_path):
    (tmp_path / "after.png").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        register_pair(str(pair.anatomy), str(pair.epi), tmp_path)
    assert (tmp_path / "after.png").read_text() == "mine"
    register_pair(str(pair.anatomy), str(pair.epi), tmp_path, overwrite=True)
    assert {path.name for path in tmp_path.iterdir()} == FILES


def test_a_source_inside_the_folder_is_never_replaced(pair, tmp_path):
    source = tmp_path / "epi_aligned.nii.gz"
    nibabel.load(pair.epi).to_filename(source)
    before = source.read_bytes()
    epi = tmp_path / "epi.nii.gz"
    epi.hardlink_to(source)
    with pytest.raises(OutputError, match="source"):
        register_pair(str(pair.anatomy), str(epi), tmp_path, overwrite=True)
    assert source.read_bytes() == before


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_the_start_is_never_replaced(pair, tmp_path, link):
    still, mover = open_volumes([str(pair.anatomy), str(pair.epi)])
    write_transform(outcome_start(pair, still, mover), tmp_path / "start.tfm", fixed=still, moving=mover)
    before = (tmp_path / "start.tfm").read_bytes()
    (tmp_path / "out").mkdir()
    link(tmp_path / "start.tfm", tmp_path / "out" / f"{STEM}.mat4")
    with pytest.raises(OutputError, match="source"):
        register_pair(str(pair.anatomy), str(pair.epi), tmp_path / "out", start=tmp_path / "start.tfm", overwrite=True)
    assert (tmp_path / "start.tfm").read_bytes() == before


def test_a_scan_and_itself_are_refused(pair, tmp_path):
    (tmp_path / "link.nii").symlink_to(pair.epi)
    for other in (pair.epi, tmp_path / "link.nii"):
        with pytest.raises(RegistrationError, match="one and the same file"):
            register_pair(str(pair.epi), str(other), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_damaged_start_is_refused_before_anything_is_made(pair, tmp_path):
    with pytest.raises(UnreadableFileError):
        register_pair(str(pair.anatomy), str(pair.epi), tmp_path / "out", start=tmp_path / "absent.tfm")
    assert list(tmp_path.iterdir()) == []
