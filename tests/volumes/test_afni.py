"""AFNI data sets written here by AFNI's own description of them (README.attributes): where voxels lie, bytes, factors, names, refusals."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from volstudio.errors import UnreadableFileError
from volstudio.volumes.readers import open_volume

SHAPE = (4, 5, 3)
# AFNI counts in DICOM's axes: x to the left, y to the back, z up. Here it says where voxel 0 0 0 is and what a step along i, j and k is.
TO_DICOM = np.array([[2.0, 0.3, 0.0, -11.0], [-0.2, 2.5, 0.1, 7.0], [0.0, 0.4, 3.0, 20.0]])
KINDS = {"u1": 0, "i2": 1, "f4": 3}


def attribute(name, kind, values):
    """An attribute as a .HEAD file has it."""
    if kind == "string":
        return f"type = string-attribute\nname = {name}\ncount = {len(values) + 1}\n'{values}~\n"
    return f"type = {kind}-attribute\nname = {name}\ncount = {len(values)}\n {' '.join(map(str, values))}\n"


@pytest.fixture
def written(tmp_path):
    """Writes a data set; the path of its header."""

    def write(data, *, factors=None, order="LSB_FIRST", name="scan+orig", packed=False, placed=TO_DICOM, left_out=()):
        times = data.shape[3] if data.ndim == 4 else 1
        attributes = {
            "DATASET_RANK": ("integer", [3, times, 0, 0, 0, 0, 0, 0]),
            "DATASET_DIMENSIONS": ("integer", [*data.shape[:3], 0, 0]),
            "TYPESTRING": ("string", "3DIM_HEAD_ANAT"),
            "SCENE_DATA": ("integer", [0, 2, 0, -999, -999, -999, -999, -999]),
            "ORIENT_SPECIFIC": ("integer", [0, 3, 4]),
            "DELTA": ("float", [2, 2.5, 3]),
            "BYTEORDER_STRING": ("string", order),
            "BRICK_TYPES": ("integer", [KINDS[data.dtype.str[1:]]] * times),
            "IJK_TO_DICOM_REAL": ("float", placed.ravel().tolist()),
            "BRICK_FLOAT_FACS": ("float", factors or [0.0] * times),
        }
        text = "\n".join(attribute(key, *what) for key, what in attributes.items() if key not in left_out)
        head = tmp_path / f"{name}.HEAD"
        head.write_text("\n" + text)
        stored = data.astype(data.dtype.newbyteorder("<" if order == "LSB_FIRST" else ">")).tobytes(order="F")
        brik = tmp_path / f"{name}.BRIK{'.gz' if packed else ''}"
        brik.write_bytes(gzip.compress(stored) if packed else stored)
        return head

    return write


@pytest.fixture
def numbers():
    return np.random.default_rng(6).integers(0, 200, SHAPE).astype("i2")


def codes(volume):
    return {finding.code for finding in volume.findings}


@pytest.mark.parametrize("order", ["LSB_FIRST", "MSB_FIRST"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("packed", [False, True])
def test_voxels_of_every_kind_and_order_of_bytes(written, numbers, kind, order, packed):
    data = (numbers * (1.25 if kind == "f4" else 1)).astype(kind)
    volume = open_volume(written(data, order=order, packed=packed))
    np.testing.assert_array_equal(volume.data, data)
    assert volume.data.dtype.str[1:] == kind
    assert (volume.name, volume.source.format, volume.n_times) == ("scan+orig", "AFNI", 1)
    assert volume.facts["data_type"] == np.dtype(kind).name


def test_left_is_minus_x_and_back_is_minus_y(written, numbers):
    volume = open_volume(written(numbers))
    for voxel in ((0, 0, 0), (3, 0, 0), (1, 4, 2)):
        left, back, up = TO_DICOM @ [*voxel, 1]
        np.testing.assert_allclose(volume.affine.apply(voxel), [-left, -back, up], atol=1e-12)


def test_a_factor_of_zero_means_none_and_others_multiply(written, numbers):
    assert "scaled" not in codes(open_volume(written(numbers, factors=[0.0])))
    scaled = open_volume(written(numbers, factors=[0.25]))
    np.testing.assert_array_equal(scaled.data, numbers * 0.25)
    assert "scaled" in codes(scaled)
    series = np.stack([numbers, numbers + 1, numbers * 2], axis=-1)
    volume = open_volume(written(series, factors=[0.0, 3.0, 0.5]))
    np.testing.assert_array_equal(volume.data, series * [1.0, 3.0, 0.5])
    assert volume.n_times == 3
    assert {"scaled", "series"} <= codes(volume)


def test_a_rank_of_one_volume_has_no_time(written, numbers):
    volume = open_volume(written(numbers[..., None]))
    assert volume.data.shape == SHAPE
    assert "series" not in codes(volume)


@pytest.mark.parametrize("half", [".HEAD", ".BRIK"])
def test_either_file_opens_it_and_neither_alone(written, numbers, tmp_path, half):
    written(numbers)
    np.testing.assert_array_equal(open_volume(tmp_path / f"scan+orig{half}").data, numbers)
    (tmp_path / f"scan+orig{'.BRIK' if half == '.HEAD' else '.HEAD'}").unlink()
    with pytest.raises(UnreadableFileError, match="is missing, no such file exists beside it"):
        open_volume(tmp_path / f"scan+orig{half}")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"left_out": ("IJK_TO_DICOM_REAL",)}, "no whole AFNI file"),
        ({"left_out": ("DATASET_DIMENSIONS",)}, "no whole AFNI file"),
        ({"placed": TO_DICOM * [[1, 1, 0, 1]]}, "Cannot place"),  # a slice has no thickness
        ({"placed": TO_DICOM * np.nan}, "Cannot place"),
    ],
)
def test_what_does_not_say_where_it_lies_is_refused(written, numbers, how, said):
    with pytest.raises(UnreadableFileError, match=said):
        open_volume(written(numbers, **how))


def test_voxels_that_are_not_there_are_missed(written, numbers):
    head = written(numbers)
    brik = head.with_suffix(".BRIK")
    brik.write_bytes(brik.read_bytes()[:-2])
    with pytest.raises(UnreadableFileError, match="truncated"):
        open_volume(head)


def test_a_form_and_too_little_memory_are_refused(written, numbers):
    head = written(np.stack([numbers] * 2, axis=-1), factors=[0.5, 2.0], packed=True)
    with pytest.raises(UnreadableFileError, match="neither sform nor qform"):
        open_volume(head, form="q")
    with pytest.raises(UnreadableFileError, match="memory"):
        open_volume(head, memory_limit=50)
    plain = written(np.stack([numbers] * 2, axis=-1), factors=[0.5, 2.0], name="plain+orig")
    assert open_volume(plain, memory_limit=500).data.nbytes == 480
    with pytest.raises(UnreadableFileError, match="memory"):  # the file is mapped; its scaled values would be twice as large
        open_volume(plain, memory_limit=479)
