"""How alike two volumes are at a given pose: the number beside a drag, kept warm.

Making one takes about a second for a head; asking it takes some milliseconds, so that it can follow the mouse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from volstudio.errors import RegistrationError, SpaceMismatchError
from volstudio.geometry.spaces import scanner
from volstudio.progress import Progress
from volstudio.registration.beginning import frames, regions_of
from volstudio.registration.comparison import Comparison
from volstudio.registration.field import Samples
from volstudio.registration.measures import MEASURES
from volstudio.registration.pairing import Pairing
from volstudio.registration.plan import DEFAULT
from volstudio.registration.prepare import choose_levels
from volstudio.volumes.volume import check_volume, distinct_names

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
        Of a 4D volume the first time point, of colours the luminance.
    metric : {"nmi", "mi", "ncc", "mse"}
        Normalised mutual information (1 to 2), mutual information (nats), correlation, negative mean squared difference of intensities from
        0 to 1; larger is always more alike.
    samples : int
        Points compared.
    fixed_mask, moving_mask : Volume, optional
        The part of either that counts, as in `volstudio.registration.rigid.register`.
    progress : Progress, optional

    Raises
    ------
    RegistrationError
        A volume holds no structure, or a mask leaves nothing.

    Notes
    -----
    Every question raises `SpaceMismatchError` where the map leads between other spaces. A map that is not quite rigid is taken as the rigid
    one nearest to it.

    Examples
    --------
    >>> from volstudio.volumes.samples import sample, truth  # doctest: +SKIP
    >>> alike = Similarity(sample("t1"), sample("epi"))  # doctest: +SKIP
    >>> alike.value(truth()) > alike.value(truth().inverse())  # doctest: +SKIP
    True
    """

    def __init__(
        self,
        fixed: Volume,
        moving: Volume,
        *,
        metric: Metric = "nmi",
        samples: int = 60_000,
        fixed_mask: Volume | None = None,
        moving_mask: Volume | None = None,
        progress: Progress | None = None,
    ) -> None:
        check_volume(fixed, "The fixed scan of a similarity")
        check_volume(moving, "The moving scan of a similarity")
        if metric not in MEASURES:
            raise RegistrationError(f"There is no metric {metric!r}; there are {', '.join(MEASURES)}.")
        names = distinct_names((fixed, moving))
        self._spaces = (scanner(names[1]), scanner(names[0])), (moving.affine.target, fixed.affine.target)
        progress = progress or Progress()
        (fixed, moving), _ = frames(DEFAULT, (fixed, moving), progress)
        regions = regions_of(DEFAULT, (fixed, moving), (fixed_mask, moving_mask))
        widths = tuple(region.width_mm for region in regions if region is not None)
        levels = choose_levels(fixed.grid, moving.grid, masks_mm=widths)
        level = max(levels[-1], levels[0] * SHARE_OF_COARSEST)
        self._pairing = Pairing.of(fixed, moving, (level,), progress=progress, regions=regions)
        drawn = Samples.draw(self._pairing.source[0], samples, seed=SEED)
        self._comparison = Comparison(drawn, self._pairing.target[0], metric=metric)

    def value(self, moving_to_fixed: Affine) -> float:
        """Likeness under a rigid map, moving scanner -> fixed scanner, mm; -inf where next to nothing overlaps."""
        return self._at(moving_to_fixed, slope=False)[0].value

    def overlap(self, moving_to_fixed: Affine) -> float:
        """Share of the smaller volume's object that lies in the field of view of the other, 0 to 1."""
        return self._at(moving_to_fixed, slope=False)[0].overlap

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
        likeness, pose, position = self._at(moving_to_fixed, slope=True)
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

    def _at(self, moving_to_fixed: Affine, *, slope: bool) -> tuple[Likeness, FloatArray, FloatArray]:
        """Likeness at a map, the map as a pose, and the target-frame position of the samples' centroid."""
        ends = moving_to_fixed.source, moving_to_fixed.target
        if ends not in self._spaces:
            source, target = self._spaces[0]
            raise SpaceMismatchError(f"The map must lead from {source} to {target}, got {ends[0]} -> {ends[1]}; is an .inverse() missing?")
        pose = self._pairing.pose(moving_to_fixed.matrix)
        position = pose[:3, :3] @ self._comparison.samples.centroid + pose[:3, 3]
        return self._comparison.at(pose[:3, :3], position, slope=slope), pose, position
