"""One registration run from the window: start, watch, stop, and what becomes of the answer.

The task works on the scene as it was at the start. While it runs the layer is shown where the optimiser has it; the session hears
of the answer only, as one command. Where the person has moved the layer meanwhile, the answer is offered instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from volstudio.geometry.affine import Affine
from volstudio.geometry.spaces import scanner
from volstudio.registration.result import TraceStep
from volstudio.session.commands import Place
from volstudio.tasks.align import refine

if TYPE_CHECKING:
    from collections.abc import Callable

    from volstudio.apps.studio.desk import Desk
    from volstudio.apps.studio.worker import Job
    from volstudio.progress import Progress, Step
    from volstudio.registration.plan import RegistrationPlan
    from volstudio.scene.model import Placement, Scene
    from volstudio.tasks.align import Refinement

__all__ = ["Refiner"]


class Refiner(QObject):
    """Runs one registration at a time.

    Parameters
    ----------
    desk : Desk

    Attributes
    ----------
    started : Signal(fixed, moving)
    stepped : Signal(Step)
    finished : Signal(Refinement, applied)
        ``applied`` false: the person has moved the layer meanwhile, and the answer waits for a decision.
    stopped : Signal(str)
        Ended without an answer; the sentence says why, empty after a cancel.
    """

    started = Signal(str, str)
    stepped = Signal(object)
    finished = Signal(object, bool)
    stopped = Signal(str)

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._job: Job[Refinement] | None = None
        self._ends = ("", "")
        self._revisions: dict[str, int] = {}
        self._placed: Placement | None = None
        desk.changed.connect(self._on_change)

    @property
    def running(self) -> bool:
        """Whether a registration runs."""
        return self._job is not None

    def start(self, fixed: str, moving: str, plan: RegistrationPlan) -> None:
        """Begin; from the present placement, or with a search of every orientation, as the plan says."""
        if self._job is not None:
            return
        session, volumes = self._desk.session, self._desk.volumes
        scene = session.scene
        self._ends = (fixed, moving)
        self._revisions = {name: session.layer_revision(name) for name in (fixed, moving)}
        self._placed = scene.layer(moving).placement

        def work(progress: Progress) -> Refinement:
            return refine(scene, fixed, moving, volumes=volumes, plan=plan, progress=progress)

        def mine(call: Callable[..., None]) -> Callable[..., None]:
            """What is heard only as long as nobody has cancelled: the thread ends a moment later."""
            return lambda *told: call(*told) if self._job is job else None

        job = self._job = self._desk.worker.start(
            f"refining {moving}",
            work,
            mine(self._done),
            failed=mine(self._failed),
            stopped=mine(lambda: self._end("")),
            step=mine(self._step),
        )
        self.started.emit(fixed, moving)

    def cancel(self) -> None:
        """Stop at once; nothing is changed."""
        if self._job is not None:
            self._job.cancel()
            self._end("")

    def take(self, answer: Refinement) -> bool:
        """Apply an answer that was offered, on the fixed layer as that lies now; whether it could be."""
        with self._desk.telling():
            placed = self._desk.session.scene.place(answer.moving, answer.result.moving_to_fixed, made_by="registration")
            return self._desk.apply(Place(answer.moving, placed.layer(answer.moving).placement))
        return False

    @property
    def untouched(self) -> bool:
        """Whether both layers still are what the registration started from."""
        names = self._desk.session.scene.names
        return all(name in names and self._desk.session.layer_revision(name) == old for name, old in self._revisions.items())

    def _step(self, step: Step) -> None:
        if isinstance(step.value, TraceStep) and self.untouched:
            self._desk.set_preview(self._ends[1], self._placement(self._desk.session.scene, step.value))
        self.stepped.emit(step)

    def _placement(self, scene: Scene, step: TraceStep) -> Placement:
        fixed, moving = self._ends
        pose = Affine(step.moving_to_fixed, scanner(moving), scanner(fixed))
        return scene.place(moving, pose, made_by="registration").layer(moving).placement

    def _done(self, answer: Refinement) -> None:
        untouched = self.untouched
        self._job = None
        self._desk.set_preview(None)
        applied = untouched and self._desk.apply(answer.command)
        self.finished.emit(answer, applied)

    def _failed(self, error: BaseException) -> None:
        self._desk.complained.emit(error)
        self._end(str(error))

    def _end(self, why: str) -> None:
        self._job = None
        self._desk.set_preview(None)
        self.stopped.emit(why)

    def _on_change(self, before: Scene, after: Scene) -> None:
        """A layer that the person moves is shown where the person puts it."""
        del before, after
        if self._job is not None and self._desk.previewing and not self.untouched:
            self._desk.set_preview(None)
