"""What is shown: an immutable value that a file can hold, a history can keep and a view can compare.

A scene holds no voxels and no file's own affine: a layer names its file and stores the *placement* that is applied after the file's affine.
Replacing one layer shares all others, so comparing scenes by identity tells a view what to touch.
msgspec does not validate in constructors: `volstudio.scene.checks.check` is the one gate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from volstudio.errors import SceneError, WrongTypeError
from volstudio.geometry.affine import Affine
from volstudio.geometry.spaces import SCENE, scanner, volume_of
from volstudio.volumes.nifti_forms import Form

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from volstudio.volumes.volume import Volume

__all__ = [
    "Camera",
    "Clip",
    "Convention",
    "Landmark",
    "Layer",
    "Look",
    "Matrix",
    "Panel",
    "Placement",
    "Plane",
    "Scene",
    "Vec3",
    "View",
    "vec3",
]

Vec3 = tuple[float, float, float]
Row = tuple[float, float, float, float]
Matrix = tuple[Row, Row, Row, Row]
View = Literal["quad", "ortho", "axial", "coronal", "sagittal", "3d"]
Plane = Literal["axial", "coronal", "sagittal"]
Convention = Literal["neurological", "radiological"]
MadeBy = Literal["header", "hand", "registration", "landmarks", "file"]

IDENTITY: Matrix = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))


def vec3(values: ArrayLike) -> Vec3:
    """Three numbers as a scene holds them.

    >>> vec3(np.array([1, 2, 3]))
    (1.0, 2.0, 3.0)
    """
    x, y, z = np.asarray(values, dtype=np.float64).tolist()
    return (x, y, z)


class Placement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where a layer lies in the scene: the map applied after the file's own affine.

    Parameters
    ----------
    matrix : 4 rows of 4 numbers
        The layer's scanner space -> scene, mm, RAS+.
    made_by : str
        ``"header"`` (untouched), ``"hand"``, ``"registration"``, ``"landmarks"`` (fitted to them) or ``"file"`` (a loaded transform).
    pivot : (x, y, z) or None
        Point of the layer's scanner space, mm, about which the six numbers of the panel turn; None: the centre of its grid.
    """

    matrix: Matrix = IDENTITY
    made_by: MadeBy = "header"
    pivot: Vec3 | None = None

    @classmethod
    def of(cls, affine: Affine, *, made_by: MadeBy = "hand", pivot: Vec3 | None = None) -> Placement:
        """Placement with the numbers of an affine; the ends must have been checked by the caller."""
        rows = tuple(tuple(float(x) for x in row) for row in affine.matrix)
        return cls(rows, made_by, pivot)  # type: ignore[arg-type]  # four rows of four by Affine's own check

    def affine(self, layer: str) -> Affine:
        """The placement as a map ``"<layer>:scanner"`` -> ``"scene"``."""
        return Affine(np.array(self.matrix), scanner(layer), SCENE)


