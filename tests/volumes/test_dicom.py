from __future__ import annotations

import itertools
import shutil
import sys

import numpy as np
import pytest

from volstudio.errors import MissingExtraError, UnreadableFileError
from volstudio.geometry.affine import Affine
from volstudio.scene.model import Scene
from volstudio.tasks.open import open_scene
from volstudio.volumes.dicom import dicom_series
from volstudio.volumes.readers import open_volume
from volstudio.volumes.save import save_header
from volstudio.volumes.store import VolumeStore

pydicom = pytest.importorskip("pydicom", reason="pydicom (the extra 'dicom') is not installed")

LPS = np.diag([-1.0, -1, 1, 1])
MR, ENHANCED = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1"


def codes(volume):
    return [finding.code for finding in volume.findings]


def in_lps(matrix):
    """Position of each slice and its directions and sizes from a voxel -> RAS matrix."""
    lps = LPS @ matrix
    sizes = np.linalg.norm(lps[:3, :3], axis=0)
    return lps, lps[:3, :3] / sizes, sizes


def data_set(pixels, *, sop=MR, syntax=None, **fields):
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = syntax or ExplicitVRLittleEndian
    data.SOPClassUID, data.SOPInstanceUID = sop, generate_uid()
    data.SeriesInstanceUID, data.Modality = "1.2.3", "MR"
    data.Rows, data.Columns = pixels.shape[-2:]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 8 * pixels.dtype.itemsize
    data.HighBit, data.PixelRepresentation = data.BitsStored - 1, int(pixels.dtype.kind == "i")
    data.PixelData = pixels.tobytes()
    data["PixelData"].VR = "OW" if pixels.dtype.itemsize > 1 else "OB"
    for name, value in fields.items():
        if value is None:
            delattr(data, name)
        else:
            setattr(data, name, value)
    return data


