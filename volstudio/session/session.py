"""The only writable object of the house: a scene, and the one way to change it.

Views, panels, keys, scripts and finished jobs hand in commands; everybody who listens gets (before, after) and touches what changed. All
of it happens on the thread that made the session; other threads `post` and the owner `drain`s.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from volstudio.errors import CommandError, SceneError
from volstudio.scene.checks import check
from volstudio.scene.model import Layer, Scene
from volstudio.session.command import with_view_of
from volstudio.session.history import History

if TYPE_CHECKING:
    from pathlib import Path

    from volstudio.session.command import Command

__all__ = ["Recorder", "Session"]

Listener = Callable[[Scene, Scene], None]

# Listeners that answer every change with another would never end; no honest chain of answers is this long.
MAX_ANSWERS = 1000


class Recorder(Protocol):
    """What a session tells its journal; see `volstudio.session.journal`."""

    def command(self, command: Command) -> None:
        """A command changed the scene."""

    def undo(self) -> None:
        """A step was undone."""

    def redo(self) -> None:
        """A step was redone."""

    def cancel(self, gesture: str) -> None:
        """A drag was taken back."""

    def saved(self, path: Path) -> None:
        """The scene was saved."""

    def begin(self, session: Session) -> None:
        """The session's whole state, from which all that follows is told."""

    def close(self, *, keep: bool = False) -> None:
        """The session is over; ``keep``: it is to be offered again."""


