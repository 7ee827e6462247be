"""Convert3D's matrices: sixteen numbers, ITK's direction, NIfTI's axes."""

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


def test_c3d_reads_sixteen_numbers_and_nothing_else(tmp_path: Path, t1, epi):
    write_transform(Affine(M, "t1:scanner", "epi:scanner"), tmp_path / "t.c3d.mat", fixed=t1, moving=epi)
    words = (tmp_path / "t.c3d.mat").read_text().split()
    assert np.array_equal(np.reshape([float(word) for word in words], (4, 4)), M)


def test_the_name_or_the_person_tells_it_from_flirts(tmp_path: Path, t1, epi):
    np.savetxt(tmp_path / "t.mat", M, fmt="%.17g")
    flirts = read_transform(tmp_path / "t.mat", fixed=t1, moving=epi)
    assert np.array_equal(read_transform(tmp_path / "t.mat", dialect="c3d").matrix, M)
    assert not np.allclose(flirts.matrix, M)
    with pytest.raises(TransformError, match="both images"):
        read_transform(tmp_path / "t.mat")


def test_an_example_of_itk_snaps_users(tmp_path: Path):
    """The numbers that ``c3d_affine_tool -itk t.tfm -o t.mat`` gives are those of the ITK file with x and y turned round."""
    write_transform(Affine(M, "fixed:scanner", "moving:scanner"), tmp_path / "t.tfm")
    write_transform(Affine(M, "fixed:scanner", "moving:scanner"), tmp_path / "t.c3d")
    parameters = next(line for line in (tmp_path / "t.tfm").read_text().splitlines() if line.startswith("Parameters:"))
    lps = np.array([float(word) for word in parameters.split()[1:]])
    ras = np.loadtxt(tmp_path / "t.c3d")
    flip = np.diag([-1.0, -1, 1])
    assert np.allclose(flip @ lps[:9].reshape(3, 3) @ flip, ras[:3, :3], atol=1e-15)
    assert np.allclose(flip @ lps[9:], ras[:3, 3], atol=1e-15)
