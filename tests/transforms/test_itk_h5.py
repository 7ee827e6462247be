"""ITK's HDF5 files against ITK itself, and what is no linear transform."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - the name its users know
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from volstudio.errors import TransformError
from volstudio.geometry.affine import Affine
from volstudio.geometry.conventions import lps_points
from volstudio.transforms.files import read_transform, write_transform

if TYPE_CHECKING:
    from pathlib import Path

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
C, T = (4.0, -5.0, 60.0), (1.5, -20.25, 3.0)
EULER = sitk.Euler3DTransform(C, 0.1, -0.7, 2.5, T)
AFFINE = sitk.AffineTransform([1.1, 0.1, 0, -0.2, 0.9, 0.3, 0, 0.1, -1.2], T, C)
LINEAR = {
    "affine": AFFINE,
    "euler": EULER,
    "translation": sitk.TranslationTransform(3, T),
    "identity": sitk.Transform(3, sitk.sitkIdentity),
    "composite": sitk.CompositeTransform([sitk.TranslationTransform(3, T), EULER, AFFINE]),
}


def by_itk(transform: sitk.Transform, points: np.ndarray) -> np.ndarray:
    return lps_points([transform.TransformPoint(point) for point in lps_points(points).tolist()])


@pytest.mark.parametrize("kind", LINEAR)
def test_reads_what_itk_writes(tmp_path: Path, box, kind):
    sitk.WriteTransform(LINEAR[kind], str(tmp_path / "t.h5"))
    assert np.abs(read_transform(tmp_path / "t.h5").apply(box) - by_itk(LINEAR[kind], box)).max() < 1e-11


@pytest.mark.parametrize("count", [1, 7, 8, 12, 20])
def test_a_composite_of_many_parts_keeps_their_order(tmp_path: Path, box, count):
    parts = [sitk.Euler3DTransform(C, 0.1 * n, -0.05 * n, 0.2, (n, 0, 2)) for n in range(count)]
    sitk.WriteTransform(sitk.CompositeTransform(parts), str(tmp_path / "t.h5"))
    assert np.abs(read_transform(tmp_path / "t.h5").apply(box) - by_itk(sitk.CompositeTransform(parts), box)).max() < 1e-9


def test_a_composite_of_a_hundred_parts_is_refused_with_a_way_out(tmp_path: Path):
    sitk.WriteTransform(sitk.CompositeTransform([EULER] * 100), str(tmp_path / "t.h5"))
    with pytest.raises(TransformError, match=r"more entries than are read; save the transform as text"):
        read_transform(tmp_path / "t.h5")


def test_golden_file(shared_data: Path, box):
    path = shared_data / "transforms" / "affine-antsComposite.h5"
    assert np.abs(read_transform(path).apply(box) - by_itk(sitk.ReadTransform(str(path)), box)).max() < 1e-11


@in_one_folder
@given(data=st.data())
def test_itk_reads_what_is_written(tmp_path: Path, box, maps, data):
    affine = Affine(data.draw(maps["linear"]), "fixed:scanner", "moving:scanner")
    write_transform(affine, tmp_path / "t.h5", overwrite=True)
    assert np.abs(by_itk(sitk.ReadTransform(str(tmp_path / "t.h5")), box) - affine.apply(box)).max() < 1e-11
    first = (tmp_path / "t.h5").read_bytes()
    write_transform(affine, tmp_path / "t.h5", overwrite=True)
    assert (tmp_path / "t.h5").read_bytes() == first


def test_itk_4_spelt_its_entries_otherwise(tmp_path: Path, box):
    sitk.WriteTransform(AFFINE, str(tmp_path / "t.h5"))
    with h5py.File(tmp_path / "t.h5", "a") as file:
        for name in ("Parameters", "FixedParameters"):
            file.move(f"TransformGroup/0/Transform{name}", f"TransformGroup/0/Tranform{name}")
    assert np.abs(read_transform(tmp_path / "t.h5").apply(box) - by_itk(AFFINE, box)).max() < 1e-11


def test_says_direction_where_itk_skips_it(tmp_path: Path, t1, epi):
    write_transform(Affine(np.eye(4), "t1:scanner", "epi:scanner"), tmp_path / "t.h5", fixed=t1, moving=epi)
    with h5py.File(tmp_path / "t.h5") as file:
        said = file["TransformGroup/0"].attrs["Direction"]
    assert said == "maps fixed points (t1:scanner) to moving points (epi:scanner), LPS mm"


def test_warps_are_refused(tmp_path: Path):
    field = sitk.DisplacementFieldTransform(sitk.Image((3, 4, 5), sitk.sitkVectorFloat64, 3))
    sitk.WriteTransform(sitk.CompositeTransform([AFFINE, field]), str(tmp_path / "t.h5"))
    with pytest.raises(TransformError, match=r"non-linear warp, DisplacementFieldTransform \(part 2 of 2\)"):
        read_transform(tmp_path / "t.h5")
    sitk.WriteTransform(sitk.BSplineTransform(3), str(tmp_path / "b.h5"))
    with pytest.raises(TransformError, match="non-linear warp"):
        read_transform(tmp_path / "b.h5")


def change(file: h5py.File, name: str, **known) -> None:
    del file[f"TransformGroup/0/{name}"]
    if known:
        file.create_dataset(f"TransformGroup/0/{name}", **known)


P = "TransformParameters"


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: change(f, P), "no array of numbers"),
        (lambda f: change(f, P, data=np.arange(6.0)), "6 parameters where ITK has 12"),
        (lambda f: change(f, P, data=np.full(12, np.nan)), "not finite"),
        (lambda f: change(f, P, data=np.full(12, 1e200)), "too large"),
        (lambda f: change(f, P, data=np.zeros(12)), "not invertible"),
        (lambda f: change(f, P, shape=(10**12,), chunks=(1000,), dtype="f8"), "1000000000000 numbers"),
        (lambda f: change(f, P, data=np.array([b"x"] * 12)), "no array of numbers"),
        (lambda f: change(f, P, shape=(12,), dtype="f8", external=[("/etc/passwd", 0, 96)]), "another file"),
        (lambda f: change(f, "TransformType"), "neither ITK nor X5"),
        (lambda f: change(f, "TransformType", data=np.array([b"MadeUpTransform_double_3_3"])), "unknown transform MadeUp"),
        (lambda f: change(f, "TransformType", data=np.array([b"AffineTransform_double_2_2"])), "2 dimensions"),
        (lambda f: f.move("TransformGroup/0", "TransformGroup/1"), "not numbered from 0"),
        (lambda f: f.copy("TransformGroup/0", "TransformGroup/1"), "list of 2 transforms"),
        (lambda f: f.move("TransformGroup", "Group"), "no group 'TransformGroup'"),
    ],
)
def test_damage_is_refused_with_its_cause(tmp_path: Path, damage, words):
    write_transform(Affine(np.eye(4), "fixed:scanner", "moving:scanner"), tmp_path / "t.h5")
    with h5py.File(tmp_path / "t.h5", "a") as file:
        damage(file)
    with pytest.raises(TransformError) as refusal:
        read_transform(tmp_path / "t.h5")
    assert words in str(refusal.value)
