from __future__ import annotations

import gzip
import os
import random
import shutil
import signal
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from volstudio.errors import OutputError, SpaceMismatchError, UnreadableFileError
from volstudio.geometry.affine import Affine
from volstudio.geometry.rigid import RigidTransform
from volstudio.volumes import nifti_place
from volstudio.volumes.integrity import digest
from volstudio.volumes.readers import open_volume, volume_from_array
from volstudio.volumes.save import save_header, save_volume

posix = pytest.mark.skipif(os.name != "posix", reason="signals and links of POSIX")
KILLS = 20


def moved(volume, matrix):
    return Affine(matrix, volume.affine.target, "t1:scanner")


def voxel_bytes(path):
    """Bytes of the voxels as nibabel finds them."""
    image = nib.load(path)
    file = Path(image.file_map["image"].filename)
    content = file.read_bytes()
    content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    offset = int(image.dataobj.offset)
    return content[offset : offset + int(np.prod(image.shape)) * image.get_data_dtype().itemsize]


def write_rich(path, affine, *, order="<", version=1):
    """A file with scaling, extensions, a description and odd codes."""
    header = {1: nib.Nifti1Header, 2: nib.Nifti2Header}[version](endianness=order)
    pair = path.name.endswith((".hdr", ".img"))
    kind = {(1, False): nib.Nifti1Image, (2, False): nib.Nifti2Image, (1, True): nib.Nifti1Pair, (2, True): nib.Nifti2Pair}[version, pair]
    data = np.random.default_rng(0).integers(-999, 999, (5, 6, 7, 2)).astype(np.int16)
    header.set_data_dtype(np.int16)
    image = kind(data, None, header)
    image.set_sform(affine, 4)
    image.set_qform(np.diag([1, 1, 1, 1.0]), 1)
    image.header["descrip"] = b"made by hand"
    image.header["intent_name"] = b"kept"
    image.header["cal_max"] = 77
    image.header.extensions.append(nib.nifti1.Nifti1Extension(6, b"hello extension"))
    image.header.extensions.append(nib.nifti1.Nifti1Extension(4, b"<afni/>"))
    nib.save(image, path)
    return path


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".hdr"])
@pytest.mark.parametrize("version", [1, 2])
def test_the_edited_header_is_what_nibabel_reads_and_the_voxels_are_the_same(tmp_path, affine, rigid_move, suffix, version):
    source = write_rich(tmp_path / f"扫描 a{suffix}", affine, version=version)
    before = {path: (digest(path), path.stat().st_mtime_ns) for path in tmp_path.iterdir()}
    volume = open_volume(source)
    out = tmp_path / f"new 一{suffix}"
    findings = save_header(volume, moved(volume, rigid_move), out)
    image = nib.load(out)
    expected = rigid_move @ volume.affine.matrix
    np.testing.assert_array_equal(image.affine, expected.astype(np.float32) if version == 1 else expected)
    assert voxel_bytes(out) == voxel_bytes(source)
    assert [ext.get_code() for ext in image.header.extensions] == [6, 4]
    assert int(image.header["sform_code"]) == 2
    qform, code = image.get_qform(coded=True)
    if code:
        np.testing.assert_allclose(qform, image.affine, atol=0.02 * volume.grid.voxel_sizes.min())
        assert code == 2
        assert findings == ()
    else:
        assert [finding.code for finding in findings] == ["qform-not-written"]
        assert volume.grid.shear > 0.1
    assert {path: (digest(path), path.stat().st_mtime_ns) for path in before} == before
    np.testing.assert_allclose(open_volume(out).affine.matrix, expected, atol=1e-5)
    assert not list(tmp_path.glob(".volstudio-*"))


