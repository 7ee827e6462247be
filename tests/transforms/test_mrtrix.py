"""MRtrix's transforms: known by their comments, in three or four lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from volstudio.errors import TransformError
from volstudio.geometry.affine import Affine
from volstudio.geometry.rigid import RigidTransform
from volstudio.transforms.files import read_transform, write_transform

if TYPE_CHECKING:
    from pathlib import Path

M = RigidTransform.from_six((3, -4, 5, 0.05, 0.1, -0.07), (10, 20, 30)).matrix
THREE = "\n".join("  ".join(map(repr, row)) for row in M[:3].tolist()) + "\n"
ROWS = THREE + "0 0 0 1\n"
COMMENTS = "# command_history: mrregister fixed.mif moving.mif -rigid t.txt  (version=3.0.4)\n# centre: 1 2 3\n# mrtrix_version: 3.0.4\n"


@pytest.mark.parametrize("name", ["t.txt", "t.mat", "t", "t.mrtrix.txt"])
@pytest.mark.parametrize("rows", [ROWS, THREE])
def test_its_own_comments_make_it_known_under_any_name(tmp_path: Path, name, rows):
    (tmp_path / name).write_text(COMMENTS + rows)
    assert np.array_equal(read_transform(tmp_path / name).matrix, M)


def test_bare_numbers_need_its_name(tmp_path: Path):
    for name in ("t.mrtrix.txt", "t.mrtrix"):
        (tmp_path / name).write_text(ROWS)
        assert np.array_equal(read_transform(tmp_path / name).matrix, M)
    (tmp_path / "t.txt").write_text(ROWS)
    with pytest.raises(TransformError, match="does not say which way"):
        read_transform(tmp_path / "t.txt")
    assert np.array_equal(read_transform(tmp_path / "t.txt", dialect="mrtrix").matrix, M)


def test_what_is_written_says_its_direction_above_bare_rows(tmp_path: Path, t1, epi):
    write_transform(Affine(M, "t1:scanner", "epi:scanner"), tmp_path / "t.mrtrix.txt", fixed=t1, moving=epi)
    text = (tmp_path / "t.mrtrix.txt").read_text()
    assert text.startswith("# MRtrix linear transform, maps fixed points (t1:scanner) to moving points (epi:scanner), RAS+ mm\n")
    assert np.array_equal(np.loadtxt(tmp_path / "t.mrtrix.txt"), M)
    (tmp_path / "t.txt").write_text(text)
    assert np.array_equal(read_transform(tmp_path / "t.txt").matrix, M)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# maps moving points to fixed points\n" + ROWS, "moving points to fixed points"),
        (COMMENTS + "1 0 0 0\n0 1 0 0\n", "2 lines of 4 numbers"),
        (COMMENTS + ROWS.replace("0 0 0 1", "0 0 1 1"), "last line"),
        (COMMENTS, "no numbers"),
    ],
)
def test_what_is_no_transform_is_refused_with_its_cause(tmp_path: Path, text, words):
    (tmp_path / "t.mrtrix.txt").write_text(text)
    with pytest.raises(TransformError) as refusal:
        read_transform(tmp_path / "t.mrtrix.txt")
    assert words in str(refusal.value)
