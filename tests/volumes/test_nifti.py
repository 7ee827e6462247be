from __future__ import annotations

import errno
import gzip
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest

from volstudio.errors import UnreadableFileError, WrongTypeError
from volstudio.geometry.affine import Affine
from volstudio.volumes import series, stored
from volstudio.volumes.readers import open_volume
from volstudio.volumes.save import save_header, save_volume
from volstudio.volumes.series import PackedSeries, StoredArray, part_of


def codes(volume):
    return {finding.code for finding in volume.findings}


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.hdr", "a.img", "扫描/病人 一/解剖.nii.gz"])
@pytest.mark.parametrize("version", [1, 2])
def test_a_file_of_nibabel_reads_as_nibabel_reads_it(write_nifti, ramp, affine, name, version):
    path = write_nifti(name, ramp, affine, version=version)
    volume = open_volume(path)
    image = nib.load(path)
    np.testing.assert_allclose(volume.affine.matrix, image.affine, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(volume.data, np.asanyarray(image.dataobj))
    assert volume.data.dtype == np.int16
    assert volume.source.files[0].exists()
    assert volume.orientation_known


def test_real_files_read_as_nibabel_reads_them(shared_data):
    paths = [path for path in sorted(shared_data.rglob("*.nii*")) if path.stat().st_size < 1_000_000]
    assert len(paths) > 10
    for path in paths:
        volume, image = open_volume(path), nib.load(path)
        values = np.asanyarray(image.dataobj)
        values = values[..., 0] if values.shape[3:] == (1,) else values
        np.testing.assert_allclose(volume.affine.matrix, image.affine, rtol=0, atol=1e-5, err_msg=path.name)
        np.testing.assert_allclose(volume.data, values, rtol=1e-6, atol=1e-6, err_msg=path.name)


def test_the_epi_of_nibabels_manual_lies_where_the_manual_says(shared_data):
    epi = open_volume(shared_data / "pair/someones_epi.nii.gz")
    anatomy = open_volume(shared_data / "pair/someones_anatomy.nii.gz")
    # nibabel's "Coordinate systems and affines" gives this place to three digits.
    np.testing.assert_allclose(epi.affine.apply([26, 30, 16]), nib.load(epi.source.path).affine[:3] @ [26, 30, 16, 1], atol=1e-5)
    np.testing.assert_allclose(epi.affine.apply([26, 30, 16]), [0, -4.205, 8.453], atol=1e-3)
    assert np.linalg.norm(epi.affine.apply([26, 30, 16]) - anatomy.grid.centre) < 30


def test_a_plain_file_is_read_once_and_never_copied(write_nifti, ramp, oblique):
    volume = open_volume(write_nifti("a.nii", ramp, oblique))
    assert isinstance(volume.data, np.ndarray)
    assert not volume.data.flags.writeable
    assert volume.data.flags.f_contiguous
    assert np.shares_memory(volume.frame(), volume.data)


def test_big_endian_voxels_come_out_native(tmp_path, ramp, oblique):
    image = nib.Nifti1Image(ramp, oblique, nib.Nifti1Header(endianness=">"))
    nib.save(image, tmp_path / "be.nii")
    volume = open_volume(tmp_path / "be.nii")
    assert volume.frame().dtype.isnative
    np.testing.assert_array_equal(volume.data, ramp)


@pytest.mark.parametrize(
    ("stored_type", "slope", "expected"),
    [
        (np.uint8, 0.1, np.float32),
        (np.int16, 2.0, np.float32),
        (np.int32, 0.5, np.float64),
        (np.float32, 3.0, np.float32),
        (np.float64, 2.0, np.float64),
    ],
)
def test_scaling_is_applied_on_access(tmp_path, oblique, stored_type, slope, expected):
    raw = np.arange(24, dtype=stored_type).reshape(2, 3, 4)
    image = nib.Nifti1Image(raw, oblique, dtype=stored_type)
    path = tmp_path / "scaled.nii"
    nib.save(image, path)
    content = bytearray(path.read_bytes())
    content[112:120] = np.array([slope, -10], "<f4").tobytes()
    path.write_bytes(content)
    volume = open_volume(path)
    assert isinstance(volume.data, StoredArray)
    assert volume.data.dtype == expected
    np.testing.assert_allclose(volume.data, raw * float(np.float32(slope)) - 10, rtol=1e-6)
    np.testing.assert_allclose(volume.data[1, 2], raw[1, 2] * float(np.float32(slope)) - 10, rtol=1e-6)
    assert float(volume.data[1, 2, 3]) == pytest.approx(23 * slope - 10)
    assert "scaled" in codes(volume)


def test_scaling_keeps_what_a_large_intercept_would_round_away(tmp_path):
    raw = np.array([[[30000, 30001]]], np.int16)
    path = tmp_path / "a.nii"
    nib.save(nib.Nifti1Image(raw, np.eye(4)), path)
    content = bytearray(path.read_bytes())
    content[112:120] = np.array([1e3, -3e7], "<f4").tobytes()
    path.write_bytes(content)
    np.testing.assert_array_equal(open_volume(path).frame().ravel(), [0, 1000])


def test_the_form_can_be_forced_and_must_be_there(write_nifti, ramp, oblique, tmp_path):
    image = nib.Nifti1Image(ramp, None)
    image.set_sform(oblique, 4)
    other = np.diag([2, 2.5, 3, 1.0])
    image.set_qform(other, 1)
    path = tmp_path / "both.nii"
    nib.save(image, path)
    np.testing.assert_allclose(open_volume(path).affine.matrix, oblique, atol=1e-5)
    np.testing.assert_allclose(open_volume(path, form="s").affine.matrix, oblique, atol=1e-5)
    forced = open_volume(path, form="q")
    np.testing.assert_allclose(forced.affine.matrix, other, atol=1e-5)
    assert forced.source.form == "qform"
    image.set_sform(None, 0)
    nib.save(image, tmp_path / "q.nii")
    with pytest.raises(UnreadableFileError, match="sform_code is 0"):
        open_volume(tmp_path / "q.nii", form="s")


def test_disagreeing_forms_are_told_with_their_distance(tmp_path, ramp):
    image = nib.Nifti1Image(ramp, None)
    image.set_sform(np.diag([2, 2, 2, 1.0]), 4)
    apart = np.diag([2, 2, 2, 1.0])
    apart[:3, 3] = 3, 4, 0
    image.set_qform(apart, 1)
    nib.save(image, tmp_path / "a.nii")
    (finding,) = [finding for finding in open_volume(tmp_path / "a.nii").findings if finding.code == "qform-sform-differ"]
    assert "5 mm" in finding.text
    assert "MNI 152" in finding.text
    assert finding.severity == "warning"


def test_no_code_means_that_left_and_right_are_unknown(tmp_path, ramp):
    image = nib.Nifti1Image(ramp, None)
    image.header.set_zooms((2, 2.5, 3))
    nib.save(image, tmp_path / "a.nii")
    volume = open_volume(tmp_path / "a.nii")
    assert not volume.orientation_known
    assert "orientation-unknown" in codes(volume)
    np.testing.assert_allclose(volume.affine.matrix, nib.load(tmp_path / "a.nii").affine)


@pytest.mark.parametrize(("origin", "centre"), [((0, 0, 0), (2, 2.5, 3)), ((3, 4, 2), (2, 3, 1))])
def test_analyze_origin_of_spm_is_used_as_nibabel_does(tmp_path, ramp, origin, centre):
    image = nib.Spm99AnalyzeImage(ramp, np.eye(4))
    image.header.set_zooms((2, 2.5, 3))
    image.header["origin"][:3] = origin
    (tmp_path / "a.hdr").write_bytes(image.header.binaryblock)
    (tmp_path / "a.img").write_bytes(ramp.tobytes(order="F"))
    volume = open_volume(tmp_path / "a.img")
    np.testing.assert_allclose(volume.affine.matrix, nib.load(tmp_path / "a.img").affine, atol=1e-6)
    np.testing.assert_allclose(volume.affine.apply(centre), 0, atol=1e-6)
    assert volume.source.format == "Analyze 7.5"
    assert not volume.orientation_known
    assert "analyze-left-right-unknown" in codes(volume)


def test_a_file_beside_its_packed_namesake_is_not_mistaken_for_it(write_nifti, ramp, oblique):
    plain = write_nifti("x.nii", ramp, oblique)
    packed = write_nifti("x.nii.gz", ramp + 1, oblique)
    assert open_volume(plain).data[0, 0, 0] == 1
    assert open_volume(packed).data[0, 0, 0] == 2


def test_time_axis_is_named_and_counted(write_nifti, oblique):
    data = np.arange(5 * 6 * 7 * 3, dtype=np.float32).reshape(5, 6, 7, 3)
    path = write_nifti("a.nii.gz", data, oblique, xyzt_units=2 | 16, pixdim=[1, 2, 2.5, 3, 2000, 1, 1, 1])
    volume = open_volume(path)
    assert volume.n_times == 3
    assert volume.facts["time_step_s"] == pytest.approx(2.0)
    np.testing.assert_array_equal(volume.frame(2), data[..., 2])
    with pytest.raises(IndexError, match="0 to 2"):
        volume.frame(3)


def test_a_large_packed_series_opens_on_its_first_volume(write_nifti, oblique, monkeypatch):
    monkeypatch.setattr(stored, "STREAMED", 0)
    data = np.random.default_rng(0).integers(0, 999, (5, 6, 7, 8)).astype(np.int16)
    volume = open_volume(write_nifti("a.nii.gz", data, oblique))
    assert isinstance(volume.data, StoredArray)
    assert "not-yet-verified" in codes(volume)
    np.testing.assert_array_equal(volume.frame(0), data[..., 0])
    np.testing.assert_array_equal(volume.frame(5), data[..., 5])
    np.testing.assert_array_equal(volume.frame(2), data[..., 2])
    np.testing.assert_array_equal(volume.data, data)


def test_damage_at_the_end_of_a_large_packed_series_is_told_when_it_is_met(write_nifti, oblique, monkeypatch):
    monkeypatch.setattr(stored, "STREAMED", 0)
    data = np.random.default_rng(0).integers(0, 999, (20, 20, 20, 8)).astype(np.int16)
    path = write_nifti("a.nii.gz", data, oblique)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - 20])
    volume = open_volume(path)
    np.testing.assert_array_equal(volume.frame(0), data[..., 0])
    for _ in range(2):
        with pytest.raises(UnreadableFileError, match="truncated"):
            volume.frame(7)
    with pytest.raises(UnreadableFileError, match="truncated"):
        volume.frame(0)


