"""The mean space of simulated visits of one head, with and without a stranger among them, against the exact mean of the known poses.

    python tests/bench/bench_group.py [VISITS]

Each visit is the same real head sampled on a grid of its own (2 mm, turned by up to 10 degrees), with noise of 2 %, and a header moved by
up to 20 degrees and some 15 mm. The stranger is another head made in the same way. Needs the folder of real scans beside the checkout.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from scipy.ndimage import map_coordinates

import volstudio as vs
from volstudio.geometry.barycentre import barycentre
from volstudio.volumes.readers import volume_from_array

HEADS = Path(__file__).resolve().parents[3] / "shared" / "data" / "head"
SHAPE, VOXEL = (96, 120, 96), 2.0


def visit(head, rng, name):
    """A visit, and the map of the head to its scanner space."""
    centre = head.grid.centre
    turned = vs.RigidTransform.from_axis_angle(
        rng.normal(size=3), np.radians(rng.uniform(2, 10)), rng.normal(0, 4, 3), centre=centre
    ).matrix
    cubes = np.diag([VOXEL] * 3 + [1.0])
    cubes[:3, 3] = centre - VOXEL * (np.array(SHAPE) - 1) / 2
    grid = turned @ cubes
    to_index = np.linalg.inv(head.affine.matrix) @ grid
    at = to_index[:3, :3] @ np.indices(SHAPE).reshape(3, -1) + to_index[:3, 3:]
    values = np.asarray(head.frame(0), np.float32)
    data = map_coordinates(values, at, order=1).reshape(SHAPE) + rng.normal(0, 0.02 * np.percentile(values, 99), SHAPE)
    moved = vs.RigidTransform.from_axis_angle(rng.normal(size=3), np.radians(rng.uniform(2, 20)), rng.normal(0, 15, 3)).matrix
    return volume_from_array(data.astype(np.float32), moved @ grid, name=name), moved


def main(count):
    rng = np.random.default_rng(1)
    head = vs.open_volume(HEADS / "chris_t1.nii.gz")
    visits, moves = zip(*(visit(head, rng, f"visit{n}") for n in range(count)), strict=True)
    stranger, _ = visit(vs.open_volume(HEADS / "spm152.nii.gz"), rng, "stranger")
    truth = barycentre([vs.RigidTransform.nearest(move) for move in moves]).matrix
    points = np.random.default_rng(0).normal(0, 45, (500, 3)) + head.grid.centre
    for scans in (visits, (*visits, stranger)):
        began = time.process_time()
        found = vs.mean_space(scans, plan=vs.RegistrationPlan(refine="builtin"))
        off = [(found.to_mean[scan.name].matrix @ move - truth)[:3] for scan, move in zip(visits, moves, strict=True)]
        errors = [np.linalg.norm(points @ each[:, :3].T + each[:, 3], axis=1).mean() for each in off]
        print(f"{len(scans)} scans: error mm", *(f"{error:.3f}" for error in errors), f"in {time.process_time() - began:.1f} CPU s")
        print("  weights", {name: round(weight, 2) for name, weight in found.weights.items()})
        for note in found.notes:
            print(f"  {note}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
