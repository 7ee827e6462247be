"""What the window has open: volumes, sessions and transforms in, session files out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from volstudio.apps.studio.opening import SCENE_KINDS, TRANSFORM_KINDS, VOLUME_KINDS, loaded, looked_into, placed_from_file, sort_files
from volstudio.apps.studio.recent import remember
from volstudio.apps.studio.recoveries import Recoveries
from volstudio.errors import OutputError, SceneError, StrangePathError
from volstudio.scene.files import changed_files, load_scene, missing_files
from volstudio.scene.model import Scene
from volstudio.session.commands import Place, ReplaceScene
from volstudio.session.journal import Journal
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
    from volstudio.volumes.dicom import DicomSeries

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
    recoveries : Recoveries
        Sessions of programs that died.
    """

    recent_changed = Signal()

    def __init__(self, desk: Desk, ask: Ask, messages: MessageArea) -> None:
        super().__init__()
        self._desk, self._ask, self._messages = desk, ask, messages
        self.recoveries = Recoveries(desk, messages, self.may_go, self._take)

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
        """Add volumes; they are read beside the window. Of a folder with several DICOM series the person chooses."""
        names = [str(path) for path in paths]
        folders = [name for name in names if Path(name).is_dir()]
        if not folders:
            self._open(names)
            return
        shown = ", ".join(Path(name).name for name in folders)
        note = self._messages.say(f"Looking into {shown} …")

        def work(progress: Progress) -> dict[str, tuple[DicomSeries, ...]]:
            return looked_into(folders, progress)

        def done(found: dict[str, tuple[DicomSeries, ...]]) -> None:
            note.close_message()
            wanted = [file for name in names for file in (self._chosen(name, found[name]) if name in found else [name])]
            if wanted:
                self._open(wanted)

        def failed(error: BaseException) -> None:
            note.close_message()
            self._desk.complained.emit(error)

        self._desk.worker.start(f"looking into {shown}", work, done, failed=failed, stopped=note.close_message)

    def _chosen(self, folder: str, series: Sequence[DicomSeries]) -> list[str]:
        """Files that stand for the series of a folder that the person wants."""
        if len(series) < 2:
            return [folder]
        options = [f"{each.number}: {each.text}" for each in series]
        rows = self._ask.some_of("DICOM series", f"{Path(folder).name} holds {len(series)} series. Which are to be opened?", options)
        return [str(series[row].path) for row in rows]

    def _open(self, names: Sequence[str]) -> None:
        scene = self._desk.session.scene
        shown = ", ".join(Path(name).name for name in names)
        note = self._messages.say(f"Opening {shown} …")

        def work(progress: Progress) -> Scene:
            return loaded(scene, names, progress)

        def done(after: Scene) -> None:
            note.close_message()
            if self._desk.session.scene.layers is not scene.layers:
                self._open(names)  # the scene has changed meanwhile; the voxels are warm now
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
            moving, names = self._desk.active, self._desk.session.scene.names
            if moving is None or len(names) < 2:
                raise SceneError(f"The transform {path.name} lays one volume on another, and {len(names)} are open; open both first.")
            others = [name for name in names if name != moving]
            question = f"{path.name} lays {moving} on"
            fixed = others[0] if len(others) == 1 else self._ask.one_of("Load transform", question, others)
            if fixed is None:
                return
            placement = placed_from_file(self._desk.session.scene, path, fixed=fixed, moving=moving)
            if self._desk.apply(Place(moving, placement)):
                self._messages.say(f"{path.name} has laid {moving} on {fixed}.", "good")

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

    def close(self) -> None:
        """The window goes: its journal has done its duty, and sessions that were offered wait for the next start."""
        self.recoveries.close()
        self._desk.session.close()

    def _load(self, path: Path, relocate: Path | None, *, follow: bool = False) -> None:
        def work(progress: Progress) -> Scene:
            progress(f"opening {path.name}", 0.0)
            scene = load_scene(path, relocate=relocate, missing="keep", outside="follow" if follow else "vouched")
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
                    actions=(("Find them…", lambda: self._relocate(path, follow=follow)),),
                )
                return
            self._take(self._session(scene, path))
            self._remember([str(path)])
            for finding in changed_files(scene):
                self._messages.say(finding.text)

        def failed(error: BaseException) -> None:
            if isinstance(error, StrangePathError):
                self._messages.say(str(error), "error", actions=(("Open them", lambda: self._load(path, relocate, follow=True)),))
            else:
                self._desk.complained.emit(error)

        self._desk.worker.start(f"opening {path.name}", work, done, failed=failed)

    def _relocate(self, path: Path, *, follow: bool) -> None:
        folder = self._ask.folder("Folder to look for the missing files in")
        if folder is not None:
            self._load(path, folder, follow=follow)

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
