"""The header doctor: what is odd about a file, each thing in one sentence with its numbers and what to do.

Codes are stable words for scripts. A finding is a warning where what is seen could be wrong or misplaced, and information otherwise.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from volstudio.volumes.intensity import spread_slices
from volstudio.volumes.nifti_forms import UNITS
from volstudio.volumes.volume import Finding, Volume

if TYPE_CHECKING:
    from volstudio.geometry.affine import FloatArray
    from volstudio.geometry.grid import Grid

__all__ = [
    "ORIENTATION_GUESSED",
    "corner_distance",
    "examined",
    "form_findings",
    "grid_findings",
    "size_findings",
    "unit_findings",
    "voxel_findings",
]

SAME_SHARE = 0.05  # of the smallest voxel: forms closer than this say the same
FLOAT32_SHARE = 1e-6  # of the extent: what quaternions in float32 cannot hold is no disagreement
SHEAR = 1e-3  # largest |cosine| between axes that rounding in headers produces
OBLIQUE_DEG = 0.1
ORIENTATION_GUESSED = Finding(
    "orientation-guessed", "The source does not say which side is left; the new header states a side that rests on a guess.", "warning"
)


def corner_distance(grid: Grid, other: FloatArray) -> tuple[float, tuple[int, int, int]]:
    """How far apart two placements of a grid are.

    Parameters
    ----------
    grid : Grid
    other : (4, 4) array
        Another voxel -> world matrix, mm.

    Returns
    -------
    distance : float
        The largest at the eight corner voxels, mm.
    corner : (int, int, int)
        The voxel where it is.
    """
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in grid.shape], indexing="ij")).reshape(3, -1).T
    apart = np.linalg.norm(grid.affine.apply(corners) - (corners @ other[:3, :3].T + other[:3, 3]), axis=1)
    where = int(apart.argmax())
    i, j, k = (int(n) for n in corners[where])
    return float(apart[where]), (i, j, k)


def form_findings(grid: Grid, other: FloatArray, used: str, unused: str, meanings: tuple[str, str]) -> tuple[Finding, ...]:
    """What to say where a file carries two placements.

    Parameters
    ----------
    grid : Grid
        As placed by the form that is used.
    other : (4, 4) array
        The other form, mm.
    used, unused : str
        ``"sform"`` and ``"qform"``, in either order.
    meanings : (str, str)
        What the codes of the used and of the other form mean, such as ``"MNI 152"`` and ``"scanner"``.
    """
    distance, corner = corner_distance(grid, other)
    extent = float(np.linalg.norm(np.ptp(grid.bounds(), axis=0)))
    smallest = float(grid.voxel_sizes.min())
    if distance <= max(SAME_SHARE * smallest, FLOAT32_SHARE * extent):
        return ()
    text = (
        f"{used} ({meanings[0]}) and {unused} ({meanings[1]}) disagree by up to {distance:.3g} mm (at voxel {corner}); the {used} is used. "
        f"Compare both with form {unused[0]!r} before you trust the place."
    )
    return (Finding("qform-sform-differ", text, "warning" if distance > smallest / 2 else "info"),)


def grid_findings(grid: Grid) -> tuple[Finding, ...]:
    """Shear, tilt and handedness of a grid."""
    found = []
    shear = grid.shear
    if shear > SHEAR:
        angle = float(np.degrees(np.arccos(min(shear, 1.0))))
        text = (
            f"The grid is sheared: two of its axes meet at {angle:.3g}°, not 90°. It is shown where the header puts it; "
            "programs that cannot show shear will place it elsewhere."
        )
        found.append(Finding("sheared", text, "warning"))
    tilt = grid.obliquity_deg
    if tilt > OBLIQUE_DEG:
        found.append(Finding("oblique", f"The grid is tilted by {tilt:.3g}° against the world's axes.", "info"))
    if grid.handedness < 0:
        text = f"The voxel axes run {grid.axis_codes} (left-handed, as radiological storage does); views put them right."
        found.append(Finding("left-handed", text, "info"))
    return tuple(found)


def size_findings(grid: Grid, sizes: FloatArray, form: str) -> tuple[Finding, ...]:
    """Where the voxel sizes that a header states are not those of the placement that is used.

    Parameters
    ----------
    grid : Grid
    sizes : (3,) array
        pixdim 1 to 3, in mm.
    form : str
        The placement used, for the message.
    """
    with np.errstate(invalid="ignore"):
        close = np.abs(np.abs(sizes) - grid.voxel_sizes) <= 0.01 * grid.voxel_sizes
    flat = np.array(grid.shape) == 1
    if (close | flat).all():
        return ()
    stated, real = (" x ".join(f"{size:.4g}" for size in values) for values in (sizes, grid.voxel_sizes))
    text = f"The header states voxels of {stated} mm (pixdim), its {form} gives {real} mm; the {form} is used."
    return (Finding("pixdim-differs", text, "warning"),)


def unit_findings(code: int) -> tuple[Finding, ...]:
    """What to say about the unit of length of a NIfTI header (xyzt_units & 7)."""
    if code == 0:
        return (Finding("units-not-stated", "The header states no unit of length; mm are taken.", "info"),)
    if code not in UNITS:
        text = f"The header's unit of length, code {code}, is not in the standard; mm are taken. Check the voxel sizes."
        return (Finding("units-unknown", text, "warning"),)
    name, scale = UNITS[code]
    if scale == 1.0:
        return ()
    return (Finding("units-converted", f"The header is in {name}s; its lengths are converted to mm (times {scale:g}).", "warning"),)


def examined(volume: Volume) -> Volume:
    """A volume as read, with what its voxels have to be told of added to its findings."""
    return replace(volume, findings=volume.findings + voxel_findings(volume))


def voxel_findings(volume: Volume, *, whole: bool = False) -> tuple[Finding, ...]:
    """What is odd about the voxels of the first time point.

    Parameters
    ----------
    volume : Volume
    whole : bool
        Look at every voxel; otherwise at some slices, and at the rest only where these hold no finite number.
    """
    if volume.data.dtype.kind != "f":
        return ()
    finite = np.isfinite(spread_slices(volume.data))
    every = whole or not finite.any()
    if every:
        finite = np.isfinite(volume.frame(0))
    count = int(finite.size - np.count_nonzero(finite))
    if count == finite.size:
        return (Finding("no-finite-voxel", "No voxel holds a finite number; there is nothing to see in this file.", "warning"),)
    if not count:
        return ()
    share = f"{100 * count / finite.size:.2g} %"
    what = f"{count} voxels ({share}) hold" if every else f"About {share} of the voxels hold"
    text = f"{what} NaN or infinity; they are drawn transparent and left out of windows and registration."
    return (Finding("not-finite-voxels", text, "info"),)
