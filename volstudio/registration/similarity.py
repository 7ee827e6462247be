"""How alike two volumes are at a given pose: the number beside a drag, kept warm.

Making one takes about a second for a head; asking it takes some milliseconds, so that it can follow the mouse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from volstudio.progress import Progress
from volstudio.registration.comparison import Comparison
from volstudio.registration.field import Samples
from volstudio.registration.pairing import Pairing
from volstudio.registration.prepare import choose_levels

if TYPE_CHECKING:
    from volstudio.geometry.affine import Affine, FloatArray
    from volstudio.registration.comparison import Likeness
    from volstudio.registration.plan import Metric
    from volstudio.volumes.volume import Volume

__all__ = ["Similarity"]

SEED = 20
# The level looked at: a quarter of the coarsest, 2 mm for a head. Finer ones react to the last tenth of a millimetre only, and to noise.
SHARE_OF_COARSEST = 0.25


class Similarity:
    """Likeness of a fixed and a moving volume, for any map between them.

    Parameters
    ----------
    fixed, moving : Volume
        Of a 4D volume the first time point.
    metric : {"nmi", "mi", "ncc", "mse"}
        Normalised mutual information (1 to 2), mutual information (nats), correlation, negative mean squared difference of intensities from
        0 to 1; larger is always more alike.
    samples : int
        Points compared.
    progress : Progress, optional

    Raises
    ------
    RegistrationError
        A volume holds no structure.

    Examples
    --------
    >>> from volstudio.volumes.samples import sample, truth  # doctest: +SKIP
    >>> alike = Similarity(sample("t1"), sample("epi"))  # doctest: +SKIP
    >>> alike.value(truth()) > alike.value(truth().inverse())  # doctest: +SKIP
    True
    """

    def __init__(
        self, fixed: Volume, moving: Volume, *, metric: Metric = "nmi", samples: int = 60_000, progress: Progress | None = None
    ) -> None:
        levels = choose_levels(fixed.grid, moving.grid)
        level = max(levels[-1], levels[0] * SHARE_OF_COARSEST)
        self._pairing = Pairing.of(fixed, moving, (level,), progress=progress or Progress())
        drawn = Samples.draw(self._pairing.source[0], samples, seed=SEED)
        self._comparison = Comparison(drawn, self._pairing.target[0], metric=metric)

    def value(self, moving_to_fixed: Affine) -> float:
        """Likeness under a rigid map, moving scanner -> fixed scanner, mm; -inf where next to nothing overlaps."""
        return self._at(moving_to_fixed.matrix, slope=False)[0].value

    def overlap(self, moving_to_fixed: Affine) -> float:
        """Share of the smaller volume's object that lies in the field of view of the other, 0 to 1."""
        return self._at(moving_to_fixed.matrix, slope=False)[0].overlap

    def gradient(self, moving_to_fixed: Affine, *, centre: FloatArray) -> FloatArray:
        """(6,) change of `value` per mm that the moving volume shifts along x, y, z, and per radian that it turns about them.

        Parameters
        ----------
        moving_to_fixed : Affine
        centre : (3,) float array, mm
            Point of the fixed scanner space that the turns are about; the axes are that space's.

        Notes
        -----
        Force and torque are known at the samples' centroid, for the target's frame. They are carried over as those of any rigid body: to
        another point by ``torque + arm x force``, to another frame by the rotation, and to the other body with the opposite sign.
        """
        likeness, pose, position = self._at(moving_to_fixed.matrix, slope=True)
        if self._pairing.source_is_moving:
            force, torque, frame, sign = likeness.force, likeness.torque, self._pairing.target_frame, 1.0
            point = position
        else:  # the fixed volume is the source: it would have to move the other way, as seen from its own frame
            back = pose[:3, :3].T
            force, torque, frame, sign = back @ likeness.force, back @ likeness.torque, self._pairing.source_frame, -1.0
            point = self._comparison.samples.centroid
        force, torque = sign * frame[:3, :3] @ force, sign * frame[:3, :3] @ torque
        arm = frame[:3, :3] @ point + frame[:3, 3] - centre
        return np.concatenate([force, torque + np.cross(arm, force)])

    def _at(self, matrix: FloatArray, *, slope: bool) -> tuple[Likeness, FloatArray, FloatArray]:
        """Likeness at a map, the map as a pose, and the target-frame position of the samples' centroid."""
        pose = self._pairing.pose(matrix)
        position = pose[:3, :3] @ self._comparison.samples.centroid + pose[:3, 3]
        return self._comparison.at(pose[:3, :3], position, slope=slope), pose, position
