from __future__ import annotations

import gzip
import zlib

import numpy as np
import pytest

from volstudio.errors import UnreadableFileError
from volstudio.volumes.readers import open_volume

LPS = np.diag([-1.0, -1, 1, 1])


def numbers(values):
    return " ".join(f"{value:.17g}" for value in np.ravel(values))


def codes(volume):
    return [finding.code for finding in volume.findings]


@pytest.fixture
def write(tmp_path, ramp, oblique):
    """``write(name, data, fields)``: a MetaImage with a placement, whose fields may be changed or, by None, left out."""

    def write(name="脑 a.mha", *, data=ramp, matrix=oblique, payload=None, **changed):
        in_lps = LPS @ matrix
        sizes = np.linalg.norm(in_lps[:3, :3], axis=0)
        types = {"i2": "SHORT", "f4": "FLOAT", "u1": "UCHAR", "f8": "DOUBLE", "i4": "INT", "u8": "ULONG_LONG", "i1": "CHAR", "u2": "USHORT"}
        fields = {
            "ObjectType": "Image",
            "NDims": data.ndim,
            "BinaryData": "True",
            "BinaryDataByteOrderMSB": "False",
            "TransformMatrix": numbers((in_lps[:3, :3] / sizes).T),
            "Offset": numbers(in_lps[:3, 3]),
            "ElementSpacing": numbers(sizes),
            "DimSize": " ".join(map(str, data.shape)),
            "ElementType": f"MET_{types[data.dtype.str[1:]]}",
            "ElementDataFile": "LOCAL",
        } | changed
        last = fields.pop("ElementDataFile")
        text = "".join(f"{key} = {value}\n" for key, value in fields.items() if value is not None) + f"ElementDataFile = {last}\n"
        order = ">" if fields["BinaryDataByteOrderMSB"] == "True" else "<"
        body = data.astype(data.dtype.newbyteorder(order)).tobytes(order="F") if payload is None else payload
        path = tmp_path / name
        path.write_bytes(text.encode() + (body if last == "LOCAL" else b""))
        return path

    return write


def test_the_rows_of_its_matrix_are_axes_in_lps(write, ramp, affine):
    volume = open_volume(write(matrix=affine))
    np.testing.assert_allclose(volume.affine.matrix, affine, atol=1e-12)
    np.testing.assert_array_equal(volume.data, ramp)
    assert volume.orientation_known
    assert volume.name == "脑 a"
    assert volume.source.format == "MetaImage"


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.int64, np.float32, np.float64])
@pytest.mark.parametrize("suffix", ["mha", "mhd"])
@pytest.mark.parametrize("packed", [True, False])
def test_a_file_of_simpleitk_reads_as_simpleitk_placed_it(tmp_path, ramp, dtype, suffix, packed):
    import SimpleITK as sitk  # noqa: N813 - the field's own name for it

    image = sitk.GetImageFromArray(ramp.T.astype(dtype))
    image.SetSpacing((2, 2.5, 3))
    image.SetOrigin((1, -2, 3))
    turn = np.radians(20)
    image.SetDirection((1, 0, 0, 0, np.cos(turn), -np.sin(turn), 0, np.sin(turn), np.cos(turn)))
    path = tmp_path / f"a.{suffix}"
    sitk.WriteImage(image, str(path), useCompression=packed)
    volume = open_volume(path)
    np.testing.assert_array_equal(volume.data, ramp.astype(dtype))
    assert volume.data.dtype == dtype
    for ijk in [(0, 0, 0), (4, 5, 6), (1, 0, 3)]:
        x, y, z = image.TransformIndexToPhysicalPoint(ijk)
        np.testing.assert_allclose(volume.affine.apply(ijk), (-x, -y, z), atol=1e-9)


@pytest.mark.parametrize("msb", ["True", "False"])
def test_both_byte_orders(write, ramp, msb):
    np.testing.assert_array_equal(open_volume(write(BinaryDataByteOrderMSB=msb)).data, ramp)


@pytest.mark.parametrize("pack", [zlib.compress, gzip.compress], ids=["zlib", "gzip"])
def test_both_packings(write, ramp, pack):
    packed = pack(ramp.tobytes(order="F"))
    path = write(payload=packed, CompressedData="True", CompressedDataSize=len(packed))
    np.testing.assert_array_equal(open_volume(path).data, ramp)


