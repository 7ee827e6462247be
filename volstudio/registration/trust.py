"""Is this registration right? Questions that need no truth, because a pair is only ever compared with itself.

How alike two images are says little: a right CT on MR is less alike than a wrong MR on MR. What carries from pair to pair is what happens
around the pose: at a summit every small move makes the images less alike, climbs from around it come back to it, and the images taken in a
mirror fit worse. The first gives whether, the second how far in mm, and the third what no distance shows: a left-right flip.

All lengths are in voxels of the coarsest level, a 24th of the object's width, so that a mouse is asked as a man is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from volstudio.errors import SpaceMismatchError
from volstudio.geometry.rotation import from_axis_angle
from volstudio.geometry.spaces import scanner
from volstudio.progress import Progress
from volstudio.registration.ascent import climb
from volstudio.registration.comparison import Comparison
from volstudio.registration.field import Samples
from volstudio.registration.pairing import Pairing
from volstudio.registration.prepare import choose_levels
from volstudio.volumes.volume import distinct_names

if TYPE_CHECKING:
    from volstudio.geometry.affine import Affine, FloatArray
    from volstudio.registration.prepare import Level
    from volstudio.volumes.volume import Volume

__all__ = ["Evidence", "Trust", "judge", "trust"]

SEED = 20
COARSE_SAMPLES, COARSE_BINS = 2500, 16
FINE_SAMPLES, FINE_BINS = 10_000, 24
# Small moves that are tried: coarse voxels of shift, and degrees of turn, both ways along three axes.
PROBE_SHIFTS, PROBE_TURNS_DEG = (0.375, 1.0), (3.0, 8.0)
# Two climbs begin so far away: coarse voxels and degrees, in these directions.
AWAY, AWAY_DEG = 1.25, 10.0
AWAY_DIRECTIONS = ((1.0, 1.0, -1.0), (-1.0, 1.0, 1.0))
LEAST_OVERLAP = 0.2
RIVAL = 0.95  # successes of bench/register have 0.1 to 0.6

# The limits were set on bench/trust, six pairs; the figures say where its right (r) and its wrong (w) ones lie.
NEAR, FAR = 0.25, 0.4  # coarse voxels of disagreement: r up to 0.24, w from 0.42
LEAST_FRACTION = 0.96  # r 1.00
DOUBTFUL_DROP, LEAST_DROP = 0.15, 0.1  # r from 0.19, other subjects up to 0.08
ALMOST_MIRRORED, MIRRORED = 0.96, 1.0  # r up to 0.93, mirrored ones from 1.07
# The true error is at most this for nineteen of twenty: so many times the disagreement, and a bit of a coarse voxel that all climbs share.
PER_DISAGREEMENT, SHARED_ERROR = 1.2, 0.03


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the questions gave.

    Parameters
    ----------
    overlap : float
        Share of the smaller volume's object in the field of view of the other.
    information : float
        Mutual information at the pose, nats.
    fraction : float
        Share of small moves that make the images less alike; 1 at a summit.
    drop : float
        By what share they do so on average: a right pair has a steep summit.
    agreement_mm : float
        Median distance of where two climbs from around the pose end, from the pose.
    mirror : float
        Mutual information of the best mirrored fit near here over that of the best fit near here.
    """

    overlap: float
    information: float
    fraction: float
    drop: float
    agreement_mm: float
    mirror: float


@dataclass(frozen=True, slots=True)
class Trust:
    """Whether to believe a registration.

    Parameters
    ----------
    verdict : {"pass", "look", "fail"}
    error_mm : float
        The mean error over the object is at most this, nineteen times in twenty; infinite where nothing overlaps.
    reasons : tuple of str
        In words, worst first; empty on a pass.
    evidence : Evidence
    """

    verdict: Literal["pass", "look", "fail"]
    error_mm: float
    reasons: tuple[str, ...]
    evidence: Evidence


