from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volstudio.volumes.spelling import readable, spelled, unspelled

ODD = b"caf\xe9 \xff\xfe \xe6\x89.nii"  # Latin 1, bytes of no encoding, and half a letter


@given(st.binary(max_size=40))
def test_every_name_of_a_file_is_written_as_text_and_found_again(raw):
    path = os.fsdecode(raw)
    written = spelled(path).encode()
    assert os.fsencode(unspelled(written.decode())) == raw
    readable(path).encode()


@given(st.text(st.characters(exclude_categories=["Cs", "Co", "Cn"])))
def test_what_is_text_stays_as_it_is(text):
    assert spelled(text) == unspelled(text) == readable(text) == text


def test_half_a_letter_is_let_be():
    assert unspelled("\ud800é") == "\ud800é"


@pytest.mark.parametrize("raw", [ODD, "扫描 🧠".encode()])
def test_a_bare_locale_writes_the_same(raw):
    script = f"import os; from volstudio.volumes.spelling import spelled; print(ascii(spelled(os.fsdecode({raw!r}))))"
    bare = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run([sys.executable, "-c", script], env=bare, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ascii(spelled(os.fsdecode(raw)))