@pytest.mark.parametrize(("kind", "size"), [("MET_LONG", 4), ("MET_LONG", 8), ("MET_ULONG", 8)])
def test_a_long_is_as_long_as_the_file_says(write, ramp, kind, size):
    volume = open_volume(write(payload=ramp.astype(f"<i{size}").tobytes(order="F"), ElementType=kind))
    np.testing.assert_array_equal(volume.data, ramp)


def test_numbers_as_text(write, ramp):
    text = " ".join(map(str, ramp.ravel(order="F"))).encode()
    np.testing.assert_array_equal(open_volume(write(payload=text, BinaryData="False")).data, ramp)


def test_a_fourth_dimension_is_time(write, oblique):
    data = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)
    in_lps = LPS @ oblique
    matrix, sizes = np.eye(4), np.linalg.norm(in_lps[:3, :3], axis=0)
    matrix[:3, :3] = (in_lps[:3, :3] / sizes).T
    volume = open_volume(
        write(data=data, TransformMatrix=numbers(matrix), Offset=numbers([*in_lps[:3, 3], 0]), ElementSpacing=numbers([*sizes, 2.5]))
    )
    np.testing.assert_allclose(volume.affine.matrix, oblique, atol=1e-12)
    np.testing.assert_array_equal(volume.frame(3), data[..., 3])


def test_channels_are_colours_or_shown_one_by_one(write):
    random = np.random.default_rng(3)
    data = random.integers(0, 255, (3, 2, 3, 4)).astype(np.uint8)
    volume = open_volume(write(data=data, NDims=3, DimSize="2 3 4", ElementNumberOfChannels=3))
    np.testing.assert_allclose(volume.data, np.tensordot((0.299, 0.587, 0.114), data, (0, 0)), atol=0.51)
    assert "colour" in codes(volume)
    data = random.normal(size=(3, 2, 3, 4)).astype(np.float32)
    volume = open_volume(write(data=data, NDims=3, DimSize="2 3 4", ElementNumberOfChannels=3, ElementType="MET_FLOAT_ARRAY"))
    np.testing.assert_array_equal(volume.data, np.moveaxis(data, 0, 3))
    assert "components-as-series" in codes(volume)


@pytest.mark.parametrize(("letters", "diagonal"), [("RAI", (-2, -2.5, 3)), ("LPI", (2, 2.5, 3)), ("LAS", (2, -2.5, -3))])
def test_letters_stand_in_for_a_missing_matrix(write, letters, diagonal):
    volume = open_volume(write(TransformMatrix=None, AnatomicalOrientation=letters))
    np.testing.assert_allclose(np.diag(volume.affine.linear), diagonal)
    assert volume.orientation_known


def test_what_is_not_stated_is_told(write):
    volume = open_volume(write(TransformMatrix=None, ElementSpacing=None, Offset=None))
    assert {"orientation-unknown", "voxel-size-unknown", "origin-unknown"} <= set(codes(volume))
    assert not volume.orientation_known
    np.testing.assert_array_equal(volume.affine.matrix, LPS)


def test_what_itk_leaves_out_is_left_out_and_told(write, oblique):
    volume = open_volume(write(CenterOfRotation="10 0 0", ElementToIntensityFunctionSlope=2, ElementToIntensityFunctionOffset=1))
    np.testing.assert_allclose(volume.affine.matrix, oblique, atol=1e-12)
    assert {"centre-of-rotation-unused", "not-rescaled"} <= set(codes(volume))
    assert "centre-of-rotation-unused" not in codes(open_volume(write(CenterOfRotation="0 0 0")))


def test_units_and_size_words(write, oblique):
    micro = np.diag([1000, 1000, 1000, 1]) @ oblique
    volume = open_volume(write(matrix=micro, DistanceUnits="um"))
    np.testing.assert_allclose(volume.affine.matrix, oblique, rtol=1e-9)
    assert "units-converted" in codes(volume)
    path = write(Origin="1 2 3", Offset=None, ElementSize="4 5 6", ElementSpacing=None, TransformMatrix="1 0 0 0 1 0 0 0 1")
    np.testing.assert_allclose(open_volume(path).affine.matrix, LPS @ [[4, 0, 0, 1], [0, 5, 0, 2], [0, 0, 6, 3], [0, 0, 0, 1]])


