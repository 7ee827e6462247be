"""FreeSurfer's linear transform arrays (.lta): mri_coreg, bbregister, mri_robust_register, lta_convert.

An LTA maps points of ``src`` to points of ``dst``, in RAS mm (type 1) or in voxels (type 0), and carries the geometry of both. FreeSurfer's
programs write src = moving and dst = fixed. Some files are the other way round: where both images are known and the geometries
fit them only with src = fixed, the file is read so. Files by nitransforms are not turned, although it names the fixed image src: its matrix
maps moving to fixed points. Written is type 1 with src = moving, dst = fixed and both geometries.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from volstudio.errors import GeometryError, TransformError
from volstudio.geometry.affine import Affine
from volstudio.geometry.grid import Grid
from volstudio.geometry.spaces import volume_of
from volstudio.transforms.dialect import Dialect, Ends
from volstudio.transforms.text import decode, exact, inverse, numbers, settled, square

if TYPE_CHECKING:
    from volstudio.geometry.affine import FloatArray

__all__ = ["LTA"]

VOX_TO_VOX, RAS_TO_RAS = 0, 1
OTHER_TYPES = {2: "physical voxels", 14: "register.dat", 21: "COR to COR"}
NITRANSFORMS = "created by NiTransforms"  # in its files' first line
SAME_PLACE = 0.1  # mm between the corners of two boxes that are one; FreeSurfer keeps its geometry in single precision


@dataclass(frozen=True, slots=True)
class Parts:
    """What an LTA holds."""

    kind: int
    matrix: FloatArray
    src: Grid | None
    dst: Grid | None


def read(data: bytes, ends: Ends) -> FloatArray:
    """Fixed -> moving points, RAS mm, of an LTA; see `Dialect.read`."""
    text = decode(data)
    parts = _parse(text)
    turned = _is_turned(parts, ends) and NITRANSFORMS not in text.partition("\n")[0]
    matrix = parts.matrix
    if parts.kind == VOX_TO_VOX:
        src = parts.src or (ends.fixed if turned else ends.moving)
        dst = parts.dst or (ends.moving if turned else ends.fixed)
        if src is None or dst is None:
            raise TransformError(
                "it maps voxels and its own geometry is marked invalid, so it needs the images; give them "
                "(--fixed, --moving; fixed=, moving=)"
            )
        matrix = dst.affine.matrix @ matrix @ np.linalg.inv(src.affine.matrix)
    return matrix if turned else inverse(matrix)


def write(matrix: FloatArray, ends: Ends) -> bytes:
    """An LTA of type 1 with the geometry of both images; see `Dialect.write`."""
    fixed, moving = ends.grids()
    rows = [" ".join(exact(value) for value in row) for row in settled(inverse(matrix))]
    head = [
        f"# {ends.in_words('moving-to-fixed')}, RAS+ mm; src = moving, dst = fixed",
        "type      = 1 # LINEAR_RAS_TO_RAS",
        "nxforms   = 1",
        "mean      = 0.0000 0.0000 0.0000",
        "sigma     = 1.0000",
        "1 4 4",
    ]
    geometry = [*_geometry("src", moving, ends.moving_space), *_geometry("dst", fixed, ends.fixed_space)]
    return "\n".join([*head, *rows, *geometry, ""]).encode()


def recognises(data: bytes) -> bool:
    """Whether the content has an LTA's first entries."""
    return re.search(r"^[ \t]*type[ \t]*=[ \t]*\d.*\n\s*nxforms\s*=", decode(data), re.MULTILINE) is not None


