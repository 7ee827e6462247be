"""Scans for judging trust: heads seen again on other grids, in other contrasts, and spoilt in the ways that scans are spoilt.

A *head* is a real volume whose voxels are taken as the truth. A new scan of it samples the head on another oblique grid, through a
contrast, with blur to the new voxels, noise and bias; its header is then moved, so that the rigid map between the two is known and not the
identity.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.geometry.rotation import from_axis_angle
from volstudio.volumes.readers import open_volume
from volstudio.volumes.volume import Volume

if TYPE_CHECKING:
    from pathlib import Path

PIECE = 200_000  # points sampled at a time


@dataclass(frozen=True)
class Head:
    """Voxels (i, j, k) float32 from 0 (air) to about 1, their affine (4, 4), and who it is."""

    values: np.ndarray
    affine: np.ndarray
    person: str

    @classmethod
    def read(cls, path: Path, person: str, *, air: float = 0.02) -> Head:
        volume = open_volume(path, name=person)
        values = np.nan_to_num(np.asarray(volume.frame(0), np.float32))
        low, high = np.percentile(values, 1), np.percentile(values[values > values.mean()], 99)
        values = np.clip((values - low) / (high - low), 0, 1.3)
        values[values < air] = 0
        return cls(values, volume.affine.matrix, person)

    def points(self) -> np.ndarray:
        """(n, 3) mm: some points of the object, for distances."""
        mask = ndimage.binary_opening(self.values > 0.25)
        index = np.argwhere(mask)[:: max(1, int(mask.sum()) // 2000)]
        return index @ self.affine[:3, :3].T + self.affine[:3, 3]

    def middle(self) -> np.ndarray:
        """(3,) mm."""
        points = self.points()
        return (points.min(axis=0) + points.max(axis=0)) / 2


def volume_of(data, affine, name) -> Volume:
    return Volume(np.asarray(data, np.float32), Grid(data.shape[:3], Affine(affine, f"{name}:voxel", f"{name}:scanner")), name)


def moved(axis, degrees, shift, *, centre) -> np.ndarray:
    """(4, 4) turn about a centre, then a shift."""
    matrix = np.eye(4)
    matrix[:3, :3] = from_axis_angle(np.asarray(axis, float), np.radians(degrees))
    matrix[:3, 3] = centre - matrix[:3, :3] @ centre + shift
    return matrix


# -------------------------------------------------------------------------------------------------------------------- contrasts
def t1(values):
    return values


def gamma(values):
    """Another T1: greys shifted."""
    return np.clip(values, 0, None) ** 1.25


def t2(values):
    """Fluid bright, white matter dark, air dark."""
    return np.clip(values / 0.18, 0, 1) * (1.1 - 0.85 * np.clip(values, 0, 1))


def epi(values):
    """As t2, with the skull's fat gone."""
    return np.clip(values / 0.25, 0, 1) * (1.0 - 0.7 * np.clip(values, 0, 1)) * np.clip((1.12 - values) / 0.2, 0.2, 1)


def pet(values):
    """What grey matter takes up."""
    return np.exp(-(((values - 0.55) / 0.16) ** 2)) + 0.25 * (values > 0.2)


def ct(values):
    """Bone between scalp and brain is what is dark inside the head and near its rim."""
    hull = ndimage.binary_fill_holes(ndimage.binary_closing(values > 0.15, iterations=3))
    rim = hull & (ndimage.distance_transform_edt(hull) < 0.07 * max(values.shape))
    bone = ndimage.gaussian_filter((rim & (values < 0.28)).astype(np.float32), 0.7)
    soft = np.where(hull, 1030 + 30 * values, 0)
    return (soft + 900 * bone) / 1000


CONTRASTS = {"t1": t1, "gamma": gamma, "t2": t2, "epi": epi, "pet": pet, "ct": ct}


# ------------------------------------------------------------------------------------------------------------------------ scans
@dataclass(frozen=True)
class Protocol:
    """How a head is scanned again.

    ``shape`` and ``zooms`` (mm) of the grid, ``contrast``, ``blur`` (mm, FWHM, beyond the voxels), ``noise`` (share of the brightest),
    ``bias`` (how much brighter one side is than the other), ``distortion`` (mm along the grid's second axis, largest), ``dropout`` (share
    of the signal lost near the front of the skull base), ``turn_deg``.
    """

    shape: tuple[int, int, int]
    zooms: tuple[float, float, float]
    contrast: str = "gamma"
    blur: float = 0.0
    noise: float = 0.02
    bias: float = 0.2
    distortion: float = 0.0
    dropout: float = 0.0
    turn_deg: float = 15.0


