"""The smallest damaged files on which a reader or writer once stumbled; found by tests/fuzz."""

from __future__ import annotations

import bz2
import os
import resource
import struct
import sys

import numpy as np
import pytest

from volstudio.errors import OutputError, UnreadableFileError
from volstudio.volumes.readers import open_volume, volume_from_array
from volstudio.volumes.save import save_volume

META = "ObjectType = Image\nNDims = 3\n{}DimSize = 3 4 5\nElementType = MET_SHORT\nElementDataFile = {}\n"


@pytest.mark.parametrize("field", ["ElementSpacing = 2 1e308 3", "Offset = 1e308 0 0", "ElementSpacing = 1e308 1e308 1e308"])
def test_metaimage_numbers_beyond_all_numbers_place_nothing(tmp_path, field):
    rotated = "TransformMatrix = 0.6 0.8 0 -0.8 0.6 0 0 0 1\nDistanceUnits = m\n"
    (tmp_path / "a.mha").write_bytes(META.format(f"{rotated}{field}\n", "LOCAL").encode() + bytes(120))
    with pytest.raises(UnreadableFileError, match="beyond all numbers"):
        open_volume(tmp_path / "a.mha")


def test_a_metaimage_whose_last_line_is_damaged_is_refused(tmp_path):
    (tmp_path / "a.mha").write_bytes(META.format("", "LOCAL").encode().replace(b"ElementDataFile =", b"ElementDataFile :=") + bytes(120))
    with pytest.raises(UnreadableFileError, match="ElementDataFile"):
        open_volume(tmp_path / "a.mha")


@pytest.mark.parametrize("name", ["v" * 300 + ".raw", "脑" * 100 + ".raw"], ids=["letters", "bytes"])
def test_a_data_file_of_a_name_that_no_disk_holds_is_refused(tmp_path, name):
    (tmp_path / "a.mhd").write_text(META.format("", name), encoding="utf-8")
    with pytest.raises(UnreadableFileError, match=r"a\.mhd"):
        open_volume(tmp_path / "a.mhd")


def test_values_beyond_single_precision_are_silent(write_nifti, ramp, oblique):
    path = write_nifti("a.nii", ramp, oblique)
    content = bytearray(path.read_bytes())
    struct.pack_into("<ff", content, 112, 3e38, 0)  # scl_slope
    path.write_bytes(content)
    assert np.asarray(open_volume(path).data)[0, 0, 0] == pytest.approx(3e38)


@pytest.mark.parametrize("size", [1e300, 1e-300])
@pytest.mark.parametrize("code", [0, 1])
def test_voxel_sizes_beyond_any_distance_are_silent_and_told(write_nifti, ramp, oblique, size, code):
    path = write_nifti("a.nii", ramp, oblique, version=2)
    content = bytearray(path.read_bytes())
    struct.pack_into("<d", content, 104 + 16, size)  # pixdim[2]
    struct.pack_into("<ii", content, 344, code, 0)
    path.write_bytes(content)
    if code:
        with pytest.raises(UnreadableFileError, match="pixdim"):
            open_volume(path)
    else:
        assert "voxel-size-unknown" in [finding.code for finding in open_volume(path).findings]


def test_a_place_that_no_header_can_hold_is_not_written(tmp_path, ramp):
    with pytest.raises(OutputError, match="too far away"):
        save_volume(volume_from_array(ramp, np.diag([1e90, 1e90, 1e90, 1])), tmp_path / "a.nii")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's limit of memory is used")
def test_memory_that_the_system_does_not_give_is_told(write_nifti, ramp, oblique, tmp_path):
    content = bytearray(write_nifti("a.nii", ramp, oblique).read_bytes())
    struct.pack_into("<hhh", content, 42, 3, 32639, 32639)  # dim: 6 GB, which bzip2 may really hold in few bytes
    (tmp_path / "a.nii.bz2").write_bytes(bz2.compress(content))
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_AS, (5 << 30, 5 << 30))
        try:
            open_volume(tmp_path / "a.nii.bz2", memory_limit=1 << 40)
        except UnreadableFileError as error:
            os._exit(17 if "memory" in str(error) else 18)
        finally:
            os._exit(19)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 17


def test_odd_values_of_dicom_are_silent(tmp_path):
    """Warnings are errors here."""
    pydicom = pytest.importorskip("pydicom", reason="pydicom (the extra 'dicom') is not installed")
    from pydicom.dataset import Dataset, FileMetaDataset

    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID, data.SOPClassUID = "1.2.840.10008.1.2.1", "1.2.840.10008.5.1.4.1.1.4"
    data.SOPInstanceUID, data.SeriesInstanceUID = "1.2.3.4", "1.2.3"
    data.Rows, data.Columns, data.SamplesPerPixel, data.PhotometricInterpretation = 4, 3, 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 0
    data.ImagePositionPatient, data.ImageOrientationPatient, data.PixelSpacing = [0, 0, 0], [1, 0, 0, 0, 1, 0], [1, 1]
    data.SliceThickness, data.PixelData = 1, bytes(24)
    data["PixelData"].VR = "OW"
    pydicom.dcmwrite(tmp_path / "a.dcm", data, enforce_file_format=True)
    content = (tmp_path / "a.dcm").read_bytes()
    at = content.index(b"1.2.3\0")
    (tmp_path / "a.dcm").write_bytes(content[:at] + b"1\x0e2.3\0" + content[at + 6 :])
    assert open_volume(tmp_path / "a.dcm").shape == (3, 4, 1)
