"""FreeSurfer's register.dat, in whose coordinates both images have their middle at zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nibabel.freesurfer.mghformat import MGHImage

from volstudio.errors import TransformError
from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.transforms.files import read_transform, write_transform

if TYPE_CHECKING:
    from pathlib import Path

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
# The example of FreeSurfer's own page on the format.
WIKI = """mgh-02407836-v2
3.437500
5.000000
0.150000
9.999921e-01 1.462518e-04 -3.969864e-03 7.764969e-01
3.899203e-03 -2.272341e-01 9.738325e-01 -3.873044e+01
7.596778e-04 9.738404e-01 2.272329e-01 -1.456367e+00
0.000000e+00 0.000000e+00 0.000000e+00 1.000000e+00
round
"""


def tkr(grid: Grid) -> np.ndarray:
    """nibabel's tkregister coordinates of an image."""
    return MGHImage(np.zeros(grid.shape, np.uint8), grid.affine.matrix).header.get_vox2ras_tkr()


def test_maps_target_to_movable_in_tkregister_coordinates(tmp_path: Path, t1, epi):
    (tmp_path / "register.dat").write_text(WIKI)
    read = read_transform(tmp_path / "register.dat", fixed=t1, moving=epi)
    matrix = np.array([[float(word) for word in line.split()] for line in WIKI.splitlines()[4:8]])
    voxels = np.array([(0, 0, 0), (10, 100, 50), (150, 3, 70)])
    anatomy = voxels @ tkr(t1.grid)[:3, :3].T + tkr(t1.grid)[:3, 3]
    movable = anatomy @ matrix[:3, :3].T + matrix[:3, 3]
    # nibabel keeps voxel sizes in single precision.
    assert (
        np.abs(
            epi.affine.inverse().apply(read.apply(t1.affine.apply(voxels))) - Affine(tkr(epi.grid), "v", "t").inverse().apply(movable)
        ).max()
        < 1e-4
    )


@in_one_folder
@given(data=st.data())
def test_round_trip_between_images_of_any_kind(tmp_path: Path, box, maps, data):
    fixed = Grid((7, 8, 9), Affine(data.draw(maps["linear"]), "a:voxel", "a:scanner"))
    moving = Grid((10, 5, 6), Affine(data.draw(maps["linear"]), "b:voxel", "b:scanner"))
    affine = Affine(data.draw(maps["linear"]), "a:scanner", "b:scanner")
    write_transform(affine, tmp_path / "t.dat", fixed=fixed, moving=moving, overwrite=True)
    read = read_transform(tmp_path / "t.dat", fixed=fixed, moving=moving)
    assert np.abs(read.apply(box) - affine.apply(box)).max() < 1e-8


def test_is_laid_out_as_freesurfer_reads_it(tmp_path: Path, t1, epi):
    write_transform(Affine(np.eye(4), "t1:scanner", "epi:scanner"), tmp_path / "bbr.dat", fixed=t1, moving=epi)
    lines = (tmp_path / "bbr.dat").read_text().splitlines()
    assert (lines[0], len(lines), lines[8]) == ("t1", 9, "round")
    assert [float(line) for line in lines[1:4]] == pytest.approx([3, 3.5, 0.15])
    assert np.loadtxt(lines[4:8]).shape == (4, 4)


def test_is_known_by_its_content(tmp_path: Path, t1, epi):
    (tmp_path / "reg.txt").write_text(WIKI)
    (tmp_path / "register.dat").write_text(WIKI.replace("\n", "\r\n"))
    a, b = (read_transform(tmp_path / name, fixed=t1, moving=epi) for name in ("reg.txt", "register.dat"))
    assert np.array_equal(a.matrix, b.matrix)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("round", "", "no last line 'round'"),
        ("round", "tkregister", "half a voxel"),
        ("0.000000e+00 0.000000e+00 0.000000e+00 1.000000e+00\nround\n", "", "3 lines of 4 numbers"),
        ("0.000000e+00 1.000000e+00\n", "0.000000e+00 3.000000e+00\n", "last line of its matrix"),
        ("7.764969e-01", "nan", "not a finite number"),
        ("9.999921e-01 1.462518e-04 -3.969864e-03", "0 0 0", "singular"),
    ],
)
def test_damage_is_refused_with_its_cause(tmp_path: Path, t1, epi, old, new, words):  # noqa: PLR0917 - parameters and fixtures
    assert old in WIKI
    (tmp_path / "t.dat").write_text(WIKI.replace(old, new))
    with pytest.raises(TransformError) as refusal:
        read_transform(tmp_path / "t.dat", fixed=t1, moving=epi)
    assert words in str(refusal.value)


def test_needs_both_images(tmp_path: Path, t1):
    (tmp_path / "t.dat").write_text(WIKI)
    with pytest.raises(TransformError, match="the moving image too"):
        read_transform(tmp_path / "t.dat", fixed=t1)
