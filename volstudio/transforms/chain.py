"""Several transforms as one, and what a transform does beyond moving a rigid head."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from volstudio.errors import TransformError

if TYPE_CHECKING:
    from volstudio.geometry.affine import Affine

__all__ = ["beyond_rigid", "chain"]

# Parts of 1: the six digits of FLIRT's and AFNI's text reach 1e-6, and 1e-5 of a head's size is a micrometre.
TOLERANCE = 1e-5


def chain(*parts: Affine) -> Affine:
    """One map for several, in the order in which a point passes through them.

    Parameters
    ----------
    *parts : Affine
        The first maps points of the fixed image to points of a second one, the next from there on, the last to the moving image.

    Raises
    ------
    TransformError
        There is none.
    SpaceMismatchError
        One does not start where the one before it ends.

    Examples
    --------
    A scan on the anatomy, the anatomy on a template: template points first become anatomy points, then scan points.

    >>> from volstudio.geometry.affine import Affine
    >>> template_to_t1 = Affine(np.diag([2.0, 2, 2, 1]), "mni:scanner", "t1:scanner")
    >>> t1_to_epi = Affine([[1, 0, 0, 5], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], "t1:scanner", "epi:scanner")
    >>> both = chain(template_to_t1, t1_to_epi)
    >>> both.source, both.target, both.apply([1, 1, 1]).tolist()
    ('mni:scanner', 'epi:scanner', [7.0, 2.0, 2.0])
    """
    if not parts:
        raise TransformError("A chain needs at least one transform.")
    return reduce(lambda before, after: after @ before, parts)


def beyond_rigid(affine: Affine) -> str:
    """What a map does besides rotating and shifting, in words; empty: nothing.

    Notes
    -----
    Lengths of the images of the three unit vectors, and how far the angles between them are from a right one.

    Examples
    --------
    >>> from volstudio.geometry.affine import Affine
    >>> beyond_rigid(Affine(np.diag([1.1, 1.0, -0.95, 1]), "fixed:scanner", "moving:scanner"))
    'scales x, y, z by 1.1, 1, 0.95 and mirrors'
    >>> beyond_rigid(Affine.identity("fixed:scanner", "moving:scanner"))
    ''
    """
    scales = np.linalg.norm(affine.linear, axis=0)
    axes = affine.linear / scales
    skew = float(np.abs(axes.T @ axes - np.eye(3)).max())
    said = []
    if np.abs(scales - 1).max() > TOLERANCE:
        said.append("scales x, y, z by " + ", ".join(f"{scale:.6g}" for scale in scales))
    if skew > TOLERANCE:
        said.append(f"shears by {np.degrees(np.arcsin(min(skew, 1.0))):.3g} degrees")
    if np.linalg.det(affine.linear) < 0:
        said.append("mirrors")
    return " and ".join(filter(None, [", ".join(said[:-1]), *said[-1:]]))