def trust(fixed: Volume, moving: Volume, moving_to_fixed: Affine, *, progress: Progress | None = None) -> Trust:
    """Judge a rigid map between two volumes, however it was found.

    Parameters
    ----------
    fixed, moving : Volume
        Of a 4D volume the first time point.
    moving_to_fixed : Affine
        ``"<moving>:scanner"`` -> ``"<fixed>:scanner"``, rigid.
    progress : Progress, optional

    Raises
    ------
    RegistrationError
        A volume holds no structure.
    SpaceMismatchError
        The map leads between other spaces.

    Notes
    -----
    It cannot see what every climb is misled by alike, such as the distortion of an EPI.
    """
    names = distinct_names((fixed, moving))
    wanted = scanner(names[1]), scanner(names[0])
    if (moving_to_fixed.source, moving_to_fixed.target) not in (wanted, (moving.affine.target, fixed.affine.target)):
        raise SpaceMismatchError(
            f"The map must lead from {wanted[0]} to {wanted[1]}, got {moving_to_fixed.source} -> {moving_to_fixed.target}; "
            "is an .inverse() missing?"
        )
    progress = progress or Progress()
    coarsest = choose_levels(fixed.grid, moving.grid)[0]
    pairing = Pairing.of(fixed, moving, (coarsest, coarsest / 2), progress=progress.part(0.0, 0.4))
    return judged(_Probe.of(pairing).evidence(pairing.pose(moving_to_fixed.matrix), progress.part(0.4, 1.0)), coarsest)


def judge(pairing: Pairing, pose: FloatArray, *, rival: float = 0.0, progress: Progress | None = None) -> Trust:
    """Judge a pose of volumes that are prepared already.

    Parameters
    ----------
    pairing : Pairing
    pose : (4, 4) float array
        Source frame -> target frame.
    rival : float
        How good the best other place that a search found is, over this one.
    progress : Progress, optional
    """
    two = replace(pairing, source=_two(pairing.source), target=_two(pairing.target))
    found = judged(_Probe.of(two).evidence(pose, progress or Progress()), pairing.source[0].spacing)
    if found.verdict == "pass" and rival > RIVAL:
        return replace(found, verdict="look", reasons=(f"in another place they are nearly as alike ({rival:.0%})",))
    return found


def _two(levels: tuple[Level, ...]) -> tuple[Level, ...]:
    """The two coarsest levels; the one there is, twice."""
    return levels[0], levels[min(1, len(levels) - 1)]


def judged(evidence: Evidence, coarsest_mm: float) -> Trust:
    """Verdict on evidence; ``coarsest_mm``: voxel edge of the coarsest level."""
    failures, doubts = [], []
    if evidence.overlap < LEAST_OVERLAP:
        failures.append(f"they do not overlap: {evidence.overlap:.0%} of the smaller volume's object lies in the other's field of view")
        return Trust("fail", float("inf"), tuple(failures), evidence)
    away = evidence.agreement_mm
    if evidence.mirror > MIRRORED:
        failures.append("one of them is mirrored, or these are different subjects: taken in a mirror they fit better")
    elif evidence.mirror > ALMOST_MIRRORED:
        doubts.append("taken in a mirror they fit nearly as well")
    if away > FAR * coarsest_mm:
        failures.append(f"it is not where they fit best: climbs from around it end {away:.3g} mm away")
    elif away > NEAR * coarsest_mm:
        doubts.append(f"climbs from around it end {away:.3g} mm away")
    if evidence.fraction < LEAST_FRACTION:
        doubts.append(f"{1 - evidence.fraction:.0%} of small moves make them more alike")
    if evidence.drop < DOUBTFUL_DROP:
        said = "small moves hardly matter: these may be different subjects, or there is not enough structure"
        (failures if evidence.drop < LEAST_DROP else doubts).append(said)
    verdict: Literal["pass", "look", "fail"] = "fail" if failures else "look" if doubts else "pass"
    error = PER_DISAGREEMENT * away + SHARED_ERROR * coarsest_mm
    return Trust(verdict, error, (*failures, *doubts), evidence)


