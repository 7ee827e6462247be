"""What a registration is asked to do, as a value that a file can hold and a result carries along."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from volstudio.errors import RegistrationError, shortened
from volstudio.volumes.integrity import check_regular

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DEFAULT", "METRIC_WORDS", "Metric", "RegistrationPlan", "load_plan", "save_plan"]

Metric = Literal["mi", "nmi", "ncc", "mse"]
METRIC_WORDS: dict[Metric, str] = {
    "mi": "mutual information",
    "nmi": "normalised mutual information",
    "ncc": "correlation",
    "mse": "mean squared difference",
}

MAX_BYTES = 64 << 10  # a plan with every key takes half a kilobyte
MOST_TOLERANCE = 0.1  # a level begins with steps of a quarter voxel


class RegistrationPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How to register. The defaults suit any pair: no number here has to be set by a person.

    Parameters
    ----------
    metric : {"mi", "nmi", "ncc", "mse"}
        What is climbed. Mutual information is right within and across contrasts; its normalised form minds less how much of the scans
        overlaps; correlation and mean squared difference are for two scans of the same contrast. SimpleITK has no normalised mutual
        information: the built-in metric refines then. A search compares by mutual information, whatever is climbed after it.
    start : {"auto", "search", "given"}
        "search" tries every orientation, whatever the headers or a start say. "given" climbs from the placement handed to `register` (the
        headers, where none is) and stays near it. "auto" climbs from a placement where one is handed over, and searches where none is.
    refine : {"simpleitk", "builtin"}
        Who climbs to the end: SimpleITK's registration, or the metric that the search uses too. Both are measured in
        ``docs/registration.md``; the second is faster.
    levels_mm : tuple of float
        Voxel edge of each level of the pyramid in mm, coarse to fine. Empty: chosen from the size of the object and of its voxels, 8, 4 and
        2 mm for a head.
    bins : int
        Intensity classes of the joint histogram, along each axis.
    samples : int
        Points of the finest level at which the images are compared; coarser levels use fewer.
    iterations : int
        Most steps of the optimiser per level.
    tolerance : float
        The finest level ends when the optimiser's step is shorter than this share of the level's voxel.
    seed : int
        Of the jitter of the sample points, 1 or more.
    """

    metric: Metric = "mi"
    start: Literal["auto", "search", "given"] = "auto"
    refine: Literal["simpleitk", "builtin"] = "simpleitk"
    levels_mm: tuple[float, ...] = ()
    bins: int = 32
    samples: int = 60_000
    iterations: int = 200
    tolerance: float = 0.002
    seed: int = 20

    def checked(self) -> RegistrationPlan:
        """The same plan.

        Raises
        ------
        RegistrationError
            A number is outside what makes sense.
        """
        # ITK refuses fewer than 5 bins; 0 as its seed means the clock, and would make every run differ.
        limits = {"bins": (5, 256), "samples": (100, 10_000_000), "iterations": (1, 100_000), "seed": (1, 2**31 - 1)}
        for name, (least, most) in limits.items():
            if not least <= getattr(self, name) <= most:
                raise RegistrationError(f"The plan's {name} must lie between {least} and {most}, got {getattr(self, name)}.")
        if not 0 < self.tolerance < MOST_TOLERANCE:
            raise RegistrationError(f"The plan's tolerance is a share of a voxel above 0 and below {MOST_TOLERANCE}, got {self.tolerance}.")
        if any(not 0 < mm < float("inf") for mm in self.levels_mm) or list(self.levels_mm) != sorted(self.levels_mm, reverse=True):
            raise RegistrationError(f"The plan's levels_mm must be positive and go from coarse to fine, got {list(self.levels_mm)}.")
        return self


DEFAULT = RegistrationPlan()


def load_plan(path: Path) -> RegistrationPlan:
    """Plan of a TOML or JSON file.

    Raises
    ------
    UnreadableFileError
        There is no such file.
    RegistrationError
        The file cannot be read, or holds keys or values that a plan does not have.
    """
    if check_regular(path).st_size > MAX_BYTES:
        raise RegistrationError(f"{path} is too large for a registration plan (more than {MAX_BYTES >> 10} kB).")
    decode = msgspec.json.decode if path.suffix.lower() == ".json" else msgspec.toml.decode
    try:
        return decode(path.read_bytes(), type=RegistrationPlan).checked()
    except OSError as error:
        raise RegistrationError(f"The plan {path} cannot be read: {error.strerror}.") from error
    except RegistrationError as error:
        raise RegistrationError(shortened(f"{path}: {error}")) from error
    except (msgspec.DecodeError, ValueError, RecursionError) as error:  # the TOML reader follows nested brackets into its own end
        raise RegistrationError(shortened(f"{path} is no registration plan: {error}.")) from error


def save_plan(plan: RegistrationPlan, path: Path, *, overwrite: bool = False) -> None:
    """Write a plan as TOML, or as JSON where the suffix says so."""
    from volstudio.volumes.atomic import atomic_bytes

    encode = msgspec.json.encode if path.suffix.lower() == ".json" else msgspec.toml.encode
    atomic_bytes(path, encode(plan), overwrite=overwrite)
