"""Labelled outcomes of registrations, for `bench_trust.py`: right ones, and every way of being wrong.

Two halves that share no image: the limits of `volstudio.registration.trust` were drawn on *tuning* (and on shared/bench/trust), the figures
of the documentation are those of *held-out*; strangers of whom one is held out count as that. All needs the scans of shared/data; the head
of Debian's package ``mricron-data`` (Colin, one person scanned 27 times) and its monkey are used where they are found.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import trust_scans as scans
from trust_scans import Head, Protocol

from volstudio.errors import RegistrationError
from volstudio.geometry.affine import Affine
from volstudio.registration.plan import RegistrationPlan
from volstudio.registration.rigid import register

if TYPE_CHECKING:
    from volstudio.volumes.volume import Volume

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
MRICRON = Path("/usr/share/mricron/templates")
GOOD_MM, SUBTLE_MM, BAD_MM, WRONG_MM = (0.1, 1.5), (2.5, 10.0), (15.0, 60.0), 10.0
PLAN = RegistrationPlan(refine="builtin")
TUNING, HELD_OUT = "tuning", "held-out"

# Where each head is found, and in which half it is. Someone is the ICBM 152 average too, on another grid and with a skull: no stranger to
# spm152, as `trust` told us.
HEADS = {
    "chris": (DATA / "head/chris_t1.nii.gz", TUNING),
    "someone": (DATA / "pair/someones_anatomy.nii.gz", TUNING),
    "fmri_pitch": (DATA / "head/fmri_pitch.nii.gz", TUNING),
    "filtered": (DATA / "series/filtered_func_data.nii.gz", TUNING),
    "spm152": (DATA / "head/spm152.nii.gz", TUNING),
    "pcasl": (DATA / "series/pcasl.nii.gz", HELD_OUT),
    "colin": (MRICRON / "ch2.nii.gz", HELD_OUT),
    "monkey": (MRICRON / "inia19-t1-brain.nii.gz", HELD_OUT),
}
FINE = Protocol((170, 200, 150), (1.1, 1.05, 1.2))
COARSE = Protocol((66, 72, 46), (3.0, 3.0, 3.6), "epi", noise=0.04, bias=0.3)
KINDS = {
    "T1": FINE,
    "EPI with dropout": Protocol((66, 72, 38), (3.1, 3.1, 3.8), "epi", noise=0.04, bias=0.3, dropout=0.85),
    "EPI distorted": Protocol((66, 72, 44), (3.0, 3.0, 3.6), "epi", noise=0.04, bias=0.3, dropout=0.6, distortion=6.0),
    "CT": Protocol((200, 220, 60), (1.0, 1.0, 2.6), "ct", noise=0.01, bias=0.0),
    "PET": Protocol((96, 100, 64), (2.4, 2.4, 2.6), "pet", blur=6.0, noise=0.05),
    "T2, lesion": Protocol((180, 200, 50), (1.0, 1.1, 3.2), "t2"),
    "heavy noise": Protocol((100, 110, 90), (2.0, 2.0, 2.0), "gamma", noise=0.25),
    "heavy bias": Protocol((120, 140, 100), (1.6, 1.6, 1.8), "t2", bias=1.6),
    "EPI slab 20 mm": COARSE,
    "T1 slab 10 mm": FINE,
    "octant": Protocol((180, 200, 160), (1.1, 1.1, 1.1)),
    "EPI octant": COARSE,
    "T1 x 0.1": FINE,
    "EPI x 0.001": COARSE,
}
PAIRS = {
    "chris": tuple(KINDS),
    "someone": ("EPI with dropout", "T2, lesion", "heavy noise", "EPI x 0.001", "EPI slab 20 mm"),
    "colin": tuple(KINDS),
    "spm152": ("T1", "EPI with dropout", "EPI distorted", "PET", "T2, lesion", "heavy noise", "EPI slab 20 mm", "octant", "T1 x 0.1"),
    "monkey": ("T1", "EPI with dropout", "PET", "heavy noise", "heavy bias"),
    "pcasl": ("T1", "heavy noise", "heavy bias"),
}
READ: dict[str, Head] = {}
# (fixed head, moving head, how the moving one is scanned; None: as it is).
STRANGERS = (
    ("chris", "someone", None),
    ("chris", "someone", "EPI with dropout"),
    ("someone", "chris", "EPI distorted"),
    ("someone", "chris", "CT"),
    ("someone", "chris", "PET"),
    ("someone", "chris", "T1"),
    ("someone", "chris", "EPI slab 20 mm"),
    ("chris", "fmri_pitch", None),
    ("someone", "fmri_pitch", None),
    ("chris", "filtered", None),
    ("fmri_pitch", "someone", "EPI with dropout"),
    ("someone", "chris", "EPI x 0.001"),
    ("chris", "colin", "T1"),
    ("colin", "chris", "EPI with dropout"),
    ("chris", "spm152", "T1"),
    ("spm152", "chris", "EPI distorted"),
    ("colin", "spm152", None),
    ("spm152", "colin", "T1 x 0.1"),
    ("colin", "someone", "EPI with dropout"),
    ("someone", "colin", "CT"),
    ("someone", "colin", "PET"),
    ("spm152", "colin", "EPI with dropout"),
    ("chris", "colin", "octant"),
    ("chris", "colin", "EPI octant"),
    ("someone", "chris", "EPI octant"),
    ("chris", "colin", "EPI slab 20 mm"),
    ("colin", "chris", "T2, lesion"),
    ("colin", "chris", "heavy noise"),
    ("colin", "pcasl", None),
    ("spm152", "pcasl", None),
    ("chris", "pcasl", None),
    ("colin", "fmri_pitch", None),
    ("spm152", "fmri_pitch", None),
    ("colin", "filtered", None),
    ("pcasl", "colin", "EPI with dropout"),
    ("spm152", "monkey", None),
)
FLIPPED = (
    "T1",
    "EPI with dropout",
    "EPI distorted",
    "CT",
    "PET",
    "T2, lesion",
    "heavy noise",
    "heavy bias",
    "EPI slab 20 mm",
    "T1 x 0.1",
    "EPI x 0.001",
)


@dataclass(frozen=True)
class Outcome:
    """One map to be judged. ``matrix``: moving -> fixed scanner; ``error_mm`` None where no distance says what is wrong."""

    label: str
    matrix: np.ndarray
    error_mm: float | None


@dataclass(frozen=True)
class Pair:
    """Two scans, and what registrations of them have led to. ``scale``: their lengths over those of a head."""

    name: str
    kind: str
    half: str
    scale: float
    fixed: Volume
    moving: Volume
    outcomes: tuple[Outcome, ...]


def pairs(*, half: str | None = None, only: str = "", mricron: Path = MRICRON):
    """All pairs with their outcomes, made anew from fixed seeds; only of one half, or whose name holds a word, if asked."""
    jobs = [(f"{person}: {kind}", HEADS[person][1], right_pair, (person, kind)) for person, kinds in PAIRS.items() for kind in kinds]
    for person, kinds in PAIRS.items():
        jobs += [(f"{person}, flipped: {kind}", HEADS[person][1], flipped_pair, (person, kind)) for kind in kinds if kind in FLIPPED]
    for fixed, moving, kind in STRANGERS:
        where = HELD_OUT if HELD_OUT in {HEADS[fixed][1], HEADS[moving][1]} else TUNING
        jobs.append((f"{fixed} and {moving}: {kind or 'as it is'}", where, strange_pair, (fixed, moving, kind)))
    for name, where, make, words in jobs:
        people = [word for word in words if word in HEADS]
        if half in {None, where} and only in name and all(path_of(person, mricron).is_file() for person in people):
            for person in people:
                head(person, path_of(person, mricron))
            yield make(name, where, *words)


def path_of(person: str, mricron: Path) -> Path:
    path = HEADS[person][0]
    return mricron / path.name if path.parent == MRICRON else path


def head(person: str, path: Path | None = None) -> Head:
    """A head, read once."""
    if person not in READ:
        READ[person] = Head.read(path or HEADS[person][0], person)
    return READ[person]


def seeded(*words: str) -> np.random.Generator:
    return np.random.default_rng([ord(letter) for letter in " ".join(words)])


def scanned(person: str, kind: str, rng) -> tuple[Volume, Volume, np.ndarray, float]:
    """The head as it is, its scan of a kind, the true map between them, and the scale of both."""
    moving, truth = scans.scan(head(person), fitted(KINDS[kind], head(person)), rng, f"{person}-scan")
    whole = scans.volume_of(1000 * head(person).values, head(person).affine, person)
    size = extent(head(person)) / 180.0
    if "lesion" in kind:
        moving = scans.lesioned(moving, rng, radius_mm=20.0 * size)
    if "20 mm" in kind:
        moving = scans.slab(moving, 20.0 * size)
    if "10 mm" in kind:
        moving = scans.slab(moving, 10.0 * size)
    if "octant" in kind:
        moving = scans.cropped(moving, (0.5, 0.12, 0.5), (0.92, 0.5, 0.9))
    scale = float(kind.split(" x ")[1]) if " x " in kind else 1.0
    if scale != 1.0:
        whole, moving = scans.scaled(whole, scale), scans.scaled(moving, scale)
        truth = np.block([[truth[:3, :3], scale * truth[:3, 3:]], [np.zeros((1, 3)), 1]])
    return whole, moving, truth, scale * size


def extent(one: Head) -> float:
    """Longest edge of a head, mm: 180 for a person's."""
    return float(np.ptp(one.points(), axis=0).max())


