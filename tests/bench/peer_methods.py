"""What other programs do with the same two files: ``python peer_methods.py METHOD`` in that program's own environment.

Each method is ``name(fixed_path, moving_path) -> (4, 4)`` fixed -> moving, RAS+ mm. Run as a program it reads pairs of paths from its input
and answers each with a line of JSON: the matrix, wall and CPU seconds, and peak memory. Only one ITK build may live in a process, so each
method has a process of its own.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])  # RAS+ <-> LPS+
THREADS = int(os.environ.get("OMP_NUM_THREADS", "2"))
# What to install for each, and the module that is then there; volstudio runs in the environment of the bench.
PACKAGES = {
    "volstudio": ("volstudio", "volstudio.registration.rigid"),
    "volstudio builtin": ("volstudio", "volstudio.registration.rigid"),
    "elastix": ("itk-elastix", "itk"),
    "greedy": ("picsl-greedy", "picsl_greedy"),
    "greedy from header": ("picsl-greedy", "picsl_greedy"),
    "ANTs Rigid": ("antspyx", "ants"),
    "SimpleITK tuned": ("SimpleITK", "SimpleITK"),
    "SimpleITK notebook": ("SimpleITK", "SimpleITK"),
}


# ------------------------------------------------------------------------------------------------------------------ volstudio
def volstudio(fixed_path, moving_path, refine="simpleitk"):
    """`register` as it stands, from anywhere; no other program judges its answer, so it does not either."""
    from volstudio.registration.plan import RegistrationPlan
    from volstudio.registration.rigid import register
    from volstudio.volumes.readers import open_volume

    fixed, moving = (open_volume(path, name=name) for path, name in ((fixed_path, "fixed"), (moving_path, "moving")))
    return register(fixed, moving, plan=RegistrationPlan(refine=refine), judge=False).fixed_to_moving.matrix


def volstudio_builtin(fixed_path, moving_path):
    """The same with the built-in metric to the end."""
    return volstudio(fixed_path, moving_path, refine="builtin")


# ---------------------------------------------------------------------------------------------------------------------- peers
def elastix(fixed_path, moving_path):
    """elastix with its own default map for rigid registration."""
    import itk

    images = [itk.imread(path, itk.F) for path in (fixed_path, moving_path)]
    parameters = itk.ParameterObject.New()
    settings = parameters.GetDefaultParameterMap("rigid")
    settings["WriteResultImage"] = ["false"]
    parameters.AddParameterMap(settings)
    method = itk.ElastixRegistrationMethod.New(*images)
    method.SetParameterObject(parameters)
    method.SetNumberOfThreads(THREADS)
    method.LogToConsoleOff()
    method.Update()
    found = method.GetTransformParameterObject().GetParameterMap(0)
    six, centre = (np.array([float(x) for x in found[key]]) for key in ("TransformParameters", "CenterOfRotationPoint"))
    return _ras(_euler(six, centre, zyx=found.get("ComputeZYX", ("false",))[0] == "true"))


def greedy(fixed_path, moving_path, start="-ia-image-centers"):
    """greedy, affine mode of six degrees of freedom, normalised mutual information, from the headers' image centres."""
    from picsl_greedy import Greedy3D

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "rigid.mat"
        Greedy3D().execute(f"-threads {THREADS} -V 0 -a -dof 6 -m NMI -n 100x50x10 {start} -i {fixed_path} {moving_path} -o {out}")
        return np.loadtxt(out)


def greedy_header(fixed_path, moving_path):
    """The same from the headers as they are, which a part of an object needs."""
    return greedy(fixed_path, moving_path, start="-ia-identity")


def ants_rigid(fixed_path, moving_path):
    """antspyx, ``type_of_transform="Rigid"`` with a fixed seed."""
    import ants

    with tempfile.TemporaryDirectory() as folder:
        images = (ants.image_read(str(path)) for path in (fixed_path, moving_path))
        done = ants.registration(*images, type_of_transform="Rigid", outprefix=f"{folder}/", random_seed=1)
        transform = ants.read_transform(done["fwdtransforms"][0])
        return _ras(_matrix(lambda point: transform.apply_to_point(list(point))))


