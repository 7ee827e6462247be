"""Register many files to one: a transform, a sidecar and a line of a table for each, and nothing done twice.

Each scan's files appear together or not at all; a scan that cannot be read or registered is a line of the table that says why, and the next
one is tried. The same command again does only what is missing: what was made from the same two files by the same plan is kept.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from volstudio.errors import Cancelled, OutputError, RegistrationError, UnreadableFileError, VolstudioError
from volstudio.geometry.measure import angle_deg, over_grid
from volstudio.geometry.spaces import volume_of
from volstudio.progress import Progress
from volstudio.registration.masks import Region, opened
from volstudio.registration.plan import DEFAULT, Mask, RegistrationPlan
from volstudio.registration.rigid import register
from volstudio.registration.shelf import Shelf
from volstudio.tasks.group_names import labels_of
from volstudio.tasks.group_table import TABLE, ManyOutcome, Row, as_table, refuse_foreign
from volstudio.tasks.open import absolute
from volstudio.tasks.pair_outcome import plan_values, sidecar_parameters
from volstudio.tasks.staging import staged
from volstudio.transforms.files import write_transform
from volstudio.transforms.names import transform_name
from volstudio.transforms.sidecar import Image, Sidecar, read_sidecar, write_sidecar
from volstudio.volumes.atomic import atomic_bytes
from volstudio.volumes.readers import open_volume

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from volstudio.progress import Step
    from volstudio.registration.result import RegistrationResult
    from volstudio.volumes.volume import Volume

__all__ = ["register_files"]


def register_files(
    fixed: str,
    movings: Sequence[str],
    folder: str | os.PathLike[str],
    *,
    plan: RegistrationPlan = DEFAULT,
    masks: Sequence[str | None] = (),
    judge: bool = True,
    jobs: int = 1,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ManyOutcome:
    """Register many files to one.

    Parameters
    ----------
    fixed : str
        Path or sample name.
    movings : sequence of str
        Paths or sample names; one named twice is done once, and the fixed scan among them is left out.
    folder : path
        Where the results go; made if it is not there.
    plan : RegistrationPlan
        Its mask of the fixed scan is read once; one of the moving scan, file or box, lies in the world of every moving scan.
    masks : sequence of str or None
        Paths of the moving scans' own masks, one for each; empty: none has one.
    judge : bool
        Whether the results are judged.
    jobs : int
        How many processes work side by side.
    overwrite : bool
        Do everything again and replace what is there.
    progress : Progress or None
        Cancelled, what is done stays, in the table too.

    Raises
    ------
    UnreadableFileError
        The fixed scan or its mask cannot be read.
    RegistrationError
        There is no moving scan; the masks do not fit them, or the fixed scan's is none.
    OutputError
        The folder cannot be written to, or holds a table of another origin.
    Cancelled
    """
    target = absolute(fixed)
    wanted = {path: mask for path, mask in _masked(movings, masks).items() if not _same(path, target)}
    if not wanted:
        raise RegistrationError("There is no scan to register to the fixed one; name at least one.")
    progress = progress or Progress()
    # Path.resolve would turn a link that a person uses as a name into its target.
    batch = _Batch(target, Path(os.path.abspath(folder)), plan, judge, overwrite)  # noqa: PTH100
    desk = _Desk(batch)
    still = desk.fixed
    _make(batch.folder)
    table = batch.folder / TABLE
    refuse_foreign(table)
    labels = labels_of(tuple(wanted), taken=still.name)
    scans = [_Scan(path, label, mask) for (path, mask), label in zip(wanted.items(), labels, strict=True)]
    rows: dict[str, Row] = {}
    try:
        for row in _side_by_side(batch, scans, jobs, progress) if jobs > 1 else _one_by_one(desk, scans, progress):
            rows[row.scan] = row
    finally:
        done = tuple(rows[path] for path in wanted if path in rows)
        atomic_bytes(table, as_table(done), overwrite=True)
    return ManyOutcome(still.name, batch.folder, table, done)


# What must be the same for an earlier result to be kept, beside the two scans.
ASKED = ("asked", "fixed_mask_file", "moving_mask_file")


@dataclass(frozen=True, slots=True)
class _Batch:
    """What all scans of a run share; small enough to be sent to another process."""

    fixed: str
    folder: Path
    plan: RegistrationPlan
    judge: bool
    overwrite: bool


@dataclass(frozen=True, slots=True)
class _Scan:
    """One of many, what it is called among them, and the path of its mask."""

    path: str
    label: str
    mask: str | None


class _Desk:
    """The fixed scan and its mask, open and prepared, in one process."""

    def __init__(self, batch: _Batch) -> None:
        self.batch = batch
        self.fixed = open_volume(batch.fixed)
        self.image = Image.of(self.fixed)
        self.mask = None if batch.plan.fixed_mask is None else opened(batch.plan.fixed_mask)
        if self.mask is not None:
            Region.of(self.mask, self.fixed)  # a mask that is none is no scan's fault
        self.shelf = Shelf(room=3)

    def row(self, scan: _Scan, progress: Progress) -> Row:
        """What becomes of one scan; what goes wrong with it is said in its row."""
        try:
            return self._registered(scan, progress)
        except Cancelled:
            raise
        except VolstudioError as error:
            return Row(scan.path, "failed", said=" ".join(str(error).split()))
        except MemoryError:
            return Row(scan.path, "failed", said="There is not enough memory for it.")

    def _registered(self, scan: _Scan, progress: Progress) -> Row:
        batch = self.batch
        stem = transform_name(self.fixed.name, scan.label)
        names = f"{stem}.tfm", f"{stem}.json"
        moving = open_volume(scan.path)
        plan = batch.plan.with_(moving_mask=Mask(file=scan.mask)) if scan.mask else batch.plan
        mask = _its_mask(plan)
        masks = {role: Image.of(each) for role, each in (("fixed", self.mask), ("moving", mask)) if each is not None and each.source}
        asked = {
            "asked": plan_values(plan),
            **{f"{role}_mask_file": msgspec.to_builtins(masks[role]) for role in masks},
        }
        if not batch.overwrite:
            kept = self._kept(scan, batch.folder / names[0], Image.of(moving), asked)
            if kept is not None:
                return kept
        protect = [file for volume in (self.fixed, moving, self.mask, mask) if volume is not None for file in volume.files]
        with staged(batch.folder, names, overwrite=batch.overwrite, protect=protect) as files:
            result = register(
                self.fixed,
                moving,
                plan=plan,
                fixed_mask=self.mask,
                moving_mask=mask,
                judge=batch.judge,
                progress=progress.part(0.0, 0.95),
                shelf=self.shelf,
            )
            row = _row_of(result, moving, scan, names[0])
            write_transform(result.fixed_to_moving, files.path(names[0]))
            # Where a scan lies on one machine is nobody else's business: the path stays out of what is handed on.
            told = {name: value for name, value in asdict(row).items() if name != "scan"}
            how = sidecar_parameters(result, masks=masks, start_file=None, plan_file=None)
            sidecar = Sidecar.of(
                result.fixed_to_moving,
                fixed=self.fixed,
                moving=moving,
                made_by="registration",
                parameters={**how, **asked, "row": told},
                versions=dict(result.versions),
            )
            write_sidecar(sidecar, files.path(names[1]))
            progress("written", 1.0)
        return row

    def _kept(self, scan: _Scan, transform: Path, moving: Image, asked: Mapping[str, Any]) -> Row | None:
        """The row of an earlier run, if it was of the same files and asked for the same."""
        sidecar = read_sidecar(transform) if transform.exists() else None
        if sidecar is None or not moving.digest or (sidecar.fixed.digest, sidecar.moving.digest) != (self.image.digest, moving.digest):
            return None
        before, row = sidecar.parameters, sidecar.parameters.get("row")
        same: Any = msgspec.json.decode(msgspec.json.encode(asked))  # points are tuples here and lists in a file
        if any(before.get(name) != same.get(name) for name in ASKED) or not isinstance(row, dict):
            return None
        if self.batch.judge and not row.get("verdict"):
            return None
        return msgspec.convert({**row, "scan": scan.path, "status": "kept"}, Row)


def _one_by_one(desk: _Desk, scans: Sequence[_Scan], progress: Progress) -> Iterator[Row]:
    """Rows in this process."""
    for number, scan in enumerate(scans):
        part = _retold(
            progress.part(number / len(scans), (number + 1) / len(scans)), f"{number + 1} of {len(scans)}, {Path(scan.path).name}"
        )
        yield desk.row(scan, part)


def _retold(progress: Progress, scan: str) -> Progress:
    """Progress of one scan, told with its name."""

    def tell(step: Step) -> None:
        progress(f"{scan}: {step.what}", step.done, step.value)

    return Progress(tell)


def _side_by_side(batch: _Batch, scans: Sequence[_Scan], jobs: int, progress: Progress) -> Iterator[Row]:
    """Rows as other processes finish them."""
    import multiprocessing
    import signal
    from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
    from concurrent.futures.process import BrokenProcessPool

    # Ctrl-C reaches every process of a terminal: the workers finish the scan at hand, and this one decides.
    pool = ProcessPoolExecutor(
        jobs, mp_context=multiprocessing.get_context("spawn"), initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)
    )
    try:
        waiting = {pool.submit(_row_in_worker, batch, scan): scan for scan in scans}
        done = 0
        while waiting:
            finished, _ = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
            for future in finished:
                scan = waiting.pop(future)
                done += 1
                try:
                    yield future.result()
                except BrokenProcessPool:
                    yield Row(scan.path, "failed", said="A worker process ended, most likely for want of memory; give fewer --jobs.")
            progress(f"{done} of {len(scans)} scans, {jobs} at a time", done / len(scans))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _row_in_worker(batch: _Batch, scan: _Scan) -> Row:
    """A row, in another process."""
    return _desk_in_worker(batch).row(scan, Progress())


@lru_cache(maxsize=1)
def _desk_in_worker(batch: _Batch) -> _Desk:
    """The fixed scan, opened once in each worker."""
    return _Desk(batch)


def _row_of(result: RegistrationResult, moving: Volume, scan: _Scan, transform: str) -> Row:
    """The line of a table that a result fills."""
    header = result.moving_to_fixed.identity(result.moving_to_fixed.source, result.moving_to_fixed.target)
    trust = result.trust
    grid = moving.renamed(volume_of(result.moving_to_fixed.source) or moving.name).grid
    return Row(
        scan.path,
        "done",
        transform,
        verdict=trust.verdict if trust else "",
        error_mm=trust.error_mm if trust and trust.error_mm < float("inf") else None,
        metric=result.metric,
        moved_mm=over_grid(result.moving_to_fixed, header, grid).mean,
        turned_deg=angle_deg(result.moving_to_fixed, header),
        seconds=round(result.seconds, 3),
        said="; ".join((*(trust.reasons if trust else ()), *result.notes)),
    )


def _its_mask(plan: RegistrationPlan) -> Volume | None:
    """The mask of a moving scan; of a pattern's file nobody would know what it was meant for."""
    try:
        return None if plan.moving_mask is None else opened(plan.moving_mask)
    except UnreadableFileError as error:
        raise UnreadableFileError(f"Its mask: {error}") from error


def _masked(movings: Sequence[str], masks: Sequence[str | None]) -> dict[str, str | None]:
    """Each moving scan once, and the path of its mask."""
    if len(masks) not in (0, len(movings)):
        raise RegistrationError(f"{len(movings)} moving scans need as many masks, None for a scan that has none, got {len(masks)}.")
    told: dict[str, str | None] = {}
    for path, mask in zip(map(_named, movings), masks or [None] * len(movings), strict=True):
        if told.setdefault(path, mask) != mask:
            raise RegistrationError(f"{path!r} is named twice, with different masks; name it once.")
    return told


def _named(path: str) -> str:
    """A path as `absolute` has it; one that names nothing is left for its own row to tell."""
    try:
        return absolute(path)
    except VolstudioError:
        return path


def _same(path: str, other: str) -> bool:
    """Whether two names are those of one file."""
    if path == other:
        return True
    try:
        return Path(path).samefile(other)
    except OSError:  # one of them is no file, which its own row will tell
        return False


def _make(folder: Path) -> None:
    """Make the folder if it is not there."""
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"Cannot write into {str(folder)!r}: it is a file; give the name of a folder.")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"Cannot make the folder {str(folder)!r}: {reason}; give another place.") from error