def fitted(protocol: Protocol, one: Head) -> Protocol:
    """The protocol with its lengths made to suit a head smaller or larger than a person's."""
    factor = extent(one) / 180.0
    if 0.8 < factor < 1.25:
        return protocol
    zooms = tuple(factor * zoom for zoom in protocol.zooms)
    return Protocol(**{**vars(protocol), "zooms": zooms, "blur": factor * protocol.blur, "distortion": factor * protocol.distortion})


# --------------------------------------------------------------------------------------------------------------------- outcomes
def right_pair(name: str, half: str, person: str, kind: str) -> Pair:
    """Scans of one head: maps near the truth, off it, far from it, and beyond any overlap."""
    rng = seeded(person, kind)
    fixed, moving, truth, scale = scanned(person, kind, rng)
    points = object_points(moving)
    centre = points.mean(axis=0)

    def outcome(label, matrix):
        return Outcome(label, matrix, distance(matrix, truth, points))

    def displaced(low, high):
        while True:
            matrix = truth @ around(centre, rng.uniform(low, high) * scale, points, rng)
            if low * scale <= distance(matrix, truth, points) <= high * scale:
                return matrix

    found = [outcome("good", displaced(*GOOD_MM)) for _ in range(2)]
    for start in (displaced(2, 6), displaced(40, 120), displaced(40, 120)):
        end = outcome("", fitted_map(fixed, moving, start))
        label = "good" if end.error_mm < GOOD_MM[1] * scale else "bad" if end.error_mm > WRONG_MM * scale else ""
        if label and (label == "bad" or len(found) < 3):
            found.append(Outcome(label, end.matrix, end.error_mm))
    found += [outcome("subtle", displaced(*SUBTLE_MM)) for _ in range(3)]
    found += [outcome("bad", displaced(*BAD_MM))]
    away = truth.copy()
    away[:3, 3] += 280 * scale * unit(rng.standard_normal(3))
    found.append(outcome("none", away))
    return Pair(name, kind, half, scale, fixed, moving, tuple(found))


