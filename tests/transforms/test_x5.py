"""X5 against nitransforms, whose format it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nitransforms.io.x5 import X5Transform, from_filename, to_filename
from nitransforms.linear import Affine as TheirAffine

from volstudio.errors import TransformError
from volstudio.geometry.affine import Affine
from volstudio.geometry.rigid import RigidTransform
from volstudio.transforms.files import read_transform, write_transform

if TYPE_CHECKING:
    from pathlib import Path

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
M = RigidTransform.from_six((3, -4, 5, 0.05, 0.1, -0.07), (10, 20, 30)).matrix
POSE = Affine(M, "t1:scanner", "epi:scanner")


@in_one_folder
@given(data=st.data())
def test_both_read_what_either_writes(tmp_path: Path, t1, epi, box, maps, data):  # noqa: PLR0917 - parameters and fixtures
    affine = Affine(data.draw(maps["linear"]), "t1:scanner", "epi:scanner")
    write_transform(affine, tmp_path / "t.x5", fixed=t1, moving=epi, overwrite=True)
    theirs = TheirAffine.from_filename(tmp_path / "t.x5", fmt="X5")
    assert np.array_equal(theirs.matrix, affine.matrix)
    assert np.abs(theirs.map(box) - affine.apply(box)).max() < 1e-9
    theirs.to_filename(tmp_path / "theirs.x5", fmt="X5")
    assert np.array_equal(read_transform(tmp_path / "theirs.x5", fixed=t1, moving=epi).matrix, affine.matrix)


def test_the_fixed_grid_stands_beside_it(tmp_path: Path, t1):
    write_transform(POSE, tmp_path / "t.x5", fixed=t1)
    (node,) = from_filename(tmp_path / "t.x5")
    assert (node.type, tuple(node.domain.size), node.domain.grid) == ("linear", t1.grid.shape, True)
    assert np.array_equal(node.domain.mapping, t1.affine.matrix)
    assert node.metadata["Direction"] == "maps fixed points (t1:scanner) to moving points (epi:scanner), RAS+ mm"


def test_a_series_is_refused_by_its_number(tmp_path: Path):
    series = X5Transform("linear", np.stack([M, M, M]), dimension_kinds=("space",) * 3 + ("vector",), array_length=3)
    to_filename(tmp_path / "t.x5", [series])
    with pytest.raises(TransformError, match="list of 3 transforms"):
        read_transform(tmp_path / "t.x5")


def change(file: h5py.File, matrix: np.ndarray) -> None:
    del file["TransformGroup/0/Transform"]
    file["TransformGroup/0/Transform"] = matrix


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: f.attrs.__setitem__("Format", "X6"), "'X6'"),
        (lambda f: f.attrs.__delitem__("Format"), "neither ITK nor X5"),
        (lambda f: f["TransformGroup/0"].attrs.__setitem__("Type", "nonlinear"), "non-linear warp"),
        (lambda f: f.copy("TransformGroup/0", "TransformGroup/1"), "2 transforms"),
        (lambda f: change(f, np.eye(3)), "shape (3, 3)"),
        (lambda f: change(f, np.full((4, 4), np.inf)), "not finite"),
        (lambda f: change(f, np.ones((4, 4))), "last row"),
        (lambda f: change(f, np.diag([1.0, 1, 0, 1])), "not invertible"),
        (lambda f: change(f, np.zeros((9, 9, 9, 9))), "6561 numbers"),
    ],
)
def test_damage_is_refused_with_its_cause(tmp_path: Path, damage, words):
    write_transform(POSE, tmp_path / "t.x5")
    with h5py.File(tmp_path / "t.x5", "a") as file:
        damage(file)
    with pytest.raises(TransformError) as refusal:
        read_transform(tmp_path / "t.x5")
    assert words in str(refusal.value)
