"""The space in the middle of several scans of one subject: no scan is the template, none is favoured, and bad ones are not heard.

Pairs of scans are registered, more than would be needed; poses of all scans are found that agree with them best
(`volstudio.geometry.consensus`); and the space is put where the scans lie around it in balance (`volstudio.geometry.barycentre`). Choosing
one scan as the target would treat it unlike the others, which biases longitudinal studies (Reuter & Fischl, NeuroImage 57, 2011).
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from volstudio.errors import GeometryError, RegistrationError
from volstudio.geometry.affine import Affine
from volstudio.geometry.barycentre import barycentre
from volstudio.geometry.consensus import consensus
from volstudio.geometry.rigid import RigidTransform, compose
from volstudio.geometry.spaces import scanner
from volstudio.progress import Progress
from volstudio.registration.group import attempt, check_masks, refuse_masks, refuse_time
from volstudio.registration.mean_agreement import Hearing, Weighed, joined_by, notes_on, verdict_on
from volstudio.registration.plan import DEFAULT
from volstudio.registration.prepare import choose_levels, own_frame
from volstudio.registration.shelf import Shelf
from volstudio.registration.single import one_frame
from volstudio.volumes.volume import check_volume, distinct_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from volstudio.geometry.affine import FloatArray
    from volstudio.registration.mean_agreement import Verdict
    from volstudio.registration.plan import RegistrationPlan
    from volstudio.registration.result import RegistrationResult
    from volstudio.volumes.volume import Volume

    Pair = tuple[int, int]

__all__ = ["MeanSpace", "mean_space"]

# So many scans are all registered to one another; of more, each to six others.
ALL_PAIRS = 7
# Good maps contradict each other by less than this share of a voxel: 0.01 among visits of one head, 0.2 of a stranger's with them.
GOOD_GAP = 0.05
# Radians from the middle; at a quarter turn there may be other middles (Afsari, Proc. AMS 139, 2011).
FARTHEST_TURN = math.radians(80)
SHARE_OF_PAIRS = 0.98


@dataclass(frozen=True, slots=True, eq=False)
class MeanSpace:
    """A space in the middle of several scans.

    Parameters
    ----------
    name : str
        Of the space: ``"<name>:scanner"``.
    to_mean : mapping of str to Affine
        By scan, in the order given: where a point of the scan lies in the mean space; rigid.
    weights : mapping of str to float
        What each scan counted for: 1 for one that agrees with the others, less for one that does not, 0 for a stranger.
    disagreement_mm : mapping of str to float
        How far a scan is from where the others want it: the lower median over its pairs.
    failures : mapping of str to str
        Scans that could be registered to no other one, and why; they are not in ``to_mean``.
    pairs : mapping of (str, str) to RegistrationResult
        (moving, fixed): what it rests on.
    notes : tuple of str
        What a person should know.
    """

    name: str
    to_mean: Mapping[str, Affine]
    weights: Mapping[str, float]
    disagreement_mm: Mapping[str, float]
    failures: Mapping[str, str] = field(default_factory=dict)
    pairs: Mapping[tuple[str, str], RegistrationResult] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def outliers(self) -> tuple[str, ...]:
        """Scans that counted for less."""
        return tuple(name for name, weight in self.weights.items() if weight < 1)

    @property
    def verdict(self) -> Verdict | Literal[""]:
        """How far it can be believed that all scans which counted are of one subject and lie right; empty: nothing was judged.

        ``"pass"``: pairs that were judged so join them all; ``"look"``: such pairs, or some judged so, do; ``"fail"``: they fall apart
        without pairs that were judged not to be believed. Of two scans it is the verdict on their pair.
        """
        return verdict_on(self.pairs, self.weights)

    def between(self, source: str, target: str) -> Affine:
        """Map of the points of one scan to those of another, by way of the mean space."""
        return self.to_mean[target].inverse() @ self.to_mean[source]


def mean_space(
    volumes: Sequence[Volume],
    *,
    plan: RegistrationPlan = DEFAULT,
    masks: Sequence[Volume | None] = (),
    name: str = "mean",
    progress: Progress | None = None,
) -> MeanSpace:
    """The space in the middle of several scans of one subject.

    Parameters
    ----------
    volumes : sequence of Volume
        Two or more.
    plan : RegistrationPlan
        For every pair.
    masks : sequence of Volume or None
        One for each scan, as `register` takes them; empty: everything counts.
    name : str
        Of the mean space.
    progress : Progress, optional

    Returns
    -------
    MeanSpace
        The same, to the last bit, in whatever order the scans are given.

    Raises
    ------
    RegistrationError
        There are fewer than two scans, the name is that of a scan, the plan holds masks or there are too few of them, no two scans can be
        registered, or the headers turn the scans by more than 80 degrees from their middle.
    Cancelled

    Notes
    -----
    Of two scans it is half-way along the screw from one to the other, so that the maps to both are inverses. Of more it is the
    exponential barycentre of the scans' poses, each counted by its weight, which depends on no choice of origin or axes. With three or
    more scans, one that contradicts the others (another person's, a spoilt one) counts for little and is said in ``notes``. Of two, nothing
    tells which one is the stranger: both count, and ``verdict`` is ``"fail"``.

    Sources: Reuter, Rosas & Fischl, "Highly accurate inverse consistent registration: a robust approach", NeuroImage 53, 2010; Reuter
    et al., "Within-subject template estimation for unbiased longitudinal image analysis", NeuroImage 61, 2012.

    Examples
    --------
    >>> middle = mean_space([first_visit, second_visit])  # doctest: +SKIP
    >>> middle.to_mean["first_visit"].matrix  # doctest: +SKIP
    """
    for volume in volumes:
        check_volume(volume, "A scan of a mean space")
    if len(volumes) < 2:
        raise RegistrationError(f"A mean space needs at least two scans, got {len(volumes)}.")
    names = distinct_names(volumes)
    if name in names:
        raise RegistrationError(f"One of the scans is called {name!r} like the mean space; give the space another name.")
    refuse_masks(plan, "The plan of a mean space")
    check_masks(masks, volumes)
    refuse_time(plan, volumes)
    progress = progress or Progress()
    frames, said = _frames(volumes, names, plan, progress)
    order = sorted(range(len(frames)), key=lambda number: _content(frames[number]))
    at = plan.with_(time="first")  # the frames have no other
    work = _Work([frames[number] for number in order], [masks[number] if masks else None for number in order], at, Shelf(room=ALL_PAIRS))
    pairs, errors = work.pairs(progress.part(0.0, SHARE_OF_PAIRS))
    joined = joined_by(len(volumes), pairs)
    if len(joined) < 2:
        raise RegistrationError(f"No two of the {len(volumes)} scans could be registered; the first reason: {next(iter(errors.values()))}")
    progress("finding the middle", SHARE_OF_PAIRS)
    to_mean, weighed, reasons = work.settled(pairs, joined)
    progress("found the middle", 1.0)
    found = {work.volumes[scan].name: number for number, scan in enumerate(joined)}
    given = [each for each in names if each in found]
    named = {(work.volumes[i].name, work.volumes[j].name): result for (i, j), result in pairs.items()}
    weights = {each: float(weighed.weights[found[each]]) for each in given}
    gaps = {each: float(weighed.gaps_mm[found[each]]) for each in given}
    why = {each: reasons[found[each]] for each in given}
    return MeanSpace(
        name,
        {each: Affine(to_mean[found[each]].matrix, scanner(each), f"{name}:scanner") for each in given},
        weights,
        gaps,
        {each: _why(each, work, errors) for each in names if each not in found},
        named,
        (*said, *notes_on(named, weights, gaps, why=why, floor=work.floor_mm)),
    )


@dataclass(frozen=True, slots=True)
class _Work:
    """The scans in an order that does not depend on how they were given, and how pairs of them are registered."""

    volumes: list[Volume]
    masks: list[Volume | None]
    plan: RegistrationPlan
    shelf: Shelf

    @property
    def floor_mm(self) -> float:
        """By how much good maps may contradict each other."""
        return GOOD_GAP * float(np.median([np.prod(volume.grid.voxel_sizes) ** (1 / 3) for volume in self.volumes]))

    def pairs(self, progress: Progress) -> tuple[dict[Pair, RegistrationResult], dict[Pair, str]]:
        """Results of pairs, the first of which is the moving scan, and why there is none."""
        results, errors = {}, {}
        wanted = _pairs_of(len(self.volumes))
        for number, (i, j) in enumerate(wanted):
            part = progress.part(number / len(wanted), (number + 1) / len(wanted))
            masks = self.masks[j], self.masks[i]
            tried = attempt((self.volumes[j], self.volumes[i]), plan=self.plan, masks=masks, progress=part, shelf=self.shelf)
            if tried.result is None:
                errors[i, j] = str(tried.error)
            else:
                results[i, j] = tried.result
        return results, errors

    def settled(
        self, pairs: Mapping[Pair, RegistrationResult], joined: Sequence[int]
    ) -> tuple[list[RigidTransform], Weighed, tuple[str, ...]]:
        """Maps of the joined scans to the mean space, in their order, what they count for, and what speaks against them."""
        number = {scan: n for n, scan in enumerate(joined)}
        among = {(number[i], number[j]): result for (i, j), result in pairs.items() if i in number and j in number}
        maps = {pair: RigidTransform.nearest(result.moving_to_fixed.matrix) for pair, result in among.items()}
        hearing = Hearing.of(len(joined), among)
        middles, radii = zip(*(self._object(self.volumes[scan]) for scan in joined), strict=True)
        agreed = consensus(maps, middles, radius_mm=float(np.median(radii)), floor_mm=self.floor_mm, prior=hearing.shares)
        weighed = Weighed.of(agreed, hearing, self.floor_mm)
        middle = _middle(agreed.poses, weighed.weights)
        return [compose(middle, pose.inverse()) for pose in agreed.poses], weighed, hearing.reasons

    def _object(self, volume: Volume) -> tuple[FloatArray, float]:
        """Middle of what a scan shows, mm in its scanner space, and the radius of a ball as wide."""
        frame = own_frame(volume.grid)
        middle, variance = self.shelf(volume, frame, choose_levels(volume.grid, volume.grid), progress=Progress())[0].moments()
        return frame[:3, :3] @ middle + frame[:3, 3], math.sqrt(5 * float(variance.mean()))


def _middle(poses: Sequence[RigidTransform], weights: FloatArray) -> RigidTransform:
    """The pose around which the poses lie in balance, if there is only one."""
    try:
        middle = barycentre(poses, weights=weights)
    except GeometryError:
        away = math.pi
    else:
        away = max(compose(middle.inverse(), pose).angle for pose, weight in zip(poses, weights, strict=True) if weight > 0)
    if away > FARTHEST_TURN:
        raise RegistrationError(
            f"The headers turn the scans by up to {math.degrees(away):.0f} degrees from their middle, which is then not the only one; "
            "lay them roughly alike first."
        )
    return middle


def _frames(
    volumes: Sequence[Volume], names: Sequence[str], plan: RegistrationPlan, progress: Progress
) -> tuple[list[Volume], tuple[str, ...]]:
    """Each scan with one real number per voxel and under its own name, and notes of what was left out of it."""
    frames: list[Volume] = []
    notes: list[str] = []
    for volume, name in zip(volumes, names, strict=True):
        tick = partial(progress, f"reading {name}", 0.0)
        frame, said = one_frame(volume.renamed(name), time=plan.time if volume.n_times > 1 else "first", tick=tick)
        frames.append(frame)
        notes += said
    return frames, tuple(notes)


def _content(volume: Volume) -> tuple[tuple[int, ...], bytes, int]:
    """What tells scans apart whatever their names and order."""
    return volume.shape, volume.affine.matrix.tobytes(), zlib.crc32(np.ascontiguousarray(volume.frame(0)).data)


def _pairs_of(count: int) -> list[Pair]:
    """Pairs to register: all of a few scans; of many, rings of near and far neighbours that close triangles."""
    if count <= ALL_PAIRS:
        return [(i, j) for i in range(count) for j in range(i + 1, count)]
    far = round(math.sqrt(count))
    rings = {(i, (i + step) % count) for step in (1, far, far + 1) for i in range(count)}
    return sorted({(min(pair), max(pair)) for pair in rings})


def _why(name: str, work: _Work, errors: Mapping[Pair, str]) -> str:
    """The first reason why a scan is not among the joined ones."""
    number = next(n for n, volume in enumerate(work.volumes) if volume.name == name)
    return next((text for pair, text in errors.items() if number in pair), "It could be registered to none of the others.")
