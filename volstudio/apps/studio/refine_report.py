"""What a registration is doing and what came of it: a bar while it runs, then the verdict, how far it went, and the truth where known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

from volstudio.apps.studio.section import SPACING, label
from volstudio.apps.studio.theme import numbers_font
from volstudio.apps.studio.verdict import VerdictView
from volstudio.registration.result import TraceStep

if TYPE_CHECKING:
    from volstudio.progress import Step
    from volstudio.tasks.align import Refinement

__all__ = ["RefineReport"]

FULL = 1000  # of the progress bar
LINES = 5  # a verdict with its reason, two of the result, one of the truth


class RefineReport(QWidget):
    """Progress, verdict and result, in room that is always there: the buttons above stay under the mouse.

    Attributes
    ----------
    climbs : str
        What the running registration climbs, as its plan has it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.climbs = "mi"
        self.bar = QProgressBar()
        self.bar.setRange(0, FULL)
        self.bar.setTextVisible(False)
        self.state = _lines("")
        self.state.setFont(numbers_font(11))
        self.verdict = VerdictView()
        self.result = _lines("")
        self.truth = _lines("", kind="good")
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addStrut(LINES * self.result.fontMetrics().lineSpacing() + 2 * SPACING)
        lines = QVBoxLayout()
        lines.setSpacing(SPACING)
        for widget in (self.bar, self.state, self.verdict, self.result, self.truth):
            lines.addWidget(widget)
            widget.hide()
        lines.addStretch(1)
        whole.addLayout(lines, 1)

    def show_running(self, what: str) -> None:
        """Begin at nought."""
        self.bar.setValue(0)
        self.bar.show()
        _say(self.state, what)

    def show_idle(self, lacking: str) -> None:
        """Nothing runs; what is lacking before something can, if anything is."""
        self.bar.hide()
        _say(self.state, lacking)

    def show_step(self, step: Step) -> None:
        """How far it is: level, step and metric where an optimiser climbs, words elsewhere."""
        self.bar.setValue(round(step.done * FULL))
        value = step.value
        if isinstance(value, TraceStep):
            _say(self.state, f"level {value.level_mm:.3g} mm   step {value.iteration}   {self.climbs.upper()} {value.metric:.4f}")
        else:
            _say(self.state, step.what)

    def show_words(self, words: str) -> None:
        """A sentence instead of a result."""
        self.forget()
        _say(self.result, words)

    def show_answer(self, answer: Refinement, *, applied: bool) -> None:
        """How far the layer went, and how far it is from the truth where that is known."""
        result = answer.result
        lines = [
            f"Moved {answer.moved.mean:.2f} mm, turned {answer.turned_deg:.2f}°",
            f"{result.plan.metric.upper()} {result.metric:.4f}, {len(result.trace)} steps, {result.seconds:.1f} s",
            *answer.notes,
        ]
        if not applied:
            lines.append(f"{answer.moving} was moved meanwhile, so this answer is not applied.")
        _say(self.result, "\n".join(lines))
        self.result.setToolTip(answer.text)
        before, after = answer.before, answer.after
        known = f"{before.mean:.1f} mm off the known truth before, {after.mean:.2f} mm after" if before and after else ""
        _say(self.truth, known)

    def forget(self) -> None:
        """Nothing has come of anything."""
        self.verdict.show_verdict(None)
        _say(self.result, "")
        _say(self.truth, "")


def _say(place: QLabel, text: str) -> None:
    place.setText(text)
    place.setVisible(bool(text))


def _lines(text: str, *, kind: str = "dim") -> QLabel:
    words = label(text, kind=kind)
    words.setWordWrap(True)
    words.setTextFormat(Qt.TextFormat.PlainText)
    words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return words
