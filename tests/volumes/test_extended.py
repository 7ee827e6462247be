"""128-bit floating point: two layouts, told apart by their bytes; the truth is exact arithmetic on fractions, and numpy's longdouble."""

from __future__ import annotations

import math
import tracemalloc
from fractions import Fraction

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from volstudio.errors import UnreadableFileError
from volstudio.volumes import plain_voxels
from volstudio.volumes.extended import decode_extended
from volstudio.volumes.readers import open_volume
from volstudio.volumes.resample import resample
from volstudio.volumes.save import save_header, save_volume
from volstudio.volumes.series import StoredArray, part_of, resident_bytes

BIAS = 16383
X87_LONG_DOUBLE = np.finfo(np.longdouble).nmant == 63
SHAPE = (3, 4, 5)


def x87(sign: int, exponent: int, significand: int, padding: int = 0) -> int:
    return padding << 80 | sign << 79 | exponent << 64 | significand


def quad(sign: int, exponent: int, fraction: int) -> int:
    return sign << 127 | exponent << 112 | fraction


def quad_of(value: float) -> int:
    """Exact binary128 bits of a float64."""
    if value == 0 or not math.isfinite(value):
        fraction = 1 << 111 if math.isnan(value) else 0
        return quad(int(math.copysign(1, value) < 0), 0 if value == 0 else 0x7FFF, fraction)
    mantissa, exponent = math.frexp(abs(value))
    return quad(int(value < 0), exponent - 1 + BIAS, (int(mantissa * 2**53) << 60) - (1 << 112))


def x87_of(value: float, padding: int = 0) -> int:
    """Exact x87 bits of a float64."""
    if value == 0 or not math.isfinite(value):
        first = 0 if value == 0 else (3 if math.isnan(value) else 2) << 62
        return x87(int(math.copysign(1, value) < 0), 0 if value == 0 else 0x7FFF, first, padding)
    mantissa, exponent = math.frexp(abs(value))
    return x87(int(value < 0), exponent - 1 + BIAS, int(mantissa * 2**53) << 11, padding)


def stored(words: list[int], order: str = "<", each: int = 16) -> np.ndarray:
    octets = b"".join(word.to_bytes(16, "little" if order == "<" else "big") for word in words)
    return np.frombuffer(octets, f"V{each}")


def nearest(sign: int, exact: Fraction) -> float:
    """Python divides whole numbers with one correct rounding, subnormal results too."""
    try:
        value = exact.numerator / exact.denominator
    except OverflowError:
        value = math.inf
    return -value if sign else value


def write(path, words: list[int], *, order: str = "<", code: int = 1536, scale=(0.0, 0.0), shape=SHAPE):
    header = nib.Nifti1Header(endianness=order)
    header.set_data_shape(shape)
    header.set_sform(np.diag([2.0, 2, 2, 1]), 1)
    raw = header.structarr
    raw["datatype"], raw["bitpix"], raw["vox_offset"], raw["magic"] = code, 128 if code == 1536 else 256, 352, b"n+1"
    raw["scl_slope"], raw["scl_inter"] = scale
    path.write_bytes(header.binaryblock + bytes(4) + stored(words, order).tobytes())
    return path


def texts(volume):
    return {finding.code: finding.text for finding in volume.findings}


@pytest.fixture
def values() -> np.ndarray:
    found = np.random.default_rng(3).normal(size=60) * 10.0 ** np.arange(-30, 30)
    found[:4] = np.inf, -np.inf, 0.0, -0.0
    return found


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 1), st.integers(BIAS - 1090, BIAS + 1030), st.integers(0, (1 << 63) - 1), st.sampled_from("<>"))
def test_every_x87_number_is_rounded_once_to_the_nearest(sign, exponent, fraction, order):
    significand = 1 << 63 | fraction
    (found,) = decode_extended(stored([x87(sign, exponent, significand, padding=0xABCDEF)], order), "x87", order)
    assert found == nearest(sign, Fraction(significand) * Fraction(2) ** (exponent - BIAS - 63))


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 1), st.integers(BIAS - 1090, BIAS + 1030), st.integers(0, (1 << 112) - 1), st.sampled_from("<>"))
def test_every_binary128_number_is_rounded_once_to_the_nearest(sign, exponent, fraction, order):
    (found,) = decode_extended(stored([quad(sign, exponent, fraction)], order), "binary128", order)
    assert found == nearest(sign, Fraction((1 << 112) + fraction) * Fraction(2) ** (exponent - BIAS - 112))


