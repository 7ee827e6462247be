"""A transform file put to use: by the header, as new voxels, on one scan and on several."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import nibabel
import numpy as np
import pytest

from volstudio.errors import GeometryError, OutputError, TransformError
from volstudio.geometry.affine import Affine
from volstudio.geometry.spaces import scanner
from volstudio.tasks.apply import Onto, Reading, apply_header, apply_resampled
from volstudio.tasks.open import open_scene, open_volumes
from volstudio.tasks.save import save_resampled
from volstudio.transforms.files import read_transform, write_transform
from volstudio.transforms.sidecar import Sidecar, write_sidecar

FIXED = "解剖"


def header(transform, moving, path, *, overwrite=False, **reading):
    (written,) = apply_header(transform, [moving], path, reading=Reading(**reading), overwrite=overwrite)
    assert written.path == path
    return written.findings


def resampled(transform, moving, path, *, overwrite=False, **onto):
    (written,) = apply_resampled(transform, [moving], path, onto=Onto(**onto), overwrite=overwrite)
    assert written.path == path
    return written.findings


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(autouse=True)
def _sources_never_change(pair):
    before = [(digest(path), path.stat().st_mtime_ns) for path in (pair.anatomy, pair.epi)]
    yield
    assert [(digest(path), path.stat().st_mtime_ns) for path in (pair.anatomy, pair.epi)] == before


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
    header(transform / name, str(pair.epi), transform / "out.nii", **options)
    np.testing.assert_allclose(nibabel.load(transform / "out.nii").affine, pair.truth @ nibabel.load(pair.epi).affine, atol=1e-4)


@pytest.mark.parametrize("link", [os.symlink, os.link])
@pytest.mark.parametrize("opened", ["epi.tfm", "epi.json"])
def test_apply_never_replaces_the_transform_it_reads(transform, pair, link, opened):
    still, mover = open_volumes([str(pair.anatomy), str(pair.epi)])
    read = read_transform(transform / "epi.tfm", fixed=still, moving=mover)
    write_sidecar(Sidecar.of(read, fixed=still, moving=mover), transform / "epi.tfm")
    before = (transform / opened).read_bytes()
    link(transform / opened, transform / "out.nii")
    for apply in (header, resampled):
        with pytest.raises(OutputError, match="source"):
            apply(transform / "epi.tfm", str(pair.epi), transform / "out.nii", overwrite=True)
    assert (transform / opened).read_bytes() == before


def test_apply_tells_where_the_transform_is_another_scans(transform, pair):
    still, mover = open_volumes([str(pair.anatomy), str(pair.epi)])
    read = read_transform(transform / "epi.tfm", fixed=still, moving=mover)
    write_sidecar(Sidecar.of(read, fixed=still, moving=mover), transform / "epi.tfm")
    assert header(transform / "epi.tfm", str(pair.epi), transform / "right.nii") == ()
    for apply in (header, resampled):
        finding, *_ = apply(transform / "epi.tfm", str(pair.anatomy), transform / f"{apply.__name__}.nii")
        assert (finding.code, finding.severity) == ("other-scan", "warning")
        assert "for 'epi.nii'" in finding.text
    assert header(transform / "epi.tfm", str(pair.anatomy), transform / "inverted.nii", invert=True) == ()


def test_new_voxels_that_mean_something_else_are_told(transform):
    nibabel.Nifti1Image(np.ones((4, 5, 6, 1, 3), np.float32), np.eye(4)).to_filename(transform / "odd.nii")
    findings = resampled(transform / "epi.tfm", str(transform / "odd.nii"), transform / "out.nii")
    (told,) = (finding.text for finding in findings if finding.code == "components-as-series")
    assert told.startswith("odd: ")
    assert header(transform / "epi.tfm", str(transform / "odd.nii"), transform / "same voxels.nii") == ()


@pytest.mark.parametrize("interpolation", ["auto", "nearest", "linear", "cubic", "sinc"])
@pytest.mark.parametrize("colour", [False, True])
def test_colours_and_complex_numbers_stay_what_they_are(transform, colour, interpolation):
    values = np.full((4, 5, 6), 3 - 4j, np.complex64)
    if colour:
        values = np.zeros((4, 5, 6), [("R", "u1"), ("G", "u1"), ("B", "u1")])
        values["R"], values["B"] = 9, 200
    nibabel.Nifti1Image(values, np.eye(4)).to_filename(transform / "in.nii")
    for name, onto in (("own.nii.gz", {}), ("cubes.nii", {"isotropic_mm": 0.8})):
        assert resampled(transform / "epi.tfm", str(transform / "in.nii"), transform / name, interpolation=interpolation, **onto) == ()
        written = np.asanyarray(nibabel.load(transform / name).dataobj)
        assert written.dtype == values.dtype
        inside = written[tuple(n // 2 for n in written.shape)] if onto else values[0, 0, 0]
        if colour:
            assert inside == values[0, 0, 0]
        else:  # weights of a window add up to one but for the last place
            assert inside == pytest.approx(values[0, 0, 0], rel=1e-6)


def test_apply_inverted_goes_the_other_way(transform, pair):
    header(transform / "epi.tfm", str(pair.epi), transform / "out.nii", invert=True)
    expected = np.linalg.inv(pair.truth) @ nibabel.load(pair.epi).affine
    np.testing.assert_allclose(nibabel.load(transform / "out.nii").affine, expected, atol=1e-4)


def test_a_bare_matrix_without_a_direction_is_refused(transform, pair):
    with pytest.raises(TransformError, match="which way"):
        header(transform / "bare.mat4", str(pair.epi), transform / "out.nii")


def test_resampled_is_what_the_scene_saves(transform, pair):
    scene = open_scene([pair.anatomy, pair.epi]).place("epi", Affine(pair.truth, scanner("epi"), scanner(FIXED)))
    resampled(transform / "epi.tfm", str(pair.epi), transform / "a.nii.gz", reference=str(pair.anatomy))
    save_resampled(scene, "epi", transform / "b.nii.gz", onto=FIXED)
    a, b = (np.asanyarray(nibabel.load(transform / name).dataobj).astype(int) for name in ("a.nii.gz", "b.nii.gz"))
    assert np.abs(a - b).max() <= 1


def test_isotropic_voxels_cover_the_moved_scan_and_the_reference(transform, pair):
    where = (str(pair.epi), transform / "alone.nii.gz")
    resampled(transform / "epi.tfm", *where, isotropic_mm=3.0)
    resampled(transform / "epi.tfm", str(pair.epi), transform / "both.nii.gz", reference=str(pair.anatomy), isotropic_mm=3.0)
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
    resampled(transform / "epi.tfm", str(pair.epi), transform / "own.nii.gz", background=-77)
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
        resampled(transform / "epi.tfm", str(pair.epi), transform / "no.nii.gz", isotropic_mm=spacing)
    assert not (transform / "no.nii.gz").exists()


def test_labels_are_not_mixed_and_series_keep_their_time(pair, tmp_path):
    rng = np.random.default_rng(2)
    labels = rng.choice(np.array([0, 3, 1001], np.int16), (12, 14, 10, 3), p=[0.5, 0.3, 0.2])
    nibabel.Nifti1Image(labels, np.diag([6.0, 6, 6, 1])).to_filename(tmp_path / "labels.nii.gz")
    (tmp_path / "half.mat4").write_text("# maps fixed points to moving points, RAS mm\n1 0 0 2.5\n0 1 0 1.2\n0 0 1 0.7\n0 0 0 1\n")
    resampled(
        tmp_path / "half.mat4",
        str(tmp_path / "labels.nii.gz"),
        tmp_path / "out.nii.gz",
        reference=str(pair.anatomy),
        interpolation="nearest",
    )
    written = nibabel.load(tmp_path / "out.nii.gz")
    assert written.shape == (*nibabel.load(pair.anatomy).shape, 3)
    assert set(np.unique(np.asanyarray(written.dataobj))) <= {0, 3, 1001}


@pytest.fixture
def session(pair, tmp_path):
    """The EPI, a mask of another grid in its space, and an MGH copy."""
    epi = nibabel.load(pair.epi)
    nibabel.Nifti1Image(np.ones((5, 6, 7), np.uint8), epi.affine @ np.diag([3.0, 3, 2, 1])).to_filename(tmp_path / "mask.nii.gz")
    nibabel.MGHImage(np.asanyarray(epi.dataobj).astype(np.float32), epi.affine).to_filename(tmp_path / "copy.mgz")
    return [str(pair.epi), str(tmp_path / "mask.nii.gz"), str(tmp_path / "copy.mgz")]


@pytest.mark.parametrize("there", [False, True])
def test_scans_of_one_space_move_together_with_their_voxels_untouched(transform, session, pair, there):
    out = transform / "aligned"
    if there:
        out.mkdir()
        (out / "mine.txt").write_text("stays")
    before = [digest(path) for path in map(Path, session)]
    written = apply_header(transform / "epi.tfm", session, out)
    assert [file.path for file in written] == [out / "epi.nii", out / "mask.nii.gz", out / "copy.mgz"]
    assert {path.name for path in out.iterdir()} == {"epi.nii", "mask.nii.gz", "copy.mgz"} | ({"mine.txt"} if there else set())
    for file, source in zip(written, session, strict=True):
        assert file.findings == ()
        old, new = nibabel.load(source), nibabel.load(file.path)
        np.testing.assert_allclose(new.affine, pair.truth @ old.affine, atol=1e-4)
        np.testing.assert_array_equal(np.asanyarray(new.dataobj), np.asanyarray(old.dataobj))
    assert [digest(path) for path in map(Path, session)] == before


def test_several_are_resampled_onto_one_grid(transform, session, pair):
    written = apply_resampled(transform / "epi.tfm", session, transform / "onto", onto=Onto(str(pair.anatomy)))
    assert [file.path.name for file in written] == ["epi.nii", "mask.nii.gz", "copy.nii.gz"]
    alone = resampled(transform / "epi.tfm", session[1], transform / "alone.nii.gz", reference=str(pair.anatomy))
    assert alone == ()
    a, b = (np.asanyarray(nibabel.load(path).dataobj) for path in (transform / "onto/mask.nii.gz", transform / "alone.nii.gz"))
    np.testing.assert_array_equal(a, b)
    assert 0 < a.mean() < 1


def test_of_several_all_are_written_or_none(transform, session):
    out = transform / "aligned"
    out.mkdir()
    (out / "copy.mgz").write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"copy\.mgz"):
        apply_header(transform / "epi.tfm", session, out)
    broken = transform / "broken.nii"
    broken.write_bytes(Path(session[0]).read_bytes()[:-99])
    assert [path.name for path in out.iterdir()] == ["copy.mgz"]
    for moving, where in (([*session, str(broken)], out), (session, transform / "nowhere" / "aligned"), (session, transform / "epi.tfm")):
        with pytest.raises(OSError, match=r"truncated|does not exist|is a file"):
            apply_header(transform / "epi.tfm", moving, where, overwrite=True)
        assert [(path.name, path.read_bytes()) for path in out.iterdir()] == [("copy.mgz", b"mine")]
    with pytest.raises(OutputError, match=r"'epi\.nii'"):
        apply_header(transform / "epi.tfm", [session[0], session[0]], transform / "new")
    assert not (transform / "new").exists()


def test_a_scan_that_does_not_lie_with_the_first_is_told_of(transform, session):
    far = np.diag([2.0, 2, 2, 1])
    far[:3, 3] = 900
    nibabel.Nifti1Image(np.ones((5, 6, 7), np.uint8), far).to_filename(transform / "far.nii")
    first, second = apply_header(transform / "epi.tfm", [session[0], str(transform / "far.nii")], transform / "aligned")
    assert first.findings == ()
    (told,) = second.findings
    assert (told.code, told.severity) == ("moved-along", "warning")
    assert "do not overlap" in told.text


def test_a_transform_that_counts_in_voxels_takes_the_fixed_image(transform, pair):
    still, mover = open_volumes([str(pair.anatomy), str(pair.epi)])
    read = read_transform(transform / "epi.tfm", fixed=still, moving=mover)
    write_transform(read, transform / "flirt.mat", fixed=still, moving=mover)
    with pytest.raises(TransformError, match=r"the fixed image too; give it \(--fixed, fixed=\)"):
        header(transform / "flirt.mat", str(pair.epi), transform / "no.nii")
    header(transform / "flirt.mat", str(pair.epi), transform / "flirted.nii", fixed=str(pair.anatomy))
    np.testing.assert_allclose(nibabel.load(transform / "flirted.nii").affine, pair.truth @ nibabel.load(pair.epi).affine, atol=1e-4)


def test_of_several_each_finding_names_its_file(transform, session):
    (transform / "shear.mat4").write_text("# maps moving points to fixed points, RAS mm\n1 0.1 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n")
    nibabel.save(nibabel.load(session[0]), transform / "second.nii")
    written = apply_header(transform / "shear.mat4", [session[0], str(transform / "second.nii")], transform / "sheared")
    texts = [next(found.text for found in file.findings if found.code == "qform-not-written") for file in written]
    assert [text.partition(": The qform")[0] for text in texts] == [file.path.name for file in written]


def test_a_header_that_cannot_hold_the_shear_says_so(transform, pair):
    (transform / "shear.mat4").write_text("# maps moving points to fixed points, RAS mm\n1 0.1 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n")
    (told,) = header(transform / "shear.mat4", str(pair.epi), transform / "sheared.nii")
    assert (told.code, told.severity) == ("qform-not-written", "warning")
    written = nibabel.load(transform / "sheared.nii")
    assert (int(written.header["qform_code"]), int(written.header["sform_code"])) == (0, 2)
    shear = np.eye(4)
    shear[0, 1] = 0.1
    np.testing.assert_allclose(written.affine, shear @ nibabel.load(pair.epi).affine, atol=1e-4)
