"""What a registration found, how it got there, and with what."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from volstudio.registration.plan import METRIC_WORDS, RegistrationPlan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from volstudio.geometry.affine import Affine, FloatArray
    from volstudio.registration.trust import Trust

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
        Of the plan's kind; larger is more alike. Not comparable between levels.
    moving_to_fixed : (4, 4) read-only float array
        Present pose: moving scanner -> fixed scanner, mm, RAS+.
    engine : {"builtin", "simpleitk", "polish", "signal"}
        Whose step it was; their metrics are not comparable either. "polish" is the built-in metric on many points of both scans. Of
        "signal", which fits a coarse scan's signal, the metric is the share of it that is explained, and the level the coarse scan's voxel
        edge.
    """

    level_mm: float
    iteration: int
    metric: float
    moving_to_fixed: FloatArray
    engine: Literal["builtin", "simpleitk", "polish", "signal"] = "builtin"


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
        Likeness by the plan's metric, at the finest level: mutual information in nats unless another one was asked for.
    stop_reason : str
        Why it ended, in words.
    trace : tuple of TraceStep
        Every step of every level.
    plan : RegistrationPlan
        With the levels and the engine that were really used.
    notes : tuple of str
        What a person should know of how the images were taken: "the first of 200 time points was used".
    versions : mapping of str to str
        Programs that took part.
    seconds : float
    trust : Trust or None
        Whether to believe it: verdict, error in mm, reasons. None: it was not judged.
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
    trust: Trust | None = None

    @property
    def metric_name(self) -> str:
        """What ``metric`` is, in words."""
        return METRIC_WORDS[self.plan.metric]

    @property
    def fixed_to_moving(self) -> Affine:
        """The inverse: the direction in which ITK and FSL write it."""
        return self.moving_to_fixed.inverse()
