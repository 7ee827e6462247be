from __future__ import annotations

import bz2
import gzip

import numpy as np
import pytest

from volstudio.errors import UnreadableFileError
from volstudio.volumes import plain_voxels
from volstudio.volumes.readers import open_volume
from volstudio.volumes.series import StoredArray

SIGNS = {
    "right-anterior-superior": (1, 1, 1),
    "RAS": (1, 1, 1),
    "left-anterior-superior": (-1, 1, 1),
    "LAS": (-1, 1, 1),
    "left-posterior-superior": (-1, -1, 1),
    "lps": (-1, -1, 1),
}
PACK = {
    "raw": bytes,
    "gzip": gzip.compress,
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "bzip2": bz2.compress,
    "hex": lambda data: data.hex("\n").encode(),
}


def vector(numbers):
    return "(" + ",".join(f"{number:.17g}" for number in numbers) + ")"


def codes(volume):
    return [finding.code for finding in volume.findings]


@pytest.fixture
def write(tmp_path, ramp, oblique):
    """``write(name, data, fields)``: an NRRD file with a placement, whose fields may be changed or, by None, left out."""

    def write(name="脑 a.nrrd", *, data=ramp, matrix=oblique, space="left-posterior-superior", payload=None, **changed):
        in_space = np.diag([*SIGNS.get(space, (1, 1, 1)), 1]) @ matrix
        types = {"i2": "short", "f4": "float", "u1": "uchar", "f8": "double", "i4": "int", "u8": "ulonglong", "i8": "int64", "u2": "uint16"}
        fields = {
            "type": types[data.dtype.str[1:]],
            "dimension": data.ndim,
            "sizes": " ".join(map(str, data.shape)),
            "space": space,
            "space directions": " ".join(vector(in_space[:3, axis]) for axis in range(3)),
            "space origin": vector(in_space[:3, 3]),
            "endian": "little",
            "encoding": "raw",
        } | {key.replace("_", " "): value for key, value in changed.items()}
        text = "NRRD0005\n# by hand\n" + "".join(f"{key}: {value}\n" for key, value in fields.items() if value is not None)
        path = tmp_path / name
        voxels = data.astype(data.dtype.newbyteorder(">" if fields["endian"] == "big" else "<")).tobytes(order="F")
        body = PACK.get(fields["encoding"], bytes)(voxels) if payload is None else payload
        path.write_bytes(text.encode() + (b"" if fields.get("data file") else b"\n" + body))
        return path

    return write


@pytest.mark.parametrize("space", SIGNS)
def test_every_space_of_the_patient_is_brought_to_ras(write, ramp, affine, space):
    volume = open_volume(write(matrix=affine, space=space))
    np.testing.assert_allclose(volume.affine.matrix, affine, atol=1e-12)
    np.testing.assert_array_equal(volume.data, ramp)
    assert volume.orientation_known
    assert volume.name == "脑 a"
    assert volume.source.format == "NRRD"


@pytest.mark.parametrize("encoding", PACK)
@pytest.mark.parametrize("endian", ["little", "big"])
def test_every_encoding_and_byte_order_gives_the_same_voxels(write, ramp, encoding, endian):
    volume = open_volume(write(encoding=encoding, endian=endian))
    np.testing.assert_array_equal(volume.data, ramp)
    assert volume.data.dtype == np.int16


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "i8", "u8", "f4", "f8"])
def test_text_keeps_every_digit_of_every_type(write, dtype):
    data = np.zeros((2, 3, 4), dtype)
    limits = np.finfo(dtype) if dtype[0] == "f" else np.iinfo(dtype)
    data[0, 0, 0], data[1, 2, 3] = limits.max, limits.min
    text = " ".join(repr(number.item()) for number in data.ravel(order="F")).encode()
    volume = open_volume(write(data=data, encoding="ascii", endian=None, payload=text))
    np.testing.assert_array_equal(volume.data, data)
    assert volume.data.dtype == np.dtype(dtype)


def test_a_file_of_simpleitk_reads_as_simpleitk_placed_it(tmp_path, ramp):
    import SimpleITK as sitk  # noqa: N813 - the field's own name for it

    image = sitk.GetImageFromArray(ramp.T.copy())
    image.SetSpacing((2, 2.5, 3))
    image.SetOrigin((1, -2, 3))
    turn = np.radians(20)
    image.SetDirection((1, 0, 0, 0, np.cos(turn), -np.sin(turn), 0, np.sin(turn), np.cos(turn)))
    sitk.WriteImage(image, str(tmp_path / "a.nrrd"), useCompression=True)
    sitk.WriteImage(image, str(tmp_path / "b.nhdr"))
    for name in ("a.nrrd", "b.nhdr"):
        volume = open_volume(tmp_path / name)
        np.testing.assert_array_equal(volume.data, ramp)
        for ijk in [(0, 0, 0), (4, 5, 6), (1, 0, 3)]:
            x, y, z = image.TransformIndexToPhysicalPoint(ijk)
            np.testing.assert_allclose(volume.affine.apply(ijk), (-x, -y, z), atol=1e-9)


