"""Refine a placement: register two layers of a scene from where they lie, and say how well it went.

Everything here works on values that cannot change, so that it can run beside a window. What comes back is a command; whether it is
still wanted is for the session to say, by the revision that the work began with.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from volstudio.errors import RegistrationError, SceneError
from volstudio.geometry.measure import Distance, angle_deg, distance_mm, over_grid
from volstudio.geometry.spaces import scanner
from volstudio.registration.plan import DEFAULT
from volstudio.registration.rigid import register
from volstudio.session.commands import Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from volstudio.progress import Progress
    from volstudio.registration.plan import RegistrationPlan
    from volstudio.registration.result import RegistrationResult
    from volstudio.scene.model import Layer, Scene
    from volstudio.volumes.volume import Volume

__all__ = ["Refinement", "known_truth_mm", "outcome", "refine", "shown_pair"]

SAMPLE_FIXED, SAMPLE_MOVING = "sample:t1", "sample:epi"


@dataclass(frozen=True, slots=True)
class Refinement:
    """What a refinement of one layer found.

    Parameters
    ----------
    fixed, moving : str
        Names of the layers.
    command : Place
        Lays the moving layer where the registration found it; one undo step.
    result : RegistrationResult
    revision : int or None
        The layer's revision that the work began with, as the caller gave it. Another one now: the person has moved the layer meanwhile.
    moved : Distance
        How far the moving volume's box went, mm.
    turned_deg : float
    notes : tuple of str
        What a person should know of how the images were taken.
    before, after : Distance or None
        Against the known truth, for the built-in sample.
    """

    fixed: str
    moving: str
    command: Place
    result: RegistrationResult
    revision: int | None
    moved: Distance
    turned_deg: float
    notes: tuple[str, ...] = ()
    before: Distance | None = None
    after: Distance | None = None

    @property
    def text(self) -> str:
        """The outcome in one or two sentences."""
        said = (
            f"{self.moving} moved by {self.moved.mean:.2f} mm and {self.turned_deg:.2f}° in {self.result.seconds:.1f} s; "
            f"mutual information {self.result.metric:.4f}; {self.result.stop_reason}."
        )
        return " ".join([said, *(f"{note[0].upper()}{note[1:]}." for note in self.notes)])


def refine(
    scene: Scene,
    fixed: str,
    moving: str,
    *,
    volumes: Callable[[Layer], Volume],
    plan: RegistrationPlan = DEFAULT,
    progress: Progress | None = None,
    revision: int | None = None,
) -> Refinement:
    """Register one layer to another, from where both lie in the scene; `volstudio.tasks.check.judge` tells whether to believe it.

    Parameters
    ----------
    scene : Scene
    fixed, moving : str
        Names of the layers; of a series, the time point that is shown is used.
    volumes : callable
        Gives the volume of a layer.
    plan : RegistrationPlan
    progress : Progress, optional
        Gets a `TraceStep` at every step: its pose leads from the moving to the fixed scanner space, as `Scene.place` takes it.
    revision : int, optional
        Handed through to the answer.

    Raises
    ------
    SceneError
        There is no such layer.
    RegistrationError, Cancelled
        Nothing has changed then.
    """
    if fixed == moving:
        raise RegistrationError(f"{fixed} cannot be registered to itself; choose two layers.")
    start = scene.placement(moving, onto=fixed)
    still, mover = shown_pair(scene, fixed, moving, volumes=volumes)
    result = register(still, mover, plan=plan, start=start, judge=False, progress=progress)
    placed = scene.place(moving, result.moving_to_fixed, made_by="registration")
    return Refinement(
        fixed=fixed,
        moving=moving,
        command=Place(moving, placed.layer(moving).placement),
        result=result,
        revision=revision,
        moved=over_grid(result.start, result.moving_to_fixed, mover.grid),
        turned_deg=angle_deg(result.start, result.moving_to_fixed),
        notes=(*result.notes, *_series_notes(scene, (fixed, moving), volumes)),
        before=known_truth_mm(scene, moving),
        after=known_truth_mm(placed, moving),
    )


def shown_pair(scene: Scene, fixed: str, moving: str, *, volumes: Callable[[Layer], Volume]) -> tuple[Volume, Volume]:
    """The volumes of two layers under the layers' names; of a series the time point that is shown.

    Raises
    ------
    SceneError
        There is no such layer.
    """
    return _shown(scene.layer(fixed), volumes), _shown(scene.layer(moving), volumes)


def known_truth_mm(scene: Scene, name: str) -> Distance | None:
    """How far a layer lies from where it truly belongs, over the voxels of its brain.

    Known for the EPI of the built-in sample beside the sample's T1, wherever both lie in the scene; None for anything else.

    Raises
    ------
    SceneError
        There is no such layer.
    """
    from volstudio.volumes.samples import brain_points, truth

    still = next((layer.name for layer in scene.layers if layer.path == SAMPLE_FIXED), None)
    if still is None or scene.layer(name).path != SAMPLE_MOVING:
        return None
    belongs = truth().renamed(source=scanner(name), target=scanner(still))
    return distance_mm(scene.placement(name, onto=still), belongs, brain_points())


def outcome(scene: Scene, name: str) -> float:
    """Mean distance in mm of a layer from its known truth.

    Raises
    ------
    SceneError
        There is no such layer, or its truth is not known.
    """
    distance = known_truth_mm(scene, name)
    if distance is None:
        raise SceneError(f"Where {name!r} truly belongs is not known; it is for the sample's EPI beside the sample's T1.")
    return distance.mean


def _shown(layer: Layer, volumes: Callable[[Layer], Volume]) -> Volume:
    """The layer's volume under the layer's name, of a series the time point shown."""
    volume = volumes(layer).renamed(layer.name)
    return replace(volume, data=volume.frame(layer.time)) if volume.n_times > 1 else volume


def _series_notes(scene: Scene, names: tuple[str, ...], volumes: Callable[[Layer], Volume]) -> tuple[str, ...]:
    """Which time points were used."""
    layers = [(scene.layer(name), volumes(scene.layer(name)).n_times) for name in names]
    return tuple(f"of {layer.name}, time point {layer.time} of {n} was used" for layer, n in layers if n > 1)
