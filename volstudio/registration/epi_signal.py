"""What a coarse scan would show of a finer one: tissue seen through its voxels, a contrast, a receive field, and what does not fit.

The model behind `volstudio.registration.epi`. At a pose, the finer scan (an anatomy) is looked up on a grid along the coarse scan's own
voxel axes, parted into soft classes of intensity, and each class is averaged by the point spread of the coarse voxels. The coarse scan's
signal is then *gain x sum over classes (amount x share)*: the amounts are any contrast, inverted or not (the correlation ratio of Roche et
al. 1998, with partial volumes), and the gain is a smooth field that takes up receive bias. A voxel counts the less, the worse its
neighbourhood fits: that leaves out dropout, distortion, and bone and fat whose contrast is another than the brain's. Single voxels far off
do not count either (Tukey's biweight, as in Reuter et al. 2010).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from volstudio.registration.sitk_sampling import sampled_grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from volstudio.geometry.affine import FloatArray

__all__ = ["CLASSES", "Fit", "Scan", "Shades", "Spread", "fitted", "shares_of", "slopes", "view", "widened"]

CLASSES = 8
SUB = 2  # points of the looked-up grid per coarse voxel and axis
LEAST_WIDTH = 0.5
TABLE = 512  # steps between two classes, when a contrast is looked up
# The gain varies over this, a neighbourhood's misfit is taken over that; shares of the coarse scan's voxel edge.
GAIN_REACH, MISFIT_REACH = 2.8, 1.9
LEAST_GAIN = 4e-4  # of the mean square signal: where there is none, the gain is one
TUKEY = 4.685  # 95 % efficient on normal noise
# Share of the object's voxels that fit best: what they leave is taken for the noise.
QUIET_SHARE = 0.3
# Times that contrast, gain and weights take turns; the first look at a place knows none of them.
FIRST_ROUNDS, ROUNDS = 3, 2


@dataclass(frozen=True, slots=True)
class Scan:
    """Values, and where they lie.

    Parameters
    ----------
    values : (k, j, i) float32 array
        Last axis first, as ITK's buffers lie in memory.
    to_scanner : (4, 4) float array
        Voxel indices (i, j, k) -> scanner, mm.
    """

    values: NDArray[np.float32]
    to_scanner: FloatArray

    @property
    def edges(self) -> FloatArray:
        """(3,) mm along i, j, k."""
        return np.asarray(np.linalg.norm(self.to_scanner[:3, :3], axis=0))

    @property
    def edge(self) -> float:
        """Edge of a cube as large as a voxel, mm."""
        return float(np.cbrt(abs(np.linalg.det(self.to_scanner[:3, :3]))))


@dataclass(frozen=True, slots=True)
class Spread:
    """Point spread of the coarse voxels on the looked-up grid: a Gaussian.

    Parameters
    ----------
    reach : int
        Points on either side.
    mean, slope : three (2 reach + 1,) float32 arrays
        Along i, j, k: weights of the average, and of its change per coarse voxel.
    """

    reach: int
    mean: tuple[NDArray[np.float32], ...]
    slope: tuple[NDArray[np.float32], ...]

    @classmethod
    def of(cls, coarse: Scan, fine: Scan, *, width: float) -> Spread:
        """Spread of a width at half height, in coarse voxels; the fine scan's own voxels have blurred it already and are taken off."""
        reach = round(SUB * width)
        at = np.arange(-reach, reach + 1) / SUB
        mean, slope = [], []
        for edge in coarse.edges:
            sigma = np.sqrt(max(width**2 - (fine.edge / edge) ** 2, LEAST_WIDTH**2) / (8 * np.log(2)))
            weights = np.exp(-0.5 * (at / sigma) ** 2)
            mean.append((weights / weights.sum()).astype(np.float32))
            slope.append((at * weights / (at * weights @ at)).astype(np.float32))
        return cls(reach, tuple(mean), tuple(slope))

    def averaged(self, values: NDArray[np.float32], *, slope_along: int | None = None) -> NDArray[np.float32]:
        """A looked-up grid seen through the spread at the coarse voxels' centres; or its slope along i, j or k (0, 1, 2)."""
        for axis in range(3):
            number = 2 - axis
            kernel = self.slope[number] if number == slope_along else self.mean[number]
            along = np.moveaxis(values, axis, 0)
            last = along.shape[0] - len(kernel) + 1
            total = kernel[0] * along[0:last:SUB]
            for tap, weight in enumerate(kernel[1:], start=1):
                total += weight * along[tap : last + tap : SUB]
            values = np.moveaxis(total, 0, axis)
        return np.ascontiguousarray(values)


