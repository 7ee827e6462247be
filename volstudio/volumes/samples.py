"""The built-in sample: a real brain, an EPI simulated from it whose header is wrong by a known amount, and a statistical map.

The brain (ICBM MNI 152, 1 mm) and the map lie inside the nilearn wheel, so that a demo needs no download; nilearn itself is never imported.
The EPI is made on first use and kept in the cache folder. Its header is wrong on purpose, by `HEADER_ANGLE_DEG` and `HEADER_SHIFT_MM`;
`truth` is the map that puts it right, exact to rounding, so that any registration of the sample can be judged in millimetres.
"""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from volstudio.errors import MissingExtraError, OutputError, VolstudioError
from volstudio.geometry.affine import Affine, FloatArray
from volstudio.geometry.grid import Grid
from volstudio.geometry.rigid import RigidTransform
from volstudio.geometry.spaces import scanner, voxel
from volstudio.volumes.atomic import atomic_bytes
from volstudio.volumes.volume import Source, Volume

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["HEADER_ANGLE_DEG", "HEADER_SHIFT_MM", "SampleName", "brain_points", "cache_folder", "names", "sample", "sample_path", "truth"]

SampleName = Literal["t1", "epi", "stat"]

# How far the stored header of the EPI lies from the truth: a turn about the EPI's own centre, then a shift.
HEADER_ANGLE_DEG = 10.0
HEADER_SHIFT_MM = 10.0
_HEADER_AXIS = (0.48, -0.62, 0.62)
_HEADER_DIRECTION = (0.60, -0.48, 0.64)

# Part of the cached file's name: raise it with any change of the recipe below, and old files are left behind.
_RECIPE = 1
_SHAPE = (64, 64, 34)
_VOXEL_MM = (3.0, 3.0, 3.6)
_CENTRE_MM = (1.5, -19.0, 9.0)  # the slab cuts the vertex and the lower cerebellum, as a slab of a hurried scan does
_TILT_DEG = (-20.0, 3.0, -2.0)  # about x, y, z: slices along the orbitofrontal line, head a little askew
_SIGNAL = {"csf": 1000.0, "gm": 690.0, "wm": 500.0}  # T2*-weighted at 3 T, echo time 30 ms: fluid brightest, white matter darkest
_BLUR_SIGMA_MM = 1.35  # point spread of a 3 mm EPI, full width 3.2 mm
_NOISE = 16.0
_GHOST = 0.03  # of the signal, half a field of view away along the phase axis (N/2 ghost)
# Where air meets brain: above the frontal sinus and above both ear canals; centre and half-widths in mm, share of the signal lost.
_DROPOUTS = (
    ((0.0, 36.0, -29.0), (19.0, 18.0, 15.0), 0.92),
    ((-53.0, -26.0, -36.0), (14.0, 17.0, 12.0), 0.8),
    ((53.0, -26.0, -36.0), (14.0, 17.0, 12.0), 0.8),
)
_SEED = 152
_HEADER_BYTES = 352

_FILES = {
    "t1": "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz",
    "gm": "mni_icbm152_gm_tal_nlin_sym_09a_converted.nii.gz",
    "wm": "mni_icbm152_wm_tal_nlin_sym_09a_converted.nii.gz",
    "stat": "image_10426.nii.gz",
}


def names() -> tuple[str, ...]:
    """Names that `sample` knows."""
    return get_args(SampleName)


def sample(name: SampleName) -> Volume:
    """One of the built-in volumes.

    Parameters
    ----------
    name : "t1", "epi", "stat"
        The brain; the simulated EPI with its wrong header; a map of "left against right button press" (NeuroVault 10426) in MNI space.

    Raises
    ------
    MissingExtraError
        nilearn, whose wheel holds the brain, is not installed.
    OutputError
        The cache folder cannot be written.
    VolstudioError
        There is no sample of that name.
    """
    path = sample_path(name)
    return _read(path, name)