@pytest.mark.parametrize("shift", [60, 61, 62, 63, 100, 110, 111])
@pytest.mark.parametrize("below", [0, 1])
@pytest.mark.parametrize("exponent", [0, -1022, -1023, -1030, -1073, -1074, -1075, -1076, 1023])
def test_halves_go_to_the_even_number(shift, below, exponent):
    """What a second rounding, or a bit dropped too early, would get wrong."""
    for fraction in ((1 << shift) - below, ((1 << 112) - (1 << shift)) + below):
        (found,) = decode_extended(stored([quad(0, exponent + BIAS, fraction)]), "binary128", "<")
        assert found == nearest(0, Fraction((1 << 112) + fraction) * Fraction(2) ** (exponent - 112))


def test_what_is_no_usual_number():
    words = [
        x87(0, 0, 5),
        x87(1, 0, 0),
        x87(0, 1, 1 << 63),
        x87(1, 0x7FFF, 1 << 63),
        x87(0, 0x7FFF, 3 << 62),
        x87(0, 40, 7),
        x87(0, 0x7FFF, 0),
    ]
    found = decode_extended(stored(words), "x87", "<")
    np.testing.assert_array_equal(found, [0, 0, 0, -np.inf, np.nan, np.nan, np.nan])
    assert np.signbit(found[1])
    words = [quad(0, 0, 5), quad(1, 0, 1 << 111), quad(1, 0x7FFF, 0), quad(0, 0x7FFF, 1), quad(0, 0x7FFE, 0)]
    found = decode_extended(stored(words), "binary128", "<")
    np.testing.assert_array_equal(found, [0, 0, -np.inf, np.nan, np.inf])
    assert np.signbit(found[1])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("make", "words"), [(quad_of, "IEEE 754 binary128"), (x87_of, "x87 80-bit extended")])
def test_a_file_is_read_in_the_layout_that_its_bytes_show(tmp_path, values, make, words, order):
    volume = open_volume(write(tmp_path / "a.nii", [make(value) for value in values], order=order))
    assert volume.data.dtype == np.float64
    np.testing.assert_array_equal(volume.data, values.reshape(SHAPE, order="F"))
    assert words in texts(volume)["extended-precision"]
    assert volume.facts["data_type"] == "float128"
    assert volume.data[1, 2, 3] == values.reshape(SHAPE, order="F")[1, 2, 3]
    np.testing.assert_array_equal(volume.data[1:, ::2, 3], values.reshape(SHAPE, order="F")[1:, ::2, 3])


@pytest.mark.skipif(not X87_LONG_DOUBLE, reason="numpy's longdouble is not x87's here")
@pytest.mark.parametrize("order", ["<", ">"])
def test_numpys_longdouble_is_what_numpy_makes_of_it(tmp_path, values, order):
    """Thirds, which float64 does not hold: numpy rounds them as the reader must."""
    held = values.astype(np.longdouble) / 3
    octets = held.astype(held.dtype.newbyteorder(order)).tobytes()
    words = [int.from_bytes(octets[at : at + 16], {"<": "little", ">": "big"}[order]) for at in range(0, len(octets), 16)]
    volume = open_volume(write(tmp_path / "a.nii", words, order=order))
    np.testing.assert_array_equal(volume.data, held.astype(np.float64).reshape(SHAPE, order="F"))
    pairs = open_volume(write(tmp_path / "c.nii", words, order=order, code=2048, shape=(3, 2, 5)))
    truth = held.view(np.clongdouble).astype(np.complex128).reshape((3, 2, 5), order="F")
    np.testing.assert_array_equal(part_of(pairs, "imaginary").data, truth.imag)


def test_padding_that_was_never_cleared_does_not_hide_x87(tmp_path, values):
    chance = np.random.default_rng(5)
    garbage = [int(word) for word in chance.integers(0, 1 << 48, size=60)]
    volume = open_volume(write(tmp_path / "a.nii", [x87_of(value, padding) for value, padding in zip(values, garbage, strict=True)]))
    np.testing.assert_array_equal(volume.data, values.reshape(SHAPE, order="F"))
    left_by_float64 = np.frombuffer(np.linspace(1, 5, 60).tobytes(), "<u8") >> np.uint64(16)  # of usual exponents as binary128
    words = [x87_of(value, int(padding)) for value, padding in zip(values, left_by_float64, strict=True)]
    np.testing.assert_array_equal(open_volume(write(tmp_path / "b.nii", words)).data, values.reshape(SHAPE, order="F"))


@pytest.mark.parametrize(
    "numbers",
    [np.arange(60.0), np.full(60, 0.1), np.full(60, 1 / 3), np.float32(np.linspace(-1, 1, 60)).astype(float), np.eye(60)[7] * 1e-300],
    ids=["whole", "tenths", "thirds", "float32", "one"],
)
def test_numbers_with_few_digits_are_told_apart_too(tmp_path, numbers):
    for make in (quad_of, x87_of):
        volume = open_volume(write(tmp_path / f"{make.__name__}.nii", [make(float(value)) for value in numbers]))
        np.testing.assert_array_equal(volume.data, numbers.reshape(SHAPE, order="F"))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("make", [quad_of, x87_of])