def flipped_pair(name: str, half: str, person: str, kind: str) -> Pair:
    """A scan whose voxels are mirrored, and the best fit of that."""
    rng = seeded(person, kind)
    fixed, moving, _, scale = scanned(person, kind, rng)
    moving = scans.flipped(moving)
    centre = object_points(moving).mean(axis=0)
    found = fitted_map(fixed, moving, None)
    again = fitted_map(fixed, moving, found @ around(centre, 5 * scale, object_points(moving), rng))
    return Pair(name, kind, half, scale, fixed, moving, tuple(Outcome("flipped", m, None) for m in (found, again)))


def strange_pair(name: str, half: str, person: str, other: str, kind: str | None) -> Pair:
    """Two persons' scans, and the best fits of them."""
    rng = seeded(person, other, str(kind))
    fixed, _, _, scale = scanned(person, kind or "T1", rng)
    if kind is None:
        moving = scans.volume_of(1000 * head(other).values, head(other).affine, other)
        scale = 1.0
    else:
        _, moving, _, scale = scanned(other, kind, rng)
    points = object_points(moving)
    found = fitted_map(fixed, moving, None)
    again = fitted_map(fixed, moving, found @ around(points.mean(axis=0), 5 * scale, points, rng))
    return Pair(name, str(kind), half, scale, fixed, moving, tuple(Outcome("wrong", m, None) for m in (found, again)))


def fitted_map(fixed: Volume, moving: Volume, start: np.ndarray | None) -> np.ndarray:
    """Where a registration ends; where it refuses, the start."""
    spaces = moving.affine.target, fixed.affine.target
    try:
        return register(
            fixed, moving, plan=PLAN, judge=False, start=None if start is None else Affine(start, *spaces)
        ).moving_to_fixed.matrix
    except RegistrationError:
        return np.eye(4) if start is None else start


def around(centre, size, points, rng) -> np.ndarray:
    """Turn and shift that move points by about a size, mm."""
    share = rng.uniform(0.2, 0.8)
    spread = np.sqrt(np.mean(np.sum((points - centre) ** 2, axis=1)))
    shift = unit(rng.standard_normal(3)) * size * np.sqrt(1 - share**2)
    return scans.moved(rng.standard_normal(3), np.degrees(min(share * size / (0.8 * spread), 2.5)), shift, centre=centre)


def unit(vector) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def object_points(volume: Volume) -> np.ndarray:
    """(n, 3) mm: some points of a scan's object."""
    data = np.asarray(volume.frame(0), np.float32)
    index = np.argwhere(data > 0.3 * np.percentile(data, 98))
    return index[:: max(1, len(index) // 2000)] @ volume.affine.matrix[:3, :3].T + volume.affine.matrix[:3, 3]


def distance(one, other, points) -> float:
    """Mean distance of two maps over points, mm."""
    difference = np.asarray(one) - np.asarray(other)
    return float(np.linalg.norm(points @ difference[:3, :3].T + difference[:3, 3], axis=1).mean())
