"""Whether `trust` tells right registrations from wrong ones, and how well it bounds their error: ``python tests/bench/bench_trust.py``.

Makes the cases of `trust_cases.py`, judges them, and prints the tables of docs/registration.md: first of the half that the limits were
drawn on, then of the held-out half. ``--half held-out`` and ``--only WORD`` make fewer cases, ``--shared FOLDER`` judges the labelled
outcomes of a folder's cases.json instead, ``--out FILE`` writes a line per outcome, and ``--cost`` compares the time with the
registration's. ``--turned FOLDER`` lays hard cases on themselves half a turn off, and ``--hard FILE`` prints the verdicts of rows that
`bench_hard.py` wrote, by kind. `in_mm` is the adapter for judges that hand over two paths and a matrix.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import math
import statistics
import time
from pathlib import Path

import bench_hard
import hard_cases
import numpy as np
import trust_cases
import trust_scans

from volstudio.geometry.affine import Affine
from volstudio.progress import Progress
from volstudio.registration.pairing import Pairing
from volstudio.registration.prepare import choose_levels
from volstudio.registration.rigid import register
from volstudio.registration.trust import LEVELS, judge, trust
from volstudio.volumes.readers import open_volume

LABELS = {
    "good": "right, below 1.5 mm",
    "subtle": "2.5-10 mm off",
    "bad": "more than 10 mm off",
    "none": "no overlap",
    "flipped": "mirrored left for right",
    "turned": "climbed from half a turn off",
    "wrong": "another person",
}
# Long, or nearly the same from several sides.
TURNED = ("body, CT - CT", "body, CT - PET", "body, a part", "micro-CT", "mouse", "bright field")
COLUMNS = ("pair", "kind", "half", "label", "error_mm", "verdict", "bound_mm", "doubt", "seconds", "reasons")


def in_mm(fixed_path, moving_path, fixed_to_moving):
    """One number, larger is worse: the bound of the error in mm, and above 100 where there is none."""
    fixed, moving = open_volume(Path(fixed_path), name="fixed"), open_volume(Path(moving_path), name="moving")
    found = trust(fixed, moving, Affine(np.linalg.inv(fixed_to_moving), "moving:scanner", "fixed:scanner"))
    return min(found.error_mm, 100 + found.doubt)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=(trust_cases.TUNING, trust_cases.HELD_OUT))
    parser.add_argument("--only", default="", help="only pairs whose name holds this")
    parser.add_argument("--mricron", type=Path, default=trust_cases.MRICRON, help="templates of Debian's mricron-data")
    parser.add_argument("--shared", type=Path, help="folder with a cases.json of labelled outcomes")
    parser.add_argument("--turned", type=Path, help="folder of real scans, as of bench_hard.py")
    parser.add_argument("--hard", type=Path, nargs="+", help="CSV files of bench_hard.py")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--cost", action="store_true")
    given = parser.parse_args()
    if given.cost:
        print(costs(given))
        return
    if given.hard:
        print(by_kind([row for path in given.hard for row in csv.DictReader(path.open())]))
        return
    rows = []
    for row in shared(given.shared) if given.shared else turned(given.turned) if given.turned else own(given):
        rows.append(row)
        told = "" if row["error_mm"] is None else f"{row['error_mm']:8.2f} mm"
        print(f"{row['pair']:44} {row['label']:8}{told:>12}  {row['verdict']:5}{row['bound_mm']:8.2f} mm  {row['doubt']:6.2f}", flush=True)
    if given.out:
        with given.out.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
    for half in dict.fromkeys(row["half"] for row in rows):
        print(f"\n## {half}\n\n{table([row for row in rows if row['half'] == half])}")


# ------------------------------------------------------------------------------------------------------------------------ judging
def own(given):
    """Rows of our own cases; lengths in mm of a head, whatever the object's size."""
    for pair in trust_cases.pairs(half=given.half, only=given.only, mricron=given.mricron):
        pairing = prepared(pair.fixed, pair.moving)
        about = {"pair": pair.name, "kind": pair.kind, "half": pair.half}
        for outcome in pair.outcomes:
            error = None if outcome.error_mm is None else outcome.error_mm / pair.scale
            yield about | {"label": outcome.label, "error_mm": error} | verdict_on(pairing, outcome.matrix, pair.scale)


def shared(folder):
    """Rows of a folder's cases.json."""
    book = json.loads((folder / "cases.json").read_text())
    base, pairing, last = (folder / book["base"]).resolve(), None, None
    for case in sorted(book["cases"], key=lambda case: (case["fixed"], case["moving"], case["mirror"])):
        if last != (last := (case["fixed"], case["moving"], case["mirror"])):
            fixed, moving = (open_volume(base / case[role], name=role) for role in ("fixed", "moving"))
            pairing = prepared(fixed, trust_scans.flipped(moving) if case["mirror"] else moving)
        about = {"pair": case["id"], "kind": case["pair"], "half": "shared", "label": case["label"], "error_mm": case["error_mm"]}
        yield about | verdict_on(pairing, np.linalg.inv(np.array(case["matrix"]).reshape(4, 4)), 1.0)