@pytest.mark.parametrize("order", ["<", ">"])
def test_only_the_fields_that_were_meant_differ(tmp_path, oblique, rigid_move, order):
    source = write_rich(tmp_path / "a.nii", oblique, order=order)
    volume = open_volume(source)
    save_header(volume, moved(volume, rigid_move), tmp_path / "b.nii")
    old, new = nib.load(source).header, nib.load(tmp_path / "b.nii").header
    assert new.endianness == order
    changed = {key for key in old if not np.array_equal(old[key], new[key], equal_nan=old[key].dtype.kind == "f")}
    assert changed <= {
        "pixdim", "xyzt_units", "qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z",
        "srow_x", "srow_y", "srow_z",
    }  # fmt: skip
    raw = (tmp_path / "b.nii").read_bytes()
    assert raw[348 : len(raw)] == source.read_bytes()[348 : len(raw)]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [(".nii", ".nii.gz"), (".nii.gz", ".nii"), (".nii", ".hdr"), (".hdr", ".nii"), (".hdr", ".nii.gz"), (".nii.gz", ".img")],
)
def test_one_kind_of_file_becomes_another(tmp_path, oblique, rigid_move, given, wanted):
    source = write_rich(tmp_path / f"a{given}", oblique)
    volume = open_volume(source)
    out = tmp_path / f"b{wanted}"
    save_header(volume, moved(volume, rigid_move), out)
    assert voxel_bytes(out) == voxel_bytes(source)
    image = nib.load(out)
    np.testing.assert_allclose(image.affine, rigid_move @ volume.affine.matrix, atol=1e-5)
    assert [ext.get_code() for ext in image.header.extensions] == [6, 4]
    again = open_volume(out)
    np.testing.assert_array_equal(again.data, volume.data)
    assert again.source.format == ("NIfTI-1 pair" if wanted in (".hdr", ".img") else "NIfTI-1")


def test_the_same_input_gives_the_same_bytes(tmp_path, oblique, rigid_move):
    volume = open_volume(write_rich(tmp_path / "a.nii", oblique))
    for name in ("b.nii.gz", "c.nii.gz"):
        save_header(volume, moved(volume, rigid_move), tmp_path / name)
    assert digest(tmp_path / "b.nii.gz") == digest(tmp_path / "c.nii.gz")


def test_without_a_move_the_codes_are_those_of_the_source(tmp_path, oblique):
    volume = open_volume(write_rich(tmp_path / "a.nii", oblique))
    save_header(volume, moved(volume, np.eye(4)), tmp_path / "b.nii")
    header = nib.load(tmp_path / "b.nii").header
    assert (int(header["sform_code"]), int(header["qform_code"])) == (4, 4)


def test_an_unknown_orientation_stays_unknown_until_it_is_moved(tmp_path, ramp, rigid_move):
    image = nib.Nifti1Image(ramp, None)
    image.header.set_zooms((2, 2.5, 3))
    nib.save(image, tmp_path / "a.nii")
    volume = open_volume(tmp_path / "a.nii")
    assert save_header(volume, moved(volume, np.eye(4)), tmp_path / "b.nii") == ()
    assert not open_volume(tmp_path / "b.nii").orientation_known
    findings = save_header(volume, moved(volume, rigid_move), tmp_path / "c.nii")
    assert "orientation-guessed" in [finding.code for finding in findings]
    np.testing.assert_allclose(nib.load(tmp_path / "c.nii").affine, rigid_move @ volume.affine.matrix, atol=1e-5)


def test_lengths_in_micrometres_become_mm(tmp_path, ramp, oblique, rigid_move):
    image = nib.Nifti1Image(ramp, np.diag([1000, 1000, 1000, 1]) @ oblique)
    image.header.set_xyzt_units("micron", "msec")
    nib.save(image, tmp_path / "a.nii")
    volume = open_volume(tmp_path / "a.nii")
    save_header(volume, moved(volume, rigid_move), tmp_path / "b.nii")
    saved = nib.load(tmp_path / "b.nii")
    assert saved.header.get_xyzt_units() == ("mm", "msec")
    np.testing.assert_allclose(saved.affine, rigid_move @ volume.affine.matrix, atol=1e-4)
    np.testing.assert_allclose(saved.header.get_zooms(), [2, 2.5, 3], rtol=1e-5)