class Look(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a layer is drawn.

    Parameters
    ----------
    colourmap : str
        Name in `volstudio.scene.colourmaps`.
    window : (low, high) or None
        Values drawn as first and last colour; None: robust 2-98 % of the volume.
    opacity : float
        0 to 1, of the whole layer in slices and in 3D.
    visible : bool
        Whether the layer is drawn at all.
    blend : "over", "add"
        How slices of this layer join those below: cover them by opacity, or add light.
    interpolation : "linear", "nearest"
        Between voxels: smooth for scans, as blocks for labels.
    hide_below : float or None
        Values below this are transparent in slices (overlays); None: nothing is hidden. For a two-sided map ``|value|`` counts.
    two_sided : bool
        The window is (low, high) of ``|value|`` and the map's second half is used for positive, its first for negative values.
    preset : str
        3D opacity curve, by name in `volstudio.scene.looks`.
    shade : bool
        Whether 3D is lit.
    volume : bool
        Whether the layer is drawn as a volume in the 3D view (its box and slices may still be there).
    """

    colourmap: str = "gray"
    window: tuple[float, float] | None = None
    opacity: float = 1.0
    visible: bool = True
    blend: Literal["over", "add"] = "over"
    interpolation: Literal["linear", "nearest"] = "linear"
    hide_below: float | None = None
    two_sided: bool = False
    preset: str = "soft"
    shade: bool = True
    volume: bool = True


class Layer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One volume of a scene.

    Parameters
    ----------
    name : str
        Unique in the scene, without ":"; names the layer's spaces.
    path : str
        The file, absolute in memory, relative to the scene file on disk; or ``"memory:<token>"`` for a volume without a file; or
        ``"sample:<name>"`` for the built-in samples.
    placement : Placement
        Where the layer lies, after its file's own affine.
    look : Look
        How the layer is drawn.
    form : "auto", "s", "q"
        Which placement of a NIfTI file is used.
    time : int
        Time point shown, from 0.
    digest : str
        ``"sha256:..."`` of the file's bytes when the scene was saved; empty: not known. A changed file is seen by it.
    box : bool
        Whether the volume's oriented box is drawn in 3D.
    """

    name: str
    path: str
    placement: Placement = Placement()
    look: Look = Look()
    form: Form = "auto"
    time: int = 0
    digest: str = ""
    box: bool = True


class Camera(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The eye of the 3D view, in scene mm.

    Parameters
    ----------
    position : (x, y, z)
        Where the eye is, mm.
    focal_point : (x, y, z)
        Where it looks, mm.
    view_up : (x, y, z)
        Which way is up in the picture.
    view_angle : float
        Vertical opening in degrees (perspective).
    parallel_scale : float or None
        Half the height of the view in mm; set: parallel projection.
    """

    position: Vec3
    focal_point: Vec3
    view_up: Vec3 = (0.0, 0.0, 1.0)
    view_angle: float = 30.0
    parallel_scale: float | None = None


class Panel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What part of the world a slice view shows.

    Parameters
    ----------
    centre : (x, y, z) or None
        Scene point in the middle of the view (its depth is ignored: the crosshair gives the slice); None: the middle of all layers.
    height : float or None
        Millimetres from lower to upper edge; None: all layers fit.
    """

    centre: Vec3 | None = None
    height: float | None = None


class Clip(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A plane that cuts the volumes of the 3D view: what lies on the side the normal points to is kept.

    Parameters
    ----------
    origin : (x, y, z)
        A point of the plane, mm.
    normal : (x, y, z)
        Points to the side that is kept; any length but 0.
    """

    origin: Vec3
    normal: Vec3


class Landmark(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A named point of a layer.

    Parameters
    ----------
    name : str
        Its own among the landmarks of the layer; the same name on two layers makes a pair.
    layer : str
        Name of the layer it lies on.
    point : (x, y, z)
        In the layer's scanner space, mm, so that it moves with the layer.
    """

    name: str
    layer: str
    point: Vec3


class Scene(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Everything a view needs to know, and nothing else.

    Parameters
    ----------
    layers : tuple of Layer
        Bottom to top.
    view : str
        What a picture of this scene shows: ``"quad"``, ``"ortho"``, ``"axial"``, ``"coronal"``, ``"sagittal"`` or ``"3d"``.
    convention : "neurological", "radiological"
        Whether the left of the patient is on the left or on the right of axial and coronal views.
    crosshair : (x, y, z) or None
        Scene mm; None: the middle of what the first layer shows.
    camera : Camera or None
        None: an oblique view that holds all that is seen.
    axial, coronal, sagittal : Panel
        Zoom and pan of the slice view.
    clips : tuple of Clip
        Planes that cut the volumes of the 3D view, at most six.
    landmarks : tuple of Landmark
        Named points on layers.
    letters : bool
        Whether the sides of the patient are lettered.
    colour_bars : bool
        Whether a bar per coloured layer stands beside the slices.
    scale_bar : bool
        Whether a bar of round millimetres is drawn.
    show_crosshair : bool
        Whether the crosshair is drawn.
    slices_in_3d : bool
        Whether the three slices stand in the 3D view.
    background : (r, g, b)
        Each 0 to 1.
    title : str
        Printed on pictures; one line.
    """

    layers: tuple[Layer, ...] = ()
    view: View = "quad"
    convention: Convention = "neurological"
    crosshair: Vec3 | None = None
    camera: Camera | None = None
    axial: Panel = Panel()
    coronal: Panel = Panel()
    sagittal: Panel = Panel()
    clips: tuple[Clip, ...] = ()
    landmarks: tuple[Landmark, ...] = ()
    letters: bool = True
    colour_bars: bool = True
    scale_bar: bool = True
    show_crosshair: bool = True
    slices_in_3d: bool = False
    background: Vec3 = (0.055, 0.06, 0.07)
    title: str = ""

    @classmethod
    def of(cls, *volumes: Volume) -> Scene:
        """Scene of opened volumes with looks that suit them, in an order that does not depend on the order given.

        See `volstudio.scene.looks.arrange` for how the base and the overlays are chosen.
        """
        from volstudio.scene.looks import arrange
        from volstudio.volumes.volume import check_volume

        return cls(layers=arrange([check_volume(volume, "Each argument of Scene.of") for volume in volumes]))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the layers, bottom to top."""
        return tuple(layer.name for layer in self.layers)

    def layer(self, name: str) -> Layer:
        """The layer of that name.

        Raises
        ------
        SceneError
            There is none.
        """
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise SceneError(f"The scene has no layer {name!r}; it has {', '.join(map(repr, self.names)) or 'none'}.")

    def with_layer(self, layer: Layer) -> Scene:
        """The scene with the layer of the same name replaced; every other layer is shared."""
        self.layer(layer.name)
        return msgspec.structs.replace(self, layers=tuple(layer if old.name == layer.name else old for old in self.layers))

    def placement(self, name: str, *, onto: str | None = None) -> Affine:
        """Where a layer lies: the map from its scanner space to the scene, or to the scanner space of another layer.

        Parameters
        ----------
        name : str
        onto : str or None
            The other layer; None: the scene itself.

        Raises
        ------
        SceneError
            There is no such layer, or both are the same one.
        """
        to_scene = self.layer(name).placement.affine(name)
        if onto is None:
            return to_scene
        if onto == name:
            raise SceneError(f"A layer cannot be placed on itself; name another layer than {name!r} as the fixed one.")
        return self.placement(onto).inverse() @ to_scene

    def place(self, name: str, affine: Affine, *, made_by: MadeBy = "hand") -> Scene:
        """The scene with one layer placed.

        Parameters
        ----------
        name : str
        affine : Affine
            From ``"<name>:scanner"`` to ``"scene"``, or to ``"<other>:scanner"`` of another layer (a registration result), which is
            then followed by that layer's own placement.
        made_by : str

        Raises
        ------
        SpaceMismatchError
            The map does not start in the layer's scanner space, or ends neither in the scene nor in a scanner space.
        SceneError
            There is no such layer, or none whose scanner space the map ends in.
        WrongTypeError
            The map is no `Affine`, such as a bare matrix, which does not say where it leads.
        """
        layer = self.layer(name)
        if not isinstance(affine, Affine):
            raise WrongTypeError(
                f"A layer is placed by an Affine with named ends, got {type(affine).__name__}; "
                f"for a matrix give Affine(matrix, {scanner(name)!r}, {SCENE!r})."
            )
        other = volume_of(affine.target)
        to_scene = Affine.identity(SCENE, SCENE) if other is None else self.placement(other)
        placed = to_scene @ affine @ Affine.identity(scanner(name), scanner(name))
        placement = Placement.of(placed, made_by=made_by, pivot=layer.placement.pivot)
        return self.with_layer(msgspec.structs.replace(layer, placement=placement))
