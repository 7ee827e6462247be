"""What a coarse scan would show of a finer one: tissue seen through its voxels, a contrast, a receive field, and what does not fit.

The model behind `volstudio.registration.epi`. At a pose, the finer scan (an anatomy) is seen as soft classes of intensity through the point
spread of the coarse voxels (`volstudio.registration.epi_view`). The coarse scan's signal is then *gain x sum over classes (amount x
share)*: the amounts are any contrast, inverted or not (the correlation ratio of Roche et al. 1998, with partial volumes), and the gain is a
smooth field that takes up receive bias. A voxel counts the less, the worse its neighbourhood fits: that leaves out dropout, distortion, and
bone and fat whose contrast is another than the brain's. Single voxels far off do not count either (Tukey's biweight, as in Reuter et al.
2010).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from volstudio.registration.epi_fields import halved, kernels, smoothed, spread_out, summed
from volstudio.registration.epi_view import CLASSES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from volstudio.geometry.affine import FloatArray
    from volstudio.registration.epi_view import Scan

__all__ = ["Coarse", "Fit", "fitted", "normal_equations", "products"]

GAIN_REACH = 2.8  # the gain varies over this, shares of the coarse scan's voxel edge
# A neighbourhood's misfit is taken over the first, and over the second in the fine scan's voxels: where these are as large as the coarse
# ones, several neighbours are wrong together (bench/epi_cases: 0.12 for 0.23 mm; elsewhere nearer is better, 0.14 for 0.30 mm).
MISFIT_REACH, FINE_REACH = 1.0, 2.3
LEAST_GAIN = 4e-4  # of the mean square signal: where there is none, the gain is one
TUKEY = 4.685  # 95 % efficient on normal noise
# Share of the object's voxels that fit best: what they leave is taken for the noise. Every third of them tells it.
QUIET_SHARE, QUIET_STRIDE = 0.3, 3
BLOCK = 512  # voxels whose products are summed at once: few enough for float32, and for BLAS to stay on its thread
PIECE = 64 * BLOCK  # voxels at a time: a dozen such rows fit in a core's cache


class Coarse:
    """The coarse scan as it is fitted.

    Parameters
    ----------
    scan : Scan
    fine_edge : float
        Edge of the fine scan's voxels, mm.
    inside, tissue : (k, j, i) bool array
        Which voxels count at all; which of these show the object and not the air around it.
    """

    def __init__(self, scan: Scan, fine_edge: float, *, inside: NDArray[np.bool_], tissue: NDArray[np.bool_]) -> None:
        self.counted = inside.astype(np.float32)
        self.signal = np.asarray(scan.values * self.counted, np.float32)
        self._told = np.flatnonzero(tissue)[::QUIET_STRIDE]
        edges = (scan.edges / scan.edge)[::-1]
        self._gain_kernel = kernels(GAIN_REACH / edges)
        self._misfit_reach = np.hypot(MISFIT_REACH, FINE_REACH * fine_edge / scan.edge) / edges
        self._near = np.maximum(summed(self.counted, self._misfit_reach), 1)
        self._count = float(self.counted.sum(dtype=np.float64))

    def gain(self, model: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
        """Smooth field that a model is to be multiplied by."""
        heavy = weight * model

        def around(other: NDArray[np.float32]) -> NDArray[np.float32]:
            return smoothed(halved(heavy * other), self._gain_kernel)

        above, below = around(self.signal), around(model)
        ridge = np.float32(8 * LEAST_GAIN * below.sum(dtype=np.float64) / self._count)  # for each of a block's voxels
        return spread_out((above + ridge) / (below + ridge), self.signal.shape)

    def unevenness(self, fit: Fit) -> float:
        """Weighted standard deviation of a fit's gain over the object, as a share of its mean."""
        gain, weight = (field.ravel()[self._told].astype(np.float64) for field in (fit.gain, fit.weight))
        total = max(float(weight.sum()), float(np.finfo(float).tiny))
        mean = float((weight * gain).sum()) / total
        return math.sqrt(float((weight * (gain - mean) ** 2).sum()) / total) / mean

    def misfit(self, residual: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
        """Mean square of what is left in each voxel's neighbourhood, and what it is where the object fits best."""
        square = residual * residual
        square *= self.counted
        misfit = summed(square, self._misfit_reach)
        misfit /= self._near
        told = misfit.ravel()[self._told]
        number = int(QUIET_SHARE * (told.size - 1))
        return misfit, max(float(np.partition(told, number)[number]), float(np.finfo(np.float32).tiny))


@dataclass(frozen=True, slots=True)
class Fit:
    """The coarse scan as the fine one explains it at a pose. Arrays are (k, j, i).

    Parameters
    ----------
    amounts : (CLASSES,) float array
        Signal of each class of intensity, dark to bright in the fine scan.
    gain, residual, weight : float32 arrays
        Smooth field; what the model leaves; how much each voxel counts, 0 to 1.
    noise : float
        Standard deviation of the residual where it is small.
    """

    amounts: FloatArray
    gain: NDArray[np.float32]
    residual: NDArray[np.float32]
    weight: NDArray[np.float32]
    noise: float

    def explained(self, coarse: Coarse) -> float:
        """Share of the counted signal's variance that the model accounts for."""
        total = self.weight.sum(dtype=np.float64)
        spread_out = coarse.signal - np.float32((self.weight * coarse.signal).sum(dtype=np.float64) / total)
        left, there = ((self.weight * one * one).sum(dtype=np.float64) for one in (self.residual, spread_out))
        return float(1 - left / max(float(there), 1e-30))


def fitted(
    coarse: Coarse,
    shares: NDArray[np.float32],
    *,
    rounds: int,
    before: Fit | None = None,
    keep_weights: bool = False,
    drift: NDArray[np.float32] | None = None,
) -> Fit:
    """Contrast, gain and weights that suit a view best.

    Parameters
    ----------
    coarse : Coarse
    shares : (CLASSES, k, j, i) float32 array
    rounds : int
        Times that contrast, gain and weights take turns.
    before : Fit, optional
        Of the same voxels at a place nearby, to go on from.
    keep_weights : bool
        Whether the weights of ``before`` stay; else they are found anew, from how well each neighbourhood fits.
    drift : (k, j, i) float32 array, optional
        Signal, before the gain, that a small move has added to that of the shares.
    """
    signal = coarse.signal
    if before is None:
        gain, weight, quiet = np.ones_like(signal), coarse.counted, 0.0
    else:
        gain, weight, quiet = before.gain, before.weight, before.noise**2
    for number in range(rounds):
        amounts = _amounts(shares, signal if drift is None else signal - gain * drift, gain, weight)
        model = np.einsum("a,akji->kji", amounts.astype(np.float32), shares)
        if drift is not None:
            model += drift
        if number or before is not None:
            gain = coarse.gain(model, weight)
        residual = signal - gain * model
        if not keep_weights:
            misfit, quiet = coarse.misfit(residual)
            weight = _weights(residual, misfit, quiet)
            weight *= coarse.counted
    return Fit(amounts, gain, residual, weight, float(np.sqrt(quiet)))


def products(one: NDArray[np.float32], other: NDArray[np.float32]) -> FloatArray:
    """(a, b) sums over all points of the products of (a, ...) and (b, ...) arrays, the same for any number of threads.

    Of blocks so short that BLAS sums each on the thread that asks, and float32 loses nothing; the blocks' sums are added in float64.
    """
    one, other = one.reshape(len(one), -1), other.reshape(len(other), -1)
    whole = one.shape[1] // BLOCK * BLOCK
    blocks = [values[:, :whole].reshape(len(values), -1, BLOCK) for values in (one, other)]
    sums = (blocks[0].transpose(1, 0, 2) @ blocks[1].transpose(1, 2, 0)).sum(axis=0, dtype=np.float64)
    return np.asarray(sums + np.einsum("an,bn->ab", one[:, whole:], other[:, whole:]))


def normal_equations(columns: NDArray[np.float32], heavy: NDArray[np.float32], right: NDArray[np.float32]) -> tuple[FloatArray, FloatArray]:
    """(c, c) and (c,) sums over all voxels: of two columns times ``heavy``, and of a column times ``right``.

    Parameters
    ----------
    columns : (c, k, j, i) float32 array
    heavy, right : (k, j, i) float32 array
    """
    columns, heavy, right = columns.reshape(len(columns), -1), heavy.ravel(), right.ravel()

    def piece(first: int) -> FloatArray:
        part = columns[:, first : first + PIECE]
        room = np.empty((len(part) + 1, part.shape[1]), np.float32)
        np.multiply(part, heavy[first : first + PIECE], out=room[:-1])
        room[-1] = right[first : first + PIECE]
        return products(part, room)

    sums = np.sum([piece(first) for first in range(0, heavy.size, PIECE)], axis=0)
    return (sums[:, :-1] + sums[:, :-1].T) / 2, sums[:, -1]


def _amounts(
    shares: NDArray[np.float32], signal: NDArray[np.float32], gain: NDArray[np.float32], weight: NDArray[np.float32]
) -> FloatArray:
    """Weighted least squares of the signal on the classes' shares."""
    heavy = weight * gain
    normal, right = normal_equations(shares, heavy * gain, heavy * signal)
    normal[np.diag_indices(CLASSES)] += 1e-6 * np.trace(normal) / CLASSES  # a class that is nowhere seen has no amount
    return np.asarray(np.linalg.solve(normal, right))


def _weights(residual: NDArray[np.float32], misfit: NDArray[np.float32], quiet: float) -> NDArray[np.float32]:
    """How much each voxel counts, 0 to 1: the less, the less its neighbourhood fits, and nothing where it is far off itself."""
    off = residual * np.float32(1 / (np.sqrt(quiet) * TUKEY))
    np.clip(off, -1, 1, out=off)
    off *= off
    np.subtract(np.float32(1), off, out=off)
    off *= np.float32(quiet) / np.maximum(misfit, np.float32(quiet))
    off *= off
    return np.asarray(off)