def test_large_plain_voxels_are_read_when_they_are_asked_for(write, monkeypatch):
    whole = np.asarray(open_volume(write()).data)
    monkeypatch.setattr(plain_voxels, "AT_ONCE", 0)
    late = open_volume(write()).data
    assert isinstance(late, StoredArray)
    np.testing.assert_array_equal(late, whole)


def test_time_in_space_is_an_axis_of_time(write, oblique):
    data = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(5, 2, 3, 4)
    lps = np.diag([-1, -1, 1, 1]) @ oblique
    columns = [(0, 0, 0, 2.5), *[(*lps[:3, axis], 0) for axis in range(3)]]
    path = write(
        data=data,
        space="left-posterior-superior-time",
        space_directions=" ".join(map(vector, columns)),
        space_origin=vector((*lps[:3, 3], 0)),
    )
    volume = open_volume(path)
    np.testing.assert_allclose(volume.affine.matrix, oblique, atol=1e-12)
    np.testing.assert_array_equal(volume.frame(3), data[3])
    assert "series" in codes(volume)


@pytest.mark.parametrize("at", [0, 3])
@pytest.mark.parametrize("none", ["none", "(nan,nan,nan)"])
def test_a_vector_axis_stands_behind_the_three_of_space(write, oblique, at, none):
    data = np.arange(2 * 3 * 4 * 5, dtype=np.int16).reshape(np.insert((2, 3, 4), at, 5))
    lps = np.diag([-1, -1, 1, 1]) @ oblique
    columns = [vector(lps[:3, axis]) for axis in range(3)]
    columns.insert(at, none)
    kinds = ["domain"] * 3
    kinds.insert(at, "vector")
    volume = open_volume(write(data=data, space_directions=" ".join(columns), kinds=" ".join(kinds)))
    np.testing.assert_allclose(volume.affine.matrix, oblique, atol=1e-12)
    np.testing.assert_array_equal(volume.data, np.moveaxis(data, at, 3))
    assert "components-as-series" in codes(volume)


def test_colours_show_their_brightness(write, oblique):
    data = np.random.default_rng(1).integers(0, 255, (3, 2, 3, 4)).astype(np.uint8)
    lps = np.diag([-1, -1, 1, 1]) @ oblique
    directions = "none " + " ".join(vector(lps[:3, axis]) for axis in range(3))
    volume = open_volume(write(data=data, space_directions=directions, kinds="RGB-color domain domain domain"))
    np.testing.assert_allclose(volume.data, np.tensordot((0.299, 0.587, 0.114), data, (0, 0)), atol=0.51)
    assert "colour" in codes(volume)


def test_complex_numbers_show_their_magnitude(write, oblique):
    data = np.arange(2 * 2 * 3 * 4, dtype=np.float32).reshape(2, 2, 3, 4)
    lps = np.diag([-1, -1, 1, 1]) @ oblique
    directions = "none " + " ".join(vector(lps[:3, axis]) for axis in range(3))
    volume = open_volume(write(data=data, space_directions=directions, kinds="complex domain domain domain"))
    np.testing.assert_allclose(volume.data, np.hypot(data[0], data[1]), rtol=1e-6)


@pytest.mark.parametrize(("unit", "scale"), [("um", 1000), ("µm", 1000), ("m", 1e-3), ("cm", 0.1), ("mm", 1)])
def test_units_are_converted_and_told(write, oblique, unit, scale):
    matrix = np.diag([scale, scale, scale, 1]) @ oblique
    volume = open_volume(write(matrix=matrix, space_units=f'"{unit}" "{unit}" "{unit}"'))
    np.testing.assert_allclose(volume.affine.matrix, oblique, rtol=1e-12, atol=1e-12)
    assert ("units-converted" in codes(volume)) == (unit != "mm")


def test_spacings_alone_leave_the_side_unknown(write):
    volume = open_volume(
        write(space=None, space_directions=None, space_origin=None, spacings="2 2.5 3", axis_mins="10 20 30", centerings="cell cell node")
    )
    np.testing.assert_allclose(volume.affine.matrix, [[2, 0, 0, 11], [0, 2.5, 0, 21.25], [0, 0, 3, 30], [0, 0, 0, 1]])
    assert not volume.orientation_known
    assert "orientation-unknown" in codes(volume)


@pytest.mark.parametrize("space", ["scanner-xyz", "3D-right-handed", "3D-left-handed"])
def test_spaces_that_know_no_patient_leave_the_side_unknown(write, space):
    volume = open_volume(write(space=space))
    assert not volume.orientation_known
    assert volume.grid.handedness == (-1 if space == "3D-left-handed" else 1)


def test_a_missing_origin_and_voxel_size_are_told(write):
    assert "origin-unknown" in codes(open_volume(write(space_origin=None)))
    assert "voxel-size-unknown" in codes(open_volume(write(space=None, space_directions=None, space_origin=None, spacings="nan 2 2")))


