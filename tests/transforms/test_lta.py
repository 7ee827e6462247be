"""FreeSurfer LTAs in voxels and in RAS, in both directions; files by FreeSurfer itself: test_golden.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from volstudio.errors import TransformError
from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.transforms.files import read_transform, write_transform
from volstudio.transforms.lta import _parse

if TYPE_CHECKING:
    from pathlib import Path

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


@in_one_folder
@given(data=st.data())
def test_round_trip_between_images_of_any_kind(tmp_path: Path, box, maps, data):
    fixed = Grid((7, 8, 9), Affine(data.draw(maps["linear"]), "a:voxel", "a:scanner"))
    moving = Grid((10, 5, 6), Affine(data.draw(maps["linear"]), "b:voxel", "b:scanner"))
    affine = Affine(data.draw(maps["linear"]), "a:scanner", "b:scanner")
    write_transform(affine, tmp_path / "t.lta", fixed=fixed, moving=moving, overwrite=True)
    for known in ({}, {"fixed": fixed, "moving": moving}):
        assert np.abs(read_transform(tmp_path / "t.lta", **known).apply(box) - affine.apply(box)).max() < 1e-8
    parts = _parse((tmp_path / "t.lta").read_text())
    assert np.abs(parts.src.corners() - moving.corners()).max() < 1e-10
    assert np.abs(parts.dst.corners() - fixed.corners()).max() < 1e-10


def test_blanks_of_any_kind_and_number_stand_between_words(tmp_path, box):
    image = Grid((7, 8, 9), Affine(np.diag([1, 2, 3, 1.0]), "a:voxel", "t1:scanner"))
    other = Grid(image.shape, image.affine.renamed(target="epi:scanner"))
    write_transform(POSE, tmp_path / "t.lta", fixed=image, moving=other)
    (tmp_path / "tabs.lta").write_text((tmp_path / "t.lta").read_text().replace(" ", "\t \t"))
    np.testing.assert_array_equal(read_transform(tmp_path / "tabs.lta").apply(box), read_transform(tmp_path / "t.lta").apply(box))
    (tmp_path / "cut.lta").write_text((tmp_path / "t.lta").read_text().partition("1 4 4")[0])
    with pytest.raises(TransformError, match=r"damaged\?$"):
        read_transform(tmp_path / "cut.lta")


POSE = Affine([[1, 0, 0, 3], [0, 0, -1, 4], [0, 1, 0, 5], [0, 0, 0, 1.0]], "t1:scanner", "epi:scanner")


def test_a_file_the_other_way_round_is_known_by_its_geometries(tmp_path: Path, t1, epi):
    """Written with src = the T1: to someone who calls the T1 fixed, the file maps fixed to moving."""
    write_transform(POSE.inverse(), tmp_path / "t.lta", fixed=epi, moving=t1)
    assert read_transform(tmp_path / "t.lta", fixed=t1, moving=epi).is_close(POSE, atol=1e-9)
    assert read_transform(tmp_path / "t.lta", fixed=epi, moving=t1).is_close(POSE.inverse(), atol=1e-9)


@pytest.mark.parametrize("kind", [0, 1])
def test_geometry_marked_invalid_comes_from_the_images(tmp_path: Path, t1, epi, kind):
    write_transform(POSE, tmp_path / "t.lta", fixed=t1, moving=epi)
    text = (tmp_path / "t.lta").read_text().replace("valid = 1  # volume info valid", "valid = 0  # volume info invalid")
    if kind == 0:
        voxels = np.linalg.inv(t1.affine.matrix) @ np.linalg.inv(POSE.matrix) @ epi.affine.matrix
        head, tail = text.split("1 4 4\n")
        rows = "\n".join(" ".join(map(repr, row)) for row in voxels.tolist())
        text = head.replace("type      = 1", "type      = 0") + "1 4 4\n" + rows + "\n" + "\n".join(tail.split("\n")[4:])
    (tmp_path / "t.lta").write_text(text)
    assert read_transform(tmp_path / "t.lta", fixed=t1, moving=epi).is_close(POSE, atol=1e-9)
    if kind == 0:
        with pytest.raises(TransformError, match="needs the images"):
            read_transform(tmp_path / "t.lta", fixed=t1)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("type      = 1", "type      = 14", "register.dat"),
        ("type      = 1", "type      = 7", "type 7"),
        ("nxforms   = 1", "nxforms   = 3", "3 transforms"),
        ("1 4 4", "1 3 3", "'1 4 4'"),
        ("sigma     = 1.0000\n", "", "'1 4 4'"),
        ("dst volume info", "volume info", "dst volume info"),
        ("xras   = ", "yyy = ", "'xras'"),
        ("voxelsize = 1.", "voxelsize = nan 1.", "finite"),
        ("voxelsize = ", "voxelsize = 0 0 0 #", "no geometry"),
        ("volume = 64", "volume = 0", "no geometry"),
        ("1.0 0.0 0.0", "0.0 0.0 0.0", "singular"),
    ],
)
def test_damage_is_refused_with_its_cause(tmp_path: Path, t1, epi, old, new, words):  # noqa: PLR0917 - parameters and fixtures
    write_transform(Affine(np.eye(4), "t1:scanner", "epi:scanner"), tmp_path / "t.lta", fixed=t1, moving=epi)
    text = (tmp_path / "t.lta").read_text()
    assert old in text
    (tmp_path / "t.lta").write_text(text.replace(old, new, 1))
    with pytest.raises(TransformError) as refusal:
        read_transform(tmp_path / "t.lta")
    assert words in str(refusal.value)


def test_a_file_cut_anywhere_is_refused(tmp_path: Path, t1, epi):
    write_transform(POSE, tmp_path / "whole.lta", fixed=t1, moving=epi)
    whole = (tmp_path / "whole.lta").read_bytes()
    last = whole.rindex(b" ", 0, len(whole.rstrip()))
    for length in range(1, last, 3):
        (tmp_path / "cut.lta").write_bytes(whole[:length])
        with pytest.raises(TransformError):
            read_transform(tmp_path / "cut.lta")
