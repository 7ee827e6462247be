"""Automatic registration: which layer onto which, from here or from anywhere, how alike they are, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from volstudio.apps.studio.likeness_line import LikenessLine
from volstudio.apps.studio.refine_report import RefineReport
from volstudio.apps.studio.section import WORD, Choice, Section, label
from volstudio.registration.plan import DEFAULT, RegistrationPlan
from volstudio.registration.presets import PRESETS

if TYPE_CHECKING:
    from volstudio.apps.studio.desk import Desk
    from volstudio.apps.studio.judge import Judge
    from volstudio.apps.studio.likeness import Likeness
    from volstudio.apps.studio.refine import Refiner
    from volstudio.apps.studio.refine_report import Fate
    from volstudio.scene.model import Placement, Scene
    from volstudio.tasks.align import Refinement

__all__ = ["RefinePanel"]


class RefinePanel(Section):
    """Fixed, moving, likeness, two ways to register, progress, cancel, verdict and result.

    Parameters
    ----------
    desk : Desk
    refiner : Refiner
    judge : Judge
    likeness : Likeness

    Attributes
    ----------
    told : Signal()
        There is progress, a result or a verdict to be seen.
    """

    told = Signal()

    def __init__(self, desk: Desk, refiner: Refiner, judge: Judge, likeness: Likeness) -> None:
        super().__init__("Registration")
        self._desk, self._refiner, self._judge, self._likeness = desk, refiner, judge, likeness
        self._chosen_by_person = False
        self._offer: Refinement | None = None
        self._told_of: tuple[str, Placement] | None = None
        self.ask = QPushButton("Judge")
        self.ask.setToolTip("Whether to believe where the moving layer lies now, however it came there (J)")
        self.ask.setProperty("quiet", True)  # noqa: FBT003 - Qt's own signature
        self.kind = Choice("What kind of pair it is", [("", "any pair"), *((name, name) for name in PRESETS)])
        for row, preset in enumerate(PRESETS.values(), start=1):
            self.kind.setItemData(row, preset.words, Qt.ItemDataRole.ToolTipRole)
        self.fixed = Choice("The layer that stays")
        self.moving = Choice("The layer that is moved")
        self.button = QPushButton("Refine from here")
        self.button.setProperty("primary", True)  # noqa: FBT003 - Qt's own signature
        self.button.setToolTip("Register rigidly, to the nearest best fit from the present placement (Ctrl+R)")
        self.search = QPushButton("Search anywhere")
        self.search.setToolTip(
            "Register rigidly, from every orientation and position; the present placement does not matter (Ctrl+Shift+R)"
        )
        self.likeness_line = LikenessLine(likeness)
        self.stop = QPushButton("Cancel")
        self.report = RefineReport()
        self.offer = QWidget()
        self.take = QPushButton("Apply it")
        self.leave = QPushButton("Discard")
        self._lay_out()
        self._connect()
        self._show_running()
        self._show_offer(None)
        self._on_change(desk.shown, desk.shown)

    def refine(self) -> None:
        """Register the chosen pair from where it lies."""
        self._start(self._plan().with_(start="given"))

    def search_anywhere(self) -> None:
        """Register the chosen pair from every orientation."""
        self._start(self._plan().with_(start="search"))

    def judge(self) -> None:
        """Ask whether the chosen pair lies as it should."""
        fixed, moving = self._pair()
        if fixed and moving and not self._refiner.running:
            self._judge.start(fixed, moving)

    def cancel(self) -> None:
        """Stop what runs."""
        self._refiner.cancel()
        if self._judge.running:
            self._judge.forget()

    def _lay_out(self) -> None:
        choices = QHBoxLayout(self.offer)
        choices.setContentsMargins(0, 0, 0, 0)
        choices.addWidget(self.take)
        choices.addWidget(self.leave)
        choices.addStretch(1)
        for widget in (self.kind, self.ask):
            self.head.addWidget(widget)
        self.row(label("Moving", width=WORD), self.moving)
        self.row(label("Fixed", width=WORD), self.fixed)
        self.row(label("Likeness", width=WORD), self.likeness_line)
        self.row(self.button, self.search, self.stop)
        self.column.addWidget(self.report)
        self.column.addWidget(self.offer)

    def _connect(self) -> None:
        desk, refiner, judge = self._desk, self._refiner, self._judge
        self.ask.clicked.connect(desk.guarded(lambda *_: self.judge()))
        self.button.clicked.connect(desk.guarded(lambda *_: self.refine()))
        self.search.clicked.connect(desk.guarded(lambda *_: self.search_anywhere()))
        self.stop.clicked.connect(lambda *_: self.cancel())
        self.take.clicked.connect(self._take_offer)
        self.leave.clicked.connect(lambda: self._show_offer(None))
        for choice in (self.fixed, self.moving):
            choice.activated.connect(self._on_choice)
        refiner.started.connect(lambda *_: self._show_running())
        refiner.stepped.connect(self.report.show_step)
        refiner.finished.connect(self._on_finished)
        refiner.stopped.connect(self._on_stopped)
        judge.changed.connect(self._on_judge)
        judge.stepped.connect(self.report.show_step)
        desk.changed.connect(self._on_change)
        desk.active_changed.connect(self._suggest)

    def _pair(self) -> tuple[str | None, str | None]:
        return self.fixed.currentData(), self.moving.currentData()

    def _plan(self) -> RegistrationPlan:
        name = self.kind.currentData()
        return RegistrationPlan.named(name) if name else DEFAULT

    def _start(self, plan: RegistrationPlan) -> None:
        fixed, moving = self._pair()
        if fixed and moving and fixed != moving and not self._refiner.running:
            self._show_offer(None)
            self._forget_result()
            self.report.climbs = plan.metric
            self._refiner.start(fixed, moving, plan)
            self._tell_soon()

    def _on_choice(self, _: int) -> None:
        self._chosen_by_person = True
        self._forget_result()
        self._enable()

    def _suggest(self) -> None:
        """Move the layer at hand onto the lowest other layer, until the person says otherwise."""
        names = self._desk.session.scene.names
        if len(names) < 2 or self._refiner.running:
            return
        fixed, moving = self._pair()
        if self._chosen_by_person and fixed in names and moving in names and fixed != moving:
            return
        at_hand = self._desk.active if self._desk.active in names[1:] else names[-1]
        self.moving.show_value(at_hand)
        self.fixed.show_value(next(name for name in names if name != at_hand))
        self._enable()

    def _enable(self) -> None:
        fixed, moving = self._pair()
        ready = bool(fixed and moving and fixed != moving)
        running = self._refiner.running
        self._likeness.watch(fixed, moving)
        for button in (self.button, self.search, self.ask):
            button.setEnabled(ready and not running)
        for choice in (self.fixed, self.moving, self.kind):
            choice.setEnabled(not running and choice.count() > 1)
        if not running and not self._judge.running:
            lacking = "Open two volumes to register one to the other." if self.fixed.count() < 2 else "Choose two different layers."
            self.report.show_idle("" if ready else lacking)

    def _show_running(self) -> None:
        running = self._refiner.running
        shown, hidden = ((self.stop,), (self.button, self.search)) if running else ((self.button, self.search), (self.stop,))
        for button in (self.stop, self.button, self.search):
            button.setEnabled(True)
        for button in shown:
            button.show()
        if any(button.hasFocus() for button in hidden) or (running and any(choice.hasFocus() for choice in (self.fixed, self.moving))):
            shown[0].setFocus()  # else Qt gives the keyboard to whatever comes next, a number field at worst
        for button in hidden:
            button.hide()
        if running:
            self.report.show_running("starting")
        self._enable()

    def _on_finished(self, answer: Refinement, applied: bool) -> None:  # noqa: FBT001 - a slot of the refiner's signal
        self._show_running()
        self._tell(answer, "applied" if applied else "offered")
        self._show_offer(None if applied else answer)

    def _tell(self, answer: Refinement, fate: Fate) -> None:
        self.report.show_answer(answer, fate)
        if fate != "offered":
            self._told_of = (answer.moving, self._desk.session.scene.layer(answer.moving).placement)
            self._judge.start(answer.fixed, answer.moving)
        self._tell_soon()

    def _tell_soon(self) -> None:
        """Say that there is something to be seen, once it has been laid out."""
        QTimer.singleShot(0, self, self.told.emit)

    def _on_judge(self) -> None:
        self.report.verdict.show_verdict(self._judge.verdict)
        if self._judge.running:
            self.report.show_running("judging the placement")
        elif not self._refiner.running:
            self._enable()
        if self._judge.verdict is not None:
            self._tell_soon()

    def _show_offer(self, answer: Refinement | None) -> None:
        self._offer = answer
        if answer is None and (self.take.hasFocus() or self.leave.hasFocus()):
            self.button.setFocus()
        self.offer.setVisible(answer is not None)

    def _take_offer(self) -> None:
        if self._offer is not None and self._refiner.take(self._offer):
            self._tell(self._offer, "taken")
            self._show_offer(None)

    def _on_stopped(self, why: str) -> None:
        self._show_running()
        if not why:
            self.report.show_words("Cancelled; nothing was changed.")

    def _forget_result(self) -> None:
        self._told_of = None
        self._judge.forget()
        self.report.forget()

    def _on_change(self, before: Scene, after: Scene) -> None:
        if self._told_of is not None and not any((layer.name, layer.placement) == self._told_of for layer in after.layers):
            self._forget_result()  # it was undone, or the layer was moved on
        if self._offer is not None and not {self._offer.fixed, self._offer.moving} <= set(after.names):
            self._show_offer(None)
            self._forget_result()
        if before.names != after.names or self.fixed.count() != len(after.names):
            options = [(name, name) for name in after.names]
            self.fixed.set_options(options)
            self.moving.set_options(options)
            self._suggest()
            self._enable()
