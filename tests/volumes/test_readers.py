from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from volstudio.errors import GeometryError, UnreadableFileError
from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.volumes import readers as module
from volstudio.volumes.formats import name_of
from volstudio.volumes.readers import Reader, open_volume, volume_from_array
from volstudio.volumes.volume import Volume


def test_any_array_with_an_affine_is_a_volume(affine):
    data = np.zeros((3, 4, 5), np.int16)
    volume = volume_from_array(data, affine, name="sim")
    assert np.shares_memory(volume.data, data)
    assert volume.source is None
    assert (volume.affine.source, volume.affine.target) == ("sim:voxel", "sim:scanner")
    data[0, 0, 0] = 7
    assert volume.data[0, 0, 0] == 7
    with pytest.raises(ValueError, match="read-only"):
        volume.data[0, 0, 0] = 1


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (bool, np.uint8),
        (np.float16, np.float32),
        (np.complex64, np.float32),
        (np.longdouble, np.float64),
        (">i2", np.int16),
        (np.uint64, np.uint64),
    ],
)
def test_types_that_nothing_can_draw_are_converted(given, shown):
    volume = volume_from_array(np.ones((2, 2, 2)).astype(given), np.eye(4))
    assert volume.data.dtype == shown
    assert volume.data.dtype.isnative
    np.testing.assert_array_equal(volume.data, 1)


def test_what_cannot_be_a_volume_is_refused():
    with pytest.raises(ValueError, match="numbers"):
        volume_from_array(np.array([[["a"]]]), np.eye(4))
    with pytest.raises(GeometryError):
        volume_from_array(np.zeros((3, 3)), np.eye(4))
    with pytest.raises(GeometryError):
        volume_from_array(np.zeros((3, 3, 3)), np.zeros((4, 4)))
    with pytest.raises(GeometryError):
        volume_from_array(np.zeros((3, 3, 3, 2, 2)), np.eye(4))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"mrtrix image\ndim: 3,3,3\n", "MRtrix"),
        (b"II*\0" + b"\0" * 300, "TIFF"),
        (b"%PDF-1.4" + b"\0" * 300, "PDF"),
        (b"name,age\nann,3\n", "text file"),
        ("扫描说明\n".encode() * 300, "text file"),
        (b"\x7fELF" + bytes(range(256)), "not recognised"),
    ],
)
def test_another_format_is_named_and_what_is_read_is_said(tmp_path, content, words):
    path = tmp_path / "scan.dat"
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match=words) as refusal:
        open_volume(path)
    assert "volstudio reads NIfTI-1 and NIfTI-2" in str(refusal.value)
    assert str(refusal.value).count("\n") == 0


def test_a_plug_in_reads_what_volstudio_does_not(tmp_path, monkeypatch):
    def read(path, *, form, name, memory_limit):
        return Volume(np.zeros((2, 3, 4)), Grid((2, 3, 4), Affine(np.eye(4), f"{name}:voxel", f"{name}:scanner")), name)

    reader = Reader("Toy", lambda name, head: name.endswith(".toy") and head.startswith(b"TOY"), read)
    monkeypatch.setattr(module, "readers", lambda: {"toy": reader})
    path = tmp_path / "a.toy"
    path.write_bytes(b"TOY!")
    assert open_volume(path).name == "a.toy"
    (tmp_path / "b.dat").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(UnreadableFileError, match="and Toy"):
        open_volume(tmp_path / "b.dat")


def test_names_are_fit_to_name_a_space():
    assert name_of(Path("sub-01_T1w.nii.gz")) == "sub-01_T1w"
    assert name_of(Path("UPPER.NII.GZ")) == "UPPER"
    assert name_of(Path(".nii")) == ".nii"
    assert name_of(Path("a:b\nc.mgz")) == "a-b c"
    assert name_of(Path("noext")) == "noext"


def test_a_relative_path_and_a_home_are_understood(write_nifti, ramp, oblique, monkeypatch):
    path = write_nifti("a.nii", ramp, oblique)
    monkeypatch.chdir(path.parent)
    assert open_volume("a.nii").source.path == path
    monkeypatch.setenv("HOME", str(path.parent))
    assert open_volume("~/a.nii", name="mine").name == "mine"


def test_an_unknown_sample_is_refused_with_those_there_are():
    with pytest.raises(UnreadableFileError, match="t1, epi, stat"):
        open_volume("sample:nose")


def test_opening_loads_no_heavy_library(write_nifti, ramp, oblique):
    path = write_nifti("a.nii.gz", ramp, oblique)
    script = (
        "import sys, volstudio as vs; v = vs.open_volume(sys.argv[1]); v.frame()\n"
        "from volstudio.volumes.intensity import robust_window; robust_window(v.data)\n"
        "print(sorted({'nibabel', 'scipy', 'SimpleITK', 'vtk', 'pyvista'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["sample:t1", "a.nii"])
def test_a_form_that_is_none_is_refused(tmp_path, name):
    (tmp_path / "a.nii").write_bytes(b"never read")
    with pytest.raises(UnreadableFileError, match="form 'x': a form is 'auto'"):
        open_volume(name if name.startswith("sample:") else tmp_path / name, form="x")
