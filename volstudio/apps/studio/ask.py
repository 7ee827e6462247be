"""The few questions that the window asks in dialogs of their own: which files, where to, and what about unsaved work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QInputDialog,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMessageBox,
    QVBoxLayout,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtWidgets import QWidget

__all__ = ["Ask", "Unsaved", "with_suffix_of"]

Unsaved = Literal["save", "discard", "cancel"]
LIST_MARGIN = 60  # check box, frame and scroll bar


class Ask:
    """Asks a person; tests answer in its place.

    Parameters
    ----------
    parent : QWidget
    """

    def __init__(self, parent: QWidget) -> None:
        self._parent = parent
        self._folder = ""

    def files_to_open(self, title: str, kinds: str) -> tuple[Path, ...]:
        """Files that exist; none after a cancel."""
        names, _ = QFileDialog.getOpenFileNames(self._parent, title, self._folder, kinds)
        return self._remembered(tuple(Path(name) for name in names))

    def file_to_save(self, title: str, suggestion: str, kinds: str) -> Path | None:
        """Where to write, with a suffix of ``kinds``; an existing file only after a question that names it. None after a cancel."""
        name, kind = QFileDialog.getSaveFileName(self._parent, title, str(Path(self._folder) / suggestion), kinds)
        if not name:
            return None
        chosen = Path(name)
        target = with_suffix_of(chosen, kinds, kind)
        if target != chosen and target.exists() and not self._replace(target):
            return None  # the dialog asked about the name that was typed, not about this one
        return self._remembered((target,))[0]

    def folder(self, title: str) -> Path | None:
        """A folder that exists; None after a cancel."""
        name = QFileDialog.getExistingDirectory(self._parent, title, self._folder)
        return Path(name) if name else None

    def one_of(self, title: str, question: str, options: Sequence[str]) -> str | None:
        """One of several words; None after a cancel, and no question where there is nothing to choose."""
        if len(options) < 2:
            return options[0] if options else None
        word, taken = QInputDialog.getItem(self._parent, title, question, list(options), 0, False)  # noqa: FBT003 - Qt's own signature
        return word if taken else None

    def some_of(self, title: str, question: str, options: Sequence[str]) -> tuple[int, ...]:
        """Places of those of several options that are wanted, the first one to begin with; none after a cancel."""
        dialog = QDialog(self._parent)
        dialog.setWindowTitle(title)
        listed = QListWidget()
        listed.setAlternatingRowColors(False)
        for row, option in enumerate(options):
            item = QListWidgetItem(option, listed)
            item.setCheckState(Qt.CheckState.Checked if row == 0 else Qt.CheckState.Unchecked)
        listed.setMinimumWidth(min(listed.sizeHintForColumn(0) + LIST_MARGIN, self._parent.width()))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Open | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(dialog.accept)
        buttons.rejected.connect(dialog.reject)
        column = QVBoxLayout(dialog)
        for part in (QLabel(question), listed, buttons):
            column.addWidget(part)
        taken = dialog.exec() == QDialog.DialogCode.Accepted
        dialog.deleteLater()
        return tuple(row for row in range(len(options)) if taken and listed.item(row).checkState() == Qt.CheckState.Checked)

    def unsaved(self, what: str) -> Unsaved:
        """What to do with changes that are in no file."""
        box = QMessageBox(self._parent)
        box.setWindowTitle("Unsaved changes")
        box.setText(f"Save the changes to {what}?")
        box.setInformativeText("Placements, looks and views would be lost; the volumes' files are not touched either way.")
        buttons = QMessageBox.StandardButton
        box.setStandardButtons(buttons.Save | buttons.Discard | buttons.Cancel)
        box.setDefaultButton(buttons.Save)
        answers: dict[int, Unsaved] = {int(buttons.Save): "save", int(buttons.Discard): "discard"}
        return answers.get(box.exec(), "cancel")

    def begin_in(self, folder: Path) -> None:
        """Show this folder first, until the person has gone elsewhere."""
        if not self._folder:
            self._folder = str(folder)

    def _replace(self, path: Path) -> bool:
        buttons = QMessageBox.StandardButton
        text = f"{path.name} already exists.\nDo you want to replace it?"
        return QMessageBox.question(self._parent, "Replace file", text, buttons.Yes | buttons.No, buttons.No) == buttons.Yes

    def _remembered(self, paths: tuple[Path, ...]) -> tuple[Path, ...]:
        if paths:
            self._folder = str(paths[0].parent)
        return paths


def with_suffix_of(path: Path, kinds: str, kind: str = "") -> Path:
    """The path with a suffix of the dialog's ``kinds``, such as ``"Pictures (*.png *.jpg)"``; the first of ``kind`` where it has none.

    A dot alone makes no suffix: ``sub.run2`` is a name.
    """
    known = re.findall(r"\*(\.[\w.]+)", kinds)
    if path.name.lower().endswith(tuple(suffix.lower() for suffix in known)):
        return path
    first = (*re.findall(r"\*(\.[\w.]+)", kind), *known)[0]
    return path.with_name(path.name.rstrip(".") + first)