def test_an_analyze_file_becomes_nifti(tmp_path, ramp, rigid_move):
    image = nib.Spm99AnalyzeImage(ramp, np.eye(4))
    image.header.set_zooms((2, 2.5, 3))
    image.header["origin"][:3] = 3, 4, 2
    (tmp_path / "a.hdr").write_bytes(image.header.binaryblock)
    (tmp_path / "a.img").write_bytes(ramp.tobytes(order="F"))
    volume = open_volume(tmp_path / "a.hdr")
    for name in ("b.nii", "c.hdr"):
        save_header(volume, moved(volume, rigid_move), tmp_path / name)
        saved = nib.load(tmp_path / name)
        np.testing.assert_allclose(saved.affine, rigid_move @ volume.affine.matrix, atol=1e-5)
        np.testing.assert_array_equal(np.asanyarray(saved.dataobj), ramp)
        assert open_volume(tmp_path / name).source.format.startswith("NIfTI-1")


@pytest.mark.parametrize("suffix", [".mgh", ".mgz", ".nii", ".nii.gz"])
def test_mgh_keeps_its_voxels_and_its_tail(tmp_path, ramp, affine, rigid_move, suffix):
    nib.save(nib.MGHImage(ramp, affine), tmp_path / "a.mgh")
    with (tmp_path / "a.mgh").open("ab") as file:
        file.write(b"TAGS and history")
    volume = open_volume(tmp_path / "a.mgh")
    out = tmp_path / f"b{suffix}"
    save_header(volume, moved(volume, rigid_move), out)
    again = open_volume(out)
    np.testing.assert_array_equal(again.data, ramp)
    np.testing.assert_allclose(again.affine.matrix, rigid_move @ volume.affine.matrix, atol=2e-5)
    content = out.read_bytes()
    content = gzip.decompress(content) if suffix.endswith("z") else content
    source = (tmp_path / "a.mgh").read_bytes()
    start = 284 if suffix.startswith(".mg") else 352
    assert content[start:] == (source[284:] if start == 284 else source[284 : 284 + ramp.nbytes])
    if suffix == ".mgh":
        np.testing.assert_allclose(nib.MGHImage.from_bytes(content).affine, again.affine.matrix, atol=1e-4)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    angles=st.tuples(*[st.floats(-np.pi, np.pi)] * 3),
    place=st.tuples(*[st.floats(-300, 300)] * 3),
    sizes=st.tuples(*[st.floats(0.2, 5)] * 3),
    flip=st.booleans(),
)
def test_a_qform_is_right_or_is_not_there(tmp_path, angles, place, sizes, flip):
    matrix = RigidTransform.from_euler(angles, place).matrix @ np.diag([*sizes, 1.0]) @ np.diag([-1 if flip else 1, 1, 1, 1])
    volume = volume_from_array(np.zeros((100, 110, 90), np.uint8), matrix)
    head, findings = nifti_place.new_header(volume.grid, 1, (2, 8))
    header = nib.Nifti1Header(head)
    np.testing.assert_array_equal(header.get_sform()[:3], matrix[:3].astype(np.float32))
    assert int(header["sform_code"]) == 2
    if findings:
        assert int(header["qform_code"]) == 0
        assert findings[0].code == "qform-not-written"
    else:
        assert int(header["qform_code"]) == 2
        assert np.linalg.norm((stated_qform(header) - matrix) @ [99, 109, 89, 1]) < 0.02 * min(sizes)
        if 1 - sum(float(header[f"quatern_{part}"]) ** 2 for part in "bcd") >= header.quaternion_threshold:
            assert np.linalg.norm((header.get_qform() - matrix) @ [99, 109, 89, 1]) < 0.02 * min(sizes)


