"""Two small heads that need no file: smooth blobs on any grid, in any contrast."""

from __future__ import annotations

import numpy as np
import pytest

from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.volumes.volume import Volume

# Centre, half-widths (mm) and brightness of ellipsoids that together have no symmetry: a skull, a brain and things within it.
BLOBS = (
    ((0, 0, 0), (66, 84, 60), 300),
    ((0, 2, 3), (58, 76, 52), 250),
    ((22, -30, 14), (18, 26, 16), 200),
    ((-26, 18, 8), (14, 20, 22), -220),
    ((8, 40, -12), (26, 12, 14), 150),
    ((-14, -44, -20), (20, 14, 12), -180),
    ((30, 22, 28), (10, 14, 12), 240),
    ((-34, -12, 30), (12, 10, 14), 160),
)


def head_at(points):
    """Brightness at points (..., 3) in mm: smooth-edged ellipsoids."""
    value = np.zeros(points.shape[:-1])
    for centre, widths, bright in BLOBS:
        radius = np.linalg.norm((points - np.array(centre)) / np.array(widths), axis=-1)
        value += bright / (1 + np.exp(np.clip((radius - 1) * 18, -50, 50)))
    return value


def turn(axis, degrees):
    """(3, 3) rotation about an axis."""
    x, y, z = np.array(axis, float) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.deg2rad(degrees)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def rigid(axis, degrees, shift, *, centre=(0, 0, 0)):
    """(4, 4) turn about a centre, then a shift."""
    matrix = np.eye(4)
    matrix[:3, :3] = turn(axis, degrees)
    matrix[:3, 3] = np.array(centre) - matrix[:3, :3] @ np.array(centre) + np.array(shift)
    return matrix


def grid_affine(shape, linear, *, centre=(0, 0, 0)):
    """(4, 4) affine of a linear part whose grid is centred at a point."""
    matrix = np.eye(4)
    matrix[:3, :3] = linear
    matrix[:3, 3] = np.array(centre) - matrix[:3, :3] @ ((np.array(shape) - 1) / 2)
    return matrix


def volume_of(data, affine, name):
    """Volume of an array and a (4, 4) affine."""
    return Volume(data, Grid(data.shape[:3], Affine(affine, f"{name}:voxel", f"{name}:scanner")), name)


def head(shape, affine, *, name, contrast=lambda v: v, moved=None, noise=3.0, seed=0):
    """Volume of the head scanned on a grid; ``moved`` (4, 4) is then put into its header, voxels untouched."""
    indices = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1)
    values = contrast(head_at(indices @ affine[:3, :3].T + affine[:3, 3]))
    values = values + np.random.default_rng(seed).normal(0, noise, shape)
    return volume_of(values.astype(np.float32), affine if moved is None else moved @ affine, name)


class Heads:
    """The functions above, for tests."""

    head_at = staticmethod(head_at)
    turn = staticmethod(turn)
    rigid = staticmethod(rigid)
    grid_affine = staticmethod(grid_affine)
    volume_of = staticmethod(volume_of)
    head = staticmethod(head)

    @staticmethod
    def error_mm(found, truth):
        """Mean distance in mm between two (4, 4) maps over the head."""
        points = np.stack(np.meshgrid(*([np.linspace(-60, 60, 5)] * 3), indexing="ij"), -1).reshape(-1, 3)
        difference = np.asarray(found) - np.asarray(truth)
        return float(np.linalg.norm(points @ difference[:3, :3].T + difference[:3, 3], axis=1).mean())


@pytest.fixture(scope="session")
def heads():
    return Heads
