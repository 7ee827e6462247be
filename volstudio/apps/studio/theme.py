"""How the studio looks: one palette, one style sheet, one typeface at a few sizes.

Dark neutral greys that leave the pictures the brightest thing on the screen, a single accent for what is active, red for what is wrong.
Lengths in the sheet are device-independent pixels; Qt scales them, so nothing here knows about the screen.
"""

from __future__ import annotations

from importlib.resources import files
from string import Template

from PySide6.QtCore import QDir
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication, QStyleFactory

__all__ = ["COLOURS", "apply_theme", "colour", "numbers_font"]

COLOURS = {
    "ground": "#0e0f12",  # behind and between the panes
    "window": "#17191d",
    "panel": "#1c1e23",
    "raised": "#262930",
    "hover": "#2f333b",
    "line": "#2a2d34",
    "edge": "#383c45",
    "text": "#e4e6ea",
    "dim": "#979da8",
    "faint": "#666c77",
    "accent": "#5cc9d9",
    "accent_deep": "#22616b",
    "accent_text": "#04181b",
    "warn": "#e8c15a",
    "error": "#f55c52",
    "good": "#6fbf8b",
}

# First installed wins; the last ones are what a bare Linux has.
TYPEFACES = ("Inter", "SF Pro Text", "Segoe UI", "Noto Sans", "Source Sans 3", "Cantarell", "Ubuntu", "Helvetica Neue", "DejaVu Sans")
FIXED_WIDTH = ("JetBrains Mono", "SF Mono", "Cascadia Mono", "Consolas", "Menlo", "Noto Sans Mono", "DejaVu Sans Mono")

SHEET = Template("""
* { outline: 0; }
QMainWindow, QDialog { background: $window; }
QWidget { color: $text; }
QToolTip { background: $raised; color: $text; border: 1px solid $edge; padding: 5px 7px; }

QMenuBar { background: $window; padding: 2px 6px; border: 0; }
QMenuBar::item { background: transparent; padding: 5px 9px; border-radius: 4px; color: $dim; }
QMenuBar::item:selected, QMenuBar::item:pressed { background: $raised; color: $text; }
QMenu { background: $panel; border: 1px solid $edge; padding: 5px; }
QMenu::item { padding: 5px 28px 5px 26px; border-radius: 4px; }
QMenu::item:selected { background: $hover; }
QMenu::item:disabled { color: $faint; }
QMenu::separator { height: 1px; background: $line; margin: 5px 8px; }
QMenu::indicator { width: 14px; height: 14px; left: 6px; }
QMenu::indicator:checked { image: url(studio:check.svg); }

QToolBar { background: $window; border: 0; border-bottom: 1px solid $line; spacing: 2px; padding: 3px 8px; }
QToolBar::separator { background: $line; width: 1px; margin: 5px 7px; }
QToolButton { background: transparent; border: 1px solid transparent; border-radius: 5px; padding: 4px; color: $text; }
QToolButton:hover { background: $raised; }
QToolButton:pressed { background: $hover; }
QToolButton:checked { background: $raised; border-color: $edge; color: $accent; }
QToolButton:disabled { color: $faint; }
QToolButton::menu-indicator { image: none; }
QToolButton:focus, QPushButton:focus { border-color: $accent_deep; }

QPushButton { background: $raised; border: 1px solid $edge; border-radius: 5px; padding: 4px 12px; min-height: 18px; }
QPushButton:hover { background: $hover; }
QPushButton:pressed { background: $line; }
QPushButton:disabled { color: $faint; background: $panel; border-color: $line; }
QPushButton[primary="true"] { background: $accent; border-color: $accent; color: $accent_text; font-weight: 600; }
QPushButton[primary="true"]:hover { background: #7ad6e4; border-color: #7ad6e4; }
QPushButton[primary="true"]:focus { border-color: #c5eef4; }
QPushButton[primary="true"]:disabled { background: $raised; border-color: $line; color: $faint; }
QPushButton[quiet="true"] { background: transparent; border-color: transparent; color: $dim; padding: 4px 8px; }
QPushButton[quiet="true"]:hover { background: $raised; color: $text; }
QPushButton[quiet="true"]:focus { border-color: $accent_deep; }
QPushButton[quiet="true"]:disabled { color: $faint; }
QDialogButtonBox, QMessageBox { dialogbuttonbox-buttons-have-icons: 0; }

QLineEdit, QAbstractSpinBox, QComboBox, QPlainTextEdit, QTextBrowser {
  background: $ground; border: 1px solid $line; border-radius: 5px; padding: 2px 7px; min-height: 20px;
  selection-background-color: $accent_deep; selection-color: $text; }
QLineEdit:hover, QAbstractSpinBox:hover, QComboBox:hover { border-color: $edge; }
QLineEdit:focus, QAbstractSpinBox:focus, QComboBox:focus { border-color: $accent; }
QLineEdit:disabled, QAbstractSpinBox:disabled, QComboBox:disabled { color: $faint; background: $panel; }
QLineEdit[wrong="true"] { border-color: $error; }
QComboBox { background: $raised; border-color: $edge; padding-right: 20px; }
QComboBox::drop-down { border: 0; width: 20px; }
QComboBox::down-arrow { image: url(studio:chevron-down.svg); width: 12px; height: 12px; }
QComboBox QAbstractItemView { background: $panel; border: 1px solid $edge; padding: 4px; selection-background-color: $hover; outline: 0; }
QComboBox QAbstractItemView::item { min-height: 24px; padding: 0 6px; border-radius: 4px; }

QSlider { min-height: 20px; }
QSlider::groove:horizontal { height: 4px; background: $edge; border-radius: 2px; }
QSlider::sub-page:horizontal { background: $accent; border-radius: 2px; }
QSlider::sub-page:horizontal:disabled { background: $edge; }
QSlider::handle:horizontal { width: 12px; height: 12px; margin: -4px 0; border-radius: 6px; background: $text; }
QSlider::handle:horizontal:hover { background: white; }
QSlider::handle:horizontal:disabled { background: $faint; }

QCheckBox { spacing: 7px; }
QCheckBox::indicator { width: 14px; height: 14px; border-radius: 4px; border: 1px solid $edge; background: $ground; }
QCheckBox::indicator:hover { border-color: $dim; }
QCheckBox::indicator:checked { background: $accent; border-color: $accent; image: url(studio:check-dark.svg); }
QCheckBox:disabled { color: $faint; }
QCheckBox::indicator:focus { border-color: $accent; }

QProgressBar { background: $edge; border: 0; border-radius: 2px; max-height: 4px; min-height: 4px; }
QProgressBar::chunk { background: $accent; border-radius: 2px; }

QScrollArea { border: 0; background: transparent; }
QScrollArea > QWidget > QWidget { background: transparent; }
QScrollBar:vertical { background: transparent; width: 9px; margin: 0; }
QScrollBar::handle:vertical { background: $edge; border-radius: 3px; min-height: 28px; margin: 1px 3px 1px 0; }
QScrollBar::handle:vertical:hover { background: $faint; }
QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page { background: none; border: 0; width: 0; height: 0; }
QScrollBar:horizontal { background: transparent; height: 9px; }
QScrollBar::handle:horizontal { background: $edge; border-radius: 3px; min-width: 28px; margin: 0 1px 3px 1px; }

QListWidget { background: transparent; border: 0; outline: 0; }
QListWidget::item { border-radius: 5px; border: 0; }
QListWidget::item:hover { background: #22252b; }
QListWidget::item:selected { background: $raised; }

#side { background: $panel; border-left: 1px solid $line; }
#section { background: transparent; border-bottom: 1px solid $line; }
#sectionTitle { color: $dim; font-weight: 600; }
#fold { color: $dim; font-weight: 600; text-align: left; border: 0; background: transparent; padding: 0; }
#fold:hover { color: $text; background: transparent; }
#panes { background: $ground; }
#readout { background: $window; border-top: 1px solid $line; }
#message { background: $raised; border-bottom: 1px solid $line; border-left: 3px solid $accent; }
#message[kind="error"] { border-left-color: $error; }
#message[kind="good"] { border-left-color: $good; }
#welcome { background: $ground; }
#welcomeTitle { font-size: 20px; font-weight: 600; }
#badge { border-radius: 5px; padding: 3px 10px; font-weight: 700; color: $ground; }
#badge[verdict="pass"] { background: $good; }
#badge[verdict="look"] { background: $warn; }
#badge[verdict="fail"] { background: $error; }
QLabel[dim="true"] { color: $dim; }
QLabel[faint="true"] { color: $faint; }
QLabel[error="true"] { color: $error; }
QLabel[good="true"] { color: $good; }
QLabel[strong="true"] { font-weight: 600; }
QLabel[key="true"] { background: $raised; border: 1px solid $edge; border-radius: 4px; padding: 1px 6px; }
""")


