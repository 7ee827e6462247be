"""Register many files to one: a transform, a sidecar and a line of a table for each, and nothing done twice.

Each scan's files appear together or not at all; a scan that cannot be read or registered is a line of the table that says why, and the next
one is tried. The same command again does only what is missing: what was made from the same two files by the same plan is kept.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from volstudio.errors import Cancelled, OutputError, RegistrationError, VolstudioError
from volstudio.geometry.measure import angle_deg, over_grid
from volstudio.geometry.spaces import volume_of
from volstudio.progress import Progress
from volstudio.registration.plan import DEFAULT, RegistrationPlan
from volstudio.registration.rigid import register
from volstudio.registration.shelf import Shelf
from volstudio.tasks.group_names import labels_of
from volstudio.tasks.open import absolute
from volstudio.tasks.pair_outcome import sidecar_parameters
from volstudio.tasks.staging import staged
from volstudio.transforms.files import write_transform
from volstudio.transforms.names import transform_name
from volstudio.transforms.sidecar import Image, Sidecar, read_sidecar, write_sidecar
from volstudio.volumes.atomic import atomic_bytes
from volstudio.volumes.readers import open_volume
from volstudio.volumes.spelling import readable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from volstudio.progress import Step
    from volstudio.registration.result import RegistrationResult
    from volstudio.volumes.volume import Volume

__all__ = ["ManyOutcome", "Row", "register_files"]

TABLE = "registrations.tsv"


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one scan.

    Parameters
    ----------
    scan : str
        Its path.
    status : {"done", "kept", "failed"}
        Kept: it was there from an earlier run of the same two files and plan.
    transform : str
        Name of its file, fixed to moving points; empty where it failed.
    verdict : str
        ``"pass"``, ``"look"``, ``"fail"``; empty where it was not judged.
    error_mm, metric, moved_mm, turned_deg, seconds : float or None
        Bound of the mean error; metric at the end; how far the scan's box moved on average, and by which angle.
    said : str
        Why it failed, or what a person should know.
    """

    scan: str
    status: Literal["done", "kept", "failed"]
    transform: str = ""
    verdict: str = ""
    error_mm: float | None = None
    metric: float | None = None
    moved_mm: float | None = None
    turned_deg: float | None = None
    seconds: float | None = None
    said: str = ""

    @property
    def good(self) -> bool:
        """Whether there is a result that was not judged wrong."""
        return self.status != "failed" and self.verdict != "fail"


@dataclass(frozen=True, slots=True)
class ManyOutcome:
    """What became of many scans.

    Parameters
    ----------
    fixed : str
    folder, table : Path
    rows : tuple of Row
        In the order given.
    """

    fixed: str
    folder: Path
    table: Path
    rows: tuple[Row, ...]

    @property
    def good(self) -> bool:
        """Whether every scan has a result that was not judged wrong."""
        return all(row.good for row in self.rows)

    def story(self) -> tuple[str, ...]:
        """The outcome in a few lines for a person."""
        counts = {status: sum(row.status == status for row in self.rows) for status in ("done", "kept", "failed")}
        verdicts = {verdict: sum(row.verdict == verdict for row in self.rows) for verdict in ("look", "fail")}
        kept = f", {counts['kept']} kept from an earlier run" if counts["kept"] else ""
        doubts = [f"{row.scan}: {row.said}" for row in self.rows if row.status == "failed" or row.verdict in ("look", "fail")]
        return (
            f"{counts['done']} of {len(self.rows)} registered to {self.fixed}{kept}; {counts['failed']} failed.",
            *([f"Judged: {verdicts['look']} to look at, {verdicts['fail']} not to be used."] if any(verdicts.values()) else []),
            *doubts,
            f"The table is {self.table}.",
        )

    def as_json(self) -> str:
        """The outcome for a machine."""
        told = {"fixed": self.fixed, "folder": readable(str(self.folder)), "rows": [asdict(row) for row in self.rows]}
        return msgspec.json.format(msgspec.json.encode(told), indent=2).decode()


