"""Where an object is in its volume, and points drawn from there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from volstudio.geometry.points import moved

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from volstudio.geometry.affine import FloatArray

__all__ = ["Foreground", "grown"]

LEAST_VOXELS = 64


@dataclass(frozen=True, slots=True, eq=False)
class Foreground:
    """Some voxels of a grid in a frame.

    Parameters
    ----------
    shape : (i, j, k)
    voxels : (n,) int array
        Which of them, counted with the first axis fastest.
    origin : (3,) float array
        Frame position of the first voxel's centre, mm.
    steps : (3, 3) float array
        Columns: what one voxel along each axis is in the frame, mm.
    mean, variance : (3,) float array
        Of the frame coordinates, mm and mm^2.
    """

    shape: tuple[int, int, int]
    voxels: NDArray[np.intp]
    origin: FloatArray
    steps: FloatArray
    mean: FloatArray
    variance: FloatArray

    @classmethod
    def of(cls, mask: NDArray[np.bool_], origin: FloatArray, steps: FloatArray) -> Foreground:
        """Foreground of the voxels that a mask holds."""
        voxels = np.flatnonzero(mask.ravel(order="F"))
        index = np.stack(np.unravel_index(voxels, mask.shape, order="F")).astype(np.float64)
        middle = index.mean(axis=1)
        index -= middle[:, None]
        spread = np.einsum("an,bn->ab", index, index) / len(voxels)  # not by BLAS, whose sums depend on the number of threads
        return cls(mask.shape, voxels, origin, steps, origin + steps @ middle, np.diag(steps @ spread @ steps.T).copy())

    def __len__(self) -> int:
        return len(self.voxels)

    @property
    def extent(self) -> float:
        """Volume in mm^3."""
        return len(self.voxels) * float(abs(np.linalg.det(self.steps)))

    def mask(self) -> NDArray[np.bool_]:
        """(i, j, k) bool array of the grid's voxels, first axis fastest in memory."""
        flat = np.zeros(int(np.prod(self.shape)), bool)
        flat[self.voxels] = True
        return flat.reshape(self.shape, order="F")

    def box(self) -> tuple[FloatArray, FloatArray]:
        """(3,) least and (3,) greatest frame coordinates of the voxels' outer faces, mm."""
        centres, half = self.centres(), np.abs(self.steps).sum(axis=1) / 2
        return centres.min(axis=1) - half, centres.max(axis=1) + half

    def where(self, keep: NDArray[np.bool_]) -> Foreground:
        """Of its voxels, those of which ``keep`` (n,) holds."""
        return Foreground.of(replace(self, voxels=self.voxels[keep]).mask(), self.origin, self.steps)

    def centres(self) -> FloatArray:
        """(3, n) frame positions of the voxels' centres, mm."""
        index = np.stack(np.unravel_index(self.voxels, self.shape, order="F"))
        return moved(index, self.steps, self.origin)

    def draw(self, count: int, *, seed: int) -> FloatArray:
        """(3, count) frame positions, mm, spread evenly and jittered, the same for the same seed.

        One place is taken from each of ``count`` equal stretches of the voxels in memory order: regular points would beat with the other
        volume's grid (Thévenaz, Bierlaire, Unser, "Halton sampling", 2008).
        """
        rng = np.random.default_rng(seed)
        stretch = len(self.voxels) / count
        chosen = ((np.arange(count) + rng.random(count)) * stretch).astype(np.intp).clip(0, len(self.voxels) - 1)
        index = np.stack(np.unravel_index(self.voxels[chosen], self.shape, order="F")) + rng.uniform(-0.5, 0.5, (3, count))
        return moved(index, self.steps, self.origin)


def grown(mask: NDArray[np.bool_], *, times: NDArray[np.intp]) -> NDArray[np.bool_]:
    """A mask grown along each axis by some voxels, to all 26 neighbours; all of the grid where the mask is next to nothing."""
    if mask.sum() < LEAST_VOXELS:
        return np.ones_like(mask)
    mask = mask.copy(order="K")
    for axis, count in enumerate(times):
        for _ in range(int(count)):
            here, out = np.moveaxis(mask.copy(order="K"), axis, 0), np.moveaxis(mask, axis, 0)
            out[1:] |= here[:-1]
            out[:-1] |= here[1:]
    return mask
