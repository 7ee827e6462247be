"""How alike two layers are while one of them is moved: a number beside the hand, worked out beside the window.

What compares them is made once per pair, when a layer is about to be moved. From then on it is asked at most once in `PACE_MS` and never
twice at a time: a hand that is faster than the answers skips poses, and never waits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QApplication

from volstudio.apps.studio.relation import Relation
from volstudio.errors import VolstudioError
from volstudio.tasks.check import likeness

if TYPE_CHECKING:
    from volstudio.apps.studio.desk import Desk
    from volstudio.apps.studio.worker import Job
    from volstudio.progress import Progress
    from volstudio.registration.similarity import Similarity
    from volstudio.scene.model import Scene

__all__ = ["Likeness", "Reading"]

PACE_MS = 40


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of one pose.

    Parameters
    ----------
    value : float
        Mutual information in nats, as registrations tell it; larger is more alike; -inf where next to nothing overlaps.
    overlap : float
        Share of the smaller object in the other's field of view, 0 to 1.
    change : float
        Against the pose before this move: while a button is held against the pose at the press, while a registration runs and for its
        answer against the pose it began from.
    """

    value: float
    overlap: float
    change: float = 0.0


class Likeness(QObject):
    """Follows one pair of layers.

    Parameters
    ----------
    desk : Desk

    Attributes
    ----------
    changed : Signal()
        There is another reading, or another state.
    """

    changed = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._pair: tuple[str | None, str | None] = (None, None)
        self._of: Relation | None = None  # what it was made for
        self._asked: Relation | None = None
        self._read_of: Relation | None = None
        self._similarity: Similarity | None = None
        self._making: Job[Similarity] | None = None
        self._asking: Job[Reading] | None = None
        self._refusal = ""
        self._reading: Reading | None = None
        self._base = 0.0
        self._held = False
        self._pace = QTimer(self)
        self._pace.setSingleShot(True)
        self._pace.setInterval(PACE_MS)
        self._pace.timeout.connect(self._ask)
        desk.changed.connect(self._on_change)
        desk.tool_changed.connect(self._on_tool)

    @property
    def state(self) -> Literal["off", "preparing", "ready", "refused"]:
        """Whether there are readings, or why not."""
        if self._refusal:
            return "refused"
        if self._making is not None:
            return "preparing"
        return "off" if self._similarity is None else "ready"

    @property
    def reading(self) -> Reading | None:
        """The newest reading; None before the first."""
        return self._reading

    @property
    def refusal(self) -> str:
        """Why the two cannot be compared."""
        return self._refusal

    @property
    def read_of(self) -> Relation | None:
        """What the newest reading is of."""
        return self._read_of

    def relation(self) -> Relation | None:
        """The pair as it lies now; None where the scene does not hold both."""
        return Relation.of(self._desk.shown, *self._pair)

    def watch(self, fixed: str | None, moving: str | None) -> None:
        """Follow another pair of layers."""
        if (fixed, moving) != self._pair:
            self._pair = (fixed, moving)
            self._drop()
            self._on_tool()

    def begin(self) -> None:
        """Make ready what compares the pair, where that has not begun yet."""
        relation = self.relation()
        if relation is None or self.state != "off":
            return
        scene, volumes = self._desk.session.scene, self._desk.volumes
        fixed, moving = relation.fixed.name, relation.moving.name
        self._of = relation

        def work(progress: Progress) -> Similarity:
            return likeness(scene, fixed, moving, volumes=volumes, progress=progress)

        def done(similarity: Similarity) -> None:
            if self._making is job:
                self._making, self._similarity = None, similarity
                self._ask()

        def failed(error: BaseException) -> None:
            if self._making is job:
                self._making = None
                if not isinstance(error, VolstudioError):
                    self._desk.complained.emit(error)
                self._refusal = str(error)
                self.changed.emit()

        job = self._making = self._desk.worker.start(f"comparing {moving}", work, done, failed=failed)
        self.changed.emit()

    def _drop(self) -> None:
        if self._making is not None:
            self._making.cancel()
        self._making = self._asking = self._similarity = self._of = self._asked = self._read_of = self._reading = None
        self._refusal = ""
        self._pace.stop()
        self.changed.emit()

    def _on_tool(self) -> None:
        if self._desk.move_tool:
            self.begin()

    def _on_change(self, before: Scene, after: Scene) -> None:
        relation, was = Relation.of(after, *self._pair), Relation.of(before, *self._pair)
        if self._of is not None and (relation is None or relation.voxels != self._of.voxels):
            self._drop()
        if relation is None or relation.same(was):
            return
        if was is not None and was.voxels == relation.voxels and self._desk.previewing is None:
            self.begin()
        if self._similarity is not None and not self._pace.isActive() and self._asking is None:
            self._pace.start()

    def _ask(self) -> None:
        """Ask about the pose of now, unless it is the last one that was asked about."""
        relation, similarity = self.relation(), self._similarity
        if relation is None or similarity is None or self._asking is not None:
            return
        if relation.same(self._asked):
            self._held = self._going_on()
            if self._held:
                self._pace.start()  # to see the hand let go, or the registration end
            return
        self._asked = relation

        def work(progress: Progress) -> Reading:
            del progress  # it takes some milliseconds
            pose = relation.moving_to_fixed
            return Reading(similarity.value(pose), similarity.overlap(pose))

        def done(reading: Reading) -> None:
            if self._asking is job:
                self._asking = None
                self._read_of = relation
                self._take(reading)
                self._pace.start()  # the layer may have gone on

        def failed(error: BaseException) -> None:
            if self._asking is job:
                self._drop()
                self._desk.complained.emit(error)

        job = self._asking = self._desk.worker.start("comparing", work, done, failed=failed)

    def _take(self, reading: Reading) -> None:
        if not self._held:  # this is the first pose of a move
            self._base = reading.value if self._reading is None else self._reading.value
        self._held = self._going_on()
        self._reading = replace(reading, change=reading.value - self._base)
        self.changed.emit()

    def _going_on(self) -> bool:
        """Whether what moves the layer has not let go of it, or has but where it was let go has not been read yet."""
        held = self._desk.previewing is not None or QApplication.mouseButtons() != Qt.MouseButton.NoButton
        return held or (self._read_of is not None and not self._read_of.same(self.relation()))
