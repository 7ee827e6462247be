"""Hostile scans: registered rightly, doubted in words, or refused in one sentence; no traceback, no warning, no silent wrong place."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest

from volstudio.apps import cli
from volstudio.errors import RegistrationError
from volstudio.registration.plan import RegistrationPlan
from volstudio.registration.rigid import register
from volstudio.volumes.readers import volume_from_array
from volstudio.volumes.volume import Volume

SHAPE = (36, 44, 34)
QUICK = RegistrationPlan(samples=8000, refine="builtin")


@pytest.fixture(scope="module")
def moved(heads):
    return heads.rigid((1, 0, 0.3), 8, (4, 5, -3))


@pytest.fixture(scope="module")
def affine(heads):
    return heads.grid_affine(SHAPE, np.diag([4.0, 4.0, 4.0]))


@pytest.fixture(scope="module")
def fixed(heads, affine):
    return heads.head(SHAPE, affine, name="fixed")


@pytest.fixture(scope="module")
def moving(heads, affine, moved):
    return heads.head(SHAPE, affine, name="moving", moved=moved, seed=1)


def patched(data, value):
    data = data.copy()
    data[5:12, :20] = value
    return data


def spiked(data, value):
    data = data.copy()
    data[3, 3, 3] = value
    return data


RIGHT = {
    "int8 labels": lambda d: (np.digitize(d, [60, 200, 350, 480]) - 128).astype(np.int8),
    "uint64": lambda d: (d + 1000).astype(np.uint64),
    "int64 beyond 2^53": lambda d: (d * 1e15).astype(np.int64),
    "float64 of 1e300": lambda d: d.astype(float) * 1e297,
    "float64 of 1e-300": lambda d: d.astype(float) * 1e-300,
    "float64 to its ends": lambda d: d.astype(float) / np.abs(d).max() * 1.7e308,
    "float32 to its ends": lambda d: d / np.abs(d).max() * np.float32(3e38),
    "negative only": lambda d: -np.abs(d) - 1000,
    "far from nought": lambda d: d.astype(float) + 1e12,
    "NaN patch": lambda d: patched(d, np.nan),
    "infinite patch": lambda d: patched(d, np.inf),
    "one voxel of 1e30": lambda d: spiked(d, 1e30),
    "one voxel of -1e9": lambda d: spiked(d, -1e9),
    "a series": lambda d: np.stack([d, d], axis=-1),
    "complex": lambda d: d * np.exp(1j),
}


@pytest.mark.parametrize("kind", RIGHT)
def test_what_shows_a_head_is_registered(heads, fixed, moving, moved, kind):
    scan = volume_from_array(RIGHT[kind](np.asarray(moving.data)), moving.affine.matrix, name="moving")
    found = register(fixed, scan, plan=QUICK, judge=False)
    assert heads.error_mm(found.fixed_to_moving.matrix, moved) < 0.5
    if kind.startswith("one voxel"):
        assert "of moving, 1 voxel far beyond all others was cut off" in found.notes


def test_the_same_scan_twice_and_twice_the_same_file_stay_where_they_are(heads, fixed):
    for other in (fixed, volume_from_array(fixed.data, fixed.affine.matrix, name="copy")):
        assert heads.error_mm(register(fixed, other, plan=QUICK, judge=False).moving_to_fixed.matrix, np.eye(4)) < 0.1


def test_a_header_ten_kilometres_away_makes_no_difference(heads, fixed, moving, moved):
    shift = np.eye(4)
    shift[0, 3] = 1e7
    away = volume_from_array(moving.data, shift @ moving.affine.matrix, name="moving")
    found = np.linalg.inv(shift) @ register(fixed, away, plan=QUICK, judge=False).fixed_to_moving.matrix
    assert heads.error_mm(found, moved) < 0.5


NOTHING = {
    "constant": (lambda: np.full(SHAPE, 5, np.int16), "same value everywhere"),
    "zeros": (lambda: np.zeros(SHAPE, np.uint8), "same value everywhere"),
    "all NaN": (lambda: np.full(SHAPE, np.nan), "no finite number"),
    "all infinite": (lambda: np.where(np.arange(SHAPE[2]) % 2, np.inf, -np.inf) * np.ones(SHAPE), "no finite number"),
    "one voxel": (lambda: np.ones((1, 1, 1)), "too few to register"),
    "a line": (lambda: np.random.default_rng(0).random((36, 1, 1)), "too few to register"),
    "a needle": (lambda: np.random.default_rng(0).random((9, 9, 2000)), "no scan does"),
}


@pytest.mark.parametrize("kind", NOTHING)
def test_what_shows_nothing_is_refused_in_one_sentence(fixed, moving, kind):
    make, said = NOTHING[kind]
    scan = volume_from_array(make(), moving.affine.matrix, name="moving")
    for pair in ((fixed, scan), (scan, fixed)):
        with pytest.raises(RegistrationError, match=said) as caught:
            register(*pair, plan=QUICK)
        assert "moving" in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("scale", "said"), [((1, 1, 1e-6), "no scan does"), ((1e-6,) * 3, "unit of length"), ((1e6,) * 3, "unit of length")]
)
def test_headers_of_impossible_size_are_refused(fixed, moving, scale, said):
    scan = volume_from_array(moving.data, np.diag([*scale, 1]) @ fixed.affine.matrix, name="moving")
    with pytest.raises(RegistrationError, match=said):
        register(fixed, scan, plan=QUICK)


def test_voxels_that_are_no_numbers_are_refused(fixed):
    with pytest.raises(RegistrationError, match="one real number per voxel"):
        register(fixed, Volume(np.full(SHAPE, "x"), fixed.grid, "words"), plan=QUICK)


@pytest.mark.parametrize("kind", ["noise", "one voxel that is not nought", "salt"])
def test_what_cannot_be_registered_is_never_passed(fixed, moving, kind):
    rng = np.random.default_rng(0)
    data = {
        "noise": rng.normal(size=SHAPE),
        "one voxel that is not nought": spiked(np.zeros(SHAPE), 1.0),
        "salt": (rng.random(SHAPE) > 0.999).astype(float),
    }[kind]
    found = register(fixed, volume_from_array(data, moving.affine.matrix, name="moving"), plan=QUICK)
    assert found.trust.verdict != "pass"
    assert any("look closely" in note for note in found.notes)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (np.zeros(SHAPE, np.int16), "same value everywhere"),
        (np.full(SHAPE, np.nan, np.float32), "no finite number"),
        (np.ones((1, 1, 1), np.int16), "too few to register"),
    ],
    ids=["constant", "all NaN", "one voxel"],
)
def test_the_command_line_refuses_them_and_leaves_nothing(tmp_path, capsys, fixed, data, said):
    nibabel.Nifti1Image(np.asarray(fixed.data), fixed.affine.matrix).to_filename(tmp_path / "fixed.nii")
    nibabel.Nifti1Image(data, fixed.affine.matrix).to_filename(tmp_path / "bad.nii")
    scans = str(tmp_path / "fixed.nii"), str(tmp_path / "bad.nii")
    assert cli.run(["register", *scans, "-o", str(tmp_path / "out")]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("volstudio: ")]
    assert said in line
    assert not (tmp_path / "out").exists()
    assert cli.run(["group", "many", *scans, "-o", str(tmp_path / "many")]) == 3
    assert "1 failed" in capsys.readouterr().out
