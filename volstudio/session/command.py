"""What a command is: a frozen value that can be written to the journal and that gives the scene after it.

``apply`` shares every layer that it does not touch. Whether the new scene keeps the scene's rules is not asked here but at the one gate,
`volstudio.scene.checks`. The commands themselves are in `volstudio.session.commands`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec
from msgspec.structs import asdict, replace

from volstudio.errors import CommandError
from volstudio.scene.names import nearest

if TYPE_CHECKING:
    from volstudio.scene.model import Layer, Scene

__all__ = ["VIEW_FIELDS", "Command", "LayerCommand", "layer_named", "with_view_of"]

# Where the person looks, not what is looked at: undo leaves these as they are now. The convention is among them because an undo that
# swaps the sides of the patient would be dangerous.
VIEW_FIELDS = ("view", "convention", "crosshair", "camera", "axial", "coronal", "sagittal")


class Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag=True, tag_field="do"):
    """Base of all commands.

    Attributes
    ----------
    undoable : bool
        Whether the command makes an undo step; commands that only move the eye do not.
    whole : bool
        Whether undoing it also brings back the view of before; only where the whole scene was exchanged.
    says : str
        What was done, with the command's fields in braces.
    """

    undoable: ClassVar[bool] = True
    whole: ClassVar[bool] = False
    says: ClassVar[str] = "Change scene"

    def apply(self, scene: Scene) -> Scene:
        """The scene after the command; raises `CommandError` where the command does not fit."""
        raise NotImplementedError

    @property
    def merge_key(self) -> str | None:
        """Commands in a row with the same key make one undo step; None: a step of its own.

        The key holds the ``gesture`` of the commands that have one: the name of one drag, given by the view that started it.
        """
        gesture = getattr(self, "gesture", "")
        return f"{type(self).__name__}:{getattr(self, 'name', '')}:{gesture}" if gesture else None

    @property
    def text(self) -> str:
        """What was done, for the menu entry *Undo ...*."""
        return self.says.format(**asdict(self))


class LayerCommand(Command, frozen=True):
    """A command that exchanges one field of one layer; ``field`` is its name here and there."""

    field: ClassVar[str]
    name: str

    def changed(self, layer: Layer) -> Layer:
        """The layer after the command."""
        return replace(layer, **{self.field: getattr(self, self.field)})

    def apply(self, scene: Scene) -> Scene:
        """The scene with that one layer exchanged; every other layer is shared."""
        old = layer_named(scene, self.name)
        new = self.changed(old)
        return replace(scene, layers=tuple([new if layer is old else layer for layer in scene.layers]))


def layer_named(scene: Scene, name: str) -> Layer:
    """The layer that a command names.

    Raises
    ------
    CommandError
        There is none; the sentence names those there are.
    """
    for layer in scene.layers:
        if layer.name == name:
            return layer
    raise CommandError(f"The scene has no layer {name!r}{nearest(name, scene.names)}")


def with_view_of(scene: Scene, other: Scene) -> Scene:
    """The content of ``scene`` seen as ``other`` is seen; ``scene`` itself where nothing differs."""
    changes = {name: value for name in VIEW_FIELDS if (value := getattr(other, name)) is not getattr(scene, name)}
    return replace(scene, **changes) if changes else scene
