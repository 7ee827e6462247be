"""From two files of landmarks to a transform: which points belong together, the fit, and everything that says how good it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

import volstudio
from volstudio.errors import OutputError, RegistrationError
from volstudio.geometry.spaces import scanner
from volstudio.registration.landmarks import fit, fit_robustly
from volstudio.transforms.files import write_transform
from volstudio.transforms.points import Points, read_points, write_points
from volstudio.transforms.sidecar import Image, Sidecar, write_sidecar
from volstudio.volumes.atomic import check_target
from volstudio.volumes.spelling import readable

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from volstudio.geometry.affine import Affine, FloatArray
    from volstudio.registration.landmarks import LandmarkFit
    from volstudio.transforms.points import Coordinates

__all__ = ["LandmarkOutcome", "fit_files"]

LEAST_COMMON = 3
SUFFIXES = (".mrk.json", ".json", ".fcsv", ".csv", ".tsv", ".txt")


@dataclass(frozen=True, slots=True, eq=False)
class LandmarkOutcome:
    """What two files of landmarks gave.

    Parameters
    ----------
    found : LandmarkFit
    moving_to_fixed : Affine
    labels : tuple of str
        Of the pairs.
    targets : (n, 3) float array
        Places of the fixed scan, mm.
    target_errors_mm : (n,) float array
        Expected error there, root mean square.
    notes : tuple of str
    written : tuple of Path
    """

    found: LandmarkFit
    moving_to_fixed: Affine
    labels: tuple[str, ...]
    targets: FloatArray
    target_errors_mm: FloatArray
    notes: tuple[str, ...]
    written: tuple[Path, ...]

    def story(self) -> tuple[str, ...]:
        """The outcome for a person."""
        found = self.found
        wide = max(len("landmark"), *map(len, self.labels))
        rows = (
            f"{label:<{wide}}  {residual:11.3f}  {out:11.3f}{'' if used else '  left out'}"
            for label, residual, out, used in zip(self.labels, found.residuals_mm, found.left_out_mm, found.used, strict=True)
        )
        matrix = (" ".join(f"{number:14.9f}" for number in row) for row in self.moving_to_fixed.matrix)
        count = int(found.used.sum())
        return (
            f"{'landmark':<{wide}}  residual mm  without it*",
            *rows,
            "* the distance of the pair under the map that all others give.",
            f"{count} of {len(self.labels)} pairs fitted, residual {found.rms_mm:.3f} mm (root mean square).",
            f"The fixed points are {found.scale:.4f} times as far apart as the moving ones; that is told, not applied.",
            *(
                f"Expected error at {', '.join(f'{x:g}' for x in target)}: {error:.3f} mm."
                for target, error in zip(self.targets, self.target_errors_mm, strict=True)
            ),
            *(f"{note[:1].upper()}{note[1:]}." for note in self.notes),
            "Moving to fixed points, mm, RAS+:",
            *matrix,
            *(f"Written to {path}." for path in self.written),
        )

    def as_json(self) -> str:
        """The outcome for a machine."""
        found = self.found
        told = {
            "moving_to_fixed": self.moving_to_fixed.matrix.tolist(),
            "labels": list(self.labels),
            "residuals_mm": found.residuals_mm.tolist(),
            "left_out_mm": found.left_out_mm.tolist(),
            "used": found.used.tolist(),
            "rms_mm": found.rms_mm,
            "scale": found.scale,
            "targets": self.targets.tolist(),
            "target_errors_mm": self.target_errors_mm.tolist(),
            "notes": list(self.notes),
            "files": [readable(str(path)) for path in self.written],
        }
        return msgspec.json.format(msgspec.json.encode(told), indent=2).decode()


def fit_files(
    fixed: str | os.PathLike[str],
    moving: str | os.PathLike[str],
    *,
    output: str | os.PathLike[str] | None = None,
    moved: str | os.PathLike[str] | None = None,
    coordinates: Coordinates | None = None,
    tolerance_mm: float | None = None,
    targets: Sequence[tuple[float, float, float]] = (),
    overwrite: bool = False,
) -> LandmarkOutcome:
    """Fit the moving landmarks of a file rigidly to the fixed ones of another.

    Parameters
    ----------
    fixed, moving : path
        Files as `volstudio.transforms.points.read_points` takes them.
    output : path or None
        Transform to write, fixed to moving points, in the dialect of its name, with a sidecar; None: none.
    moved : path or None
        File for the moving landmarks in the fixed world.
    coordinates : {"ras", "lps"} or None
        Of tables that do not say it.
    tolerance_mm : float or None
        Pairs that no common map brings this near are left out; None: all are fitted.
    targets : sequence of (x, y, z)
        Places of the fixed scan at which the expected error is told, mm.
    overwrite : bool

    Raises
    ------
    UnreadableFileError, TransformError
        A file cannot be read.
    RegistrationError
        Which points belong together is not clear, or they do not fix a map.
    OutputError
        An output cannot be written.
    """
    sources = Path(fixed), Path(moving)
    targets_of = [Path(path) for path in (output, moved) if path is not None]
    if len({path.absolute() for path in targets_of}) < len(targets_of):
        raise OutputError(f"{str(output)!r} cannot hold both the transform and the points; give two names.")
    for path in targets_of:
        check_target(path, overwrite=overwrite, protect=sources)
    still, mover = (read_points(path, coordinates=coordinates) for path in (fixed, moving))
    at_fixed, at_moving, labels, said = _paired(still, mover)
    weights = _weights(still, at_fixed, mover, at_moving)
    pairs = mover.points[at_moving], still.points[at_fixed]
    found = fit(*pairs, weights=weights) if tolerance_mm is None else fit_robustly(*pairs, weights=weights, tolerance_mm=tolerance_mm)
    names = [_name(path) for path in sources]
    if names[0] == names[1]:
        names = ["fixed", "moving"]
    affine = found.moving_to_fixed.affine(scanner(names[1]), scanner(names[0]))
    places = np.array(targets, dtype=np.float64).reshape(-1, 3)
    errors = found.expected_error_mm(found.moving_to_fixed.inverse().apply(places))
    notes = tuple(dict.fromkeys((*still.notes, *mover.notes, *said)))
    outcome = LandmarkOutcome(found, affine, labels, places, errors, notes, tuple(targets_of))
    if output is not None:
        write_transform(affine.inverse(), output, overwrite=overwrite, protect=sources)
        write_sidecar(_sidecar(outcome, (names[0], names[1])), output, overwrite=overwrite, protect=sources)
    if moved is not None:
        carried = Points(found.moving_to_fixed.apply(mover.points), mover.labels, mover.weights)
        write_points(carried, moved, overwrite=overwrite, protect=sources)
    return outcome


def _name(path: Path) -> str:
    """What the scan of a file of landmarks is called."""
    suffix = next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), "")
    return path.name[: len(path.name) - len(suffix)] or path.name


def _paired(fixed: Points, moving: Points) -> tuple[list[int], list[int], tuple[str, ...], tuple[str, ...]]:
    """Indices of fixed and moving points that belong together, what they are called, and what was left out: by label, else by order."""
    counts = len(fixed.points), len(moving.points)
    common = [label for label in fixed.labels if label in set(moving.labels)]
    unique = all(each.labels and all(each.labels) and len(set(each.labels)) == len(each.labels) for each in (fixed, moving))
    if unique and len(common) >= LEAST_COMMON:
        alone = [label for label in (*fixed.labels, *moving.labels) if label not in common]
        notes = (f"without a partner: {', '.join(alone)}",) if alone else ()
        return [fixed.labels.index(label) for label in common], [moving.labels.index(label) for label in common], tuple(common), notes
    if counts[0] != counts[1]:
        raise RegistrationError(
            f"There are {counts[0]} fixed and {counts[1]} moving landmarks, and their labels do not say which belong together; "
            "give both the same labels."
        )
    labels = tuple(label or f"{number}" for number, label in enumerate(fixed.labels or [""] * counts[0], 1))
    told = unique and fixed.labels != moving.labels
    return (
        list(range(counts[0])),
        list(range(counts[0])),
        labels,
        ("their labels differ, so they are paired in their order",) if told else (),
    )


def _weights(fixed: Points, at_fixed: list[int], moving: Points, at_moving: list[int]) -> FloatArray | None:
    """Weights of the pairs: the product of both files'."""
    if fixed.weights is None and moving.weights is None:
        return None
    share = np.ones(len(at_fixed))
    for each, at in ((fixed, at_fixed), (moving, at_moving)):
        if each.weights is not None:
            share = share * each.weights[at]
    return share


def _sidecar(outcome: LandmarkOutcome, names: tuple[str, str]) -> Sidecar:
    """How the transform was made."""
    how: dict[str, Any] = {
        name: value for name, value in msgspec.json.decode(outcome.as_json()).items() if name not in ("files", "moving_to_fixed")
    }
    rows = tuple(tuple(row) for row in outcome.moving_to_fixed.inverse().matrix.tolist())
    return Sidecar(
        direction="fixed-to-moving",
        in_words=f"the file maps points of {names[0]} to points of {names[1]}; fixed_to_moving here is in RAS+ mm",
        fixed_to_moving=rows,  # type: ignore[arg-type]  # four rows of four by Affine's own check
        fixed=Image(names[0]),
        moving=Image(names[1]),
        made_by="landmarks",
        parameters=how,
        versions={"volstudio": volstudio.__version__, "numpy": np.__version__},
    )
