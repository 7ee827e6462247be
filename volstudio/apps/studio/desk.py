"""What all parts of the window share: the session, the voxels, which layer is at hand, and one way to change and to complain.

Panels and panes hear ``changed(before, after)`` and read ``shown``; they say what a person did through ``apply``. ``shown`` is the
session's scene, except while a registration runs: then the layer it moves is shown where the optimiser has it, and neither the history
nor the journal knows of it.
"""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec.structs import replace
from PySide6.QtCore import QObject, Qt, Signal

from volstudio.apps.studio.worker import Worker
from volstudio.errors import UnreadableFileError, VolstudioError
from volstudio.rendering.planes import PLANES
from volstudio.scene.model import Scene
from volstudio.session.commands import SetCamera, SetPanel
from volstudio.volumes.store import STORE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from volstudio.scene.model import Layer, Placement
    from volstudio.session.commands import Command
    from volstudio.session.session import Session
    from volstudio.volumes.volume import Volume

__all__ = ["Desk"]


class Desk(QObject):
    """The window's one link to the session.

    Parameters
    ----------
    session : Session

    Attributes
    ----------
    changed : Signal(before, after)
        Two scenes: what was shown and what is to be shown.
    active_changed : Signal()
        Another layer is at hand, or none.
    tool_changed : Signal()
        The Move tool was switched.
    history_changed : Signal()
        What undo and redo would do, or whether there is something to save, may have changed.
    complained : Signal(BaseException)
        Something went wrong that a person must be told.
    """

    changed = Signal(object, object)
    active_changed = Signal()
    tool_changed = Signal()
    history_changed = Signal()
    complained = Signal(object)
    _woken = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._unsubscribe = session.on_change(self._session_changed)
        self._preview: tuple[str, Placement] | None = None
        self._active: str | None = None
        self._move_tool = False
        self._gestures = itertools.count(1)
        self._held: dict[tuple[str, str], Volume] = {}
        self._shown = session.scene
        self._woken.connect(self._drain, Qt.ConnectionType.QueuedConnection)
        session.on_post(self._woken.emit)
        self.worker = Worker(self.post, self.complained.emit)
        self._framed = self._shown.layers
        self._choose_active(Scene(), self._shown)

    @property
    def session(self) -> Session:
        """The session that commands go to."""
        return self._session

    @property
    def shown(self) -> Scene:
        """The scene as the views are to draw it."""
        return self._shown

    @property
    def framed(self) -> Scene:
        """The shown scene with its layers where they were when the views were last fitted to them.

        Views fit themselves to this, so that a layer that is dragged does not make the picture creep under the mouse.
        """
        return replace(self._shown, layers=self._framed)

    @property
    def active(self) -> str | None:
        """Name of the layer at hand."""
        return self._active

    @property
    def active_layer(self) -> Layer | None:
        """The layer at hand, as shown."""
        return next((layer for layer in self._shown.layers if layer.name == self._active), None)

    @property
    def move_tool(self) -> bool:
        """Whether the panes offer handles to move the layer at hand."""
        return self._move_tool

    @property
    def previewing(self) -> str | None:
        """Name of the layer that is shown where a running registration has it."""
        return self._preview[0] if self._preview else None

    def volumes(self, layer: Layer) -> Volume:
        """The voxels of a layer; where its file has gone meanwhile, those that were read from it, and the person is told."""
        key = (layer.path, layer.form)
        try:
            volume = STORE.get(layer.path, form=layer.form, name=layer.name)
        except UnreadableFileError as error:
            if key not in self._held:
                raise
            self.complained.emit(error)
            return self._held[key].renamed(layer.name)
        self._held[key] = volume
        return volume

    def apply(self, *commands: Command) -> bool:
        """Change the scene; a refusal is told to the person. Whether all commands were taken."""
        with self.telling():
            for command in commands:
                self._session.apply(command)
            return True
        return False

    def undo(self) -> None:
        """Take the last step back."""
        with self.telling():
            self._session.undo()

    def redo(self) -> None:
        """Do the step that was taken back again."""
        with self.telling():
            self._session.redo()

    def cancel(self, gesture: str) -> None:
        """Take a running drag back as if it had not been."""
        with self.telling():
            self._session.cancel(gesture)

    def new_gesture(self, kind: str) -> str:
        """Name for one drag, unlike any other of this window."""
        return f"{kind}-{next(self._gestures)}"

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Tell the person of a deliberate error instead of raising it."""
        try:
            yield
        except VolstudioError as error:
            self.complained.emit(error)

    def guarded(self, slot: Callable[..., object]) -> Callable[..., None]:
        """The slot, with its deliberate errors told to the person."""

        def call(*arguments: object) -> None:
            with self.telling():
                slot(*arguments)

        return call

    def set_active(self, name: str | None) -> None:
        """Take another layer at hand."""
        if name != self._active:
            self._active = name
            self.active_changed.emit()

    def fit_views(self) -> None:
        """Fit the views to the layers as they lie now."""
        self._framed = self._shown.layers
        self.apply(*(SetPanel(plane) for plane in PLANES), SetCamera())
        self.changed.emit(self._shown, self._shown)

    def fit_views_if_free(self) -> None:
        """Fit what the scene itself does not state: for a session that was just opened."""
        self._framed = self._shown.layers
        self.changed.emit(self._shown, self._shown)

    def set_move_tool(self, on: bool) -> None:  # noqa: FBT001 - a slot of a toggling action
        """Offer handles, or put them away."""
        if on != self._move_tool:
            self._move_tool = on
            self.tool_changed.emit()

    def set_preview(self, name: str | None, placement: Placement | None = None) -> None:
        """Show a layer elsewhere for the time being; None: show the session's scene again."""
        self._preview = (name, placement) if name is not None and placement is not None else None
        self._show()

    def set_session(self, session: Session) -> None:
        """Go on with another session."""
        self._unsubscribe()
        self._session.on_post(None)
        self._session = session
        self._unsubscribe = session.on_change(self._session_changed)
        session.on_post(self._woken.emit)
        self._preview = None
        self._show()
        self.history_changed.emit()

    def post(self, call: Callable[[], object]) -> None:
        """Run something on the window's thread, soon; safe from any thread."""
        self._session.post(call)

    def close(self) -> bool:
        """End all jobs; whether they have ended."""
        ended = self.worker.close()
        self._session.on_post(None)
        self._unsubscribe()
        return ended

    def _drain(self) -> None:
        with self.telling():
            self._session.drain()

    def _session_changed(self, before: Scene, after: Scene) -> None:  # noqa: ARG002 - what is shown may differ from both
        self._show()
        self.history_changed.emit()

    def _show(self) -> None:
        before, self._shown = self._shown, self._with_preview(self._session.scene)
        if before is not self._shown:
            if _cast(before) != _cast(self._shown) or not self._framed:
                self._framed = self._shown.layers
            self._choose_active(before, self._shown)
            kept = {(layer.path, layer.form) for layer in self._shown.layers}
            self._held = {key: volume for key, volume in self._held.items() if key in kept}
            self.changed.emit(before, self._shown)

    def _with_preview(self, scene: Scene) -> Scene:
        if self._preview is None or self._preview[0] not in scene.names:
            return scene
        return scene.place(self._preview[0], self._preview[1].affine(self._preview[0]), made_by=self._preview[1].made_by)

    def _choose_active(self, before: Scene, after: Scene) -> None:
        """Keep a layer at hand: the new one on top, or where it was removed or renamed the one at its height."""
        fresh = [name for name in after.names if name not in before.names]
        if fresh and (self._active is None or self._active in after.names):
            self.set_active(fresh[-1])
        elif self._active not in after.names:
            height = before.names.index(self._active) if self._active in before.names else len(after.layers)
            self.set_active(after.names[min(height, len(after.layers) - 1)] if after.layers else None)


def _cast(scene: Scene) -> tuple[tuple[str, str, bool], ...]:
    """Which layers take part; where they lie does not count."""
    return tuple((layer.name, layer.path, layer.look.visible) for layer in scene.layers)
