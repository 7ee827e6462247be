"""The sheet of keys, and the header doctor."""

from __future__ import annotations

import shutil
import subprocess

import nibabel as nib
import numpy as np
import pytest

pytestmark = pytest.mark.window


def sheet(window, title):
    from PySide6.QtWidgets import QDialog, QLabel

    found = [child for child in window.findChildren(QDialog) if child.windowTitle() == title]
    return {label.text() for label in found[0].findChildren(QLabel)} if found else set()


def test_the_question_mark_of_the_keyboard_lists_every_key(window, hand, display):
    if shutil.which("xdotool") is None:
        pytest.skip("xdotool is not installed")
    subprocess.run(["xdotool", "key", "question"], env={"DISPLAY": display}, check=True, timeout=20)
    hand.until(lambda: sheet(window, "Keyboard and mouse"), "the sheet of keys is open")
    assert {"Ctrl+Z", "Ctrl+O", "M", "Wheel"} <= sheet(window, "Keyboard and mouse")
    assert {"3D from the front (anterior)", "Export picture", "Show or hide"} <= sheet(window, "Keyboard and mouse")


def test_the_doctor_shows_what_is_odd(open_window, hand, tmp_path):
    image = nib.Nifti1Image(np.arange(1000, dtype=np.int16).reshape(10, 10, 10), None)
    image.header.set_sform(None, 0)
    image.header.set_qform(None, 0)
    nib.save(image, tmp_path / "unknown.nii")
    window = open_window(tmp_path / "unknown.nii", view="axial")
    assert window.layers._row_of("unknown").badge.isVisible()
    window.layers._row_of("unknown").badge.click()
    words = " ".join(sheet(window, "Header doctor"))
    findings = window.desk.volumes(window.desk.shown.layers[0]).findings
    assert findings
    for finding in findings:
        assert finding.text in words
