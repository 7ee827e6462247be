"""The line at the foot of the window: where the crosshair is, and what each layer holds there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from volstudio.apps.studio.numbers import NumberField
from volstudio.apps.studio.readings import Readings
from volstudio.apps.studio.section import label, tool_button
from volstudio.rendering.planes import crosshair_of
from volstudio.rendering.readout import Reading, readout
from volstudio.session.commands import SetConvention, SetCrosshair

if TYPE_CHECKING:
    from volstudio.apps.studio.desk import Desk
    from volstudio.scene.model import Scene

__all__ = ["ReadoutBar"]

OTHER = {"neurological": "radiological", "radiological": "neurological"}


class ReadoutBar(QWidget):
    """World mm (RAS+) of the crosshair, typed or read; voxel and value of each layer; the convention.

    Parameters
    ----------
    desk : Desk
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.setObjectName("readout")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._desk = desk
        self.fields = tuple(NumberField(f"Crosshair {axis}, scene mm, RAS+", decimals=1) for axis in "xyz")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 8, 4)
        row.setSpacing(5)
        for axis, field in zip("xyz", self.fields, strict=True):
            field.setFixedWidth(68)
            row.addWidget(label(axis))
            row.addWidget(field)
        row.addWidget(label("mm RAS", kind="faint"))
        row.addWidget(tool_button("copy", "Copy the crosshair's coordinates", self.copy_point))
        row.addSpacing(10)
        self.values = Readings()
        row.addWidget(self.values, 1)
        self.convention = QPushButton()
        self.convention.setProperty("quiet", True)  # noqa: FBT003 - Qt's own signature
        self.convention.setToolTip("Which side of axial and coronal views is the patient's left (X)")
        self.convention.clicked.connect(self.switch_convention)
        row.addWidget(self.convention)
        for index, field in enumerate(self.fields):
            field.edited.connect(desk.guarded(lambda value, index=index: self._edited(index, value)))
        desk.changed.connect(self._on_change)
        self.show_scene()

    @property
    def readings(self) -> list[Reading]:
        """What each layer holds at the crosshair, top layer first."""
        scene = self._desk.shown
        return readout(scene, self._desk.volumes, crosshair_of(scene, self._desk.volumes))

    def switch_convention(self) -> None:
        """Neurological to radiological and back."""
        self._desk.apply(SetConvention(OTHER[self._desk.shown.convention]))  # type: ignore[arg-type]  # one of the two words

    def copy_point(self) -> None:
        """Put the crosshair's coordinates on the clipboard."""
        point = crosshair_of(self._desk.shown, self._desk.volumes)
        QGuiApplication.clipboard().setText(" ".join(f"{value:.6g}" for value in point))

    def show_scene(self) -> None:
        """Read everything anew."""
        scene = self._desk.shown
        self.convention.setText("R ← → L  Radiological" if scene.convention == "radiological" else "L ← → R  Neurological")
        with self._desk.telling():
            for field, value in zip(self.fields, crosshair_of(scene, self._desk.volumes), strict=True):
                field.show_value(value)
                field.setEnabled(bool(scene.layers))
            self.values.show_readings(self.readings)

    def _edited(self, index: int, value: float) -> None:
        point = list(crosshair_of(self._desk.shown, self._desk.volumes))
        point[index] = value
        self._desk.apply(SetCrosshair((point[0], point[1], point[2])))

    def _on_change(self, before: Scene, after: Scene) -> None:
        del before, after
        self.show_scene()
