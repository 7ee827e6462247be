"""ITK text against ITK itself: SimpleITK reads what is written, and is read in every linear transform it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

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

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
C, T = (4.0, -5.0, 60.0), (1.5, -20.25, 3.0)
ZYX = sitk.Euler3DTransform(C, 0.1, -0.7, 2.5, T)
ZYX.SetComputeZYX(True)
EULER = sitk.Euler3DTransform(C, 0.1, -0.7, 2.5, T)
AFFINE = sitk.AffineTransform([1.1, 0.1, 0, -0.2, 0.9, 0.3, 0, 0.1, -1.2], T, C)
LINEAR = {
    "euler": EULER,
    "euler ZYX": ZYX,
    "versor rigid": sitk.VersorRigid3DTransform((0.6, 0, 0.8), 2.9, T, C),
    "versor": sitk.VersorTransform((0, 0.6, 0.8), -0.3, C),
    "similarity": sitk.Similarity3DTransform(1.2, (0.6, 0.8, 0), 0.3, T, C),
    "scale versor": sitk.ScaleVersor3DTransform((1.1, 0.8, 1.3), (0.6, 0.8, 0), 0.4, T, C),
    "scale skew versor": sitk.ScaleSkewVersor3DTransform((1.1, 0.8, 1.3), (0.1, 0.2, 0.3, -0.1, -0.2, 0.05), (0.6, 0.8, 0), 0.4, T, C),
    "compose scale skew": sitk.ComposeScaleSkewVersor3DTransform((1.1, 0.8, 1.3), (0.1, -0.2, 0.3), (0.6, 0.8, 0), 0.4, T, C),
    "translation": sitk.TranslationTransform(3, T),
    "scale": sitk.ScaleTransform(3, (1.1, 2.0, -0.5)),
    "identity": sitk.Transform(3, sitk.sitkIdentity),
    "affine": AFFINE,
    "composite": sitk.CompositeTransform([sitk.TranslationTransform(3, T), EULER, AFFINE]),
    "composite of one": sitk.CompositeTransform([AFFINE]),
}


def by_itk(transform: sitk.Transform, points: np.ndarray) -> np.ndarray:
    return lps_points([transform.TransformPoint(point) for point in lps_points(points).tolist()])


@pytest.mark.parametrize("kind", LINEAR, ids=lambda kind: kind.replace(" ", "-"))
@pytest.mark.parametrize("suffix", [".tfm", ".txt"])
def test_reads_what_itk_writes(tmp_path: Path, box, kind, suffix):
    path = tmp_path / f"t{suffix}"
    sitk.WriteTransform(LINEAR[kind], str(path))
    assert np.abs(read_transform(path).apply(box) - by_itk(LINEAR[kind], box)).max() < 1e-11


@in_one_folder
@given(data=st.data())
def test_itk_reads_what_is_written(tmp_path: Path, box, maps, data):
    affine = Affine(data.draw(maps["linear"]), "fixed:scanner", "moving:scanner")
    write_transform(affine, tmp_path / "t.tfm", overwrite=True)
    read = sitk.ReadTransform(str(tmp_path / "t.tfm"))
    assert np.abs(by_itk(read, box) - affine.apply(box)).max() < 1e-11
    assert read.GetInverse().TransformPoint(read.TransformPoint((1.0, 2.0, 3.0))) == pytest.approx((1, 2, 3), abs=1e-9)


def test_resampling_by_itk_pulls_the_voxel_that_the_map_names(tmp_path: Path):
    """Direction, axes and signs in one: a bright voxel of the moving image appears where the map says."""
    moving_to_fixed = Affine([[1, 0, 0, 2], [0, 1, 0, 3], [0, 0, 1, -4], [0, 0, 0, 1.0]], "moving:scanner", "fixed:scanner")
    write_transform(moving_to_fixed.inverse(), tmp_path / "t.tfm")
    image = sitk.Image((20, 20, 20), sitk.sitkUInt8)
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))  # so that index and RAS mm are the same numbers
    image[5, 6, 7] = 100
    moved = sitk.Resample(image, image, sitk.ReadTransform(str(tmp_path / "t.tfm")), sitk.sitkNearestNeighbor)
    assert moved[tuple(int(x) for x in moving_to_fixed.apply((5, 6, 7)))] == 100
    assert sitk.GetArrayFromImage(moved).sum() == 100


def test_says_direction_and_axes_where_others_skip_it(tmp_path: Path, t1, epi):
    write_transform(Affine(np.eye(4), "t1:scanner", "epi:scanner"), tmp_path / "t.tfm", fixed=t1, moving=epi)
    lines = (tmp_path / "t.tfm").read_text(encoding="utf-8").split("\n")
    assert lines[0] == "#Insight Transform File V1.0"
    assert lines[1] == "#Transform 0 maps fixed points (t1:scanner) to moving points (epi:scanner), LPS mm"
    assert lines[2] == "Transform: AffineTransform_double_3_3"
    assert lines[4:] == ["FixedParameters: 0 0 0", ""]


def test_golden_files(shared_data: Path, box):
    truth = np.loadtxt(shared_data / "transforms" / "affine-RAS.fs.lta", skiprows=6, max_rows=4)
    for kind in ("RAS", "LAS", "LPS", "oblique"):
        read = read_transform(shared_data / "transforms" / f"affine-{kind}.itk.tfm")
        # The file has six digits: 5e-7 of 120 mm.
        assert np.abs(read.apply(box) - (box @ truth[:3, :3].T + truth[:3, 3])).max() < 2e-4


def test_lists_of_transforms_are_refused_by_their_number(shared_data: Path):
    for name in ("itktflist.tfm", "itktflist2.tfm", "hmc-itk.tfm"):
        with pytest.raises(TransformError, match=r"list of \d+ transforms"):
            read_transform(shared_data / "transforms" / name)


HEAD = "#Insight Transform File V1.0\n#Transform 0\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Transform: AffineTransform_double_3_3\nParameters: 1 0 0 0 1 0\nFixedParameters: 0 0 0\n", "6 parameters where ITK has 12"),
        ("Transform: AffineTransform_double_3_3\nParameters: 1 0 0 0 1 0 0 0 1 0 0 0\n", "0 fixed parameters"),
        ("Transform: AffineTransform_double_3_3\nParameters: 1 0 0 0 1 0 0 0 1 0 0 nan\nFixedParameters: 0 0 0\n", "not a finite"),
        ("Transform: AffineTransform_double_3_3\nParameters: 1 0 0 0 1 0 0 0 1 0 0 1e\nFixedParameters: 0 0 0\n", "'1e' where a number"),
        ("Transform: AffineTransform_double_3_3\nParameters: 1 0 0 0 1 0 0 0 0 0 0 0\nFixedParameters: 0 0 0\n", "not invertible"),
        ("Transform: AffineTransform_double_3_3\nParameters: 1,0 0 0 0 1 0 0 0 1 0 0 0\nFixedParameters: 0 0 0\n", "decimal commas"),
        ("Transform: MadeUpTransform_double_3_3\nParameters: 1\nFixedParameters: 0 0 0\n", "unknown transform MadeUpTransform"),
        ("Transform: BSplineTransform_double_3_3\nParameters: 1\nFixedParameters: 0 0 0\n", "non-linear warp"),
        ("Transform: DisplacementFieldTransform_double_3_3\nParameters: \nFixedParameters: 0\n", "non-linear warp"),
        ("Transform: AffineTransform_double_2_2\nParameters: 1 0 0 1 0 0\nFixedParameters: 0 0\n", "2 dimensions"),
        ("Transform: nonsense here\n", "no class of ITK"),
        ("Transform: VersorTransform_double_3_3\nParameters: 1 1 1\nFixedParameters: 0 0 0\n", "versor is 1.73 long"),
        ("Transform: CompositeTransform_double_3_3\nComponentTransformFile: a.tfm\n", "other files as its parts"),
        ("Transform: TranslationTransform_double_3_3\nParam", "'Param'"),
        ("Parameters: 1 2 3\n", "Parameters"),
        ("", "no line 'Transform"),
    ],
)
def test_what_is_not_one_linear_transform_is_refused_with_its_cause(tmp_path: Path, text, words):
    path = tmp_path / "t.tfm"
    path.write_text(HEAD + text, encoding="utf-8")
    with pytest.raises(TransformError, match=r"as ITK text|Cannot use") as refusal:
        read_transform(path)
    assert words in str(refusal.value)
    assert str(path) in str(refusal.value)


def test_a_file_cut_anywhere_is_refused(tmp_path: Path):
    sitk.WriteTransform(EULER, str(tmp_path / "whole.tfm"))
    whole = (tmp_path / "whole.tfm").read_bytes()
    # From the third coordinate of the centre on nothing tells a cut number from a short one.
    for length in range(1, whole.index(b" 60 ")):
        (tmp_path / "cut.tfm").write_bytes(whole[:length])
        with pytest.raises(TransformError):
            read_transform(tmp_path / "cut.tfm")


def test_line_ends_marks_and_blank_lines_do_not_matter(tmp_path: Path):
    sitk.WriteTransform(AFFINE, str(tmp_path / "t.tfm"))
    truth = read_transform(tmp_path / "t.tfm")
    text = (tmp_path / "t.tfm").read_text()
    for other in (
        text.replace("\n", "\r\n").encode(),
        text.encode("utf-16"),
        b"\xef\xbb\xbf" + text.encode(),
        text.replace("\n", "\n\n  ").encode(),
    ):
        (tmp_path / "other.txt").write_bytes(other)
        assert read_transform(tmp_path / "other.txt") == truth


def test_the_name_of_an_unknown_transform_is_not_repeated_whole(tmp_path: Path):
    text = f"#Insight Transform File V1.0\nTransform: {'Made' * 1000}Transform_double_3_3\nParameters: 1\nFixedParameters: 0\n"
    (tmp_path / "t.tfm").write_text(text)
    with pytest.raises(TransformError, match="unknown transform MadeMade") as refusal:
        read_transform(tmp_path / "t.tfm")
    assert len(str(refusal.value)) < 1000
