"""HDF5 as an untrusted container: nothing outside the file is opened, and a missing h5py is said."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

from volstudio.errors import MissingExtraError, TransformError
from volstudio.geometry.affine import Affine
from volstudio.transforms.files import read_transform, write_transform

if TYPE_CHECKING:
    from pathlib import Path

AFFINE = Affine(np.eye(4), "fixed:scanner", "moving:scanner")


@pytest.mark.parametrize(("name", "dialect"), [("t.h5", "itk-h5"), ("t.x5", "x5")])
def test_links_to_elsewhere_are_not_followed(tmp_path: Path, name, dialect):
    write_transform(AFFINE, tmp_path / name)
    write_transform(AFFINE, tmp_path / f"other {name}")
    for link in (h5py.ExternalLink(str(tmp_path / f"other {name}"), "/TransformGroup/0"), h5py.SoftLink("/TransformGroup/1")):
        with h5py.File(tmp_path / name, "a") as file:
            del file["TransformGroup/0"]
            file["TransformGroup/0"] = link
        with pytest.raises(TransformError, match="no group '0'"):
            read_transform(tmp_path / name, dialect=dialect)


def test_virtual_arrays_are_not_followed(tmp_path: Path):
    write_transform(AFFINE, tmp_path / "t.x5")
    layout = h5py.VirtualLayout((4, 4), dtype="f8")
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (4, 4))
    with h5py.File(tmp_path / "t.x5", "a") as file:
        del file["TransformGroup/0/Transform"]
        file.create_virtual_dataset("TransformGroup/0/Transform", layout)
    with pytest.raises(TransformError, match="another file"):
        read_transform(tmp_path / "t.x5")


@pytest.mark.parametrize("name", ["t.h5", "t.x5"])
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, name):
    write_transform(AFFINE, tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    for length in range(8, len(whole) - 1, 97):
        (tmp_path / name).write_bytes(whole[:length])
        with pytest.raises(TransformError):
            read_transform(tmp_path / name)


def test_other_hdf5_files_are_called_by_their_name(tmp_path: Path):
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["image"] = np.zeros(3)
    with pytest.raises(TransformError, match="HDF5 file of neither ITK nor X5"):
        read_transform(tmp_path / "t.h5")


@pytest.mark.parametrize("name", ["t.h5", "t.x5"])
def test_without_h5py_the_line_that_installs_it_is_said(tmp_path: Path, monkeypatch, name):
    write_transform(AFFINE, tmp_path / name)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'volstudio\[formats\]'"):
        read_transform(tmp_path / name)
    with pytest.raises(MissingExtraError, match="h5py"):
        write_transform(AFFINE, tmp_path / f"new {name}")
    assert not (tmp_path / f"new {name}").exists()