def colour(name: str) -> QColor:
    """A colour of the palette by its name."""
    return QColor(COLOURS[name])


def apply_theme(app: QApplication) -> None:
    """Give the whole application the studio's looks."""
    QDir.addSearchPath("studio", str(files("volstudio.apps.studio") / "icons"))
    app.setStyle(QStyleFactory.create("Fusion"))
    app.setFont(_first_of(TYPEFACES, app.font(), 13))
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: "window",
        QPalette.ColorRole.Base: "ground",
        QPalette.ColorRole.AlternateBase: "panel",
        QPalette.ColorRole.Button: "raised",
        QPalette.ColorRole.Text: "text",
        QPalette.ColorRole.WindowText: "text",
        QPalette.ColorRole.ButtonText: "text",
        QPalette.ColorRole.PlaceholderText: "faint",
        QPalette.ColorRole.ToolTipBase: "raised",
        QPalette.ColorRole.ToolTipText: "text",
        QPalette.ColorRole.Highlight: "accent_deep",
        QPalette.ColorRole.HighlightedText: "text",
        QPalette.ColorRole.Link: "accent",
    }
    for role, name in roles.items():
        palette.setColor(role, colour(name))
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.WindowText, QPalette.ColorRole.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, colour("faint"))
    app.setPalette(palette)
    app.setStyleSheet(SHEET.substitute(COLOURS))


def numbers_font(pixels: int = 12) -> QFont:
    """Typeface of equal digit widths, so that changing numbers do not dance."""
    return _first_of(FIXED_WIDTH, QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont), pixels)


def _first_of(names: tuple[str, ...], fallback: QFont, pixels: int) -> QFont:
    installed = set(QFontDatabase.families())
    font = QFont(next((name for name in names if name in installed), fallback.family()))
    font.setPixelSize(pixels)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return font
