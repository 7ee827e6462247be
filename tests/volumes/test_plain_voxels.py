"""Voxels of plain files: read where they are asked for, and refused once another program has changed the file."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from volstudio.errors import UnreadableFileError
from volstudio.volumes import plain_voxels as module
from volstudio.volumes.plain_voxels import FileVoxels, plain_voxels
from volstudio.volumes.readers import open_volume

SHAPE = (4, 5, 6, 3)


@pytest.fixture
def block(tmp_path):
    """(path, array) of a file whose voxels begin at byte 7."""
    array = np.asfortranarray(np.arange(np.prod(SHAPE), dtype=">i2").reshape(SHAPE, order="F"))
    path = tmp_path / "voxels"
    path.write_bytes(b"head---" + array.tobytes(order="F"))
    return path, array


INDICES = [
    np.s_[...],
    np.s_[..., 1],
    np.s_[:, :, 3, 0],
    np.s_[1, 2, 3, :],
    np.s_[1, 2, 3, -1],
    np.s_[1:3, ::2, 4:0:-2],
    np.s_[:, 1],
    np.s_[2],
    np.s_[:, :, 1:4, 1:],
    np.s_[..., [2, 0]],
    np.s_[:, :, 6:2, 0],
]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_an_index_gives_what_numpy_gives(block, index):
    path, array = block
    np.testing.assert_array_equal(FileVoxels(path, array.dtype, 7, SHAPE)[index], array[index])


@pytest.mark.parametrize("index", [np.s_[0, 0, 6], np.s_[0, 0, 0, 3], np.s_[0, 0, 0, 0, 0], np.s_[9]], ids=str)
def test_an_index_out_of_range_is_refused(block, index):
    path, array = block
    with pytest.raises(IndexError):
        FileVoxels(path, array.dtype, 7, SHAPE)[index]


def test_only_slices_that_are_asked_for_are_read(block, monkeypatch):
    path, array = block
    voxels = FileVoxels(path, array.dtype, 7, SHAPE)
    read = []
    fill = FileVoxels._fill
    monkeypatch.setattr(FileVoxels, "_fill", lambda self, part, start: (read.append(part.nbytes), fill(self, part, start))[1])
    voxels[1, 2, 3, :]
    assert sum(read) == 3 * 4 * 5 * 2


def test_small_blocks_are_read_at_once(block):
    path, array = block
    assert isinstance(plain_voxels(path, array.dtype, 7, SHAPE), np.ndarray)
    assert isinstance(plain_voxels(path, array.dtype, 7, SHAPE, array.nbytes - 1), FileVoxels)


@pytest.mark.parametrize("change", ["cut", "rewritten"])
def test_a_file_that_another_program_changes_is_refused(block, change):
    path, array = block
    voxels = FileVoxels(path, array.dtype, 7, SHAPE)
    before = path.stat()
    with path.open("r+b") as file:
        file.truncate(40 if change == "cut" else before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 10**9))
    with pytest.raises(UnreadableFileError, match="another program has changed it"):
        voxels[..., 0]


TRUNCATED = """
import sys
import numpy as np
from volstudio.volumes import plain_voxels
from volstudio.volumes.readers import open_volume
plain_voxels.AT_ONCE = int(sys.argv[2])
volume = open_volume(sys.argv[1])
with open(sys.argv[1], "r+b") as file:
    file.truncate(400)
try:
    print(int(np.asarray(volume.frame()).astype(np.int64).sum()))
except OSError as error:
    print(error)
"""


@pytest.mark.parametrize(("at_once", "says"), [(module.AT_ONCE, "528000000"), (0, "another program has changed it")])
def test_truncation_in_place_does_not_end_the_process(tmp_path, at_once, says):
    import nibabel as nib

    path = tmp_path / "a.nii"
    nib.save(nib.Nifti1Image(np.full((120, 110, 40), 1000, np.int16), np.eye(4)), path)
    child = subprocess.run([sys.executable, "-c", TRUNCATED, str(path), str(at_once)], capture_output=True, text=True, check=False)
    assert (child.returncode, child.stderr) == (0, "")
    assert says in child.stdout


def test_a_large_file_is_not_read_on_opening(tmp_path, monkeypatch):
    path = tmp_path / "a.nii"
    import nibabel as nib

    nib.save(nib.Nifti1Image(np.zeros((3, 4, 5, 6), np.int16), np.eye(4)), path)
    monkeypatch.setattr(module, "AT_ONCE", 100)
    volume = open_volume(path)
    assert not isinstance(volume.data, np.ndarray)
    assert volume.frame(5).shape == (3, 4, 5)
    assert not volume.frame(5).flags.writeable
