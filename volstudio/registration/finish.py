"""Whether a registration ends with the fit of a coarse scan's signal (`volstudio.registration.epi`), and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from volstudio.registration.epi import Unsettled, settled, suits

if TYPE_CHECKING:
    from volstudio.registration.beginning import Regions
    from volstudio.registration.bounds import Bounds
    from volstudio.registration.epi import Pause, Report
    from volstudio.registration.pairing import Pairing
    from volstudio.registration.plan import RegistrationPlan
    from volstudio.registration.sitk_bridge import Climb
    from volstudio.volumes.volume import Volume

__all__ = ["finished", "refusal"]


def refusal(plan: RegistrationPlan, scans: tuple[Volume, Volume], regions: Regions) -> str | None:
    """Why the last step is left out, in words; None where it is to be tried."""
    if plan.settle == "none":
        return "the plan does without it"
    if plan.metric not in ("mi", "nmi"):
        return "the plan's metric is for scans of one contrast"
    if any(region is not None for region in regions):
        return "it does not know of masks"
    if not suits(*scans):
        return "neither scan has voxels that are coarse, and larger than the other's"
    return None


def finished(
    end: Climb,
    pairing: Pairing,
    plan: RegistrationPlan,
    *,
    scans: tuple[Volume, Volume],
    regions: Regions,
    bounds: Bounds | None,
    reports: tuple[Report, Pause],
) -> tuple[Climb, tuple[str, ...]]:
    """The end of a registration: of its climb, or where the coarser scan's signal fits best; and notes, where that was asked for in vain.

    Parameters
    ----------
    end : Climb
        Where the climb ended.
    pairing : Pairing
    plan : RegistrationPlan
    scans : two Volume
        Fixed and moving, three-dimensional.
    regions : two Region or None
        Masks of either.
    bounds : Bounds or None
        A pose beyond them is not taken.
    reports : two callables
        ``report`` and ``pause`` of `volstudio.registration.epi.settled`.
    """
    why = refusal(plan, scans, regions)
    if why is None:
        found = settled(pairing, scans, end.pose, report=reports[0], pause=reports[1])
        if isinstance(found, Unsettled):
            why = found.words
        elif bounds is not None and not bounds.holds(found.pose):
            why = "it led out of the plan's bounds"
        else:
            return replace(end, pose=found.pose, stop_reason=f"{end.stop_reason}; {found.words}"), ()
    if plan.settle == "signal":
        return end, (f"the signal was not fitted voxel by voxel: {why}",)
    return end, ()
