"""Files of marked points: CSV and TSV tables, and the two forms that 3D Slicer writes; one border, RAS+ mm.

Slicer's files say in which coordinates they are, and are believed. A table says it in a comment (``# coordinates: RAS``), is in LPS where
its columns are those of ANTs (x, y, z, t), and is taken as RAS where it says nothing, which is told.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from volstudio.errors import TransformError
from volstudio.geometry.conventions import lps_points
from volstudio.transforms.text import decode, numbers, sensible
from volstudio.volumes.atomic import atomic_bytes
from volstudio.volumes.integrity import check_regular

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    from volstudio.geometry.affine import FloatArray

__all__ = ["Coordinates", "Points", "read_points", "write_points"]

Coordinates = Literal["ras", "lps"]
LARGEST = 16 << 20  # bytes: a quarter of a million points; more is no list of landmarks
# Slicer before 4.11 wrote numbers.
SLICER = {"ras": "ras", "lps": "lps", "0": "ras", "1": "lps"}
SAYS = re.compile(r"coordinate(?:s|\s*system)\s*[:=]\s*(\w+)", re.IGNORECASE)
LABELS, WEIGHTS = ("label", "name", "id"), ("weight", "weights")
ANTS = ["x", "y", "z", "t"]
FCSV_COLUMNS = "id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID"
MARKUPS = "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/markups-schema-v1.0.3.json#"


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Marked points.

    Parameters
    ----------
    points : (n, 3) float array
        RAS+ mm.
    labels : tuple of str
        As many; empty where the file has none.
    weights : (n,) float array or None
    notes : tuple of str
        What was taken for granted.
    """

    points: FloatArray
    labels: tuple[str, ...]
    weights: FloatArray | None = None
    notes: tuple[str, ...] = ()


def read_points(path: str | os.PathLike[str], *, coordinates: Coordinates | None = None) -> Points:
    """Points of a file, in RAS+ mm.

    Parameters
    ----------
    path : path
        ``.fcsv`` and ``.mrk.json`` of 3D Slicer; any other name: a table of x, y, z with commas, tabs, semicolons or blanks between, with
        or without a line that names the columns (x, y, z, and label, weight where they are there).
    coordinates : {"ras", "lps"} or None
        Of a table that does not say it.

    Raises
    ------
    UnreadableFileError
        The file is missing or no regular file.
    TransformError
        It holds no points, or what it holds is not clear; the sentence says where.
    """
    file = Path(path)
    if check_regular(file).st_size > LARGEST:
        raise TransformError(f"{file.name} is larger than a list of landmarks can be ({LARGEST >> 20} MB).")
    data = file.read_bytes()
    name = file.name.lower()
    try:
        if name.endswith(".json"):
            return _markups(data)
        return _fcsv(_text(data)) if name.endswith(".fcsv") else _table(_text(data), file.name, coordinates)
    except (TransformError, csv.Error) as error:
        raise TransformError(f"Cannot read the points of {str(path)!r}: {error}.") from error


def write_points(points: Points, path: str | os.PathLike[str], *, overwrite: bool = False, protect: Iterable[Path] = ()) -> None:
    """Write points as the end of the name asks: ``.fcsv`` and ``.mrk.json`` in LPS as Slicer does, else a table in RAS that says so.

    Raises
    ------
    OutputError
        The file exists or cannot be written.
    """
    name = str(path).lower()
    labels = points.labels or tuple(f"F-{number + 1}" for number in range(len(points.points)))
    if name.endswith(".json"):
        data = _as_markups(points.points, labels)
    elif name.endswith(".fcsv"):
        data = _as_fcsv(points.points, labels)
    else:
        data = _as_table(points, labels, "\t" if name.endswith(".tsv") else ",")
    atomic_bytes(path, data, overwrite=overwrite, protect=protect)


def _text(data: bytes) -> str:
    """Text of a file; a scan, or anything else with zero bytes, is none."""
    if b"\0" in data and not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise TransformError("it is no text; give a list of landmarks, such as a table of x, y, z in mm")
    return decode(data)


