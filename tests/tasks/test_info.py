from __future__ import annotations

import json

import nibabel
import numpy as np
import pytest

from volstudio.errors import UnreadableFileError
from volstudio.tasks.info import as_text, describe


def test_what_nibabel_reads_is_what_is_told(pair):
    (told,) = describe([str(pair.epi)])
    image = nibabel.load(pair.epi)
    np.testing.assert_allclose(told.affine, image.affine, atol=1e-12)
    assert told.shape == image.shape
    assert told.axis_codes == "".join(nibabel.aff2axcodes(image.affine))
    assert told.dtype == "int16"
    np.testing.assert_allclose(told.voxel_sizes_mm, nibabel.affines.voxel_sizes(image.affine), rtol=1e-9)
    corners = nibabel.affines.apply_affine(
        image.affine, [[-0.5 + 23 * a, -0.5 + 26 * b, -0.5 + 16 * c] for a in (0, 1) for b in (0, 1) for c in (0, 1)]
    )
    np.testing.assert_allclose(told.bounds_mm, [corners.min(axis=0), corners.max(axis=0)], atol=1e-9)


def test_the_second_file_is_related_to_the_first(pair):
    first, second = describe([str(pair.anatomy), str(pair.epi)])
    assert first.relation == ""
    assert "解剖" in second.relation


def test_a_small_shear_is_told_with_its_own_digits(tmp_path):
    place = np.diag([2.0, 2, 2, 1])
    place[0, 1] = 0.00068
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 4, 4), np.int16), place), tmp_path / "a.nii")
    (told,) = describe([str(tmp_path / "a.nii")])
    assert "sheared (0.00034)" in told.tilt


def test_json_holds_the_same_and_is_strict(pair):
    told = json.loads(as_text(describe([str(pair.anatomy)])), parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    (one,) = told["volumes"]
    assert one["name"] == "解剖"
    assert one["path"] == str(pair.anatomy)
    assert {"code", "severity", "text"} == set(one["findings"][0])


def test_the_other_form_is_told_when_asked_for(tmp_path):
    image = nibabel.Nifti1Image(np.zeros((5, 6, 7), np.uint8), None)
    image.set_sform(np.diag([2.0, 2, 2, 1]), code=1)
    image.set_qform(np.diag([3.0, 3, 3, 1]), code=1)
    image.to_filename(tmp_path / "a.nii")
    forms = {form: describe([str(tmp_path / "a.nii")], form=form)[0] for form in ("auto", "s", "q")}
    assert [forms[form].affine[0][0] for form in ("auto", "s", "q")] == [2, 2, 3]
    assert any(finding.severity == "warning" and "mm" in finding.text for finding in forms["auto"].findings)


def test_tilt_in_words(pair):
    straight, tilted = describe([str(pair.anatomy), str(pair.epi)])
    assert straight.tilt == "along the world axes, right-handed"
    assert "degrees oblique" in tilted.tilt


def test_one_bad_file_and_nothing_is_described(pair, tmp_path):
    with pytest.raises(UnreadableFileError):
        describe([str(pair.epi), str(tmp_path / "absent.nii")])
