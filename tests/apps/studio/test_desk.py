"""Undo, redo, and voxels whose file has gone."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.window


def sentences(window):
    return [message.text for message in window.messages.messages]


def matrix(window, name="epi"):
    return np.array(window.desk.session.scene.layer(name).placement.matrix)


def test_a_file_that_vanishes_while_it_is_open_is_told_once_and_the_window_lives(open_window, hand, tmp_path, scans):
    path = tmp_path / "vanishing.nii.gz"
    path.write_bytes(scans["epi"].read_bytes())
    window = open_window(path, view="ortho")
    path.unlink()
    for _ in range(3):
        hand.click(window.slice_panes["axial"], (90, 90))
        hand.wheel(window.slice_panes["coronal"], (90, 90), 1)
    said = [text for text in sentences(window) if "vanishing.nii.gz" in text]
    assert len(said) == 1
    path.write_bytes(scans["epi"].read_bytes())
    shown = window.slice_panes["axial"].picture.copy()
    hand.wheel(window.slice_panes["axial"], (90, 90), 2)
    hand.until(lambda: not np.array_equal(window.slice_panes["axial"].picture, shown), "the slice is drawn again")


def test_undo_and_redo_by_key_are_bit_exact(window, hand):
    field = window.placement.fields[0]
    window.desk.set_active("epi")
    states = [matrix(window)]
    for text in ("3.5", "-1.25"):
        hand.type(field, text)
        states.append(matrix(window))
    field.clearFocus()
    hand.key(window, "Ctrl+Z")
    assert np.array_equal(matrix(window), states[1])
    hand.key(window, "Ctrl+Z")
    assert np.array_equal(matrix(window), states[0])
    hand.key(window, "Ctrl+Y")
    assert np.array_equal(matrix(window), states[1])
    hand.key(window, "Ctrl+Shift+Z")
    assert np.array_equal(matrix(window), states[2])