def save(data, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    pydicom.dcmwrite(path, data, enforce_file_format=True)
    return path


@pytest.fixture
def slices(ramp, oblique):
    """``slices(data, matrix, fields)``: a data set for each slice of a volume, in order."""

    def slices(data=ramp, matrix=oblique, **fields):
        lps, directions, sizes = in_lps(matrix)
        made = []
        for k in range(data.shape[2]):
            image = data_set(np.ascontiguousarray(data[..., k].T), **fields)
            image.ImagePositionPatient = [float(f"{x:.10g}") for x in lps[:3, 3] + k * lps[:3, 2]]
            image.ImageOrientationPatient = [float(f"{x:.12g}") for x in directions[:, :2].T.ravel()]
            image.PixelSpacing = [float(f"{sizes[1]:.10g}"), float(f"{sizes[0]:.10g}")]
            image.SliceThickness, image.InstanceNumber = float(f"{sizes[2]:.10g}"), k + 1
            made.append(image)
        return made

    return slices


@pytest.fixture
def folder(tmp_path, slices):
    """``folder(data sets)``: a folder of them, under names that say nothing of their order."""

    def folder(images=None, name="扫描 a"):
        images = slices() if images is None else images
        for at, image in enumerate(images):
            save(image, tmp_path / name / f"IM{at * 7919 % 1000:03d}_{at}")
        return tmp_path / name

    return folder


def right_handed(volume, data, matrix):
    """Whether each voxel stands where it should; a stack runs along the normal, which may turn its slices round."""
    back = np.linalg.inv(volume.affine.matrix) @ matrix
    np.testing.assert_allclose(back, np.round(back), atol=1e-4)
    ijk = np.array(list(np.ndindex(data.shape)))
    found = np.rint(ijk @ back[:3, :3].T + back[:3, 3]).astype(int)
    np.testing.assert_array_equal(np.asarray(volume.data)[tuple(found.T)], data[tuple(ijk.T)])


def test_images_stand_where_their_positions_say(slices, folder, ramp, affine):
    if abs(affine[:3, 0] @ affine[:3, 1]) > 1e-9:
        pytest.skip("an image of DICOM has a right angle")
    volume = open_volume(folder(slices(matrix=affine)))
    right_handed(volume, ramp, affine)
    assert volume.orientation_known
    assert volume.source.format == "DICOM"
    assert len(volume.source.files) == 7
    assert volume.name == "扫描 a"


def test_tilt_is_kept_as_shear_and_told(slices, folder, ramp, oblique):
    tilt = np.eye(4)
    tilt[1, 2] = 0.4
    volume = open_volume(folder(slices(matrix=oblique @ tilt)))
    right_handed(volume, ramp, oblique @ tilt)
    assert {"gantry-tilt", "sheared"} <= set(codes(volume))


def test_a_file_stands_for_its_scan(slices, folder, ramp, oblique):
    path = folder([*slices(SeriesInstanceUID="1.2.9", SeriesDescription="other"), *slices(SeriesDescription="t1: 1 mm")])
    listed = dicom_series(path)
    assert sorted(each.description for each in listed) == ["other", "t1: 1 mm"]
    with pytest.raises(UnreadableFileError, match=r"2 series.*'other'.*such as"):
        open_volume(path)
    by_file = open_volume(next(each.path for each in listed if each.uid == "1.2.3"))
    right_handed(by_file, ramp, oblique)
    assert {"scan-of-folder"} <= set(codes(by_file))
    assert by_file.name == "t1- 1 mm"
    for chosen in ("1.2.9", "other", *(each.number for each in listed if each.uid == "1.2.9")):
        assert open_volume(path, series=chosen).facts["description"] == "other"
    with pytest.raises(UnreadableFileError, match="no single series 'none'"):
        open_volume(path, series="none")


def test_a_folder_and_its_file_are_one_volume_of_the_store(folder):
    store, path = VolumeStore(), folder()
    volume = store.get(str(path))
    assert store.get(str(volume.source.path)) is volume


def test_what_is_no_dicom_is_left_alone(folder, ramp, oblique):
    path = folder()
    for name, content in {"DICOMDIR.txt": b"not dicom", ".DS_Store": bytes(300), "a.pdf": b"%PDF" * 99, "empty": b""}.items():
        (path / name).write_bytes(content)
    (path / "sub").mkdir()
    save(data_set(np.zeros((2, 2), np.int16), sop="1.2.840.10008.5.1.4.1.1.88.11", PixelData=None, Rows=None), path / "report.dcm")
    right_handed(open_volume(path), ramp, oblique)
    with pytest.raises(UnreadableFileError, match="holds no image"):
        open_volume(path / "report.dcm")


def test_files_without_a_marker_are_read(slices, tmp_path, ramp, oblique):
    from pydicom.uid import ImplicitVRLittleEndian

    for at, image in enumerate(slices()):
        image.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        (tmp_path / "old").mkdir(exist_ok=True)
        pydicom.dcmwrite(tmp_path / "old" / f"{at}.dcm", image, implicit_vr=True, little_endian=True)
        assert (tmp_path / "old" / f"{at}.dcm").read_bytes()[128:132] != b"DICM"
    right_handed(open_volume(tmp_path / "old"), ramp, oblique)


def test_missing_slices_stay_empty_and_are_told(slices, folder, ramp):
    images = slices()
    volume = open_volume(folder(images[:2] + images[4:]))
    data = np.asarray(volume.data)
    assert volume.shape == ramp.shape
    assert np.isnan(data[..., 2:4]).all()
    np.testing.assert_array_equal(data[..., [0, 1, 4, 5, 6]], ramp[..., [0, 1, 4, 5, 6]])
    assert "2 of 7 slices are missing" in next(finding.text for finding in volume.findings if finding.code == "slices-missing")


@pytest.mark.parametrize(("move", "along"), [(0.8, "normal"), (1.5, "row")])
def test_slices_that_make_no_grid_are_refused(slices, folder, oblique, move, along):
    images = slices()
    _, directions, _ = in_lps(oblique)
    shift = directions[:, 2 if along == "normal" else 0] * move
    images[3].ImagePositionPatient = [float(f"{x:.10g}") for x in np.array(images[3].ImagePositionPatient, float) + shift]
    with pytest.raises(UnreadableFileError, match="not evenly spaced on a straight line"):
        open_volume(folder(images))


def test_rounded_positions_are_even_and_told(slices, folder, oblique):
    images = slices(matrix=oblique)
    for image in images:
        image.ImagePositionPatient = [round(float(x), 1) for x in image.ImagePositionPatient]
    volume = open_volume(folder(images))
    assert "positions-rounded" in codes(volume)
    np.testing.assert_allclose(volume.affine.matrix, oblique, atol=0.1)


def test_copies_are_used_once_and_other_doubles_refused(slices, folder, ramp, oblique):
    images = slices()
    again = slices()[3]
    volume = open_volume(folder([*images, again, images[2]], "copies"))
    right_handed(volume, ramp, oblique)
    assert "duplicate-slices" in codes(volume)
    again.PixelData = bytes(len(again.PixelData))
    with pytest.raises(UnreadableFileError, match="duplicate slices"):
        open_volume(folder([*images, again], "doubles"))


def test_one_uid_for_all_images_hides_none_of_them(slices, folder, ramp, oblique):
    """Some programs that take names away give every image the same SOPInstanceUID."""
    images = slices()
    for image in images:
        image.SOPInstanceUID = "1.2.3"
    volume = open_volume(folder(images))
    right_handed(volume, ramp, oblique)
    assert "instance-repeated" in codes(volume)
    assert "duplicate-slices" not in codes(volume)


def test_one_uid_and_place_with_other_pixels_is_refused(slices, folder):
    images = slices()
    other = slices()[3]
    other.SOPInstanceUID = images[3].SOPInstanceUID
    other.PixelData = bytes(len(other.PixelData))
    with pytest.raises(UnreadableFileError, match="one SOPInstanceUID and one place, but not the same pixels"):
        open_volume(folder([*images, other]))


def test_times_follow_their_own_numbers(slices, folder, ramp):
    series = [slices(ramp + 1000 * t, TemporalPositionIdentifier=t + 1) for t in range(3)]
    volume = open_volume(folder([image for at in zip(*series[::-1], strict=True) for image in at]))
    assert volume.n_times == 3
    for t in range(3):
        np.testing.assert_array_equal(volume.frame(t), ramp + 1000 * t)
    with pytest.raises(UnreadableFileError, match="cut short"):
        open_volume(folder([*series[0], *series[1][:4]], "cut"))


def test_echoes_and_kinds_are_volumes_of_their_own(slices, folder, ramp):
    images = [
        *slices(EchoTime=5.0),
        *slices(ramp + 1, EchoTime=9.0),
        *slices(ramp + 2, EchoTime=9.0, ImageType=["ORIGINAL", "PRIMARY", "P"]),
    ]
    path = folder(images)
    with pytest.raises(UnreadableFileError, match=r"3 series.*echo 5 ms.*echo 9 ms"):
        open_volume(path)
    firsts = {int(open_volume(each.path).data[0, 0, 0]) for each in dicom_series(path)}
    assert firsts == {1, 2, 3}


def test_each_image_is_rescaled_by_its_own_slope(slices, folder, ramp):
    images = slices(RescaleIntercept=-5)
    for k, image in enumerate(images):
        image.RescaleSlope = 0.5 * (k + 1)
    volume = open_volume(folder(images))
    np.testing.assert_allclose(volume.data, ramp * 0.5 * np.arange(1, 8) - 5)
    assert volume.data.dtype == np.float32
    same = open_volume(folder(slices(RescaleSlope=2, RescaleIntercept=-1024), "same"))
    np.testing.assert_array_equal(same.data, ramp * 2.0 - 1024)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32])
