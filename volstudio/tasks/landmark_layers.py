"""Landmarks on the layers of a scene: marking, naming and removing them, and the fit that lays one layer on another by the pairs.

A landmark lies in its layer's scanner space and moves with the layer; the same name on two layers makes a pair.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from msgspec.structs import replace

from volstudio.errors import RegistrationError, SceneError
from volstudio.geometry.spaces import scanner
from volstudio.registration.landmarks import fit
from volstudio.scene.model import Landmark, vec3
from volstudio.session.commands import Place, SetLandmarks

if TYPE_CHECKING:
    from volstudio.registration.landmarks import LandmarkFit
    from volstudio.scene.model import Scene, Vec3

__all__ = ["LEAST_PAIRS", "LandmarkPlacement", "fit_layers", "mark", "pairs_of", "place_of", "renamed", "unmark"]

LEAST_PAIRS = 3


@dataclass(frozen=True, slots=True)
class LandmarkPlacement:
    """Where the pairs of two layers put one of them.

    Parameters
    ----------
    fixed, moving : str
        Names of the layers.
    command : Place
        Lays the moving layer there; one undo step.
    found : LandmarkFit
        Its points are those of the pairs in the order of ``names``.
    names : tuple of str
    expected_mm : float
        Expected error at the place asked about, root mean square; NaN for three pairs, whose residuals say too little.
    """

    fixed: str
    moving: str
    command: Place
    found: LandmarkFit
    names: tuple[str, ...]
    expected_mm: float

    @property
    def text(self) -> str:
        """How well the pairs agree, in a sentence or two."""
        worst = max(zip(self.found.residuals_mm, self.names, strict=True))
        said = (
            f"A fit of {len(self.names)} pairs leaves {self.found.rms_mm:.2f} mm (root mean square), most at {worst[1]}: {worst[0]:.2f} mm."
        )
        if math.isnan(self.expected_mm):
            return f"{said} A fourth pair would tell the error to expect."
        return f"{said} Expected error at the crosshair: {self.expected_mm:.2f} mm."


def fit_layers(scene: Scene, fixed: str, moving: str, *, at: Vec3) -> LandmarkPlacement:
    """The rigid map of least squares that brings the moving layer's landmarks to those of the same names on the fixed one.

    Parameters
    ----------
    scene : Scene
    fixed, moving : str
        Names of the layers.
    at : (x, y, z)
        Place in the scene, mm, for which the expected error is told.

    Raises
    ------
    SceneError
        There is no such layer.
    RegistrationError
        There are too few pairs, or they lie on a line.
    """
    pairs = pairs_of(scene, fixed, moving)
    if len(pairs) < LEAST_PAIRS:
        raise RegistrationError(
            f"{fixed} and {moving} share {len(pairs)} landmarks; a rigid map needs at least {LEAST_PAIRS} of the same names."
        )
    found = fit([mover for _, mover in pairs.values()], [still for still, _ in pairs.values()])
    affine = found.moving_to_fixed.affine(scanner(moving), scanner(fixed))
    placed = scene.place(moving, affine, made_by="landmarks")
    expected = float(found.expected_error_mm(placed.placement(moving).inverse().apply(at)))
    return LandmarkPlacement(fixed, moving, Place(moving, placed.layer(moving).placement), found, tuple(pairs), expected)


def pairs_of(scene: Scene, fixed: str, moving: str) -> dict[str, tuple[Vec3, Vec3]]:
    """Points of the two layers that have one name, each in its layer's scanner space, fixed first; in the order they were marked on it."""
    movers = {each.name: each.point for each in scene.landmarks if each.layer == moving}
    return {each.name: (each.point, movers[each.name]) for each in scene.landmarks if each.layer == fixed and each.name in movers}


def place_of(scene: Scene, landmark: Landmark) -> Vec3:
    """Where a landmark lies in the scene, mm."""
    return vec3(scene.placement(landmark.layer).apply(landmark.point))


def mark(scene: Scene, layer: str, at: Vec3) -> SetLandmarks:
    """Mark a place of the scene on a layer: as the partner of the first landmark that the layer lacks, else under the next number.

    Raises
    ------
    SceneError
        There is no such layer.
    """
    point = vec3(scene.placement(layer).inverse().apply(at))
    own = {each.name for each in scene.landmarks if each.layer == layer}
    free = (str(number) for number in count(1) if str(number) not in own)
    name = next((each.name for each in scene.landmarks if each.name not in own), None) or next(free)
    return SetLandmarks((*scene.landmarks, Landmark(name, layer, point)))


def unmark(scene: Scene, name: str, layer: str) -> SetLandmarks:
    """Remove a landmark from a layer; from all others where the layer has none of that name.

    Raises
    ------
    SceneError
        No layer has a landmark of that name.
    """
    meant = [each for each in scene.landmarks if each.name == name]
    if not meant:
        raise SceneError(f"There is no landmark {name!r}.")
    own = [each for each in meant if each.layer == layer] or meant
    return SetLandmarks(tuple(each for each in scene.landmarks if each not in own))


def renamed(scene: Scene, old: str, new: str) -> SetLandmarks:
    """Give the landmarks of one name another name, on all layers."""
    return SetLandmarks(tuple(replace(each, name=new) if each.name == old else each for each in scene.landmarks))
