"""HDF5 as an untrusted container: nothing outside the file is opened, and a missing h5py is said."""

from __future__ import annotations

import sys
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from volstudio.errors import MissingExtraError, TransformError
from volstudio.geometry.affine import Affine
from volstudio.transforms.dialect import Ends
from volstudio.transforms.files import read_transform, write_transform
from volstudio.transforms.hdf5 import opened
from volstudio.transforms.itk_h5 import ITK_H5
from volstudio.transforms.x5 import X5

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


@pytest.mark.parametrize("libver", ["earliest", "v108", "v110", "latest"])
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"chunks": (4, 4)},
        {"chunks": (3, 2), "compression": "gzip"},
        {"chunks": (1, 3), "compression": "gzip", "shuffle": True, "fletcher32": True},
        {"dtype": ">f4"},
        {"dtype": "i2"},
    ],
)
def test_arrays_of_every_layout_are_those_that_h5py_wrote(tmp_path: Path, libver, how):
    numbers = np.arange(16.0).reshape(4, 4) - 7
    with h5py.File(tmp_path / "t.h5", "w", libver=libver) as file:
        file.attrs["Format"], file.attrs["Fixed"], file.attrs["Number"] = "格式", np.bytes_(b"fixed"), 3
        file.create_group("a/b").create_dataset("numbers", data=numbers, **how)
        file["text"] = np.bytes_(b"short")
        file["in heap"] = ["from a heap"]
    with opened((tmp_path / "t.h5").read_bytes()) as root:
        assert (root.attribute("Format"), root.attribute("Fixed"), root.attribute("Number")) == ("格式", "fixed", "")
        assert (root.text("text"), root.text("in heap")) == ("short", "from a heap")
        # Chunks have an index of their own since HDF5 1.10, which ITK and nitransforms do not ask for.
        newer = libver in {"v110", "latest"} and "chunks" in how
        with pytest.raises(TransformError, match="in a way that is not read") if newer else nullcontext():
            assert np.array_equal(root.group("a").group("b").numbers("numbers"), numbers)


@given(data=st.data())
@settings(deadline=None, max_examples=300)
def test_no_changed_byte_makes_reading_hang_or_crash(data):
    """HDF5's own library loops for ever on some of these."""
    whole = bytearray(X5.write(np.eye(4), Ends()) if data.draw(st.booleans()) else ITK_H5.write(np.eye(4), Ends()))
    # Most of such a file is empty room: the changes go where something is.
    filled = [place for place, byte in enumerate(whole) if byte]
    for place, byte in data.draw(st.lists(st.tuples(st.sampled_from(filled), st.integers(0, 255)), min_size=1, max_size=6)):
        whole[place] = byte
    for dialect in (X5, ITK_H5):
        with suppress(TransformError):
            assert dialect.read(bytes(whole), Ends()).shape == (4, 4)


@pytest.mark.parametrize("size", [0, 2**64 - 16, 2**63])
def test_a_heap_without_the_wanted_text_ends(size):
    whole = bytearray(ITK_H5.write(np.eye(4), Ends()))
    first = whole.index(b"GCOL") + 16
    whole[first : first + 2] = b"\x09\x00"
    whole[first + 8 : first + 16] = size.to_bytes(8, "little")
    with pytest.raises(TransformError, match="damaged"):
        ITK_H5.read(bytes(whole), Ends())


def test_other_hdf5_files_are_called_by_their_name(tmp_path: Path):
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["image"] = np.zeros(3)
    with pytest.raises(TransformError, match="HDF5 file of neither ITK nor X5"):
        read_transform(tmp_path / "t.h5")


@pytest.mark.parametrize("name", ["t.h5", "t.x5"])
def test_without_h5py_files_are_read_and_writing_says_the_line_that_installs_it(tmp_path: Path, monkeypatch, name):
    write_transform(AFFINE, tmp_path / name)
    monkeypatch.setitem(sys.modules, "h5py", None)
    assert np.array_equal(read_transform(tmp_path / name).matrix, np.eye(4))
    with pytest.raises(MissingExtraError, match=r"pip install 'volstudio\[formats\]'"):
        write_transform(AFFINE, tmp_path / f"new {name}")
    assert not (tmp_path / f"new {name}").exists()
