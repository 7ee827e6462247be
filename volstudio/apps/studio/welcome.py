"""What an empty window says: where to begin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from volstudio.apps.studio.recent import recent_files
from volstudio.apps.studio.section import label

if TYPE_CHECKING:
    from volstudio.apps.studio.documents import Documents

__all__ = ["Welcome"]

SHOWN = 6
WIDTH = 480  # the buttons side by side, in the widest of the typefaces


class Welcome(QWidget):
    """Open, the sample, and the files opened last.

    Parameters
    ----------
    documents : Documents
    """

    def __init__(self, documents: Documents) -> None:
        super().__init__()
        self.setObjectName("welcome")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._documents = documents
        box = QWidget()
        box.setFixedWidth(WIDTH)
        self._column = QVBoxLayout(box)
        self._column.setSpacing(8)
        title = label("volstudio", kind="strong")
        title.setObjectName("welcomeTitle")
        self._column.addWidget(title)
        self._column.addWidget(label("Open an anatomical and a functional scan, or drop files here."))
        self._column.addSpacing(10)
        row = QHBoxLayout()
        self.open = QPushButton("Open volumes…")
        self.open.setProperty("primary", True)  # noqa: FBT003 - Qt's own signature
        self.open.clicked.connect(documents.ask_volumes)
        self.sample = QPushButton("Try the sample")
        self.sample.setToolTip("A real head and an EPI whose header is wrong by a known move")
        self.sample.clicked.connect(lambda: documents.open_volumes(["sample:t1", "sample:epi"]))
        session = QPushButton("Open session…")
        session.clicked.connect(documents.ask_session)
        for button in (self.open, self.sample, session):
            row.addWidget(button)
        row.addStretch(1)
        self._column.addLayout(row)
        self._column.addSpacing(14)
        self._recent = QVBoxLayout()
        self._recent.setSpacing(1)
        self._column.addLayout(self._recent)
        whole = QVBoxLayout(self)
        whole.addStretch(2)
        whole.addWidget(box, 0, Qt.AlignmentFlag.AlignHCenter)
        whole.addStretch(3)
        documents.recent_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """List the recent files anew."""
        while (item := self._recent.takeAt(0)) is not None:
            gone = item.widget()
            if gone is not None:
                gone.deleteLater()
        paths = recent_files()[:SHOWN]
        if paths:
            self._recent.addWidget(label("Recent", kind="faint"))
        for path in paths:
            button = QPushButton(self.fontMetrics().elidedText(path.name, Qt.TextElideMode.ElideMiddle, WIDTH - 40))
            button.setProperty("quiet", True)  # noqa: FBT003 - Qt's own signature
            button.setStyleSheet("text-align: left;")
            button.setToolTip(str(path))
            button.clicked.connect(lambda _=False, path=path: self._documents.open_paths([path]))
            self._recent.addWidget(button)