# ---------------------------------------------------------------------------------------------------------------------- tables
def _table(text: str, name: str, coordinates: Coordinates | None) -> Points:
    """A table with or without named columns."""
    lines = [line for line in text.split("\n") if line.strip()]
    remarks = " ".join(line for line in lines if line.lstrip().startswith("#"))
    lines = [line for line in lines if not line.lstrip().startswith("#")]
    if not lines:
        raise TransformError("it holds no points")
    rows = [_cells(line, _separator(lines[0])) for line in lines]
    columns = [cell.lower().removesuffix("_mm") for cell in rows[0]]
    named = set("xyz") <= set(columns)
    if not named:
        columns = _columns_of(rows[0])
    found = _rows(rows[1:] if named else rows, columns, first=2 if named else 1)
    said = _said(remarks)
    if said and coordinates and said != coordinates:
        raise TransformError(f"its own comment says {said.upper()}, not {coordinates.upper()}; leave the coordinates out")
    notes: tuple[str, ...] = ()
    if not (said or coordinates):
        said = "lps" if columns[:4] == ANTS else "ras"
        why = "as ANTs writes tables with the columns x, y, z, t" if said == "lps" else "for it does not say what they are"
        notes = (f"the points of {name} are taken as {said.upper()} mm, {why}",)
    return _in_ras(found, said or coordinates or "ras", notes)


def _separator(line: str) -> str:
    """What parts the cells of a line: the first of these that it has, else blanks."""
    return next((sign for sign in "\t;," if sign in line), " ")


def _cells(line: str, separator: str) -> list[str]:
    """Cells of a line, without the quotes around them."""
    if separator == " ":
        return line.split()
    return [cell.strip() for cell in next(csv.reader([line.strip()], delimiter=separator))]


def _columns_of(row: list[str]) -> list[str]:
    """Names for the columns of a table that has none: x, y, z, and a label before or behind them."""
    is_number = [_is_number(cell) for cell in row]
    for label in (None, 0, 3):
        columns = ["x", "y", "z"] if label is None else ["label", "x", "y", "z"] if label == 0 else ["x", "y", "z", "label"]
        if len(row) == len(columns) and all(is_number[columns.index(axis)] for axis in "xyz"):
            return columns
    raise TransformError(
        f"its first line has {len(row)} columns that it does not name; write a line such as 'label,x,y,z' above the numbers"
    )


def _rows(rows: list[list[str]], columns: Sequence[str], *, first: int) -> Points:
    """Numbers, labels and weights of a table, in its own coordinates."""
    at = [columns.index(axis) for axis in "xyz"]
    label = next((columns.index(name) for name in LABELS if name in columns), None)
    weight = next((columns.index(name) for name in WEIGHTS if name in columns), None)
    points, labels, weights = [], [], []
    for number, row in enumerate(rows, first):
        if len(row) < max(at) + 1:
            raise TransformError(f"line {number} has {len(row)} columns where there should be {len(columns)}")
        points.append([_number(row[column], number) for column in at])
        if label is not None:
            labels.append(row[label] if label < len(row) else "")
        if weight is not None:
            weights.append(_number(row[weight] if weight < len(row) else "", number))
    if not points:
        raise TransformError("it holds no points")
    return Points(np.array(points), tuple(labels), np.array(weights) if weight is not None else None)


def _number(cell: str, line: int) -> float:
    """A cell as a number."""
    try:
        (value,) = numbers(cell)
    except (TransformError, ValueError) as error:
        reason = str(error) if isinstance(error, TransformError) else f"it holds {cell[:20]!r} where a number should stand"
        raise TransformError(f"in line {line} of its points {reason}") from error
    return value


def _is_number(cell: str) -> bool:
    try:
        return len(numbers(cell)) == 1
    except TransformError:
        return False


def _said(remarks: str) -> Coordinates | None:
    """Coordinates that a comment names."""
    found = SAYS.search(remarks[:4096])
    if found is None:
        return None
    return _known(found.group(1))


def _known(word: str) -> Coordinates:
    """Coordinates by their name or Slicer's old number."""
    said = SLICER.get(word.lower().rstrip("+"))
    if said is None:
        raise TransformError(f"its coordinates are {word[:20]!r}; points must be in RAS or LPS millimetres")
    return "ras" if said == "ras" else "lps"


def _in_ras(points: Points, coordinates: Coordinates, notes: tuple[str, ...] = ()) -> Points:
    turned = lps_points(points.points) if coordinates == "lps" else points.points
    return Points(turned, points.labels, points.weights, (*points.notes, *notes))