def test_a_very_large_packed_series_lies_in_a_temporary_file(write_nifti, oblique, monkeypatch):
    monkeypatch.setattr(stored, "STREAMED", 0)
    monkeypatch.setattr(stored, "IN_MEMORY", 0)
    monkeypatch.setattr(series, "IN_MEMORY", 0)
    data = np.random.default_rng(0).integers(0, 999, (5, 6, 7, 8)).astype(np.int16)
    path = write_nifti("a.nii.gz", data, oblique)
    volume = open_volume(path, memory_limit=10)
    assert volume.data.resident == 0
    np.testing.assert_array_equal(volume.data, data)
    monkeypatch.setattr(series.os, "posix_fallocate", full_disk)
    with pytest.raises(UnreadableFileError, match="no space left on device; make room"):
        open_volume(path)


def full_disk(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_memory_limit_is_kept(write_nifti, ramp, oblique):
    path = write_nifti("a.nii.gz", ramp, oblique)
    with pytest.raises(UnreadableFileError, match="420 bytes of memory and 400 bytes are allowed"):
        open_volume(path, memory_limit=400)
    assert open_volume(path, memory_limit=420).shape == ramp.shape


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_opening_a_large_file_and_using_a_frame_costs_little_more_than_its_size(tmp_path, suffix):
    size = 160 << 20
    shape = (256, 256, size // (256 * 256 * 2))
    header = nib.Nifti1Header()
    header.set_data_shape(shape)
    header.set_data_dtype(np.int16)
    header.set_sform(np.eye(4), 1)
    header["vox_offset"], header["magic"] = 352, b"n+1"
    path = tmp_path / f"large{suffix}"
    with gzip.open(path, "wb", 1) if suffix == ".nii.gz" else path.open("wb") as file:
        file.write(header.binaryblock + bytes(4))
        for _ in range(size >> 20):
            file.write(bytes(1 << 20))
    script = (
        "import resource, sys, numpy, volstudio.volumes.nifti, volstudio.volumes.intensity as n, volstudio as vs\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        "before = peak(); volume = vs.open_volume(sys.argv[1]); total = int(volume.frame().sum()); n.robust_window(volume.data)\n"
        "print(peak() - before)"
    )
    run = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 1.2 * size


def test_vector_components_are_shown_one_at_a_time(write_nifti, oblique):
    data = np.arange(2 * 3 * 4 * 3, dtype=np.float32).reshape(2, 3, 4, 1, 3)
    volume = open_volume(write_nifti("v.nii", data, oblique))
    assert volume.data.shape == (2, 3, 4, 3)
    assert "components-as-series" in codes(volume)
    np.testing.assert_array_equal(volume.frame(2), data[..., 0, 2])


def test_complex_numbers_are_shown_by_their_magnitude(write_nifti, oblique):
    data = (np.full((2, 3, 4), 3 + 4j)).astype(np.complex64)
    volume = open_volume(write_nifti("c.nii", data, oblique))
    assert volume.data.dtype == np.float32
    np.testing.assert_allclose(volume.data, 5.0)
    assert "complex" in codes(volume)


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_other_parts_of_complex_numbers_are_shown_by_choice(write_nifti, tmp_path, oblique, dtype):
    chance = np.random.default_rng(0)
    data = (chance.normal(size=(2, 3, 4)) + 1j * chance.normal(size=(2, 3, 4))).astype(dtype)
    volume = open_volume(write_nifti("c.nii", data, oblique))
    for part, truth in (("magnitude", abs(data)), ("phase", np.angle(data)), ("real", data.real), ("imaginary", data.imag)):
        shown = part_of(volume, part)
        assert shown.name == f"c-{part}"
        np.testing.assert_allclose(shown.data, truth, rtol=1e-6)
        words = {"real": "real part", "imaginary": "imaginary part"}.get(part, part)
        assert any(f"their {words} is shown" in finding.text for finding in shown.findings)
        save_volume(shown, tmp_path / f"{part}.nii")
        saved = np.asanyarray(nib.load(tmp_path / f"{part}.nii").dataobj)
        np.testing.assert_allclose(saved, data if part == "magnitude" else truth, rtol=1e-6)  # as magnitude, the whole number
    with pytest.raises(WrongTypeError, match="not complex"):
        part_of(open_volume(write_nifti("r.nii", np.zeros((2, 3, 4), np.int16), oblique)), "phase")


def test_scaling_is_that_of_both_parts_of_complex_numbers(write_nifti, oblique):
    """nifti1.h: "If datatype is a complex type, then the scaling is to be applied to both the real and imaginary parts"."""
    data = (np.full((2, 3, 4), 3 + 4j)).astype(np.complex64)
    path = write_nifti("c.nii", data, oblique)
    raw = bytearray(path.read_bytes())
    raw[112:120] = np.array([-2.0, 1.0], "<f4").tobytes()
    path.write_bytes(raw)
    volume = open_volume(path)
    np.testing.assert_allclose(volume.data, abs(-5 - 7j), rtol=1e-6)
    np.testing.assert_allclose(part_of(volume, "phase").data, np.angle(-5 - 7j), rtol=1e-6)


def test_extensions_are_counted(tmp_path, ramp, oblique):
    image = nib.Nifti1Image(ramp, oblique)
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"hello"))
    nib.save(image, tmp_path / "a.nii.gz")
    (finding,) = [finding for finding in open_volume(tmp_path / "a.nii.gz").findings if finding.code == "extensions"]
    assert "comment" in finding.text


