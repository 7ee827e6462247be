"""Whether to believe where one layer lies on another: asked beside the window, and forgotten as soon as one of them is moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from volstudio.apps.studio.relation import Relation
from volstudio.tasks.check import judge

if TYPE_CHECKING:
    from volstudio.apps.studio.desk import Desk
    from volstudio.apps.studio.worker import Job
    from volstudio.progress import Progress, Step
    from volstudio.registration.trust import Trust
    from volstudio.scene.model import Scene

__all__ = ["Judge"]


class Judge(QObject):
    """Asks for one verdict at a time.

    Parameters
    ----------
    desk : Desk

    Attributes
    ----------
    changed : Signal()
        A question was begun, answered, given up or overtaken by a change.
    stepped : Signal(Step)
    """

    changed = Signal()
    stepped = Signal(object)

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._job: Job[Trust] | None = None
        self._about: Relation | None = None
        self._verdict: Trust | None = None
        desk.changed.connect(self._on_change)

    @property
    def running(self) -> bool:
        """Whether the answer is being sought."""
        return self._job is not None

    @property
    def verdict(self) -> Trust | None:
        """The answer, as long as both layers lie where they lay."""
        return self._verdict

    def start(self, fixed: str, moving: str) -> None:
        """Ask whether a layer belongs where it lies now."""
        self.forget()
        scene, volumes = self._desk.session.scene, self._desk.volumes
        self._about = Relation.of(scene, fixed, moving)

        def work(progress: Progress) -> Trust:
            return judge(scene, fixed, moving, volumes=volumes, progress=progress)

        def done(verdict: Trust) -> None:
            if self._job is job:
                self._job, self._verdict = None, verdict
                self.changed.emit()

        def failed(error: BaseException) -> None:
            if self._job is job:
                self.forget()
                self._desk.complained.emit(error)

        def step(step: Step) -> None:
            if self._job is job:
                self.stepped.emit(step)

        job = self._job = self._desk.worker.start(f"judging {moving}", work, done, failed=failed, step=step)
        self.changed.emit()

    def forget(self) -> None:
        """Stop asking, and take the verdict away."""
        if self._job is not None:
            self._job.cancel()
        had = self._job is not None or self._verdict is not None
        self._job = self._about = self._verdict = None
        if had:
            self.changed.emit()

    def _on_change(self, before: Scene, after: Scene) -> None:
        del before
        if self._about is not None and not self._about.same(Relation.of(after, self._about.fixed.name, self._about.moving.name)):
            self.forget()