@pytest.mark.parametrize("skip", [{"line_skip": 2}, {"byte_skip": 8}, {"byte_skip": -1}])
def test_what_stands_before_the_voxels_is_skipped(write, tmp_path, ramp, skip):
    (tmp_path / "x.raw").write_bytes(b"one\ntwo\n" + ramp.tobytes(order="F"))
    np.testing.assert_array_equal(open_volume(write("x.nhdr", data_file="x.raw", **skip)).data, ramp)


@pytest.mark.parametrize(
    "names", ["s%02d.raw 1 7 1", "s%02d.raw 1 7 1 2", "LIST\ns01.raw\ns02.raw\ns03.raw\ns04.raw\ns05.raw\ns06.raw\ns07.raw"]
)
def test_slices_in_files_of_their_own_are_joined(write, tmp_path, ramp, names):
    for k in range(7):
        (tmp_path / f"s{k + 1:02d}.raw").write_bytes(ramp[..., k].tobytes(order="F"))
    volume = open_volume(write("x.nhdr", data_file=names))
    np.testing.assert_array_equal(volume.data, ramp)
    assert len(volume.source.files) == 8


@pytest.mark.parametrize(
    "name",
    ["../x.raw", "/etc/passwd", "sub/x.raw", "C:\\x.raw", "..\\x.raw", "http://a.b/x.raw", "..", "LIST\n../x.raw", "../s%02d.raw 1 7 1"],
)
def test_data_outside_the_folder_of_the_header_are_refused(write, tmp_path, name):
    (tmp_path.parent / "x.raw").write_bytes(bytes(420))
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "x.raw").write_bytes(bytes(420))
    with pytest.raises(UnreadableFileError, match="outside the header's folder"):
        open_volume(write("x.nhdr", data_file=name))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"sizes": "5 6"}, "2 entries for 3 dimensions"),
        ({"sizes": "5 6 -7"}, "not positive"),
        ({"sizes": "5 6 " + "9" * 5000}, "not positive"),
        ({"sizes": "2000000 2000000 2000000"}, "truncated"),
        ({"dimension": "99"}, "99 dimensions"),
        ({"dimension": None}, "no field 'dimension'"),
        ({"endian": None}, "no field 'endian'"),
        ({"endian": "middle"}, "neither little nor big"),
        ({"type": "block"}, "not supported"),
        ({"encoding": "zrl"}, "not supported"),
        ({"space": "mars"}, "not one of the standard's"),
        ({"space_directions": "(1,0,0) (0,1,0)"}, "2, its dimensions 3"),
        ({"space_directions": "(1,0,0) (0,1,0) (0,2,0)"}, "singular"),
        ({"space_directions": "(1,0,0) (0,1,0) (0,0,inf)"}, "not finite"),
        ({"space_directions": "(1,0,0) (0,1,0) (0,0,x)"}, "not numbers"),
        ({"space_directions": "(1,0,0) (0,1,0) (0,1)"}, "vector of 2 numbers"),
        ({"space_origin": "(1,nan,0)"}, "not finite"),
        ({"byte_skip": "-2"}, "byte skip"),
        ({"line_skip": "9" * 30}, "not a whole number"),
        ({"encoding": "gzip", "payload": b"\x1f\x8bxx"}, "corrupt|truncated"),
        ({"encoding": "ascii", "payload": b"1 2 3"}, "truncated"),
        ({"encoding": "ascii", "payload": b"1 x " * 210}, "no number"),
        ({"encoding": "ascii", "payload": b"70000 " * 210}, "no number of the type int16"),
        ({"data_file": "missing.raw"}, "missing"),
    ],
    ids=str,
)
def test_a_header_that_cannot_be_is_refused_by_its_cause(write, changed, words):
    with pytest.raises(UnreadableFileError, match=words):
        open_volume(write(**changed))


def test_a_packed_file_that_holds_less_or_is_damaged_is_refused(write, ramp):
    packed = gzip.compress(np.random.default_rng(0).integers(0, 9, 210).astype("<i2").tobytes())
    for payload in (packed[:-30], packed[:-6] + bytes(6), gzip.compress(bytes(100))):
        with pytest.raises(UnreadableFileError, match=r"truncated|corrupt"):
            open_volume(write(encoding="gzip", payload=payload))


def test_a_bomb_is_not_unpacked(write):
    path = write(data=np.zeros((1, 1, 1), np.int16), encoding="gzip", sizes="2000 2000 2000", payload=gzip.compress(bytes(1 << 16)))
    with pytest.raises(UnreadableFileError, match="more than"):
        open_volume(path)
    path = write(encoding="gzip", payload=gzip.compress(bytes(1 << 22)))
    with pytest.raises(UnreadableFileError, match="memory"):
        open_volume(path, memory_limit=400)
    assert "trailing-data" in codes(open_volume(path))


def test_it_has_no_form_to_choose(write):
    with pytest.raises(UnreadableFileError, match="neither sform nor qform"):
        open_volume(write(), form="s")
