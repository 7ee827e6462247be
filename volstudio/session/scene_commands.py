"""Commands that change the scene around its layers: the view, the options, the planes and points."""

from __future__ import annotations

from typing import ClassVar

from msgspec.structs import replace

from volstudio.scene.model import Camera, Clip, Convention, Landmark, Panel, Plane, Scene, Vec3, View
from volstudio.session.command import Command

__all__ = [
    "ReplaceScene",
    "SetCamera",
    "SetClips",
    "SetConvention",
    "SetCrosshair",
    "SetLandmarks",
    "SetOptions",
    "SetPanel",
    "SetTitle",
    "SetView",
]


class SetCrosshair(Command, frozen=True):
    """Move the crosshair; None: the middle of the first layer."""

    undoable: ClassVar[bool] = False
    says: ClassVar[str] = "Move crosshair"
    point: Vec3 | None = None

    def apply(self, scene: Scene) -> Scene:
        """The scene with the crosshair there."""
        return replace(scene, crosshair=self.point)


class SetCamera(Command, frozen=True):
    """Look at the 3D view from elsewhere; None: from where all layers are seen."""

    undoable: ClassVar[bool] = False
    says: ClassVar[str] = "Move camera"
    camera: Camera | None = None

    def apply(self, scene: Scene) -> Scene:
        """The scene with the camera there."""
        return replace(scene, camera=self.camera)


class SetPanel(Command, frozen=True):
    """Zoom or pan a slice view."""

    undoable: ClassVar[bool] = False
    says: ClassVar[str] = "Move {plane} view"
    plane: Plane
    panel: Panel = Panel()

    def apply(self, scene: Scene) -> Scene:
        """The scene with the slice view so."""
        return replace(scene, **{self.plane: self.panel})


class SetView(Command, frozen=True):
    """Choose what a picture of the scene shows."""

    undoable: ClassVar[bool] = False
    says: ClassVar[str] = "Show {view}"
    view: View

    def apply(self, scene: Scene) -> Scene:
        """The scene shown so."""
        return replace(scene, view=self.view)


class SetConvention(Command, frozen=True):
    """Show the patient's left on the left (neurological) or on the right (radiological)."""

    undoable: ClassVar[bool] = False
    says: ClassVar[str] = "Show in {convention} convention"
    convention: Convention

    def apply(self, scene: Scene) -> Scene:
        """The scene in that convention."""
        return replace(scene, convention=self.convention)


class SetOptions(Command, frozen=True):
    """Show or hide what is drawn around the layers; None: left as it is."""

    says: ClassVar[str] = "Change display options"
    letters: bool | None = None
    colour_bars: bool | None = None
    scale_bar: bool | None = None
    show_crosshair: bool | None = None
    slices_in_3d: bool | None = None
    background: Vec3 | None = None

    def apply(self, scene: Scene) -> Scene:
        """The scene with the options given."""
        given = {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not None}
        return replace(scene, **given)


class SetClips(Command, frozen=True):
    """Cut the volumes of the 3D view by these planes; ``gesture`` as for `Place`."""

    says: ClassVar[str] = "Change clipping"
    clips: tuple[Clip, ...] = ()
    gesture: str = ""

    def apply(self, scene: Scene) -> Scene:
        """The scene cut so."""
        return replace(scene, clips=self.clips)


class SetLandmarks(Command, frozen=True):
    """Exchange the landmarks; ``gesture`` as for `Place`."""

    says: ClassVar[str] = "Change landmarks"
    landmarks: tuple[Landmark, ...] = ()
    gesture: str = ""

    def apply(self, scene: Scene) -> Scene:
        """The scene with these landmarks."""
        return replace(scene, landmarks=self.landmarks)


class SetTitle(Command, frozen=True):
    """Give the scene a title."""

    says: ClassVar[str] = "Change title"
    title: str

    def apply(self, scene: Scene) -> Scene:
        """The scene with the title."""
        return replace(scene, title=self.title)


class ReplaceScene(Command, frozen=True):
    """Exchange the whole scene, view included; undo brings the former one back as it was seen."""

    whole: ClassVar[bool] = True
    says: ClassVar[str] = "{what}"
    scene: Scene
    what: str = "Open scene"

    def apply(self, scene: Scene) -> Scene:  # noqa: ARG002 - nothing of the former scene stays
        """The new scene."""
        return self.scene
