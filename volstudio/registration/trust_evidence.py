"""What a pair of images says about a pose when it is asked: the measurements that `volstudio.registration.trust` judges by.

All of them compare the pair with itself. How alike two images are says little: a right CT on MR is less alike than a wrong MR on MR. What
carries from pair to pair is where the nearest summit is, whether it is the same for half of the samples, at a coarser level and with the
roles exchanged; whether the pair fits better in a mirror; and whether each block of the images lies where it fits best.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from volstudio.geometry.points import moved
from volstudio.geometry.rotation import from_axis_angle
from volstudio.registration.ascent import Pace, climb, climb_each
from volstudio.registration.comparison import Comparison
from volstudio.registration.field import Samples
from volstudio.registration.trust_blocks import SHELLS, Blocks
from volstudio.registration.trust_turns import AIR, APART, best_of, half_turns, score

if TYPE_CHECKING:
    from volstudio.geometry.affine import FloatArray
    from volstudio.progress import Progress
    from volstudio.registration.ascent import Summit
    from volstudio.registration.pairing import Pairing
    from volstudio.registration.prepare import Level

__all__ = ["LEAST_OVERLAP", "Evidence", "gather"]

SEED = 20
# Lengths are counted in such parts of an object's width.
UNITS_ACROSS = 24
COARSE_SAMPLES, COARSE_BINS = 2500, 16
MIDDLE_SAMPLES, MIDDLE_BINS = 10_000, 24
FINE_SAMPLES = 20_000
ITERATIONS = 15
ROUGHLY = 10  # enough to see which mirror is worth a closer look
# Blocks are looked at in voxels of about this many units.
FINE_UNITS = 0.25
BLOCK_UNITS = 3.0
# Edge of a block over the steps by which it is moved.
BLOCK_STEPS = 12
# Small moves that are tried: coarse voxels of shift, and degrees of turn, both ways along three axes.
PROBE_SHIFTS, PROBE_TURNS_DEG = (0.375, 1.0), (3.0, 8.0)
# Two climbs begin so far away: coarse voxels and degrees, in these directions.
AWAY, AWAY_DEG = 1.25, 10.0
AWAY_DIRECTIONS = ((1.0, 1.0, -1.0), (-1.0, 1.0, 1.0))
LEAST_OVERLAP = 0.2
# A volume thinner than this, in coarse voxels, is its own mirror image across.
THIN = 2.0
ALONG = 0.7
# A half turn is looked at closely if it is this good at the coarse level, over the best fit near here.
ALIKE = 0.6


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the questions gave.

    Parameters
    ----------
    overlap : float
        Share of the smaller volume's object in the field of view of the other.
    unit_mm : float
        A 24th of the width of the larger object: what lengths are compared with, 5 to 6 mm for a head.
    information : float
        Mutual information at the pose, nats.
    fraction : float
        Share of 24 small moves that make the images less alike; 1 at a summit.
    drop : float
        By what share they do so on average: a right pair has a steep summit.
    agreement_mm : float
        Median distance of where two climbs from around the pose end, from the pose.
    starts_apart_mm : float
        Distance of those two ends from each other.
    best_mm : float
        Distance of the pose from the best fit near here.
    levels_mm : float
        How far that fit moves from the second level to the finer one.
    halves_mm : float
        How far apart two halves of the samples fit best, every other block each.
    inverse_mm : float
        How far it moves when the other volume gives the samples.
    mirror : float
        Mutual information of the best mirrored fit near here over that of the best fit near here.
    mirror_share : float
        Share of the blocks that are more alike as they are than mirrored, a half for equal ones; at the level that tells more.
    mirror_blocks : int
        How many blocks that is a share of.
    local_share : float
        Share of the blocks that fit best where they are, mean of two levels; a quarter is chance.
    blocks : int
        How many blocks were asked.
    rival : float
        How good the best other place that a search found is, over this one; 0 where none is known.
    turned : float
        The same of the best fit half a turn away, about an axis of either object's principal frame; 0 where all such are poor.
    turned_mm : float
        How far away that is.
    turned_share : float
        Share of the blocks that are more alike here than there, a half for equal ones.
    turned_blocks : int
        How many blocks that is a share of.
    shared : float
        Mutual information of the best fit that was found, near here, mirrored or half a turn away, nats.
    """

    overlap: float
    unit_mm: float
    information: float = 0.0
    fraction: float = 0.0
    drop: float = 0.0
    agreement_mm: float = float("inf")
    starts_apart_mm: float = float("inf")
    best_mm: float = float("inf")
    levels_mm: float = 0.0
    halves_mm: float = 0.0
    inverse_mm: float = 0.0
    mirror: float = 0.0
    mirror_share: float = 0.5
    mirror_blocks: int = 0
    local_share: float = 0.0
    blocks: int = 0
    rival: float = 0.0
    turned: float = 0.0
    turned_mm: float = 0.0
    turned_share: float = 1.0
    turned_blocks: int = 0
    shared: float = 0.0


