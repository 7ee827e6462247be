"""A titled block of the side panel that folds, and the small pieces that panels are built from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from volstudio.apps.studio.elide import keep_end
from volstudio.apps.studio.icons import icon

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtGui import QPaintEvent, QResizeEvent

__all__ = ["SPACING", "WORD", "Choice", "Paragraph", "Section", "label", "tool_button"]

MARGIN = 14
WORD = 76  # width of the words on the left, so that all controls stand in line
SPACING = 8
ICON_GAP, TEXT_MARGIN = 4, 2  # of a drop-down list, as Qt's style draws it
POPUP_MARGIN = 28


class Section(QFrame):
    """A block with a title that folds its content away.

    Parameters
    ----------
    title : str
    """

    def __init__(self, title: str) -> None:
        super().__init__()
        self.setObjectName("section")
        self.title = title
        self._fold = QPushButton(title)
        self._fold.setObjectName("fold")
        self._fold.setFlat(True)
        self._fold.setCursor(Qt.CursorShape.PointingHandCursor)
        self._fold.setToolTip("Fold or unfold")
        self._fold.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._fold.clicked.connect(self.toggle)
        self.head = QHBoxLayout()
        self.head.setContentsMargins(0, 0, 0, 0)
        self.head.setSpacing(2)
        self.head.addWidget(self._fold, 1)
        self.body = QWidget()
        self.column = QVBoxLayout(self.body)
        self.column.setContentsMargins(0, 3, 0, 3)
        self.column.setSpacing(SPACING)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(MARGIN, 8, MARGIN, 6)
        whole.setSpacing(2)
        whole.addLayout(self.head)
        whole.addWidget(self.body)

    def toggle(self) -> None:
        """Fold or unfold."""
        self.body.setVisible(self.body.isHidden())

    def row(self, *widgets: QWidget, spacing: int = SPACING) -> QHBoxLayout:
        """Add widgets side by side."""
        line = QHBoxLayout()
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(spacing)
        for widget in widgets:
            line.addWidget(widget)
        self.column.addLayout(line)
        return line


class Choice(QComboBox):
    """A drop-down list of (value, text) that ignores the wheel, so that scrolling the panel changes nothing."""

    def __init__(self, name: str, options: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(4)
        self.set_options(options)

    def set_options(self, options: Sequence[tuple[str, str]]) -> None:
        """Offer other values; the chosen one stays where it is still there."""
        if [(self.itemData(i), self.itemText(i)) for i in range(self.count())] == list(options):
            return
        kept = self.currentData()
        self.blockSignals(True)  # noqa: FBT003 - Qt's own signature
        self.clear()
        for value, text in options:
            self.addItem(text, value)
        self.setCurrentIndex(max(self.findData(kept), 0) if options else -1)
        self.blockSignals(False)  # noqa: FBT003 - Qt's own signature

    def show_value(self, value: str) -> None:
        """Choose a value without telling anybody."""
        index = self.findData(value)
        if index != self.currentIndex():
            self.blockSignals(True)  # noqa: FBT003 - Qt's own signature
            self.setCurrentIndex(index)
            self.blockSignals(False)  # noqa: FBT003 - Qt's own signature

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802 - Qt's name and its argument
        """The chosen text, cut where names of one study are alike."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        field = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, self)
        room = field.width() - (self.iconSize().width() + ICON_GAP if not option.currentIcon.isNull() else 0) - TEXT_MARGIN
        option.currentText = keep_end(self.currentText(), self.fontMetrics(), room)
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def showPopup(self) -> None:  # noqa: N802 - Qt's name
        """The whole names, as far as the screen has room for them."""
        widest = self.view().sizeHintForColumn(0) + POPUP_MARGIN
        self.view().setMinimumWidth(min(widest, self.screen().availableGeometry().width() // 2))
        self.view().setTextElideMode(Qt.TextElideMode.ElideMiddle)
        super().showPopup()

    def wheelEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
        """The wheel scrolls the panel."""
        event.ignore()  # type: ignore[attr-defined]  # a QWheelEvent


def label(text: str, *, kind: str = "dim", width: int | None = None) -> QLabel:
    """A word beside a control; ``kind`` is a property of the style sheet."""
    words = QLabel(text)
    words.setProperty(kind, True)  # noqa: FBT003 - Qt's own signature
    if width is not None:
        words.setFixedWidth(width)
    return words


class Paragraph(QLabel):
    """Words that are broken into lines and never cut: a panel that scrolls gives a label no more height than it demands.

    Parameters
    ----------
    kind : str
        A property of the style sheet.
    """

    def __init__(self, *, kind: str = "dim") -> None:
        super().__init__()
        self.setProperty(kind, True)  # noqa: FBT003 - Qt's own signature
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def say(self, text: str) -> None:
        """Show other words; empty: take no room."""
        self.setText(text)
        self.setVisible(bool(text))
        self._demand()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Another width takes other lines."""
        super().resizeEvent(event)
        self._demand()

    def _demand(self) -> None:
        self.setMinimumHeight(self.heightForWidth(self.width()) if self.text() else 0)


def tool_button(picture: str, tip: str, clicked: Callable[[], object] | None = None, *, checkable: bool = False) -> QToolButton:
    """A small button with an icon and a tool tip."""
    button = QToolButton()
    button.setIcon(icon(picture))
    button.setIconSize(QSize(16, 16))
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setCheckable(checkable)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    if clicked is not None:
        button.clicked.connect(lambda _=False: clicked())
    return button