@dataclass(frozen=True, slots=True)
class _Probe:
    """A pair's two coarsest levels, ready to be asked."""

    coarse: Comparison
    fine: Comparison
    pairing: Pairing

    @classmethod
    def of(cls, pairing: Pairing) -> _Probe:
        """Probe of a pairing with two levels."""
        coarse = Samples.draw(pairing.source[0], COARSE_SAMPLES, seed=SEED)
        fine = Samples.draw(pairing.source[1], FINE_SAMPLES, seed=SEED)
        return cls(Comparison(coarse, pairing.target[0], bins=COARSE_BINS), Comparison(fine, pairing.target[1], bins=FINE_BINS), pairing)

    def mirrored(self, axis: int) -> _Probe:
        """The same with the source reflected through its middle along an axis."""
        sign = np.ones((3, 1), np.float32)
        sign[axis] = -1
        pairs = ((self.coarse, self.pairing.target[0]), (self.fine, self.pairing.target[1]))
        coarse, fine = (Comparison(replace(c.samples, points=c.samples.points * sign), t, bins=c.bins) for c, t in pairs)
        return _Probe(coarse, fine, self.pairing)

    def evidence(self, pose: FloatArray, progress: Progress) -> Evidence:
        """Ask everything about a pose."""
        here = self.value(pose)
        centroid = self.fine.samples.centroid
        overlap = self.fine.at(pose[:3, :3], pose[:3, :3] @ centroid + pose[:3, 3], slope=False).overlap
        if overlap < LEAST_OVERLAP or here <= 0:
            return Evidence(overlap, max(here, 0.0), 0.0, 0.0, float("inf"), 0.0)
        probes = np.array([max(self.value(pose @ move), 0.0) for move in self.moves()])
        ends = []
        for number, direction in enumerate(AWAY_DIRECTIONS):
            progress("asking whether climbs come back", 0.2 + 0.2 * number)
            away = _move(centroid, np.array(direction) / np.sqrt(3), AWAY * self.pairing.source[0].spacing, np.radians(AWAY_DEG))
            ends.append(self.settled(pose @ away))
        distances = [self.distance(end, pose) for end in ends]
        best = max(here, *(self.value(end) for end in ends))
        progress("asking a mirror", 0.6)
        reflections = [self.mirrored(axis) for axis in range(3)]
        mirror = max(other.value(other.settled(pose)) for other in reflections)
        return Evidence(
            overlap, here, float((probes < here).mean()), float(1 - probes.mean() / here), float(np.median(distances)), mirror / best
        )

    def moves(self) -> list[FloatArray]:
        """Small moves of the source, both ways along and about each axis through the samples' middle."""
        centroid, spacing = self.fine.samples.centroid, self.pairing.source[0].spacing
        axes = [sign * axis for axis in np.eye(3) for sign in (-1, 1)]
        shifts = [_move(centroid, axis, size * spacing, 0.0) for axis in axes for size in PROBE_SHIFTS]
        return shifts + [_move(centroid, axis, 0.0, np.radians(size)) for axis in axes for size in PROBE_TURNS_DEG]

    def value(self, pose: FloatArray) -> float:
        """Mutual information at the finer level."""
        return self.fine.at(pose[:3, :3], pose[:3, :3] @ self.fine.samples.centroid + pose[:3, 3], slope=False).value

    def settled(self, pose: FloatArray) -> FloatArray:
        """Where a climb from a pose ends."""
        for comparison, step, tolerance in ((self.coarse, 0.75, 0.04), (self.fine, 0.25, 0.006)):
            spacing = self.pairing.source[0].spacing
            pose = climb(comparison, pose, step_mm=step * spacing, tolerance_mm=tolerance * spacing, iterations=15).pose
        return pose

    def distance(self, one: FloatArray, other: FloatArray) -> float:
        """Mean distance of two poses over the samples, mm."""
        difference = one - other
        points = self.fine.samples.points.T + self.fine.samples.centroid
        return float(np.linalg.norm(points @ difference[:3, :3].T + difference[:3, 3], axis=1).mean())


def _move(centre: FloatArray, axis: FloatArray, shift: float, angle: float) -> FloatArray:
    """(4, 4) turn about an axis through a point, and shift along that axis."""
    move = np.eye(4)
    move[:3, :3] = from_axis_angle(axis, angle)
    move[:3, 3] = centre - move[:3, :3] @ centre + shift * axis
    return move
