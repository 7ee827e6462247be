"""The four panes and how they share the space: all four, three slices in a row, or one alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QGridLayout, QWidget

from volstudio.session.commands import SetView

if TYPE_CHECKING:
    from volstudio.apps.studio.desk import Desk
    from volstudio.apps.studio.pointing import Pointing
    from volstudio.scene.model import Scene, View

__all__ = ["PaneFrame"]

GAP = 2
# Row and column of each pane, as in pictures of the same view.
PLACES: dict[str, dict[str, tuple[int, int]]] = {
    "quad": {"coronal": (0, 0), "sagittal": (0, 1), "axial": (1, 0), "3d": (1, 1)},
    "ortho": {"sagittal": (0, 0), "coronal": (0, 1), "axial": (0, 2)},
}


class PaneFrame(QWidget):
    """Holds the panes; the scene's ``view`` says which are seen.

    Parameters
    ----------
    desk : Desk
    panes : mapping of str to Pointing
        By ``"axial"``, ``"coronal"``, ``"sagittal"``, ``"3d"``.
    """

    def __init__(self, desk: Desk, panes: dict[str, Pointing]) -> None:
        super().__init__()
        self.setObjectName("panes")
        self._desk, self._panes = desk, panes
        self._before_single: View = "quad"
        self._view = ""
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(GAP)
        for name, pane in panes.items():
            pane.setParent(self)
            pane.doubled.connect(lambda _, name=name: self.toggle_single(name))
        desk.changed.connect(self._on_change)
        self._arrange(desk.shown.view)

    def toggle_single(self, name: str) -> None:
        """Show one pane alone, or go back to where one came from."""
        view = self._desk.shown.view
        if view == name:
            self._desk.apply(SetView(self._before_single))
        else:
            self._before_single = view if view in PLACES else "quad"
            self._desk.apply(SetView(name))  # type: ignore[arg-type]  # names of panes are views

    def _on_change(self, before: Scene, after: Scene) -> None:
        del before
        self._arrange(after.view)

    def _arrange(self, view: str) -> None:
        if view == self._view:
            return
        self._view = view
        places = PLACES.get(view, {view: (0, 0)})
        for name, pane in self._panes.items():
            self._grid.removeWidget(pane)
            if name not in places:
                pane.hide()
        for line in range(2):
            self._grid.setRowStretch(line, 1 if any(row == line for row, _ in places.values()) else 0)
        for line in range(3):
            self._grid.setColumnStretch(line, 1 if any(column == line for _, column in places.values()) else 0)
        for name, (row, column) in places.items():
            self._grid.addWidget(self._panes[name], row, column)
            self._panes[name].show()