def register_files(
    fixed: str,
    movings: Sequence[str],
    folder: str | os.PathLike[str],
    *,
    plan: RegistrationPlan = DEFAULT,
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
    jobs : int
        How many processes work side by side.
    overwrite : bool
        Do everything again and replace what is there.
    progress : Progress or None
        Cancelled, what is done stays, in the table too.

    Raises
    ------
    UnreadableFileError
        The fixed scan cannot be read.
    RegistrationError
        There is no moving scan.
    OutputError
        The folder cannot be written to, or holds a table of another origin.
    Cancelled
    """
    target = absolute(fixed)
    paths = [path for path in dict.fromkeys(map(_named, movings)) if not _same(path, target)]
    if not paths:
        raise RegistrationError("There is no scan to register to the fixed one; name at least one.")
    progress = progress or Progress()
    # Path.resolve would turn a link that a person uses as a name into its target.
    batch = _Batch(target, Path(os.path.abspath(folder)), plan, overwrite)  # noqa: PTH100
    opened = _Opened(batch)
    still = opened.fixed
    _make(batch.folder)
    table = batch.folder / TABLE
    _refuse_foreign(table)
    scans = [_Scan(path, label) for path, label in zip(paths, labels_of(paths, taken=still.name), strict=True)]
    rows: dict[str, Row] = {}
    try:
        for row in _side_by_side(batch, scans, jobs, progress) if jobs > 1 else _one_by_one(opened, scans, progress):
            rows[row.scan] = row
    finally:
        done = tuple(rows[path] for path in paths if path in rows)
        atomic_bytes(table, _as_table(done), overwrite=True)
    return ManyOutcome(still.name, batch.folder, table, done)


@dataclass(frozen=True, slots=True)
class _Batch:
    """What all scans of a run share; small enough to be sent to another process."""

    fixed: str
    folder: Path
    plan: RegistrationPlan
    overwrite: bool


@dataclass(frozen=True, slots=True)
class _Scan:
    """One of many, and what it is called among them."""

    path: str
    label: str


class _Opened:
    """The fixed scan, open and prepared, in one process."""

    def __init__(self, batch: _Batch) -> None:
        self.batch = batch
        self.fixed = open_volume(batch.fixed)
        self.image = Image.of(self.fixed)
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
        if not batch.overwrite:
            kept = self._kept(scan, batch.folder / names[0], Image.of(moving))
            if kept is not None:
                return kept
        with staged(batch.folder, names, overwrite=batch.overwrite, protect=(*self.fixed.files, *moving.files)) as files:
            result = register(self.fixed, moving, plan=batch.plan, progress=progress.part(0.0, 0.95), shelf=self.shelf)
            row = _row_of(result, moving, scan, names[0])
            parameters = sidecar_parameters(result, masks={}, start_file=None, plan_file=None)
            # Where a scan lies on one machine is nobody else's business: the path stays out of what is handed on.
            told = {name: value for name, value in asdict(row).items() if name != "scan"}
            asked = {"asked": msgspec.to_builtins(msgspec.structs.asdict(batch.plan)), "row": told}
            write_transform(result.fixed_to_moving, files.path(names[0]))
            sidecar = Sidecar.of(
                result.fixed_to_moving,
                fixed=self.fixed,
                moving=moving,
                made_by="registration",
                parameters={**parameters, **asked},
                versions=dict(result.versions),
            )
            write_sidecar(sidecar, files.path(names[1]))
            progress("written", 1.0)
        return row

    def _kept(self, scan: _Scan, transform: Path, moving: Image) -> Row | None:
        """The row of an earlier run, if it was of the same files and plan."""
        sidecar = read_sidecar(transform) if transform.exists() else None
        if sidecar is None or not moving.digest or (sidecar.fixed.digest, sidecar.moving.digest) != (self.image.digest, moving.digest):
            return None
        asked: Any = msgspec.json.decode(msgspec.json.encode(msgspec.structs.asdict(self.batch.plan)))
        row = sidecar.parameters.get("row")
        if sidecar.parameters.get("asked") != asked or not isinstance(row, dict):
            return None
        return msgspec.convert({**row, "scan": scan.path, "status": "kept"}, Row)


def _one_by_one(opened: _Opened, scans: Sequence[_Scan], progress: Progress) -> Iterator[Row]:
    """Rows in this process."""
    for number, scan in enumerate(scans):
        part = _retold(
            progress.part(number / len(scans), (number + 1) / len(scans)), f"{number + 1} of {len(scans)}, {Path(scan.path).name}"
        )
        yield opened.row(scan, part)


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
    return _opened_in_worker(batch).row(scan, Progress())


@lru_cache(maxsize=1)
def _opened_in_worker(batch: _Batch) -> _Opened:
    """The fixed scan, opened once in each worker."""
    return _Opened(batch)


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


def _refuse_foreign(table: Path) -> None:
    """A file of the table's name that is none of ours stays."""
    if table.exists():
        with table.open("rb") as file:
            if not file.read(64).startswith(_as_table(())[:20]):
                raise OutputError(f"{str(table)!r} is there and no table of registrations; move it away or give another folder.")


def _as_table(rows: Sequence[Row]) -> bytes:
    """Tab-separated text, ``n/a`` where there is nothing to say, as BIDS has it."""
    names = [field.name for field in fields(Row)]
    lines = [names, *([_cell(getattr(row, name)) for name in names] for row in rows)]
    return "".join("\t".join(line) + "\n" for line in lines).encode(errors="surrogateescape")


def _cell(value: str | float | None) -> str:
    """A value without the signs that part cells."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return " ".join((value or "n/a").split())
