"""Masks: the part of a scan that counts in a registration, such as a brain, a bone or a box; everything else may move as it likes.

A mask lies in the world of its scan by its own affine and may have any grid. Of the volume that gives the samples it says where they are
drawn; of the other one it is the field of view, so that a sample that falls outside it does not count. Exchanging fixed and moving
therefore changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from volstudio.errors import RegistrationError
from volstudio.geometry.points import moved

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from volstudio.geometry.affine import FloatArray
    from volstudio.registration.foreground import Foreground
    from volstudio.registration.plan import Mask
    from volstudio.registration.prepare import Level
    from volstudio.volumes.volume import Volume

__all__ = ["Region", "opened"]

# With fewer voxels of a level there is nothing to compare.
LEAST_VOXELS = 32


def opened(mask: Mask) -> Volume:
    """The volume that a plan's mask names, in the world of its scan; of a box, a single voxel that fills it.

    Raises
    ------
    UnreadableFileError
        Its file cannot be read.
    """
    from volstudio.volumes.readers import open_volume, volume_from_array

    if mask.file:
        return open_volume(mask.file)
    low, high = np.sort(np.array(mask.box_mm), axis=0)
    affine = np.diag([*(high - low), 1.0])
    affine[:3, 3] = (low + high) / 2
    return volume_from_array(np.ones((1, 1, 1), np.uint8), affine, name="box")


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """Where voxels of one scan count.

    Parameters
    ----------
    name : str
        Of the mask, for messages.
    scan : str
        Of the scan that it belongs to.
    counts : (i, j, k) bool array
    affine : (4, 4) float array
        Indices of ``counts`` -> the scan's scanner space, mm, RAS+.
    """

    name: str
    scan: str
    counts: NDArray[np.bool_]
    affine: FloatArray

    @classmethod
    def of(cls, mask: Volume, scan: Volume) -> Region:
        """Region of a mask volume: its voxels that are numbers other than zero.

        Raises
        ------
        RegistrationError
            It is a series or no numbers, leaves nothing or leaves everything in.
        """
        if mask.n_times > 1:
            raise RegistrationError(f"The mask {mask.name} of {scan.name} has {mask.n_times} time points; a mask is a single volume.")
        data = mask.frame(0)
        if data.dtype.kind not in "biuf":
            raise RegistrationError(f"The mask {mask.name} of {scan.name} holds {data.dtype} voxels; a mask needs one number per voxel.")
        counts = (data != 0) & ~np.isnan(data) if data.dtype.kind == "f" else data != 0
        if not counts.any():
            raise RegistrationError(f"The mask {mask.name} of {scan.name} leaves nothing: all of its voxels are zero.")
        if counts.size > 1 and counts.all():
            raise RegistrationError(
                f"The mask {mask.name} of {scan.name} leaves nothing out: none of its voxels is zero; is it a scan and not a mask?"
            )
        return cls(mask.name, scan.name, counts, mask.affine.matrix)

    @property
    def width_mm(self) -> float:
        """Median edge of the box around what counts, along the mask's axes."""
        ends = [np.flatnonzero(self.counts.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
        edges = np.array([index[-1] - index[0] + 1 for index in ends])
        return float(np.median(edges * np.linalg.norm(self.affine[:3, :3], axis=0)))

    @property
    def mm3(self) -> float:
        """Volume of what counts."""
        return float(np.count_nonzero(self.counts)) * abs(float(np.linalg.det(self.affine[:3, :3])))

    def within(self, levels: tuple[Level, ...], frame: FloatArray, *, gives_samples: bool) -> tuple[Level, ...]:
        """The levels of the region's scan, with nothing outside the region.

        Parameters
        ----------
        levels : tuple of Level
        frame : (4, 4) float array
            Frame of the levels -> scanner.
        gives_samples : bool
            Whether they are the source's: their field of view is then left as it is, or samples at the region's border would fade.

        Raises
        ------
        RegistrationError
            The region does not meet the scan's object.
        """
        kept: dict[int, Foreground] = {}
        cut = []
        for level in levels:
            if id(level.foreground) not in kept:  # all levels share one
                kept[id(level.foreground)] = self._cut(level.foreground, frame)
            counts = None if gives_samples else self._on(level, frame)
            seen = level.seen if counts is None or level.seen is None else level.seen & counts
            cut.append(replace(level, foreground=kept[id(level.foreground)], seen=counts if seen is None else seen))
        return tuple(cut)

    def _cut(self, foreground: Foreground, frame: FloatArray) -> Foreground:
        """Of a foreground, the voxels whose centre lies in a voxel that counts."""
        counts = self._hold(moved(foreground.centres(), frame[:3, :3], frame[:3, 3]))
        if np.count_nonzero(counts) < LEAST_VOXELS:
            edge = (foreground.extent / len(foreground)) ** (1 / 3)
            raise RegistrationError(
                f"The mask {self.name} leaves nothing of {self.scan}: {np.count_nonzero(counts)} of the object's {len(foreground)} "
                f"voxels of {edge:.3g} mm lie in it; it may belong to another scan, or be too small."
            )
        return foreground.where(counts)

    def _hold(self, points: FloatArray) -> NDArray[np.bool_]:
        """Whether scanner points (3, n) lie in a voxel that counts."""
        inverse = np.linalg.inv(self.affine)
        index = np.rint(moved(points, inverse[:3, :3], inverse[:3, 3])).astype(np.intp)
        size = np.array(self.counts.shape)[:, None]
        inside = ((index >= 0) & (index < size)).all(axis=0)
        i, j, k = np.clip(index, 0, size - 1)
        return np.asarray(inside & self.counts[i, j, k])

    def _on(self, level: Level, frame: FloatArray) -> NDArray[np.bool_]:
        """Which voxels of a level count: those whose centre lies in a voxel of the mask that does."""
        found = np.empty(level.values.shape, bool, order="F")
        i, j = (n.ravel() for n in np.indices(level.values.shape[:2]))
        for k in range(level.values.shape[2]):
            points = moved(np.stack([i, j, np.full_like(i, k)]), level.steps, level.origin)
            found[:, :, k] = self._hold(moved(points, frame[:3, :3], frame[:3, 3])).reshape(level.values.shape[:2])
        return found
