"""The bar in which the window speaks: one sentence, what can be done about it, details on demand; never a dialog that stops the work."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from volstudio.apps.studio.icons import icon, pixmap
from volstudio.apps.studio.theme import COLOURS
from volstudio.errors import VolstudioError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Message", "MessageArea"]

Kind = Literal["info", "error", "good"]
SHOWN = 3
GOOD_NEWS_MS = 6000
FLASH_MS = 700
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
        self.text, self.kind = text, kind
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.close_message)
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

    def renew(self) -> None:
        """Say it again: good news begin their time anew, anything else lights up for a moment."""
        if self.kind == "good":
            self._timer.start(GOOD_NEWS_MS)
            return
        if not self.styleSheet():
            self.setStyleSheet(f"#message {{ background: {COLOURS['line']}; }}")
            QTimer.singleShot(FLASH_MS, self, lambda: self.setStyleSheet(""))

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
        """Show a sentence; one that is on show already is renewed, so that a fault in every frame is told once.

        A message that asks for a decision stays until there is one; others make room for newer ones.
        """
        for old in self.messages:
            if old.text == text and old.buttons.keys() == {label for label, _ in actions}:
                old.renew()
                return old
        plain = [old for old in self.messages if not old.buttons]
        for old in plain[: max(0, len(plain) - SHOWN + 1)]:
            old.close_message()
        message = Message(text, kind, actions, details)
        self._column.addWidget(message)
        if kind == "good":
            message.renew()
        return message

    def tell(self, error: BaseException, *, what: str = "") -> Message:
        """Show an error: our own as their sentence, any other as a sentence with the traceback behind "Details".

        ``what`` says what came to nothing, where the sentence alone may not.
        """
        before = f"{what}. " if what else ""
        if isinstance(error, VolstudioError):
            cause = error.__cause__
            return self.say(f"{before}{error}", "error", details=f"{type(cause).__name__}: {cause}" if cause else "")
        text = (
            f"{before}Something unexpected went wrong ({type(error).__name__}: {error}); the work is kept, and saving the session is wise."
        )
        return self.say(text, "error", details="".join(traceback.format_exception(error)))
