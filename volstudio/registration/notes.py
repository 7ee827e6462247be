"""What a person should know of how an answer came about, in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from volstudio.registration.plan import METRIC_WORDS

if TYPE_CHECKING:
    from volstudio.geometry.affine import FloatArray
    from volstudio.registration.bounds import Bounds
    from volstudio.registration.masks import Region
    from volstudio.registration.plan import Metric, RegistrationPlan

__all__ = ["doubts", "of_bounds", "of_plan"]

# Below these the answer may be wrong: the failures of bench/register had less than half of the overlap or 0.15 nats, which is 1.02 when
# normalised. Two scans of one contrast correlate by 0.9; a squared difference says nothing without a second one to compare it with.
DOUBTFUL_OVERLAP = 0.5
DOUBTFUL_LIKENESS: dict[Metric, float] = {"mi": 0.15, "nmi": 1.02, "ncc": 0.5}
# Successes of bench/register have 0.1 to 0.6 here.
DOUBTFUL_RIVAL = 0.95


def of_plan(asked: RegistrationPlan, done: RegistrationPlan, regions: tuple[Region | None, Region | None]) -> tuple[str, ...]:
    """Who refined, where it is not who was asked, and what of the scans counted."""
    notes = []
    if asked.refine != done.refine:
        notes.append(f"SimpleITK has no {METRIC_WORDS[done.metric]}; the built-in metric refined instead")
    notes += [f"of {region.scan}, only what lies in the mask {region.name} counts" for region in regions if region is not None]
    return tuple(notes)


def of_bounds(bounds: Bounds | None, pose: FloatArray) -> tuple[str, ...]:
    """Whether the answer was held back."""
    if bounds is None or not bounds.stops(pose):
        return ()
    turn, shift = bounds.reach(pose)
    where = f"{turn:.3g} degrees and {shift:.3g} mm from the start"
    return (f"look closely: it was held back by the plan's bounds, {where}; allow more, or start nearer",)


def doubts(plan: RegistrationPlan, *, likeness: float, overlap: float, rival: float) -> tuple[str, ...]:
    """What makes an answer doubtful at first sight.

    Parameters
    ----------
    plan : RegistrationPlan
    likeness : float
        Of the plan's metric, at the finest level.
    overlap : float
        Share of the smaller volume's object in the field of view of the other.
    rival : float
        Score of the best other place over that of the one found.
    """
    notes = []
    if overlap < DOUBTFUL_OVERLAP:
        notes.append(f"look closely: only {overlap:.0%} of the smaller volume's object lies in the field of view of the other")
    if likeness < DOUBTFUL_LIKENESS.get(plan.metric, -math.inf):
        notes.append(_unlike(plan.metric, likeness))
    if rival > DOUBTFUL_RIVAL:
        notes.append(f"look closely: in another place the two images are nearly as alike ({rival:.0%})")
    return tuple(notes)


def _unlike(metric: Metric, likeness: float) -> str:
    """Two images with little in common."""
    if metric == "ncc":
        return f"look closely: the two images hardly correlate ({likeness:.2f}); for two contrasts, climb mutual information"
    unit = " nats" if metric == "mi" else ", where 1 is none"
    return f"look closely: the two images share next to no information ({likeness:.2f}{unit})"
