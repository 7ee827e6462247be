"""What the window has open: volumes, sessions and transforms in, session files out, and sessions of programs that died."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from volstudio.apps.studio.opening import SCENE_KINDS, TRANSFORM_KINDS, VOLUME_KINDS, loaded, placed_from_file, sort_files
from volstudio.apps.studio.recent import remember
from volstudio.errors import OutputError, SceneError
from volstudio.scene.files import changed_files, load_scene, missing_files
from volstudio.scene.model import Scene
from volstudio.session.commands import Place, ReplaceScene
from volstudio.session.journal import Journal
from volstudio.session.recovery import recoverable
from volstudio.session.session import Session
from volstudio.tasks.open import open_layer
from volstudio.tasks.save import save_session
from volstudio.volumes.store import STORE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from volstudio.apps.studio.ask import Ask
    from volstudio.apps.studio.desk import Desk
    from volstudio.apps.studio.messages import MessageArea
    from volstudio.progress import Progress
    from volstudio.session.recovery import Recovery

__all__ = ["Documents"]


class Documents(QObject):
    """Opens, saves and restores.

    Parameters
    ----------
    desk : Desk
    ask : Ask
    messages : MessageArea

    Attributes
    ----------
    recent_changed : Signal()
    """

    recent_changed = Signal()

    def __init__(self, desk: Desk, ask: Ask, messages: MessageArea) -> None:
        super().__init__()
        self._desk, self._ask, self._messages = desk, ask, messages
        self._offered: list[Recovery] = []

    def ask_volumes(self) -> None:
        """Open volumes that the person chooses."""
        self.open_paths(self._ask.files_to_open("Open volumes", VOLUME_KINDS))

    def ask_session(self) -> None:
        """Open a session that the person chooses."""
        for path in self._ask.files_to_open("Open session", SCENE_KINDS)[:1]:
            self.open_session(path)

    def ask_transform(self) -> None:
        """Place the layer at hand by a transform that the person chooses."""
        for path in self._ask.files_to_open("Load transform", TRANSFORM_KINDS)[:1]:
            self.load_transform(path)

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Open files of any kind, as a drop brings them."""
        kinds = sort_files(paths)
        if kinds.scenes:
            self.open_session(kinds.scenes[0])
        if kinds.volumes:
            self.open_volumes(kinds.volumes)
        for path in kinds.transforms:
            self.load_transform(path)

    def open_volumes(self, paths: Sequence[Path | str]) -> None:
        """Add volumes; they are read beside the window."""
        names = [str(path) for path in paths]
        scene = self._desk.session.scene
        shown = ", ".join(Path(name).name for name in names)
        note = self._messages.say(f"Opening {shown} …")

        def work(progress: Progress) -> Scene:
            return loaded(scene, names, progress)

        def done(after: Scene) -> None:
            note.close_message()
            if self._desk.session.scene.layers is not scene.layers:
                self.open_volumes(names)  # the scene has changed meanwhile; the voxels are warm now
                return
            current = self._desk.session.scene
            fresh = Scene(layers=after.layers) if not current.layers else after
            self._desk.apply(ReplaceScene(_with_layers(current, fresh), f"Open {shown}"))
            self._remember(names)

        def failed(error: BaseException) -> None:
            note.close_message()
            self._desk.complained.emit(error)

        self._desk.worker.start(f"opening {shown}", work, done, failed=failed, stopped=note.close_message)

    def open_session(self, path: Path) -> None:
        """Go on with the session in a file, once the present one may go."""
        if not self.may_go():
            return
        self._load(path, None)

    def load_transform(self, path: Path) -> None:
        """Place the layer at hand as a transform file says."""
        with self._desk.telling():
            if self._desk.active is None:
                raise SceneError(f"The transform {path.name} needs a layer to move; open the volumes first.")
            placement = placed_from_file(self._desk.session.scene, path, self._desk.active)
            self._desk.apply(Place(self._desk.active, placement))

    def new(self) -> None:
        """Begin with nothing open."""
        if self.may_go():
            self._take(self._session(Scene()))

    def save(self) -> bool:
        """Save to the session's file; asks for one where there is none. Whether it is saved."""
        path = self._desk.session.saved_path
        if path is None or path.suffix.lower() not in (".toml", ".json"):
            return self.save_as()
        return self._save(path)

    def save_as(self) -> bool:
        """Save to a file that the person chooses."""
        path = self._ask.file_to_save("Save session", "session.toml", SCENE_KINDS)
        return path is not None and self._save(path)

    def may_go(self) -> bool:
        """Whether the present session may be left: nothing unsaved, or the person has decided."""
        session = self._desk.session
        if not session.dirty or not session.scene.layers:
            return True
        answer = self._ask.unsaved(session.saved_path.name if session.saved_path else "this session")
        return answer == "discard" or (answer == "save" and self.save())

    def begin_journal(self) -> None:
        """Write a journal of the present session from here on."""
        session = self._desk.session
        self._take(self._session(session.scene, session.saved_path))

    def remember_opened(self) -> None:
        """List what the window began with among the recent files."""
        session = self._desk.session
        path = session.saved_path
        self._remember([str(path)] if path else [layer.path for layer in session.scene.layers])

    def offer_recoveries(self) -> None:
        """Offer sessions back whose program died."""
        with self._desk.telling():
            for recovery in recoverable(complain=self._note):
                if recovery.changes or recovery.notes:
                    self._offered.append(recovery)
                else:
                    recovery.discard()  # it was only looked at
        self._offer()

    def close(self) -> None:
        """The window goes: its journal has done its duty, and sessions that were offered wait for the next start."""
        for recovery in self._offered:
            recovery.leave()
        self._offered.clear()
        self._desk.session.close()

    def _note(self, text: str) -> None:
        self._messages.say(text)

    def _offer(self) -> None:
        """One message for all of them, so that each stays within reach however many there are; the latest first."""
        if not self._offered:
            return
        recovery, number = self._offered[0], len(self._offered)
        names = ", ".join(recovery.scene.names) or "no volumes"
        steps = f"{recovery.changes} change{'' if recovery.changes == 1 else 's'}"
        several = f"{number} sessions were not closed. " if number > 1 else ""
        begun = f"{several}One from {recovery.started}" if several else f"A session from {recovery.started} was not closed"
        choices = [("Restore", lambda: self._restore(recovery)), ("Discard", lambda: self._discard(recovery))]
        if several:
            choices.append(("Next", self._offer_another))
        self._messages.say(f"{begun}: {names}; {steps}.", actions=choices, details="\n".join(recovery.notes))

    def _offer_another(self) -> None:
        self._offered.append(self._offered.pop(0))
        self._offer()

    def _restore(self, recovery: Recovery) -> None:
        if not self.may_go():
            self._offer()
            return
        self._offered.remove(recovery)
        with self._desk.telling():
            try:
                restored = recovery.session()
            except OutputError as error:
                self._desk.complained.emit(error)
                restored = recovery.session(record=False)
            self._take(restored)
        self._offer()

    def _discard(self, recovery: Recovery) -> None:
        self._offered.remove(recovery)
        recovery.discard()
        self._offer()

    def _load(self, path: Path, relocate: Path | None) -> None:
        def work(progress: Progress) -> Scene:
            progress(f"opening {path.name}", 0.0)
            scene = load_scene(path, relocate=relocate, missing="keep")
            if not missing_files(scene):
                for layer in scene.layers:
                    STORE.frame(open_layer(layer), layer.time)
            return scene

        def done(scene: Scene) -> None:
            gone = missing_files(scene)
            if gone:
                names = ", ".join(Path(layer.path).name for layer in gone)
                self._messages.say(
                    f"{path.name} needs files that are not where it says: {names}.",
                    "error",
                    actions=(("Find them…", lambda: self._relocate(path)),),
                )
                return
            self._take(self._session(scene, path))
            self._remember([str(path)])
            for finding in changed_files(scene):
                self._messages.say(finding.text)

        self._desk.worker.start(f"opening {path.name}", work, done)

    def _relocate(self, path: Path) -> None:
        folder = self._ask.folder("Folder to look for the missing files in")
        if folder is not None:
            self._load(path, folder)

    def _take(self, session: Session) -> None:
        before = self._desk.session
        self._desk.set_session(session)
        before.close()
        self._desk.fit_views_if_free()

    def _save(self, path: Path) -> bool:
        with self._desk.telling():
            save_session(self._desk.session.scene, path, overwrite=True)
            self._desk.session.mark_saved(path)
            self._desk.history_changed.emit()
            self._remember([str(path)])
            self._messages.say(f"Saved to {path.name}.", "good")
            return True
        return False

    def _session(self, scene: Scene, saved: Path | None = None) -> Session:
        """A session with a journal; without one, and the person knows, where none can be written."""
        try:
            session = Session(scene, journal=Journal.start())
        except OutputError as error:
            self._desk.complained.emit(error)
            session = Session(scene)
        if saved is not None:
            session.mark_saved(saved)
        return session

    def _remember(self, names: Sequence[str]) -> None:
        files = [name for name in names if not name.startswith(("sample:", "memory:"))]
        if not files:
            return
        self._ask.begin_in(Path(files[0]).absolute().parent)
        with self._desk.telling():
            remember(files)
            self.recent_changed.emit()


def _with_layers(scene: Scene, other: Scene) -> Scene:
    from msgspec.structs import replace

    return replace(scene, layers=other.layers)