def gather(pairing: Pairing, pose: FloatArray, *, rival: float, progress: Progress) -> Evidence:
    """Ask everything about a pose (4, 4), source frame -> target frame, of a prepared pairing."""
    unit = max(_width(pairing.source[0]), _width(pairing.target[0])) / UNITS_ACROSS
    progress("judging: small moves", 0.0)
    probe = _Probe.of(pairing)
    overlap, here = probe.looked(pose)
    if overlap < LEAST_OVERLAP or here <= 0:
        return Evidence(float(overlap), unit, max(float(here), 0.0), rival=float(rival))
    nearby = np.array([max(probe.looked(pose @ move)[1], 0.0) for move in probe.moves()])
    fraction, drop = float((nearby < here).mean()), float(1 - nearby.mean() / here)
    evidence = Evidence(float(overlap), unit, float(here), fraction, drop, rival=float(rival))
    progress("judging: climbs from nearby places", 0.1)
    ends = []
    for number, rough in enumerate(probe.coarse_summits([pose, *(pose @ away for away in probe.away())])):
        progress("judging: climbs from nearby places", 0.2 + 0.1 * number)
        ends.append(probe.middle_climb(rough.pose))
    summit = max(ends, key=lambda end: end.value)
    progress("judging: the mirror image", 0.4)
    mirrored = probe.mirrored(summit.pose)
    progress("judging: half a turn away", 0.55)
    turned = probe.turned(summit)
    progress("judging: one half of the points and the other", 0.6)
    evidence = _distances(evidence, probe, pose, [end.pose for end in ends], summit)
    progress("judging: part by part", 0.7)
    if turned is not None:
        evidence = replace(evidence, turned_mm=probe.distance(turned.pose, summit.pose))
    return _by_blocks(evidence, pairing, summit, mirrored, turned)


def _distances(evidence: Evidence, probe: _Probe, pose: FloatArray, ends: list[FloatArray], summit: Summit) -> Evidence:
    """The evidence with all that is measured in mm."""
    best = probe.refined(summit.pose, probe.fine)
    halves = [probe.refined(best, half) for half in probe.halves()]
    apart = [probe.distance(end, pose) for end in ends[1:]]
    back = np.asarray(np.linalg.inv(best), float)
    inverse = np.asarray(np.linalg.inv(probe.refined(back, probe.swapped)), float)
    return replace(
        evidence,
        agreement_mm=float(np.median(apart)),
        starts_apart_mm=probe.distance(ends[1], ends[2]),
        best_mm=probe.distance(best, pose),
        levels_mm=probe.distance(best, summit.pose),
        halves_mm=probe.distance(*halves),
        inverse_mm=probe.distance(best, inverse),
    )


def _by_blocks(evidence: Evidence, pairing: Pairing, summit: Summit, mirrored: Summit | None, turned: Summit | None) -> Evidence:
    """The evidence with what blocks say at the best fit near here, at two levels: the finer sees more, the coarser sees through noise."""
    step = _step(pairing)
    places, mirrors, turns = [], [(0.5, 0)], []
    for number in sorted({min(1, len(pairing.source) - 1), _finest(pairing)}):
        source, target = pairing.source[number], pairing.target[number]
        blocks = Blocks(source, target, edge_mm=BLOCK_STEPS * step, reach_mm=max(SHELLS) * step, seed=SEED)
        places.append(blocks.share_in_place(summit.pose, step_mm=step))
        here = blocks.at(summit.pose)
        if mirrored is not None:
            mirrors.append(here.share_above(blocks.at(mirrored.pose)))
        if turned is not None:
            turns.append(here.share_above(blocks.at(turned.pose)))
    share, compared = max(mirrors, key=_clearness)
    turned_share, turned_blocks = max(turns, key=_clearness, default=(1.0, 0))
    return replace(
        evidence,
        mirror=float(max(mirrored.value, 0.0) / summit.value) if mirrored is not None and summit.value > 0 else 0.0,
        mirror_share=share,
        mirror_blocks=compared,
        local_share=float(np.mean([found for found, _ in places])),
        blocks=min(count for _, count in places),
        turned=score(turned) / max(score(summit), 1e-9) if turned is not None else 0.0,
        turned_share=turned_share,
        turned_blocks=turned_blocks,
        shared=max(float(each.value) for each in (summit, mirrored, turned) if each is not None),
    )


