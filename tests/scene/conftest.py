"""A small study on disk: two scans that are only bytes, since scenes do not look into them."""

from __future__ import annotations

import pytest


@pytest.fixture
def study(tmp_path):
    folder = tmp_path / "扫描 study"
    (folder / "raw").mkdir(parents=True)
    (folder / "scenes").mkdir()
    (folder / "raw" / "T1.nii.gz").write_bytes(b"the anatomy")
    (folder / "raw" / "病人 一.nii.gz").write_bytes(b"the epi")
    return folder
