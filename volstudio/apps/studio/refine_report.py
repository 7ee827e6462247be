"""What a registration is doing and what came of it: a bar while it runs, then the verdict, how far it went, and the truth where known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from volstudio.apps.studio.section import SPACING, Paragraph
from volstudio.apps.studio.theme import numbers_font
from volstudio.apps.studio.verdict import VerdictView
from volstudio.registration.result import TraceStep

if TYPE_CHECKING:
    from volstudio.progress import Step
    from volstudio.tasks.align import Refinement

__all__ = ["Fate", "RefineReport"]

Fate = Literal["applied", "offered", "taken"]  # of an answer: applied at once, waiting for a decision, applied after one

FULL = 1000  # of the progress bar
LINES = 5  # a verdict with its reason, two of the result, one of the truth
FROM_START = "{mm:.2f} mm and {deg:.2f}° from where {layer} lay when it began"
WORDS = {
    "applied": "Moved {mm:.2f} mm, turned {deg:.2f}°",
    "offered": "One of the two was moved meanwhile, so this answer is not applied: " + FROM_START,
    "taken": "Applied: " + FROM_START,
}


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
        self.state = Paragraph()
        self.state.setFont(numbers_font(11))
        self.verdict = VerdictView()
        self.result = Paragraph()
        self.truth = Paragraph(kind="good")
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
        self.state.say(what)

    def show_idle(self, lacking: str) -> None:
        """Nothing runs; what is lacking before something can, if anything is."""
        self.bar.hide()
        self.state.say(lacking)

    def show_step(self, step: Step) -> None:
        """How far it is: level, step and metric where an optimiser climbs, words elsewhere."""
        self.bar.setValue(round(step.done * FULL))
        value = step.value
        if isinstance(value, TraceStep):
            self.state.say(f"level {value.level_mm:.3g} mm   step {value.iteration}   {self.climbs.upper()} {value.metric:.4f}")
        else:
            self.state.say(step.what)

    def show_words(self, words: str) -> None:
        """A sentence instead of a result."""
        self.forget()
        self.result.say(words)

    def show_answer(self, answer: Refinement, fate: Fate) -> None:
        """How far the layer went, or would go, and how far it is from the truth where that is known."""
        result = answer.result
        lines = [
            WORDS[fate].format(mm=answer.moved.mean, deg=answer.turned_deg, layer=answer.moving),
            f"{result.plan.metric.upper()} {result.metric:.4f}, {len(result.trace)} steps, {result.seconds:.1f} s",
            *(f"{note[0].upper()}{note[1:]}." for note in answer.notes),
        ]
        self.result.say("\n".join(lines))
        self.result.setToolTip(answer.text)
        before, after = answer.before, answer.after
        known = f"{before.mean:.1f} mm off the known truth before, {after.mean:.2f} mm after" if before and after else ""
        self.truth.say(known)

    def forget(self) -> None:
        """Nothing has come of anything."""
        self.verdict.show_verdict(None)
        self.result.say("")
        self.truth.say("")
