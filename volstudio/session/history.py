"""Undo as a list of scenes: what merges into one step, what a cancelled drag takes back, and what undo leaves alone.

Scenes share their unchanged layers, so a step costs a few hundred bytes, and undo gives back the very same values, bit for bit. Pure
bookkeeping: no listeners, no files.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import msgspec

from volstudio.scene.model import Scene
from volstudio.session.commands import AnyCommand, Command, with_view_of

__all__ = ["MAX_STEPS", "History", "Step"]

MAX_STEPS = 500  # a day of work; the oldest are forgotten


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of the history: the scene to go to, and the command that is undone or done again by going there."""

    scene: Scene
    command: AnyCommand


class _Open(NamedTuple):
    """A step that further commands may still join, and what cancelling it brings back."""

    key: str
    base: Scene
    redo: tuple[Step, ...]


class History:
    """The present scene with the steps behind and before it.

    Parameters
    ----------
    scene : Scene
    past, future : iterable of Step
        Oldest first; the last of either is the next to be undone or redone.

    Notes
    -----
    Commands that only move the eye change the scene and make no step. Going to a scene of the history keeps the view of now
    (`VIEW_FIELDS`), except across a command that exchanged the whole scene.
    """

    __slots__ = ("_open", "future", "past", "scene")

    def __init__(self, scene: Scene, past: tuple[Step, ...] = (), future: tuple[Step, ...] = ()) -> None:
        self.scene = scene
        self.past: deque[Step] = deque(past, maxlen=MAX_STEPS)
        self.future: list[Step] = list(future)
        self._open: _Open | None = None

    def take(self, command: Command, after: Scene) -> None:
        """Make ``after``, which is what ``command`` gave, the present scene."""
        before, self.scene = self.scene, after
        if not command.undoable:
            return
        key = command.merge_key
        running = self._open
        if key is None or running is None or running.key != key:
            self._open = None if key is None else _Open(key, before, tuple(self.future))
            self._push(before, command)
            return
        # A drag that comes back to where it began leaves no step, and makes one again when it moves on.
        base = running.base
        if self.past and self.past[-1].scene is base:
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
        self._open = None
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
        running = self._open
        is_last = running is not None and running.key.endswith(f":{gesture}")
        steps = list(self.past)
        first = next((k for k, step in enumerate(steps) if _gesture(step) == gesture), None)
        if first is None:
            return is_last  # a drag that is back where it began, or one that is not known
        now, scene = self.scene, steps[first].scene
        kept = steps[:first]
        for step in steps[first:]:
            if _gesture(step) != gesture:
                kept.append(Step(scene, step.command))
                scene = step.command.apply(scene)
        self.scene = with_view_of(scene, now)
        self.past = deque(kept, maxlen=MAX_STEPS)
        self.future = list(running.redo) if running is not None and is_last and len(kept) == first else []
        self._open = None
        return True


def _gesture(step: Step) -> str:
    return getattr(step.command, "gesture", "")