def scan(head: Head, protocol: Protocol, rng: np.random.Generator, name: str) -> tuple[Volume, np.ndarray]:
    """The head scanned, its header moved; and the true map of that header's scanner space to the head's, (4, 4)."""
    centre = head.middle()
    turn = from_axis_angle(rng.standard_normal(3), np.radians(protocol.turn_deg * rng.uniform(0.3, 1.0)))
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag(protocol.zooms)
    affine[:3, 3] = centre - affine[:3, :3] @ ((np.array(protocol.shape) - 1) / 2)
    values = CONTRASTS[protocol.contrast](head.values).astype(np.float32)
    edge = np.linalg.norm(head.affine[:3, :3], axis=0)
    blur = np.sqrt(np.mean(np.square(protocol.zooms)) * 0.8 + protocol.blur**2)  # mm FWHM
    values = ndimage.gaussian_filter(values, 0.4247 * np.sqrt(np.maximum(blur**2 - edge**2, 0.01)) / edge)
    index = np.indices(protocol.shape).reshape(3, -1).T
    along = affine[:3, 1] / protocol.zooms[1]
    data = np.empty(len(index), np.float32)
    size = np.ptp(head.points(), axis=0)
    front = centre + np.array([0.0, 0.3, -0.2]) * size  # above the nose's cavities
    waves = [(rng.standard_normal(3) / (0.25 * size), rng.uniform(0, 6)) for _ in range(4)]
    for first in range(0, len(index), PIECE):
        points = index[first : first + PIECE] @ affine[:3, :3].T + affine[:3, 3]
        near = np.exp(-np.sum(((points - front) / (0.16 * size)) ** 2, axis=1))
        if protocol.distortion:
            smooth = sum(np.sin(points @ k + phase) for k, phase in waves) / 4
            points = points + protocol.distortion * (near + 0.5 * smooth)[:, None] * along
        voxel = (np.linalg.inv(head.affine) @ np.c_[points, np.ones(len(points))].T)[:3]
        found = ndimage.map_coordinates(values, voxel, order=1, mode="constant", cval=0.0)
        data[first : first + PIECE] = found * (1 - protocol.dropout * np.clip(1.5 * near, 0, 1))
    data = data.reshape(protocol.shape)
    data = spoilt(data, rng, noise=protocol.noise, bias=protocol.bias)
    header = moved(rng.standard_normal(3), rng.uniform(2, 20), rng.uniform(-25, 25, 3), centre=centre)
    return volume_of(1000 * data, header @ affine, name), np.linalg.inv(header)


def spoilt(data, rng, *, noise, bias):
    """Bias field, then Rician noise, both in shares of the brightest."""
    ramp = np.linspace(-1, 1, data.shape[1])[:, None] * rng.choice([-1, 1]) + np.linspace(-1, 1, data.shape[2]) * rng.uniform(-0.5, 0.5)
    data = data * np.exp(0.5 * bias * ramp[None])
    top = np.percentile(data, 99.5)
    real, imaginary = rng.normal(0, noise * top, (2, *data.shape))
    return np.hypot(data + real, imaginary).astype(np.float32)


# ---------------------------------------------------------------------------------------------------------------------- changes
def lesioned(volume: Volume, rng, *, radius_mm: float) -> Volume:
    """A bright ball with a dark rim somewhere in the object."""
    data = np.array(volume.frame(0), np.float32)
    inside = np.argwhere(data > np.percentile(data, 75))
    at = inside[rng.integers(len(inside))]
    distance = np.linalg.norm((np.indices(data.shape).reshape(3, -1).T - at) * volume.grid.voxel_sizes, axis=1).reshape(data.shape)
    top = np.percentile(data, 99)
    data = np.where(distance < radius_mm, 0.15 * top, data)
    data = np.where(distance < 0.75 * radius_mm, 1.1 * top, data)
    return volume_of(data, volume.affine.matrix, volume.name)


def cropped(volume: Volume, low, high) -> Volume:
    """Part of a volume, from ``low`` to ``high`` as shares of its edges."""
    shape = np.array(volume.shape[:3])
    first, last = (np.rint(np.array(x) * shape).astype(int) for x in (low, high))
    affine = volume.affine.matrix.copy()
    affine[:3, 3] += affine[:3, :3] @ first
    part = np.asarray(volume.frame(0))[first[0] : last[0], first[1] : last[1], first[2] : last[2]]
    return volume_of(part, affine, volume.name)


def slab(volume: Volume, thickness_mm: float, *, at: float = 0.55) -> Volume:
    """A few slices about a height (share of the third edge)."""
    half = 0.5 * thickness_mm / (volume.grid.voxel_sizes[2] * volume.shape[2])
    return cropped(volume, (0, 0, at - half), (1, 1, at + half))


def scaled(volume: Volume, factor: float) -> Volume:
    """The same voxels, all lengths times a factor."""
    return volume_of(np.asarray(volume.frame(0)), np.diag([factor, factor, factor, 1.0]) @ volume.affine.matrix, volume.name)


def flipped(volume: Volume) -> Volume:
    """Voxels reversed along the axis nearest to left-right, header kept."""
    directions = np.abs(volume.affine.matrix[0, :3]) / np.linalg.norm(volume.affine.matrix[:3, :3], axis=0)
    return volume_of(np.flip(np.asarray(volume.frame(0)), int(np.argmax(directions))), volume.affine.matrix, volume.name)


def noisy(volume: Volume, rng, *, noise: float, bias: float = 0.0) -> Volume:
    return volume_of(spoilt(np.asarray(volume.frame(0), np.float32), rng, noise=noise, bias=bias), volume.affine.matrix, volume.name)


def renamed(volume: Volume, name: str) -> Volume:
    return replace(volume_of(np.asarray(volume.frame(0)), volume.affine.matrix, name))
