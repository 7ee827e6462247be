from __future__ import annotations

import hashlib
import os

import pytest

from volstudio.errors import UnreadableFileError
from volstudio.volumes.integrity import check_memory, check_regular, digest, in_words, memory_budget


def test_digest_is_sha256_of_the_bytes(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"voxels" * 1000)
    assert digest(path) == "sha256:" + hashlib.sha256(b"voxels" * 1000).hexdigest()


@pytest.mark.parametrize("kind", ["missing", "folder", "empty", "pipe", "dangling"])
def test_what_is_no_file_is_refused_at_once(tmp_path, kind):
    path = tmp_path / "x.nii"
    words = {"missing": "no such file", "folder": "is a directory", "empty": "empty", "pipe": "pipe", "dangling": "a link to a file"}[kind]
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "dangling":
        path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(UnreadableFileError, match=words):
        check_regular(path)


def test_a_name_that_no_system_can_hold_is_refused_in_words(tmp_path):
    with pytest.raises(UnreadableFileError, match="Cannot open"):
        check_regular(tmp_path / ("n" * 5000))
    with pytest.raises(UnreadableFileError, match="null"):
        check_regular(tmp_path / "a\0b")


def test_memory_is_bounded_by_what_is_free(tmp_path):
    assert memory_budget() > 1 << 20
    check_memory(tmp_path, 10, limit=10)
    with pytest.raises(UnreadableFileError, match=r"11 bytes of memory and 10 bytes are allowed"):
        check_memory(tmp_path, 11, limit=10)
    with pytest.raises(UnreadableFileError, match="of memory"):
        check_memory(tmp_path, 1 << 60)


def test_sizes_read_as_words():
    assert in_words(0) == "0 bytes"
    assert in_words(999) == "999 bytes"
    assert in_words(5e8) == "500 MB"
    assert in_words(3.69e19) == "3.69e+04 PB"
