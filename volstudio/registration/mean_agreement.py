"""How far scans of a mean space agree: which of them belong together, what each counts for, and what to say of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from volstudio.geometry.affine import FloatArray
    from volstudio.geometry.consensus import Consensus
    from volstudio.registration.result import RegistrationResult

    Pair = tuple[int, int]
    Named = Mapping[tuple[str, str], RegistrationResult]

__all__ = ["Hearing", "Verdict", "Weighed", "joined_by", "notes_on", "verdict_on"]

Verdict = Literal["pass", "look", "fail"]

# What a pair counts for before the others are heard, by the verdict on it; best first.
BELIEVED: dict[Verdict, float] = {"pass": 1.0, "look": 0.3, "fail": 0.03}
# And one with a scan that nothing believed joins to the others: it places that scan and does not pull them.
OUTSIDE = 1e-3
# A scan that is further from the others than this many times what is usual among them, and than two good gaps, counts less.
MUCH_FURTHER = 4.0
# Less than this is nothing: a stranger's pose of 10 mm would still move the middle by tenths of a millimetre.
LEAST_WEIGHT = 0.05
# Where two scans can be believed, one that counts for less than this would only pull the middle to its own place.
DOUBTED = 0.5
LEAST_SCANS = 2
# Good gaps that the usual scan may be away from the others before it is said of all of them.
MANY_GAPS = 5


@dataclass(frozen=True, slots=True)
class Hearing:
    """What each pair of scans counts for beforehand.

    Parameters
    ----------
    core : frozenset of int
        The largest set of scans that pairs judged ``"pass"`` join; where no set is larger than every other, that which ``"look"`` joins,
        too; else all scans.
    shares : mapping of (int, int) to float
        Above 0, 1 at most.
    reasons : tuple of str
        For each scan what the first of its doubtful pairs is doubted for; empty where none is.
    """

    core: frozenset[int]
    shares: Mapping[Pair, float]
    reasons: tuple[str, ...]

    @classmethod
    def of(cls, count: int, pairs: Mapping[Pair, RegistrationResult]) -> Hearing:
        """By the verdicts on the pairs of so many scans."""
        shares = {pair: 1.0 if result.trust is None else BELIEVED[result.trust.verdict] for pair, result in pairs.items()}
        heard = frozenset(_core(count, shares, BELIEVED["pass"]) or _core(count, shares, BELIEVED["look"]) or range(count))
        said = [""] * count
        for pair, result in pairs.items():
            for scan in pair:
                if result.trust is not None and result.trust.reasons and not said[scan]:
                    said[scan] = result.trust.reasons[0]
        return cls(heard, {pair: share * (1 if heard.issuperset(pair) else OUTSIDE) for pair, share in shares.items()}, tuple(said))


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """What each scan counts for, and how far it is from where the others want it.

    Parameters
    ----------
    weights : (n,) float array
        0 to 1.
    gaps_mm : (n,) float array
    """

    weights: FloatArray
    gaps_mm: FloatArray

    @classmethod
    def of(cls, agreed: Consensus, hearing: Hearing, floor_mm: float) -> Weighed:
        """By the pairs among scans that belong together; the median pair of a good scan is good, even where some are not."""
        count, core = len(agreed.poses), sorted(hearing.core)
        gaps, trusted = np.empty(count), np.zeros(count)
        for scan in range(count):
            own = [pair for pair in agreed.gaps_mm if scan in pair and (scan not in hearing.core or hearing.core.issuperset(pair))]
            gaps[scan] = sorted(agreed.gaps_mm[pair] for pair in own)[(len(own) - 1) // 2]
            if scan in hearing.core:
                trusted[scan] = sorted(hearing.shares[pair] for pair in own)[len(own) // 2]
        limit = max(2 * floor_mm, MUCH_FURTHER * float(np.median(gaps[core])))
        weights = np.minimum((limit / np.maximum(gaps, limit)) ** 2, trusted / trusted.max())
        weights = weights / weights.max()
        weights[weights < (DOUBTED if np.count_nonzero(weights >= DOUBTED) >= LEAST_SCANS else LEAST_WEIGHT)] = 0.0
        return cls(weights, gaps)


def _core(count: int, shares: Mapping[Pair, float], least: float) -> list[int]:
    """The set of scans that pairs believed so far join, if it is larger than every other; else none."""
    joins = [pair for pair, share in shares.items() if share >= least]
    core = joined_by(count, joins)
    other = joined_by(count, [pair for pair in joins if pair[0] not in core])
    return core if len(core) > len(other) else []


def joined_by(count: int, pairs: Iterable[Pair]) -> list[int]:
    """The largest set of so many scans that pairs join.

    >>> joined_by(5, [(0, 3), (1, 2), (2, 4)])
    [1, 2, 4]
    """
    group = list(range(count))
    for i, j in pairs:
        old, new = max(group[i], group[j]), min(group[i], group[j])
        group = [new if each == old else each for each in group]
    largest = max(set(group), key=lambda each: (group.count(each), -each))
    return [scan for scan in range(count) if group[scan] == largest]


def verdict_on(pairs: Named, weights: Mapping[str, float]) -> Verdict | Literal[""]:
    """The worst verdict that is needed to join all scans which counted, through pairs of the best; empty: nothing was judged."""
    counted = [name for name, weight in weights.items() if weight > 0]
    number = {name: n for n, name in enumerate(counted)}
    judged = {
        (number[moving], number[fixed]): result.trust.verdict
        for (moving, fixed), result in pairs.items()
        if moving in number and fixed in number and result.trust is not None
    }
    if not judged:
        return ""
    allowed: set[str] = set()
    for verdict in BELIEVED:
        allowed.add(verdict)
        if len(joined_by(len(counted), [pair for pair, each in judged.items() if each in allowed])) == len(counted):
            return verdict
    return "fail"


def notes_on(
    pairs: Named, weights: Mapping[str, float], gaps_mm: Mapping[str, float], *, why: Mapping[str, str], floor: float
) -> tuple[str, ...]:
    """What a person should know of how the scans agree, by their names; ``why`` each is doubted."""
    notes = [*_doubts(pairs, weights)]
    for name, weight in weights.items():
        if weight < 1:
            share = f"for {weight:.0%} only" if weight else "for nothing"
            reason = f"it contradicts the other scans by {gaps_mm[name]:.2g} mm" + (f", and {why[name]}" if why[name] else "")
            notes.append(f"look closely: {name} counted {share}: {reason}; is it of the same person?")
    usual = float(np.median([gaps_mm[name] for name, weight in weights.items() if weight > 0]))
    if usual > MANY_GAPS * floor:
        notes.append(f"look closely: the scans contradict each other by {usual:.2g} mm, and which are wrong cannot be told")
    return tuple(notes)


def _doubts(pairs: Named, weights: Mapping[str, float]) -> Sequence[str]:
    """What to say where the scans that counted may not belong together."""
    verdict = verdict_on(pairs, weights)
    if verdict in ("pass", ""):
        return ()
    doubted = [
        f"{moving} on {fixed} is judged {verdict!r}{f': {result.trust.reasons[0]}' if result.trust.reasons else ''}"
        for (moving, fixed), result in pairs.items()
        if result.trust is not None and result.trust.verdict == verdict and weights.get(moving) and weights.get(fixed)
    ]
    about = doubted[0] if doubted else "no pair of its scans joins all of them"
    if verdict == "look":
        return (f"look closely: {about}",)
    return (f"do not use it as it is: {about}; with these scans alone it cannot be told which is wrong",)