def stated_qform(header):
    """What the standard makes of a header; nibabel takes all within 0.07 degrees of half a turn for one, ITK does not."""
    b, c, d = (float(header[f"quatern_{part}"]) for part in "bcd")
    turn = Rotation.from_quat([b, c, d, np.sqrt(max(0.0, 1 - b * b - c * c - d * d))]).as_matrix()
    qfac, *sizes = (float(size) for size in header["pixdim"][:4])
    matrix = np.eye(4)
    matrix[:3, :3] = turn @ np.diag([*sizes[:2], qfac * sizes[2]])
    matrix[:3, 3] = [float(header[f"qoffset_{axis}"]) for axis in "xyz"]
    return matrix


@pytest.mark.parametrize(
    "angles", [(0, 0, 0), (0, 0, 1), (0, 0, 2), (0.1, -0.2, 0.3), (np.pi, 0, 0), (0.01, 0.02, np.pi - 0.01), (0, 0.3, 0)]
)
@pytest.mark.parametrize("flip", [1, -1])
def test_the_qform_of_a_head_is_written(angles, flip):
    # Where a = 0 the plain rounding of b, c and d is off by up to 0.1 mm; see the notes of the code.
    matrix = RigidTransform.from_euler(angles, (-90, -110, -70)).matrix @ np.diag([flip, 1, 1.2, 1.0])
    volume = volume_from_array(np.zeros((180, 220, 150), np.uint8), matrix)
    head, findings = nifti_place.new_header(volume.grid, 1, (2, 8))
    assert findings == ()
    assert np.linalg.norm((nib.Nifti1Header(head).get_qform() - matrix) @ [179, 219, 149, 1]) < 0.02


@pytest.mark.parametrize(
    "dtype", [np.uint8, np.int8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64, np.float32, np.float64]
)
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_new_voxels_are_written_in_their_own_type(tmp_path, affine, dtype, suffix):
    data = np.random.default_rng(0).integers(0, 100, (4, 5, 6)).astype(dtype)
    volume = volume_from_array(data, affine)
    save_volume(volume, tmp_path / f"a{suffix}")
    image = nib.load(tmp_path / f"a{suffix}")
    assert image.get_data_dtype() == dtype
    np.testing.assert_array_equal(np.asanyarray(image.dataobj), data)
    np.testing.assert_allclose(image.affine, affine, atol=1e-5)
    np.testing.assert_array_equal(open_volume(tmp_path / f"a{suffix}").data, data)


def test_a_series_and_a_long_axis_are_written(tmp_path):
    series = volume_from_array(np.random.default_rng(0).normal(size=(3, 4, 5, 6)).astype(np.float32), np.eye(4), facts={"time_step_s": 1.5})
    save_volume(series, tmp_path / "a.nii")
    image = nib.load(tmp_path / "a.nii")
    np.testing.assert_array_equal(np.asanyarray(image.dataobj), series.data)
    assert image.header.get_zooms()[3] == 1.5
    assert image.header.get_xyzt_units() == ("mm", "sec")
    long = volume_from_array(np.arange(40000, dtype=np.int32).reshape(40000, 1, 1), np.eye(4))
    save_volume(long, tmp_path / "b.nii")
    assert isinstance(nib.load(tmp_path / "b.nii"), nib.Nifti2Image)
    np.testing.assert_array_equal(open_volume(tmp_path / "b.nii").data, long.data)


def test_scaled_values_are_written_as_they_are_seen(tmp_path, shared_data):
    volume = open_volume(shared_data / "pair/someones_epi.nii.gz")
    save_volume(volume, tmp_path / "a.nii")
    np.testing.assert_array_equal(np.asanyarray(nib.load(tmp_path / "a.nii").dataobj), volume.data)