@pytest.mark.parametrize("big", [True, False])
def test_types_and_byte_orders(slices, folder, ramp, dtype, big):
    from pydicom.uid import ExplicitVRBigEndian

    data = ramp.astype(dtype) if np.dtype(dtype).kind == "u" else (ramp - 100).astype(dtype)
    images = slices(data)
    if big:
        for image in images:
            image.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
            image.PixelData = np.frombuffer(image.PixelData, dtype).byteswap().tobytes()
    volume = open_volume(folder(images))
    np.testing.assert_array_equal(volume.data, data)
    assert volume.data.dtype == dtype


@pytest.mark.parametrize("signed", [0, 1])
def test_bits_above_those_that_are_meant_are_left_out(slices, folder, signed):
    stored = np.arange(210, dtype=np.uint16).reshape(5, 6, 7)
    images = slices(stored | 0xF000, BitsStored=12, HighBit=11, PixelRepresentation=signed)
    np.testing.assert_array_equal(open_volume(folder(images)).data, stored)
    images = slices((stored + 0x800) << 2, BitsStored=12, HighBit=13, PixelRepresentation=signed)
    wanted = (stored.astype(int) + 0x800) - (0x1000 if signed else 0)
    np.testing.assert_array_equal(open_volume(folder(images, "shifted")).data, wanted)


