"""Transform files between volstudio and other programs, both ways: how far the same file moves the same points apart, mm.

    python tests/bench/cross_read.py [--peers PYTHON]

``--peers`` names a Python with ``pip install antspyx nitransforms fslpy surfa picsl-c3d picsl-greedy h5py``; without it the one that runs
this. What is not installed is left out and said. Each peer runs in a process of its own (`cross_read_peers.py`), since two copies of ITK
disturb each other. The images are oblique, of either handedness and of odd voxels, one of them stretched by its sform against its pixdim;
the maps are rigid, and affine with scale and shear. Peers that map points are asked at the corners of a head; Convert3D and greedy, which
only move images, move images of the coordinates, whose voxels then say where they come from.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np

from volstudio.geometry.affine import Affine
from volstudio.geometry.rigid import RigidTransform
from volstudio.transforms.files import read_transform, write_transform
from volstudio.volumes.readers import open_volume

if TYPE_CHECKING:
    from volstudio.volumes.volume import Volume

PEERS = {
    "ANTs": (".tfm", ".itk.mat", ".h5"),
    "SimpleITK": (".tfm", ".itk.mat", ".h5"),
    "nitransforms": (".tfm", ".itk.mat", ".lta", ".1D", ".mat", ".x5"),
    "fslpy": (".mat",),
    "surfa": (".lta",),
    "Convert3D": (".c3d.mat",),
    "greedy": (".c3d.mat",),
}
OWN = {"SimpleITK"}  # part of volstudio's own environment
BOX = np.array([(x, y, z) for x in (-90.0, 90.0) for y in (-120.0, 90.0) for z in (-70.0, 110.0)])


def main() -> int:
    given = argparse.ArgumentParser(description="Read volstudio's transform files with other programs, and theirs with volstudio.")
    given.add_argument("--peers", default=sys.executable, help="a Python that has the other programs")
    asked = given.parse_args()
    print("| program | dialect | maps | it reads ours, mm off | we read its own, mm off |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        pairs = made_pairs(folder)
        for peer, suffixes in PEERS.items():
            python = sys.executable if peer in OWN else asked.peers
            command = [python, str(Path(__file__).with_name("cross_read_peers.py")), peer, str(folder), *suffixes]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                print(f"| {peer} | | | left out: {(done.stderr.strip().splitlines() or ['?'])[-1]} | |")
                continue
            told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
            for suffix in suffixes:
                row = judged(folder, pairs, peer, suffix, [each for each in told if each["suffix"] == suffix])
                print(f"| {peer} {done.stdout.split(maxsplit=1)[0]} | `{suffix}` | {row}")
    return 0


def made_pairs(folder: Path) -> dict[str, tuple[Volume, Volume, np.ndarray]]:
    """Images, transforms in every dialect and what the peers must know, in a folder; images and maps by the name of the case."""
    images = {name: image(folder, name, matrix, stretch) for name, matrix, stretch in IMAGES}
    pairs = {}
    for kind, linear in (("rigid", np.eye(3)), ("affine", np.array([[1.1, 0.08, 0], [0, 0.95, -0.05], [0.02, 0, 1.04]]))):
        for fixed, moving in (("las", "oblique"), ("oblique", "stretched"), ("stretched", "las")):
            matrix = RigidTransform.from_six((7, -3, 5, 0.12, -0.2, 0.3), (5, -10, 15)).matrix
            matrix[:3, :3] = matrix[:3, :3] @ linear
            name = f"{kind}-{fixed}-{moving}"
            pairs[name] = (images[fixed], images[moving], matrix)
            for suffix in sorted({suffix for suffixes in PEERS.values() for suffix in suffixes}):
                affine = Affine(matrix, f"{fixed}:scanner", f"{moving}:scanner")
                write_transform(affine, folder / f"{name}{suffix}", fixed=images[fixed], moving=images[moving])
    cases = {name: {"fixed": pair[0].name, "moving": pair[1].name} for name, pair in pairs.items()}
    (folder / "cases.json").write_text(json.dumps({"cases": cases, "points": BOX.tolist()}))
    return pairs


def image(folder: Path, name: str, matrix: np.ndarray, stretch: float) -> Volume:
    """An image of the coordinates of its voxels, x, y, z, in RAS mm."""
    shape = (60, 70, 50)
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), axis=-1)
    places = grid @ matrix[:3, :3].T + matrix[:3, 3]
    for axis, letter in enumerate("xyz"):
        made = nib.Nifti1Image(places[..., axis].astype(np.float32), matrix)
        made.header["pixdim"][1:4] = np.linalg.norm(matrix[:3, :3], axis=0) / stretch
        if stretch != 1:
            made.header["qform_code"] = 0
        made.to_filename(folder / f"{name}-{letter}.nii")
    return open_volume(folder / f"{name}-x.nii").renamed(name)


def placed(sizes: tuple[float, float, float], turn: tuple[float, float, float], sign: float) -> np.ndarray:
    """An affine whose grid has its middle at the origin, nearly."""
    matrix = RigidTransform.from_six((0, 0, 0, *turn), (0, 0, 0)).matrix @ np.diag([sign * sizes[0], sizes[1], sizes[2], 1])
    matrix[:3, 3] = -matrix[:3, :3] @ np.array([29.5, 34.5, 24.5]) + (2, -8, 6)
    return matrix


IMAGES = (
    ("las", placed((3.5, 3.25, 4), (0, 0, 0), -1), 1.0),
    ("oblique", placed((3, 3.2, 4.2), (0.2, -0.1, 0.15), 1), 1.0),
    ("stretched", placed((3.3, 3.3, 4.4), (0.1, 0, 0), -1), 1.1),
)


def judged(folder: Path, pairs: dict[str, tuple[Volume, Volume, np.ndarray]], peer: str, suffix: str, told: list[dict]) -> str:
    """One row of the table."""
    theirs, ours, failed, skipped = [], [], [], []
    for each in told:
        fixed, moving, matrix = pairs[each["case"]]
        if "skipped" in each:
            skipped.append(each["skipped"])
            continue
        if "failed" in each:
            failed.append(each["failed"])
            continue
        points = np.array(each["points"])
        theirs.append(float(np.linalg.norm(np.array(each["mapped"]) - (points @ matrix[:3, :3].T + matrix[:3, 3]), axis=1).max()))
        back = folder / f"{peer}-{each['case']}{suffix}"
        if back.exists():
            read = read_transform(back, fixed=fixed, moving=moving)
            ours.append(float(np.linalg.norm(read.apply(BOX) - (BOX @ matrix[:3, :3].T + matrix[:3, 3]), axis=1).max()))
    first = f"{max(theirs):.0e}" if theirs else "-"
    first += f"; fails on {len(failed)}: {failed[0]}" if failed else ""
    first += f"; {len(skipped)} left out: {skipped[0]}" if skipped else ""
    return f"{len(theirs)} of {len(told)} | {first} | {f'{max(ours):.0e}' if ours else '-'} |"


if __name__ == "__main__":
    sys.exit(main())
