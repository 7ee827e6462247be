"""Labels of many files: short, and each only once."""

from __future__ import annotations

import pytest

from volstudio.tasks.group_names import labels_of


@pytest.mark.parametrize(
    ("paths", "taken", "labels"),
    [
        (["/a/t1.nii.gz", "/a/epi.nii"], "", ("t1", "epi")),
        (["/a/1/t1.nii.gz", "/a/2/t1.nii.gz", "/a/2/epi.nii"], "", ("1 t1", "2 t1", "epi")),
        (["/a/1/x/t1.nii", "/a/2/x/t1.nii"], "", ("1 x t1", "2 x t1")),
        (["/a/t1.nii", "/b/epi.nii"], "t1", ("a t1", "epi")),
        (["/a/t1.nii", "/a/t1.mgz"], "", ("a t1", "a t1 2")),
        (["/T1.nii", "/t1.nii"], "", ("T1", "t1 2")),
        (["/a/run_1.nii", "/a/run-1.nii"], "", ("a run_1", "a run-1 2")),
        (["sample:t1", "/a/sub.01.nii.gz", "/a/sub.02.nii.gz"], "", ("t1", "sub.01", "sub.02")),
    ],
)
def test_labels_tell_files_apart(paths, taken, labels):
    assert labels_of(paths, taken=taken) == labels


def test_many_files_of_one_name_are_told_apart_by_their_folders():
    labels = labels_of([f"/data/sub-{n:06d}/anat/T1w.nii.gz" for n in range(20_000)])
    assert labels[19_999] == "sub-019999 anat T1w"
    assert len(set(labels)) == 20_000