def test_inverted_grey_is_told_and_kept(slices, folder, ramp):
    volume = open_volume(folder(slices(PhotometricInterpretation="MONOCHROME1")))
    np.testing.assert_array_equal(volume.data, ramp)
    assert "monochrome1" in codes(volume)
    assert Scene.of(volume).layers[0].look.colourmap == "gray-inverted"
    assert Scene.of(open_volume(folder(slices(), "usual"))).layers[0].look.colourmap == "gray"


def test_colours_show_their_brightness(slices, folder):
    colours = np.random.default_rng(0).integers(0, 255, (7, 6, 5, 3)).astype(np.uint8)
    images = slices(np.zeros((5, 6, 7), np.uint8), SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0)
    for image, colour in zip(images, colours, strict=True):
        image.PixelData = colour.tobytes()
    volume = open_volume(folder(images))
    np.testing.assert_allclose(volume.data, np.moveaxis(colours @ [0.299, 0.587, 0.114], 0, 2).swapaxes(0, 1), atol=0.51)


@pytest.mark.parametrize("packing", ["RLE", "jp2klossless", "jpeg_ls_lossless", "bigendian", "implicit"])
def test_packed_pixels_are_those_of_the_plain_file(tmp_path, packing):
    from pydicom.data import get_testdata_file

    for name in (f"MR_small_{packing}.dcm", "MR_small.dcm"):
        (tmp_path / name).mkdir()
        shutil.copy(get_testdata_file(name, download=False), tmp_path / name / "a")
    packed, plain = open_volume(tmp_path / f"MR_small_{packing}.dcm"), open_volume(tmp_path / "MR_small.dcm")
    np.testing.assert_array_equal(packed.data, plain.data)
    np.testing.assert_array_equal(packed.affine.matrix, plain.affine.matrix)


def test_a_dose_grid_is_placed_by_its_offsets(tmp_path):
    from pydicom.data import get_testdata_file

    path = get_testdata_file("rtdose.dcm", download=False)
    shutil.copy(path, tmp_path / "dose.dcm")
    volume, truth = open_volume(tmp_path / "dose.dcm"), pydicom.dcmread(path)
    assert volume.shape == (10, 10, 15)
    step = float(truth.GridFrameOffsetVector[1])
    np.testing.assert_allclose(volume.affine.linear[:, 2], (0, 0, step), atol=1e-9)
    np.testing.assert_allclose(volume.data, truth.pixel_array.T * float(truth.DoseGridScaling), rtol=1e-6)


