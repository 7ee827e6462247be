from __future__ import annotations

import hashlib
import os

import nibabel
import numpy as np
import pytest
from scipy.ndimage import maximum_filter, minimum_filter

from volstudio.errors import GeometryError, OutputError, SceneError, TransformError
from volstudio.geometry.affine import Affine
from volstudio.geometry.spaces import scanner
from volstudio.scene.files import load_scene
from volstudio.tasks.open import open_layer, open_scene, open_volumes
from volstudio.tasks.save import apply_header, apply_resampled, save_edited_header, save_resampled, save_session, save_transform
from volstudio.transforms.files import read_transform, write_transform
from volstudio.transforms.sidecar import Sidecar, write_sidecar

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


@pytest.fixture
def transform(pair, tmp_path):
    still, mover = open_volumes([str(pair.anatomy), str(pair.epi)])
    moving_to_fixed = Affine(pair.truth, mover.affine.target, still.affine.target)
    write_transform(moving_to_fixed.inverse(), tmp_path / "epi.tfm", fixed=still, moving=mover)
    write_transform(moving_to_fixed.inverse(), tmp_path / "back.mat4", fixed=still, moving=mover, direction="moving-to-fixed")
    np.savetxt(tmp_path / "bare.mat4", pair.truth)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "options"),
    [("epi.tfm", {}), ("back.mat4", {}), ("bare.mat4", {"direction": "moving-to-fixed"})],
)
def test_apply_puts_a_scan_where_the_transform_says(transform, pair, name, options):
    apply_header(transform / name, str(pair.epi), transform / "out.nii", **options)
    np.testing.assert_allclose(nibabel.load(transform / "out.nii").affine, pair.truth @ nibabel.load(pair.epi).affine, atol=1e-4)


@pytest.mark.parametrize("link", [os.symlink, os.link])
@pytest.mark.parametrize("opened", ["epi.tfm", "epi.json"])
def test_apply_never_replaces_the_transform_it_reads(transform, pair, link, opened):
    still, mover = open_volumes([str(pair.anatomy), str(pair.epi)])
    read = read_transform(transform / "epi.tfm", fixed=still, moving=mover)
    write_sidecar(Sidecar.of(read, fixed=still, moving=mover), transform / "epi.tfm")
    before = (transform / opened).read_bytes()
    link(transform / opened, transform / "out.nii")
    for apply in (apply_header, apply_resampled):
        with pytest.raises(OutputError, match="source"):
            apply(transform / "epi.tfm", str(pair.epi), transform / "out.nii", overwrite=True)
    assert (transform / opened).read_bytes() == before


def test_apply_tells_where_the_transform_is_another_scans(transform, pair):
    still, mover = open_volumes([str(pair.anatomy), str(pair.epi)])
    read = read_transform(transform / "epi.tfm", fixed=still, moving=mover)
    write_sidecar(Sidecar.of(read, fixed=still, moving=mover), transform / "epi.tfm")
    assert apply_header(transform / "epi.tfm", str(pair.epi), transform / "right.nii") == ()
    for apply in (apply_header, apply_resampled):
        finding, *_ = apply(transform / "epi.tfm", str(pair.anatomy), transform / f"{apply.__name__}.nii")
        assert (finding.code, finding.severity) == ("other-scan", "warning")
        assert "for 'epi.nii'" in finding.text
    assert apply_header(transform / "epi.tfm", str(pair.anatomy), transform / "inverted.nii", invert=True) == ()


@pytest.mark.parametrize(
    ("values", "code"),
    [
        (np.ones((4, 5, 6), np.complex64), "complex"),
        (np.zeros((4, 5, 6), [("R", "u1"), ("G", "u1"), ("B", "u1")]), "colour"),
        (np.ones((4, 5, 6, 1, 3), np.float32), "components-as-series"),
    ],
)
def test_new_voxels_that_mean_something_else_are_told(transform, values, code):
    nibabel.Nifti1Image(values, np.eye(4)).to_filename(transform / "odd.nii")
    findings = apply_resampled(transform / "epi.tfm", str(transform / "odd.nii"), transform / "out.nii")
    (told,) = (finding.text for finding in findings if finding.code == code)
    assert told.startswith("odd: ")
    assert apply_header(transform / "epi.tfm", str(transform / "odd.nii"), transform / "same voxels.nii") == ()


def test_apply_inverted_goes_the_other_way(transform, pair):
    apply_header(transform / "epi.tfm", str(pair.epi), transform / "out.nii", invert=True)
    expected = np.linalg.inv(pair.truth) @ nibabel.load(pair.epi).affine
    np.testing.assert_allclose(nibabel.load(transform / "out.nii").affine, expected, atol=1e-4)


