"""Let one library open every conformance case, each in a child of its own: ``python conformance_peers.py PEER MANIFEST``.

One JSON line for each case: the shape, where in the world each probe's value was found, and what was said; or the refusal, or how the child
died. Nothing of volstudio is imported unless it is the peer, and never two copies of ITK, so that the script runs in any environment.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 15
ADDRESS_SPACE = 8 << 30
TO_RAS = np.diag([-1.0, -1, 1, 1])
MOST_PLACES = 50
Read = tuple[Any, np.ndarray, list[str]]  # values (i, j, k, ...), voxel -> RAS mm, what was said
BRIGHTNESS = (0.299, 0.587, 0.114)


def main() -> None:
    name, manifest = sys.argv[1], Path(sys.argv[2])
    read = PEERS[name]()
    for case in json.loads(manifest.read_text(encoding="utf-8"))["cases"]:
        print(json.dumps({"name": case["name"], **attempted(read, case, manifest.parent)}), flush=True)


def attempted(read: Callable[[Path, dict], Read], case: dict, folder: Path) -> dict:
    """What a child makes of a case."""
    read_end, write_end = os.pipe()
    noise = tempfile.TemporaryFile()  # noqa: SIM115 - the child's end, closed below
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        os.dup2(noise.fileno(), 1)
        os.dup2(noise.fileno(), 2)
        signal.alarm(SECONDS)
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
        seen = observed(read, case, folder)
        seen["memory_kb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with os.fdopen(write_end, "w") as pipe:
            json.dump(seen, pipe)
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        said = pipe.read()
    status = os.waitpid(child, 0)[1]
    seconds = time.monotonic() - began
    noise.seek(0)
    spoken = noise.read(20000).decode(errors="replace")
    noise.close()
    record = (
        json.loads(said) if said else {"died": "hang" if status & 127 == signal.SIGALRM or seconds > SECONDS else f"signal {status & 127}"}
    )
    return {**record, "seconds": seconds, "noise": spoken}


def observed(read: Callable[[Path, dict], Read], case: dict, folder: Path) -> dict:
    """In the child: what came out."""
    heard: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: heard.append(record.getMessage())
    logging.getLogger().addHandler(handler)
    logging.getLogger("nibabel.global").addHandler(handler)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            values, affine, said = read(folder / case["path"], case)
            values = np.asarray(values)
        except Exception as error:  # noqa: BLE001 - a peer refuses with whatever it raises
            return {"refused": f"{type(error).__name__}: {error}"}
    heard += [str(each.message) for each in warned if not issubclass(each.category, (DeprecationWarning, ResourceWarning))]
    places = [found(values, value, affine, exact=case["exact"]) for _, value in case["probes"] or ()]
    return {
        "shape": list(values.shape),
        "affine": np.asarray(affine).tolist(),
        "places": places,
        "said": [*heard, *said],
    }


def found(values: np.ndarray, value: Any, affine: np.ndarray, *, exact: bool) -> list[list[float]]:
    """World places of all voxels that hold a probe's value."""
    if isinstance(value, list):
        if values.dtype.names:
            values = np.stack([values[channel] for channel in values.dtype.names], -1)
        if values.ndim > 3 and values.shape[-1] >= 3:
            hits = (values[..., :3] == np.array(value[:3])).all(-1)
        else:
            hits = np.abs(values.astype(float) - np.dot(value[:3], BRIGHTNESS)) <= 0.51
    elif values.dtype.names:
        return []
    else:
        numbers = np.abs(values) if values.dtype.kind == "c" else values
        hits = numbers == value if exact else np.isclose(numbers.astype(np.float64), value, rtol=1e-4, atol=0)
    index = np.argwhere(hits)[:MOST_PLACES]
    index = np.pad(index, ((0, 0), (0, max(0, 3 - index.shape[1]))))[:, :3]
    return (index @ affine[:3, :3].T + affine[:3, 3]).tolist()


def volstudio() -> Callable[[Path, dict], Read]:
    import volstudio as vs
    from volstudio.scene.files import load_scene
    from volstudio.volumes import dicom, metaimage, mgh, nifti, nrrd  # noqa: F401 - loaded before forking, so that each child is quick

    def read(path: Path, case: dict) -> Read:
        if case["reader"] == "session":
            load_scene(path)
            return np.zeros(1), np.eye(4), []
        if case["reader"] == "transform":
            fixed, moving = (vs.open_volume(path.parents[1] / case[side]) for side in ("fixed", "moving"))
            return np.zeros(1), vs.read_transform(path, fixed=fixed, moving=moving).matrix, []
        volume = vs.open_volume(path)
        return volume.data, volume.affine.matrix, [finding.code for finding in volume.findings]

    return read


def nibabel() -> Callable[[Path, dict], Read]:
    import nibabel

    def read(path: Path, case: dict) -> Read:
        image = nibabel.load(path)
        return np.asanyarray(image.dataobj), image.affine, []

    return read


