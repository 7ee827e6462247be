"""Every command of the window in one table: menu, key, icon, tip. The menus, the toolbar and the sheet of keys are made from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction, QActionGroup, QKeySequence

from volstudio.apps.studio.icons import icon

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

__all__ = ["MOUSE", "Entry", "build_actions", "fill_menus"]

LINE = "-"
Slot = Callable[..., object]


@dataclass(frozen=True, slots=True)
class Entry:
    """One command.

    Parameters
    ----------
    name : str
        By which the window finds it.
    menu : str
        Menu it stands in, ``"File"`` or ``"File/Export"``; empty: key only.
    text : str
    keys : tuple of str
        Shortcuts, as Qt writes them.
    run : callable or None
        What it does; a checkable one is given its new state.
    picture : str
        Icon; empty: none.
    checkable : bool
    group : str
        Checkable entries of one group exclude each other.
    """

    name: str
    menu: str
    text: str
    keys: tuple[str, ...] = ()
    run: Callable[..., object] | None = None
    picture: str = ""
    checkable: bool = False
    group: str = ""


# What the mouse does, for the sheet of keys: (where, what, does).
MOUSE = (
    ("Slices", "Left click or drag", "move the crosshair"),
    ("Slices", "Wheel", "next slice"),
    ("Slices", "Ctrl+wheel, right drag", "zoom"),
    ("Slices", "Middle drag", "pan"),
    ("Slices", "Shift, no button", "crosshair follows"),
    ("3D", "Left drag", "rotate"),
    ("3D", "Middle drag, Shift+drag", "pan"),
    ("3D", "Wheel, right drag", "zoom"),
    ("3D", "Left click", "crosshair to what is seen"),
    ("Move tool", "Drag a handle", "move or turn the layer"),
    ("Move tool", "Shift in a drag", "whole mm and degrees"),
    ("Move tool", "Esc, right click", "take the drag back"),
    ("All panes", "Double-click", "one pane alone, and back"),
    ("Number fields", "Up, Down", "step; Shift × 10, Ctrl × 0.1"),
)


def build_actions(window: QWidget, entries: Iterable[Entry], guard: Callable[[Slot], Slot]) -> dict[str, QAction]:
    """Actions of a window by name; each is reachable by its keys from the whole window.

    Parameters
    ----------
    window : QWidget
    entries : iterable of Entry
    guard : callable
        Wraps what an action does, so that its errors are told.
    """
    actions: dict[str, QAction] = {}
    groups: dict[str, QActionGroup] = {}
    for entry in entries:
        action = QAction(entry.text, window)
        action.setShortcuts([QKeySequence(key) for key in entry.keys])
        if entry.picture:
            action.setIcon(icon(entry.picture))
            action.setIconVisibleInMenu(False)
        plain = entry.text.replace("&", "").rstrip("…")
        keys = entry.keys[0] if entry.keys else ""
        action.setToolTip(f"{plain} ({keys})" if keys else plain)
        if entry.checkable:
            action.setCheckable(True)
            if entry.group:
                group = groups.setdefault(entry.group, QActionGroup(window))
                group.addAction(action)
        if entry.run is not None:
            run = guard(entry.run)
            action.triggered.connect(_with_state(run) if entry.checkable else _plainly(run))
        window.addAction(action)
        actions[entry.name] = action
    return actions


def fill_menus(bar: QMenuBar, entries: Iterable[Entry], actions: dict[str, QAction]) -> None:
    """Menus in the order of the entries; an entry whose text is ``-`` is a line."""
    menus: dict[str, QMenu] = {}
    for entry in entries:
        if not entry.menu:
            continue
        parent: QMenu | QMenuBar = bar
        path = ""
        for part in entry.menu.split("/"):
            path = f"{path}/{part}" if path else part
            if path not in menus:
                menus[path] = parent.addMenu(f"&{part}")
            parent = menus[path]
        if entry.text == LINE:
            menus[entry.menu].addSeparator()
        else:
            menus[entry.menu].addAction(actions[entry.name])


def _with_state(run: Slot) -> Slot:
    """A slot whose one named argument makes Qt send the new state along."""
    return lambda on: run(on)  # noqa: PLW0108 - Qt counts the arguments of what it is given


def _plainly(run: Callable[..., object]) -> Callable[..., object]:
    """A slot that does not hand on the state that Qt sends along."""
    return lambda _checked=False: run()
