"""What is opened, saved and left: volumes, DICOM series, sessions and transforms."""

from __future__ import annotations

import shutil

import nibabel
import numpy as np
import pytest

pytestmark = pytest.mark.window


def sentences(window):
    return [message.text for message in window.messages.messages]


SHIFT = "1 0 0 {x}\n0 1 0 0\n0 0 1 0\n0 0 0 1\n"


@pytest.fixture
def two_series(shared_data, tmp_path):
    """A folder as a scanner's export makes it: the images of two series side by side."""
    pytest.importorskip("pydicom", reason="pydicom (the extra 'dicom') is not installed")
    folder = tmp_path / "export"
    folder.mkdir()
    for name in ("mr_brain", "siemens_mosaic"):
        for file in (shared_data / "dicom" / name).iterdir():
            shutil.copy(file, folder / f"{name}-{file.name}")
    return folder


def named(window):
    return window.desk.session.scene.names


def test_of_a_folder_with_several_series_the_person_chooses(open_window, hand, two_series):
    window = open_window()
    window.ask.answers["some_of"] = (0, 1)
    window.documents.open_paths([two_series])
    hand.until(lambda: len(named(window)) == 2, "both series are open", 60)
    assert len(window.ask.options) == 2
    shapes = {window.desk.volumes(layer).shape for layer in window.desk.session.scene.layers}
    assert len(shapes) == 2
    assert not window.messages.messages


def test_none_wanted_none_opened(open_window, hand, two_series):
    window = open_window()
    window.ask.answers["some_of"] = ()
    window.documents.open_paths([two_series])
    hand.until(lambda: "some_of" in window.ask.asked, "the person is asked", 60)
    hand.until(lambda: not window.desk.worker.busy, "nothing runs", 60)
    hand.settle()
    assert named(window) == ()


def test_a_folder_with_one_series_opens_without_a_question(open_window, hand, shared_data):
    pytest.importorskip("pydicom", reason="pydicom (the extra 'dicom') is not installed")
    window = open_window()
    window.documents.open_paths([shared_data / "dicom" / "mr_brain"])
    hand.until(lambda: len(named(window)) == 1, "it is open", 60)
    assert window.ask.asked == []


def test_a_folder_without_images_is_told(open_window, hand, tmp_path):
    window = open_window()
    window.documents.open_paths([tmp_path])
    hand.until(lambda: any(message.kind == "error" for message in window.messages.messages), "it is told", 60)
    assert "no DICOM images" in window.messages.messages[-1].text


def test_a_scene_that_points_outside_its_folder_is_asked_about(open_window, hand, tmp_path):
    nibabel.save(nibabel.Nifti1Image(np.random.default_rng(1).random((20, 20, 20), np.float32), np.eye(4)), tmp_path / "private.nii")
    (tmp_path / "sent").mkdir()
    scene = tmp_path / "sent" / "scene.toml"
    scene.write_text('[[layers]]\nname = "t1"\npath = "../private.nii"\n')
    window = open_window()
    window.documents.open_paths([scene])
    hand.until(lambda: window.messages.messages, "it is told", 60)
    (told,) = window.messages.messages
    assert "outside its folder" in told.text
    assert named(window) == ()
    told.buttons["Open them"].click()
    hand.until(lambda: named(window) == ("t1",), "it is open", 60)


def test_a_transform_says_what_it_has_laid_on_what(window, hand, tmp_path):
    window.desk.set_active("epi")
    file = tmp_path / "move.xfm.txt"
    file.write_text("# maps fixed points to moving points, RAS mm\n" + SHIFT.format(x=-7))
    window.documents.load_transform(file)
    hand.settle()
    assert window.ask.asked == []
    assert np.allclose(np.array(window.desk.session.scene.layer("epi").placement.matrix)[:, 3], (7, 0, 0, 1))
    (told,) = window.messages.messages
    assert "epi" in told.text
    assert named(window)[0] in told.text


def test_which_of_several_others_a_transform_means_is_asked(window, hand, scans, tmp_path):
    window.documents.open_volumes([scans["series"]])
    hand.until(lambda: len(named(window)) == 3, "the series is open", 60)
    window.desk.set_active("epi")
    others = [name for name in named(window) if name != "epi"]
    window.desk.set_active(others[1])
    hand.type(window.placement.fields[1], "11")
    window.desk.set_active("epi")
    file = tmp_path / "move.xfm.txt"
    file.write_text("# maps fixed points to moving points, RAS mm\n" + SHIFT.format(x=-7))
    window.ask.answers["one_of"] = None
    before = window.desk.session.scene
    window.documents.load_transform(file)
    assert window.desk.session.scene == before
    window.ask.answers["one_of"] = others[1]
    window.documents.load_transform(file)
    assert np.allclose(np.array(window.desk.session.scene.layer("epi").placement.matrix)[:, 3], (7, 11, 0, 1))


def test_a_transform_needs_two_volumes(open_window, scans, tmp_path):
    window = open_window(scans["epi"], view="axial")
    window.documents.load_transform(tmp_path / "any.tfm")
    assert "open both first" in window.messages.messages[-1].text


