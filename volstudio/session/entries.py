"""What the lines of a journal say, and how they are played back.

A journal begins with the whole state of a session (``Begin``) and goes on with what happened since: commands as they were applied, and the
four things that are no commands. Played back they give the same scene and the same history.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from volstudio.scene.checks import check
from volstudio.scene.model import Layer, Scene
from volstudio.session.commands import AnyCommand, Command
from volstudio.session.history import History, OpenStep, Step
from volstudio.volumes.spelling import spelled, unspelled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from volstudio.session.session import Session

__all__ = ["AnyEntry", "Begin", "Cancel", "Past", "Redo", "Saved", "Undo", "decode", "encode"]


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag=True, tag_field="do"):
    """A line that is no command."""


class Undo(_Entry, frozen=True):
    """A step was undone."""


class Redo(_Entry, frozen=True):
    """A step was redone."""


class Cancel(_Entry, frozen=True):
    """A drag was taken back."""

    gesture: str


class Saved(_Entry, frozen=True):
    """The scene was saved to a file."""

    path: str


class Frame(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, array_like=True):
    """A scene whose layers stand in a table, so that hundreds of scenes of a history cost one line."""

    scene: Scene
    layers: tuple[int, ...] = ()


class FrameStep(msgspec.Struct, frozen=True, array_like=True):
    """A `Step` in a table's words."""

    frame: Frame
    command: AnyCommand


class FrameOpen(msgspec.Struct, frozen=True, array_like=True):
    """An `OpenStep` in a table's words."""

    key: str
    gesture: str
    base: Frame
    redo: tuple[FrameStep, ...]


class Begin(_Entry, frozen=True):
    """The whole state of a session; all later lines follow from it."""

    table: tuple[Layer, ...]
    now: Frame
    past: tuple[FrameStep, ...] = ()
    future: tuple[FrameStep, ...] = ()
    running: FrameOpen | None = None
    saved: Frame | None = None
    saved_path: str = ""

    @classmethod
    def of(cls, session: Session) -> Begin:
        """The state of a session now."""
        table = _Table()
        history = session.history
        running = history.running
        return cls(
            now=table.frame(history.scene),
            past=table.steps(history.past),
            future=table.steps(history.future),
            running=None
            if running is None
            else FrameOpen(running.key, running.gesture, table.frame(running.base), table.steps(running.redo)),
            saved=None if session.saved_scene is None else table.frame(session.saved_scene),
            saved_path="" if session.saved_path is None else str(session.saved_path),
            table=tuple(table.layers),
        )


AnyEntry = AnyCommand | Undo | Redo | Cancel | Saved | Begin

_encode: Callable[[object], bytes] = msgspec.json.Encoder().encode
_decode: Callable[[bytes], AnyEntry] = msgspec.json.Decoder(AnyEntry).decode


def encode(entry: object) -> bytes:
    """An entry as a line, whatever its files are called."""
    try:
        return _encode(entry)
    except UnicodeEncodeError:  # a file's name is no text; rare, and a mouse move shall not pay for it
        return _encode(_respelled(msgspec.to_builtins(entry), spelled))


def decode(line: bytes) -> AnyEntry:
    """The entry of a line.

    Raises
    ------
    MsgspecError
        It is none.
    """
    entry = _decode(line)
    return entry if line.isascii() else msgspec.convert(_respelled(msgspec.to_builtins(entry), unspelled), AnyEntry)


def _respelled(value: Any, spell: Callable[[str], str]) -> Any:  # noqa: ANN401 - builtins of any depth
    """Nested builtins with all texts spelled in another way."""
    if isinstance(value, str):
        return spell(value)
    if isinstance(value, dict):
        return {key: _respelled(part, spell) for key, part in value.items()}
    return [_respelled(part, spell) for part in value] if isinstance(value, list | tuple) else value


class Past:
    """A session as a journal tells it: the history, and what was saved.

    Parameters
    ----------
    begin : Begin

    Raises
    ------
    SceneError, IndexError
        The state breaks the rules of scenes, or names layers that its table lacks.
    """

    def __init__(self, begin: Begin) -> None:
        def scene(frame: Frame) -> Scene:
            return replace(frame.scene, layers=tuple([begin.table[k] for k in frame.layers]))

        def steps(frames: Iterable[FrameStep]) -> list[Step]:
            return [Step(scene(each.frame), each.command) for each in frames]

        running = begin.running
        self.history = History(
            scene(begin.now),
            steps(begin.past),
            steps(begin.future),
            None if running is None else OpenStep(running.key, running.gesture, scene(running.base), tuple(steps(running.redo))),
        )
        known = None
        for each in (self.history.scene, *(step.scene for step in (*self.history.past, *self.history.future))):
            check(each, known)
            known = each
        self.saved = None if begin.saved is None else scene(begin.saved)
        self.saved_path = Path(begin.saved_path) if begin.saved_path else None

    def play(self, entry: AnyEntry) -> None:
        """Let happen what a line says.

        Raises
        ------
        VolstudioError
            The line does not fit what came before it.
        """
        history = self.history
        match entry:
            case Undo():
                history.undo()
            case Redo():
                history.redo()
            case Cancel():
                history.cancel(entry.gesture)
            case Saved():
                self.saved, self.saved_path = history.scene, Path(entry.path)
            case Begin():
                self.__init__(entry)  # type: ignore[misc]  # a later beginning replaces all before it
            case Command():
                after = entry.apply(history.scene)
                check(after, history.scene)
                history.take(entry, after)


class _Table:
    """Layers by identity, in the order in which they are met."""

    def __init__(self) -> None:
        self.layers: list[Layer] = []
        self._places: dict[int, int] = {}

    def frame(self, scene: Scene) -> Frame:
        return Frame(replace(scene, layers=()), tuple(map(self._place, scene.layers)))

    def steps(self, steps: Iterable[Step]) -> tuple[FrameStep, ...]:
        return tuple(FrameStep(self.frame(step.scene), step.command) for step in steps)

    def _place(self, layer: Layer) -> int:
        place = self._places.setdefault(id(layer), len(self.layers))
        if place == len(self.layers):
            self.layers.append(layer)
        return place
