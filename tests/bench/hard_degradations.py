"""What goes wrong in a scanner or a patient: each function changes (i, j, k) values seen on a `Scanned` grid, with a random generator.

Lengths are shares of the anatomy's width, so that a bone and a head are harmed alike. The grids are in the anatomy's world, where the
place of everything is exact.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d

TISSUE = 0.6  # a tissue's typical value, to which a signal-to-noise ratio refers


def rician(ratio):
    """Noise of a magnitude image at a signal-to-noise ratio (Gudbjartsson & Patz 1995)."""

    def apply(values, grid, rng, anatomy):
        real, imaginary = rng.normal(0, TISSUE / ratio, (2, *values.shape)).astype(np.float32)
        return np.hypot(values + real, imaginary)

    return apply


def bias(depth):
    """A surface coil: the signal falls from 1 near it to ``1 - depth`` far from it."""

    def apply(values, grid, rng, anatomy):
        coil = anatomy.centre + _direction(rng) * 0.6 * anatomy.width
        distance = np.linalg.norm(grid.points - coil, axis=-1) / anatomy.width
        return values * (1 - depth + depth * np.exp(-((distance / 0.5) ** 2)))

    return apply


def tumour(brightness, share=0.22):
    """A round mass with an uneven rim, of a share of the width, and a halo three tenths wider."""

    def apply(values, grid, rng, anatomy):
        centre = anatomy.centre + _direction(rng) * 0.2 * anatomy.width
        radius = np.linalg.norm(grid.points - centre, axis=-1) / (share * anatomy.width / 2)
        radius += 0.15 * np.sin(4 * np.arctan2(*(grid.points - centre)[..., :2].transpose(3, 0, 1, 2)))
        core, halo = radius < 1, (radius >= 1) & (radius < 1.6)
        values = np.where(halo, 0.5 * values + 0.5 * brightness * 0.8, values)
        return np.where(core, brightness, values)

    return apply


def hot_spot(values, grid, rng, anatomy):
    """A small place thirty times as bright as any tissue, as a bladder in PET or metal in CT."""
    centre = anatomy.centre + _direction(rng) * 0.25 * anatomy.width
    return np.where(np.linalg.norm(grid.points - centre, axis=-1) < 0.03 * anatomy.width, 30.0, values)


def vessels(values, grid, rng, anatomy):
    """Contrast agent: 25 winding tubes twice as bright as any tissue."""
    points, bright = grid.points, np.zeros(grid.shape, bool)
    voxels = np.linalg.inv(grid.affine)
    step = 0.4 * float(np.linalg.norm(grid.affine[:3, :3], axis=0).min())
    for _ in range(25):
        place = anatomy.inside[rng.integers(len(anatomy.inside))]
        way = _direction(rng)
        for _ in range(int(0.5 * anatomy.width / step)):
            way = way + 0.15 * rng.normal(size=3)
            way /= np.linalg.norm(way)
            place = place + way * step
            index = np.rint(voxels[:3, :3] @ place + voxels[:3, 3]).astype(int)
            if (index >= 0).all() and (index < points.shape[:3]).all():
                bright[tuple(index)] = True
    thick = gaussian_filter(bright.astype(np.float32), 1.0)
    return np.where((thick > 0.08) & (values > 0.1), 2.0, values)


def dropout(values, grid, rng, anatomy):
    """Signal lost below the forehead and above the ears."""
    for place, size in (((0, 0.35, -0.2), 0.2), ((0.32, -0.1, -0.25), 0.14), ((-0.32, -0.1, -0.25), 0.14)):
        far = np.linalg.norm(grid.points - anatomy.centre - np.array(place) * anatomy.width, axis=-1) / (size * anatomy.width)
        values = values * (1 - 0.92 * np.exp(-(far**2)))
    return values


def ghost(share):
    """A copy half a field of view away along the second axis."""

    def apply(values, grid, rng, anatomy):
        return values + share * np.roll(values, values.shape[1] // 2, axis=1)

    return apply


def distorted(most):
    """Voxels shifted along the second axis near air, by up to a share of the width, as in echo-planar imaging; most of the head stays."""

    def apply(values, grid, rng, anatomy):
        shift = np.zeros(grid.shape)
        for place, size, sign in (((0, 0.35, -0.2), 0.18, 1), ((0.32, -0.1, -0.25), 0.12, 1), ((-0.32, -0.1, -0.25), 0.12, -0.7)):
            far = np.linalg.norm(grid.points - anatomy.centre - np.array(place) * anatomy.width, axis=-1) / (size * anatomy.width)
            shift += sign * np.exp(-(far**2))
        shift *= most * anatomy.width / np.linalg.norm(grid.affine[:3, 1])
        at = np.clip(np.arange(grid.shape[1])[None, :, None] + shift, 0, grid.shape[1] - 1)
        low = np.minimum(at.astype(int), grid.shape[1] - 2)
        part = (at - low).astype(np.float32)
        return np.take_along_axis(values, low, 1) * (1 - part) + np.take_along_axis(values, low + 1, 1) * part

    return apply


def blurred(share):
    """A scanner's point spread, its full width a share of the anatomy's."""

    def apply(values, grid, rng, anatomy):
        for axis, edge in enumerate(np.linalg.norm(grid.affine[:3, :3], axis=0)):
            values = gaussian_filter1d(values, share * anatomy.width / 2.355 / edge, axis=axis) if values.shape[axis] > 1 else values
        return values

    return apply


def defaced(values, grid, rng, anatomy):
    """Everything before and below an oblique plane is set to zero."""
    low = (grid.points - anatomy.centre) @ np.array([0, 0.75, -0.66]) > 0.28 * anatomy.width
    return np.where(low, 0, values)


def stripped(values, grid, rng, anatomy):
    """Only what lies in an ellipsoid within the object is left, as after skull stripping."""
    radius = np.linalg.norm(
        (grid.points - anatomy.centre - np.array([0, 0, 0.06]) * anatomy.width) / np.diff(anatomy.box, axis=0)[0], axis=-1
    )
    return np.where(radius < 0.38, values, 0)


def holder(values, grid, rng, anatomy):
    """A tube around the object and a bar below it, as bright as bone, fixed to the scanner and not to the object."""
    away = (grid.points - grid.centre) @ grid.affine[:3, :3] / np.linalg.norm(grid.affine[:3, :3], axis=0) / anatomy.width
    radius = np.hypot(away[..., 0], away[..., 1])
    wall = (radius > 0.72) & (radius < 0.78)
    bar = (np.abs(away[..., 0]) < 0.5) & (away[..., 1] < -0.66) & (away[..., 1] > -0.72)
    return np.where((wall | bar) & (values < 0.5), 0.7, values)


def table(values, grid, rng, anatomy):
    """A couch: two curved sheets behind the object."""
    away = (grid.points - grid.centre) / anatomy.width
    sheet = away[..., 1] + 0.62 - 0.25 * away[..., 0] ** 2
    return np.where((np.abs(sheet) < 0.02) | (np.abs(sheet + 0.12) < 0.012), 0.45, values)


def _direction(rng):
    way = rng.normal(size=3)
    return way / np.linalg.norm(way)