@pytest.mark.parametrize(
    ("name", "content"),
    [("text.nii.gz", b"this is no scan"), ("empty.nii", b""), ("短.nii.gz", None), ("gone.nii", "absent")],
)
def test_a_broken_file_is_told_in_a_sentence_and_the_window_lives(window, hand, tmp_path, scans, name, content):  # noqa: PLR0917 - fixtures
    path = tmp_path / name
    if content is None:
        path.write_bytes(scans["anatomy"].read_bytes()[:2000])
    elif content != "absent":
        path.write_bytes(content)
    before = window.desk.session.scene
    window.documents.open_paths([path])
    hand.until(lambda: any(message.property("kind") == "error" for message in window.messages.messages), "the error is told")
    said = next(message.text for message in window.messages.messages if message.property("kind") == "error")
    assert name in said
    assert "Traceback" not in said
    assert window.desk.session.scene == before
    window.desk.set_move_tool(True)
    hand.wheel(window.slice_panes["axial"], (50, 50), 1)
    assert window.desk.session.scene.crosshair is not None


def test_a_session_whose_file_was_never_there_is_no_trap(open_window, hand, tmp_path, scans):
    from msgspec.structs import replace

    from volstudio.session.commands import ReplaceScene
    from volstudio.tasks.open import open_scene

    scene = open_scene([str(scans["epi"])])
    gone = replace(scene, view="ortho", layers=(replace(scene.layers[0], path=str(tmp_path / "never.nii.gz")),))
    window = open_window()
    window.desk.apply(ReplaceScene(gone))
    hand.until(lambda: any("never.nii.gz" in text for text in sentences(window)), "it is told")
    window.desk.set_move_tool(True)
    pane = window.slice_panes["axial"]
    hand.move(pane, (80, 80))
    hand.click(pane, (80, 80))
    hand.wheel(pane, (80, 80), 1)
    for key in ("K", "PgUp", "1", "R", "F1"):
        hand.key(window, key)
    assert len(sentences(window)) <= 3
    window.documents.open_paths([scans["anatomy"]])
    window.desk.undo()
    assert window.desk.session.scene.layers == ()


def test_a_session_is_saved_reopened_and_the_same(window, hand, tmp_path, open_window):
    window.desk.set_active("epi")
    hand.type(window.placement.fields[0], "7.125")
    path = tmp_path / "会话 1.toml"
    window.ask.answers["file_to_save"] = path
    hand.key(window, "Ctrl+S")
    assert not window.desk.session.dirty
    saved = window.desk.session.scene
    other = open_window()
    other.documents.open_paths([path])
    hand.until(lambda: len(other.desk.shown.layers) == 2, "the session is open")
    assert [layer.placement for layer in other.desk.shown.layers] == [layer.placement for layer in saved.layers]
    assert other.desk.session.saved_path == path
    assert str(path) in [str(recent) for recent in _recent()]


def _recent():
    from volstudio.apps.studio.recent import recent_files

    return recent_files()


def test_what_the_window_began_with_is_recent_and_its_folder_is_shown_first(app, open_window, scans, monkeypatch):
    from PySide6.QtWidgets import QFileDialog

    from volstudio.apps.studio.application import make_window
    from volstudio.tasks.open import open_scene

    begun = make_window(open_scene([str(scans["anatomy"]), str(scans["epi"])]), recover=False)
    assert set(_recent()[:2]) == {scans["anatomy"], scans["epi"]}
    shown = []
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *arguments: (shown.append(arguments[2]), ("", ""))[1])
    begun.ask.file_to_save("Picture", "picture.png", "Pictures (*.png)")
    assert shown == [str(scans["epi"].parent / "picture.png")]
    begun.shut()
    begun.deleteLater()


def test_a_session_that_is_no_scene_is_refused(window, hand, tmp_path):
    path = tmp_path / "broken.toml"
    path.write_text("layers = 3\n")
    before = window.desk.session.scene
    window.documents.open_paths([path])
    hand.until(lambda: any("broken.toml" in text for text in sentences(window)), "the refusal is told")
    assert window.desk.session.scene == before


@pytest.mark.parametrize(("answer", "closed"), [("cancel", False), ("discard", True), ("save", True)])
def test_unsaved_work_is_asked_about(window, hand, tmp_path, answer, closed):
    window.desk.set_active("epi")
    hand.type(window.placement.fields[0], "1")
    window.ask.answers.update(unsaved=answer, file_to_save=tmp_path / "kept.toml")
    window.close()
    hand.settle()
    assert window.ask.asked[0] == "unsaved"
    assert window.isVisible() is not closed
    assert (tmp_path / "kept.toml").exists() is (answer == "save")


def test_nothing_is_asked_where_nothing_changed(window, hand):
    hand.click(window.slice_panes["axial"], (100, 100))
    window.close()
    assert window.ask.asked == []
    assert not window.isVisible()
