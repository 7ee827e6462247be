"""Two volumes made ready to be compared: who gives the samples, in which frames, and the way back to scanner spaces.

The volume with the smaller field of view is the *source*, so that a slab is compared where it lies and not where it does not. Who is called
fixed and who moving plays no part in that, nor do the headers' poses: everything up to the final map is the same for ``(a, b)`` and
``(b, a)``, and for any start.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from volstudio.geometry.points import moved
from volstudio.registration.abreast import abreast
from volstudio.registration.prepare import own_frame, prepare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from volstudio.geometry.affine import FloatArray
    from volstudio.progress import Progress
    from volstudio.registration.masks import Region
    from volstudio.registration.prepare import Level
    from volstudio.registration.shelf import Shelf
    from volstudio.volumes.volume import Volume

__all__ = ["Pairing"]

# Fields of view this much alike count as equal: float32 headers round a turned volume's voxels by 1e-7.
SAME_EXTENT = 1e-3
SLAB = 32  # planes: a line of the cache holds no more numbers, so that each is fetched once, whichever axis is the first in memory


@dataclass(frozen=True, slots=True)
class Pairing:
    """Source and target, the frames they are compared in, and their levels, coarse to fine.

    Parameters
    ----------
    source, target : tuple of Level
    source_frame, target_frame : (4, 4) float array
        Frame -> scanner.
    source_is_moving : bool
    """

    source: tuple[Level, ...]
    target: tuple[Level, ...]
    source_frame: FloatArray
    target_frame: FloatArray
    source_is_moving: bool

    @classmethod
    def of(
        cls,
        fixed: Volume,
        moving: Volume,
        levels_mm: tuple[float, ...],
        *,
        progress: Progress,
        shelf: Shelf | None = None,
        regions: tuple[Region | None, Region | None] = (None, None),
    ) -> Pairing:
        """Pair two volumes, each in the frame of its own axes; with a shelf, a volume that it holds is not prepared again.

        Parameters
        ----------
        fixed, moving : Volume
        levels_mm : tuple of float
        progress : Progress
        shelf : Shelf, optional
        regions : (fixed, moving)
            The part of each that counts; None: all of it.

        Raises
        ------
        RegistrationError
            A volume holds no structure, or its region nothing of it.
        """
        pair = [(fixed, regions[0]), (moving, regions[1])]
        source_is_moving = gives_samples(moving, fixed, regions=regions[::-1])
        levels = shelf or prepare
        here = progress.of_this_thread()

        def made_ready(volume: Volume, region: Region | None, *, gives_samples: bool) -> tuple[tuple[Level, ...], FloatArray]:
            frame = own_frame(volume.grid)
            pyramid = levels(volume, frame, levels_mm, progress=here)
            return (pyramid if region is None else region.within(pyramid, frame, gives_samples=gives_samples)), frame

        source, target = pair[::-1] if source_is_moving else pair
        (first, first_frame), (second, second_frame) = abreast(
            [partial(made_ready, *source, gives_samples=True), partial(made_ready, *target, gives_samples=False)]
        )
        return cls(first, second, first_frame, second_frame, source_is_moving)

    def pose(self, moving_to_fixed: FloatArray) -> FloatArray:
        """(4, 4) source frame -> target frame of a map moving scanner -> fixed scanner; a map of 6 digits is made rigid to rounding."""
        source_to_target = moving_to_fixed if self.source_is_moving else np.linalg.inv(moving_to_fixed)
        pose = np.linalg.inv(self.target_frame) @ source_to_target @ self.source_frame
        left, _, right = np.linalg.svd(pose[:3, :3])
        pose[:3, :3] = left @ right
        return np.asarray(pose)

    def overlap(self, pose: FloatArray) -> float:
        """Share of the source's object that lies in the target's field of view at a pose, 0 to 1."""
        source, target = self.source[0], self.target[0]
        points = moved(source.foreground.centres(), pose[:3, :3], pose[:3, 3] - target.origin)
        index = np.rint(moved(points, np.linalg.inv(target.steps), np.zeros(3)))
        return float(((index >= 0) & (index < np.array(target.values.shape)[:, None])).all(axis=0).mean())

    def moving_to_fixed(self, pose: FloatArray) -> FloatArray:
        """(4, 4) moving scanner -> fixed scanner of a pose; read-only."""
        matrix = self.target_frame @ pose @ np.linalg.inv(self.source_frame)
        if not self.source_is_moving:
            matrix = np.linalg.inv(matrix)
        matrix[3] = 0.0, 0.0, 0.0, 1.0
        matrix.setflags(write=False)
        return np.asarray(matrix)


def gives_samples(one: Volume, other: Volume, *, regions: tuple[Region | None, Region | None] = (None, None)) -> bool:
    """Whether ``one`` is the source: the smaller field of view, then the fewer voxels, then whichever the first voxels that differ say.

    A region that counts is a field of view: samples that lie in it say most about where it belongs.
    """
    extents = [abs(float(np.linalg.det(volume.affine.linear))) * math.prod(volume.grid.shape) for volume in (one, other)]
    extents = [extent if region is None else min(extent, region.mm3) for extent, region in zip(extents, regions, strict=True)]
    if not math.isclose(*extents, rel_tol=SAME_EXTENT):
        return extents[0] < extents[1]
    counts = [math.prod(volume.grid.shape) for volume in (one, other)]
    if counts[0] != counts[1]:
        return counts[0] < counts[1]
    sums = next((pair for pair in zip(_checksums(one), _checksums(other), strict=False) if pair[0] != pair[1]), (0, 0))
    return sums[0] < sums[1]


def _checksums(volume: Volume) -> Iterator[int]:
    """Of one slab after the other of the first time point's voxels, the same however these lie in memory."""
    data = volume.frame(0)
    for first in range(0, data.shape[2], SLAB):
        yield zlib.crc32(np.asfortranarray(data[:, :, first : first + SLAB]).T.data)
