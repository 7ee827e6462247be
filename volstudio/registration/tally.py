"""How alike samples and a target are at very many places, by counting: joint histograms of classes of intensity at whole-voxel shifts.

Every voxel of the target is a 64-bit number with a one in the byte of its class, so that adding up the numbers that some samples of one
class meet counts eight classes at a time; what lies outside is nought. Shifting by whole voxels is adding a number to an index. So a pose
of 300 samples costs a third of a microsecond, a hundredth of what `volstudio.registration.comparison` takes between voxels.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from volstudio.geometry.affine import FloatArray
    from volstudio.registration.prepare import Level

__all__ = ["CLASSES", "Crowd", "Labels"]

CLASSES = 8  # bytes of a 64-bit number
MOST_COUNTED = 255
JUDGED = 1024  # poses at once: what is counted stays in a core's cache
# With less of the object in view, chance alone agrees well.
LEAST_OVERLAP = 0.5
# Every other byte of a number, and what multiplied by a number of four 16-bit counters leaves their sum in the highest.
EVEN_BYTES, SUM_OF_FOUR = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0001000100010001)


class Crowd:
    """Samples in the order of their classes, so that those of one class are counted in one go.

    Parameters
    ----------
    points : (3, n) float array, mm
        At most 65535, about the point that they are turned about.
    crisp : (n,) int array
        Classes, 0 to `CLASSES` - 1.
    """

    def __init__(self, points: NDArray[np.float32], crisp: NDArray[np.intp]) -> None:
        order = np.argsort(crisp, kind="stable")
        self.points = points[:, order].astype(np.float64)
        ends = np.searchsorted(crisp[order], np.arange(CLASSES + 1))
        # Counters of 8 bits hold no more than 255.
        starts = [np.arange(first, last, MOST_COUNTED) for first, last in pairwise(ends.tolist())]
        self.starts = np.concatenate(starts)
        lengths = np.array([len(part) for part in starts])
        self.of_class = (np.cumsum(lengths) - lengths)[lengths > 0]  # first of the starts of each class that there is
        number = np.arange(1, len(crisp) + 1)
        self.table = np.concatenate([[0.0], number * np.log(number)]).astype(np.float32)  # c log c


class Labels:
    """A target as classes of intensity, in a margin of 'outside', and the shifts that may be tried in it.

    Parameters
    ----------
    target : Level
    shifts : (n, 3) int array
        Voxels.
    edges : (CLASSES - 1,) float array
        Values between the classes.
    """

    def __init__(self, target: Level, shifts: NDArray[np.intp], edges: FloatArray) -> None:
        self._origin, self._to_voxels = target.origin, np.linalg.inv(target.steps)
        self._reach = np.abs(shifts).max(axis=0)[:, None] + 1
        # A sample lies at most this far out before it is shifted; further out it is outside at every shift.
        self._margin = 2 * self._reach
        words = np.left_shift(np.uint64(1), (8 * np.searchsorted(edges, target.values)).astype(np.uint64))
        if target.seen is not None:
            words[~target.seen] = 0
        padded = np.pad(words, np.repeat(self._margin, 2, axis=1))
        self._flat = padded.ravel(order="F")
        self._strides = np.array([1, padded.shape[0], padded.shape[0] * padded.shape[1]])
        self._shape = np.array(target.values.shape)[:, None]
        self._steps = (shifts * self._strides).sum(axis=1)

    def scores(self, crowd: Crowd, rotations: FloatArray, which: NDArray[np.intp], middle: FloatArray) -> NDArray[np.float32]:
        """Mutual information times the root of the overlap, -1 where too little overlaps.

        Parameters
        ----------
        crowd : Crowd
        rotations : (m, 3, 3) float array
            Fastest where these times the samples are some ten thousand: their indices and the voxels looked up then stay in a core's cache.
        which : (m, k) or (1, k) int array
            The shifts tried of each rotation, or of every one.
        middle : (3,) float array, mm
            Where the point that the samples are turned about lies before it is shifted.

        Returns
        -------
        (m, k) float32 array
        """
        base, steps = self._looked_up(crowd, rotations, middle), self._steps[which].T[:, :, None]
        found = np.empty((len(steps), len(base)), np.float32)
        at_once = max(1, JUDGED // len(base))
        for first in range(0, len(steps), at_once):
            some = steps[first : first + at_once]
            counts = np.empty((len(some), len(base), len(crowd.starts)), np.uint64)
            for step, count in zip(some, counts, strict=True):
                np.add.reduceat(self._flat.take(base + step), crowd.starts, axis=1, out=count)
            scores = _information(np.ascontiguousarray(counts.reshape(-1, len(crowd.starts)).T), crowd)
            found[first : first + at_once] = scores.reshape(len(some), len(base))
        return found.T

    def _looked_up(self, crowd: Crowd, rotations: FloatArray, middle: FloatArray) -> NDArray[np.intp]:
        """(m, n) index of the voxel that each sample meets at each rotation, not shifted."""
        turned = np.einsum("mab,bn->amn", self._to_voxels @ rotations, crowd.points)  # not by BLAS, whose sums may depend on threads
        voxel = np.rint(turned + (self._to_voxels @ (middle - self._origin))[:, None, None]).astype(np.intp)
        reach, margin, shape = self._reach[:, None], self._margin[:, None], self._shape[:, None]
        voxel = np.clip(voxel, -reach, shape + reach - 1, out=voxel) + margin
        return np.asarray(voxel[0] + self._strides[1] * voxel[1] + self._strides[2] * voxel[2])


def _information(counts: NDArray[np.uint64], crowd: Crowd) -> NDArray[np.float32]:
    """Mutual information times the root of the overlap of (k, m) counts of eight classes, of each start of a crowd.

    Of counts c that add up to h, the entropy is log h less the sum of c log c over h.
    """
    # Eight counters of 8 bits become two times four of 16, in an order that does not matter here; and so they are added up.
    joint = np.stack([counts & EVEN_BYTES, (counts >> np.uint64(8)) & EVEN_BYTES])
    if len(crowd.of_class) < len(crowd.starts):
        joint = np.add.reduceat(joint, crowd.of_class, axis=1)
    rows = ((joint[0] + joint[1]) * SUM_OF_FOUR >> np.uint64(48)).astype(np.intp)
    table, columns = crowd.table, joint.sum(axis=1)
    cells = table.take(joint.view(np.uint16)).sum(axis=1) - table.take(columns.view(np.uint16))
    hits = rows.sum(axis=0)
    some = np.maximum(hits, 1)
    terms = np.einsum("hmf->m", cells.reshape(2, -1, 4)) - table.take(rows).sum(axis=0)
    information = terms / some + np.log(some)
    overlap = hits / (len(table) - 1)
    return np.where(overlap >= LEAST_OVERLAP, information * np.sqrt(overlap), -1).astype(np.float32)
