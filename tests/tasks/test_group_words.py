"""Words for several scans or links: every way to say them, and one sentence where they do not fit."""

from __future__ import annotations

import pytest

from volstudio.errors import RegistrationError
from volstudio.tasks.group_words import masks_of, one_each

SCANS = ("/数据/sub-01/T1.nii.gz", "/数据/sub-02/T1.nii.gz", "/数据/b.c.nrrd")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), (None, None, None)),
        (("a",), ("a", "a", "a")),
        (("a", "b", "c"), ("a", "b", "c")),
        (("2=b",), (None, "b", None)),
        (("3=c", "a"), ("a", "a", "c")),
        (("a", "b", "c", "1=z"), ("z", "b", "c")),
        (("1=a=b", "02=x"), ("a=b", "x", None)),
        (("x=y", "2=", "=4"), ("x=y", "2=", "=4")),  # no number before the sign, or nothing behind it: a plain word
    ],
)
def test_words_of_three_things(words, told):
    assert one_each(words, 3, what="--plan", noun="link") == told


@pytest.mark.parametrize(
    ("words", "count", "said"),
    [
        (("a", "b"), 3, "There are 3 links and 2 of --plan; give one for all, one for each in their order, or N=... for link N alone."),
        (("a", "b"), 1, "There is 1 link and 2 of --plan"),
        (("4=a",), 3, "--plan '4=a' is about link 4, and there are 3 links."),
        (("0=a",), 1, "--plan '0=a' is about link 0, and there is 1 link."),
        (("1=a", "2=b", "1=c"), 3, "--plan says 1=... twice; give it once."),
    ],
)
def test_what_does_not_fit_is_one_sentence(words, count, said):
    with pytest.raises(RegistrationError) as told:
        one_each(words, count, what="--plan", noun="link")
    assert str(told.value).startswith(said)


def test_a_pattern_is_filled_for_each_scan():
    told = masks_of(["{folder}/masks/{name}_brain.nii"], SCANS, what="--mask")
    assert told == ("/数据/sub-01/masks/T1_brain.nii", "/数据/sub-02/masks/T1_brain.nii", "/数据/masks/b.c_brain.nii")
    assert masks_of(["{folder}.nii"], SCANS[:1], what="--mask") == ("/数据/sub-01.nii",)


def test_masks_are_for_one_scan_each(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert masks_of(["/m/a.nii", "/m/b.nii", "/m/c.nii"], SCANS, what="--mask") == ("/m/a.nii", "/m/b.nii", "/m/c.nii")
    assert masks_of(["2=b.nii"], SCANS, what="--mask") == (None, str(tmp_path / "b.nii"), None)
    assert masks_of(["3={folder}/m.nii"], SCANS, what="--mask") == (None, None, "/数据/m.nii")
    assert masks_of([], SCANS, what="--mask") == (None, None, None)
    with pytest.raises(
        RegistrationError, match=r"There are 3 scans and 1 of --mask; .* or a pattern such as {folder}/{name}_mask.nii.gz\."
    ):
        masks_of(["brain.nii"], SCANS, what="--mask")
