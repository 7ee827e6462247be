"""The list of layers: top of the list is on top of the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QListView, QListWidget, QListWidgetItem, QWidget

from volstudio.apps.studio.elide import NameLabel
from volstudio.apps.studio.icons import icon, pixmap
from volstudio.apps.studio.section import Section, tool_button
from volstudio.apps.studio.swatches import gradient
from volstudio.errors import VolstudioError
from volstudio.session.commands import MoveLayer, RemoveLayer, Rename, SetLook

if TYPE_CHECKING:
    from collections.abc import Callable

    from volstudio.apps.studio.desk import Desk
    from volstudio.scene.model import Layer, Scene
    from volstudio.volumes.volume import Finding

__all__ = ["LayerPanel", "findings_of"]

ROW_HEIGHT = 30
ROWS_SHOWN = (2, 6)
GRAVITY = {"error": 2, "warning": 1, "info": 0}


def findings_of(desk: Desk, layer: Layer) -> tuple[Finding, ...]:
    """What the header doctor says of a layer's file, gravest first; nothing where the file cannot be read (that is told elsewhere)."""
    try:
        found = desk.volumes(layer).findings
    except VolstudioError:
        return ()
    return tuple(sorted(found, key=lambda finding: -GRAVITY[finding.severity]))


class LayerRow(QWidget):
    """One layer in the list: eye, colours, name, and a sign where the header doctor has something to say."""

    def __init__(self, panel: LayerPanel, name: str) -> None:
        super().__init__()
        self._panel = panel
        self.name = name
        self.eye = tool_button("eye", "Show or hide (S)", self._toggle)
        self.swatch = QLabel()
        self.text = NameLabel(name)
        self.badge = tool_button("warn", "Header doctor", lambda: panel.doctor(name))
        row = QHBoxLayout(self)
        row.setContentsMargins(3, 0, 5, 0)
        row.setSpacing(7)
        for widget in (self.eye, self.swatch):
            row.addWidget(widget)
        row.addWidget(self.text, 1)
        row.addWidget(self.badge)

    def show_layer(self, layer: Layer, findings: tuple[Finding, ...]) -> None:
        """Show a layer's state."""
        self.name = layer.name
        self.eye.setIcon(icon("eye" if layer.look.visible else "eye-off"))
        self.swatch.setPixmap(gradient(layer.look.colourmap, 26, 10, self.devicePixelRatioF()))
        self.text.show_name(layer.name)
        self.text.setToolTip(f"{layer.name}\n{layer.path}")
        self.text.setEnabled(layer.look.visible)
        grave = [finding for finding in findings if finding.severity != "info"]
        worst = grave[0].severity if grave else ""
        self.badge.setVisible(bool(grave))
        if grave:
            self.badge.setIcon(QIcon(pixmap("error" if worst == "error" else "warn", None, scale=self.devicePixelRatioF())))
            self.badge.setToolTip("\n".join(finding.text for finding in grave))

    def _toggle(self) -> None:
        self._panel.toggle_visible(self.name)


