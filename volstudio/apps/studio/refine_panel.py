"""Automatic registration: which layer onto which, one button, what it is doing, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from volstudio.apps.studio.section import SPACING, WORD, Choice, Section, label
from volstudio.apps.studio.theme import numbers_font
from volstudio.registration.result import TraceStep

if TYPE_CHECKING:
    from volstudio.apps.studio.desk import Desk
    from volstudio.apps.studio.refine import Refiner
    from volstudio.progress import Step
    from volstudio.scene.model import Placement, Scene
    from volstudio.tasks.align import Refinement

__all__ = ["RefinePanel"]

FULL = 1000  # of the progress bar
REPORT_LINES = 3  # two of the result, one of the truth


class RefinePanel(Section):
    """Fixed, moving, Refine, progress, cancel, result.

    Parameters
    ----------
    desk : Desk
    refiner : Refiner

    Attributes
    ----------
    told : Signal()
        There is a result to be seen.
    """

    told = Signal()

    def __init__(self, desk: Desk, refiner: Refiner) -> None:
        super().__init__("Registration")
        self._desk, self._refiner = desk, refiner
        self._chosen_by_person = False
        self._offer: Refinement | None = None
        self._told_of: tuple[str, Placement] | None = None
        self.fixed = Choice("The layer that stays")
        self.moving = Choice("The layer that is moved")
        self.button = QPushButton("Refine")
        self.button.setProperty("primary", True)  # noqa: FBT003 - Qt's own signature
        self.button.setToolTip("Register rigidly from the present placement (Ctrl+R)")
        self.stop = QPushButton("Cancel")
        self.bar = QProgressBar()
        self.bar.setRange(0, FULL)
        self.bar.setTextVisible(False)
        self.state = _lines("")
        self.state.setFont(numbers_font(11))
        self.result = _lines("")
        self.truth = _lines("", kind="good")
        self.offer = QWidget()
        self.take = QPushButton("Apply it")
        self.leave = QPushButton("Discard")
        choices = QHBoxLayout(self.offer)
        choices.setContentsMargins(0, 0, 0, 0)
        choices.addWidget(self.take)
        choices.addWidget(self.leave)
        choices.addStretch(1)
        self.row(label("Moving", width=WORD), self.moving)
        self.row(label("Fixed", width=WORD), self.fixed)
        self.row(self.button, self.stop)
        self._add_report()
        self.column.addWidget(self.offer)
        self.button.clicked.connect(self.start)
        self.stop.clicked.connect(refiner.cancel)
        self.take.clicked.connect(self._take_offer)
        self.leave.clicked.connect(lambda: self._show_offer(None))
        for choice in (self.fixed, self.moving):
            choice.activated.connect(self._on_choice)
        refiner.started.connect(lambda *_: self._show_running())
        refiner.stepped.connect(self._on_step)
        refiner.finished.connect(self._on_finished)
        refiner.stopped.connect(self._on_stopped)
        desk.changed.connect(self._on_change)
        desk.active_changed.connect(self._suggest)
        self._show_running()
        self._show_offer(None)
        for place in (self.result, self.truth):
            place.hide()
        self._on_change(desk.shown, desk.shown)

    def start(self) -> None:
        """Register the chosen pair."""
        fixed, moving = self.fixed.currentData(), self.moving.currentData()
        if fixed and moving and fixed != moving:
            self._show_offer(None)
            self._forget_result()
            with self._desk.telling():
                self._refiner.start(fixed, moving)

    def _add_report(self) -> None:
        """What is being done and what came of it, in room that is always there: the button stays under the mouse."""
        place = QWidget()
        report = QHBoxLayout(place)
        report.setContentsMargins(0, 0, 0, 0)
        report.addStrut(REPORT_LINES * self.result.fontMetrics().lineSpacing() + SPACING)
        lines = QVBoxLayout()
        lines.setSpacing(SPACING)
        for widget in (self.bar, self.state, self.result, self.truth):
            lines.addWidget(widget)
        lines.addStretch(1)
        report.addLayout(lines, 1)
        self.column.addWidget(place)

    def _on_choice(self, _: int) -> None:
        self._chosen_by_person = True
        self._enable()

    def _suggest(self) -> None:
        """Move the layer at hand onto the lowest other layer, until the person says otherwise."""
        names = self._desk.session.scene.names
        if len(names) < 2 or self._refiner.running:
            return
        kept = self.fixed.currentData() in names and self.moving.currentData() in names
        if self._chosen_by_person and kept and self.fixed.currentData() != self.moving.currentData():
            return
        moving = self._desk.active if self._desk.active in names[1:] else names[-1]
        self.moving.show_value(moving)
        self.fixed.show_value(next(name for name in names if name != moving))
        self._enable()

    def _enable(self) -> None:
        fixed, moving = self.fixed.currentData(), self.moving.currentData()
        ready = bool(fixed and moving and fixed != moving)
        self.button.setEnabled(ready and not self._refiner.running)
        for choice in (self.fixed, self.moving):
            choice.setEnabled(not self._refiner.running and choice.count() > 1)
        if not ready and not self._refiner.running:
            self.state.setText(
                "Open two volumes to register one to the other." if self.fixed.count() < 2 else "Choose two different layers."
            )
            self.state.show()
        elif not self._refiner.running:
            self.state.hide()

    def _show_running(self) -> None:
        running = self._refiner.running
        shown, hidden = (self.stop, self.button) if running else (self.button, self.stop)
        self.stop.setEnabled(True)
        self.button.setEnabled(True)
        shown.show()
        if hidden.hasFocus() or (running and any(choice.hasFocus() for choice in (self.fixed, self.moving))):
            shown.setFocus()  # else Qt gives the keyboard to whatever comes next, a number field at worst
        hidden.hide()
        self.bar.setVisible(running)
        self.bar.setValue(0)
        self.state.setText("starting" if running else "")
        self.state.setVisible(running)
        self._enable()

    def _on_step(self, step: Step) -> None:
        self.bar.setValue(round(step.done * FULL))
        value = step.value
        if isinstance(value, TraceStep):
            self.state.setText(f"level {value.level_mm:g} mm   step {value.iteration}   MI {value.metric:.4f}")
        else:
            self.state.setText(step.what)

    def _on_finished(self, answer: Refinement, applied: bool) -> None:  # noqa: FBT001 - a slot of the refiner's signal
        self._show_running()
        self._tell(answer, applied=applied)
        self._show_offer(None if applied else answer)

    def _tell(self, answer: Refinement, *, applied: bool) -> None:
        result = answer.result
        lines = [
            f"Moved {answer.moved.mean:.2f} mm, turned {answer.turned_deg:.2f}°",
            f"MI {result.metric:.4f}, {len(result.trace)} steps, {result.seconds:.1f} s",
            *answer.notes,
        ]
        if applied:
            self._told_of = (answer.moving, self._desk.session.scene.layer(answer.moving).placement)
        else:
            lines.append(f"{answer.moving} was moved meanwhile, so this answer is not applied.")
        self._say(self.result, "\n".join(lines))
        self.result.setToolTip(answer.text)
        before, after = answer.before, answer.after
        known = f"{before.mean:.1f} mm off the known truth before, {after.mean:.2f} mm after" if before and after else ""
        self._say(self.truth, known)
        QTimer.singleShot(0, self, self.told.emit)

    def _say(self, place: QLabel, text: str) -> None:
        place.setText(text)
        place.setVisible(bool(text))

    def _show_offer(self, answer: Refinement | None) -> None:
        self._offer = answer
        if answer is None and (self.take.hasFocus() or self.leave.hasFocus()):
            self.button.setFocus()
        self.offer.setVisible(answer is not None)

    def _take_offer(self) -> None:
        if self._offer is not None and self._desk.apply(self._offer.command):
            self._tell(self._offer, applied=True)
            self._show_offer(None)

    def _on_stopped(self, why: str) -> None:
        self._show_running()
        self._say(self.result, "" if why else "Cancelled; nothing was changed.")

    def _forget_result(self) -> None:
        self._told_of = None
        self._say(self.result, "")
        self._say(self.truth, "")

    def _on_change(self, before: Scene, after: Scene) -> None:
        if self._told_of is not None and not any((layer.name, layer.placement) == self._told_of for layer in after.layers):
            self._forget_result()  # it was undone, or the layer was moved on
        if before.names != after.names or self.fixed.count() != len(after.names):
            options = [(name, name) for name in after.names]
            self.fixed.set_options(options)
            self.moving.set_options(options)
            self._suggest()
            self._enable()


def _lines(text: str, *, kind: str = "dim") -> QLabel:
    words = label(text, kind=kind)
    words.setWordWrap(True)
    words.setTextFormat(Qt.TextFormat.PlainText)
    words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return words