def enhanced(ramp, matrix, *, times=1):
    from pydicom.dataset import Dataset

    lps, directions, sizes = in_lps(matrix)
    frames = [np.ascontiguousarray(ramp[..., k].T) + 1000 * t for k, t in itertools.product(range(7), range(times))]
    data = data_set(np.stack(frames), sop=ENHANCED, NumberOfFrames=len(frames))

    def item(**fields):
        made = Dataset()
        for name, value in fields.items():
            setattr(made, name, value)
        return made

    data.SharedFunctionalGroupsSequence = [
        item(
            PixelMeasuresSequence=[item(PixelSpacing=[float(f"{sizes[1]:.10g}"), float(f"{sizes[0]:.10g}")], SliceThickness=99.0)],
            PlaneOrientationSequence=[item(ImageOrientationPatient=[float(f"{x:.12g}") for x in directions[:, :2].T.ravel()])],
        )
    ]
    data.PerFrameFunctionalGroupsSequence = [
        item(
            PlanePositionSequence=[item(ImagePositionPatient=[float(f"{x:.10g}") for x in lps[:3, 3] + k * lps[:3, 2]])],
            FrameContentSequence=[item(TemporalPositionIndex=t + 1)],
            PixelValueTransformationSequence=[item(RescaleSlope=1.0, RescaleIntercept=float(k))],
        )
        for k, t in itertools.product(range(7), range(times))
    ]
    return data


@pytest.mark.parametrize("times", [1, 3])
def test_enhanced_frames_are_placed_one_by_one(tmp_path, ramp, oblique, times):
    volume = open_volume(save(enhanced(ramp, oblique, times=times), tmp_path / "e.dcm"))
    np.testing.assert_allclose(volume.affine.matrix, oblique, atol=1e-6)
    for t in range(times):
        np.testing.assert_array_equal(volume.frame(t), ramp + 1000 * t + np.arange(7))


def test_damage_is_named(slices, folder, tmp_path):
    whole = save(slices()[0], tmp_path / "whole.dcm").read_bytes()
    for end, words in (
        (len(whole) - 10, "pixel data are truncated"),
        (len(whole) - 60, "truncated"),
        (400, "truncated"),
        (200, "truncated"),
    ):
        (tmp_path / "x").mkdir(exist_ok=True)
        (tmp_path / "x" / "a.dcm").write_bytes(whole[:end])
        with pytest.raises(UnreadableFileError, match=words):
            open_volume(tmp_path / "x" / "a.dcm")
        with pytest.raises(UnreadableFileError, match=words):
            open_volume(tmp_path / "x")


def test_what_cannot_be_placed_or_read_is_refused(slices, folder, tmp_path, ramp):
    alone = open_volume(folder(slices(ramp[..., :1]), "one"))
    assert alone.shape == (5, 6, 1)
    nowhere = slices()
    for image in nowhere:
        del image.ImagePositionPatient
    with pytest.raises(UnreadableFileError, match="no position"):
        open_volume(folder(nowhere, "nowhere"))
    volume = open_volume(folder(nowhere[:1], "single"))
    assert not volume.orientation_known
    assert "position-unknown" in codes(volume)
    crooked = slices()
    crooked[0].ImageOrientationPatient = [1, 0, 0, 1, 0, 0]
    with pytest.raises(UnreadableFileError, match="right angle"):
        open_volume(folder(crooked, "crooked"))
    frames = data_set(np.zeros((3, 4, 5), np.int16), NumberOfFrames=3)
    with pytest.raises(UnreadableFileError, match="3 frames without a position"):
        open_volume(save(frames, tmp_path / "f" / "frames.dcm"))
    with pytest.raises(UnreadableFileError, match="neither sform nor qform"):
        open_volume(tmp_path / "one", form="s")
    with pytest.raises(UnreadableFileError, match="memory"):
        open_volume(tmp_path / "one", memory_limit=10)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnreadableFileError, match="directory that holds no DICOM"):
        open_volume(tmp_path / "empty")
    (tmp_path / "t.dcm").write_bytes(b"this is only a text\n" * 20)
    with pytest.raises(UnreadableFileError, match="does not begin as a DICOM file"):
        open_volume(tmp_path / "t.dcm")


