"""Transforms written by other programs, read to within the digits that their files hold.

How far half a unit in the last place of every number of a file can move a point of a head is found by reading the file again with one
number after the other changed by as much. What is read may differ from the truth by that, and by 1e-5 mm more.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest
from nibabel.eulerangles import euler2mat

from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.transforms.files import read_transform
from volstudio.transforms.lta import _parse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KINDS = ("RAS", "LAS", "LPS", "oblique")
REGRESSIONS = ("fsnative_to-bold", "fsnative_to-scanner", "scanner_to-bold", "scanner_to-fsnative")
ALLOWED_MM = 1e-5
NUMBER = re.compile(r"(?<=[\s:])-?\d+\.?\d*(?:e[-+]?\d+)?(?=\s)")
WHOLE = ("volume =", "type", "valid =")  # behind these stand whole numbers
TRUTH = np.eye(4)
TRUTH[:3, :3] = euler2mat(x=0.9, y=0.001, z=0.001)  # as the folder's README says
TRUTH[:3, 3] = 4, 2, -1


def six_digits(value: float) -> float:
    """Half a unit of the last of six significant digits; zero, and the one in the corner, are exact."""
    return 0.5 * 10.0 ** (np.floor(np.log10(abs(value))) - 5) if value not in (0, 1) else 0.0


def single_precision(value: float) -> float:
    """Half a unit in the last place of a float32, which FreeSurfer computes in and then prints with 16 digits; zero is exact."""
    return float(np.spacing(np.float32(abs(value)))) / 2 if value else 0.0


def anatomy(shared_data: Path, kind: str) -> Grid:
    """The image of the golden files, as the folder's README says it was made."""
    image = nib.load(shared_data / "pair" / "someones_anatomy.nii.gz")
    affine, shape = image.affine.copy(), image.shape
    for axis in range({"LAS": 1, "LPS": 2}.get(kind, 0)):
        affine[axis, 3] += affine[axis, axis] * (shape[axis] - 1)
        affine[axis, axis] *= -1
    if kind == "oblique":
        affine[:3, 3] = -affine[:3, :3] @ (np.array(shape) - 1) / 2
        affine = nib.affines.from_matvec(euler2mat(x=0.09, y=0.001, z=0.001)) @ affine
    return Grid(shape, Affine(affine, f"{kind}:voxel", f"{kind}:scanner"))


def mapped(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def reach(file: Path, read: Callable[[Path], Affine], half: Callable[[float], float], box: np.ndarray, folder: Path) -> float:
    """How far the points of the box can be from where a file was meant to map them, mm, all its numbers being half a unit wrong."""
    changed = folder / file.name
    there = read(file).apply(box)
    far = np.zeros_like(there)
    text = file.read_text()
    for found in NUMBER.finditer(text, text.find("1 4 4\n") + 6 if "1 4 4\n" in text else text.find("Transform:") + 1):
        value = float(found.group())
        if half(value) and not text[: found.start()].rstrip().endswith(WHOLE):
            changed.write_text(f"{text[: found.start()]}{value + half(value):.17g}{text[found.end() :]}")
            far += np.abs(read(changed).apply(box) - there)
    assert far.min() > 0, "no number was changed"
    return float(far.max())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("suffix", "half", "inverse"),
    [
        (".itk.tfm", six_digits, False),
        (".afni", six_digits, False),
        (".fsl", six_digits, False),
        (".fs.lta", single_precision, True),
        (".fs.v2v.lta", single_precision, True),
    ],
)
def test_one_affine_in_every_dialect(shared_data, tmp_path, box, kind, suffix, half, inverse):  # noqa: PLR0917 - parameters and fixtures
    image = anatomy(shared_data, kind) if suffix == ".fsl" else None
    file = shared_data / "transforms" / f"affine-{kind}{suffix}"
    if not file.exists():
        pytest.skip("not among the files")

    def read(path: Path) -> Affine:
        return read_transform(path, fixed=image, moving=image)

    truth = np.linalg.inv(TRUTH) if inverse else TRUTH
    off = float(np.abs(read(file).apply(box) - mapped(truth, box)).max())
    bound = reach(file, read, half, box, tmp_path)
    assert off <= bound + ALLOWED_MM
    assert bound < 2e-3


def test_voxels_and_millimetres_of_one_coregistration(shared_data, tmp_path, box):
    files = [shared_data / "transforms" / f"bold-to-t1w{end}" for end in (".lta", ".v2v.lta")]
    off = float(np.abs(read_transform(files[0]).apply(box) - read_transform(files[1]).apply(box)).max())
    assert off <= sum(reach(file, read_transform, single_precision, box, tmp_path) for file in files) + ALLOWED_MM


@pytest.mark.parametrize("name", REGRESSIONS)
@pytest.mark.parametrize("suffix", [".tfm", ".fsl", "_type-ras2ras.lta"])
def test_regressions(shared_data, tmp_path, box, name, suffix):
    """The geometry of the images stands in the LTA."""
    stem = f"from-{name}_mode-image"
    folder = shared_data / "transforms" / "regressions"
    if not (folder / f"{stem}{suffix}").exists():
        pytest.skip("not among the files")
    parts = _parse((folder / f"{stem}.lta").read_text())

    def read(path: Path) -> Affine:
        images = {"fixed": parts.dst, "moving": parts.src} if path.suffix == ".fsl" else {}
        return read_transform(path, **images)

    off = float(np.abs(read(folder / f"{stem}{suffix}").apply(box) - read(folder / f"{stem}.lta").apply(box)).max())
    bounds = [reach(folder / f"{stem}{end}", read, single_precision, box, tmp_path) for end in (suffix, ".lta")]
    assert off <= sum(bounds) + ALLOWED_MM
