"""Small windows that only tell: keys and mouse, the header doctor, and what this program is."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from volstudio import __version__
from volstudio.apps.studio.actions import LINE, MOUSE
from volstudio.apps.studio.icons import pixmap
from volstudio.apps.studio.section import label

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from volstudio.apps.studio.actions import Entry
    from volstudio.volumes.volume import Finding, Volume

__all__ = ["about_sheet", "doctor_sheet", "keys_sheet"]

COLUMNS = 3
KEY_WIDTH = 118
SIGNS = {"error": "error", "warning": "warn", "info": "info"}


def keys_sheet(parent: QWidget, entries: Iterable[Entry]) -> QDialog:
    """Every key and every mouse gesture."""
    sheet = _sheet(parent, "Keyboard and mouse", (1240, 780))
    chapters: list[tuple[str, list[tuple[str, str]]]] = []
    listed = [entry for entry in entries if entry.keys and entry.text != LINE]
    for menu, group in groupby(sorted(listed, key=_chapter), key=_chapter):
        lines = [("  ".join(_native(key) for key in entry.keys), _said(entry)) for entry in group]
        chapters.append((menu, lines))
    for where, group_of in groupby(MOUSE, key=lambda line: line[0]):
        chapters.append((where, [(what, does) for _, what, does in group_of]))
    columns: list[list[tuple[str, list[tuple[str, str]]]]] = [[] for _ in range(COLUMNS)]
    for chapter in sorted(chapters, key=lambda chapter: -len(chapter[1])):
        min(columns, key=lambda column: sum(len(lines) + 2 for _, lines in column)).append(chapter)
    body = QWidget()
    across = QHBoxLayout(body)
    across.setContentsMargins(24, 20, 24, 20)
    across.setSpacing(28)
    for column in columns:
        down = QVBoxLayout()
        down.setSpacing(16)
        for title, lines in column:
            down.addLayout(_table(title, lines))
        down.addStretch(1)
        across.addLayout(down)
    _show_in(sheet, body)
    return sheet


def doctor_sheet(parent: QWidget, volumes: Sequence[tuple[str, Volume]]) -> QDialog:
    """What the header doctor says of each layer's file."""
    sheet = _sheet(parent, "Header doctor", (640, 460))
    body = QWidget()
    column = QVBoxLayout(body)
    column.setContentsMargins(24, 20, 24, 20)
    column.setSpacing(8)
    for name, volume in volumes:
        column.addWidget(label(name, kind="strong"))
        size = " × ".join(str(count) for count in volume.shape)
        edges = " × ".join(f"{edge:.3g}" for edge in volume.grid.voxel_sizes)
        times = f", {volume.n_times} time points" if volume.n_times > 1 else ""
        source = f"{volume.source.format}, placed by its {volume.source.form}: " if volume.source else ""
        column.addWidget(_text(f"{source}{size} voxels of {edges} mm{times}, {volume.data.dtype}", dim=True))
        if volume.source is not None:
            column.addWidget(_text(str(volume.source.path), dim=True))
        for finding in volume.findings:
            column.addLayout(_finding(finding, parent.devicePixelRatioF()))
        if not volume.findings:
            column.addWidget(_text("Nothing odd was found.", dim=True))
        column.addSpacing(14)
    if not volumes:
        column.addWidget(_text("No volume is open.", dim=True))
    column.addStretch(1)
    _show_in(sheet, body)
    return sheet


def about_sheet(parent: QWidget) -> QDialog:
    """What this program is, and what it is made of."""
    from importlib.metadata import version

    sheet = _sheet(parent, "About volstudio", (460, 260))
    column = QVBoxLayout(sheet)
    column.setContentsMargins(28, 24, 28, 24)
    column.setSpacing(8)
    title = label(f"volstudio {__version__}", kind="strong")
    title.setObjectName("welcomeTitle")
    column.addWidget(title)
    column.addWidget(_text("Place, look at and rigidly register 3D volumes in world space (mm, RAS+)."))
    column.addSpacing(8)
    parts = ("vtk", "pyvista", "PySide6", "SimpleITK", "nibabel", "numpy")
    column.addWidget(_text(", ".join(f"{part} {_version(version, part)}" for part in parts), dim=True))
    column.addWidget(_text("MIT licence. Not a medical device: nothing here is for diagnosis.", dim=True))
    column.addStretch(1)
    return sheet


def _sheet(parent: QWidget, title: str, size: tuple[int, int]) -> QDialog:
    sheet = QDialog(parent)
    sheet.setWindowTitle(title)
    sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    sheet.resize(*size)
    return sheet


def _show_in(sheet: QDialog, body: QWidget) -> None:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setWidget(body)
    whole = QVBoxLayout(sheet)
    whole.setContentsMargins(0, 0, 0, 0)
    whole.addWidget(area)


def _table(title: str, lines: Sequence[tuple[str, str]]) -> QGridLayout:
    table = QGridLayout()
    table.setHorizontalSpacing(14)
    table.setVerticalSpacing(5)
    table.addWidget(label(title, kind="strong"), 0, 0, 1, 2)
    for row, (keys, does) in enumerate(lines, start=1):
        chip = QHBoxLayout()
        chip.setSpacing(4)
        for key in keys.split("  "):
            chip.addWidget(label(key, kind="key"))
        chip.addStretch(1)
        table.addLayout(chip, row, 0, Qt.AlignmentFlag.AlignTop)
        does_text = label(does)
        does_text.setMinimumHeight(22)
        table.addWidget(does_text, row, 1, Qt.AlignmentFlag.AlignTop)
    table.setColumnMinimumWidth(0, KEY_WIDTH)
    table.setColumnStretch(1, 1)
    return table


def _finding(finding: Finding, scale: float) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(9)
    sign = QLabel()
    sign.setPixmap(pixmap(SIGNS[finding.severity], None, scale=scale))
    row.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
    row.addWidget(_text(finding.text), 1)
    return row


def _text(words: str, *, dim: bool = False) -> QLabel:
    text = label(words, kind="dim" if dim else "plain")
    text.setWordWrap(True)
    text.setTextFormat(Qt.TextFormat.PlainText)
    text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return text


def _said(entry: Entry) -> str:
    """What an entry does, outside of its menu: the words of a submenu go on in those of its entries."""
    words = entry.text.replace("&", "").rstrip("…") or entry.name
    submenu = entry.menu.partition("/")[2]
    return f"{submenu} {words[0].lower()}{words[1:]}" if submenu else words


def _chapter(entry: Entry) -> str:
    return entry.menu.split("/")[0] or "Other"


def _native(key: str) -> str:
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)


def _version(version: object, part: str) -> str:
    from importlib.metadata import PackageNotFoundError

    for name in (part, f"{part}-Essentials"):
        try:
            return version(name)  # type: ignore[operator,no-any-return]  # importlib.metadata.version
        except PackageNotFoundError:
            continue
    return "?"
