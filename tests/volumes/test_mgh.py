from __future__ import annotations

import gzip

import nibabel as nib
import numpy as np
import pytest

from volstudio.errors import UnreadableFileError
from volstudio.volumes.readers import open_volume


def by_nibabel(path):
    """What nibabel makes of a file; from bytes, since it leaves files of this format open."""
    content = path.read_bytes()
    return nib.MGHImage.from_bytes(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)


@pytest.mark.parametrize("suffix", ["mgh", "mgz"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.float32])
def test_a_file_of_nibabel_reads_as_nibabel_reads_it(tmp_path, ramp, affine, suffix, dtype):
    path = tmp_path / f"脑 a.{suffix}"
    nib.save(nib.MGHImage((ramp % 200).astype(dtype), affine), path)
    volume, image = open_volume(path), by_nibabel(path)
    np.testing.assert_allclose(volume.affine.matrix, image.affine, atol=1e-4)
    np.testing.assert_array_equal(volume.data, np.asanyarray(image.dataobj))
    assert volume.data.dtype == dtype
    assert volume.source.format == "MGH"


def test_the_other_byte_order_is_turned_round_where_it_lies_and_not_copied(tmp_path, ramp, affine):
    nib.save(nib.MGHImage(ramp.astype(np.int16), affine), tmp_path / "a.mgz")
    volume = open_volume(tmp_path / "a.mgz")
    assert isinstance(volume.data, np.ndarray)
    assert volume.data.dtype.isnative
    assert not volume.data.flags.writeable
    assert np.shares_memory(volume.frame(0), volume.data)
    np.testing.assert_array_equal(volume.data, ramp)


@pytest.mark.parametrize("name", ["odd/test.mgz"])
def test_real_files_read_as_nibabel_reads_them(shared_data, name):
    volume, image = open_volume(shared_data / name), by_nibabel(shared_data / name)
    np.testing.assert_allclose(volume.affine.matrix, image.affine, atol=1e-4)
    np.testing.assert_array_equal(volume.data, np.asanyarray(image.dataobj))


def test_frames_are_a_time_axis(tmp_path, oblique):
    data = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)
    nib.save(nib.MGHImage(data, oblique), tmp_path / "a.mgz")
    np.testing.assert_array_equal(open_volume(tmp_path / "a.mgz").frame(3), data[..., 3])


def test_freesurfers_own_default_stands_in_for_a_missing_orientation(tmp_path, ramp, oblique):
    path = tmp_path / "a.mgh"
    nib.save(nib.MGHImage(ramp, oblique), path)
    content = bytearray(path.read_bytes())
    content[28:30] = b"\0\0"
    path.write_bytes(content)
    volume = open_volume(path)
    # mri.h of FreeSurfer: x to the left, y down, z to the front, 1 mm, centred. nibabel has y and z the other way round.
    np.testing.assert_allclose(volume.affine.matrix, [[-1, 0, 0, 2.5], [0, 0, 1, -3.5], [0, -1, 0, 3], [0, 0, 0, 1]])
    assert not volume.orientation_known
    assert volume.grid.axis_codes == "LIA"
    assert "orientation-unknown" in [finding.code for finding in volume.findings]


def test_it_has_no_form_to_choose(tmp_path, ramp, oblique):
    nib.save(nib.MGHImage(ramp, oblique), tmp_path / "a.mgh")
    with pytest.raises(UnreadableFileError, match="neither sform nor qform"):
        open_volume(tmp_path / "a.mgh", form="q")


@pytest.mark.parametrize("damage", [(30, np.nan, "not finite"), (34, 0.0, "singular")], ids=lambda damage: damage[2])
def test_a_placement_that_places_nothing_is_refused(tmp_path, ramp, oblique, damage):
    at, value, words = damage
    path = tmp_path / "a.mgh"
    nib.save(nib.MGHImage(ramp, oblique), path)
    content = bytearray(path.read_bytes())
    content[at : at + 4] = np.array(value, ">f4").tobytes()
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match=words):
        open_volume(path)
