"""ITK's binary files against ITK itself."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - the name its users know
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nitransforms.io.itk import ITKLinearTransform

from volstudio.errors import TransformError
from volstudio.geometry.affine import Affine
from volstudio.geometry.conventions import lps_points
from volstudio.transforms.files import read_transform, write_transform

if TYPE_CHECKING:
    from pathlib import Path

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
C, T = (4.0, -5.0, 60.0), (1.5, -20.25, 3.0)
AFFINE = sitk.AffineTransform([1.1, 0.1, 0, -0.2, 0.9, 0.3, 0, 0.1, -1.2], T, C)
LINEAR = [
    AFFINE,
    sitk.Euler3DTransform(C, 0.1, -0.7, 2.5, T),
    sitk.VersorRigid3DTransform((0.6, 0, 0.8), 2.9, T, C),
    sitk.Similarity3DTransform(1.2, (0.6, 0.8, 0), 0.3, T, C),
    sitk.TranslationTransform(3, T),
]


def by_itk(transform: sitk.Transform, points: np.ndarray) -> np.ndarray:
    return lps_points([transform.TransformPoint(point) for point in lps_points(points).tolist()])


@pytest.mark.parametrize("transform", LINEAR, ids=lambda transform: transform.GetName())
@pytest.mark.parametrize("name", ["epi0GenericAffine.mat", "t.mat", "no suffix"])
def test_reads_what_itk_writes(tmp_path: Path, box, transform, name):
    sitk.WriteTransform(transform, str(tmp_path / "t.mat"))
    (tmp_path / "t.mat").rename(tmp_path / name)
    assert np.abs(read_transform(tmp_path / name).apply(box) - by_itk(transform, box)).max() < 1e-11


@in_one_folder
@given(data=st.data())
def test_itk_and_nitransforms_read_what_is_written(tmp_path: Path, box, maps, data):
    affine = Affine(data.draw(maps["linear"]), "fixed:scanner", "moving:scanner")
    path = tmp_path / "sub0GenericAffine.mat"
    write_transform(affine, path, overwrite=True)
    assert np.abs(by_itk(sitk.ReadTransform(str(path)), box) - affine.apply(box)).max() < 1e-11
    assert np.abs(ITKLinearTransform.from_binary(io.BytesIO(path.read_bytes())).to_ras() - affine.matrix).max() < 1e-10
    assert np.array_equal(read_transform(path).matrix, affine.matrix)


def stored(name: bytes, values: list[float], *, order: str = "<", kind: int = 0, number: str = "d") -> bytes:
    return (
        struct.pack(f"{order}5i", kind, len(values), 1, 0, len(name) + 1)
        + name
        + b"\0"
        + struct.pack(f"{order}{len(values)}{number}", *values)
    )


PARAMETERS = [1.0, 0, 0, 0, 1, 0, 0, 0, 1, 2, 3, 4]
CLASS = b"AffineTransform_double_3_3"


@pytest.mark.parametrize(("order", "kind", "number"), [("<", 0, "d"), ("<", 10, "f"), (">", 1000, "d"), (">", 1010, "f")])
def test_byte_orders_and_precisions(tmp_path: Path, order, kind, number):
    how = {"order": order, "kind": kind, "number": number}
    (tmp_path / "t.mat").write_bytes(stored(CLASS, PARAMETERS, **how) + stored(b"fixed", [0, 0, 0], **how))
    assert read_transform(tmp_path / "t.mat").apply((0, 0, 0)).tolist() == [-2, -3, 4]


FIXED = stored(b"fixed", [0, 0, 0])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (stored(CLASS, PARAMETERS[:6]) + FIXED, "6 parameters where ITK has 12"),
        (stored(CLASS, PARAMETERS), "0 fixed parameters"),
        (stored(CLASS, [*PARAMETERS[:11], np.nan]) + FIXED, "NaN"),
        (stored(CLASS, [*PARAMETERS[:11], 1e300]) + FIXED, "too large"),
        (stored(CLASS, PARAMETERS)[:-3], "truncated"),
        (stored(CLASS, PARAMETERS) + FIXED[:7], "truncated"),
        (stored(b"DisplacementFieldTransform_double_3_3", PARAMETERS) + FIXED, "non-linear warp"),
        (stored(b"CompositeTransform_double_3_3", PARAMETERS) + FIXED, "only the last part"),
        (stored(b"AffineTransform_double_2_2", PARAMETERS[:6]) + FIXED, "2 dimensions"),
        ((stored(CLASS, PARAMETERS) + FIXED) * 2, "list of 2 transforms"),
        (stored(CLASS, [0.0] * 12) + FIXED, "not invertible"),
        (stored(CLASS, PARAMETERS) + b"\xff" * 40, "no head of a MATLAB 4 matrix"),
    ],
)
def test_what_is_not_one_linear_transform_is_refused_with_its_cause(tmp_path: Path, data, words):
    (tmp_path / "t.mat").write_bytes(data)
    with pytest.raises(TransformError) as refusal:
        read_transform(tmp_path / "t.mat")
    assert words in str(refusal.value)


def test_a_file_cut_anywhere_is_refused(tmp_path: Path, t1, epi):
    whole = stored(CLASS, PARAMETERS) + FIXED
    for length in range(1, len(whole)):
        (tmp_path / "cut.mat").write_bytes(whole[:length])
        with pytest.raises(TransformError):
            read_transform(tmp_path / "cut.mat", fixed=t1, moving=epi)
