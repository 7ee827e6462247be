"""Masks: only what lies in them counts, on any grid and whoever gives the samples."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest

from volstudio.errors import RegistrationError
from volstudio.progress import Progress
from volstudio.registration.masks import Region
from volstudio.registration.pairing import Pairing, gives_samples
from volstudio.registration.prepare import own_frame, prepare

SHAPE = (48, 60, 46)


@pytest.fixture(scope="module")
def scan(heads):
    return heads.head(SHAPE, heads.grid_affine(SHAPE, heads.turn((1, 2, 0), 20) @ np.diag([-3.0, 3, 3])), name="t1")


def ball(heads, radius, *, spacing=4.0, centre=(10.0, -5.0, 8.0), name="ball"):
    """Mask of a ball on a grid of its own, oblique to everything."""
    shape = (44, 42, 40)
    affine = heads.grid_affine(shape, heads.turn((0, 1, 1), 33) @ np.diag([spacing] * 3), centre=centre)
    points = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1) @ affine[:3, :3].T + affine[:3, 3]
    return heads.volume_of((np.linalg.norm(points - centre, axis=-1) < radius).astype(np.uint8), affine, name)


def points_of(level, frame, where):
    index = np.argwhere(where) @ level.steps.T + level.origin
    return index @ frame[:3, :3].T + frame[:3, 3]


def drawn_from(level, frame):
    """(n, 3) scanner positions of the foreground's voxels."""
    return level.foreground.centres().T @ frame[:3, :3].T + frame[:3, 3]


@pytest.mark.parametrize("gives", [True, False])
def test_what_counts_is_what_lies_in_the_mask_in_scanner_space(heads, scan, gives):
    region, frame = Region.of(ball(heads, 30), scan), own_frame(scan.grid)
    levels = prepare(scan, frame, (8.0, 3.0), progress=Progress())
    for whole, cut in zip(levels, region.within(levels, frame, gives_samples=gives), strict=True):
        inside = np.linalg.norm(drawn_from(whole, frame) - (10, -5, 8), axis=1)
        kept = np.linalg.norm(drawn_from(cut, frame) - (10, -5, 8), axis=1)
        assert kept.max() < 30 + 4  # half the diagonal of a mask's voxel
        assert (inside < 30 - 4).sum() <= len(kept) <= (inside < 30 + 4).sum()
        if gives:
            assert cut.seen is whole.seen
        else:
            assert np.linalg.norm(points_of(cut, frame, cut.seen) - (10, -5, 8), axis=1).max() < 34


def test_outside_the_grid_of_the_mask_nothing_counts(heads, scan):
    corner = heads.volume_of(np.pad(np.ones((6, 6, 6), np.uint8), 1, constant_values=1), np.diag([5.0, 5, 5, 1]), "corner")
    with pytest.raises(RegistrationError, match="leaves nothing out"):
        Region.of(corner, scan)
    data = np.asarray(corner.data).copy()
    data[0, 0, 0] = 0
    region, frame = Region.of(heads.volume_of(data, np.diag([5.0, 5, 5, 1]), "corner"), scan), own_frame(scan.grid)
    (cut,) = region.within(prepare(scan, frame, (3.0,), progress=Progress()), frame, gives_samples=True)
    places = drawn_from(cut, frame)
    assert places.min() >= -2.5
    assert places.max() <= 37.5


def test_size_of_a_region(heads, scan):
    region = Region.of(ball(heads, 30, spacing=2.0), scan)
    assert region.mm3 == pytest.approx(4 / 3 * np.pi * 30**3, rel=0.03)
    assert region.width_mm == pytest.approx(60, abs=4)


def test_the_masked_volume_gives_the_samples_and_the_order_does_not_matter(heads, scan):
    other = heads.head((40, 48, 20), heads.grid_affine((40, 48, 20), np.diag([4.0, 4, 4])), name="epi")
    small = Region.of(ball(heads, 30), scan)
    assert gives_samples(other, scan)
    assert gives_samples(scan, other, regions=(small, None))
    one = Pairing.of(scan, other, (8.0,), progress=Progress(), regions=(small, None))
    two = Pairing.of(other, scan, (8.0,), progress=Progress(), regions=(None, small))
    assert (one.source_is_moving, two.source_is_moving) == (False, True)
    for a, b in ((one.source[0], two.source[0]), (one.target[0], two.target[0])):
        np.testing.assert_array_equal(a.foreground.voxels, b.foreground.voxels)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda _: np.zeros((9, 9, 9), np.uint8), "all of its voxels are zero"),
        (lambda _: np.full((9, 9, 9), np.nan, np.float32), "all of its voxels are zero"),
        (lambda _: np.ones((9, 9, 9, 3), np.uint8), "3 time points"),
        (lambda _: np.arange(1.0, 730).reshape(9, 9, 9), "is it a scan and not a mask"),
    ],
)
def test_what_is_no_mask_is_one_sentence(heads, scan, make, words):
    with pytest.raises(RegistrationError, match=rf"The mask m of t1 .*{words}"):
        Region.of(heads.volume_of(make(0), np.eye(4), "m"), scan)


def test_a_mask_beside_the_scan_is_one_sentence(heads, scan):
    frame = own_frame(scan.grid)
    levels = prepare(scan, frame, (8.0,), progress=Progress())
    far = Region.of(ball(heads, 30, centre=(900.0, 0, 0)), scan)
    with pytest.raises(RegistrationError, match=r"The mask ball leaves nothing of t1: 0 of the object.*another scan"):
        far.within(levels, frame, gives_samples=True)


def test_nearest_voxel_as_nibabel_places_it(heads, scan, tmp_path):
    """The mask's own affine decides, checked against nibabel's arithmetic on a written file."""
    mask = ball(heads, 25)
    nibabel.Nifti1Image(np.asarray(mask.data), mask.affine.matrix).to_filename(tmp_path / "m.nii")
    image = nibabel.load(tmp_path / "m.nii")
    frame = own_frame(scan.grid)
    (level,) = prepare(scan, frame, (8.0,), progress=Progress())
    (cut,) = Region.of(mask, scan).within((level,), frame, gives_samples=True)
    places = drawn_from(level, frame)
    index = np.rint(nibabel.affines.apply_affine(np.linalg.inv(image.affine), places)).astype(int)
    inside = ((index >= 0) & (index < image.shape)).all(axis=1)
    expected = np.zeros(len(places), bool)
    expected[inside] = np.asarray(image.dataobj)[tuple(index[inside].T)] > 0
    np.testing.assert_array_equal(cut.foreground.voxels, level.foreground.voxels[expected])
