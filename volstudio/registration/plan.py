"""What a registration is asked to do, as a value that a file can hold and a result carries along.

A plan is made from nothing, from a preset (`RegistrationPlan.named`, see `volstudio.registration.presets`) or from a file, and changed with
`RegistrationPlan.with_`. No number in it has to be set by a person.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from volstudio.errors import RegistrationError, shortened
from volstudio.volumes.integrity import check_regular
from volstudio.volumes.spelling import spelled, unspelled

if TYPE_CHECKING:
    import os

__all__ = ["DEFAULT", "METRIC_WORDS", "Mask", "Metric", "RegistrationPlan", "Start", "load_plan", "save_plan"]

Metric = Literal["mi", "nmi", "ncc", "mse"]
Start = Literal["auto", "search", "given", "header", "centres", "moments"]
Point = tuple[float, float, float]
METRIC_WORDS: dict[Metric, str] = {
    "mi": "mutual information",
    "nmi": "normalised mutual information",
    "ncc": "correlation",
    "mse": "mean squared difference",
}

MAX_BYTES = 64 << 10  # a plan with every key takes half a kilobyte
MOST_TOLERANCE = 0.1  # a level begins with steps of a quarter voxel


class Mask(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The part of a scan that counts: a file or a box, in the scanner space of that scan.

    Parameters
    ----------
    file : str
        Path of a volume whose voxels count where they are numbers other than zero. It lies where its own affine puts it, on any grid.
    box_mm : two points of three numbers, or None
        Opposite corners, mm, RAS+, in the scanner space of the scan that it masks.

    Examples
    --------
    >>> Mask(box_mm=((-60, -80, -40), (60, 80, 90))).checked().box_mm[0]
    (-60, -80, -40)
    """

    file: str = ""
    box_mm: tuple[Point, Point] | None = None

    def checked(self) -> Mask:
        """The same mask.

        Raises
        ------
        RegistrationError
            It names both a file and a box, or neither, or the box is empty.
        """
        if bool(self.file) == (self.box_mm is not None):
            raise RegistrationError(f"A mask is a file or a box_mm, got {'both' if self.file else 'neither'}.")
        if self.box_mm is not None and not all(0 < abs(a - b) < float("inf") for a, b in zip(*self.box_mm, strict=True)):
            corners = " and ".join(str(list(corner)) for corner in self.box_mm)
            raise RegistrationError(f"The box of a mask needs two opposite corners that differ along x, y and z, mm, got {corners}.")
        return self


class RegistrationPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """How to register. The defaults suit any pair: no number here has to be set by a person.

    Parameters
    ----------
    metric : {"mi", "nmi", "ncc", "mse"}
        What is climbed. Mutual information is right within and across contrasts; its normalised form minds less how much of the scans
        overlaps; correlation and mean squared difference are for two scans of the same contrast. SimpleITK has no normalised mutual
        information: the built-in metric refines then. A search compares by mutual information, whatever is climbed after it.
    start : {"auto", "search", "given", "header", "centres", "moments"}
        "search" tries every orientation, whatever the headers or a start say. "given" climbs from the placement handed to `register` (the
        headers, where none is) and stays near it. "auto" climbs from a placement where one is handed over, and searches where none is.
        "header" climbs from the headers, "centres" from the middles of both fields of view laid on each other and "moments" from those of
        both objects, all as the headers turn them.
    refine : {"simpleitk", "builtin"}
        Who climbs to the end: SimpleITK's registration, or the metric that the search uses too. Both are measured in
        ``docs/registration.md``; the second is faster. After either, ``polish`` and ``settle`` say what the last steps are.
    levels_mm : tuple of float
        Voxel edge of each level of the pyramid in mm, coarse to fine. Empty: chosen from the size of the object and of its voxels, 8, 4 and
        2 mm for a head.
    bins : int
        Intensity classes of the joint histogram, along each axis.
    samples : int
        Points of either scan that the last steps compare, or the voxels of the finest level where these are fewer; the climbs before them
        use fewer.
    iterations : int
        Most steps of the optimiser per level.
    tolerance : float
        The finest level ends when the optimiser's step is shorter than this share of the level's voxel.
    seed : int
        Of the jitter of the sample points, 1 or more.
    max_turn_deg, max_shift_mm : float or None
        The largest turn from the start (without one: from the headers), and the farthest that the middle of the object may go from where
        the start puts it. The search and every climb stay within; a result that was held back says so. None: no bound.
    fixed_mask, moving_mask : Mask or None
        The part of either scan that counts. None: all of it.
    time : "first", "mean" or int
        What of a series is compared: its first time point, the mean of all, or the one of this number, from 0.
    settle : {"auto", "signal", "none"}
        The last step of a coarse scan on an anatomy, such as EPI or PET: "auto" fits its signal voxel by voxel where one scan's voxels are
        coarse and larger than the other's and it is dark where the other is bright; "signal" asks for it, so that the result says where it
        could not be done; "none" ends with the climb.
    polish : {"auto", "none"}
        The last steps of any other pair: "auto" compares ``samples`` points of both scans, by the built-in metric; "none" ends with the
        climb, which then compares so many points of one scan.
    preset : str
        Name of the preset that it was made from, for the record.

    Examples
    --------
    >>> plan = RegistrationPlan.named("ct-to-mr").with_(max_turn_deg=30)
    >>> plan.preset, plan.max_turn_deg
    ('ct-to-mr', 30.0)
    >>> RegistrationPlan.from_here(metric="ncc").start
    'given'
    """

    metric: Metric = "mi"
    start: Start = "auto"
    refine: Literal["simpleitk", "builtin"] = "simpleitk"
    levels_mm: tuple[float, ...] = ()
    bins: int = 32
    samples: int = 150_000
    iterations: int = 200
    tolerance: float = 0.005
    seed: int = 20
    max_turn_deg: float | None = None
    max_shift_mm: float | None = None
    fixed_mask: Mask | None = None
    moving_mask: Mask | None = None
    time: Literal["first", "mean"] | int = "first"
    settle: Literal["auto", "signal", "none"] = "auto"
    polish: Literal["auto", "none"] = "auto"
    preset: str = ""

    @classmethod
    def from_here(cls, **changes: Any) -> RegistrationPlan:  # noqa: ANN401 - fields of different types, checked by with_
        """A plan that climbs from where the scans lie (a given start, else the headers) to the nearest summit, and never searches."""
        return cls(start="given").with_(**changes)

    @classmethod
    def anywhere(cls, **changes: Any) -> RegistrationPlan:  # noqa: ANN401 - as above
        """A plan that searches every orientation, whatever the headers or a start say."""
        return cls(start="search").with_(**changes)

    @classmethod
    def named(cls, preset: str, **changes: Any) -> RegistrationPlan:  # noqa: ANN401 - as above
        """The plan of a preset, changed where asked.

        Raises
        ------
        RegistrationError
            There is no such preset; the sentence names the nearest.
        """
        from volstudio.registration.presets import preset_plan

        return preset_plan(preset).with_(**changes)

    def with_(self, **changes: Any) -> RegistrationPlan:  # noqa: ANN401 - as above
        """The plan with other values in some fields.

        Raises
        ------
        RegistrationError
            There is no such field, or a value that it cannot hold.
        """
        try:
            return msgspec.convert(msgspec.structs.asdict(self) | changes, type(self)).checked()
        except msgspec.ValidationError as error:
            raise RegistrationError(f"This is no registration plan: {str(error).rstrip('.')}.") from error

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
        for name, limit in (("max_turn_deg", 180.0), ("max_shift_mm", 1e9)):
            bound = getattr(self, name)
            if bound is not None and not 0 < bound <= limit:
                raise RegistrationError(f"The plan's {name} must lie above 0 and at or below {limit:g}, got {bound:g}.")
        if isinstance(self.time, int) and self.time < 0:
            raise RegistrationError(f"The plan's time counts time points from 0, got {self.time}.")
        for mask in (self.fixed_mask, self.moving_mask):
            if mask is not None:
                mask.checked()
        return self


