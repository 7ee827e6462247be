"""The window as a person uses it: files, drops, keys, panels, saving, and what it says when something is wrong."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import warnings

import nibabel as nib
import numpy as np
import pytest

from volstudio.rendering.planes import crosshair_of

pytestmark = pytest.mark.window


def sentences(window):
    return [message.text for message in window.messages.messages]


def matrix(window, name="epi"):
    return np.array(window.desk.session.scene.layer(name).placement.matrix)


def drop(window, *paths):
    from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
    from PySide6.QtGui import QDragEnterEvent, QDropEvent
    from PySide6.QtWidgets import QApplication

    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    with warnings.catch_warnings():  # Qt 6.12 deprecates the only way to make this event, and offers no other in Python
        warnings.simplefilter("ignore", DeprecationWarning)
        enter = QDragEnterEvent(QPoint(50, 50), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(window, enter)
    assert enter.isAccepted()
    let_go = QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(window, let_go)


def test_an_empty_window_says_where_to_begin_and_opens_what_is_dropped(open_window, hand, scans):
    window = open_window()
    assert window.welcome.isVisible()
    drop(window, scans["epi"], scans["anatomy"])
    hand.until(lambda: window.desk.shown.names == ("解剖", "epi"), "both scans are open")
    assert window.frame.isVisible()
    assert [layer.path for layer in window.desk.shown.layers] == [str(scans["anatomy"]), str(scans["epi"])]


def test_the_first_volume_brings_no_white_flash(open_window, hand, scans, monkeypatch):
    from volstudio.apps.studio.canvas import Canvas

    seen = []
    monkeypatch.setattr(Canvas, "_tick", lambda pane: seen.append(pane.grabFramebuffer().pixelColor(20, 20).lightness()))
    window = open_window()
    window.documents.open_paths([scans["anatomy"]])
    hand.until(lambda: len(seen) >= 4, "all panes were painted before their first picture")
    assert max(seen) < 30


@pytest.mark.parametrize("first", ["epi", "anatomy"])
def test_files_opened_one_after_the_other_give_one_picture_in_any_order(open_window, hand, scans, first):
    window = open_window()
    second = {"epi": "anatomy", "anatomy": "epi"}[first]
    for count, name in enumerate((first, second), start=1):
        window.ask.answers["files_to_open"] = (scans[name],)
        window.actions_by_name["open"].trigger()
        hand.until(lambda count=count: len(window.desk.shown.layers) == count, f"{name} is open")
    assert window.desk.shown.names == ("解剖", "epi")
    assert window.desk.shown.layer("解剖").look.colourmap == "gray"
    assert window.desk.shown.layer("epi").look.colourmap != "gray"


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


def test_the_boxes_of_all_layers_are_one_undo_step(window, hand):
    before = window.desk.session.scene
    hand.key(window, "B")
    assert len({layer.box for layer in window.desk.session.scene.layers}) == 1
    assert window.desk.session.scene != before
    hand.key(window, "Ctrl+Z")
    assert window.desk.session.scene == before
    assert not window.desk.session.can_undo


def test_the_menu_says_what_would_be_undone(window, hand):
    window.desk.set_active("epi")
    hand.type(window.placement.fields[2], "4")
    assert window.actions_by_name["undo"].text() == "Undo move epi"
    assert "•" in window.windowTitle()


@pytest.mark.parametrize(
    ("key", "changed"),
    [
        ("X", lambda w: w.desk.shown.convention == "radiological"),
        ("M", lambda w: w.desk.move_tool),
        ("C", lambda w: not w.desk.shown.show_crosshair),
        ("S", lambda w: not w.desk.shown.layer("epi").look.visible),
        ("D", lambda w: w.desk.shown.layer("epi").look.opacity < 0.5),
        ("[", lambda w: w.desk.active == "解剖"),
        ("B", lambda w: not w.desk.shown.layer("epi").box),
        ("Ctrl+3", lambda w: w.desk.shown.view == "axial"),
        ("PgUp", lambda w: w.desk.shown.crosshair is not None),
        ("Del", lambda w: w.desk.shown.names == ("解剖",)),
    ],
)
def test_keys(window, hand, key, changed):
    window.desk.set_active("epi")
    assert not changed(window)
    hand.key(window, key)
    assert changed(window)


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


def test_undo_by_key_works_from_the_field_that_was_just_filled(window, hand):
    field = window.placement.fields[0]
    hand.type(field, "5")
    assert window.focusWidget() in window.panes.values()
    field.setFocus()
    hand.key(field, "Ctrl+Z")
    assert matrix(window)[0, 3] == 0.0
    hand.key(field, "Ctrl+Shift+Z")
    assert matrix(window)[0, 3] == 5.0


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


def test_letters_typed_into_a_field_are_no_commands(window, hand):
    from PySide6.QtTest import QTest

    field = window.placement.fields[0]
    field.setFocus()
    QTest.keyClicks(field, "s1e1x")
    assert window.desk.shown.layer("epi").look.visible
    assert window.desk.shown.convention == "neurological"


def test_the_six_fields_place_the_layer_about_its_pivot(window, hand):
    from volstudio.geometry.rigid import RigidTransform

    window.desk.set_active("epi")
    layer = window.desk.session.scene.layer("epi")
    centre = window.desk.volumes(layer).grid.centre
    for field, text in zip(window.placement.fields, ("1", "-2", "3", "10", "-5", "2.5"), strict=True):
        hand.type(field, text)
    expected = RigidTransform.from_six((1, -2, 3, *np.radians([10, -5, 2.5])), centre).matrix
    assert np.abs(matrix(window) - expected).max() < 1e-9
    assert [round(field.value, 6) for field in window.placement.fields] == [1, -2, 3, 10, -5, 2.5]


def test_another_pivot_keeps_the_layer_where_it_is(window, hand):
    window.desk.set_active("epi")
    hand.type(window.placement.fields[3], "8")
    before = matrix(window)
    numbers = [field.value for field in window.placement.fields]
    window.placement.pivot.setCurrentIndex(window.placement.pivot.findData("origin"))
    window.placement.pivot.activated.emit(0)
    hand.settle()
    assert window.desk.session.scene.layer("epi").placement.pivot == (0.0, 0.0, 0.0)
    assert np.array_equal(matrix(window), before)
    assert [field.value for field in window.placement.fields][:3] != numbers[:3]


def test_a_pivot_taken_from_the_crosshair_is_a_point_of_its_own(window, hand):
    from volstudio.session.commands import SetCrosshair

    window.desk.set_active("epi")
    panel = window.placement
    window.desk.apply(SetCrosshair((4.0, 5.0, 6.0)))
    panel.pivot.setCurrentIndex(panel.pivot.findData("crosshair"))
    panel.pivot.activated.emit(panel.pivot.currentIndex())
    window.desk.apply(SetCrosshair((0.0, 0.0, 9.0)))
    hand.settle()
    assert panel.pivot.currentText() == "Custom point"
    assert [field.text() for field in panel.points] == ["4.0", "5.0", "6.0"]
    assert panel.point_word.isVisible()
    assert window.desk.session.scene.layer("epi").placement.pivot == (4.0, 5.0, 6.0)


def test_reset_goes_back_to_the_header(window, hand):
    window.desk.set_active("epi")
    hand.type(window.placement.fields[1], "12")
    hand.key(window, "Ctrl+Backspace")
    assert np.array_equal(matrix(window), np.eye(4))
    assert window.desk.session.scene.layer("epi").placement.made_by == "header"


def test_the_readout_gives_voxel_and_value_of_each_layer(window, hand, scans):
    image = nib.load(scans["epi"])
    ijk = (9, 15, 7)
    point = image.affine[:3, :3] @ ijk + image.affine[:3, 3]
    for field, value in zip(window.readout.fields, point, strict=True):
        hand.type(field, repr(float(value)))
    reading = {reading.layer: reading for reading in window.readout.readings}["epi"]
    assert np.abs(np.array(reading.ijk) - ijk).max() < 1e-4
    assert reading.value == float(np.asarray(image.dataobj)[ijk])
    assert "[9&nbsp;15&nbsp;7]" in window.readout.values.text()
    assert f"epi [9 15 7] {reading.value:.0f}" in window.readout.values.toolTip()


def several(folder, scans, count):
    """Copies of a scan with the long names that studies have."""
    paths = [folder / f"sub-pilot01_ses-baseline_task-restingstate_acq-multiband_run-{run:02d}_bold.nii.gz" for run in range(1, count + 1)]
    for path in paths:
        path.write_bytes(scans["epi"].read_bytes())
    return paths


@pytest.mark.parametrize("count", [1, 2, 7, 20])
def test_the_readout_cuts_names_and_never_a_value(open_window, hand, tmp_path, scans, count):
    from PySide6.QtGui import QFontMetrics

    window = open_window(*several(tmp_path, scans, count), view="axial")
    values = window.readout.values
    words = values.widget()
    assert values.text().count("]") == count
    assert words.width() >= words.minimumSizeHint().width() - 3 * QFontMetrics(words.font()).horizontalAdvance("0")
    assert values.height() >= words.minimumSizeHint().height() or values.verticalScrollBar().maximum() > 0
    assert values.toolTip().count("_bold [") == count
    if count > 1:
        assert "02_bold&nbsp;[" in values.text()


def test_rows_of_layers_keep_within_the_panel_and_the_end_of_their_names(open_window, hand, tmp_path, scans):
    from volstudio.apps.studio.layer_panel import LayerRow

    paths = several(tmp_path, scans, 2)
    for path in paths:  # neither form says where the scan lies, which the header doctor mentions
        data = np.asarray(nib.load(path).dataobj)
        nib.save(nib.Nifti1Image(data, None), path)
    window = open_window(*paths, view="axial")
    rows = window.layers.findChildren(LayerRow)
    assert [row.text.text()[-7:] for row in rows] == ["02_bold", "01_bold"]
    for row in rows:
        assert row.width() == window.layers.list.viewport().width()
        assert row.badge.isVisible()
        assert row.badge.geometry().right() < row.width()
        assert row.text.fontMetrics().horizontalAdvance(row.text.text()) <= row.text.width()
        assert row.name in row.text.toolTip()
    window.layers.rename_active()
    from PySide6.QtWidgets import QLineEdit

    (field,) = window.layers.findChildren(QLineEdit)
    assert field.geometry().right() < field.parentWidget().width()


def test_the_look_panel_edits_the_layer_at_hand(window, hand):
    window.desk.set_active("epi")
    look = window.look
    look.opacity.setValue(30)
    hand.type(look.low, "50")
    look.colours.setCurrentIndex(look.colours.findData("viridis"))
    look.colours.activated.emit(0)
    shown = window.desk.session.scene.layer("epi").look
    assert (shown.opacity, shown.colourmap, shown.window[0]) == (0.3, "viridis", 50.0)
    hand.type(look.low, "")
    assert window.desk.session.scene.layer("epi").look.window is None


def test_without_a_layer_the_look_panel_shows_no_numbers(window, hand):
    look = window.look
    shown = look.low.text(), look.percent.text(), look.colours.currentText()
    assert all(shown)
    for _ in range(2):
        hand.key(window, "Del")
    assert not look.opacity.isEnabled()
    assert (look.low.text(), look.percent.text(), look.colours.currentText(), look.volume.isChecked()) == ("", "", "", False)
    for _ in range(2):
        hand.key(window, "Ctrl+Z")
    window.desk.set_active("epi")
    assert (look.low.text(), look.percent.text(), look.colours.currentText()) == shown


def test_dragging_the_end_of_the_window_is_one_undo_step(window, hand):
    window.desk.set_active("epi")
    bar = window.look.bar
    before = window.desk.session.scene.layer("epi").look
    x = bar._x(bar._high)
    hand.drag(bar, (x, 20), (x - 40, 20))
    _, high = window.desk.session.scene.layer("epi").look.window
    assert high < float(window.look.bar._counts.high)
    assert high == pytest.approx(bar._value(x - 40) - bar._value(x) + _high_before(window, before), rel=0.02)
    hand.key(window, "Ctrl+Z")
    assert window.desk.session.scene.layer("epi").look == before
    assert not window.desk.session.can_undo


def _high_before(window, look):
    from msgspec.structs import replace

    from volstudio.rendering.compositor import window_of

    layer = window.desk.session.scene.layer("epi")
    return window_of(replace(layer, look=look), window.desk.volumes(layer))[1]


def test_time_points_of_a_series_are_shown(open_window, hand, scans):
    window = open_window(scans["series"], view="axial")
    pane = window.slice_panes["axial"]
    first = pane.picture.copy()
    assert window.look.time.isVisible()
    window.look.time.setValue(4)
    hand.until(lambda: not np.array_equal(pane.picture, first), "another time point is drawn")
    assert window.desk.session.scene.layer("bold").time == 4


def test_layers_are_hidden_renamed_reordered_and_removed_from_the_list(window, hand):
    row = window.layers._row_of("epi")
    row.eye.click()
    assert not window.desk.shown.layer("epi").look.visible
    window.desk.set_active("epi")
    window.layers.down.click()
    assert window.desk.shown.names == ("epi", "解剖")
    window.layers.bin.click()
    assert window.desk.shown.names == ("解剖",)


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
    drop(window, tmp_path / "epi.tfm")
    hand.settle()
    assert np.abs(matrix(window) - placed).max() < 1e-9
    assert window.desk.session.scene.layer("epi").placement.made_by == "file"


def test_the_menus_open_by_alt_and_their_letter(window):
    letters = [action.text().partition("&")[2][:1] for action in window.menuBar().actions()]
    assert "" not in letters
    assert len(set(letters)) == len(letters)


def test_the_buttons_of_an_empty_window_have_room_for_their_words(open_window):
    from PySide6.QtGui import QFontMetrics
    from PySide6.QtWidgets import QPushButton

    window = open_window()
    for button in window.welcome.findChildren(QPushButton):
        bold = button.font()
        bold.setWeight(bold.Weight.DemiBold if button.property("primary") else bold.Weight.Normal)
        padding = 2 * 12 if not button.property("quiet") else 2 * 8
        assert button.width() >= QFontMetrics(bold).horizontalAdvance(button.text()) + padding


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


def test_a_real_pointer_of_the_x_server_puts_the_crosshair(window, hand, display):
    """Not Qt's own test events: the X server moves its pointer and presses its button."""
    if shutil.which("xdotool") is None:
        pytest.skip("xdotool is not installed")
    from PySide6.QtCore import QPoint

    pane = window.slice_panes["axial"]
    pixel = (pane.width() // 2 - 40, pane.height() // 2 + 25)
    predicted = pane.view.to_scene(pixel)
    at = pane.mapToGlobal(QPoint(*pixel))
    subprocess.run(["xdotool", "mousemove", str(at.x()), str(at.y()), "click", "1"], env={"DISPLAY": display}, check=True, timeout=20)
    hand.until(
        lambda: np.abs(np.array(crosshair_of(window.desk.shown, window.desk.volumes)) - predicted).max() < 1e-9, "the crosshair is there"
    )
