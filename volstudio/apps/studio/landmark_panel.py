"""Landmarks: places marked on two layers under the same names, how far the pairs lie apart, and the fit that brings them together."""

from __future__ import annotations

import math
from string import Template
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QPushButton, QTreeWidget, QTreeWidgetItem

from volstudio.apps.studio.section import Paragraph, Section, tool_button
from volstudio.apps.studio.theme import COLOURS
from volstudio.errors import RegistrationError
from volstudio.rendering.planes import crosshair_of
from volstudio.session.commands import SetCrosshair
from volstudio.tasks.landmark_layers import LEAST_PAIRS, fit_layers, mark, pairs_of, place_of, renamed, unmark

if TYPE_CHECKING:
    from volstudio.apps.studio.desk import Desk
    from volstudio.apps.studio.refine import Refiner
    from volstudio.apps.studio.refine_panel import RefinePanel
    from volstudio.scene.model import Scene

__all__ = ["LandmarkPanel"]

NAME, LAYERS, APART = range(3)
ROW_HEIGHT, ROWS_SHOWN = 24, (2, 6)
LOOKS = Template(f"""
QTreeWidget {{ background: transparent; border: 0; outline: 0; }}
QTreeWidget::item {{ height: {ROW_HEIGHT}px; }}
QTreeWidget::item:hover {{ background: $hover; }}
QTreeWidget::item:selected {{ background: $raised; color: $text; }}
QHeaderView {{ background: transparent; }}
QHeaderView::section {{ background: transparent; border: 0; border-bottom: 1px solid $line; color: $faint; padding: 2px 4px; }}
""")