@posix
@pytest.mark.parametrize("way", ["itself", "symlink", "hardlink", "pair header", "pair voxels", "protected"])
def test_a_source_is_never_a_target(tmp_path, oblique, way):
    pair = way.startswith("pair")
    source = write_rich(tmp_path / ("a.hdr" if pair else "a.nii"), oblique)
    volume = open_volume(source)
    target, protect = source, ()
    if way == "symlink":
        (target := tmp_path / "link.nii").symlink_to(source)
    elif way == "hardlink":
        (target := tmp_path / "hard.nii").hardlink_to(source)
    elif way == "pair voxels":
        target = tmp_path / "a.img"
    elif way == "protected":
        target = write_rich(tmp_path / "other.nii", oblique)
        protect = (target,)
    before = {path: digest(path) for path in tmp_path.iterdir()}
    for save in (save_header, save_volume) if not pair else (save_header,):
        arguments = (volume, moved(volume, np.eye(4)), target) if save is save_header else (volume, target)
        with pytest.raises(OutputError, match="it is the source"):
            save(*arguments, overwrite=True, protect=protect)
    assert {path: digest(path) for path in tmp_path.iterdir()} == before


def test_what_cannot_be_saved_is_refused_before_anything_is_written(tmp_path, oblique):
    volume = open_volume(write_rich(tmp_path / "a.nii", oblique))
    still = moved(volume, np.eye(4))
    with pytest.raises(OutputError, match=r"\.nii, \.nii\.gz, \.hdr, \.img"):
        save_header(volume, still, tmp_path / "b.mgz")
    with pytest.raises(OutputError, match="suffix"):
        save_volume(volume, tmp_path / "b.png")
    with pytest.raises(OutputError, match="no file whose header"):
        save_header(volume_from_array(np.zeros((2, 2, 2)), np.eye(4), name="a"), still, tmp_path / "b.nii")
    with pytest.raises(SpaceMismatchError):
        save_header(volume, still.inverse(), tmp_path / "b.nii")
    with pytest.raises(OutputError, match="exists already"):
        save_header(volume, still, write_rich(tmp_path / "there.nii", oblique))
    assert {path.name for path in tmp_path.iterdir()} == {"a.nii", "there.nii"}


def test_a_file_that_changed_meanwhile_is_not_saved(tmp_path, oblique, rigid_move):
    source = write_rich(tmp_path / "a.nii", oblique)
    volume = open_volume(source)
    write_rich(tmp_path / "b.nii", rigid_move @ oblique).replace(source)
    with pytest.raises(UnreadableFileError, match="has changed since"):
        save_header(volume, moved(volume, rigid_move), tmp_path / "c.nii")
    assert not (tmp_path / "c.nii").exists()


def test_damage_met_while_copying_leaves_nothing(tmp_path, oblique, rigid_move):
    source = write_rich(tmp_path / "a.nii.gz", oblique)
    volume = open_volume(source)
    content = bytearray(source.read_bytes())
    content[-6] ^= 1  # the checksum
    source.write_bytes(content)
    with pytest.raises(UnreadableFileError, match="corrupt"):
        save_header(volume, moved(volume, rigid_move), tmp_path / "b.nii")
    assert [path.name for path in tmp_path.iterdir()] == ["a.nii.gz"]


def test_a_pair_is_replaced_only_if_one_step_does_it(tmp_path, oblique, rigid_move):
    volume = open_volume(write_rich(tmp_path / "a.nii", oblique))
    out = tmp_path / "b.hdr"
    save_header(volume, moved(volume, np.eye(4)), out)
    voxels = (tmp_path / "b.img").stat()
    save_header(volume, moved(volume, rigid_move), out, overwrite=True)
    np.testing.assert_allclose(nib.load(out).affine, rigid_move @ volume.affine.matrix, atol=1e-5)
    assert (tmp_path / "b.img").stat().st_mtime_ns == voxels.st_mtime_ns
    (tmp_path / "b.img").write_bytes(b"others" * 100)
    with pytest.raises(OutputError, match="two files cannot be replaced in one step"):
        save_header(volume, moved(volume, np.eye(4)), out, overwrite=True)


