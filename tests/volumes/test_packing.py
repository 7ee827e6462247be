from __future__ import annotations

import bz2
import gzip
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from volstudio.errors import UnreadableFileError
from volstudio.volumes import packing
from volstudio.volumes.packing import ByteStream, room_in

CONTENT = np.random.default_rng(0).integers(0, 40, 300_000).astype(np.uint8).tobytes()


def unpack(path, step=70_000):
    with ByteStream(path) as stream:
        parts = []
        while part := stream.read(step):
            parts.append(part)
        return b"".join(parts), stream.finish()


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
@pytest.mark.parametrize("step", [1000, 131_072, 1 << 22])
def test_content_comes_out_as_it_went_in(tmp_path, pack, step):
    path = tmp_path / "a"
    path.write_bytes(pack(CONTENT))
    content, tail = unpack(path, step)
    assert content == CONTENT
    assert tail.verified
    assert not tail.extra


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_members_one_after_the_other_are_one_content(tmp_path, pack):
    path = tmp_path / "a"
    path.write_bytes(pack(CONTENT[:1000]) + pack(b"") + pack(CONTENT[1000:]))
    assert unpack(path)[0] == CONTENT


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
@pytest.mark.parametrize("missing", [1, 7, 8, 100, 10_000])
def test_a_truncated_file_is_told(tmp_path, pack, missing):
    path = tmp_path / "a"
    path.write_bytes(pack(CONTENT)[:-missing])
    with pytest.raises(UnreadableFileError, match="truncated"):
        unpack(path)


@settings(max_examples=40, deadline=None)
@given(at=st.floats(0.001, 0.999), bit=st.integers(0, 7), name=st.sampled_from(["gzip", "bz2"]))
def test_no_flipped_bit_goes_unseen(tmp_path_factory, at, bit, name):
    path = tmp_path_factory.mktemp("flip") / "a"
    content = bytearray({"gzip": gzip.compress, "bz2": bz2.compress}[name](CONTENT[:20_000]))
    content[max(10, int(at * len(content)))] ^= 1 << bit  # behind gzip's own header, whose time stamp means nothing
    path.write_bytes(content)
    try:
        content, tail = unpack(path)
    except UnreadableFileError:
        return
    # Only the bits that pad bzip2's last byte mean nothing.
    assert content == CONTENT[:20_000]
    assert tail.verified


def test_junk_behind_the_last_member_is_told_and_padding_is_not(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(gzip.compress(CONTENT) + b"\x01junk")
    assert unpack(path)[1].extra
    path.write_bytes(gzip.compress(CONTENT) + bytes(512))
    assert not unpack(path)[1].extra


def test_a_long_tail_is_not_unpacked_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(packing, "TAIL_LIMIT", 1 << 20)
    path = tmp_path / "a"
    path.write_bytes(gzip.compress(bytes(8 << 20)))
    with ByteStream(path) as stream:
        stream.read(10)
        tail = stream.finish()
    assert tail.extra
    assert not tail.verified


def test_room_is_what_deflate_can_reach():
    packed = zlib.compress(bytes(10_000_000), 9)
    assert room_in("gzip", len(packed)) >= 10_000_000
    assert room_in("", 100) == 100
    assert room_in("bzip2", 100) is None


def test_fill_says_how_far_it_got(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(gzip.compress(b"12345"))
    room = bytearray(8)
    with ByteStream(path) as stream:
        assert stream.fill(memoryview(room)) == 5
    assert bytes(room[:5]) == b"12345"