def test_a_bare_matrix_without_a_direction_is_refused(transform, pair):
    with pytest.raises(TransformError, match="which way"):
        apply_header(transform / "bare.mat4", str(pair.epi), transform / "out.nii")


def test_apply_resampled_is_what_the_scene_saves(transform, scene, pair):
    apply_resampled(transform / "epi.tfm", str(pair.epi), transform / "a.nii.gz", reference=str(pair.anatomy))
    save_resampled(scene, "epi", transform / "b.nii.gz", onto=FIXED)
    a, b = (np.asanyarray(nibabel.load(transform / name).dataobj).astype(int) for name in ("a.nii.gz", "b.nii.gz"))
    assert np.abs(a - b).max() <= 1


def test_isotropic_voxels_cover_the_moved_scan_and_the_reference(transform, pair):
    where = (str(pair.epi), transform / "alone.nii.gz")
    apply_resampled(transform / "epi.tfm", *where, isotropic_mm=3.0)
    apply_resampled(transform / "epi.tfm", str(pair.epi), transform / "both.nii.gz", reference=str(pair.anatomy), isotropic_mm=3.0)
    moved = pair.truth @ nibabel.load(pair.epi).affine
    for name, affine, shape in (("alone", moved, (23, 26, 16)), ("both", nibabel.load(pair.anatomy).affine, (46, 53, 47))):
        written = nibabel.load(transform / f"{name}.nii.gz")
        assert np.allclose(written.affine[:3, :3], np.diag([3.0, 3, 3]))
        corners = np.array(np.meshgrid(*[(-0.5, n - 0.5) for n in shape])).reshape(3, -1)
        voxels = np.linalg.inv(written.affine) @ affine @ np.vstack([corners, np.ones(8)])
        assert (voxels[:3] > -0.51).all()
        assert (voxels[:3].max(axis=1) < np.array(written.shape) - 0.49).all()
    # The same anatomy at the same world place: the EPI's own centre voxel.
    centre = moved @ (11, 13, 8, 1)
    alone = nibabel.load(transform / "alone.nii.gz")
    at = tuple(np.rint(np.linalg.inv(alone.affine) @ centre).astype(int)[:3])
    around = np.asanyarray(nibabel.load(pair.epi).dataobj)[10:13, 12:15, 7:10]
    assert around.min() - 1 <= np.asanyarray(alone.dataobj)[at] <= around.max() + 1


def test_the_own_grid_moves_into_the_fixed_world_and_outside_is_the_background(transform, pair):
    apply_resampled(transform / "epi.tfm", str(pair.epi), transform / "own.nii.gz", background=-77)
    own, source = nibabel.load(transform / "own.nii.gz"), nibabel.load(pair.epi)
    assert own.shape == source.shape
    assert np.allclose(own.affine, source.affine, atol=1e-4)
    values = np.asanyarray(own.dataobj)
    assert values.dtype == np.int16
    assert values.min() == -77
    assert 0 < (values == -77).mean() < 0.8
    assert not np.array_equal(values, np.asanyarray(source.dataobj))


@pytest.mark.parametrize("spacing", [0.0, -2.0, float("nan"), 1e-4])
def test_a_spacing_that_is_none_is_refused(transform, pair, spacing):
    with pytest.raises(GeometryError, match="mm"):
        apply_resampled(transform / "epi.tfm", str(pair.epi), transform / "no.nii.gz", isotropic_mm=spacing)
    assert not (transform / "no.nii.gz").exists()


def test_labels_are_not_mixed_and_series_keep_their_time(pair, tmp_path):
    rng = np.random.default_rng(2)
    labels = rng.choice(np.array([0, 3, 1001], np.int16), (12, 14, 10, 3), p=[0.5, 0.3, 0.2])
    nibabel.Nifti1Image(labels, np.diag([6.0, 6, 6, 1])).to_filename(tmp_path / "labels.nii.gz")
    (tmp_path / "half.mat4").write_text("# maps fixed points to moving points, RAS mm\n1 0 0 2.5\n0 1 0 1.2\n0 0 1 0.7\n0 0 0 1\n")
    apply_resampled(
        tmp_path / "half.mat4",
        str(tmp_path / "labels.nii.gz"),
        tmp_path / "out.nii.gz",
        reference=str(pair.anatomy),
        interpolation="nearest",
    )
    written = nibabel.load(tmp_path / "out.nii.gz")
    assert written.shape == (*nibabel.load(pair.anatomy).shape, 3)
    assert set(np.unique(np.asanyarray(written.dataobj))) <= {0, 3, 1001}


def test_a_layer_is_opened_under_its_own_name(scene):
    assert open_layer(scene.layer("epi")).affine.target == "epi:scanner"
