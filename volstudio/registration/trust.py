"""Is this registration right? Questions that need no truth, because a pair is only ever compared with itself.

`volstudio.registration.trust_evidence` asks them; here the answers become a verdict, a bound of the error in mm and words. There are four
ways of being wrong, and one question sees each: no overlap; not where the images fit best; mirrored left for right (the same images in a
mirror fit better, block for block); and not the same object (on the whole the images fit, but no block fits best where it lies, and
mirrored they fit as well). All lengths follow the object, so that a mouse is asked as a man is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from volstudio.errors import RegistrationError, SpaceMismatchError
from volstudio.geometry.spaces import scanner
from volstudio.progress import Progress
from volstudio.registration.pairing import Pairing
from volstudio.registration.prepare import choose_levels
from volstudio.registration.trust_evidence import LEAST_OVERLAP, Evidence, gather
from volstudio.volumes.volume import distinct_names

if TYPE_CHECKING:
    from volstudio.geometry.affine import Affine, FloatArray
    from volstudio.volumes.volume import Volume

__all__ = ["Evidence", "Trust", "judge", "judged", "trust"]

# Rigid to this, as `register` asks of a start.
RIGID_TOLERANCE = 1e-4
LEVELS = 3  # of the pyramid; 8, 4 and 2 mm for a head

# Each line of limits: fine, worth a look, failed. They were drawn on bench/trust and the tuning half of tests/bench/trust_cases.py; the
# figures say where their right (r) and their wrong (w) outcomes lie.
AWAY = (0.0, 0.39, 0.54)  # units (5 to 6 mm for a head) from the best fit near here: r up to 0.35, w from 0.45
SAME = (0.9, 0.54, 0.42)  # share of blocks in place, plus how far the mirrored share exceeds a half: r from 0.8, w up to 0.3
UNMIRRORED = (0.0, -1.8, -3.0)  # standard errors by which that share exceeds a half: r from 3, mirrored ones below -3
STEEP = (0.2, 0.09, 0.05)  # loss of likeness by small moves: r from 0.18
# Likeness half a turn away over that here; standard errors by which blocks prefer this one: r 0.8, 7; w 1.3, -7.
TURNED = (0.8, 0.95, 1.1)
UNTURNED = (6.0, 3.0, -3.0)
RIVAL = (0.6, 0.95, 2.0)  # a search's second place over its first: r up to 0.6; equal places are a doubt, no failure
UNSURE = (0.0, 0.39, 2.0)  # units by which equally good ways of fitting differ: r up to 0.2
FEW_BLOCKS = 12
# Nats. By chance ten thousand samples in 24 x 24 classes share up to 0.03; an angiogram and a T1 of one head share 0.02 to 0.04, heads laid
# far off on each other 0.06 and more.
SCANT = 0.045
SYMMETRIC = (0.44, 0.6)
WORST = 10.0
# The true error is at most this for nineteen of twenty: what each distance adds, and a bit of a unit.
BOUND = {"best_mm": 1.1, "levels_mm": 0.5, "halves_mm": 0.5, "inverse_mm": 0.3, "starts_apart_mm": 0.3}
BOUND_UNITS = 0.015


@dataclass(frozen=True, slots=True)
class Trust:
    """Whether to believe a registration.

    Parameters
    ----------
    verdict : {"pass", "look", "fail"}
    error_mm : float
        The mean error over the object is at most this, nineteen times in twenty; infinite where no rigid map can be right: nothing
        overlaps, one is mirrored, or they may be different subjects.
    reasons : tuple of str
        In words, worst first; on a pass, only what the verdict does not cover.
    evidence : Evidence
    doubt : float
        One number to rank results by: up to 1 is a pass, up to 2 a look, more a failure.
    """

    verdict: Literal["pass", "look", "fail"]
    error_mm: float
    reasons: tuple[str, ...]
    evidence: Evidence
    doubt: float = 0.0


def trust(fixed: Volume, moving: Volume, moving_to_fixed: Affine, *, progress: Progress | None = None) -> Trust:
    """Judge a rigid map between two volumes, however it was found.

    Parameters
    ----------
    fixed, moving : Volume
        Of a 4D volume the first time point.
    moving_to_fixed : Affine
        ``"<moving>:scanner"`` -> ``"<fixed>:scanner"``, rigid.
    progress : Progress, optional
        ``cancel()`` stops within some 0.1 s.

    Returns
    -------
    Trust
        The same to the last bit on every run.

    Raises
    ------
    RegistrationError
        A volume holds no structure, or the map is not rigid.
    SpaceMismatchError
        The map leads between other spaces.

    Notes
    -----
    What misleads every fit alike, at every level and in every half of the image, such as an EPI's distortion, it sees only in part.
    """
    names = distinct_names((fixed, moving))
    wanted = scanner(names[1]), scanner(names[0])
    if (moving_to_fixed.source, moving_to_fixed.target) not in (wanted, (moving.affine.target, fixed.affine.target)):
        raise SpaceMismatchError(
            f"The map must lead from {wanted[0]} to {wanted[1]}, got {moving_to_fixed.source} -> {moving_to_fixed.target}; "
            "is an .inverse() missing?"
        )
    stretch = np.linalg.svd(moving_to_fixed.linear, compute_uv=False)
    if np.abs(stretch - 1).max() > RIGID_TOLERANCE or np.linalg.det(moving_to_fixed.linear) < 0:
        raise RegistrationError(
            f"Only a turn and a shift can be judged; the map {moving_to_fixed.source} -> {moving_to_fixed.target} stretches by "
            f"{stretch[-1]:.4g} to {stretch[0]:.4g} or mirrors."
        )
    progress = progress or Progress()
    levels = choose_levels(fixed.grid, moving.grid)[:LEVELS]
    pairing = Pairing.of(fixed, moving, levels, progress=progress.part(0.0, 0.4))
    return judge(pairing, pairing.pose(moving_to_fixed.matrix), progress=progress.part(0.4, 1.0))


def judge(pairing: Pairing, pose: FloatArray, *, rival: float = 0.0, progress: Progress | None = None) -> Trust:
    """Judge a pose of volumes that are prepared already.

    Parameters
    ----------
    pairing : Pairing
        Of any levels; three, the finest a quarter of the coarsest, serve best.
    pose : (4, 4) float array
        Source frame -> target frame.
    rival : float
        How good the best other place that a search found is, over this one; 0 where none is known.
    progress : Progress, optional
    """
    return judged(gather(pairing, pose, rival=rival, progress=progress or Progress()))


def judged(evidence: Evidence) -> Trust:
    """Verdict on evidence."""
    if evidence.overlap < LEAST_OVERLAP:
        said = f"they do not overlap: {evidence.overlap:.0%} of the smaller volume's object lies in the other's field of view"
        return Trust("fail", float("inf"), (said,), evidence, float("inf"))
    if evidence.information <= 0:
        return Trust("fail", float("inf"), ("not enough structure to tell: the images share nothing here",), evidence, float("inf"))
    if evidence.shared < SCANT:
        return Trust("look", float("inf"), (_scant(evidence),), evidence, 2.0)
    identity, turned = [_mirrored(evidence), _stranger(evidence)], _turned(evidence)
    doubts = sorted([*identity, turned, _away(evidence), _flat(evidence), _rival(evidence), _unsure(evidence)], reverse=True)
    worst = doubts[0][0]
    verdict: Literal["pass", "look", "fail"] = "fail" if worst > 2 else "look" if worst > 1 else "pass"
    reasons = tuple(said for doubt, said in doubts if doubt > 1) or _remarks(evidence)
    error = float("inf") if max(identity)[0] > 1 else _bound(evidence) + (evidence.turned_mm if turned[0] > 1 else 0.0)
    return Trust(verdict, error, reasons, evidence, worst)


def _bound(evidence: Evidence) -> float:
    """The error's bound, mm."""
    return float(sum(weight * getattr(evidence, name) for name, weight in BOUND.items()) + BOUND_UNITS * evidence.unit_mm)