def sample_path(name: SampleName) -> Path:
    """File of a sample; the EPI is simulated when it is asked for the first time (some 2 s)."""
    if name not in names():
        raise VolstudioError(f"There is no sample {name!r}; the samples are {', '.join(names())}.")
    return _epi_path() if name == "epi" else _bundled(name)


def truth() -> Affine:
    """Where the EPI belongs: the map epi:scanner -> t1:scanner that undoes its wrong header.

    Notes
    -----
    With A the affine the EPI was simulated on and H the one its header states (float32), the truth is A H^-1: a voxel goes through H^-1
    back to its indices, and from there to where it was simulated. It is rigid up to the rounding of the header, about 1e-7.
    """
    stated = Affine(_wrong_affine(), voxel("epi"), scanner("epi"))
    true = Affine(_true_affine(), voxel("epi"), scanner("t1"))
    return true @ stated.inverse()


@cache
def brain_points() -> FloatArray:
    """(n, 3) mm in epi:scanner: centres of the EPI's voxels that lie in the brain, where errors of a registration are counted."""
    t1 = sample("t1")
    indices = np.stack(np.meshgrid(*(np.arange(n) for n in _SHAPE), indexing="ij"), axis=-1).reshape(-1, 3)
    to_t1 = t1.affine.inverse() @ Affine(_true_affine(), voxel("epi"), scanner("t1"))
    nearest = np.rint(to_t1.apply(indices)).astype(int)
    inside = ((nearest >= 0) & (nearest < np.array(t1.shape))).all(axis=1)
    nearest, indices = nearest[inside], indices[inside]
    in_brain = t1.frame()[tuple(nearest.T)] > 0
    points = Affine(_wrong_affine(), voxel("epi"), scanner("epi")).apply(indices[in_brain])
    points.setflags(write=False)
    return points


def cache_folder() -> Path:
    """Where the EPI is kept: ``$VOLSTUDIO_CACHE_DIR``, or the system's cache folder for volstudio."""
    from platformdirs import user_cache_path

    own = os.environ.get("VOLSTUDIO_CACHE_DIR")
    return Path(own) if own else user_cache_path("volstudio")


def _bundled(name: str) -> Path:
    """File inside the nilearn wheel."""
    remedy = 'python -m pip install "nilearn>=0.11"'
    spec = find_spec("nilearn")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(f"The built-in sample needs nilearn, whose package holds the MNI 152 brain; install it with: {remedy}")
    path = Path(spec.submodule_search_locations[0]) / "datasets" / "data" / _FILES[name]
    if not path.is_file():
        raise MissingExtraError(f"The nilearn in {path.parents[2]} does not hold {path.name}; install another version with: {remedy}")
    return path


def _read(path: Path, name: str) -> Volume:
    """A NIfTI file of our own or of the nilearn wheel, whose sforms are known to be right."""
    import nibabel

    image = nibabel.load(path)
    affine = Affine(image.affine, voxel(name), scanner(name))
    source = Source(path=path, format="NIfTI-1", form="sform", files=(path,))
    return Volume(np.asanyarray(image.dataobj), Grid(image.shape[:3], affine), name, source, facts={"sample": name})


def _epi_path() -> Path:
    """Cached file of the EPI, made if it is not there or not whole."""
    path = cache_folder() / f"sample-epi-{_RECIPE}.nii"
    size = _HEADER_BYTES + int(np.prod(_SHAPE)) * 2
    if not path.is_file() or path.stat().st_size != size:
        content = _nifti_bytes(_simulate())
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"The sample's EPI cannot be kept in {path.parent}: {error.strerror}; "
                "set VOLSTUDIO_CACHE_DIR to a folder that can be written."
            ) from error
        atomic_bytes(path, content, overwrite=True)
    return path


def _true_affine() -> FloatArray:
    """EPI voxel -> t1:scanner of the simulation. The first axis points left, as converters of scanner files write it."""
    linear = RigidTransform.from_euler(np.deg2rad(_TILT_DEG)).rotation @ np.diag([-_VOXEL_MM[0], _VOXEL_MM[1], _VOXEL_MM[2]])
    affine = np.eye(4)
    affine[:3, :3] = linear
    affine[:3, 3] = np.array(_CENTRE_MM) - linear @ ((np.array(_SHAPE) - 1) / 2)
    return affine


