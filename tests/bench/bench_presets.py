"""Presets and other plans beside the default, on the kinds of pair they are for.

    python tests/bench/bench_presets.py --presets ct-to-mr --try '{"bins": 48}' --cases FOLDER --out rows.csv
    python tests/bench/bench_presets.py --table rows.csv

Errors are mean mm from the known truth, from headers that are wrong by an easy move (climbed from there) or by an extreme one (searched).
Kinds with a head take every head that is found (`hard_anatomy.heads`); ``--cases FOLDER`` adds pairs of a folder with cases.json. Every
plan meets the same cases; a case counts as better or worse beside the default where the two differ by more than a hundredth of a voxel.
Rows are kept with ``--out``, and a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from hard_anatomy import heads
from hard_cases import KINDS, build
from truth_cases import from_folder

from volstudio.errors import RegistrationError
from volstudio.registration.plan import RegistrationPlan
from volstudio.registration.presets import PRESETS
from volstudio.registration.rigid import register
from volstudio.volumes.readers import open_volume

# Kinds of hard_cases and pairs of cases.json for each preset.
FOR = {
    "same-modality": (("tumour, bright", "contrast agent", "noise in both, SNR 4", "bias", "ghosts", "defaced"), ("t1t1",)),
    "cross-modality": (("thick slices", "noise, SNR 5", "tumour, dark", "bias, other contrast", "cropped"), ("t1pd",)),
    "epi-to-anatomy": (("EPI distorted",), ("epi_syn", "epi_real")),
    "ct-to-mr": (("CT", "CT, low dose"), ("t1ct",)),
    "pet-to-mr": (("PET blurred", "hot spot"), ("t1pet",)),
    "partial-fov": (("slab 20 axial", "slab 10 coronal", "octant", "octant, other contrast", "half overlap", "3 slices"), ()),
    "small-animal": (("mouse", "macaque", "micro-CT", "microscopy", "bright field"), ()),
}
SKULLS = ("head ct",)  # these need a head with a skull, which the sample's brain is not
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
COLUMNS = ("preset", "plan", "level", "kind", "scan", "seed", "error_mm", "voxel_mm", "cpu_s")
DEFAULT = "default"


@dataclass(frozen=True)
class Pair:
    """A case, and how it is named: kind, scan and seed."""

    name: tuple[str, str, str]
    case: object

    def volumes(self):
        sides = (getattr(self.case, side) for side in ("fixed", "moving"))
        return [
            open_volume(side, name=name) if isinstance(side, Path) else side for side, name in zip(sides, ("fixed", "moving"), strict=True)
        ]


def pairs(preset, given, scratch, skip):
    """The cases of a preset that ``skip(kind, scan, seed)`` does not leave out."""
    kinds, shared = FOR[preset]
    first, last = (int(end) for end in given.seeds.split("-"))
    for kind in kinds:
        things = {KINDS[kind].thing, KINDS[kind].fixed_thing}
        known = {name: head for name, head in heads(given.data).items() if name != "sample" or not things.intersection(SKULLS)}
        for scan, head in known.items() if things.intersection(("head", "mouse", *SKULLS)) else (("made", None),):
            for seed in range(first, last + 1):
                if not skip(kind, scan, str(seed)):
                    yield Pair((kind, scan, str(seed)), build(kind, given.level, seed, data=given.data, head=head))
    if given.cases and shared:
        options = {"levels": [given.level], "seeds": range(3 * first, 3 * last + 3)}  # three scans of each, or one three times
        for case in from_folder(
            given.cases, scratch, pairs=shared, skip=lambda pair, _level, seed: skip(pair, "shared", str(seed)), **options
        ):
            yield Pair((case.pair, "shared", str(case.seed)), case)


def measured(pair, plan):
    """Error in mm, infinite where it was refused, CPU seconds, and the edge of a voxel of the finer scan."""
    fixed, moving = pair.volumes()
    began = time.process_time()
    try:
        error = pair.case.error_mm(register(fixed, moving, plan=plan, judge=False).fixed_to_moving.matrix)
    except RegistrationError:
        error = np.inf
    voxel = min(abs(np.linalg.det(volume.affine.matrix[:3, :3])) for volume in (fixed, moving)) ** (1 / 3)
    return {"error_mm": error, "cpu_s": time.process_time() - began, "voxel_mm": voxel}


def table(rows):
    """Markdown: one line for each preset and plan."""
    heads_ = ("preset", "plan", "cases", "median mm", "largest", "better", "worse", "error / default's", "CPU s", "median mm by kind")
    lines = ["| " + " | ".join(heads_) + " |", "|" + "---|" * len(heads_)]
    for preset, plan in dict.fromkeys((row["preset"], row["plan"]) for row in rows):
        mine, default = ({_case(row): row for row in rows if (row["preset"], row["plan"]) == (preset, name)} for name in (plan, DEFAULT))
        both = [(row, default[case]) for case, row in mine.items() if case in default]
        steps = [(float(row["error_mm"]) - float(other["error_mm"])) / float(row["voxel_mm"]) for row, other in both]
        ratios = [float(row["error_mm"]) / float(other["error_mm"]) for row, other in both]
        errors = [float(row["error_mm"]) for row in mine.values()]
        kinds = dict.fromkeys(row["kind"] for row in mine.values())
        each = ((kind, statistics.median(float(row["error_mm"]) for row in mine.values() if row["kind"] == kind)) for kind in kinds)
        figures = (
            *(str(len(mine)), f"{statistics.median(errors):.4g}", f"{max(errors):.4g}"),
            *(str(sum(step < -0.01 for step in steps)), str(sum(step > 0.01 for step in steps))),
            f"{np.exp(np.mean(np.log(ratios))):.2f}" if ratios else "",
            f"{statistics.fmean(float(row['cpu_s']) for row in mine.values()):.2f}",
            ", ".join(f"{kind} {error:.3g}" for kind, error in each),
        )
        lines.append("| " + " | ".join((preset, plan.replace("|", "/"), *figures)) + " |")
    return "\n".join(lines)


def _case(row):
    return row["level"], row["kind"], row["scan"], row["seed"]


def plans_of(preset, given):
    """The default, the preset where it changes anything, and what is to be tried, by name."""
    every = json.loads(given.every) | ({"start": "given"} if given.level == "easy" else {})
    plans = (
        {DEFAULT: RegistrationPlan(), preset: RegistrationPlan.named(preset)} if PRESETS[preset].changes else {DEFAULT: RegistrationPlan()}
    )
    plans |= {text: RegistrationPlan().with_(**json.loads(text)) for text in given.tries}
    return {name: plan.with_(**every) for name, plan in plans.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", default=",".join(PRESETS))
    parser.add_argument("--level", default="easy", help="easy (climbed from the headers) or extreme (searched)")
    parser.add_argument("--seeds", default="0-0", help="first and last")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--cases", type=Path, help="folder with cases.json")
    parser.add_argument("--try", dest="tries", action="append", default=[], help='fields of a plan, such as {"bins": 64}')
    parser.add_argument("--every", default="{}", help='fields of every plan, such as {"refine": "builtin"}; keep another --out for each')
    parser.add_argument("--out", type=Path, help="CSV file; rows that it holds already are kept and not run again")
    parser.add_argument("--table", type=Path, nargs="+", help="only print the table of such files")
    given = parser.parse_args()
    rows = [row for path in given.table or filter(None, [given.out]) if path.exists() for row in csv.DictReader(path.open())]
    for preset in () if given.table else given.presets.split(","):
        rows += run(preset, given, {(row["preset"], row["plan"], *_case(row)) for row in rows})
    print(table(rows))


def run(preset, given, done):
    """Rows of a preset's cases that are not done yet."""
    plans, rows = plans_of(preset, given), []

    def missing(*name):
        return [plan for plan in plans if (preset, plan, given.level, *name) not in done]

    with tempfile.TemporaryDirectory() as scratch:
        for pair in pairs(preset, given, Path(scratch), lambda *name: not missing(*name)):
            for plan in missing(*pair.name):
                row = dict(zip(COLUMNS, (preset, plan, given.level, *pair.name), strict=False)) | measured(pair, plans[plan])
                rows.append(row)
                print(f"{preset:16}{plan:32}{' '.join(pair.name):36}{row['error_mm']:10.4g} mm {row['cpu_s']:6.2f} s", flush=True)
                if given.out:
                    new = not given.out.exists()
                    with given.out.open("a", newline="") as stream:
                        writer = csv.DictWriter(stream, COLUMNS)
                        if new:
                            writer.writeheader()
                        writer.writerow(row)
    return rows


if __name__ == "__main__":
    main()