def _scant(evidence: Evidence) -> str:
    return f"not enough structure in common to tell: even where they fit best they share only {evidence.shared:.2g} nats"


def _away(evidence: Evidence) -> tuple[float, str]:
    said = f"it is not where they fit best: that is {evidence.best_mm:.3g} mm away"
    if evidence.starts_apart_mm > AWAY[2] * evidence.unit_mm:
        said += f", and two climbs from around it end {evidence.starts_apart_mm:.3g} mm apart"
    return _doubt(evidence.best_mm / evidence.unit_mm, AWAY), said


def _mirrored(evidence: Evidence) -> tuple[float, str]:
    said = f"one of them is mirrored: {1 - evidence.mirror_share:.0%} of their parts fit better in a mirror"
    return _doubt((evidence.mirror_share - 0.5) * 2 * np.sqrt(evidence.mirror_blocks), UNMIRRORED), said


def _turned(evidence: Evidence) -> tuple[float, str]:
    """Long objects laid on themselves end for end or front to back; the whole and its parts have to say so."""
    how = "better" if evidence.turned_share < 0.5 else "as well"
    said = f"half a turn away, {evidence.turned_mm:.3g} mm from here, they fit {how}: {1 - evidence.turned_share:.0%} of their parts say so"
    parts = _doubt((evidence.turned_share - 0.5) * 2 * np.sqrt(evidence.turned_blocks), UNTURNED)
    return min(_doubt(evidence.turned, TURNED), parts), said


