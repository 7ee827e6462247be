"""From every dialect into every other one: the same map, whatever the images are like."""

from __future__ import annotations

import io
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nitransforms.io import afni, fsl, itk, lta

from volstudio.apps.commands.convert import DIALECT
from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.transforms.dialect import Ends
from volstudio.transforms.files import DIALECTS, read_transform, write_transform

few = settings(deadline=None, max_examples=15)


def grid(matrix: np.ndarray, shape: tuple[int, int, int], name: str) -> Grid:
    return Grid(shape, Affine(matrix, f"{name}:voxel", f"{name}:scanner"))


@few
@given(data=st.data())
def test_every_pair_of_dialects_keeps_the_map(box, maps, data):
    truth = data.draw(maps["linear"])
    fixed, moving = grid(data.draw(maps["linear"]), (17, 8, 9), "a"), grid(data.draw(maps["linear"]), (10, 25, 6), "b")
    ends = Ends(fixed, moving, "a:scanner", "b:scanner", "fixed-to-moving")
    expected = box @ truth[:3, :3].T + truth[:3, 3]
    first = {dialect.name: dialect.read(dialect.write(truth, ends), ends) for dialect in DIALECTS}
    for start, end in product(DIALECTS, repeat=2):
        read = end.read(end.write(first[start.name], ends), ends)
        assert np.abs(box @ read[:3, :3].T + read[:3, 3] - expected).max() < 1e-9, (start.name, end.name)


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_what_was_written_is_written_again_byte_for_byte(maps, data):
    truth = data.draw(maps["linear"])
    fixed, moving = grid(data.draw(maps["linear"]), (17, 8, 9), "a"), grid(data.draw(maps["linear"]), (10, 25, 6), "b")
    for direction in ("fixed-to-moving", "moving-to-fixed"):
        ends = Ends(fixed, moving, "a:scanner", "b:scanner", direction)
        for dialect in DIALECTS:
            written = dialect.write(truth, ends)
            assert dialect.write(dialect.read(written, ends), ends) == written, (dialect.name, direction)


def test_the_command_line_offers_every_dialect():
    assert sorted(DIALECT.choices) == sorted(dialect.name for dialect in DIALECTS)


@pytest.mark.parametrize(
    ("suffix", "theirs"),
    [
        (".tfm", itk.ITKLinearTransform),
        (".itk.mat", itk.ITKLinearTransform),
        (".1D", afni.AFNILinearTransform),
        (".fsl", fsl.FSLLinearTransform),
        (".lta", lta.FSLinearTransform),
    ],
)
def test_nitransforms_reads_what_is_written_and_is_read(tmp_path, box, t1, epi, suffix, theirs):  # noqa: PLR0917 - parameters and fixtures
    """The T1 and the EPI are oblique, of either handedness and of different voxels."""
    import nibabel as nib

    pose = np.array([[0.96, -0.28, 0, 7], [0.28, 0.96, 0, -3], [0, 0, 1.02, 5], [0, 0, 0, 1]])
    path = tmp_path / f"t{suffix}"
    write_transform(Affine(pose, "t1:scanner", "epi:scanner"), path, fixed=t1, moving=epi)
    images = {name: nib.Nifti1Image(volume.data, volume.affine.matrix) for name, volume in (("reference", t1), ("moving", epi))}
    opened = theirs.from_binary(io.BytesIO(path.read_bytes())) if suffix.endswith(".mat") else theirs.from_string(path.read_text())
    read = opened.to_ras(**images)
    if not suffix.endswith(".mat"):
        path.write_text(theirs.from_ras(read, **images).to_string())  # nitransforms prints 6 digits in most dialects
        again = read_transform(path, fixed=t1, moving=epi).matrix
        assert np.abs(box @ (again - pose)[:3, :3].T + (again - pose)[:3, 3]).max() < 5e-3
    assert np.abs(box @ (read - pose)[:3, :3].T + (read - pose)[:3, 3]).max() < 1e-3
