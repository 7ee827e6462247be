"""Where the layer at hand lies: six absolute numbers about a pivot; the gizmo edits the same placement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QGridLayout, QPushButton

from volstudio.apps.studio.icons import icon
from volstudio.apps.studio.numbers import NumberField
from volstudio.apps.studio.section import WORD, Choice, Section, label, tool_button
from volstudio.apps.studio.six import own_pivot, placed_by, six_of
from volstudio.rendering.planes import crosshair_of
from volstudio.scene.model import Placement
from volstudio.session.commands import Place, SetPivot

if TYPE_CHECKING:
    from volstudio.apps.studio.desk import Desk
    from volstudio.apps.studio.six import Six
    from volstudio.scene.model import Scene

__all__ = ["PlacementPanel"]

AXES = ("x", "y", "z")
AXIS_COLOURS = ("#e5716b", "#7fbf6a", "#6ea3ee")  # x, y, z, as the handles of the gizmo
MADE_BY = {
    "header": "as the header says",
    "hand": "moved by hand",
    "registration": "from registration",
    "landmarks": "from landmarks",
    "file": "from a transform file",
}
PIVOTS = (("centre", "Centre of the volume"), ("origin", "Scanner origin"), ("custom", "Custom point"), ("crosshair", "Take the crosshair"))


class PlacementPanel(Section):
    """Six number fields, pivot, reset and copy.

    Parameters
    ----------
    desk : Desk
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__("Placement")
        self._desk = desk
        self.tool = QPushButton(icon("move"), "Move")
        self.tool.setCheckable(True)
        self.tool.setToolTip("Handles in all panes to move and turn this layer (M)")
        self.tool.setProperty("quiet", True)  # noqa: FBT003 - Qt's own signature
        self.tool.toggled.connect(desk.set_move_tool)
        self.copy = tool_button("copy", "Copy the 4 x 4 matrix (scanner to scene, mm, RAS+)", self.copy_matrix)
        self.reset = tool_button("reset", "Back to where the header puts it", self.reset_placement)
        for button in (self.tool, self.copy, self.reset):
            self.head.addWidget(button)
        self.fields = tuple(NumberField(f"Translation {axis}, mm", step=1.0) for axis in AXES) + tuple(
            NumberField(f"Rotation about {axis}, degrees", step=1.0) for axis in AXES
        )
        self.pivot = Choice("What the numbers and the gizmo turn about", PIVOTS)
        self.points = tuple(NumberField(f"Pivot {axis}, mm in the scanner space of the layer", decimals=1) for axis in AXES)
        self.point_word = label("Point, mm", width=WORD)
        self.point_word.setToolTip("In the scanner space of the layer, so that the point goes with it")
        self.origin = label("", kind="faint")
        self._lay_out()
        for index, field in enumerate(self.fields):
            field.edited.connect(desk.guarded(lambda value, index=index: self._edited(index, value)))
        for index, field in enumerate(self.points):
            field.edited.connect(desk.guarded(lambda value, index=index: self._pivot_edited(index, value)))
        self.pivot.activated.connect(desk.guarded(lambda _: self._choose_pivot(self.pivot.currentData())))
        desk.changed.connect(self._on_change)
        desk.active_changed.connect(self._show)
        desk.tool_changed.connect(lambda: self.tool.setChecked(desk.move_tool))
        self._show()

    def reset_placement(self) -> None:
        """Put the layer at hand back where its header puts it."""
        layer = self._desk.active_layer
        if layer is not None:
            self._desk.apply(Place(layer.name, Placement(pivot=layer.placement.pivot)))

    def copy_matrix(self) -> None:
        """Put the placement on the clipboard as four rows of text."""
        layer = self._desk.active_layer
        if layer is not None:
            rows = (" ".join(f"{number:.17g}" for number in row) for row in layer.placement.matrix)
            QGuiApplication.clipboard().setText("\n".join(rows))

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(5)
        for column, (axis, tint) in enumerate(zip(AXES, AXIS_COLOURS, strict=True)):
            head = label(axis)
            head.setAlignment(Qt.AlignmentFlag.AlignRight)
            head.setStyleSheet(f"color: {tint}; font-weight: 600; padding-right: 8px;")
            grid.addWidget(head, 0, column + 1)
            grid.addWidget(self.fields[column], 1, column + 1)
            grid.addWidget(self.fields[column + 3], 2, column + 1)
            grid.addWidget(self.points[column], 4, column + 1)
        grid.addWidget(label("Shift, mm", width=WORD), 1, 0)
        grid.addWidget(label("Turn, °", width=WORD), 2, 0)
        grid.addWidget(label("Pivot", width=WORD), 3, 0)
        grid.addWidget(self.pivot, 3, 1, 1, 3)
        grid.addWidget(self.point_word, 4, 0)
        self.column.addLayout(grid)
        self.column.addWidget(self.origin)

    def _edited(self, index: int, value: float) -> None:
        layer = self._desk.active_layer
        if layer is None:
            return
        with self._desk.telling():
            volume = self._desk.volumes(layer)
            six = six_of(layer, volume)
            if six is not None:
                numbers = list(six)
                numbers[index] = value
                self._desk.apply(Place(layer.name, placed_by(layer, volume, tuple(numbers))))  # type: ignore[arg-type]  # six of them

    def _pivot_edited(self, index: int, value: float) -> None:
        layer = self._desk.active_layer
        if layer is not None:
            x, y, z = (value if k == index else float(old) for k, old in enumerate(own_pivot(layer, self._desk.volumes(layer))))
            self._desk.apply(SetPivot(layer.name, (x, y, z)))

    def _choose_pivot(self, kind: str) -> None:
        layer = self._desk.active_layer
        if layer is None:
            return
        if kind == "centre":
            point = None
        elif kind == "origin":
            point = (0.0, 0.0, 0.0)
        elif kind == "crosshair":
            back = layer.placement.affine(layer.name).inverse()
            x, y, z = (float(value) for value in back.apply(crosshair_of(self._desk.shown, self._desk.volumes)))
            point = (x, y, z)
        else:
            x, y, z = (float(value) for value in own_pivot(layer, self._desk.volumes(layer)))
            point = (x, y, z)
        self._desk.apply(SetPivot(layer.name, point))
        self._show()
        if kind == "custom":
            self._show_pivot(kind)

    def _show_pivot(self, kind: str) -> None:
        """The word and, for a point of one's own, its numbers; the crosshair is only where such a point is taken from."""
        self.pivot.show_value(kind)
        for widget in (self.point_word, *self.points):
            widget.setVisible(kind == "custom")

    def _on_change(self, before: Scene, after: Scene) -> None:
        if before.layers is not after.layers:
            self._show()

    def _show(self) -> None:
        layer = self._desk.active_layer
        for widget in (self.body, self.copy, self.reset, self.tool):
            widget.setEnabled(layer is not None)
        if layer is None:
            for field in (*self.fields, *self.points):
                field.show_value(None)
            self._show_pivot("centre")
            self.origin.setText("")
            return
        six: Six | None = None
        with self._desk.telling():
            volume = self._desk.volumes(layer)
            six = six_of(layer, volume)
            for field, number in zip(self.fields, six or (None,) * 6, strict=True):
                field.show_value(number)
                field.setEnabled(six is not None)
            for field, number in zip(self.points, own_pivot(layer, volume), strict=True):
                field.show_value(float(number))
        pivot = layer.placement.pivot
        kind = "centre" if pivot is None else "origin" if pivot == (0.0, 0.0, 0.0) else "custom"
        self._show_pivot(kind)
        running = self._desk.previewing == layer.name
        how = "being refined" if running else MADE_BY[layer.placement.made_by]
        self.origin.setText(how if six is not None else f"{how}; not rigid, so it has no six numbers")
        self.reset.setEnabled(layer.placement.matrix != Placement().matrix)