class LandmarkPanel(Section):
    """The landmarks of the scene, and the fit of the pair that the registration panel has chosen; not there until there is one.

    Parameters
    ----------
    desk : Desk
    refiner : Refiner
    pair : RefinePanel
        Says which layer stays and which one is moved.

    Attributes
    ----------
    readied : Signal()
        Whether a fit can be made may have changed.
    told : Signal()
        A person has marked a landmark or made a fit, which is to be seen.
    """

    readied = Signal()
    told = Signal()

    def __init__(self, desk: Desk, refiner: Refiner, pair: RefinePanel) -> None:
        super().__init__("Landmarks")
        self._desk, self._refiner, self._pair = desk, refiner, pair
        self.list = _table()
        self.mark_here = QPushButton("Mark here")
        self.mark_here.setToolTip("Mark the place under the crosshair on the layer at hand (L)")
        self.fit = QPushButton("Fit landmarks")
        self.fit.setToolTip(
            "Move the moving layer so that landmarks of the same names lie on each other, as far as a rigid move can (Ctrl+L)"
        )
        self.remove = tool_button("trash", "Remove the chosen landmark from the layer at hand", desk.guarded(self.remove_chosen))
        self.words = Paragraph()
        self.head.addWidget(self.remove)
        self.column.addWidget(self.list)
        self.row(self.mark_here, self.fit)
        self.column.addWidget(self.words)
        self.mark_here.clicked.connect(desk.guarded(lambda *_: self.mark_crosshair()))
        self.fit.clicked.connect(desk.guarded(lambda *_: self.fit_landmarks()))
        self.list.itemChanged.connect(desk.guarded(self._typed))
        self.list.itemClicked.connect(desk.guarded(self._shown_at))
        for choice in (pair.fixed, pair.moving):
            choice.activated.connect(lambda *_: self._show())
        for told in (refiner.started, refiner.finished, refiner.stopped):
            told.connect(lambda *_: self._show())
        desk.changed.connect(self._on_change)
        desk.active_changed.connect(self._show)
        self._show()

    @property
    def ready(self) -> bool:
        """Whether the chosen pair shares enough landmarks, and none of it is being moved."""
        return len(self._shared()) >= LEAST_PAIRS and not self._refiner.running

    def mark_crosshair(self) -> None:
        """Mark the place under the crosshair on the layer at hand."""
        layer = self._desk.active
        if layer is not None:
            self._desk.apply(mark(self._desk.session.scene, layer, crosshair_of(self._desk.shown, self._desk.volumes)))
            self._tell_soon()

    def remove_chosen(self) -> None:
        """Remove the landmark that is chosen in the list from the layer at hand, or where that has none of its name, from the others."""
        item = self.list.currentItem()
        if item is not None:
            self._desk.apply(unmark(self._desk.session.scene, item.text(NAME), self._desk.active or ""))

    def fit_landmarks(self) -> None:
        """Lay the moving layer where its landmarks fit those of the fixed one best."""
        fixed, moving = self._ends()
        if fixed and moving and self.ready:
            at = crosshair_of(self._desk.shown, self._desk.volumes)
            self._desk.apply(fit_layers(self._desk.session.scene, fixed, moving, at=at).command)
            self._tell_soon()

    def _tell_soon(self) -> None:
        """Say that there is something to be seen, once it has been laid out."""
        self.body.show()
        QTimer.singleShot(0, self, self.told.emit)

    def _ends(self) -> tuple[str | None, str | None]:
        return self._pair.fixed.currentData(), self._pair.moving.currentData()

    def _shared(self) -> tuple[str, ...]:
        """Names that both layers of the chosen pair have."""
        fixed, moving = self._ends()
        return tuple(pairs_of(self._desk.session.scene, fixed, moving)) if fixed and moving and fixed != moving else ()

    def _typed(self, item: QTreeWidgetItem, column: int) -> None:
        """Take a name that was typed, once Qt has put its field away: the list is made anew by it."""
        old, new = item.data(NAME, Qt.ItemDataRole.UserRole), item.text(NAME).strip()
        if column == NAME and new != old:
            QTimer.singleShot(0, self, lambda: self._rename(old, new))

    def _rename(self, old: str, new: str) -> None:
        if not (new and self._desk.apply(renamed(self._desk.session.scene, old, new))):
            self._show()  # the name stays

    def _shown_at(self, item: QTreeWidgetItem, _: int) -> None:
        """Put the crosshair on a landmark, on the layer at hand where that has it."""
        scene = self._desk.session.scene
        own = [each for each in scene.landmarks if each.name == item.text(NAME)]
        at_hand = [each for each in own if each.layer == self._desk.active] or own
        if at_hand:
            self._desk.apply(SetCrosshair(place_of(scene, at_hand[0])))

    def _on_change(self, before: Scene, after: Scene) -> None:
        if before.landmarks is not after.landmarks or before.layers is not after.layers:
            self._show()
        elif before.crosshair != after.crosshair:
            self.words.say(self._told(self._desk.session.scene))

    def _show(self) -> None:
        scene = self._desk.session.scene
        names = list(dict.fromkeys(each.name for each in scene.landmarks))
        current = self.list.currentItem()
        chosen = current.text(NAME) if current is not None else None
        self.list.blockSignals(True)  # noqa: FBT003 - Qt's own signature
        self.list.clear()
        for name in names:
            row = self._row(scene, name)
            self.list.addTopLevelItem(row)
            if name == chosen:
                self.list.setCurrentItem(row)
        self.list.blockSignals(False)  # noqa: FBT003 - Qt's own signature
        rows = min(max(len(names), ROWS_SHOWN[0]), ROWS_SHOWN[1])
        self.list.setFixedHeight(rows * ROW_HEIGHT + self.list.header().sizeHint().height() + 2)
        self.setVisible(bool(names))
        self.mark_here.setEnabled(self._desk.active is not None)
        self.fit.setEnabled(self.ready)
        self.words.say(self._told(scene))
        self.readied.emit()

    def _row(self, scene: Scene, name: str) -> QTreeWidgetItem:
        """A landmark, the layers that have it, and how far the chosen pair's lie apart in the scene."""
        places = {each.layer: place_of(scene, each) for each in scene.landmarks if each.name == name}
        ends = [places[end] for end in self._ends() if end in places]
        apart = f"{math.dist(*ends):.2f} mm" if len(ends) == 2 and name in self._shared() else ""
        item = QTreeWidgetItem([name, ", ".join(layer for layer in scene.names if layer in places), apart])
        item.setData(NAME, Qt.ItemDataRole.UserRole, name)
        item.setTextAlignment(APART, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        item.setToolTip(LAYERS, item.text(LAYERS))
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
        return item

    def _told(self, scene: Scene) -> str:
        """What is lacking for a fit, or how well the pairs agree."""
        fixed, moving = self._ends()
        shared = self._shared()
        if not fixed or not moving or fixed == moving:
            return "Mark the same places on two layers, and fit one to the other."
        if len(shared) < LEAST_PAIRS:
            return f"Mark the same places on {fixed} and {moving}: {len(shared)} of at least {LEAST_PAIRS} pairs."
        try:
            return fit_layers(scene, fixed, moving, at=crosshair_of(scene, self._desk.volumes)).text
        except RegistrationError as error:
            return str(error)


def _table() -> QTreeWidget:
    table = QTreeWidget()
    table.setAccessibleName("Landmarks")
    table.setColumnCount(3)
    table.setHeaderLabels(["Name", "On", "Apart"])
    table.headerItem().setTextAlignment(APART, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    table.setRootIsDecorated(False)
    table.setUniformRowHeights(True)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed)
    table.setStyleSheet(LOOKS.substitute(COLOURS))
    table.header().setSectionResizeMode(LAYERS, QHeaderView.ResizeMode.Stretch)
    for column in (NAME, APART):
        table.header().setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
    table.header().setStretchLastSection(False)
    return table
