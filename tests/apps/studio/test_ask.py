"""Where a file is written to: the name that is asked about is the name that is written."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.window

VOLUMES = "NIfTI (*.nii.gz *.nii);;All files (*)"


@pytest.mark.parametrize(
    ("typed", "written"),
    [("a.nii", "a.nii"), ("A.NII.GZ", "A.NII.GZ"), ("a", "a.nii.gz"), ("sub.run2", "sub.run2.nii.gz"), ("a.", "a.nii.gz")],
)
def test_a_dot_alone_makes_no_suffix(app, typed, written):
    from volstudio.apps.studio.ask import with_suffix_of

    assert with_suffix_of(Path("here") / typed, VOLUMES) == Path("here") / written


def test_the_chosen_kind_gives_the_suffix(app):
    from volstudio.apps.studio.ask import with_suffix_of

    kinds = "ITK transform (*.tfm *.txt);;FSL (*.mat);;All files (*)"
    assert with_suffix_of(Path("a"), kinds, "FSL (*.mat)") == Path("a.mat")
    assert with_suffix_of(Path("a"), kinds, "All files (*)") == Path("a.tfm")


@pytest.mark.parametrize("yes", [True, False])
def test_an_existing_file_is_replaced_only_after_a_question_with_its_whole_name(app, monkeypatch, tmp_path, yes):
    from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

    from volstudio.apps.studio.ask import Ask

    buttons = QMessageBox.StandardButton
    asked = []

    def question(*arguments):
        asked.append(arguments[2])
        return buttons.Yes if yes else buttons.No

    parent = QWidget()
    (tmp_path / "sub.run2.nii.gz").write_bytes(b"kept")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "sub.run2"), ""))
    monkeypatch.setattr(QMessageBox, "question", question)
    answer = Ask(parent).file_to_save("Edited header", "x.nii.gz", VOLUMES)
    assert answer == (tmp_path / "sub.run2.nii.gz" if yes else None)
    assert len(asked) == 1
    assert "sub.run2.nii.gz" in asked[0]