def _step(pairing: Pairing) -> float:
    """Of how many mm the steps are by which blocks are moved: a quarter of a unit, or half-way from there to a voxel that is larger.

    Of a part of an object in large voxels, a block would else be a few voxels, moved by shares of a voxel.
    """
    step, voxel = FINE_UNITS * pairing.source[0].spacing, pairing.source[_finest(pairing)].spacing
    return float(np.sqrt(step * max(step, voxel)))


def _clearness(found: tuple[float, int]) -> float:
    """Half the standard errors by which a share of some blocks differs from a half."""
    share, count = found
    return float(abs(share - 0.5) * np.sqrt(count))


@dataclass(frozen=True, slots=True)
class _Probe:
    """A pair ready to be asked: its two coarsest levels, and the one that is fine enough, both ways round."""

    pairing: Pairing
    coarse: Comparison
    middle: Comparison
    fine: Comparison
    swapped: Comparison

    @classmethod
    def of(cls, pairing: Pairing) -> _Probe:
        """Probe of a pairing."""
        source, target, number = pairing.source, pairing.target, _finest(pairing)
        second = min(1, len(source) - 1)
        return cls(
            pairing,
            Comparison(Samples.draw(source[0], COARSE_SAMPLES, seed=SEED), target[0], bins=COARSE_BINS),
            Comparison(Samples.draw(source[second], MIDDLE_SAMPLES, seed=SEED), target[second], bins=MIDDLE_BINS),
            Comparison(Samples.draw(source[number], FINE_SAMPLES, seed=SEED), target[number], bins=MIDDLE_BINS),
            Comparison(Samples.draw(target[number], FINE_SAMPLES, seed=SEED), source[number], bins=MIDDLE_BINS),
        )

    @property
    def _spacing(self) -> float:
        return self.pairing.source[0].spacing

    def looked(self, pose: FloatArray) -> tuple[float, float]:
        """Overlap and mutual information at the second level."""
        centroid = self.middle.samples.centroid
        found = self.middle.at(pose[:3, :3], pose[:3, :3] @ centroid + pose[:3, 3], slope=False)
        return found.overlap, found.value

    def moves(self) -> list[FloatArray]:
        """Small moves of the source, both ways along and about each axis through the samples' middle."""
        centroid = self.middle.samples.centroid
        axes = [sign * axis for axis in np.eye(3) for sign in (-1, 1)]
        shifts = [_move(centroid, axis, size * self._spacing, 0.0) for axis in axes for size in PROBE_SHIFTS]
        return shifts + [_move(centroid, axis, 0.0, np.radians(size)) for axis in axes for size in PROBE_TURNS_DEG]

    def away(self) -> list[FloatArray]:
        """Moves to where the two climbs begin."""
        centroid, shift = self.middle.samples.centroid, AWAY * self._spacing
        return [_move(centroid, np.array(d) / np.sqrt(3), shift, np.radians(AWAY_DEG)) for d in AWAY_DIRECTIONS]

    def coarse_summits(self, poses: list[FloatArray], iterations: int = ITERATIONS) -> list[Summit]:
        """Where climbs at the coarse level end."""
        return climb_each(self.coarse, poses, Pace(0.75 * self._spacing, 0.04 * self._spacing, iterations))

    def middle_climb(self, pose: FloatArray) -> Summit:
        """Where a climb at the second level ends."""
        step = self._spacing
        return climb(self.middle, pose, step_mm=0.25 * step, tolerance_mm=0.006 * step, iterations=ITERATIONS)

    def refined(self, pose: FloatArray, comparison: Comparison) -> FloatArray:
        """Where a short climb at the fine level ends."""
        step = self.pairing.source[_finest(self.pairing)].spacing
        return climb(comparison, pose, step_mm=0.15 * step, tolerance_mm=0.01 * step, iterations=ITERATIONS).pose

    def halves(self) -> list[Comparison]:
        """The fine comparison on every other block, and on the rest."""
        samples = self.fine.samples
        odd = np.floor(samples.points / (BLOCK_UNITS * self._spacing)).astype(int).sum(axis=0) % 2
        target = self.pairing.target[_finest(self.pairing)]
        return [Comparison(_part_of(samples, odd == which), target, bins=MIDDLE_BINS) for which in (0, 1)]

    def mirrored(self, pose: FloatArray) -> Summit | None:
        """The best mirrored fit near a pose; None where a mirror shows nothing, as with a single slice."""
        thin = self._thin_directions(pose)
        starts = []
        for axis in range(3):
            if not any(abs(direction[axis]) > ALONG for direction in thin["target"]):
                starts.append(_mirror(axis, self.pairing.target[0].moments()[0]) @ pose)
            if not any(abs(direction[axis]) > ALONG for direction in thin["source"]):
                starts.append(pose @ _mirror(axis, self.pairing.source[0].moments()[0]))
        ends = [end for end in self.coarse_summits(starts, ROUGHLY) if np.isfinite(end.value)] if starts else []
        ends = sorted(ends, key=lambda end: -end.value)[:2]
        return max((self.middle_climb(end.pose) for end in ends), key=lambda end: end.value, default=None)

    def turned(self, summit: Summit) -> Summit | None:
        """The best fit half a turn from one; None where all are far poorer."""
        others = half_turns(summit.pose, self.coarse.samples, self.swapped.samples, apart_mm=APART * self._spacing)
        step = self._spacing
        ratio, best = best_of(self.coarse, summit.pose, others, Pace(0.75 * step, 0.04 * step, ITERATIONS))
        if best is None or ratio < ALIKE:
            return None
        best = self.middle_climb(best.pose)
        return best if score(best) > 0 else None

    def _thin_directions(self, pose: FloatArray) -> dict[str, list[FloatArray]]:
        """Directions along which either volume has next to no extent, in each one's frame."""
        turn, least = pose[:3, :3], THIN * self._spacing
        source = [np.eye(3)[k] for k, edge in enumerate(_edges(self.pairing.source[0])) if edge < least]
        target = [np.eye(3)[k] for k, edge in enumerate(_edges(self.pairing.target[0])) if edge < least]
        return {"source": source + [turn.T @ d for d in target], "target": target + [turn @ d for d in source]}

    def distance(self, one: FloatArray, other: FloatArray) -> float:
        """Mean distance of two poses over the source's object, mm."""
        samples, difference = self.middle.samples, one - other
        inside = samples.values > AIR
        points = samples.points[:, inside] if inside.any() else samples.points
        offset = difference[:3, :3] @ samples.centroid + difference[:3, 3]
        return float(np.linalg.norm(moved(points, difference[:3, :3], offset), axis=0).mean())


