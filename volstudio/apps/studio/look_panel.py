"""How the layer at hand is drawn: window, colours, opacity, blend, 3D."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QCheckBox, QSlider

from volstudio.apps.studio.numbers import NumberField
from volstudio.apps.studio.section import WORD, Choice, Section, label, tool_button
from volstudio.apps.studio.swatches import gradient
from volstudio.apps.studio.theme import numbers_font
from volstudio.apps.studio.window_bar import WindowBar
from volstudio.rendering.compositor import window_of
from volstudio.scene import colourmaps
from volstudio.scene.looks import PRESETS
from volstudio.session.commands import SetBox, SetLook, SetTime
from volstudio.volumes.intensity import histogram
from volstudio.volumes.store import STORE

if TYPE_CHECKING:
    from volstudio.apps.studio.desk import Desk
    from volstudio.scene.model import Layer, Scene

__all__ = ["LookPanel"]

BINS = 96


class LookPanel(Section):
    """Everything of `Look`, for the layer at hand.

    Parameters
    ----------
    desk : Desk
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__("Appearance")
        self._desk = desk
        self._gesture = ""
        self._counted: object = None
        self.bar = WindowBar()
        self.low = NumberField("Lower end of the window", empty_ok=True)
        self.high = NumberField("Upper end of the window", empty_ok=True)
        self.auto = tool_button("reset", "Robust window: 2 to 98 % of the foreground", lambda: self._set(window=None))
        self.opacity = _slider("Opacity", 100)
        self.percent = label("100 %", width=44)
        self.percent.setFont(numbers_font())
        self.percent.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.colours = Choice("Colour map", [(name, name) for name in colourmaps.names()])
        self.colours.setIconSize(QSize(44, 10))
        for index in range(self.colours.count()):
            self.colours.setItemIcon(index, QIcon(gradient(self.colours.itemData(index), 44, 10, 2.0)))
        self.blend = Choice("How slices join those below", [("over", "Over"), ("add", "Add")])
        self.interpolation = Choice("Interpolation", [("linear", "Linear"), ("nearest", "Nearest")])
        self.hide_below = NumberField("Values below are transparent; empty: all are shown", empty_ok=True)
        self.hide_below.setPlaceholderText("none")
        self.two_sided = QCheckBox("Two-sided")
        self.two_sided.setToolTip("One half of the colours for positive, the other for negative values (statistical maps)")
        self.preset = Choice("3D opacity curve", [(name, name) for name in PRESETS])
        for index in range(self.preset.count()):
            self.preset.setItemData(index, PRESETS[self.preset.itemData(index)].what, Qt.ItemDataRole.ToolTipRole)
        self.volume = QCheckBox("Volume")
        self.shade = QCheckBox("Lit")
        self.box = QCheckBox("Box")
        self.time = _slider("Time point", 0)
        self.time_text = label("0", width=64)
        self.time_text.setFont(numbers_font())
        self.time_text.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.time_word = label("Time", width=WORD)
        self._lay_out()
        self._connect()
        self._show()

    def set_opacity(self, value: float) -> None:
        """Give the layer at hand an opacity, 0 to 1."""
        self._set(opacity=min(max(value, 0.0), 1.0))

    def _lay_out(self) -> None:
        self.row(self.time_word, self.time, self.time_text)
        self.column.addWidget(self.bar)
        self.row(label("Window", width=WORD), self.low, self.high, self.auto)
        self.row(label("Colours", width=WORD), self.colours)
        self.row(label("Opacity", width=WORD), self.opacity, self.percent)
        self.row(label("Hide below", width=WORD), self.hide_below, self.two_sided)
        self.row(label("Slices", width=WORD), self.interpolation, self.blend)
        self.row(label("3D", width=WORD), self.preset)
        self.row(label("", width=WORD), self.volume, self.shade, self.box).addStretch(1)

    def _connect(self) -> None:
        self.bar.pressed.connect(self._begin)
        self.bar.released.connect(self._end)
        self.bar.changed.connect(lambda low, high: self._set(window=(low, high)))
        self.bar.mouseDoubleClickEvent = lambda _: self._set(window=None)  # type: ignore[method-assign]  # a click of Qt's, as a call
        self.low.edited.connect(lambda value: self._set_end(0, value))
        self.high.edited.connect(lambda value: self._set_end(1, value))
        for slider in (self.opacity, self.time):
            slider.sliderPressed.connect(self._begin)
            slider.sliderReleased.connect(self._end)
        self.opacity.valueChanged.connect(lambda value: self._set(opacity=value / 100))
        self.time.valueChanged.connect(self._set_time)
        self.colours.activated.connect(lambda _: self._set(colourmap=self.colours.currentData()))
        self.blend.activated.connect(lambda _: self._set(blend=self.blend.currentData()))
        self.interpolation.activated.connect(lambda _: self._set(interpolation=self.interpolation.currentData()))
        self.preset.activated.connect(lambda _: self._set(preset=self.preset.currentData()))
        self.hide_below.edited.connect(lambda value: self._set(hide_below=value))
        self.two_sided.clicked.connect(lambda on: self._set(two_sided=on))
        self.volume.clicked.connect(lambda on: self._set(volume=on))
        self.shade.clicked.connect(lambda on: self._set(shade=on))
        self.box.clicked.connect(self._set_box)
        self._desk.changed.connect(self._on_change)
        self._desk.active_changed.connect(self._show)

    def _begin(self) -> None:
        self._gesture = self._desk.new_gesture("look")

    def _end(self) -> None:
        self._gesture = ""

    def _set(self, **changes: object) -> None:
        layer = self._desk.active_layer
        if layer is None:
            return
        look = replace(layer.look, **changes)
        if look != layer.look:
            self._desk.apply(SetLook(layer.name, look, self._gesture))

    def _set_end(self, end: int, value: float | None) -> None:
        layer = self._desk.active_layer
        if layer is None:
            return
        if value is None:
            self._set(window=None)
            return
        with self._desk.telling():
            window = list(window_of(layer, self._desk.volumes(layer)))
            window[end] = value
            self._set(window=(window[0], window[1]))
        self._show()

    def _set_time(self, time: int) -> None:
        layer = self._desk.active_layer
        if layer is not None and layer.time != time:
            self._desk.apply(SetTime(layer.name, time))

    def _set_box(self, on: bool) -> None:  # noqa: FBT001 - a slot of a check box
        if self._desk.active is not None:
            self._desk.apply(SetBox(self._desk.active, on))

    def _on_change(self, before: Scene, after: Scene) -> None:
        if before.layers is not after.layers:
            self._show()

    def _show(self) -> None:
        layer = self._desk.active_layer
        self.body.setEnabled(layer is not None)
        if layer is None:
            self._show_nothing()
            return
        with self._desk.telling():
            self._show_voxels(layer)
        look = layer.look
        for widget, value in ((self.opacity, round(look.opacity * 100)), (self.time, layer.time)):
            widget.blockSignals(True)  # noqa: FBT003 - Qt's own signature
            widget.setValue(value)
            widget.blockSignals(False)  # noqa: FBT003 - Qt's own signature
        self.percent.setText(f"{round(look.opacity * 100)} %")
        self.colours.show_value(look.colourmap)
        self.blend.show_value(look.blend)
        self.interpolation.show_value(look.interpolation)
        self.preset.show_value(look.preset)
        self.hide_below.show_value(look.hide_below)
        self.two_sided.setChecked(look.two_sided)
        self.volume.setChecked(look.volume)
        self.shade.setChecked(look.shade)
        self.box.setChecked(layer.box)

    def _show_nothing(self) -> None:
        """No layer, no numbers: a value left standing would be taken for one of the next layer."""
        self._set_time_shown(1, 0)
        self.bar.update()
        for field in (self.low, self.high, self.hide_below):
            field.show_value(None)
        self.percent.clear()
        self.opacity.blockSignals(True)  # noqa: FBT003 - Qt's own signature
        self.opacity.setValue(self.opacity.minimum())
        self.opacity.blockSignals(False)  # noqa: FBT003 - Qt's own signature
        for choice in (self.colours, self.blend, self.interpolation, self.preset):
            choice.setCurrentIndex(-1)
        for box in (self.two_sided, self.volume, self.shade, self.box):
            box.setChecked(False)

    def _show_voxels(self, layer: Layer) -> None:
        volume = self._desk.volumes(layer)
        self._set_time_shown(volume.n_times, layer.time)
        low, high = window_of(layer, volume)
        key = (layer.path, layer.form)
        if key != self._counted:
            counts, edges = histogram(STORE.frame(volume, 0), BINS)
            self.bar.show_counts(np.asarray(counts, dtype=np.float64), float(edges[0]), float(edges[-1]))
            self._counted = key
            decimals = int(np.clip(2 - np.floor(np.log10(max(float(edges[-1] - edges[0]), 1e-9))) + 1, 0, 6))
            for field in (self.low, self.high, self.hide_below):
                field.set_step(float(10.0 ** -(decimals - 1)), decimals)
        self.bar.show_window(low, high, layer.look.colourmap)
        self.low.show_value(low)
        self.high.show_value(high)

    def _set_time_shown(self, count: int, time: int) -> None:
        for widget in (self.time_word, self.time, self.time_text):
            widget.setVisible(count > 1)
        self.time.blockSignals(True)  # noqa: FBT003 - Qt's own signature
        self.time.setRange(0, count - 1)
        self.time.blockSignals(False)  # noqa: FBT003 - Qt's own signature
        self.time_text.setText(f"{time} / {count - 1}")


def _slider(name: str, top: int) -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setRange(0, top)
    slider.setAccessibleName(name)
    slider.setToolTip(name)
    slider.wheelEvent = lambda event: event.ignore()  # type: ignore[method-assign]  # the wheel scrolls the panel
    return slider
