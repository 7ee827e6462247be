"""The last tenths of a millimetre of a coarse scan on an anatomy: EPI with dropout and distortion, PET.

Mutual information of such a pair is biased by some tenths of a millimetre: the anatomy is compared as if a coarse voxel were a point, and
dropout, receive bias, and bone and scalp with another contrast than the brain's pull at the pose. `settled` starts from where mutual
information has led, predicts the coarse scan from the anatomy (`volstudio.registration.epi_signal`: point spread, contrast, gain, weights)
and moves by Gauss-Newton steps until the prediction fits. What fits is trusted, as in boundary-based registration (Greve & Fischl 2009),
without asking for a segmentation.

Looking the anatomy up is dear, and moves are a small part of a voxel. So each look is followed by several steps for which the prediction
changes by its slopes, while contrast and gain follow; then it is looked up again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from volstudio.geometry.rotation import from_axis_angle
from volstudio.registration.epi_scans import prepared
from volstudio.registration.epi_signal import Coarse, Fit, fitted, normal_equations, products
from volstudio.registration.epi_view import CLASSES, Spread, View, widened

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from volstudio.geometry.affine import FloatArray
    from volstudio.registration.epi_scans import Prepared
    from volstudio.registration.pairing import Pairing
    from volstudio.volumes.volume import Volume

__all__ = ["Pause", "Report", "Settled", "Unsettled", "settled", "suits"]

# The coarse scan's voxels are at least this share of its width (2 mm for a head of 200 mm): CT and sharp MR are finer.
LEAST_EDGE = 1 / 125
LEAST_RATIO = 1.15  # of the volumes of the voxels
LEAST_ALONG = 6  # voxels across every axis
LEAST_COUNTED = 4000  # voxels of the coarse scan that lie in the anatomy
# Width of the point spread that is tried beside a voxel's, in voxels: MR resolves its voxels, PET's are smaller than what it resolves.
WIDE = 2.25
# Steps overshoot by this: contrast and gain follow each step and give the rest of the way (bench/epi_cases: 0.27 of it).
OVERSHOOT = 1.3
# In voxels. The second look's weights are held for as long as a look moves less than the first of these: found anew for ever, they would
# chase distortion. A look that moves less than the second is the last: what slopes leave of so little is below 0.003 voxels.
ROUGH, FINE = 0.08, 0.05
LOOKS = 7
# Below this unevenness a scan has what points of both scans tell as well, and its noise moves them less: measured on MR of even brightness
# 0.005 to 0.01 (where the fit is off by 0.01 to 0.17 mm more), on EPI 0.03 to 0.12 (where it is mostly nearer, by up to 0.34 mm).
EVEN = 0.02
STEPS = 3  # of each look
SLICES = 5  # whose sums are added up at once
# Times that contrast, gain and weights take turns; the first look at a place knows none of them.
FIRST_ROUNDS, ROUNDS = 3, 2
# What a fit must be to be believed: below these the images are of another kind, and the pose stays as it was.
LEAST_EXPLAINED, LEAST_SHARE, FARTHEST = 0.6, 0.12, 1.0

Report: TypeAlias = "Callable[[float, int, float, FloatArray], None]"
Pause: TypeAlias = "Callable[[], None]"


@dataclass(frozen=True, slots=True)
class Settled:
    """Where the coarse scan came to rest.

    Parameters
    ----------
    pose : (4, 4) float array
        Source frame -> target frame.
    moved_mm : float
        Root mean square way from where it started, over the counted voxels.
    explained : float
        Share of the signal's variance that the anatomy accounts for, 0 to 1.
    steps : int
    """

    pose: FloatArray
    moved_mm: float
    explained: float
    steps: int

    @property
    def words(self) -> str:
        """For the reason why the registration ended."""
        return f"then moved {self.moved_mm:.2f} mm to fit the signal voxel by voxel ({self.explained:.0%} explained, {self.steps} steps)"


@dataclass(frozen=True, slots=True)
class Unsettled:
    """Why the pose stayed as it was."""

    words: str


def suits(one: Volume, other: Volume) -> bool:
    """Whether one of two volumes is coarse, the other finer, and neither too thin: the first condition for `settled`."""
    coarse, fine = _by_size(one, other)
    sizes = [float(np.prod(volume.grid.voxel_sizes)) for volume in (coarse, fine)]
    edges = np.array(coarse.shape[:3]) * coarse.grid.voxel_sizes
    thick = min(*coarse.shape[:3], *fine.shape[:3]) >= LEAST_ALONG
    return thick and sizes[0] >= LEAST_RATIO * sizes[1] and float(np.cbrt(sizes[0])) >= LEAST_EDGE * float(np.median(edges))


def settled(
    pairing: Pairing, scans: tuple[Volume, Volume], pose: FloatArray, *, report: Report, pause: Pause = lambda: None
) -> Settled | Unsettled:
    """Move a pose that mutual information found to where the coarse scan's signal fits the anatomy best.

    Parameters
    ----------
    pairing : Pairing
        Tells source from target and knows their frames.
    scans : two Volume
        Fixed and moving, three-dimensional.
    pose : (4, 4) float array
        Source frame -> target frame, within about a coarse voxel of the truth.
    report : callable
        Told after every step: the coarse scan's voxel edge in mm, the number of the step, the share of the signal's variance that is
        explained, and the pose; what it raises ends the work.
    pause : callable
        Called every tenth of a second or so while there is no step to tell of; what it raises ends the work, too.

    Returns
    -------
    Settled, or Unsettled where the fit is no better than chance, the anatomy is not dark where the other is bright, or the steps lead away.

    Notes
    -----
    The same to the last bit for either order of the scans and any number of threads: what is fitted depends on the pairing's pose alone.
    """
    source, target = scans[::-1] if pairing.source_is_moving else scans
    coarse_is_source = _by_size(source, target)[0] is source
    there = np.linalg.inv(pairing.target_frame), pairing.source_frame
    source_to_target = pairing.target_frame @ pose @ np.linalg.inv(pairing.source_frame)
    ready = prepared(*((source, target) if coarse_is_source else (target, source)), pause)

    def pose_of(coarse_to_fine: FloatArray) -> FloatArray:
        found = there[0] @ (coarse_to_fine if coarse_is_source else np.linalg.inv(coarse_to_fine)) @ there[1]
        left, _, right = np.linalg.svd(found[:3, :3])
        found[:3, :3] = left @ right
        return np.asarray(found)

    place = source_to_target if coarse_is_source else np.linalg.inv(source_to_target)
    way = _Way(ready, place, pause)
    end = way.to_rest(lambda step, explained, at: report(ready.coarse.edge, step, explained, pose_of(at)))
    return end if isinstance(end, Unsettled) else replace(end, pose=pose_of(end.pose))


@dataclass(frozen=True, slots=True)
class _Look:
    """The scans at a place: how the fine one explains the coarse one, and what a small move would change.

    ``slopes`` (3, k, j, i): of the signal, along i, j, k; ``to_moves`` (12, 6): how much of each of them, times 1 and times each of the
    three coordinates, a move asks for.
    """

    fit: Fit
    shares: NDArray[np.float32]
    slopes: NDArray[np.float32]
    centre: FloatArray
    to_moves: FloatArray


class _Way:
    """The two scans made ready, and the steps to be taken."""

    def __init__(self, scans: Prepared, place: FloatArray, pause: Pause) -> None:
        self.scans, self.pause, self.start = scans, pause, place
        self.scan = scans.coarse
        inside = self._inside(place)
        self.count = int(inside.sum())
        self.coarse = Coarse(self.scan, scans.fine.edge, inside=inside, tissue=inside & (self.scan.values > scans.threshold))

    def to_rest(self, report: Callable[[int, float, FloatArray], None]) -> Settled | Unsettled:
        """Gauss-Newton from a map coarse scanner -> fine scanner; the pose of the answer is such a map too."""
        if self.count < LEAST_COUNTED:
            return Unsettled("too little of the coarser scan lies within the finer one to fit its signal")
        place, edge, kept = self.start, self.scan.edge, False
        spread, look, blurred = self._first_look(place)
        if not _inverted(look.fit, look.shares, self.coarse):
            return Unsettled("the coarser scan is not dark where the finer one is bright")
        if not blurred and self.coarse.unevenness(look.fit) < EVEN:
            return Unsettled("the coarser scan shows neither dropout nor a bias field nor blur, and points compared one by one tell more")
        for number in range(1, LOOKS + 1):
            if number > 1:
                view = self._view(place, spread)
                shares = view.shares()
                self.pause()
                fit = fitted(self.coarse, shares, rounds=ROUNDS, before=look.fit, keep_weights=kept)
                look = self._look(fit, shares, view.slopes(fit.amounts))
            move, length, fit = self._moved(look, keep_weights=number > 1)
            look = replace(look, fit=fit)
            place, explained = place @ move, fit.explained(self.coarse)
            report(number, explained, place)
            kept = kept or (number > 1 and length < ROUGH * edge)
            if kept and length < FINE * edge:
                break
        moved = self._distance(self.start, place)
        if explained < LEAST_EXPLAINED or fit.weight.sum() < LEAST_SHARE * self.count:
            return Unsettled(f"the finer scan explains too little of the coarser one's signal ({explained:.0%})")
        if not kept or moved > FARTHEST * edge:
            return Unsettled(f"the steps to fit the coarser scan's signal did not settle ({moved:.2f} mm away)")
        return Settled(place, moved, explained, number)

    def _first_look(self, place: FloatArray) -> tuple[Spread, _Look, bool]:
        """The point spread of the two that leaves less, the look through it, and whether it is the wider one."""
        spread, wide = (Spread.of(self.scan, self.scans.fine, width=width) for width in (1.0, WIDE))
        view = self._view(place, spread)
        shares = view.shares()
        self.pause()
        fit = fitted(self.coarse, shares, rounds=FIRST_ROUNDS)
        self.pause()
        wide_fit = fitted(self.coarse, widened(shares, WIDE), rounds=1, before=fit)
        self.pause()
        blurred = wide_fit.noise < fit.noise
        if blurred:
            spread, view = wide, self._view(place, wide)
            shares = view.shares()
            self.pause()
            fit = fitted(self.coarse, shares, rounds=ROUNDS, before=wide_fit)
        return spread, self._look(fit, shares, view.slopes(fit.amounts)), blurred

    def _view(self, place: FloatArray, spread: Spread) -> View:
        """What the fine scan shows at a place."""
        self.pause()
        to_fine = np.linalg.inv(self.scans.fine.to_scanner) @ place @ self.scan.to_scanner
        view = View.of(self.scan, self.scans.image, spread=spread, shades=self.scans.shades, coarse_to_fine=to_fine)
        self.pause()
        return view

    def _look(self, fit: Fit, shares: NDArray[np.float32], slopes: NDArray[np.float32]) -> _Look:
        """What small moves change at a place that was looked at."""
        self.pause()
        mean = products(fit.weight[None], self.coordinates)[0]
        linear, middle = self.frame
        centre = linear @ (mean[1:] / mean[0]) + middle
        moves = np.zeros((12, 6))
        back = np.linalg.inv(self.scan.to_scanner[:3, :3])
        parts = np.vstack([middle - centre, linear.T])
        for axis, unit in enumerate(np.eye(3)):
            moves[:, axis] = (back @ np.cross(unit / self.radius, parts).T).ravel()
            moves[::4, 3 + axis] = back @ unit
        return _Look(fit, shares, slopes, centre, moves)

    def _moved(self, look: _Look, *, keep_weights: bool) -> tuple[FloatArray, float, Fit]:
        """(4, 4) move of the coarse scan in its scanner space, its length in mm (root mean square over what counts), and the fit there."""
        fit, six = look.fit, np.zeros(6)
        heavy = fit.weight * fit.gain
        normal, right = self._normal_equations(look, heavy * fit.gain, heavy * fit.residual)
        normal[np.diag_indices(6)] += 1e-9 * np.trace(normal)
        for step in range(STEPS):
            if step:
                drift = self._drift(look, six)
                fit = fitted(self.coarse, look.shares, rounds=1, before=fit, keep_weights=keep_weights, drift=drift)
                right = products(look.slopes * (fit.weight * fit.gain * fit.residual), self.coordinates).ravel() @ look.to_moves
            six += OVERSHOOT * np.linalg.solve(normal, right)
            length = float(np.linalg.norm(six))
            six *= min(1.0, self.scan.edge / max(length, 1e-12))
        move, angle = np.eye(4), float(np.linalg.norm(six[:3])) / self.radius
        if angle > 0:
            move[:3, :3] = from_axis_angle(six[:3], angle)
        move[:3, 3] = look.centre + six[3:] - move[:3, :3] @ look.centre
        return move, length, fit

    def _normal_equations(self, look: _Look, heavy: NDArray[np.float32], right: NDArray[np.float32]) -> tuple[FloatArray, FloatArray]:
        """(6, 6) and (6,) of a move; the twelve columns are never there as a whole."""

        def part(slices: slice) -> tuple[FloatArray, FloatArray]:
            columns = look.slopes[:, None, slices] * self.coordinates[:, slices]
            return normal_equations(columns.reshape(12, *heavy[slices].shape), heavy[slices], right[slices])

        parts = [part(slice(first, first + SLICES)) for first in range(0, len(heavy), SLICES)]
        normal, sums = (np.sum([one[which] for one in parts], axis=0) for which in (0, 1))
        return look.to_moves.T @ normal @ look.to_moves, sums @ look.to_moves

    def _drift(self, look: _Look, six: FloatArray) -> NDArray[np.float32]:
        """What a small move adds to the signal."""
        drift: NDArray[np.float32] = np.zeros_like(look.slopes[0])
        for slope, (constant, *linear) in zip(look.slopes, (look.to_moves @ six).reshape(3, 4).astype(np.float32), strict=True):
            i, j, k = (part * line for part, line in zip(linear, self.lines, strict=True))
            drift += slope * (k[:, None, None] + constant + j[:, None] + i)
        return drift

    def _inside(self, place: FloatArray) -> NDArray[np.bool_]:
        """The coarse voxels near the object that lie a coarse voxel or more within the fine scan."""
        margin = self.scan.edge / self.scans.fine.edge
        i, j, k = (np.arange(n) for n in self.scan.values.shape[::-1])
        inside: NDArray[np.bool_] = self.scans.near
        rows = (np.linalg.inv(self.scans.fine.to_scanner) @ place @ self.scan.to_scanner)[:3]
        for row, count in zip(rows, self.scans.fine.values.shape[::-1], strict=True):
            index = (row[2] * k + row[3])[:, None, None] + (row[1] * j)[:, None] + row[0] * i
            inside = np.logical_and(inside, (index >= margin) & (index <= count - 1 - margin))
        return inside

    @cached_property
    def frame(self) -> tuple[FloatArray, FloatArray]:
        """(3, 3) and (3,): coordinates -> scanner, mm."""
        shape = np.array(self.scan.values.shape[::-1])
        linear = self.scan.to_scanner[:3, :3]
        return linear * (shape / 2), linear @ ((shape - 1) / 2) + self.scan.to_scanner[:3, 3]

    @cached_property
    def lines(self) -> tuple[NDArray[np.float32], ...]:
        """Where each voxel lies in the box, about -1 to 1, along i, j, k."""
        return tuple(((np.arange(n) - (n - 1) / 2) / (n / 2)).astype(np.float32) for n in self.scan.values.shape[::-1])

    @cached_property
    def coordinates(self) -> NDArray[np.float32]:
        """(4, k, j, i): 1, and the voxels' places along i, j, k."""
        i, j, k = self.lines
        found = np.ones((4, *self.scan.values.shape), np.float32)
        found[1], found[2], found[3] = i, j[:, None], k[:, None, None]
        return found

    @cached_property
    def moments(self) -> FloatArray:
        """(4, 4) mean products of the coordinates of the voxels that count."""
        return products(self.coordinates, self.coordinates * self.coarse.counted) / self.count

    @cached_property
    def radius(self) -> float:
        """Root mean square distance of the voxels that count from their middle, mm."""
        linear, _ = self.frame
        mean = self.moments[0, 1:]
        return float(np.sqrt(np.trace(linear @ (self.moments[1:, 1:] - np.outer(mean, mean)) @ linear.T)))

    def _distance(self, one: FloatArray, other: FloatArray) -> float:
        """Root mean square distance of two places over what counts, mm."""
        linear, middle = self.frame
        change = (other - one)[:3]
        affine = np.column_stack([change[:, :3] @ middle + change[:, 3], change[:, :3] @ linear])
        return float(np.sqrt(np.trace(affine @ self.moments @ affine.T)))


def _inverted(fit: Fit, shares: NDArray[np.float32], coarse: Coarse) -> bool:
    """Whether the coarse scan is the darker, the brighter the tissue is in the fine one; air and the classes next to it do not count."""
    classes, present = np.arange(2.0, CLASSES), products(shares[2:], coarse.counted[None])[:, 0]
    centred = classes - np.average(classes, weights=present)
    return float((present * centred * fit.amounts[2:]).sum()) < 0


def _by_size(one: Volume, other: Volume) -> tuple[Volume, Volume]:
    """The one with the larger voxels first."""
    larger = np.prod(one.grid.voxel_sizes) >= np.prod(other.grid.voxel_sizes)
    return (one, other) if larger else (other, one)
