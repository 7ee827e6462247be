"""Edited header, resampled volume, transform: named apart, and never over a source."""

from __future__ import annotations

import hashlib

import nibabel as nib
import numpy as np
import pytest

pytestmark = pytest.mark.window


def sentences(window):
    return [message.text for message in window.messages.messages]


def matrix(window, name="epi"):
    return np.array(window.desk.session.scene.layer(name).placement.matrix)


def test_the_edited_header_is_exported_and_never_over_the_source(window, hand, tmp_path, scans):
    window.desk.set_active("epi")
    hand.type(window.placement.fields[0], "5")
    digest = hashlib.sha256(scans["epi"].read_bytes()).hexdigest()
    window.ask.answers["file_to_save"] = tmp_path / "moved.nii.gz"
    window.actions_by_name["export_header"].trigger()
    hand.until((tmp_path / "moved.nii.gz").exists, "the file is written")
    moved, source = nib.load(tmp_path / "moved.nii.gz"), nib.load(scans["epi"])
    assert np.abs(moved.affine - matrix(window) @ source.affine).max() < 1e-4
    assert np.array_equal(np.asarray(moved.dataobj), np.asarray(source.dataobj))
    window.ask.answers["file_to_save"] = scans["epi"]
    window.actions_by_name["export_header"].trigger()
    hand.until(lambda: any(message.property("kind") == "error" for message in window.messages.messages), "the refusal is told")
    assert hashlib.sha256(scans["epi"].read_bytes()).hexdigest() == digest


def test_cancelling_the_question_for_the_grid_says_nothing(window):
    window.ask.answers["one_of"] = None
    window.actions_by_name["export_resampled"].trigger()
    assert window.ask.asked == ["one_of"]
    assert sentences(window) == []


def test_a_transform_that_was_exported_places_the_layer_again(window, hand, tmp_path):
    window.desk.set_active("epi")
    hand.type(window.placement.fields[4], "6")
    placed = matrix(window)
    window.ask.answers["file_to_save"] = tmp_path / "epi.tfm"
    window.actions_by_name["export_transform"].trigger()
    hand.until((tmp_path / "epi.tfm").exists, "the transform is written")
    hand.key(window, "Ctrl+Backspace")
    hand.drop(window, tmp_path / "epi.tfm")
    hand.settle()
    assert np.abs(matrix(window) - placed).max() < 1e-9
    assert window.desk.session.scene.layer("epi").placement.made_by == "file"


def test_among_several_layers_a_transform_says_which_two_it_joins(window, hand, tmp_path, scans):
    """The lowest layer is not always the fixed one."""
    window.documents.open_volumes([scans["series"]])
    hand.until(lambda: len(window.desk.session.scene.layers) == 3, "the series is open")
    window.desk.set_active("bold")
    hand.type(window.placement.fields[1], "7")
    window.desk.set_active("epi")
    window.ask.answers.update(one_of=None)
    window.actions_by_name["export_transform"].trigger()
    assert window.ask.asked == ["one_of"]
    window.ask.answers.update(one_of="bold", file_to_save=tmp_path / "epi.tfm")
    window.actions_by_name["export_transform"].trigger()
    hand.until((tmp_path / "epi.tfm").exists, "the transform is written")
    text = (tmp_path / "epi.tfm").read_text()
    assert "bold" in text
    parameters = next(line for line in text.splitlines() if line.startswith("Parameters"))
    assert [float(word) for word in parameters.split()[-3:]] == pytest.approx([0, -7, 0], abs=1e-6)  # bold to epi, LPS


def test_a_transform_of_one_volume_alone_is_refused_before_any_question(open_window, scans):
    window = open_window(scans["epi"], view="axial")
    window.actions_by_name["export_transform"].trigger()
    assert "open the fixed one" in sentences(window)[0]


def test_a_number_that_is_being_typed_counts_for_what_is_saved(window, hand, tmp_path):
    from PySide6.QtTest import QTest

    from volstudio.scene.files import load_scene

    field = window.placement.fields[0]
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "7.5")
    window.ask.answers["file_to_save"] = tmp_path / "s.toml"
    hand.key(field, "Ctrl+S")
    assert load_scene(tmp_path / "s.toml").layer("epi").placement.matrix[0][3] == 7.5
