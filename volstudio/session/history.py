"""Undo as a list of scenes: what merges into one step, what a cancelled drag takes back, and what undo leaves alone.

Scenes share their unchanged layers, so a step costs a few hundred bytes, and undo gives back the very same values, bit for bit. Pure
bookkeeping: no listeners, no files.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from volstudio.scene.model import Scene
from volstudio.session.commands import AnyCommand, Command, with_view_of

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MAX_STEPS", "History", "OpenStep", "Step"]

MAX_STEPS = 500  # a day of work; the oldest are forgotten


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of the history: the scene to go to, and the command that is undone or done again by going there."""

    scene: Scene
    command: AnyCommand


class OpenStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The step that the next command may still join.

    Parameters
    ----------
    key : str
        Merge key of the commands that join.
    gesture : str
        The drag, or empty.
    base : Scene
        Before the first of them.
    redo : tuple of Step
        What could be redone then, and can be again once the drag is cancelled.
    """

    key: str
    gesture: str
    base: Scene
    redo: tuple[Step, ...] = ()


class History:
    """The present scene with the steps behind and before it.

    Parameters
    ----------
    scene : Scene
    past, future : iterable of Step
        Oldest first; the last of either is the next to be undone or redone.
    running : OpenStep or None
        The step that the next command may join.

    Notes
    -----
    Commands that only move the eye change the scene and make no step. Going to a scene of the history keeps the view of now
    (`VIEW_FIELDS`), except across a command that exchanged the whole scene.
    """

    __slots__ = ("future", "past", "running", "scene")

    def __init__(self, scene: Scene, past: Iterable[Step] = (), future: Iterable[Step] = (), running: OpenStep | None = None) -> None:
        self.scene = scene
        self.past: deque[Step] = deque(past, maxlen=MAX_STEPS)
        self.future: list[Step] = list(future)
        self.running = running

    def take(self, command: Command, after: Scene) -> None:
        """Make ``after``, which is what ``command`` gave, the present scene."""
        before, self.scene = self.scene, after
        if not command.undoable:
            return
        key = command.merge_key
        running = self.running
        if key is None or running is None or running.key != key:
            self.running = None if key is None else OpenStep(key, _gesture(command), before, tuple(self.future))
            self._push(before, command)
            return
        # A drag that comes back to where it began leaves no step, and makes one again when it moves on.
        base = running.base
        if self.past and self.past[-1].scene == base:  # no other step begins where this one does: steps change something
            self.past.pop()
        if with_view_of(after, base) != base:
            self._push(base, command)

    def _push(self, before: Scene, command: Command) -> None:
        self.past.append(Step(before, command))  # type: ignore[arg-type]  # every command that is applied is one of AnyCommand
        self.future.clear()

    def undo(self) -> Scene | None:
        """Go back one step; None where there is none."""
        return self._go(self.past, self.future)

    def redo(self) -> Scene | None:
        """Go forward one step; None where there is none."""
        return self._go(self.future, self.past)

    def _go(self, source: deque[Step] | list[Step], target: deque[Step] | list[Step]) -> Scene | None:
        self.running = None
        if not source:
            return None
        step = source.pop()
        target.append(Step(self.scene, step.command))
        self.scene = step.scene if step.command.whole else with_view_of(step.scene, self.scene)
        return self.scene

    def cancel(self, gesture: str) -> bool:
        """Take back every step of a drag as if it had never been made, and keep what else was done meanwhile.

        Returns whether the drag was known. Where the drag was the last thing done, what could be redone before it can be redone again.
        """
        if not gesture:
            return False
        running = self.running
        is_last = running is not None and running.gesture == gesture
        steps = list(self.past)
        first = next((k for k, step in enumerate(steps) if _gesture(step.command) == gesture), None)
        if first is None:
            if running is None or not is_last:
                return False
            # The drag is back where it began, so that only what it had forgotten is to be brought back.
            self.future, self.running = list(running.redo), None
            return True
        now, scene = self.scene, steps[first].scene
        kept = steps[:first]
        for step in steps[first:]:
            if _gesture(step.command) != gesture:
                kept.append(Step(scene, step.command))
                scene = step.command.apply(scene)
        self.scene = with_view_of(scene, now)
        self.past = deque(kept, maxlen=MAX_STEPS)
        self.future = list(running.redo) if running is not None and is_last and len(kept) == first else []
        self.running = None
        return True

    def seal(self) -> None:
        """End all drags: nothing joins or cancels the steps there are. For a history whose views are gone, and their names for drags."""
        self.running = None
        self.past = deque(map(_sealed, self.past), maxlen=MAX_STEPS)
        self.future = list(map(_sealed, self.future))


def _sealed(step: Step) -> Step:
    return Step(step.scene, replace(step.command, gesture="")) if _gesture(step.command) else step


def _gesture(command: Command) -> str:
    return getattr(command, "gesture", "")