@posix
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_killed_save_leaves_the_old_or_the_new_file_whole(tmp_path, oblique, rigid_move, suffix):
    data = np.random.default_rng(0).integers(0, 99, (60, 60, 40)).astype(np.int16)
    nib.save(nib.Nifti1Image(data, oblique), tmp_path / "source.nii")
    volume = open_volume(tmp_path / "source.nii")
    source = digest(tmp_path / "source.nii")
    target = tmp_path / f"target{suffix}"
    save_header(volume, moved(volume, np.eye(4)), target)
    old = digest(target)
    new_path = tmp_path / f"new{suffix}"
    started = time.monotonic()
    save_header(volume, moved(volume, rigid_move), new_path)
    lasts = time.monotonic() - started
    new = digest(new_path)
    shutil.copy(target, tmp_path / "old")
    chance = random.Random(1)
    for _ in range(KILLS):
        child = os.fork()
        if child == 0:
            save_header(volume, moved(volume, rigid_move), target, overwrite=True)
            os._exit(0)
        time.sleep(chance.uniform(0, 1.2 * lasts))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        found = digest(target)
        assert found in (old, new)
        if found == new:
            shutil.copy(tmp_path / "old", target)
    assert digest(tmp_path / "source.nii") == source


@posix
def test_a_full_disk_leaves_the_old_file(tmp_path, oblique, rigid_move):
    import resource

    volume = open_volume(write_rich(tmp_path / "a.nii", oblique))
    target = write_rich(tmp_path / "b.nii", oblique)
    before = digest(target)
    for suffix in (".nii", ".nii.gz", ".hdr"):
        name = tmp_path / f"b{suffix}"
        child = os.fork()
        if child == 0:
            resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
            try:
                save_header(volume, moved(volume, rigid_move), name, overwrite=True)
            except OutputError as error:
                os._exit(17 if "larger than" in str(error) else 18)
            os._exit(19)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 17
    assert digest(target) == before
    assert {path.name for path in tmp_path.iterdir()} == {"a.nii", "b.nii"}


@pytest.mark.parametrize("name", [".nii", ".nii.gz", ".img"])
def test_a_suffix_alone_is_no_name(tmp_path, oblique, rigid_move, name):
    volume = open_volume(write_rich(tmp_path / "a.nii", oblique))
    with pytest.raises(OutputError, match="without a name"):
        save_header(volume, moved(volume, rigid_move), tmp_path / name)
    assert {path.name for path in tmp_path.iterdir()} == {"a.nii"}


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_new_files_of_colours_and_complex_numbers_hold_them(tmp_path, suffix):
    """A NIfTI file and, through the MetaImage reader, a file of another format."""
    chance = np.random.default_rng(3)
    parts = chance.integers(0, 256, (4, 3, 2, 3)).astype(np.uint8)
    colours = np.ascontiguousarray(parts).view([("R", "u1"), ("G", "u1"), ("B", "u1")])[..., 0]
    numbers = (parts[..., 0] + 1j * parts[..., 1]).astype(np.complex64)
    for stored in (colours, numbers):
        nib.Nifti1Image(stored, np.diag([2.0, 2, 3, 1])).to_filename(tmp_path / "in.nii")
        volume = open_volume(tmp_path / "in.nii")
        save_volume(volume, tmp_path / f"new{suffix}", overwrite=True)
        again = nib.load(tmp_path / f"new{suffix}")
        np.testing.assert_array_equal(np.asanyarray(again.dataobj), stored)
        np.testing.assert_array_equal(np.asarray(open_volume(tmp_path / f"new{suffix}").data), np.asarray(volume.data))
    head = "NDims = 3\nDimSize = 4 3 2\nElementSpacing = 2 2 3\nElementType = MET_UCHAR\nElementNumberOfChannels = 3\n"
    (tmp_path / "in.mha").write_bytes((head + "ElementDataFile = LOCAL\n").encode() + parts.transpose(2, 1, 0, 3).tobytes())
    volume = open_volume(tmp_path / "in.mha")
    save_header(volume, Affine.identity(volume.affine.target, "scene"), tmp_path / f"meta{suffix}")
    np.testing.assert_array_equal(np.asanyarray(nib.load(tmp_path / f"meta{suffix}").dataobj), colours)