class LayerPanel(Section):
    """Layers of the scene; what is selected is at hand for the panels below and the gizmo.

    Parameters
    ----------
    desk : Desk
    open_files, doctor : callable
        What the plus button and the badges do.
    """

    def __init__(self, desk: Desk, open_files: Callable[[], object], doctor: Callable[[str], object]) -> None:
        super().__init__("Layers")
        self._desk = desk
        self.doctor = doctor
        self.head.addWidget(tool_button("plus", "Open volumes (Ctrl+O)", open_files))
        self.up = tool_button("up", "Move up (Ctrl+])", lambda: self.move_active(1))
        self.down = tool_button("down", "Move down (Ctrl+[)", lambda: self.move_active(-1))
        self.bin = tool_button("trash", "Remove (Del)", self.remove_active)
        for button in (self.up, self.down, self.bin):
            self.head.addWidget(button)
        self.list = QListWidget()
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setResizeMode(QListView.ResizeMode.Adjust)  # rows are made before the list has its width
        self.list.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.list.currentRowChanged.connect(self._on_row)
        self.list.itemDoubleClicked.connect(lambda _: self.rename_active())
        self.column.setContentsMargins(0, 2, 0, 2)
        self.column.addWidget(self.list)
        desk.changed.connect(self._on_change)
        desk.active_changed.connect(self._select)
        self._fill(desk.shown)

    def toggle_visible(self, name: str) -> None:
        """Show or hide a layer."""
        from msgspec.structs import replace

        look = self._desk.session.scene.layer(name).look
        self._desk.apply(SetLook(name, replace(look, visible=not look.visible)))

    def move_active(self, by: int) -> None:
        """Put the layer at hand higher (positive) or lower in the stack."""
        names = self._desk.session.scene.names
        if self._desk.active in names and 0 <= names.index(self._desk.active) + by < len(names):
            self._desk.apply(MoveLayer(self._desk.active, names.index(self._desk.active) + by))

    def remove_active(self) -> None:
        """Take the layer at hand out of the scene."""
        if self._desk.active is not None:
            self._desk.apply(RemoveLayer(self._desk.active))

    def rename_active(self) -> None:
        """Edit the name of the layer at hand in its row."""
        row = self._row_of(self._desk.active)
        if row is None:
            return
        field = QLineEdit(row.name, row)
        field.setGeometry(row.text.geometry().adjusted(-4, 3, 4, -3))
        field.selectAll()
        field.show()
        field.setFocus()

        def done() -> None:
            field.editingFinished.disconnect(done)
            field.deleteLater()
            new = field.text().strip()
            if new and new != row.name and self._desk.apply(Rename(row.name, new)):
                self._desk.set_active(new)

        field.editingFinished.connect(done)

    def _on_change(self, before: Scene, after: Scene) -> None:
        if before.layers is not after.layers:
            self._fill(after)

    def _fill(self, scene: Scene) -> None:
        names = [layer.name for layer in reversed(scene.layers)]
        self.list.blockSignals(True)  # noqa: FBT003 - Qt's own signature
        if [row.name for row in self._rows()] != names:
            self.list.clear()
            for name in names:
                item = QListWidgetItem()
                item.setSizeHint(QSize(0, ROW_HEIGHT))
                self.list.addItem(item)
                self.list.setItemWidget(item, LayerRow(self, name))
        for row, layer in zip(self._rows(), reversed(scene.layers), strict=True):
            row.show_layer(layer, findings_of(self._desk, layer))
        self.list.setFixedHeight(min(max(len(names), ROWS_SHOWN[0]), ROWS_SHOWN[1]) * ROW_HEIGHT + 2)
        self.list.blockSignals(False)  # noqa: FBT003 - Qt's own signature
        self._select()

    def _rows(self) -> list[LayerRow]:
        widgets = (self.list.itemWidget(self.list.item(i)) for i in range(self.list.count()))
        return [widget for widget in widgets if isinstance(widget, LayerRow)]

    def _row_of(self, name: str | None) -> LayerRow | None:
        return next((row for row in self._rows() if row.name == name), None)

    def _on_row(self, index: int) -> None:
        rows = self._rows()
        if 0 <= index < len(rows):
            self._desk.set_active(rows[index].name)

    def _select(self) -> None:
        names = [row.name for row in self._rows()]
        index = names.index(self._desk.active) if self._desk.active in names else -1
        self.list.blockSignals(True)  # noqa: FBT003 - Qt's own signature
        self.list.setCurrentRow(index)
        self.list.blockSignals(False)  # noqa: FBT003 - Qt's own signature
        self.up.setEnabled(index > 0)
        self.down.setEnabled(0 <= index < len(names) - 1)
        self.bin.setEnabled(index >= 0)