def test_a_file_of_zeros_ends_soon(slices, tmp_path):
    whole = save(slices()[0], tmp_path / "whole.dcm").read_bytes()
    at = whole.index(b"\x08\0\x16\0UI")  # the first element behind the file's own
    end = at + 8 + whole[at + 6]
    for start in (at, end):
        (tmp_path / "z.dcm").write_bytes(whole[:start] + bytes(4_000_000))
        with pytest.raises(UnreadableFileError, match="elements"):
            open_volume(tmp_path / "z.dcm")


def test_a_missing_pydicom_is_one_sentence(folder, monkeypatch):
    path = folder()
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(MissingExtraError, match=r"pip install \"volstudio\[dicom\]\""):
        open_volume(path)


@pytest.mark.parametrize("name", ["siemens_mosaic", "philips_enhanced"])
def test_real_scans_stand_where_another_converter_put_them(shared_data, name):
    volume, truth = open_volume(shared_data / "dicom" / name), open_volume(shared_data / "dicom" / f"{name}_truth.nii.gz")
    np.testing.assert_allclose(volume.affine.matrix, truth.affine.matrix, atol=1e-3)
    assert (volume.shape, volume.n_times) == (truth.shape, truth.n_times)
    if name == "philips_enhanced":  # the mosaic's pixels were replaced by noise, another one in each of the two files
        np.testing.assert_allclose(volume.data, truth.frame(), rtol=1e-6)


def test_real_tilted_and_gapped_scans_are_told(shared_data):
    tilted = open_volume(shared_data / "dicom" / "gantry_tilt")
    assert {"gantry-tilt", "sheared"} <= set(codes(tilted))
    np.testing.assert_allclose(tilted.affine.linear[:, 2], (0, 0, 5), atol=1e-9)
    for name in ("uneven_increment_1", "uneven_increment_2"):
        volume = open_volume(shared_data / "dicom" / name)
        assert "slices-missing" in codes(volume)
        header = pydicom.dcmread(max((shared_data / "dicom" / name).iterdir()))
        k = int(np.flatnonzero([np.isfinite(volume.data[0, 0, k]) for k in range(volume.shape[2])])[-1])
        np.testing.assert_allclose(volume.affine.apply((0, 0, k)) * (-1, -1, 1), np.array(header.ImagePositionPatient, float), atol=1e-3)
        np.testing.assert_allclose(volume.data[..., k], header.pixel_array.T - 1024.0)


def test_a_real_scan_is_the_same_under_other_names(shared_data, tmp_path):
    for at, file in enumerate(sorted((shared_data / "dicom" / "mr_brain").iterdir())):
        shutil.copy(file, tmp_path / f"{(at * 7) % 20:02d}")
    ours, theirs = open_volume(tmp_path), open_volume(shared_data / "dicom" / "mr_brain")
    np.testing.assert_array_equal(ours.affine.matrix, theirs.affine.matrix)
    np.testing.assert_array_equal(ours.data, theirs.data)


def test_an_edited_header_becomes_a_nifti_file_and_is_told(folder, tmp_path, ramp, rigid_move):
    volume = open_volume(folder())
    move = Affine(rigid_move, volume.affine.target, "t1:scanner")
    findings = save_header(volume, move, tmp_path / "moved.nii.gz")
    saved = open_volume(tmp_path / "moved.nii.gz")
    np.testing.assert_allclose(saved.affine.matrix, rigid_move @ volume.affine.matrix, atol=1e-5)
    np.testing.assert_array_equal(saved.data, volume.data)
    assert "converted" in [finding.code for finding in findings]


def test_files_of_one_scan_are_one_layer(folder):
    files = sorted(folder().iterdir())
    scene = open_scene(files)
    assert len(scene.layers) == 1
    assert scene.layers[0].path in map(str, files)
    assert len(open_scene([files[0].parent]).layers) == 1