def turned(data):
    """Rows of hard cases: the truth, and where climbs from half a turn about each principal axis end."""
    for kind, seed in itertools.product(TURNED, range(4)):
        case = hard_cases.build(kind, "easy", seed, data=data)
        pairing, scale = prepared(case.fixed, case.moving), case.tolerance_mm / 2
        middle = case.points.mean(axis=0)
        axes = np.linalg.svd(case.points - middle, full_matrices=False)[2]
        starts = [case.truth @ trust_scans.moved(axis, 180, np.zeros(3), centre=middle) for axis in axes]
        ends = [np.linalg.inv(trust_cases.fitted_map(case.fixed, case.moving, np.linalg.inv(start))) for start in starts]
        for label, matrix in (("good", case.truth), *(("turned", end) for end in ends)):
            about = {"pair": f"{kind} {seed}", "kind": kind, "half": "half a turn off", "label": label}
            error = case.error_mm(matrix) / scale
            if label == "good" or error > trust_cases.WRONG_MM:
                yield about | {"error_mm": error} | verdict_on(pairing, np.linalg.inv(matrix), scale)


def prepared(fixed, moving):
    return Pairing.of(fixed, moving, choose_levels(fixed.grid, moving.grid)[:LEVELS], progress=Progress())


def verdict_on(pairing, moving_to_fixed, scale):
    began = time.process_time()
    found = judge(pairing, pairing.pose(moving_to_fixed))
    seconds = round(time.process_time() - began, 3)
    bound = found.error_mm / scale
    return {"verdict": found.verdict, "bound_mm": bound, "doubt": found.doubt, "seconds": seconds, "reasons": "; ".join(found.reasons)}


# ------------------------------------------------------------------------------------------------------------------------- tables
def table(rows):
    """Verdicts and areas under the ROC curve by kind of outcome, and how well the bound bounds."""
    good = [row["doubt"] for row in rows if row["label"] == "good"]
    lines = ["| outcome | n | `pass` | `look` | `fail` | AUC against right ones |", "|---|---|---|---|---|---|"]
    for label, words in LABELS.items():
        these = [row for row in rows if row["label"] == label]
        if these:
            counts = [sum(row["verdict"] == verdict for row in these) for verdict in ("pass", "look", "fail")]
            area = "" if label == "good" else f"{area_under_curve(good, [row['doubt'] for row in these]):.3f}"
            lines.append(f"| {words} | {len(these)} | {counts[0]} | {counts[1]} | {counts[2]} | {area} |")
    wrong = [row["doubt"] for row in rows if row["label"] != "good"]
    lines.append(f"| all wrong ones | {len(wrong)} | | | | {area_under_curve(good, wrong):.3f} |")
    known = [row for row in rows if row["label"] in {"good", "subtle"}]
    ratio = np.array([row["bound_mm"] / max(row["error_mm"], 1e-6) for row in known])
    lines += [
        "",
        f"Bound of the error, right and 2.5-10 mm off (n = {len(known)}): at or above the error in {np.mean(ratio >= 1):.1%};",
        f"median {np.median(ratio):.2f} times the error; within three times in {np.mean((ratio < 3) & (ratio > 1 / 3)):.0%}.",
        f"Median CPU time of a verdict {np.median([row['seconds'] for row in rows]):.2f} s.",
    ]
    return "\n".join(lines)


def by_kind(rows):
    """Verdicts on the answers of bench_hard.py: right ones and wrong ones, and how often the bound of right ones holds."""
    lines = ["| kind | right | `pass` | `look` | `fail` | bound holds | wrong | `pass` | `look` | `fail` |", "|" + "---|" * 10]
    groups = {name: [] for name in bench_hard.GROUPS}
    for row in rows:
        groups[next(name for name, words in bench_hard.GROUPS.items() if any(word in row["kind"] for word in words))].append(row)
    for name, here in (*groups.items(), ("all", rows)):
        right = [row for row in here if float(row["error_mm"]) < float(row["tolerance_mm"])]
        wrong = [row for row in here if row not in right]
        known = [row for row in right if math.isfinite(float(row["bound_mm"]))]
        holds = sum(float(row["bound_mm"]) >= float(row["error_mm"]) for row in known)
        told = [[sum(row["verdict"] == verdict for row in some) for verdict in ("pass", "look", "fail")] for some in (right, wrong)]
        figures = (name, len(right), *told[0], f"{holds} of {len(known)}", len(wrong), *told[1])
        lines.append("| " + " | ".join(map(str, figures)) + " |")
    ratios = [float(row["bound_mm"]) / max(float(row["error_mm"]), 1e-9) for row in known]
    return "\n".join([*lines, "", f"Median bound over the error of right ones {statistics.median(ratios):.1f}."])


def area_under_curve(good, wrong):
    """Probability that a wrong one is doubted more than a right one; ties count half."""
    good, wrong = np.asarray(good)[:, None], np.asarray(wrong)[None]
    return float(np.mean(wrong > good) + 0.5 * np.mean(wrong == good))


def costs(given):
    """CPU seconds of registering and of judging, the lesser of two runs each."""
    lines = ["| pair | register | judge | share |", "|---|---|---|---|"]
    for pair in trust_cases.pairs(half=given.half, only=given.only or "chris: ", mricron=given.mricron):
        pairing = prepared(pair.fixed, pair.moving)
        registering, judging = [], []
        for _ in range(2):
            began = time.process_time()
            found = register(pair.fixed, pair.moving, judge=False)
            registering.append(time.process_time() - began)
            judging.append(verdict_on(pairing, found.moving_to_fixed.matrix, 1.0)["seconds"])
        lines.append(f"| {pair.name} | {min(registering):.2f} | {min(judging):.2f} | {min(judging) / min(registering):.2f} |")
        print(lines[-1], flush=True)
    return "\n".join(lines)


if __name__ == "__main__":
    main()
