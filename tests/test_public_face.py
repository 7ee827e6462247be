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


WRONG = {
    "a view that is misspelt": (lambda scene, _: vs.render(scene, view="axail"), ValueError, "no view 'axail'; did you mean 'axial'"),
    "no pixels": (lambda scene, _: vs.render(scene, size=(0, 0)), ValueError, "0 x 0 pixels is out of range"),
    "negative pixels": (lambda scene, _: vs.render(scene, size=(-300, 200)), ValueError, "out of range"),
    "one number of pixels": (lambda scene, _: vs.render(scene, size=300), TypeError, r"\(width, height\)"),
    "broken pixels": (lambda scene, _: vs.render(scene, size=(300.5, 200)), TypeError, r"\(width, height\)"),
    "more pixels than memory": (lambda scene, _: vs.render(scene, size=(10**6, 10**6)), ValueError, "out of range"),
    "too many pixels": (lambda scene, _: vs.render(scene, size=(16000, 16000)), ValueError, "at most 100 million"),
    "a point of two numbers": (lambda scene, _: vs.render(scene, at=(1, 2)), TypeError, r"\(x, y, z\)"),
    "a point that is nowhere": (lambda scene, _: vs.render(scene, at=(1, 2, float("nan"))), ValueError, "crosshair"),
    "a convention that is none": (lambda scene, _: vs.render(scene, convention="left"), ValueError, "left"),
    "a volume for a scene": (lambda _, volume: vs.render(volume), TypeError, "Scene.of"),
    "a volume for a scene in a plotter": (lambda _, volume: vs.add_to(None, volume), TypeError, "Scene.of"),
    "a path for the fixed scan": (lambda _, volume: vs.register(fixed="a.nii", moving=volume), TypeError, r"open_volume\('a.nii'\)"),
    "an array for the moving scan": (lambda _, volume: vs.register(volume, np.zeros((9, 9, 9))), TypeError, "moving scan.*ndarray"),
    "a path for a volume of a scene": (lambda *_: vs.Scene.of("x"), TypeError, r"open_volume\('x'\)"),
    "a bare matrix for a placement": (lambda scene, _: scene.place("ball", np.eye(4)), TypeError, "Affine.*'ball:scanner'"),
    "bytes for a path": (lambda *_: vs.open_volume(b"a.nii"), TypeError, "got bytes"),
    "nothing for a path": (lambda *_: vs.open_volume(None), TypeError, "got NoneType"),
    "a path to resample": (lambda _, volume: vs.resample("a.nii", onto=volume), TypeError, r"open_volume\('a.nii'\)"),
    "a matrix to resample onto": (lambda _, volume: vs.resample(volume, onto=np.eye(4)), TypeError, "onto"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_argument_is_one_sentence(wrong):
    from volstudio.volumes.readers import volume_from_array

    volume = volume_from_array(np.arange(1000.0).reshape(10, 10, 10), np.eye(4), name="ball")
    call, builtin, says = WRONG[wrong]
    with pytest.raises(vs.VolstudioError, match=says) as caught:
        call(vs.Scene.of(volume), volume)
    assert isinstance(caught.value, builtin)
    assert "\n" not in str(caught.value)