@cache
def _wrong_affine() -> FloatArray:
    """EPI voxel -> epi:scanner as the header states it: float32 numbers, moved about the EPI's centre."""
    shift = HEADER_SHIFT_MM * np.array(_HEADER_DIRECTION) / np.linalg.norm(_HEADER_DIRECTION)
    move = RigidTransform.from_axis_angle(_HEADER_AXIS, np.deg2rad(HEADER_ANGLE_DEG), shift, centre=_CENTRE_MM)
    stated = (move.matrix @ _true_affine()).astype(np.float32).astype(np.float64)
    stated.setflags(write=False)
    return stated


def _simulate() -> NDArray[np.int16]:
    """(64, 64, 34) magnitude image: tissue contrast, blur, coil profile, dropout, ghost, Rician noise."""
    from scipy.ndimage import gaussian_filter, map_coordinates

    t1, grey, white = (_read(_bundled(name), name) for name in ("t1", "gm", "wm"))
    tissue = {name: np.asarray(volume.data, np.float32) / 255 for name, volume in (("gm", grey), ("wm", white))}
    tissue["csf"] = np.clip((np.asarray(t1.data) > 0) - tissue["gm"] - tissue["wm"], 0, 1).astype(np.float32)
    signal = sum(np.float32(_SIGNAL[name]) * share for name, share in tissue.items())
    signal = gaussian_filter(signal, _BLUR_SIGMA_MM / t1.grid.voxel_sizes, truncate=3)

    indices = np.stack(np.meshgrid(*(np.arange(n) for n in _SHAPE), indexing="ij"))
    world = Affine(_true_affine(), voxel("epi"), scanner("t1")).apply(np.moveaxis(indices, 0, -1))
    at = np.moveaxis((t1.affine.inverse() @ Affine.identity(scanner("t1"), scanner("t1"))).apply(world), -1, 0)
    image = map_coordinates(signal, at, order=1, mode="constant", cval=0.0).astype(np.float64)
    image *= _coil_profile(world) * _dropout(world)
    image += _GHOST * np.roll(image, _SHAPE[1] // 2, axis=1)
    return _rician(image)


def _coil_profile(world: FloatArray) -> FloatArray:
    """Sensitivity of a head coil at points (..., 3): brighter near its elements, stronger at the back where the head rests."""
    x, y, z = np.moveaxis((world - np.array(_CENTRE_MM)) / 90.0, -1, 0)
    return np.asarray(0.86 + 0.26 * (x * x + y * y + z * z) - 0.10 * y + 0.05 * x + 0.04 * z)


def _dropout(world: FloatArray) -> FloatArray:
    """Share of the signal that survives at points (..., 3)."""
    left = np.ones(world.shape[:-1])
    for centre, widths, lost in _DROPOUTS:
        distance = ((world - np.array(centre)) / np.array(widths)) ** 2
        left *= 1 - lost * np.exp(-0.5 * distance.sum(axis=-1) ** 1.5)
    return left


def _rician(image: FloatArray) -> NDArray[np.int16]:
    """Magnitude of the image with complex Gaussian noise, as whole numbers."""
    random = np.random.default_rng(_SEED)
    real, imaginary = random.normal(0, _NOISE, (2, *image.shape))
    return np.asarray(np.rint(np.hypot(image + real, imaginary)), np.int16)


def _nifti_bytes(voxels: NDArray[Any]) -> bytes:
    """NIfTI-1 file with the wrong affine as sform and qform, both "scanner"."""
    import nibabel

    image = nibabel.Nifti1Image(voxels, _wrong_affine())
    image.set_sform(_wrong_affine(), code=1)
    image.set_qform(_wrong_affine(), code=1)
    image.header.set_xyzt_units("mm", "sec")
    image.header["descrip"] = b"simulated EPI, header wrong on purpose"
    return bytes(image.to_bytes())