def _as_table(points: Points, labels: Sequence[str], separator: str) -> bytes:
    """A table that says its coordinates."""
    out = io.StringIO()
    out.write("# coordinates: RAS, mm\n")
    writer = csv.writer(out, delimiter=separator, lineterminator="\n")
    weighted = points.weights is not None
    writer.writerow(["label", "x", "y", "z", *(["weight"] if weighted else [])])
    for number, (label, point) in enumerate(zip(labels, points.points.tolist(), strict=True)):
        writer.writerow(
            [_one_line(label), *map(repr, point), *([repr(float(points.weights[number]))] if points.weights is not None else [])]
        )
    return out.getvalue().encode(errors="surrogateescape")


# ---------------------------------------------------------------------------------------------------------------------- Slicer
def _fcsv(text: str) -> Points:
    """Slicer's table of fiducials; its comments name the coordinates and the columns."""
    lines = [line for line in text.split("\n") if line.strip()]
    remarks = [line for line in lines if line.startswith("#")]
    columns = next((line.split("=", 1)[1] for line in remarks if re.match(r"#\s*columns\s*=", line)), FCSV_COLUMNS)
    said = _said(" ".join(remarks))
    if said is None:
        raise TransformError("it does not say its coordinates; Slicer writes a line such as '# CoordinateSystem = LPS'")
    rows = [_cells(line, ",") for line in lines if not line.startswith("#")]
    names = ["" if cell.strip() == "id" else cell.strip() for cell in columns.split(",")]
    return _in_ras(_rows(rows, names, first=1), said)


def _markups(data: bytes) -> Points:
    """Slicer's JSON of markups; the control points of all lists of fiducials in it, those that were placed."""
    try:
        document: Any = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise TransformError("it is no JSON, or it is damaged") from error
    lists = document.get("markups") if isinstance(document, dict) else None
    if not isinstance(lists, list) or not all(isinstance(each, dict) for each in lists):
        raise TransformError("it has no 'markups' as Slicer's files of landmarks have")
    points, labels = [], []
    for each in lists:
        units = each.get("coordinateUnits", "mm")
        if units not in ("mm", ["mm"] * 3):
            raise TransformError(f"its coordinates are in {str(units)[:20]}; points must be in mm")
        coordinates = _known(str(each.get("coordinateSystem", "nothing")))
        for number, point in enumerate(each.get("controlPoints") or [], 1):
            position = point.get("position") if isinstance(point, dict) else None
            if not isinstance(point, dict) or point.get("positionStatus", "defined") != "defined" or position is None:
                continue
            if not isinstance(position, list) or len(position) != 3 or not all(type(value) in (int, float) for value in position):
                raise TransformError(f"the position of its control point {number} is not three numbers")
            at = np.array([sensible(float(value)) for value in position])
            points.append(lps_points(at) if coordinates == "lps" else at)
            labels.append(str(point.get("label", "")))
    if not points:
        raise TransformError("it holds no points")
    return Points(np.array(points), tuple(labels))


def _as_fcsv(points: FloatArray, labels: Sequence[str]) -> bytes:
    """Slicer's table, in LPS."""
    out = io.StringIO()
    out.write(f"# Markups fiducial file version = 4.11\n# CoordinateSystem = LPS\n# columns = {FCSV_COLUMNS}\n")
    writer = csv.writer(out, lineterminator="\n")
    for number, (label, point) in enumerate(zip(labels, lps_points(points).tolist(), strict=True), 1):
        writer.writerow([number, *map(repr, point), 0, 0, 0, 1, 1, 1, 0, _one_line(label), "", ""])
    return out.getvalue().encode(errors="surrogateescape")


def _as_markups(points: FloatArray, labels: Sequence[str]) -> bytes:
    """Slicer's JSON, in LPS."""
    control = [
        {"id": str(number), "label": label, "position": point, "positionStatus": "defined"}
        for number, (label, point) in enumerate(zip(labels, lps_points(points).tolist(), strict=True), 1)
    ]
    fiducials = {"type": "Fiducial", "coordinateSystem": "LPS", "coordinateUnits": "mm", "controlPoints": control}
    return msgspec.json.format(msgspec.json.encode({"@schema": MARKUPS, "markups": [fiducials]}), indent=1) + b"\n"


def _one_line(label: str) -> str:
    return " ".join(label.split())