def test_packed_series_reads_each_byte_once(tmp_path):
    from volstudio.volumes.packing import ByteStream

    data = np.arange(2 * 2 * 2 * 5, dtype=np.int16).reshape((2, 2, 2, 5), order="F")
    path = tmp_path / "raw.gz"
    path.write_bytes(gzip.compress(data.tobytes(order="F")))
    ends = []
    packed = PackedSeries(ByteStream(path), data.shape, data.dtype, ends.append)
    np.testing.assert_array_equal(packed[..., 1], data[..., 1])
    np.testing.assert_array_equal(packed[0, 0, 0, :3], data[0, 0, 0, :3])
    assert ends == []
    np.testing.assert_array_equal(packed[0], data[0])
    np.testing.assert_array_equal(packed[:, :, :, -1], data[..., -1])
    assert len(ends) == 1
    assert ends[0].verified
    assert not ends[0].extra


@pytest.mark.parametrize(("version", "begin"), [(1, 352), (2, 544)])
def test_an_offset_of_zero_stands_for_right_behind_the_header(write_nifti, ramp, oblique, version, begin):
    path = write_nifti("a.nii", ramp, oblique, version=version)
    data = bytearray(path.read_bytes())
    where, form = (108, "<f4") if version == 1 else (168, "<i8")
    data[where : where + np.dtype(form).itemsize] = np.zeros(1, form).tobytes()
    path.write_bytes(data)
    volume = open_volume(path)
    np.testing.assert_array_equal(volume.data, ramp)
    (finding,) = [finding for finding in volume.findings if finding.code == "offset-zero"]
    assert f"{begin} is taken" in finding.text
    saved = path.with_name("saved.nii")
    save_header(volume, Affine.identity(volume.affine.target, "scene"), saved)
    np.testing.assert_array_equal(open_volume(saved).data, ramp)


def test_what_scaling_takes_beyond_float32_is_float64(write_nifti, ramp, oblique):
    path = write_nifti("a.nii", ramp, oblique)
    data = bytearray(path.read_bytes())
    data[112:120] = np.array([1e38, 0], "<f4").tobytes()
    path.write_bytes(data)
    volume = open_volume(path)
    assert volume.data.dtype == np.float64
    np.testing.assert_allclose(volume.data, ramp * 1e38, rtol=1e-6)


def test_four_colours_are_called_so(tmp_path, oblique):
    colours = np.zeros((4, 5, 6), [("R", "u1"), ("G", "u1"), ("B", "u1"), ("A", "u1")])
    nib.save(nib.Nifti1Image(colours, oblique), tmp_path / "a.nii")
    assert "(RGBA)" in next(finding.text for finding in open_volume(tmp_path / "a.nii").findings if finding.code == "colour")
