from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOImage import vtkJPEGReader, vtkPNGReader, vtkTIFFReader

from volstudio.errors import OutputError
from volstudio.rendering.picture_files import SUFFIXES, encode, picture_suffix, read_png_text


@pytest.fixture
def picture() -> np.ndarray:
    """Asymmetric, with smooth parts and hard edges, and sides that are no multiple of anything."""
    y, x = np.mgrid[0:61, 0:83]
    rgb = np.stack([x * 3, y * 4, (x * y) % 256], axis=-1).astype(np.uint8)
    rgb[5:9, 7:20] = (255, 0, 3)
    return rgb


def read_by_vtk(path: Path) -> np.ndarray:
    reader = {".png": vtkPNGReader, ".tif": vtkTIFFReader, ".jpg": vtkJPEGReader}[path.suffix]()
    reader.SetFileName(str(path))
    reader.Update()
    image = reader.GetOutput()
    width, height, _ = image.GetDimensions()
    rgb = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, 3)
    return rgb if path.suffix == ".tif" else rgb[::-1]  # VTK's TIFF reader keeps the rows as they lie in the file


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_lossless_files_give_back_every_pixel(suffix, picture, tmp_path):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(encode(picture, suffix, {"Software": "volstudio", "Description": "one"}))
    np.testing.assert_array_equal(read_by_vtk(path), picture)


def test_jpeg_is_upright_and_near(tmp_path):
    ramp = np.zeros((40, 60, 3), np.uint8)
    ramp[:20] = 200
    ramp[:, :30, 0] = 90
    path = tmp_path / "a.jpg"
    path.write_bytes(encode(ramp, ".jpg"))
    difference = np.abs(read_by_vtk(path).astype(int) - ramp)
    assert difference.mean() < 3
    assert difference[5, 5].max() < 12


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_picture_gives_the_same_bytes(suffix, picture):
    assert encode(picture, suffix, {"Software": "x"}) == encode(picture.copy(), suffix, {"Software": "x"})


def test_a_view_with_strides_is_written_as_it_looks(picture, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encode(picture[::-1, ::2], ".png"))
    np.testing.assert_array_equal(read_by_vtk(path), picture[::-1, ::2])


def test_words_are_kept_in_any_script(picture):
    words = {"Software": "volstudio 1", "Title": "扫描/病人 一"}
    assert read_png_text(encode(picture, ".png", words)) == words


@pytest.mark.parametrize("name", ["a.nii.gz", "a", "a.bmp", ".png"])
def test_other_names_are_refused_with_a_sentence(name):
    with pytest.raises(OutputError, match=r"ends in \.png"):
        picture_suffix(Path(name))


def test_upper_case_is_a_suffix_too():
    assert picture_suffix(Path("A.PNG")) == ".png"
