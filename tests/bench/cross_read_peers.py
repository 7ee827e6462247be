"""One program's reading of transform files: ``python cross_read_peers.py PEER FOLDER SUFFIX...``.

The first line says its version; each further line is JSON: where the program maps the points of a case, fixed to moving, in RAS mm. What it
can write in the same dialect it leaves beside them. Nothing of volstudio is imported, so that the script runs in any environment.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

FLIP = np.array([-1.0, -1.0, 1.0])
Mapped = tuple[np.ndarray, np.ndarray]  # points and where they go, (n, 3), RAS mm


class LeftOutError(Exception):
    """The program does not claim to handle this case; why."""


def main() -> None:
    peer, folder, suffixes = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
    package, read = PEERS[peer]()
    print(version(package))
    known = json.loads((folder / "cases.json").read_text())
    points = np.array(known["points"])
    for case, names in known["cases"].items():
        for suffix in suffixes:
            told = {"case": case, "suffix": suffix}
            images = {side: folder / f"{names[side]}-x.nii" for side in ("fixed", "moving")}
            try:
                asked, mapped = read(folder / f"{case}{suffix}", images, points, folder / f"{peer}-{case}{suffix}")
                told |= {"points": asked.tolist(), "mapped": mapped.tolist()}
            except LeftOutError as reason:
                told["skipped"] = str(reason)
            except Exception as error:  # noqa: BLE001 - whatever a program raises is its outcome
                told["failed"] = f"{type(error).__name__}: {error}".splitlines()[0][:90]
            print(json.dumps(told), flush=True)


def by_matrix(points: np.ndarray, matrix: np.ndarray) -> Mapped:
    return points, points @ matrix[:3, :3].T + matrix[:3, 3]


def ants() -> tuple[str, Callable]:
    import ants

    def read(file: Path, images: dict, points: np.ndarray, back: Path) -> Mapped:
        transform = ants.read_transform(str(file), precision="double")
        if file.suffix != ".h5":  # ANTsPy writes no HDF5
            ants.write_transform(transform, str(back))
        # It hands numbers to Python in single precision, which is 5e-6 mm; what it writes back shows what it holds.
        return points, np.array([transform.apply_to_point((point * FLIP).tolist()) for point in points]) * FLIP

    return "antspyx", read


def simpleitk() -> tuple[str, Callable]:
    import SimpleITK as sitk  # noqa: N813 - its own short name

    def read(file: Path, images: dict, points: np.ndarray, back: Path) -> Mapped:
        transform = sitk.ReadTransform(str(file))
        sitk.WriteTransform(transform, str(back))
        return points, np.array([transform.TransformPoint((point * FLIP).tolist()) for point in points]) * FLIP

    return "SimpleITK", read


def nitransforms() -> tuple[str, Callable]:
    from nitransforms.io import afni, fsl, itk, lta, x5

    dialects = {".tfm": itk.ITKLinearTransform, ".itk.mat": itk.ITKLinearTransform, ".lta": lta.FSLinearTransform}
    dialects |= {".1D": afni.AFNILinearTransform, ".mat": fsl.FSLLinearTransform}

    def read(file: Path, images: dict, points: np.ndarray, back: Path) -> Mapped:
        suffix = next(suffix for suffix in (*dialects, ".x5") if file.name.endswith(suffix))
        if "stretched" in file.name and suffix == ".mat":
            raise LeftOutError("takes voxel sizes from the affine, not from pixdim")
        if suffix == ".x5":
            found = x5.from_filename(file)
            x5.to_filename(back, found)
            return by_matrix(points, found[0].transform)
        sides = {"reference": nib.load(images["fixed"]), "moving": nib.load(images["moving"])}
        theirs = dialects[suffix]
        opened = theirs.from_binary(file.open("rb")) if suffix == ".itk.mat" else theirs.from_string(file.read_text())
        matrix = opened.to_ras(**sides)
        again = theirs.from_ras(matrix, **sides)
        if suffix != ".itk.mat":
            back.write_text(again.to_string())
        return by_matrix(points, matrix)

    return "nitransforms", read


def fslpy() -> tuple[str, Callable]:
    from fsl.data.image import Image
    from fsl.transform import flirt

    def read(file: Path, images: dict, points: np.ndarray, back: Path) -> Mapped:
        fixed, moving = Image(str(images["fixed"])), Image(str(images["moving"]))
        to_fixed = flirt.fromFlirt(flirt.readFlirt(str(file)), moving, fixed, "world", "world")
        flirt.writeFlirt(flirt.toFlirt(to_fixed, moving, fixed, "world", "world"), str(back))
        return by_matrix(points, np.linalg.inv(to_fixed))

    return "fslpy", read


def surfa() -> tuple[str, Callable]:
    import surfa

    def read(file: Path, images: dict, points: np.ndarray, back: Path) -> Mapped:
        affine = surfa.load_affine(str(file))
        affine.convert(space="vox").save(str(back))
        return by_matrix(points, np.linalg.inv(affine.convert(space="world").matrix))

    return "surfa", read


def convert3d() -> tuple[str, Callable]:
    from picsl_c3d import Convert3D

    def read(file: Path, images: dict, points: np.ndarray, back: Path) -> Mapped:
        if "stretched" in file.name:
            raise LeftOutError("ITK, which reads the images, takes voxel sizes from pixdim")

        def move(moving: Path, out: Path) -> None:
            Convert3D().execute(f"{images['fixed']} {moving} -background 9999 -reslice-matrix {file} -o {out}")

        return by_images(move, images, file)

    return "picsl-c3d", read


def greedy() -> tuple[str, Callable]:
    from picsl_greedy import Greedy3D

    def read(file: Path, images: dict, points: np.ndarray, back: Path) -> Mapped:
        if "stretched" in file.name:
            raise LeftOutError("ITK, which reads the images, takes voxel sizes from pixdim")

        def move(moving: Path, out: Path) -> None:
            Greedy3D().execute(f"-rf {images['fixed']} -rb 9999 -rm {moving} {out} -r {file}")

        return by_images(move, images, file)

    return "picsl-greedy", read


def by_images(move: Callable[[Path, Path], None], images: dict, file: Path) -> Mapped:
    """Where the voxels of the moved images of coordinates come from, at those whose neighbours all come from inside."""
    places = []
    for letter in "xyz":
        out = file.with_name(f"{file.name}-{letter}.nii")
        move(images["moving"].with_name(images["moving"].name.replace("-x.nii", f"-{letter}.nii")), out)
        places.append(np.asanyarray(nib.load(out).dataobj))
    seen = np.stack(places, axis=-1)
    back = np.linalg.inv(nib.load(images["moving"]).affine)
    voxels = seen @ back[:3, :3].T + back[:3, 3]
    inner = ((voxels > 1) & (voxels < np.array(seen.shape[:3]) - 2)).all(axis=-1)
    for axis in (0, 1, 2) * 2:  # the outermost two layers are mixed with the background
        inner &= np.roll(inner, 1, axis) & np.roll(inner, -1, axis)
    index = np.argwhere(inner)
    if len(index) < 1000:
        raise LeftOutError("too few voxels overlap")
    grid = nib.load(images["fixed"]).affine
    return index @ grid[:3, :3].T + grid[:3, 3], seen[tuple(index.T)]


PEERS = {
    "ANTs": ants,
    "SimpleITK": simpleitk,
    "nitransforms": nitransforms,
    "fslpy": fslpy,
    "surfa": surfa,
    "Convert3D": convert3d,
    "greedy": greedy,
}

if __name__ == "__main__":
    main()
