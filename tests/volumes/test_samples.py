"""The built-in sample: its truth, its file, and what happens without nilearn."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import nibabel
import numpy as np
import pytest

from volstudio.errors import MissingExtraError, OutputError, VolstudioError
from volstudio.volumes import samples

pytestmark = pytest.mark.skipif(importlib.util.find_spec("nilearn") is None, reason="nilearn, which holds the brain, is not installed")


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VOLSTUDIO_CACHE_DIR", str(folder))
        yield folder


def test_t1_is_the_one_millimetre_mni_brain():
    t1 = samples.sample("t1")
    assert t1.shape == (197, 233, 189)
    np.testing.assert_array_equal(t1.grid.voxel_sizes, 1)
    # The anterior commissure, the origin of MNI space, lies in the brain, and left is where x is negative.
    assert t1.frame()[tuple(np.rint(t1.affine.inverse().apply([0, 0, 0])).astype(int))] > 0
    assert (t1.affine.source, t1.affine.target) == ("t1:voxel", "t1:scanner")


def test_stat_map_lies_in_the_same_space():
    stat = samples.sample("stat")
    inside = stat.affine.apply(np.argwhere(stat.frame() != 0))
    t1 = samples.sample("t1")
    nearest = np.clip(np.rint(t1.affine.inverse().apply(inside)).astype(int), 0, np.array(t1.shape) - 1)
    assert (t1.frame()[tuple(nearest.T)] > 0).mean() > 0.9


def test_epi_header_is_wrong_by_ten_millimetres_and_ten_degrees_about_its_centre():
    epi, truth = samples.sample("epi"), samples.truth()
    assert (truth.source, truth.target) == ("epi:scanner", "t1:scanner")
    shift = np.linalg.norm(truth.apply(epi.grid.centre) - epi.grid.centre)
    angle = np.degrees(np.arccos((np.trace(truth.linear) - 1) / 2))
    assert shift == pytest.approx(samples.HEADER_SHIFT_MM, abs=1e-4)
    assert angle == pytest.approx(samples.HEADER_ANGLE_DEG, abs=1e-4)
    np.testing.assert_allclose(truth.linear.T @ truth.linear, np.eye(3), atol=1e-6)


def test_truth_is_that_of_the_file_which_really_lies_on_the_disk():
    stored = nibabel.load(samples.sample_path("epi")).affine
    back = samples.truth().matrix @ stored
    np.testing.assert_allclose(back, samples._true_affine(), atol=1e-9)


def test_truth_lays_the_brain_of_the_epi_on_the_brain_of_the_t1():
    epi, t1 = samples.sample("epi"), samples.sample("t1")
    bright = np.argwhere(epi.frame() > 600)  # edges are half as bright, and blurred outwards

    def share_on_brain(points):
        nearest = np.rint(t1.affine.inverse().apply(points)).astype(int)
        nearest = np.clip(nearest, 0, np.array(t1.shape) - 1)
        return (t1.frame()[tuple(nearest.T)] > 0).mean()

    there = epi.affine.apply(bright)
    assert share_on_brain(samples.truth().apply(there)) > 0.99
    assert share_on_brain(there) < 0.95


def test_epi_has_the_contrast_of_an_epi():
    epi, truth = samples.sample("epi"), samples.truth()
    folder = samples.sample_path("t1").parent
    at = {}
    for tissue in ("gm", "wm"):
        image = nibabel.load(folder / samples._FILES[tissue])
        share = np.asanyarray(image.dataobj)
        indices = np.argwhere(np.ones(epi.shape, bool))
        world = truth.apply(epi.affine.apply(indices))
        nearest = np.rint(nibabel.affines.apply_affine(np.linalg.inv(image.affine), world)).astype(int)
        inside = ((nearest >= 0) & (nearest < share.shape)).all(axis=1)
        pure = share[tuple(nearest[inside].T)] > 240
        at[tissue] = np.median(epi.frame()[tuple(indices[inside][pure].T)])
    assert at["gm"] > 1.1 * at["wm"] > 300


def test_field_of_view_is_partial():
    t1 = samples.sample("t1")
    brain = t1.affine.apply(np.argwhere(t1.frame() > 0)[::97])
    index = (samples.truth() @ samples.sample("epi").affine).inverse().apply(brain)
    inside = ((index > -0.5) & (index < np.array(samples._SHAPE) - 0.5)).all(axis=1)
    assert 0.6 < inside.mean() < 0.95


def test_header_states_the_wrong_place_alike_in_both_forms():
    header = nibabel.load(samples.sample_path("epi")).header
    assert (int(header["sform_code"]), int(header["qform_code"])) == (1, 1)
    np.testing.assert_allclose(header.get_qform(), header.get_sform(), atol=1e-4)
    assert header.get_xyzt_units() == ("mm", "sec")


def test_epi_is_made_once_alike_each_time_and_again_when_damaged(cache):
    path = samples.sample_path("epi")
    before, bytes_before = path.stat().st_mtime_ns, path.read_bytes()
    assert samples.sample_path("epi").stat().st_mtime_ns == before
    path.write_bytes(bytes_before[:5000])
    assert samples.sample_path("epi").read_bytes() == bytes_before
    assert [p.name for p in cache.iterdir()] == [path.name]


def test_brain_points_lie_in_the_bright_part_of_the_epi():
    epi = samples.sample("epi")
    points = samples.brain_points()
    values = epi.frame()[tuple(np.rint(epi.affine.inverse().apply(points)).astype(int).T)]
    assert len(points) > 40_000
    assert (values > 200).mean() > 0.97


def test_unknown_name_is_one_sentence():
    with pytest.raises(VolstudioError, match="no sample 't2'; the samples are t1, epi, stat"):
        samples.sample("t2")


def test_without_nilearn_the_pip_line_is_said(monkeypatch):
    monkeypatch.setattr(samples, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="python -m pip install"):
        samples.sample("t1")


def test_cache_folder_that_cannot_be_made_is_said(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("VOLSTUDIO_CACHE_DIR", str(tmp_path / "file" / "cache"))
    with pytest.raises(OutputError, match="set VOLSTUDIO_CACHE_DIR"):
        samples.sample("epi")


def test_nilearn_is_never_imported():
    code = "import sys; from volstudio.volumes.samples import sample; sample('t1'); sys.exit('nilearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
