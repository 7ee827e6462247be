"""How near `register` comes to a known truth, and what it costs: ``python tests/bench/bench_register.py [ROUNDS]``.

The built-in sample's EPI gets a header that is wrong by a known move, drawn anew for each round and level. Beside `register`, two
SimpleITK scripts get the same two volumes. Errors are mean mm over the voxels of the brain. `registered` is the adapter for judges that
hand over two paths.
"""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the name everybody knows it by

from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.geometry.rigid import RigidTransform
from volstudio.registration.rigid import register
from volstudio.volumes.readers import open_volume
from volstudio.volumes.samples import brain_points, sample, truth
from volstudio.volumes.volume import Volume

LEVELS = {"easy": ((1, 5), (1, 5)), "medium": ((5, 15), (5, 20)), "hard": ((15, 45), (20, 60))}  # degrees, mm
FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])


def registered(fixed_path, moving_path):
    """(4, 4) fixed -> moving map of two files, RAS+ mm."""
    return register(open_volume(fixed_path, name="fixed"), open_volume(moving_path, name="moving")).fixed_to_moving.matrix


def volstudio(fixed, moving):
    return register(fixed, moving).moving_to_fixed.matrix


def tuned(fixed, moving):
    """SimpleITK with header start, pyramid in mm, regular samples, regular steps."""
    method = _method()
    spacing = float(fixed.grid.voxel_sizes.min())
    method.SetMetricAsMattesMutualInformation(32)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentagePerLevel([1.0, 0.5, 0.1], 7)
    method.SetOptimizerAsRegularStepGradientDescent(2.0, 1e-3, 200, 0.6, 1e-8)
    method.SetShrinkFactorsPerLevel([max(1, round(mm / spacing)) for mm in (6, 3, 1.5)])
    method.SetSmoothingSigmasPerLevel([3, 1.5, 0])
    start = sitk.Euler3DTransform()
    start.SetCenter((FLIP[:3, :3] @ fixed.grid.centre).tolist())
    method.SetInitialTransform(start, inPlace=False)
    return _moving_to_fixed(method.Execute(_image(fixed), _image(moving)))


def notebook(fixed, moving):
    """The recipe of the SimpleITK notebooks."""
    method = _method()
    method.SetMetricAsMattesMutualInformation(50)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(0.1, seed=42)
    method.SetOptimizerAsGradientDescent(1.0, 100, 1e-6, 10)
    method.SetShrinkFactorsPerLevel([4, 2, 1])
    method.SetSmoothingSigmasPerLevel([2, 1, 0])
    images = _image(fixed), _image(moving)
    start = sitk.CenteredTransformInitializer(*images, sitk.Euler3DTransform(), sitk.CenteredTransformInitializerFilter.GEOMETRY)
    method.SetInitialTransform(start, inPlace=False)
    return _moving_to_fixed(method.Execute(*images))


@dataclass
class Score:
    """Errors in mm and seconds of one method at one level."""

    errors: list[float]
    wall: list[float]
    cpu: list[float]

    def row(self, method, level):
        found = sum(error < 2 for error in self.errors)
        figures = f"{statistics.median(self.errors):9.3f} {max(self.errors):9.2f}"
        times = f"{statistics.median(self.wall):8.2f} {statistics.median(self.cpu):8.2f}"
        return f"{method:<12}{level:<8}{found:>3}/{len(self.errors):<3}{figures}{times}"


def moved_epi(epi, level, random):
    """The EPI with a header wrong by a move of a level, and its true map to the T1."""
    (low_deg, high_deg), (low_mm, high_mm) = LEVELS[level]
    axis, direction = random.normal(size=(2, 3))
    turn = RigidTransform.from_axis_angle(axis, np.radians(random.uniform(low_deg, high_deg)), centre=epi.grid.centre).matrix
    move = np.eye(4)
    move[:3, 3] = direction / np.linalg.norm(direction) * random.uniform(low_mm, high_mm)
    right = truth().matrix
    wrong = move @ turn @ right @ epi.affine.matrix  # begins at the truth, so that the level says how far off it is
    grid = Grid(epi.shape, Affine(wrong, "epi:voxel", "epi:scanner"))
    return Volume(epi.data, grid, "epi"), right @ epi.affine.matrix @ np.linalg.inv(wrong)


def main(rounds: int) -> None:
    t1, epi = sample("t1"), sample("epi")
    index = epi.affine.inverse().apply(brain_points())
    print("method      level   found   median mm  worst  wall s   CPU s")
    for level in LEVELS:
        scores = {method: Score([], [], []) for method in (volstudio, tuned, notebook)}
        for seed in range(rounds):
            moving, right = moved_epi(epi, level, np.random.default_rng((seed, len(level))))
            points = moving.affine.apply(index)
            for method, score in scores.items():
                wall, cpu = time.perf_counter(), time.process_time()
                found = method(t1, moving)
                score.wall.append(time.perf_counter() - wall)
                score.cpu.append(time.process_time() - cpu)
                change = found - right
                score.errors.append(float(np.linalg.norm(points @ change[:3, :3].T + change[:3, 3], axis=1).mean()))
        for method, score in scores.items():
            print(score.row(method.__name__, level))


def _method():
    method = sitk.ImageRegistrationMethod()
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    return method


def _image(volume):
    """ITK image in ITK's world, left-posterior-superior."""
    image = sitk.GetImageFromArray(np.asarray(volume.frame(), np.float32).T)
    affine = FLIP @ volume.affine.matrix
    image.SetSpacing(volume.grid.voxel_sizes.tolist())
    image.SetDirection((affine[:3, :3] / volume.grid.voxel_sizes).ravel().tolist())
    image.SetOrigin(affine[:3, 3].tolist())
    return image


def _moving_to_fixed(transform):
    """(4, 4) RAS+ map of ITK's transform, which leads from fixed to moving."""
    matrix = np.eye(4)
    matrix[:3, 3] = transform.TransformPoint((0.0, 0.0, 0.0))
    for k in range(3):
        matrix[:3, k] = np.array(transform.TransformPoint(np.eye(3)[k].tolist())) - matrix[:3, 3]
    return np.linalg.inv(FLIP @ matrix @ FLIP)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
