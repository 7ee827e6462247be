"""Every way in which a scene can change.

A gizmo, a slider, a key, a script and a finished job all say the same thing to the session: one of these commands.
"""

from __future__ import annotations

from volstudio.session.command import VIEW_FIELDS, Command, with_view_of
from volstudio.session.layer_commands import (
    AddLayer,
    MoveLayer,
    Place,
    Relocate,
    RemoveLayer,
    Rename,
    SetBox,
    SetBoxes,
    SetForm,
    SetLook,
    SetPivot,
    SetTime,
)
from volstudio.session.scene_commands import (
    ReplaceScene,
    SetCamera,
    SetClips,
    SetConvention,
    SetCrosshair,
    SetLandmarks,
    SetOptions,
    SetPanel,
    SetTitle,
    SetView,
)

__all__ = [
    "VIEW_FIELDS",
    "AddLayer",
    "AnyCommand",
    "Command",
    "MoveLayer",
    "Place",
    "Relocate",
    "RemoveLayer",
    "Rename",
    "ReplaceScene",
    "SetBox",
    "SetBoxes",
    "SetCamera",
    "SetClips",
    "SetConvention",
    "SetCrosshair",
    "SetForm",
    "SetLandmarks",
    "SetLook",
    "SetOptions",
    "SetPanel",
    "SetPivot",
    "SetTime",
    "SetTitle",
    "SetView",
    "with_view_of",
]

# The closed set that a journal can hold.
AnyCommand = (
    AddLayer
    | RemoveLayer
    | MoveLayer
    | Rename
    | Place
    | SetLook
    | SetTime
    | SetForm
    | Relocate
    | SetBox
    | SetBoxes
    | SetPivot
    | SetCrosshair
    | SetCamera
    | SetPanel
    | SetView
    | SetConvention
    | SetOptions
    | SetClips
    | SetLandmarks
    | SetTitle
    | ReplaceScene
)
