"""Where the voxels of an NRRD file lie, and which of its axes are space, time or components.

NRRD gives one vector for each axis of space and the position of the first voxel's *centre*, in a space that it names: RAS, LAS, LPS, each
with time or without, or one of four spaces that say nothing about the patient.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from volstudio.volumes.units import unit_scale
from volstudio.volumes.volume import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from volstudio.geometry.affine import FloatArray
    from volstudio.volumes.nrrd_header import NrrdHeader

__all__ = ["NrrdPlace", "kinds_of", "place_of"]

# Signs that take x, y, z of a space to RAS+, and whether the space is tied to the patient.
SPACES = {
    "right-anterior-superior": ((1, 1, 1), True),
    "ras": ((1, 1, 1), True),
    "left-anterior-superior": ((-1, 1, 1), True),
    "las": ((-1, 1, 1), True),
    "left-posterior-superior": ((-1, -1, 1), True),
    "lps": ((-1, -1, 1), True),
    "scanner-xyz": ((1, 1, 1), False),
    "3d-right-handed": ((1, 1, 1), False),
    "3d-left-handed": ((-1, 1, 1), False),
}
WITH_TIME = {"rast": "ras", "last": "las", "lpst": "lps"}
SPATIAL_KINDS = ("domain", "space")
VECTOR = re.compile(r"\(([^()]*)\)|none", re.IGNORECASE)
QUOTED = re.compile(r'"([^"]*)"')


@dataclass(frozen=True, slots=True)
class NrrdPlace:
    """Placement of an NRRD file.

    Parameters
    ----------
    matrix : (4, 4) float64 array
        Voxel indices (i, j, k) -> world mm, RAS+.
    axes : tuple of int
        The file's axes of space, one to three, in the file's order.
    space : str
        As the header names it; empty where it does not.
    known : bool
        Whether the space is tied to the patient.
    findings : tuple of Finding
    """

    matrix: FloatArray
    axes: tuple[int, ...]
    space: str
    known: bool
    findings: tuple[Finding, ...]


def kinds_of(header: NrrdHeader) -> list[str]:
    """Kind of each axis in lower case; empty words where the header gives none."""
    n_axes = len(header.sizes)
    if "kinds" not in header.fields:
        return [""] * n_axes
    return [kind.lower().strip("?") for kind in header.per_axis("kinds", n_axes)]


def place_of(header: NrrdHeader) -> NrrdPlace:
    """Placement that a header gives.

    Raises
    ------
    UnreadableFileError
        It contradicts itself, or can place nothing.
    """
    place = _by_directions(header) if "space directions" in header.fields else _by_spacings(header)
    if not np.isfinite(place.matrix).all():
        raise header.refuse("its space directions or origin hold NaN or infinity, which is not finite")
    stretch = np.linalg.svd(place.matrix[:3, :3], compute_uv=False)
    if stretch[2] <= 1e-9 * stretch[0]:
        raise header.refuse("its space directions are singular: they flatten the volume")
    return place


def _by_directions(header: NrrdHeader) -> NrrdPlace:
    """One vector for each axis of space."""
    name, signs, known, n_space = _space(header)
    vectors = _vectors(header, "space directions", n_space)
    sizes = header.sizes
    if len(vectors) != len(sizes):
        raise header.refuse(f"its space directions are {len(vectors)}, its dimensions {len(sizes)}")
    in_space = {axis: vector[:3] for axis, vector in enumerate(vectors) if vector is not None and vector[:3].any()}
    if n_space == 4:
        crooked = [axis for axis, vector in enumerate(vectors) if vector is not None and axis in in_space and vector[3] != 0]
        if crooked:
            raise header.refuse("one of its axes runs in space and in time at once, which volstudio cannot show")
    axes = _three(header, in_space)
    found: tuple[Finding, ...] = ()
    columns = [in_space[axis] for axis in axes]
    if len(axes) == 2:
        columns.append(_normal(columns, header))
        text = "This is a single slice in space; its thickness is not stated, 1 unit is taken."
        found = (Finding("slice-thickness-unknown", text, "warning"),)
    origin, missing = _origin(header, n_space)
    scales, said = _space_units(header, n_space)
    matrix = np.eye(4)
    matrix[:3, :3] = np.column_stack(columns)
    matrix[:3, 3] = origin
    matrix[:3] *= (np.array(signs) * scales)[:, None]
    return NrrdPlace(matrix, axes, name, known, (*found, *missing, *said, *(() if known else _unknown(name))))


def _by_spacings(header: NrrdHeader) -> NrrdPlace:
    """Voxel sizes alone: the file says nothing about the world."""
    sizes, kinds = header.sizes, kinds_of(header)
    stated = [axis for axis, kind in enumerate(kinds) if kind in SPATIAL_KINDS]
    axes = _three(header, (stated or [axis for axis, kind in enumerate(kinds) if not kind])[:3])
    found: tuple[Finding, ...] = ()
    spacings = header.numbers("spacings", len(sizes))
    starts = header.numbers("axis mins", len(sizes))
    units = QUOTED.findall(header.fields.get("units", ""))
    matrix = np.eye(4)
    for at, axis in enumerate(axes):
        scale, said = unit_scale(units[axis]) if len(units) == len(sizes) else (1.0, ())
        found = (*found, *(finding for finding in said if finding.code not in {f.code for f in found}))
        step = abs(spacings[axis])
        if not np.isfinite(step) or step == 0:
            step = 1.0
            if not any(finding.code == "voxel-size-unknown" for finding in found):
                text = "The header gives no voxel size for at least one axis; 1 mm is taken. Do not measure on it."
                found = (*found, Finding("voxel-size-unknown", text, "warning"))
        matrix[at, at] = step * scale
        if np.isfinite(starts[axis]):
            # An axis minimum is the outer face of the first voxel where the samples are cells, as they are unless the header says "node".
            centred = _centring(header, axis) == "cell"
            matrix[at, 3] = (starts[axis] + (step / 2 if centred else 0.0)) * scale
    return NrrdPlace(matrix, axes, "", known=False, findings=(*found, *_unknown("")))


def _centring(header: NrrdHeader, axis: int) -> str:
    words = header.fields.get("centerings", "").lower().split()
    return words[axis] if len(words) == len(header.sizes) and words[axis] in ("cell", "node") else "cell"


def _three(header: NrrdHeader, spatial: Iterable[int]) -> tuple[int, ...]:
    """The axes of space; two where the file is a slice."""
    axes = tuple(sorted(spatial))
    if not 2 <= len(axes) <= 3:
        raise header.refuse(f"it has {len(axes)} axes in space; a volume has three and a slice two")
    return axes


def _space(header: NrrdHeader) -> tuple[str, tuple[int, ...], bool, int]:
    """Name of the space, signs that take it to RAS+, whether it is tied to the patient, and how many coordinates it has."""
    name = header.fields.get("space", "")
    if not name:
        n_space = header.whole("space dimension")
        if n_space not in (3, 4):
            raise header.refuse(f"its space has {n_space} dimensions; volstudio places volumes in three")
        return "", (1, 1, 1), False, n_space
    word = name.lower()
    word = WITH_TIME.get(word, word) if word in WITH_TIME else word.removesuffix("-time")
    if word not in SPACES:
        raise header.refuse(f"its space {name[:60]!r} is not one of the standard's")
    signs, known = SPACES[word]
    return name, signs, known, 4 if name.lower().endswith("-time") or name.lower() in WITH_TIME else 3


def _vectors(header: NrrdHeader, field: str, n_space: int) -> list[FloatArray | None]:
    """Vectors of a field; None for an axis that has none."""
    text = header.fields[field]
    if VECTOR.sub("", text).strip():
        raise header.refuse(f"its field {field!r} is {text[:80]!r}, not a list of vectors such as (1,0,0)")
    vectors: list[FloatArray | None] = []
    for found in VECTOR.finditer(text):
        if found[1] is None:
            vectors.append(None)
            continue
        try:
            vector = np.array([float(number) for number in found[1].split(",")])
        except ValueError:
            raise header.refuse(f"its field {field!r} holds {found[0][:60]!r}, which are not numbers") from None
        if len(vector) != n_space:
            raise header.refuse(f"its field {field!r} has a vector of {len(vector)} numbers in a space of {n_space} dimensions")
        # NRRD0005 spells "none" as NaN in every place; a vector that is partly NaN is left to be refused.
        vectors.append(None if np.isnan(vector).all() else vector)
    return vectors


def _origin(header: NrrdHeader, n_space: int) -> tuple[FloatArray, tuple[Finding, ...]]:
    """Centre of the first voxel."""
    found = _vectors(header, "space origin", n_space) if "space origin" in header.fields else [None]
    if len(found) != 1:
        raise header.refuse(f"its space origin has {len(found)} vectors, not one")
    if found[0] is None:
        text = "The header gives no position of the first voxel; 0, 0, 0 is taken, so that it may lie in the wrong place."
        return np.zeros(3), (Finding("origin-unknown", text, "warning"),)
    return found[0][:3], ()


def _space_units(header: NrrdHeader, n_space: int) -> tuple[FloatArray, tuple[Finding, ...]]:
    """Millimetres in a unit along each of the three coordinates."""
    units = QUOTED.findall(header.fields.get("space units", ""))
    if not units:
        return np.ones(3), ()
    if len(units) != n_space:
        raise header.refuse(f"its space units are {len(units)} for a space of {n_space} dimensions")
    scales, said = zip(*(unit_scale(unit) for unit in units[:3]), strict=True)
    each = {finding.text: finding for findings in said for finding in findings}
    return np.array(scales), tuple(each.values())


def _normal(columns: list[FloatArray], header: NrrdHeader) -> FloatArray:
    normal = np.cross(columns[0], columns[1])
    length = float(np.linalg.norm(normal))
    if not length > 0:
        raise header.refuse("its space directions are singular: they flatten the volume")
    return np.asarray(normal / length)


def _unknown(name: str) -> tuple[Finding, ...]:
    where = f"is {name!r}, which is not tied to the patient" if name else "is not named"
    text = f"Left and right are not known: the space of this NRRD file {where}. Compare with another scan before you trust a side."
    return (Finding("orientation-unknown", text, "warning"),)
