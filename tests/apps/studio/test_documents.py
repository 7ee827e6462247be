"""What is opened: a folder with several DICOM series, and a transform that could lay a volume on several others."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

pytestmark = pytest.mark.window

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
