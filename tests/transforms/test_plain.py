"""Bare matrices: the numbers come back to the bit, and the direction is said or asked for, never guessed."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from volstudio.errors import TransformError
from volstudio.geometry.affine import Affine
from volstudio.geometry.conventions import ras_to_lps
from volstudio.transforms.files import read_transform, write_transform
from volstudio.transforms.plain import says_direction

if TYPE_CHECKING:
    from pathlib import Path

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
M = np.array([[1, 0, 0, 3], [0, 0, -1, 4], [0, 1, 0, 5], [0, 0, 0, 1.0]])
ROWS = "1 0 0 3\n0 0 -1 4\n0 1 0 5\n0 0 0 1\n"
INVERSE = np.linalg.inv(M)


@in_one_folder
@pytest.mark.parametrize("name", ["t.xfm.txt", "t.mat4", "t.npy"])
@pytest.mark.parametrize("direction", ["fixed-to-moving", "moving-to-fixed"])
@given(data=st.data())
def test_round_trip(tmp_path: Path, box, maps, name, direction, data):  # noqa: PLR0917 - two parameters and four fixtures
    affine = Affine(data.draw(maps["linear"]), "fixed:scanner", "moving:scanner")
    write_transform(affine, tmp_path / name, direction=direction, overwrite=True)
    first = (tmp_path / name).read_bytes()
    read = read_transform(tmp_path / name, direction=direction)
    if direction == "fixed-to-moving":
        assert read == affine
    assert np.abs(read.apply(box) - affine.apply(box)).max() < 1e-9
    write_transform(read, tmp_path / name, direction=direction, overwrite=True)
    assert (tmp_path / name).read_bytes() == first


def test_the_first_line_names_direction_and_both_spaces(tmp_path: Path, t1, epi):
    affine = Affine(M, "t1:scanner", "epi:scanner")
    write_transform(affine, tmp_path / "a.xfm.txt", fixed=t1, moving=epi)
    write_transform(affine, tmp_path / "b.xfm.txt", fixed=t1, moving=epi, direction="moving-to-fixed")
    a, b = ((tmp_path / name).read_text().split("\n", 1) for name in ("a.xfm.txt", "b.xfm.txt"))
    assert a[0] == "# 4 x 4 matrix, maps fixed points (t1:scanner) to moving points (epi:scanner), RAS+ mm"
    assert b[0] == "# 4 x 4 matrix, maps moving points (epi:scanner) to fixed points (t1:scanner), RAS+ mm"
    assert np.array_equal(np.loadtxt(tmp_path / "a.xfm.txt"), M)
    assert np.allclose(np.loadtxt(tmp_path / "b.xfm.txt"), INVERSE, atol=1e-15)
    for name in ("a.xfm.txt", "b.xfm.txt"):
        assert read_transform(tmp_path / name, fixed=t1, moving=epi).is_close(affine, atol=1e-14)


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("# maps fixed points to moving points", M),
        ("% Maps moving points (epi) to fixed points (t1), RAS mm", INVERSE),
        ("// maps fixed points to moving points, LPS mm", ras_to_lps(M)),
        ("# maps moving points to fixed points, LPS mm", ras_to_lps(INVERSE)),
    ],
)
def test_a_comment_is_believed(tmp_path: Path, comment, expected):
    (tmp_path / "t.txt").write_text(f"{comment}\n{ROWS}")
    assert np.allclose(read_transform(tmp_path / "t.txt").matrix, expected, atol=1e-15)


@pytest.mark.parametrize("comment", ["", "# made by hand\n", "# maps fixed points to fixed points\n"])
def test_a_matrix_that_says_nothing_is_asked_for(tmp_path: Path, comment):
    path = tmp_path / "t.txt"
    path.write_text(comment + ROWS)
    with pytest.raises(TransformError, match=r"does not say which way .* maps moving points to fixed points"):
        read_transform(path)
    assert np.array_equal(read_transform(path, direction="fixed-to-moving").matrix, M)
    assert np.allclose(read_transform(path, direction="moving-to-fixed").matrix, INVERSE)


def test_a_comment_is_not_overruled(tmp_path: Path):
    (tmp_path / "t.mat4").write_text("# maps fixed points to moving points\n" + ROWS)
    with pytest.raises(TransformError, match="its own comment says"):
        read_transform(tmp_path / "t.mat4", direction="moving-to-fixed")
    assert says_direction("4 x 4") is None


@pytest.mark.parametrize(
    "text",
    [
        ROWS.replace(" ", "\t").replace("\n", "\r\n"),
        ROWS.replace(" ", ","),
        ROWS.replace(" ", ", "),
        "  " + ROWS.replace("\n", "\n\n  ").replace("5", "5.0e+00"),
    ],
)
def test_layouts_of_other_programs(tmp_path: Path, text):
    (tmp_path / "t.mat4").write_bytes(text.encode())
    assert np.array_equal(read_transform(tmp_path / "t.mat4", direction="fixed-to-moving").matrix, M)


def test_the_corner_is_a_factor_of_the_whole_matrix(tmp_path: Path):
    """As in every homogeneous matrix; programs that compute in single precision leave such."""
    corner = 1.00000012
    np.savetxt(tmp_path / "t.mat4", M * corner, fmt="%.17g")
    assert np.allclose(read_transform(tmp_path / "t.mat4", direction="fixed-to-moving").matrix, M, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 0 0 3\n0 0 -1 4\n0 1 0 5\n", "3 lines of 4 numbers"),
        (ROWS.replace("1 4", "1"), "4 lines of 3 or 4 numbers"),
        (ROWS.replace("3", "nan"), "not a finite number"),
        (ROWS.replace("3", "-inf"), "not a finite number"),
        (ROWS.replace("3", "3,5"), "decimal commas"),
        (ROWS.replace("3", "1_0"), "'1_0' where a number"),
        (ROWS.replace("0 0 0 1", "0 0 0 2"), "last line"),
        (ROWS.replace("0 1 0 5", "0 0 1 5"), "not invertible"),
        ("hello\n", "'hello' where a number"),
        ("# only a comment\n", "no numbers"),
        (" \n \n", "empty but for white space"),
        ('{"a": 1}', "JSON"),
    ],
)
def test_what_is_no_matrix_is_refused_with_its_cause(tmp_path: Path, text, words):
    path = tmp_path / "t.mat4"
    path.write_text(text)
    with pytest.raises(TransformError) as refusal:
        read_transform(path, direction="fixed-to-moving")
    assert words in str(refusal.value)
    assert str(path) in str(refusal.value)


def test_a_singular_matrix_that_must_be_inverted_is_refused(tmp_path: Path):
    (tmp_path / "t.mat4").write_text(ROWS.replace("0 1 0 5", "0 0 1 5"))
    with pytest.raises(TransformError, match="singular"):
        read_transform(tmp_path / "t.mat4", direction="moving-to-fixed")


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


HUGE = npy(np.eye(4)).replace(b"(4, 4)", b"(9999999999, 4)"[:15])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (npy(np.eye(3)), "shape (3, 3)"),
        (npy(np.full((4, 4), None)), "type object"),
        (npy(np.eye(4, dtype=complex)), "complex128"),
        (npy(np.eye(4) * np.nan), "not finite"),
        (npy(np.eye(4))[:-8], "truncated"),
        (npy(np.eye(4))[:20], "truncated"),
        (npy(np.ones((4, 4))), "last row"),
        (HUGE, "shape (9999999999, 4)"),
    ],
)
def test_numpy_arrays_that_are_no_matrix(tmp_path: Path, data, words):
    (tmp_path / "t.npy").write_bytes(data)
    with pytest.raises(TransformError) as refusal:
        read_transform(tmp_path / "t.npy", direction="fixed-to-moving")
    assert words in str(refusal.value)


@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<i2"])
def test_numpy_arrays_of_any_number_type(tmp_path: Path, dtype):
    np.save(tmp_path / "t.npy", np.asfortranarray(M).astype(dtype))
    assert np.array_equal(read_transform(tmp_path / "t.npy", direction="fixed-to-moving").matrix, M)
    with pytest.raises(TransformError, match="no sidecar"):
        read_transform(tmp_path / "t.npy")
