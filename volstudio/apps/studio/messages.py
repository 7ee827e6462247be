"""The bar in which the window speaks: one sentence, what can be done about it, details on demand; never a dialog that stops the work."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from volstudio.apps.studio.icons import icon, pixmap
from volstudio.errors import VolstudioError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Message", "MessageArea"]

Kind = Literal["info", "error", "good"]
SHOWN = 3
GOOD_NEWS_MS = 6000
DETAILS_HEIGHT = 130


class Message(QFrame):
    """One sentence with buttons.

    Parameters
    ----------
    text : str
    kind : "info", "error", "good"
    actions : sequence of (label, callable)
        Each closes the message after it was used.
    details : str
        Shown on demand; empty: no button for it.
    """

    def __init__(self, text: str, kind: Kind, actions: Sequence[tuple[str, Callable[[], object]]], details: str) -> None:
        super().__init__()
        self.setObjectName("message")
        self.setProperty("kind", kind)
        self.text = text
        sign = QLabel()
        sign.setPixmap(pixmap("error" if kind == "error" else "info", None, scale=self.devicePixelRatioF()))
        label = QLabel(text)
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        row = QHBoxLayout()
        row.setContentsMargins(12, 6, 8, 6)
        row.setSpacing(9)
        row.addWidget(sign)
        row.addWidget(label, 1)
        self.buttons = {label: self._button(label, call) for label, call in actions}
        for button in self.buttons.values():
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row)
        if details:
            self.details = QPlainTextEdit(details)
            self.details.setReadOnly(True)
            self.details.setFixedHeight(DETAILS_HEIGHT)
            self.details.hide()
            more = QPushButton("Details")
            more.setProperty("quiet", True)  # noqa: FBT003 - Qt's own signature
            more.clicked.connect(lambda: self.details.setVisible(self.details.isHidden()))
            row.addWidget(more)
            column.addWidget(self.details)
        close = QToolButton()
        close.setIcon(icon("close"))
        close.setToolTip("Close this message")
        close.clicked.connect(self.close_message)
        row.addWidget(close)

    def close_message(self) -> None:
        """Take the message away."""
        self.setParent(None)
        self.deleteLater()

    def _button(self, label: str, call: Callable[[], object]) -> QPushButton:
        button = QPushButton(label)

        def pressed() -> None:
            self.close_message()
            call()

        button.clicked.connect(pressed)
        return button


class MessageArea(QWidget):
    """The messages at the top of the window, newest below, few at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages on show."""
        items = (self._column.itemAt(i) for i in range(self._column.count()))
        return tuple(item.widget() for item in items if item and isinstance(item.widget(), Message))  # type: ignore[misc]

    def say(
        self, text: str, kind: Kind = "info", *, actions: Sequence[tuple[str, Callable[[], object]]] = (), details: str = ""
    ) -> Message:
        """Show a sentence; one that is on show already stays as it is, so that a fault in every frame is told once."""
        for old in self.messages:
            if old.text == text:
                return old
        for old in self.messages[: max(0, len(self.messages) - SHOWN + 1)]:
            old.close_message()
        message = Message(text, kind, actions, details)
        self._column.addWidget(message)
        if kind == "good":
            QTimer.singleShot(GOOD_NEWS_MS, message, message.close_message)
        return message

    def tell(self, error: BaseException) -> Message:
        """Show an error: our own as their sentence, any other as a sentence with the traceback behind "Details"."""
        if isinstance(error, VolstudioError):
            cause = error.__cause__
            return self.say(str(error), "error", details=f"{type(cause).__name__}: {cause}" if cause else "")
        text = f"Something unexpected went wrong ({type(error).__name__}: {error}); the work is kept, and saving the session is wise."
        return self.say(text, "error", details="".join(traceback.format_exception(error)))