@dataclass(frozen=True, slots=True)
class Fit:
    """The coarse scan as the fine one explains it at a pose. Arrays are (n,), one number for each voxel that counts.

    Parameters
    ----------
    amounts : (CLASSES,) float array
        Signal of each class of intensity, dark to bright in the fine scan.
    present : (CLASSES,) float array
        How much of each class was seen, in voxels.
    gain, residual, weight : (n,) float32 arrays
        Smooth field; what the model leaves; how much each voxel counts, 0 to 1.
    noise : float
        Standard deviation of the residual where it is small.
    explained : float
        Share of the counted signal's variance that the model accounts for.
    """

    amounts: FloatArray
    present: FloatArray
    gain: NDArray[np.float32]
    residual: NDArray[np.float32]
    weight: NDArray[np.float32]
    noise: float
    explained: float


@dataclass(frozen=True, slots=True)
class Shades:
    """Classes of intensity: the air's, then evenly from the object's darkest to its brightest.

    Parameters
    ----------
    air, dark, bright : float
        Rising.
    """

    air: float
    dark: float
    bright: float

    def classes(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Class of each value, 0 to CLASSES - 1, and between two where it lies between."""
        below, above = 1 / (self.dark - self.air), (CLASSES - 2) / (self.bright - self.dark)
        lines = (values - np.float32(self.air)) * np.float32(below), (values - np.float32(self.dark)) * np.float32(above) + 1
        bent = np.minimum(*lines) if below > above else np.maximum(*lines)
        return np.asarray(bent.clip(0, CLASSES - 1))


def view(coarse: Scan, fine: Scan, spread: Spread, shades: Shades, coarse_to_fine: FloatArray) -> NDArray[np.float32]:
    """Classes of the fine scan, 0 to CLASSES - 1 and between, on a grid of half coarse voxels with a margin of the spread's reach.

    Parameters
    ----------
    coarse, fine : Scan
    spread : Spread
    shades : Shades
        Of the fine scan; outside of it lies air.
    coarse_to_fine : (4, 4) float array
        Indices of the coarse scan -> indices of the fine one.
    """
    counts = tuple((n - 1) * SUB + 2 * spread.reach + 1 for n in coarse.values.shape[::-1])
    seen = sampled_grid(fine.values, coarse_to_fine, first=-spread.reach / SUB, step=1 / SUB, counts=counts, outside=shades.air)
    return shades.classes(seen)


def slopes(classes: NDArray[np.float32], amounts: FloatArray, spread: Spread, inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(3, n) change of the model's signal, before the gain, per coarse voxel along i, j, k."""
    table = np.interp(np.arange(TABLE * (CLASSES - 1) + 1) / TABLE, np.arange(CLASSES), amounts).astype(np.float32)
    signal = table.take((classes * np.float32(TABLE) + np.float32(0.5)).astype(np.int32))
    return np.stack([spread.averaged(signal, slope_along=axis)[inside] for axis in range(3)])


def shares_of(classes: NDArray[np.float32], spread: Spread) -> NDArray[np.float32]:
    """(CLASSES, k, j, i) share of each class in each coarse voxel."""
    return np.stack([spread.averaged(np.maximum(0, 1 - np.abs(classes - np.float32(k)))) for k in range(CLASSES)])


def widened(shares: NDArray[np.float32], width: float) -> NDArray[np.float32]:
    """Shares through a point spread of so many voxels, of shares through one of a single voxel."""
    sigma = np.sqrt((width**2 - 1) / (8 * np.log(2)))
    weights = np.exp(-0.5 * (np.arange(3) / sigma) ** 2)
    weights /= weights[0] + 2 * weights[1:].sum()
    for axis in (1, 2, 3):
        along = np.moveaxis(shares, axis, 0)
        total = np.float32(weights[0]) * along
        for away, weight in enumerate(weights[1:], start=1):
            total[away:] += np.float32(weight) * along[:-away]
            total[:-away] += np.float32(weight) * along[away:]
        shares = np.moveaxis(total, 0, axis)
    return shares


def fitted(
    coarse: Scan,
    shares: NDArray[np.float32],
    *,
    inside: NDArray[np.bool_],
    tissue: NDArray[np.bool_],
    before: Fit | None = None,
    keep_weights: bool = False,
) -> Fit:
    """Contrast, gain and weights that suit a view best.

    Parameters
    ----------
    coarse : Scan
    shares : (CLASSES, k, j, i) float32 array
    inside : (k, j, i) bool array
        Which of the coarse voxels count at all, n of them.
    tissue : (n,) bool array
        Which of these show the object and not the air around it.
    before : Fit, optional
        Of the same voxels at a place nearby, to go on from.
    keep_weights : bool
        Whether the weights of ``before`` stay; else they are found anew, from how well each neighbourhood fits.
    """
    shares = shares[:, inside]
    signal = coarse.values[inside]
    field = _Field(inside, coarse.edges / coarse.edge)
    if before is None:
        gain, weight, quiet = np.ones_like(signal), np.ones_like(signal), 0.0
    else:
        gain, weight, quiet = before.gain, before.weight, before.noise**2
    near = None if keep_weights else field.smooth(np.ones_like(signal), MISFIT_REACH)
    for number in range(FIRST_ROUNDS if before is None else ROUNDS):
        amounts = _amounts(shares, signal, gain, weight)
        model = sum((np.float32(a) * share for a, share in zip(amounts, shares, strict=True)), start=np.zeros_like(signal))
        if number:
            ridge = np.float32(LEAST_GAIN) * (weight * model * model).mean()
            gain = (field.smooth(weight * signal * model, GAIN_REACH) + ridge) / (field.smooth(weight * model * model, GAIN_REACH) + ridge)
        residual = signal - gain * model
        if near is not None:
            misfit = field.smooth(residual * residual, MISFIT_REACH) / near
            quiet = max(float(np.quantile(misfit[tissue], QUIET_SHARE)), float(np.finfo(np.float32).tiny))
            off = np.clip(residual / np.float32(np.sqrt(quiet) * TUKEY), -1, 1)
            weight = (np.minimum(1, quiet / np.maximum(misfit, quiet)) ** 2 * (1 - off * off) ** 2).astype(np.float32)
    total = weight.sum(dtype=np.float64)
    spread_out = signal - (weight * signal).sum(dtype=np.float64) / total
    explained = 1 - (weight * residual**2).sum(dtype=np.float64) / max(float((weight * spread_out**2).sum(dtype=np.float64)), 1e-30)
    return Fit(amounts, shares.sum(axis=1), gain, residual, weight, float(np.sqrt(quiet)), float(explained))


def _amounts(
    shares: NDArray[np.float32], signal: NDArray[np.float32], gain: NDArray[np.float32], weight: NDArray[np.float32]
) -> FloatArray:
    """Weighted least squares of the signal on the classes' shares; summed without BLAS, whose order depends on the number of threads."""
    normal, right = np.empty((CLASSES, CLASSES)), np.empty(CLASSES)
    for row, one in enumerate(shares):
        heavy = one * weight * gain
        right[row] = (heavy * signal).sum(dtype=np.float64)
        heavy = heavy * gain
        for column in range(row, CLASSES):
            normal[row, column] = normal[column, row] = (heavy * shares[column]).sum(dtype=np.float64)
    normal[np.diag_indices(CLASSES)] += 1e-6 * np.trace(normal) / CLASSES  # a class that is nowhere seen has no amount
    return np.asarray(np.linalg.solve(normal, right))


@dataclass(frozen=True, slots=True)
class _Field:
    """Smooths numbers that belong to some of a grid's voxels.

    Parameters
    ----------
    inside : (k, j, i) bool array
    edges : (3,) float array
        Along i, j, k, in mean voxel edges.
    """

    inside: NDArray[np.bool_]
    edges: FloatArray

    def smooth(self, values: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
        """Blurred by a triangle as wide as a Gaussian of ``sigma`` mean voxel edges; zero lies outside."""
        whole = np.zeros(self.inside.shape, np.float32)
        whole[self.inside] = values
        for axis, edge in zip(range(3), self.edges[::-1], strict=True):
            half = max(1, round((float(np.sqrt(6 * (sigma / edge) ** 2 + 1)) - 1) / 2))  # two boxes of 2 half + 1 have that variance
            for _ in range(2):
                whole = _box_mean(whole, half, axis)
        return whole[self.inside]


def _box_mean(values: NDArray[np.float32], half: int, axis: int) -> NDArray[np.float32]:
    """Mean over each voxel and ``half`` neighbours on either side, zeros beyond the ends."""
    along = np.moveaxis(values, axis, 0)
    total = along.copy()
    for away in range(1, min(half, len(along) - 1) + 1):
        total[away:] += along[:-away]
        total[:-away] += along[away:]
    return np.moveaxis(total / np.float32(2 * half + 1), 0, axis)