class Session:
    """A scene with its history, its listeners and its journal.

    Parameters
    ----------
    scene : Scene
        Where to begin; checked.
    journal : Recorder or None
        Told of every change, so that nothing is lost when the program dies.

    Raises
    ------
    SceneError
        The scene breaks the scene's rules.

    Examples
    --------
    >>> from volstudio.session.commands import SetTitle
    >>> session = Session()
    >>> session.apply(SetTitle("before")).title
    'before'
    >>> session.undo(), session.scene.title, session.redo_text
    (True, '', 'Change title')
    """

    def __init__(self, scene: Scene | None = None, *, journal: Recorder | None = None) -> None:
        start = Scene() if scene is None else scene
        check(start)
        self._begin(History(start), start, None, journal)

    @classmethod
    def resumed(cls, history: History, *, saved: Scene | None, saved_path: Path | None, journal: Recorder | None = None) -> Session:
        """A session that goes on from a history, such as one that a journal gave back."""
        check(history.scene)
        session = cls.__new__(cls)
        session._begin(history, saved, saved_path, journal)  # noqa: SLF001 - the other half of the constructor
        return session

    def _begin(self, history: History, saved: Scene | None, saved_path: Path | None, journal: Recorder | None) -> None:
        self._history = history
        self._saved = saved
        self._saved_path = saved_path
        self._revision = 0
        self._layer_revisions = dict.fromkeys(history.scene.names, 0)
        self._listeners: list[Listener] = []
        self._notices: deque[tuple[Scene, Scene]] = deque()
        self._telling = False
        self._posted: deque[Callable[[], object]] = deque()
        self._on_post: Callable[[], None] | None = None
        self._owner = threading.get_ident()
        self._journal = journal
        if journal is not None:
            journal.begin(self)

    @property
    def scene(self) -> Scene:
        """The scene now."""
        return self._history.scene

    @property
    def revision(self) -> int:
        """Number of changes so far, undo and redo among them."""
        return self._revision

    def layer_revision(self, name: str) -> int:
        """Revision at which a layer last changed in what a job depends on: its file, form, time point or placement, not its look.

        A job notes it when it starts. If it is another when the job ends, the person has been faster, and the result is offered
        instead of applied.

        Raises
        ------
        CommandError
            There is no such layer.
        """
        try:
            return self._layer_revisions[name]
        except KeyError:
            raise CommandError(f"The scene has no layer {name!r}; it may have been removed or renamed.") from None

    def apply(self, command: Command) -> Scene:
        """Change the scene.

        Returns
        -------
        Scene
            The scene after the command; the same object where the command changes nothing (then nothing is recorded and nobody told).

        Raises
        ------
        CommandError
            The command does not fit the scene, or the scene would break its rules; nothing has changed.
        """
        self._demand_owner()
        before = self.scene
        try:
            after = command.apply(before)
            check(after, before)
        except SceneError as error:
            raise CommandError(str(error)) from error
        if after == before:
            return before
        self._history.take(command, after)
        self._changed(before, lambda journal: journal.command(command))
        return after

    def undo(self) -> bool:
        """Go back one step; False where there is none. The crosshair, the camera and the panels stay as they are."""
        self._demand_owner()
        before = self.scene
        if self._history.undo() is None:
            return False
        self._changed(before, lambda journal: journal.undo())
        return True

    def redo(self) -> bool:
        """Go forward one step again; False where there is none."""
        self._demand_owner()
        before = self.scene
        if self._history.redo() is None:
            return False
        self._changed(before, lambda journal: journal.redo())
        return True

    def cancel(self, gesture: str) -> bool:
        """Take back a running drag: as if it had never begun, with no step to undo or redo.

        What was done by other commands meanwhile stays. False where no drag of that name is known.
        """
        self._demand_owner()
        before = self.scene
        if not self._history.cancel(gesture):
            return False
        self._changed(before, lambda journal: journal.cancel(gesture))
        return True

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to go back."""
        return bool(self._history.past)

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to go forward."""
        return bool(self._history.future)

    @property
    def undo_text(self) -> str:
        """What undo would undo, such as ``"Move epi"``; empty where there is nothing."""
        return self._history.past[-1].command.text if self._history.past else ""

    @property
    def redo_text(self) -> str:
        """What redo would do again; empty where there is nothing."""
        return self._history.future[-1].command.text if self._history.future else ""

    @property
    def history(self) -> History:
        """The bookkeeping of undo; to be read, such as by the journal."""
        return self._history

    @property
    def saved_path(self) -> Path | None:
        """The file that the session was last saved to or opened from."""
        return self._saved_path

    @property
    def saved_scene(self) -> Scene | None:
        """The scene as it is in that file, or as the session began; None where it is in no file and was not the beginning."""
        return self._saved

    @property
    def dirty(self) -> bool:
        """Whether there is something to save; having looked elsewhere is not."""
        return self._saved is None or with_view_of(self.scene, self._saved) != self._saved

    def mark_saved(self, path: Path) -> None:
        """Note that the scene is now in a file."""
        self._demand_owner()
        self._saved, self._saved_path = self.scene, path
        if self._journal is not None:
            self._journal.saved(path)

    def on_change(self, callback: Listener) -> Callable[[], None]:
        """Have ``callback(before, after)`` called after every change.

        Returns
        -------
        callable
            Ends it; may be called twice.

        Notes
        -----
        Every listener sees every change once and in order. A listener may apply commands: the scene changes at once, and all listeners hear
        of it after they have heard of the present change. What a listener raises comes out of ``apply`` after all have been told; the
        change stands.
        """
        self._listeners.append(callback)

        def unsubscribe() -> None:
            if callback in self._listeners:
                self._listeners.remove(callback)

        return unsubscribe

    def post(self, call: Callable[[], object]) -> None:
        """Have ``call()`` run by the owner's next `drain`; safe from any thread."""
        self._posted.append(call)
        if self._on_post is not None:
            self._on_post()

    def on_post(self, wake: Callable[[], None] | None) -> None:
        """Have ``wake()`` called, in the thread that posts, whenever something waits for `drain`."""
        self._on_post = wake

    def drain(self) -> int:
        """Run what other threads posted, in their order, on the owner's thread; how many ran.

        What is posted meanwhile waits for the next time. What a call raises comes out here; those behind it stay posted.
        """
        self._demand_owner()
        waiting = len(self._posted)
        for _ in range(waiting):
            self._posted.popleft()()
        return waiting

    @property
    def journal(self) -> Recorder | None:
        """What records the session; None where nothing does, or where it failed (then a change raised the reason)."""
        return self._journal

    def close(self, *, keep_journal: bool = False) -> None:
        """End well: part from all listeners, and close the journal, which is removed unless it is to be offered at the next start."""
        self._listeners.clear()
        self._posted.clear()
        self._on_post = None
        if self._journal is not None:
            self._journal.close(keep=keep_journal)
            self._journal = None

    def _changed(self, before: Scene, tell: Callable[[Recorder], None]) -> None:
        """Count, record, and tell the listeners of a change that has been made."""
        after = self.scene
        self._revision += 1
        if after.layers is not before.layers:
            self._note_layers(before, after)
        self._notices.append((before, after))
        faults: list[Exception] = []
        if self._journal is not None:
            try:
                tell(self._journal)
            except OSError as error:
                # Work goes on without a journal; the person is told once, by the error that comes out of this change.
                self._journal = None
                faults.append(error)
        if not self._telling:
            self._tell_all(faults)
        if len(faults) == 1:
            raise faults[0]
        if faults:
            raise ExceptionGroup("Several listeners failed; the change itself stands.", faults)

    def _tell_all(self, faults: list[Exception]) -> None:
        """Tell every listener of every waiting change, collecting what they raise."""
        self._telling = True
        told = 0
        try:
            while self._notices:
                told += 1
                if told > MAX_ANSWERS:
                    faults.append(CommandError(f"Listeners answered a change with {MAX_ANSWERS} others without end; they were stopped."))
                    return
                before, after = self._notices.popleft()
                for listener in tuple(self._listeners):
                    try:
                        listener(before, after)
                    except Exception as error:  # noqa: BLE001 - kept for `_changed`, which raises it after all have been told
                        faults.append(error)
        finally:
            self._telling = False
            self._notices.clear()

    def _note_layers(self, before: Scene, after: Scene) -> None:
        """Bring the layers' revisions up to date."""
        if len(before.layers) == len(after.layers):
            pairs = zip(before.layers, after.layers, strict=True)
            if all(old is new or _same_for_jobs(old, new) for old, new in pairs):
                return
        old_layers = {layer.name: layer for layer in before.layers}
        revisions = self._layer_revisions
        self._layer_revisions = {
            layer.name: revisions[layer.name]
            if (old := old_layers.get(layer.name)) is not None and (old is layer or _same_for_jobs(old, layer))
            else self._revision
            for layer in after.layers
        }

    def _demand_owner(self) -> None:
        if threading.get_ident() != self._owner:
            raise CommandError("A session is changed on the thread that made it; from others, hand the change to post().")


def _same_for_jobs(old: Layer, new: Layer) -> bool:
    return (
        old.name == new.name
        and old.placement.matrix == new.placement.matrix
        and old.path == new.path
        and old.form == new.form
        and old.time == new.time
    )
