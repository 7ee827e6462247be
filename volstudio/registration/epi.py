"""The last tenths of a millimetre of a coarse scan on an anatomy: EPI with dropout and distortion, PET.

Mutual information of such a pair is biased by some tenths of a millimetre: the anatomy is compared as if a coarse voxel were a point, and
dropout, receive bias, and bone and scalp with another contrast than the brain's pull at the pose. `settled` starts from where mutual
information has led, predicts the coarse scan from the anatomy (`volstudio.registration.epi_signal`: point spread, contrast, gain, weights)
and moves by Gauss-Newton steps until the prediction fits. What fits is trusted, as in boundary-based registration (Greve & Fischl 2009),
without asking for a segmentation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from volstudio.geometry.rotation import from_axis_angle
from volstudio.registration.epi_signal import CLASSES, Fit, Scan, Shades, Spread, fitted, shares_of, slopes, view, widened
from volstudio.registration.otsu import air_threshold

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from volstudio.geometry.affine import FloatArray
    from volstudio.registration.pairing import Pairing
    from volstudio.volumes.volume import Volume

__all__ = ["Pause", "Report", "Settled", "Unsettled", "settled", "suits"]

# The coarse scan's voxels are at least this share of its width (2 mm for a head of 200 mm): CT and sharp MR are finer.
LEAST_EDGE = 1 / 125
LEAST_RATIO = 1.15  # of the volumes of the voxels
LEAST_ALONG = 6  # voxels across every axis
LEAST_COUNTED = 4000  # voxels of the coarse scan that lie in the anatomy
MOST_COUNTED = 200_000  # voxels about the object; larger scans are averaged in blocks
MOST_READ = 4_000_000
# Width of the point spread that is tried beside a voxel's, in voxels: MR resolves its voxels, PET's are smaller than what it resolves.
WIDE = 2.25
MARGIN = 2  # voxels of air around the object that count
# Steps overshoot by this: contrast and gain follow each step and give the rest of the way (bench/epi_cases: 0.27 of it).
OVERSHOOT = 1.3
# In voxels. Weights are found anew as long as steps are longer than the first, so that they cannot chase distortion; the second ends it.
ROUGH, FINE = 0.08, 0.01
STEPS = 7
STRIDE = 7  # every so many values of a scan tell its intensities as well as all
LEAST_STEP = 1e-6
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
        Mean way from where it started, over the counted voxels.
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
    way = _Way(*_prepared(*((source, target) if coarse_is_source else (target, source)), pause), pause)

    def pose_of(coarse_to_fine: FloatArray) -> FloatArray:
        found = there[0] @ (coarse_to_fine if coarse_is_source else np.linalg.inv(coarse_to_fine)) @ there[1]
        left, _, right = np.linalg.svd(found[:3, :3])
        found[:3, :3] = left @ right
        return np.asarray(found)

    place = source_to_target if coarse_is_source else np.linalg.inv(source_to_target)
    end = way.to_rest(place, lambda step, explained, at: report(way.coarse.edge, step, explained, pose_of(at)))
    return end if isinstance(end, Unsettled) else replace(end, pose=pose_of(end.pose))


@dataclass(frozen=True, slots=True)
class _Way:
    """The two scans made ready, and the steps to be taken."""

    coarse: Scan
    near: NDArray[np.bool_]
    threshold: float
    fine: Scan
    shades: Shades
    pause: Pause

    def to_rest(self, place: FloatArray, report: Callable[[int, float, FloatArray], None]) -> Settled | Unsettled:
        """Gauss-Newton from a map coarse scanner -> fine scanner; the pose of the answer is such a map too."""
        edge, start, kept = self.coarse.edge, place, False
        spread = Spread.of(self.coarse, self.fine, width=1.0)
        inside = self._inside(place)
        if int(inside.sum()) < LEAST_COUNTED:
            return Unsettled("too little of the coarser scan lies within the finer one to fit its signal")
        shares, classes, fit = self._look(place, spread, inside)
        wide = self._fit(widened(shares, WIDE), inside, before=fit)
        if wide.noise < fit.noise:
            spread = Spread.of(self.coarse, self.fine, width=WIDE)
            _, classes, fit = self._look(place, spread, inside)
        if not _inverted(fit):
            return Unsettled("the coarser scan is not dark where the finer one is bright")
        for step in range(1, STEPS + 1):
            if step > 1:
                _, classes, fit = self._look(place, spread, inside, before=fit, keep_weights=kept)
            move, length = self._step(slopes(classes, fit.amounts, spread, inside), inside, fit)
            place = place @ move
            report(step, fit.explained, place)
            if kept and length < FINE * edge:
                break
            kept = kept or (step > 1 and length < ROUGH * edge)
        moved = self._distance(start, place, inside)
        if fit.explained < LEAST_EXPLAINED or fit.weight.mean() < LEAST_SHARE:
            return Unsettled(f"the finer scan explains too little of the coarser one's signal ({fit.explained:.0%})")
        if not kept or moved > FARTHEST * edge:
            return Unsettled(f"the steps to fit the coarser scan's signal did not settle ({moved:.2f} mm away)")
        return Settled(place, moved, fit.explained, step)

    def _look(
        self, place: FloatArray, spread: Spread, inside: NDArray[np.bool_], *, before: Fit | None = None, keep_weights: bool = False
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], Fit]:
        """What the fine scan shows at a place (shares of classes, and classes on the finer grid), and how it explains the coarse one."""
        self.pause()
        classes = view(self.coarse, self.fine, spread, self.shades, np.linalg.inv(self.fine.to_scanner) @ place @ self.coarse.to_scanner)
        self.pause()
        shares = shares_of(classes, spread)
        return shares, classes, self._fit(shares, inside, before=before, keep_weights=keep_weights)

    def _fit(self, shares: NDArray[np.float32], inside: NDArray[np.bool_], *, before: Fit | None, keep_weights: bool = False) -> Fit:
        """Contrast, gain and weights of shares."""
        self.pause()
        tissue = self.coarse.values[inside] > self.threshold
        return fitted(self.coarse, shares, inside=inside, tissue=tissue, before=before, keep_weights=keep_weights)

    def _inside(self, place: FloatArray) -> NDArray[np.bool_]:
        """The coarse voxels near the object that lie a coarse voxel or more within the fine scan."""
        margin = self.coarse.edge / self.fine.edge
        i, j, k = (np.arange(n) for n in self.coarse.values.shape[::-1])
        inside = self.near
        rows = (np.linalg.inv(self.fine.to_scanner) @ place @ self.coarse.to_scanner)[:3]
        for row, count in zip(rows, self.fine.values.shape[::-1], strict=True):
            index = (row[2] * k + row[3])[:, None, None] + (row[1] * j)[:, None] + row[0] * i
            inside = inside & (index >= margin) & (index <= count - 1 - margin)
        return inside

    def _step(self, per_voxel: NDArray[np.float32], inside: NDArray[np.bool_], fit: Fit) -> tuple[FloatArray, float]:
        """(4, 4) move of the coarse scan in its own scanner space, and its length in mm (root mean square over what counts)."""
        per_voxel = per_voxel * fit.gain
        back = np.linalg.inv(self.coarse.to_scanner[:3, :3]).T
        pull = [sum(back[row, k] * per_voxel[k] for k in range(3)) for row in range(3)]
        at = self._points(inside)
        weight = fit.weight.astype(np.float64)
        centre = (at * weight).sum(axis=1) / weight.sum()
        x, y, z = at - centre[:, None]
        radius = float(np.sqrt((x * x + y * y + z * z).mean()))
        turns = [(y * pull[2] - z * pull[1]), (z * pull[0] - x * pull[2]), (x * pull[1] - y * pull[0])]
        slope = [*(turn / radius for turn in turns), *pull]
        normal = np.array([[float((a * b * weight).sum()) for b in slope] for a in slope])
        right = np.array([float((a * fit.residual * weight).sum()) for a in slope])
        normal[np.diag_indices(6)] += 1e-9 * np.trace(normal)
        six = OVERSHOOT * np.linalg.solve(normal, right)
        length = float(np.linalg.norm(six))
        six *= min(1.0, self.coarse.edge / max(length, 1e-12))
        move, angle = np.eye(4), float(np.linalg.norm(six[:3])) / radius
        if angle > 0:
            move[:3, :3] = from_axis_angle(six[:3], angle)
        move[:3, 3] = centre + six[3:] - move[:3, :3] @ centre
        return move, length

    def _points(self, inside: NDArray[np.bool_]) -> FloatArray:
        """(3, n) scanner places of coarse voxels, mm."""
        i, j, k = (np.arange(n) for n in inside.shape[::-1])
        rows = self.coarse.to_scanner[:3]
        return np.stack([((row[2] * k + row[3])[:, None, None] + (row[1] * j)[:, None] + row[0] * i)[inside] for row in rows])

    def _distance(self, one: FloatArray, other: FloatArray, inside: NDArray[np.bool_]) -> float:
        """Mean distance of two places over what counts, mm."""
        at = self._points(inside)
        change = other - one
        return float(np.sqrt(sum((row[0] * at[0] + row[1] * at[1] + row[2] * at[2] + row[3]) ** 2 for row in change[:3])).mean())


def _inverted(fit: Fit) -> bool:
    """Whether the coarse scan is the darker, the brighter the tissue is in the fine one; air and the classes next to it do not count."""
    classes, present = np.arange(2.0, CLASSES), fit.present[2:]
    centred = classes - np.average(classes, weights=present)
    return float((present * centred * fit.amounts[2:]).sum()) < 0


def _by_size(one: Volume, other: Volume) -> tuple[Volume, Volume]:
    """The one with the larger voxels first."""
    larger = np.prod(one.grid.voxel_sizes) >= np.prod(other.grid.voxel_sizes)
    return (one, other) if larger else (other, one)


def _prepared(coarse: Volume, fine: Volume, pause: Pause) -> tuple[Scan, NDArray[np.bool_], float, Scan, Shades]:
    """The object of the coarse scan, where to look, the brightness of its dimmest tissue; the fine scan and its classes' intensities."""
    whole = _read(coarse, _halvings(coarse.grid.voxel_sizes, float(np.prod(coarse.shape[:3])), MOST_READ), pause)
    threshold = air_threshold(whole.values.ravel()[::STRIDE])
    near = _grown(whole.values > threshold)
    ends = [np.flatnonzero(near.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    cut = tuple(slice(int(index[0]), int(index[-1]) + 1) for index in ends)
    begin = np.eye(4)
    begin[:3, 3] = [part.start for part in cut[::-1]]
    scan = Scan(whole.values[cut], whole.to_scanner @ begin)
    blocks = _halvings(scan.edges, scan.values.size, MOST_COUNTED)
    if blocks.max() > 1:
        scan = Scan(np.ascontiguousarray(_block_means(scan.values, blocks)), scan.to_scanner @ _block_step(blocks))
        near = _grown(scan.values > threshold)
    else:
        near = near[cut]
    sharp = _read(fine, np.maximum(1, np.rint(0.5 * scan.edges.min() / fine.grid.voxel_sizes - 0.3).astype(int)), pause)
    return scan, near, threshold, sharp, _shades(sharp.values)


def _read(volume: Volume, blocks: NDArray[np.int_], pause: Pause) -> Scan:
    """Means of blocks of voxels, from 0 to 1; read block by block, so that the whole is not copied. What is not finite is the least."""
    data: NDArray[Any] = volume.frame(0).T
    pause()
    low, high = _range(data)
    count, depth = np.array(data.shape) // blocks[::-1], int(blocks[2])
    values = np.empty(count, np.float32)
    exact = np.dtype(np.float64 if data.dtype.itemsize > 2 else np.float32)
    for k in range(len(values)):
        pause()
        slab = (data[k * depth : (k + 1) * depth].astype(exact) - exact.type(low)) / exact.type((high - low) or 1.0)
        if data.dtype.kind == "f":
            slab[~np.isfinite(slab)] = 0
        values[k] = _block_means(slab, blocks)[0]
    return Scan(values, volume.affine.matrix @ _block_step(blocks))


def _range(data: NDArray[Any]) -> tuple[float, float]:
    """Least and greatest finite value, plane by plane."""
    if data.dtype.kind != "f":
        return float(data.min()), float(data.max())
    ends = []
    for plane in data:
        finite = plane[np.isfinite(plane)]
        if finite.size:
            ends.append((float(finite.min()), float(finite.max())))
    return min((low for low, _ in ends), default=0.0), max((high for _, high in ends), default=0.0)


def _block_means(values: NDArray[Any], blocks: NDArray[np.int_]) -> NDArray[Any]:
    """Means of blocks of so many voxels along i, j, k."""
    for axis, count in enumerate(blocks[::-1]):
        if count > 1:
            along = np.moveaxis(values, axis, 0)
            along = along[: along.shape[0] // count * count]
            total = sum((along[first::count] for first in range(1, count)), start=along[0::count])
            values = np.moveaxis(total / values.dtype.type(count), 0, axis)
    return values


def _block_step(blocks: NDArray[np.int_]) -> FloatArray:
    """(4, 4) indices of blocks -> indices of voxels."""
    step = np.diag([*blocks.astype(float), 1.0])
    step[:3, 3] = (blocks - 1) / 2
    return step


def _halvings(edges: FloatArray, size: float, most: int) -> NDArray[np.int_]:
    """(3,) voxels per block, shortest edges first, that leave at most so many blocks."""
    blocks = np.ones(3, int)
    while size / np.prod(blocks) > most:
        blocks[np.argmin(edges * blocks)] *= 2
    return blocks


def _shades(values: NDArray[np.float32]) -> Shades:
    """Of a scan whose values go from 0 to 1."""
    values = values.ravel()[::STRIDE]
    air = float(np.percentile(values, 0.2))
    dark = max(air_threshold(values), air + LEAST_STEP)
    return Shades(air, dark, max(float(np.percentile(values[values >= dark], 99.5)), dark + LEAST_STEP))


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask grown by `MARGIN` voxels along and across all axes."""
    for _ in range(MARGIN):
        for axis in range(3):
            grown = mask.copy()
            here, out = np.moveaxis(mask, axis, 0), np.moveaxis(grown, axis, 0)
            out[1:] |= here[:-1]
            out[:-1] |= here[1:]
            mask = grown
    return mask