def _parse(text: str) -> Parts:
    """The entries of the file, each where it must stand."""
    lines = [" ".join(line.partition("#")[0].split()) for line in text.split("\n")]
    lines = [line for line in lines if line]
    kind, count = (_integer(lines, index, key) for index, key in enumerate(("type", "nxforms")))
    if kind in OTHER_TYPES:
        raise TransformError(
            f"it is of type {kind} ({OTHER_TYPES[kind]}), which is not read; lta_convert --inlta IN --outlta OUT makes type 1"
        )
    if kind not in (VOX_TO_VOX, RAS_TO_RAS):
        raise TransformError(f"it is of type {kind}, which no FreeSurfer program writes for linear transforms")
    if count != 1:
        raise TransformError(f"it holds {count} transforms; choose one and save it alone")
    if lines[4:5] != ["1 4 4"]:
        raise TransformError("it has no line '1 4 4' before its matrix; is it truncated or damaged?")
    return Parts(kind, square(lines[5:9]), _volume(lines, "src"), _volume(lines, "dst"))


def _integer(lines: list[str], index: int, key: str) -> int:
    found = re.fullmatch(rf"{key}\s*=\s*(\d{{1,9}})", lines[index]) if index < len(lines) else None
    if found is None:
        raise TransformError(f"it has no entry {key!r} in its place; is it truncated or damaged?")
    return int(found.group(1))


def _volume(lines: list[str], side: str) -> Grid | None:
    """Geometry of one side; None: the file marks it as invalid."""
    start = f"{side} volume info"
    if start not in lines:
        raise TransformError(f"it has no entry {start!r}; is it truncated?")
    entries = {}
    for line in lines[lines.index(start) + 1 :][:8]:
        key, _, value = line.partition("=")
        entries[key.strip()] = value.strip()
    if entries.get("valid") == "0":
        return None
    triples = {}
    for key in ("volume", "voxelsize", "xras", "yras", "zras", "cras"):
        triples[key] = np.array(numbers(entries.get(key, "")))
        if triples[key].shape != (3,):
            raise TransformError(f"its {start!r} has no entry {key!r} with three numbers; is it truncated?")
    linear = np.stack([triples["xras"], triples["yras"], triples["zras"]], axis=1) * triples["voxelsize"]
    matrix = np.eye(4)
    matrix[:3, :3] = linear
    # FreeSurfer's c_ras is the world point of the voxel at half the number of voxels, whether there is one or not.
    matrix[:3, 3] = triples["cras"] - linear @ triples["volume"] / 2
    nx, ny, nz = (int(n) for n in triples["volume"])
    try:
        return Grid((nx, ny, nz), Affine(matrix, f"{side}:voxel", f"{side}:scanner"))
    except GeometryError as error:
        raise TransformError(f"its {start!r} is no geometry of an image ({error})") from error


def _is_turned(parts: Parts, ends: Ends) -> bool:
    """Whether the geometries fit the images only with src = fixed and dst = moving."""
    if parts.src is None or parts.dst is None or ends.fixed is None or ends.moving is None:
        return False
    usual = _same(parts.src, ends.moving) and _same(parts.dst, ends.fixed)
    return not usual and _same(parts.src, ends.fixed) and _same(parts.dst, ends.moving)


def _same(a: Grid, b: Grid) -> bool:
    return a.shape == b.shape and float(np.abs(a.corners() - b.corners()).max()) < SAME_PLACE


def _geometry(side: str, grid: Grid, space: str) -> list[str]:
    """The eight entries of one side."""
    name = re.sub(r"\W+", "_", volume_of(space) or "") or "unknown"
    middle = grid.affine.apply(np.array(grid.shape) / 2)
    columns = grid.directions.T

    def entry(key: str, values: FloatArray) -> str:
        return f"{key:<6} = " + " ".join(exact(value) for value in values)

    return [
        f"{side} volume info",
        "valid = 1  # volume info valid",
        f"filename = {name}",
        f"volume = {grid.shape[0]} {grid.shape[1]} {grid.shape[2]}",
        entry("voxelsize", grid.voxel_sizes),
        *(entry(f"{axis}ras", column) for axis, column in zip("xyz", columns, strict=True)),
        entry("cras", middle),
    ]


LTA = Dialect("lta", "FreeSurfer LTA", (".lta",), recognises, read, write)
