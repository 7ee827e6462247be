"""The studio's own icons: line drawings on a 16-unit grid, drawn sharp at any scale and dimmed when they cannot be used."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from volstudio.apps.studio.theme import COLOURS

__all__ = ["icon", "pixmap"]

DRAWN_IN = "#d5d8dd"  # the stroke of the files; replaced by the colour asked for
SCALES = (1, 2, 3)


@cache
def icon(name: str) -> QIcon:
    """Icon by the name of its file, in the text colour, accented when it is switched on."""
    drawn = QIcon()
    for mode, state, tint in (
        (QIcon.Mode.Normal, QIcon.State.Off, "#c3c7ce"),
        (QIcon.Mode.Normal, QIcon.State.On, COLOURS["accent"]),
        (QIcon.Mode.Disabled, QIcon.State.Off, COLOURS["faint"]),
        (QIcon.Mode.Disabled, QIcon.State.On, COLOURS["faint"]),
    ):
        for scale in SCALES:
            drawn.addPixmap(pixmap(name, tint, scale=scale), mode, state)
    return drawn


def pixmap(name: str, tint: str | None = None, *, scale: float = 1, size: int = 16) -> QPixmap:
    """One drawing of an icon: ``size`` device-independent pixels wide on a screen of that scale; None: the file's own colours."""
    text = (files("volstudio.apps.studio") / "icons" / f"{name}.svg").read_text("utf-8")
    renderer = QSvgRenderer(QByteArray((text if tint is None else text.replace(DRAWN_IN, tint)).encode()))
    image = QPixmap(round(size * scale), round(size * scale))
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    renderer.render(painter, QRectF(0, 0, image.width(), image.height()))
    painter.end()
    image.setDevicePixelRatio(scale)
    return image
