"""The names that scripts rely on, used as a newcomer would use them."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest

import volstudio as vs


def test_importing_volstudio_imports_nothing_heavy():
    heavy = {"numpy", "vtkmodules", "pyvista", "nibabel", "SimpleITK", "scipy", "msgspec"}
    code = f"import sys, volstudio; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there_and_is_listed():
    for name in vs.__all__:
        assert getattr(vs, name) is not None
        assert name in dir(vs)
    with pytest.raises(AttributeError, match="no attribute 'open_volumes'"):
        vs.open_volumes  # noqa: B018 - the access is under test


def test_documentation_pair_lies_where_nibabel_says(shared_data):
    path = shared_data / "pair" / "someones_epi.nii.gz"
    epi = vs.open_volume(path)
    reference = nib.load(path)
    expected = nib.affines.apply_affine(reference.affine, (26, 30, 16))
    np.testing.assert_allclose(epi.affine.apply((26, 30, 16)), expected, atol=1e-9)
    np.testing.assert_array_equal(epi.affine.matrix, reference.affine)
    assert (epi.affine.source, epi.affine.target) == ("someones_epi:voxel", "someones_epi:scanner")


def test_five_lines_from_two_files_to_a_picture(shared_data, tmp_path):
    source = shared_data / "pair" / "someones_epi.nii.gz"
    before = hashlib.sha256(source.read_bytes()).hexdigest(), source.stat().st_mtime_ns
    anatomy, epi = vs.open_volume(shared_data / "pair" / "someones_anatomy.nii.gz"), vs.open_volume(source)
    result = vs.register(fixed=anatomy, moving=epi)
    scene = vs.Scene.of(anatomy, epi).place("someones_epi", result.moving_to_fixed)
    picture = vs.render(scene, size=(600, 240), view="ortho")
    vs.save_header(epi, result.moving_to_fixed, tmp_path / "epi_aligned.nii.gz")

    assert picture.shape == (240, 600, 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 10
    np.testing.assert_allclose(result.fixed_to_moving.matrix @ result.moving_to_fixed.matrix, np.eye(4), atol=1e-9)
    np.testing.assert_array_equal(scene.placement("someones_epi").matrix, result.moving_to_fixed.matrix)
    saved = nib.load(tmp_path / "epi_aligned.nii.gz")
    np.testing.assert_allclose(saved.affine, result.moving_to_fixed.matrix @ epi.affine.matrix, atol=2e-5)
    assert np.array_equal(saved.dataobj.get_unscaled(), nib.load(source).dataobj.get_unscaled())
    assert (hashlib.sha256(source.read_bytes()).hexdigest(), source.stat().st_mtime_ns) == before


def test_a_forgotten_inverse_is_an_error_and_not_a_mirrored_patient(shared_data):
    anatomy = vs.open_volume(shared_data / "pair" / "someones_anatomy.nii.gz")
    epi = vs.open_volume(shared_data / "pair" / "someones_epi.nii.gz")
    wrong_way = vs.Affine(np.eye(4), "someones_anatomy:scanner", "someones_epi:scanner")
    with pytest.raises(vs.VolstudioError, match="inverse"):
        vs.Scene.of(anatomy, epi).place("someones_epi", wrong_way)


@pytest.mark.gl
def test_a_scene_goes_into_any_plotter(shared_data):
    pyvista = pytest.importorskip("pyvista")
    from volstudio.rendering.offscreen import probe_opengl

    probe = probe_opengl()
    if not probe.ok:
        pytest.skip(probe.sentence)
    scene = vs.Scene.of(vs.open_volume(shared_data / "pair" / "someones_anatomy.nii.gz"))
    plotter = pyvista.Plotter(off_screen=True, window_size=(200, 200))
    vs.add_to(plotter, scene)
    picture = plotter.screenshot(return_img=True)
    plotter.close()
    assert picture.std() > 5