def simpleitk_tuned(fixed_path, moving_path):
    """SimpleITK with header start, pyramid in mm, regular samples and regular steps."""
    sitk, fixed, moving, method = _simpleitk(fixed_path, moving_path)
    method.SetMetricAsMattesMutualInformation(32)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentagePerLevel([1.0, 0.5, 0.1], 7)
    method.SetOptimizerAsRegularStepGradientDescent(2.0, 1e-3, 200, 0.6, 1e-8)
    method.SetShrinkFactorsPerLevel([max(1, round(mm / min(fixed.GetSpacing()))) for mm in (6, 3, 1.5)])
    method.SetSmoothingSigmasPerLevel([3, 1.5, 0])
    start = sitk.Euler3DTransform()
    start.SetCenter(fixed.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in fixed.GetSize()]))
    method.SetInitialTransform(start, inPlace=False)
    return _ras(_matrix(method.Execute(fixed, moving).TransformPoint))


def simpleitk_notebook(fixed_path, moving_path):
    """The recipe of the SimpleITK notebooks."""
    sitk, fixed, moving, method = _simpleitk(fixed_path, moving_path)
    method.SetMetricAsMattesMutualInformation(50)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(0.01, seed=7)
    method.SetOptimizerAsGradientDescent(1.0, 100, 1e-6, 10)
    method.SetShrinkFactorsPerLevel([4, 2, 1])
    method.SetSmoothingSigmasPerLevel([2, 1, 0])
    start = sitk.CenteredTransformInitializer(fixed, moving, sitk.Euler3DTransform(), sitk.CenteredTransformInitializerFilter.GEOMETRY)
    method.SetInitialTransform(start, inPlace=False)
    return _ras(_matrix(method.Execute(fixed, moving).TransformPoint))


METHODS = {
    "volstudio": volstudio,
    "volstudio builtin": volstudio_builtin,
    "elastix": elastix,
    "greedy": greedy,
    "greedy from header": greedy_header,
    "ANTs Rigid": ants_rigid,
    "SimpleITK tuned": simpleitk_tuned,
    "SimpleITK notebook": simpleitk_notebook,
}


def _simpleitk(fixed_path, moving_path):
    """SimpleITK, the two images and a method that interpolates linearly and smooths in mm."""
    import SimpleITK as sitk  # noqa: N813 - the name everybody knows it by

    method = sitk.ImageRegistrationMethod()
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    return sitk, *(sitk.ReadImage(str(path), sitk.sitkFloat32) for path in (fixed_path, moving_path)), method


def _ras(matrix):
    """A map of LPS+ points as one of RAS+ points, or back."""
    return FLIP @ matrix @ FLIP


def _matrix(apply):
    """(4, 4) matrix of an affine function of points."""
    matrix = np.eye(4)
    matrix[:3, 3] = apply((0.0, 0.0, 0.0))
    for axis in range(3):
        matrix[:3, axis] = np.array(apply(tuple(np.eye(3)[axis].tolist()))) - matrix[:3, 3]
    return matrix


def _euler(six, centre, *, zyx):
    """(4, 4) matrix of ITK's Euler3DTransform: turns about z x y (or z y x) through a centre, then a shift."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(six[:3]), np.sin(six[:3])
    x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    matrix = np.eye(4)
    matrix[:3, :3] = z @ y @ x if zyx else z @ x @ y
    matrix[:3, 3] = six[3:] + centre - matrix[:3, :3] @ centre
    return matrix


# -------------------------------------------------------------------------------------------------------------------- measure
def measured(method, fixed_path, moving_path):
    """What a method gives and what it costs, as a dictionary."""
    Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak of memory begins anew
    wall, cpu = time.perf_counter(), _cpu()
    answer = {}
    try:
        matrix = np.asarray(method(fixed_path, moving_path), float)
    except Exception as error:  # noqa: BLE001 - whatever a program raises is its result
        answer["failed"] = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    else:
        answer["matrix"] = matrix.tolist()
    return answer | {"wall_s": time.perf_counter() - wall, "cpu_s": _cpu() - cpu, "peak_mb": _status_mb("VmHWM")}


def _cpu():
    """User and system seconds of this process and of those it has ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _status_mb(name):
    """A size of this process that Linux knows."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024


def main():
    method, (_, module) = METHODS[sys.argv[1]], PACKAGES[sys.argv[1]]
    importlib.import_module(module)
    idle = _status_mb("VmRSS")
    answers = os.fdopen(os.dup(1), "w")  # programs write what they like to the standard output
    os.dup2(2, 1)
    for line in sys.stdin:
        fixed_path, moving_path = json.loads(line)
        print(json.dumps(measured(method, fixed_path, moving_path) | {"idle_mb": idle}), file=answers, flush=True)


if __name__ == "__main__":
    main()