@pytest.mark.parametrize("header_size", [8, -1])
def test_what_stands_before_the_voxels_is_skipped(write, tmp_path, ramp, header_size):
    (tmp_path / "x.raw").write_bytes(b"12345678" + ramp.tobytes(order="F"))
    np.testing.assert_array_equal(open_volume(write("x.mhd", HeaderSize=header_size, ElementDataFile="x.raw")).data, ramp)


@pytest.mark.parametrize("names", ["s%d.raw 0 6 1", "LIST\n" + "\n".join(f"s{k}.raw" for k in range(7))])
def test_slices_in_files_of_their_own_are_joined(write, tmp_path, ramp, names):
    for k in range(7):
        (tmp_path / f"s{k}.raw").write_bytes(ramp[..., k].tobytes(order="F"))
    volume = open_volume(write("x.mhd", ElementDataFile=names))
    np.testing.assert_array_equal(volume.data, ramp)
    (tmp_path / "s3.raw").write_bytes(b"short")
    with pytest.raises(UnreadableFileError, match="truncated"):
        open_volume(tmp_path / "x.mhd")


@pytest.mark.parametrize("name", ["../x.raw", "/etc/passwd", "sub/x.raw", "C:\\x.raw", "LIST\n../x.raw", "../s%02d.raw 1 7 1"])
def test_data_outside_the_folder_of_the_header_are_refused(write, tmp_path, name):
    (tmp_path.parent / "x.raw").write_bytes(bytes(420))
    with pytest.raises(UnreadableFileError, match="outside the header's folder"):
        open_volume(write("x.mhd", ElementDataFile=name))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"NDims": "7"}, "7 dimensions"),
        ({"NDims": "x"}, "not a whole number"),
        ({"DimSize": "5 6"}, "not 3 positive"),
        ({"DimSize": "5 0 7"}, "not 3 positive"),
        ({"DimSize": "100000 100000 100000"}, "truncated"),
        ({"ElementType": "MET_STRING"}, "not supported"),
        ({"ObjectType": "Tube"}, "not an image"),
        ({"BinaryDataByteOrderMSB": "perhaps"}, "neither True nor False"),
        ({"TransformMatrix": "1 0 0 0 1 0"}, "6 numbers, not 9"),
        ({"TransformMatrix": "1 0 0 0 1 0 0 2 0"}, "singular"),
        ({"ElementSpacing": "1 1 0"}, "singular"),
        ({"ElementSpacing": "1 1 nan"}, "not finite"),
        ({"Offset": "a b c"}, "not numbers"),
        ({"HeaderSize": "-2"}, "HeaderSize"),
        ({"CompressedData": "True", "payload": zlib.compress(bytes(420))[:-5]}, "truncated"),
        ({"CompressedData": "True", "payload": zlib.compress(bytes(100))}, "truncated"),
        ({"CompressedData": "True", "payload": zlib.compress(bytes(420))[:-1] + b"x"}, "corrupt"),
        ({"CompressedData": "True", "payload": b"no zlib at all"}, "corrupt|more than"),
        ({"ElementDataFile": "missing.raw"}, "missing"),
        ({"BinaryData": "False", "payload": b"1 2 3"}, "truncated"),
        ({"ElementNumberOfChannels": "0"}, "0 channels"),
    ],
    ids=str,
)
def test_a_header_that_cannot_be_is_refused_by_its_cause(write, changed, words):
    with pytest.raises(UnreadableFileError, match=words):
        open_volume(write(**changed))


def test_a_form_or_a_damaged_text_is_refused(write, tmp_path):
    with pytest.raises(UnreadableFileError, match="neither sform nor qform"):
        open_volume(write(), form="s")
    for text, words in ((b"NDims = 3\n", "ElementDataFile"), (b"NDims = 3\n\0\nElementDataFile = LOCAL\n", "binary bytes")):
        (tmp_path / "a.mha").write_bytes(text)
        with pytest.raises(UnreadableFileError, match=words):
            open_volume(tmp_path / "a.mha")
