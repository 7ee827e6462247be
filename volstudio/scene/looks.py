"""How volumes are drawn at first sight, and the opacity curves of the 3D view by name.

A person who opens two scans wants to see at once how they lie: the sharper anatomy in gray below, the rest in colours that stay apart
from gray and from each other (never red against green). `arrange` decides from the volumes alone, so the order in which files were
named changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from volstudio.errors import SceneError
from volstudio.scene.names import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from volstudio.scene.model import Layer
    from volstudio.volumes.volume import Volume

__all__ = ["PRESETS", "OpacityCurve", "arrange", "preset"]


@dataclass(frozen=True, slots=True)
class OpacityCurve:
    """How opaque a value is in the 3D view.

    Parameters
    ----------
    name : str
    points : tuple of (position, opacity)
        Joined by straight lines. Positions are in units of the window, 0 its lower and 1 its upper end; opacity 0 to 1 is that of a path
        of ``unit_mm`` through the value.
    what : str
        What it is good for, for a person who chooses.
    unit_mm : float
        Millimetres over which ``opacity`` is reached; small: surfaces, large: fog.
    fade : float
        How much of what is behind it the layer may hide as a whole, times the layer's own opacity; below 1 it is lit like a surface and
        seen through like glass.
    """

    name: str
    points: tuple[tuple[float, float], ...]
    what: str
    unit_mm: float = 1.0
    fade: float = 1.0


def preset(name: str) -> OpacityCurve:
    """The opacity curve of that name.

    Raises
    ------
    SceneError
        There is none; the sentence names what is near.
    """
    found = PRESETS.get(name)
    if found is None:
        raise SceneError(f"There is no 3D preset {name!r}{nearest(name, PRESETS)}")
    return found


def arrange(volumes: Sequence[Volume]) -> tuple[Layer, ...]:
    """Layers for opened volumes, bottom to top, with looks that suit them.

    Parameters
    ----------
    volumes : sequence of Volume

    Returns
    -------
    tuple of Layer
        CT and anatomy first, of each the volume of most voxels lowest, then functional scans, statistical maps and labels. The same for
        any order of ``volumes``.

    Raises
    ------
    SceneError
        Two of the volumes are the same one.
    """
    from volstudio.scene.first_sight import layers_of  # needs voxels; scenes from files do not

    return layers_of(volumes)


def _curve(name: str, what: str, *points: tuple[float, float], unit_mm: float = 1.0, fade: float = 1.0) -> OpacityCurve:
    return OpacityCurve(name, points, what, unit_mm, fade)


# The curves are our own; the hyphened names are those that users of 3D Slicer know.
_CURVES = (
    _curve("soft", "any MR scan: air clear, tissue as translucent cloud, bright tissue firm",
           (0.0, 0.0), (0.18, 0.0), (0.35, 0.06), (0.6, 0.28), (1.0, 0.75)),
    _curve("solid", "the outer surface, hardly translucent", (0.0, 0.0), (0.16, 0.0), (0.26, 0.85), (1.0, 1.0)),
    _curve("glass", "the outer surface as glass, to see other layers through it",
           (0.0, 0.0), (0.14, 0.0), (0.28, 0.6), (1.0, 1.0), fade=0.36),
    _curve("bone", "the brightest part as a surface", (0.0, 0.0), (0.38, 0.0), (0.52, 0.45), (0.7, 0.95), (1.0, 1.0)),
    _curve("mip-like", "only the highest values, like a maximum projection", (0.0, 0.0), (0.55, 0.0), (0.85, 0.25), (1.0, 1.0)),
    _curve("fog", "everything, thinly and evenly", (0.0, 0.0), (0.05, 0.01), (1.0, 0.12), unit_mm=4.0),
    _curve("overlay", "an overlay inside an anatomy: what is shown in slices, firm", (0.0, 0.0), (0.02, 0.12), (0.5, 0.45), (1.0, 0.9)),
    _curve("labels", "labels: all but 0, firm", (0.0, 0.0), (0.002, 0.0), (0.003, 0.7), (1.0, 0.7)),
    _curve("MR-Default", "T1 or PD head", (0.0, 0.0), (0.15, 0.0), (0.3, 0.1), (0.55, 0.35), (0.8, 0.7), (1.0, 0.85)),
    _curve("MR-T2-Brain", "T2: fluid bright", (0.0, 0.0), (0.3, 0.0), (0.5, 0.1), (0.75, 0.5), (1.0, 0.9)),
    _curve("MR-Angio", "time-of-flight vessels", (0.0, 0.0), (0.6, 0.0), (0.72, 0.15), (0.85, 0.7), (1.0, 1.0)),
    _curve("MR-MIP", "vessels, like a maximum projection", (0.0, 0.0), (0.5, 0.0), (0.8, 0.2), (1.0, 1.0)),
    _curve("CT-Bone", "skull and bones", (0.0, 0.0), (0.32, 0.0), (0.42, 0.3), (0.55, 0.85), (1.0, 1.0)),
    _curve("CT-Soft-Tissue", "skin and muscle", (0.0, 0.0), (0.1, 0.0), (0.18, 0.25), (0.3, 0.5), (0.6, 0.8), (1.0, 1.0)),
    _curve("CT-Chest-Vessels", "contrast-filled vessels", (0.0, 0.0), (0.26, 0.0), (0.34, 0.4), (0.6, 0.85), (1.0, 1.0)),
    _curve("CT-MIP", "bone and contrast, like a maximum projection", (0.0, 0.0), (0.35, 0.0), (0.8, 0.3), (1.0, 1.0)),
    _curve("CT-X-ray", "everything as in a radiograph", (0.0, 0.0), (0.08, 0.01), (0.5, 0.08), (1.0, 0.3), unit_mm=4.0),
)  # fmt: skip

PRESETS: Mapping[str, OpacityCurve] = MappingProxyType({curve.name: curve for curve in _CURVES})