DEFAULT = RegistrationPlan()


def load_plan(path: str | os.PathLike[str]) -> RegistrationPlan:
    """Plan of a TOML or JSON file.

    Where the file names a ``preset``, its other keys are changes of that preset. Paths of masks are relative to the file's folder.

    Raises
    ------
    UnreadableFileError
        There is no such file.
    RegistrationError
        The file cannot be read, or holds keys or values that a plan does not have.
    """
    path = Path(path)
    if check_regular(path).st_size > MAX_BYTES:
        raise RegistrationError(f"{path} is too large for a registration plan (more than {MAX_BYTES >> 10} kB).")
    decode = msgspec.json.decode if path.suffix.lower() == ".json" else msgspec.toml.decode
    try:
        told = decode(path.read_bytes(), type=dict[str, Any])
        base = RegistrationPlan.named(told["preset"]) if told.get("preset") else DEFAULT
        plan = msgspec.convert(msgspec.to_builtins(base) | told, RegistrationPlan).checked()
    except OSError as error:
        raise RegistrationError(f"The plan {path} cannot be read: {error.strerror}.") from error
    except RegistrationError as error:
        raise RegistrationError(shortened(f"{path}: {error}")) from error
    except (
        msgspec.DecodeError,
        ValueError,
        TypeError,
        RecursionError,
    ) as error:  # the TOML reader follows nested brackets into its own end
        raise RegistrationError(shortened(f"{path} is no registration plan: {error}.")) from error
    return plan.with_(fixed_mask=_in_folder(plan.fixed_mask, path), moving_mask=_in_folder(plan.moving_mask, path))


def save_plan(plan: RegistrationPlan, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a plan as TOML, or as JSON where the suffix says so: its preset, and what differs from that."""
    from volstudio.volumes.atomic import atomic_bytes

    path = Path(path)
    base = msgspec.structs.asdict(RegistrationPlan.named(plan.preset) if plan.preset else DEFAULT)
    changes = {name: value for name, value in msgspec.structs.asdict(plan).items() if value != base[name]}
    told = msgspec.to_builtins(({"preset": plan.preset} if plan.preset else {}) | changes)
    for name in ("fixed_mask", "moving_mask"):
        if told.get(name, {}).get("file"):
            told[name]["file"] = spelled(told[name]["file"])
    encode = msgspec.json.encode if path.suffix.lower() == ".json" else msgspec.toml.encode
    atomic_bytes(path, encode(told), overwrite=overwrite)


def _in_folder(mask: Mask | None, path: Path) -> Mask | None:
    """A mask whose file is told from the folder of the plan's file."""
    if mask is None or not mask.file:
        return mask
    return Mask(file=str(path.parent / unspelled(mask.file)))