def _itk_affine(spacing: Any, origin: Any, direction: Any, dimension: int) -> np.ndarray:
    matrix = np.eye(4)
    n = min(dimension, 3)
    turned = np.asarray(direction, float).reshape(dimension, dimension)
    matrix[:n, :n] = (turned * np.asarray(spacing))[:n, :n]
    matrix[:n, 3] = np.asarray(origin)[:n]
    return TO_RAS @ matrix


def simpleitk() -> Callable[[Path, dict], Read]:
    import SimpleITK as sitk  # noqa: N813 - the field's own name for it

    def read(path: Path, case: dict) -> Read:
        if path.is_dir():
            names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(path))
            if not names:
                raise ValueError("no DICOM series found")
            image = sitk.ReadImage(names)
        else:
            image = sitk.ReadImage(str(path))
        values = sitk.GetArrayFromImage(image)
        axes = tuple(range(image.GetDimension()))[::-1]
        values = values.transpose((*axes, *range(len(axes), values.ndim)))
        return values, _itk_affine(image.GetSpacing(), image.GetOrigin(), image.GetDirection(), image.GetDimension()), []

    return read


def itk() -> Callable[[Path, dict], Read]:
    import itk

    with tempfile.TemporaryDirectory() as folder:  # itk loads its parts at first use: before forking, so that each child is quick
        itk.imwrite(itk.image_from_array(np.zeros((2, 2, 2), np.int16)), f"{folder}/a.nii")
        itk.array_from_matrix(itk.imread(f"{folder}/a.nii").GetDirection())
    itk.GDCMSeriesFileNames.New()

    def read(path: Path, case: dict) -> Read:
        if path.is_dir():
            names = itk.GDCMSeriesFileNames.New()
            names.SetDirectory(str(path))
            uids = names.GetSeriesUIDs()
            if not len(uids):
                raise ValueError("no DICOM series found")
            image = itk.imread([str(name) for name in names.GetFileNames(uids[0])])
        else:
            image = itk.imread(str(path))
        dimension = image.GetImageDimension()
        values = itk.array_from_image(image)
        axes = tuple(range(dimension))[::-1]
        values = values.transpose((*axes, *range(len(axes), values.ndim)))
        direction = itk.array_from_matrix(image.GetDirection())
        return values, _itk_affine(list(image.GetSpacing()), list(image.GetOrigin()), direction, dimension), []

    return read


def _vtk_values(image: Any) -> np.ndarray:
    from vtkmodules.util.numpy_support import vtk_to_numpy

    scalars = image.GetPointData().GetScalars() if image else None
    if scalars is None or not image.GetNumberOfPoints():
        raise ValueError("no voxels came back")
    values = vtk_to_numpy(scalars)
    shape = image.GetDimensions()
    return values.reshape(shape, order="F") if values.ndim == 1 else values.reshape((*shape, values.shape[1]), order="F")


def _vtk_affine(image: Any) -> np.ndarray:
    matrix = np.eye(4)
    direction = image.GetDirectionMatrix()
    turned = np.array([[direction.GetElement(i, j) for j in range(3)] for i in range(3)])
    matrix[:3, :3] = turned * np.array(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    return matrix


def vtk() -> Callable[[Path, dict], Read]:
    from vtkmodules.vtkIOImage import vtkDICOMImageReader, vtkMetaImageReader, vtkNIFTIImageReader, vtkNrrdReader

    def read(path: Path, case: dict) -> Read:
        kinds = {".nrrd": vtkNrrdReader, ".nhdr": vtkNrrdReader, ".mha": vtkMetaImageReader, ".mhd": vtkMetaImageReader}
        reader = vtkDICOMImageReader() if path.is_dir() else kinds.get(path.suffix, vtkNIFTIImageReader)()
        if path.is_dir():
            reader.SetDirectoryName(str(path))
        else:
            reader.SetFileName(str(path))
        reader.Update()
        if reader.GetErrorCode():
            raise ValueError(f"error code {reader.GetErrorCode()}")
        image = reader.GetOutput()
        values = _vtk_values(image)
        if isinstance(reader, vtkNIFTIImageReader):
            form = reader.GetSFormMatrix() or reader.GetQFormMatrix()
            world = np.eye(4) if form is None else np.array([[form.GetElement(i, j) for j in range(4)] for i in range(4)])
            return values, world @ _vtk_affine(image), []
        return values, TO_RAS @ _vtk_affine(image), []

    return read


def pyvista() -> Callable[[Path, dict], Read]:
    import pyvista

    def read(path: Path, case: dict) -> Read:
        image = pyvista.DICOMReader(str(path)).read() if path.is_dir() else pyvista.read(path)
        frame = np.eye(4) if case["category"] not in ("nrrd", "metaimage", "dicom") else TO_RAS
        return _vtk_values(image), frame @ _vtk_affine(image), []

    return read


PEERS = {"volstudio": volstudio, "nibabel": nibabel, "SimpleITK": simpleitk, "itk": itk, "VTK": vtk, "PyVista": pyvista}

if __name__ == "__main__":
    main()
