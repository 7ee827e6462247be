"""Commands that change the layers of a scene."""

from __future__ import annotations

from typing import ClassVar

from msgspec.structs import replace

from volstudio.errors import CommandError
from volstudio.scene.model import Layer, Look, Placement, Scene, Vec3  # noqa: TC001 - msgspec reads the annotations when it runs
from volstudio.session.command import Command, LayerCommand, layer_named
from volstudio.volumes.nifti_forms import Form  # noqa: TC001 - as above

__all__ = [
    "AddLayer",
    "MoveLayer",
    "Place",
    "Relocate",
    "RemoveLayer",
    "Rename",
    "SetBox",
    "SetBoxes",
    "SetForm",
    "SetLook",
    "SetPivot",
    "SetTime",
]


class AddLayer(Command, frozen=True):
    """Put a layer into the scene; ``index`` counts from the bottom, None is on top."""

    layer: Layer
    index: int | None = None

    def apply(self, scene: Scene) -> Scene:
        """The scene with the layer."""
        _demand_free(scene, self.layer.name)
        layers = list(scene.layers)
        layers.insert(len(layers) if self.index is None else _position(self.index, len(layers) + 1, self.layer.name), self.layer)
        return replace(scene, layers=tuple(layers))

    @property
    def text(self) -> str:
        """What was done."""
        return f"Add {self.layer.name}"


class RemoveLayer(Command, frozen=True):
    """Take a layer, and the landmarks on it, out of the scene."""

    says: ClassVar[str] = "Remove {name}"
    name: str

    def apply(self, scene: Scene) -> Scene:
        """The scene without the layer."""
        gone = layer_named(scene, self.name)
        layers = tuple(layer for layer in scene.layers if layer is not gone)
        return replace(scene, layers=layers, landmarks=tuple(mark for mark in scene.landmarks if mark.layer != self.name))


class MoveLayer(Command, frozen=True):
    """Put a layer at another height of the stack; ``index`` counts from the bottom."""

    says: ClassVar[str] = "Reorder {name}"
    name: str
    index: int

    def apply(self, scene: Scene) -> Scene:
        """The scene with the layer at ``index``."""
        moved = layer_named(scene, self.name)
        layers = [layer for layer in scene.layers if layer is not moved]
        layers.insert(_position(self.index, len(scene.layers), self.name), moved)
        return replace(scene, layers=tuple(layers))


class Rename(Command, frozen=True):
    """Give a layer another name; its landmarks follow."""

    says: ClassVar[str] = "Rename {name}"
    name: str
    new: str

    def apply(self, scene: Scene) -> Scene:
        """The scene with the layer renamed."""
        old = layer_named(scene, self.name)
        if self.new != self.name:
            _demand_free(scene, self.new)
        layers = tuple(replace(layer, name=self.new) if layer is old else layer for layer in scene.layers)
        marks = tuple(replace(mark, layer=self.new) if mark.layer == self.name else mark for mark in scene.landmarks)
        return replace(scene, layers=layers, landmarks=marks)


class Place(LayerCommand, frozen=True):
    """Lay a layer elsewhere in the scene.

    Parameters
    ----------
    name : str
    placement : Placement
    gesture : str
        Name of the drag that this is a part of, unique to it; all its commands make one undo step. Empty: a step of its own.
    """

    field: ClassVar[str] = "placement"
    placement: Placement
    gesture: str = ""

    @property
    def text(self) -> str:
        """What was done."""
        told = {"header": "Reset", "registration": "Refine", "landmarks": "Fit landmarks of", "file": "Load transform of"}
        return f"{told.get(self.placement.made_by, 'Move')} {self.name}"


class SetLook(LayerCommand, frozen=True):
    """Draw a layer in another way; ``gesture`` as for `Place`."""

    field: ClassVar[str] = "look"
    says: ClassVar[str] = "Change look of {name}"
    look: Look
    gesture: str = ""


class SetTime(LayerCommand, frozen=True):
    """Show another time point of a layer; running through a series is one undo step."""

    field: ClassVar[str] = "time"
    says: ClassVar[str] = "Change time of {name}"
    time: int

    @property
    def merge_key(self) -> str | None:
        """One step per run through the series."""
        return f"SetTime:{self.name}"


class SetForm(LayerCommand, frozen=True):
    """Use the sform, the qform or NIfTI's own choice of a layer's file."""

    field: ClassVar[str] = "form"
    says: ClassVar[str] = "Change form of {name}"
    form: Form


class Relocate(LayerCommand, frozen=True):
    """Take a layer's voxels from another file; what was known of the old file's bytes is forgotten."""

    says: ClassVar[str] = "Change file of {name}"
    path: str
    digest: str = ""

    def changed(self, layer: Layer) -> Layer:
        """The layer with the file."""
        return replace(layer, path=self.path, digest=self.digest)


class SetBox(LayerCommand, frozen=True):
    """Show or hide the box of a layer in 3D."""

    field: ClassVar[str] = "box"
    says: ClassVar[str] = "Change box of {name}"
    box: bool


class SetBoxes(Command, frozen=True):
    """Show or hide the boxes of all layers in 3D."""

    says: ClassVar[str] = "Change boxes"
    box: bool

    def apply(self, scene: Scene) -> Scene:
        """The scene with all boxes so; a layer whose box is so already is shared."""
        return replace(scene, layers=tuple([layer if layer.box is self.box else replace(layer, box=self.box) for layer in scene.layers]))


class SetPivot(LayerCommand, frozen=True):
    """Turn a layer about another point of its scanner space; None: the centre of its grid. The layer does not move."""

    says: ClassVar[str] = "Move pivot of {name}"
    pivot: Vec3 | None = None
    gesture: str = ""

    def changed(self, layer: Layer) -> Layer:
        """The layer with the pivot."""
        return replace(layer, placement=replace(layer.placement, pivot=self.pivot))


def _demand_free(scene: Scene, name: str) -> None:
    if name in scene.names:
        raise CommandError(f"The scene already has a layer {name!r}; a layer's name must be its own, so choose another.")


def _position(index: int, length: int, name: str) -> int:
    if not 0 <= index < length:
        raise CommandError(f"Layer {name!r} cannot be put at position {index}; positions here go from 0 (bottom) to {length - 1} (top).")
    return index
