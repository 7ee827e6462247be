"""Registration where it is hard: ``python tests/bench/bench_hard.py [--data FOLDER] [--only WORD] [--levels ...] [--seeds N]``.

Each case of `hard_cases` is registered from its wrong header, and `trust` judges the answer. A place is *found* below the case's tolerance;
a place that is not found is *said* where the verdict is not "pass" (or `register` refused), else it is *silently wrong*. Made for finding
failures: ``--only "slab 10 axial" --levels hard --seeds 3-3`` runs one case, ``--save FOLDER`` writes its volumes as NIfTI.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from hard_cases import KINDS, LEVELS, build

from volstudio.errors import RegistrationError
from volstudio.registration.plan import RegistrationPlan
from volstudio.registration.rigid import register
from volstudio.volumes.save import save_volume

# Words of the names of kinds; each kind counts in the first group that has one of its words.
GROUPS = {
    "parts: slabs of 20, 10 and 5 mm, octants": ("slab", "octant"),
    "1, 2 or 3 slices": ("slice,", "1 slice", "2 slices", "3 slices"),
    "cubes of 60, 40 and 25 mm from within a head": ("cube",),
    "lesions, resection, contrast agent": ("tumour", "resection", "contrast agent"),
    "noise (SNR 3 to 5), bias, ghosts, a hot spot": ("noise", "bias", "hot", "ghost"),
    "distorted EPI, blurred PET": ("EPI", "PET blurred"),
    "cropped, half and a third of overlap, 6 mm voxels, thick slices": ("cropped", "overlap", "6 mm", "thick"),
    "monkeys, mouse, micro-CT, microscopy, body": ("monkey", "macaque", "mouse", "micro", "body", "bright field"),
    "CT on MR, also at low dose": ("CT",),
    "inverted, offset, table and holder, defaced, stripped, padded, labels, NaN": ("",),
}
COLUMNS = ("kind", "level", "seed", "engine", "angle_deg", "error_mm", "tolerance_mm", "verdict", "bound_mm", "cpu_s", "said")
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def judged(case, engine, *, with_trust=True):
    """One row of figures of a case."""
    began = time.process_time()
    try:
        found = register(case.fixed, case.moving, plan=RegistrationPlan(refine=engine), judge=with_trust)
    except RegistrationError as error:
        return {"error_mm": np.inf, "verdict": "refused", "bound_mm": np.inf, "cpu_s": time.process_time() - began, "said": str(error)}
    row = {"error_mm": case.error_mm(found.fixed_to_moving.matrix), "cpu_s": time.process_time() - began}
    if not with_trust:
        said = "; ".join(found.notes)
        return row | {"verdict": "look" if "look" in said else "pass", "bound_mm": np.nan, "said": said}
    said = " | ".join(filter(None, ("; ".join(found.notes), "; ".join(found.trust.reasons))))
    return row | {"verdict": found.trust.verdict, "bound_mm": found.trust.error_mm, "said": said}


def outcome(row):
    """What became of a case: found, found but doubted, said, or silently wrong."""
    found, passed = float(row["error_mm"]) < float(row["tolerance_mm"]), row["verdict"] == "pass"
    return {(True, True): "found", (True, False): "doubted", (False, False): "said", (False, True): "SILENT"}[found, passed]


def table(rows):
    """Markdown: one line for each kind and engine, then for each group and engine."""
    by_kind = _lines(rows, "kind", lambda row: row["kind"])
    by_group = _lines(rows, "group", lambda row: next(name for name, words in GROUPS.items() if any(word in row["kind"] for word in words)))
    ends = [outcome(row) for row in rows]
    total = f"{len(rows)} cases: " + ", ".join(f"{ends.count(end)} {end}" for end in ("found", "doubted", "said", "SILENT"))
    return f"{by_kind}\n\n{by_group}\n\n{total}"


def _lines(rows, title, name_of):
    """A table of rows put together by a name."""
    heads = (
        title,
        "engine",
        "found",
        "of these doubted",
        "not found, said",
        "silently wrong",
        "median error / tolerance",
        "largest",
        "CPU s",
    )
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for name, engine in dict.fromkeys((name_of(row), row["engine"]) for row in rows):
        here = [row for row in rows if (name_of(row), row["engine"]) == (name, engine)]
        ends = [outcome(row) for row in here]
        pairs = zip(here, ends, strict=True)
        good = [float(row["error_mm"]) / float(row["tolerance_mm"]) for row, end in pairs if end in ("found", "doubted")]
        figures = (
            f"{len(good)} of {len(here)}",
            *(ends.count(end) for end in ("doubted", "said", "SILENT")),
            f"{statistics.median(good):.3f}" if good else "-",
            f"{max(good):.3f}" if good else "-",
            f"{statistics.median(float(row['cpu_s']) for row in here):.1f}",
        )
        lines.append("| " + " | ".join(map(str, (name, engine, *figures))) + " |")
    return "\n".join(lines)


def arguments(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="only kinds whose name holds this word; several, separated by commas")
    parser.add_argument("--levels", default="easy,extreme", help="of " + ", ".join(LEVELS))
    parser.add_argument("--seeds", default="0-1", help="first and last seed; even ones take the real head, odd ones the built-in brain")
    parser.add_argument("--engines", default="builtin", help="builtin, simpleitk")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of real scans (default: beside the checkout)")
    parser.add_argument("--no-trust", action="store_true", help="only the notes of the result judge")
    parser.add_argument("--out", type=Path, help="CSV file of all rows")
    parser.add_argument("--table", type=Path, nargs="+", help="only print the table of such files")
    parser.add_argument("--save", type=Path, help="folder for the volumes of the cases, as NIfTI")
    return parser.parse_args(argv)


def main(argv=None):
    given = arguments(argv)
    if given.table:
        print(table([row for path in given.table for row in csv.DictReader(path.open())]))
        return
    words = given.only.split(",") if given.only else [""]
    kinds = [kind for kind in KINDS if any(word in kind for word in words)]
    first, _, last = given.seeds.partition("-")
    rows = []
    stream = given.out.open("w", newline="") if given.out else None
    writer = csv.DictWriter(stream, COLUMNS) if stream else None
    if writer:
        writer.writeheader()
    for kind, seed, level in itertools.product(kinds, range(int(first), int(last or first) + 1), given.levels.split(",")):
        case = build(kind, level, seed, data=given.data)
        if given.save:
            save_case(case, given.save / f"{kind} {level} {seed}".replace(" ", "_").replace(",", ""))
        for engine in given.engines.split(","):
            row = {"kind": kind, "level": level, "seed": seed, "engine": engine, "angle_deg": round(case.angle_deg, 1)}
            row |= {"tolerance_mm": case.tolerance_mm} | judged(case, engine, with_trust=not given.no_trust)
            row |= {name: float(f"{row[name]:.4g}") for name in ("error_mm", "tolerance_mm", "bound_mm", "cpu_s")}
            rows.append(row)
            if writer:
                writer.writerow(row)
                stream.flush()
            print(
                f"{outcome(row):8}{kind:24}{level:8}{seed:3}  {engine:10}{row['error_mm']:10.4g} of {row['tolerance_mm']:<8.4g}"
                f"{row['verdict']:7} <= {row['bound_mm']:<8.4g}{row['cpu_s']:5.1f} s  {row['said']}",
                flush=True,
            )
    print("\n" + table(rows))


def save_case(case, folder):
    """The two volumes, and the truth as text."""
    folder.mkdir(parents=True, exist_ok=True)
    for volume in (case.fixed, case.moving):
        save_volume(volume, folder / f"{volume.name}.nii", overwrite=True)
    np.savetxt(folder / "fixed_to_moving.txt", case.truth)


if __name__ == "__main__":
    sys.exit(main())