def _finest(pairing: Pairing) -> int:
    """Number of the level whose voxels are nearest to a quarter of the coarsest ones."""
    spacings = np.array([level.spacing for level in pairing.source])
    return int(np.argmin(np.abs(np.log(spacings / (FINE_UNITS * spacings[0])))))


def _edges(level: Level) -> FloatArray:
    """(3,) mm: edges of a box with the moments of a level's object and of what was drawn around it."""
    return np.asarray(np.sqrt(12 * level.moments()[1]))


def _width(level: Level) -> float:
    """Median edge of a box with the moments of a level's brighter voxels, mm: noise around an object does not make it larger.

    Brighter is above the middle between the mean of the brighter and the mean of the darker ones (Ridler & Calvard, IEEE Trans. SMC 8,
    1978).
    """
    values, threshold = level.values, float(level.values.mean())
    for _ in range(ITERATIONS):
        bright = values > threshold
        if not 0 < np.count_nonzero(bright) < bright.size:
            return float(np.median(_edges(level)))
        threshold = float(values[bright].mean() + values[~bright].mean()) / 2
    places = moved(np.stack(np.nonzero(values > threshold)), level.steps, np.zeros(3))
    return float(np.median(np.sqrt(12 * places.var(axis=1))))


def _part_of(samples: Samples, chosen: FloatArray) -> Samples:
    """Some of the samples."""
    points = samples.points[:, chosen]
    middle = points.mean(axis=1, dtype=np.float64)
    return Samples(samples.centroid + middle, np.ascontiguousarray(points - middle[:, None], np.float32), samples.values[chosen])


def _mirror(axis: int, middle: FloatArray) -> FloatArray:
    """(4, 4) reflection in the plane across an axis through a point."""
    mirror = np.eye(4)
    mirror[axis, axis] = -1
    mirror[axis, 3] = 2 * middle[axis]
    return mirror


def _move(centre: FloatArray, axis: FloatArray, shift: float, angle: float) -> FloatArray:
    """(4, 4) turn about an axis through a point, and shift along that axis."""
    move = np.eye(4)
    move[:3, :3] = from_axis_angle(axis, angle)
    move[:3, 3] = centre - move[:3, :3] @ centre + shift * axis
    return move
