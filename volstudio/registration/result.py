"""What a registration found, how it got there, and with what."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from volstudio.registration.plan import RegistrationPlan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from volstudio.geometry.affine import Affine, FloatArray

__all__ = ["RegistrationResult", "TraceStep"]


@dataclass(frozen=True, slots=True, eq=False)
class TraceStep:
    """One step of the optimiser; also the value that `register` reports to its progress.

    Parameters
    ----------
    level_mm : float
        Voxel edge of the level.
    iteration : int
        From 1 within the level.
    metric : float
        Mutual information in nats; larger is better. Not comparable between levels.
    moving_to_fixed : (4, 4) read-only float array
        Present pose: moving scanner -> fixed scanner, mm, RAS+.
    """

    level_mm: float
    iteration: int
    metric: float
    moving_to_fixed: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class RegistrationResult:
    """The map found, and its story.

    Parameters
    ----------
    moving_to_fixed : Affine
        ``"<moving>:scanner"`` -> ``"<fixed>:scanner"``: where a point of the moving scan belongs. Rigid after a rigid start.
    start : Affine
        The placement it began from, between the same spaces.
    metric : float
        Mutual information in nats at the finest level.
    stop_reason : str
        Why it ended, in words.
    trace : tuple of TraceStep
        Every step of every level.
    plan : RegistrationPlan
        With the levels that were really used.
    notes : tuple of str
        What a person should know of how the images were taken: "the first of 200 time points was used".
    versions : mapping of str to str
        Programs that took part.
    seconds : float
    trust : None
        Kept for the verdict whether to believe the result.
    """

    moving_to_fixed: Affine
    start: Affine
    metric: float
    stop_reason: str
    trace: tuple[TraceStep, ...] = ()
    plan: RegistrationPlan = field(default_factory=RegistrationPlan)
    notes: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    trust: None = None

    @property
    def fixed_to_moving(self) -> Affine:
        """The inverse: the direction in which ITK and FSL write it."""
        return self.moving_to_fixed.inverse()