def test_complex_numbers_by_magnitude_parts_and_scale(tmp_path, make, order):
    words = [make(part) for n in range(60) for part in (3.0 * n, -4.0 * n)]
    volume = open_volume(write(tmp_path / "c.nii", words, order=order, code=2048))
    n = np.arange(60.0).reshape(SHAPE, order="F")
    np.testing.assert_allclose(volume.data, 5 * n, rtol=1e-15)
    np.testing.assert_array_equal(part_of(volume, "real").data, 3 * n)
    np.testing.assert_array_equal(part_of(volume, "imaginary").data, -4 * n)
    assert {"complex", "extended-precision"} <= texts(volume).keys()
    assert volume.facts["data_type"] == "complex256"
    save_volume(volume, tmp_path / "saved.nii")
    np.testing.assert_array_equal(np.asanyarray(nib.load(tmp_path / "saved.nii").dataobj), 3 * n - 4j * n)
    np.testing.assert_array_equal(resample(volume, onto=volume, interpolation="nearest").data, volume.data)
    scaled = open_volume(write(tmp_path / "s.nii", words, order=order, code=2048, scale=(2.0, 1.0)))
    np.testing.assert_array_equal(part_of(scaled, "imaginary").data, -8 * n + 1)


def test_scale_and_numbers_beyond_float64_are_told(tmp_path, values):
    volume = open_volume(write(tmp_path / "s.nii", [quad_of(value) for value in values], scale=(0.5, 3.0)))
    np.testing.assert_array_equal(volume.data, (values * 0.5 + 3).reshape(SHAPE, order="F"))
    assert "beyond-float64" not in texts(volume)
    half_above = quad(0, BIAS + 1023, ((1 << 53) - 1) << 59)  # halfway between float64's largest number and the next that it has not
    far = [quad(1, BIAS + 4000, 0), half_above, half_above - 1, *(quad_of(value) for value in values[3:])]
    volume = open_volume(write(tmp_path / "f.nii", far))
    np.testing.assert_array_equal(volume.data[:, 0, 0], [-np.inf, np.inf, np.finfo(float).max])
    assert texts(volume)["beyond-float64"].startswith("2 of the numbers")


@pytest.mark.parametrize("content", ["random", "double-double", "ambiguous"])
def test_bytes_that_fit_neither_layout_or_both_are_refused(tmp_path, content):
    chance = np.random.default_rng(8)
    if content == "random":
        words = [int.from_bytes(chance.bytes(16), "little") for _ in range(60)]
    elif content == "double-double":  # IBM's: two float64, here of numbers that need one only
        words = [int(np.float64(n).view(np.uint64)) for n in range(60)]
    else:
        words = [0] * 59 + [x87_of(1.5, padding=0x3FFF << 32)]
    with pytest.raises(UnreadableFileError, match=r"fit (both|neither) of the known layouts.*convert it to float64"):
        open_volume(write(tmp_path / "a.nii", words))


def test_a_header_edit_keeps_every_byte_of_the_voxels(tmp_path, values):
    source = write(tmp_path / "a.nii", [quad_of(value) for value in values], order=">")
    volume = open_volume(source)
    moved = np.eye(4)
    moved[:3, 3] = 5, 6, 7
    save_header(volume, type(volume.affine)(moved, volume.affine.target, "there"), tmp_path / "b.nii")
    assert (tmp_path / "b.nii").read_bytes()[352:] == source.read_bytes()[352:]
    np.testing.assert_array_equal(open_volume(tmp_path / "b.nii").data, volume.data)


def test_a_large_file_is_read_slice_by_slice_and_told_apart_where_it_is_not_empty(tmp_path, monkeypatch, values):
    monkeypatch.setattr(plain_voxels, "AT_ONCE", 0)
    shape = (2, 3, 40, 2)
    numbers = np.zeros(shape)
    numbers[:, :, 7, 1] = 1.25  # in no slice that is looked at first
    words = [quad_of(value) for value in numbers.ravel(order="F").tolist()]
    volume = open_volume(write(tmp_path / "a.nii", words, shape=shape))
    assert resident_bytes(volume.data) == 0
    np.testing.assert_array_equal(volume.data[:, :, 7, 1], 1.25)
    assert "binary128" in texts(volume)["extended-precision"]


def test_no_second_copy_of_the_voxels_is_made(tmp_path):
    shape = (64, 64, 60)
    path = write(tmp_path / "a.nii", [quad_of(1.5)] * math.prod(shape), shape=shape)
    stored_bytes = 16 * math.prod(shape)
    tracemalloc.start()
    volume = open_volume(path)
    assert isinstance(volume.data, StoredArray)
    shown = np.asarray(volume.data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert shown.min() == shown.max() == 1.5
    assert peak < 2 * stored_bytes
