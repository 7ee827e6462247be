"""The table of many registrations: a line for each scan, what it says, and the file it is kept in."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Literal

import msgspec

from volstudio.errors import OutputError
from volstudio.volumes.spelling import readable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["TABLE", "ManyOutcome", "Row", "as_table", "refuse_foreign"]

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


def refuse_foreign(table: Path) -> None:
    """A file of the table's name that is none of ours stays."""
    if table.exists():
        with table.open("rb") as file:
            if not file.read(64).startswith(as_table(())[:20]):
                raise OutputError(f"{str(table)!r} is there and no table of registrations; move it away or give another folder.")


def as_table(rows: Sequence[Row]) -> bytes:
    """Tab-separated text, ``n/a`` where there is nothing to say, as BIDS has it."""
    names = [field.name for field in fields(Row)]
    lines = [names, *([_cell(getattr(row, name)) for name in names] for row in rows)]
    return "".join("\t".join(line) + "\n" for line in lines).encode(errors="surrogateescape")


def _cell(value: str | float | None) -> str:
    """A value without the signs that part cells."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return " ".join((value or "n/a").split())