def _stranger(evidence: Evidence) -> tuple[float, str]:
    """Different objects: their parts fit neither in place nor better than in a mirror; one alone may be distortion or symmetry."""
    if evidence.blocks < FEW_BLOCKS:
        return 1.5, f"not enough structure to tell: only {evidence.blocks} parts of the images can be compared"
    same = evidence.local_share + evidence.mirror_share - 0.5
    said = f"these may be different subjects: {evidence.local_share:.0%} of their parts fit best where they lie"
    return _doubt(same, SAME), said


def _flat(evidence: Evidence) -> tuple[float, str]:
    return _doubt(evidence.drop, STEEP), f"not enough structure to tell: small moves cost only {max(evidence.drop, 0):.0%} of the likeness"


def _rival(evidence: Evidence) -> tuple[float, str]:
    return _doubt(evidence.rival, RIVAL), f"in another place they are nearly as alike ({evidence.rival:.0%})"


def _unsure(evidence: Evidence) -> tuple[float, str]:
    unsure = _bound(evidence) - BOUND["best_mm"] * evidence.best_mm
    said = f"not enough structure to tell it better than to {unsure:.2g} mm"
    if BOUND["starts_apart_mm"] * evidence.starts_apart_mm > unsure / 2:
        said = f"two fits are as good, {evidence.starts_apart_mm:.3g} mm apart: it cannot be told better than to {unsure:.2g} mm"
    return _doubt(unsure / evidence.unit_mm, UNSURE), said


def _remarks(evidence: Evidence) -> tuple[str, ...]:
    """What a pass does not cover."""
    if SYMMETRIC[0] < evidence.mirror_share < SYMMETRIC[1]:
        return ("whether one of them is mirrored cannot be told: left and right are too much alike",)
    return ()


def _doubt(value: float, limits: tuple[float, float, float]) -> float:
    """0 at the first limit, 1 at the second, 2 at the third and straight on from there, up to 10."""
    fine, look, fail = limits
    if (value - look) * (fail - look) < 0:
        return float(np.clip((value - fine) / (look - fine), 0, 1))
    return float(min(1 + (value - look) / (fail - look), WORST))
