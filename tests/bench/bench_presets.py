"""Presets beside the default, on the kinds of pair they are for: ``python tests/bench/bench_presets.py [--presets ...] [--seeds N-M]``.

Errors are mean mm from the known truth, from headers that are wrong by an easy move (climbed from there) or by an extreme one (searched).
``--cases FOLDER`` adds pairs of a folder with cases.json (see `truth_cases`). ``--try JSON`` measures other fields than a preset's.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from hard_cases import build
from truth_cases import from_folder

from volstudio.errors import RegistrationError
from volstudio.registration.plan import RegistrationPlan
from volstudio.registration.presets import PRESETS
from volstudio.registration.rigid import register
from volstudio.volumes.readers import open_volume

# Kinds of hard_cases and pairs of cases.json for each preset.
KINDS = {
    "same-modality": (("cropped", "contrast agent", "bias", "noise in both, SNR 4", "ghosts"), ("t1t1",)),
    "cross-modality": (("thick slices", "noise, SNR 5", "stripped", "offset"), ("t1pd",)),
    "epi-to-anatomy": (("EPI distorted",), ("epi_syn", "epi_real")),
    "ct-to-mr": ((), ("t1ct",)),
    "pet-to-mr": (("PET blurred", "hot spot"), ("t1pet",)),
    "partial-fov": (("slab 20 axial", "slab 10 coronal", "octant, other contrast", "half overlap", "3 slices"), ()),
    "small-animal": (("mouse", "micro-CT", "microscopy"), ()),
}
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def cases(preset, given, scratch):
    """(name, fixed, moving, error of a fixed -> moving matrix in mm) of a preset's kinds."""
    hard, pairs = KINDS[preset]
    first, last = (int(end) for end in given.seeds.split("-"))
    for kind in hard:
        for seed in range(first, last + 1):
            case = build(kind, given.level, seed, data=given.data if given.data.is_dir() else None)
            yield kind, case.fixed, case.moving, case.error_mm
    if given.cases and pairs:
        for case in from_folder(given.cases, scratch, pairs=pairs, levels=[given.level], seeds=last - first + 1):
            yield case.pair, open_volume(case.fixed, name="fixed"), open_volume(case.moving, name="moving"), case.error_mm


def measured(fixed, moving, error_mm, plan):
    """Error in mm, infinite where it was refused, and CPU seconds."""
    began = time.process_time()
    try:
        found = register(fixed, moving, plan=plan, judge=False).fixed_to_moving.matrix
    except RegistrationError:
        return np.inf, time.process_time() - began
    return error_mm(found), time.process_time() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", default=",".join(PRESETS))
    parser.add_argument("--level", default="easy", help="easy (climbed from the headers) or extreme (searched)")
    parser.add_argument("--seeds", default="0-1")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--cases", type=Path)
    parser.add_argument("--try", dest="tries", action="append", default=[], help='fields of a plan, such as {"bins": 64}')
    given = parser.parse_args()
    start = {"start": "given"} if given.level == "easy" else {}
    for preset in given.presets.split(","):
        plans = {"default": RegistrationPlan(**start), preset: RegistrationPlan.named(preset, **start)}
        plans |= {text: RegistrationPlan().with_(**json.loads(text), **start) for text in given.tries}
        rows = {name: {} for name in plans}
        with tempfile.TemporaryDirectory() as scratch:
            for kind, *pair in cases(preset, given, Path(scratch)):
                for name, plan in plans.items():
                    rows[name].setdefault(kind, []).append(measured(*pair, plan))
        for name, kinds in rows.items():
            errors = [error for figures in kinds.values() for error, _ in figures]
            cpu = statistics.fmean(seconds for figures in kinds.values() for _, seconds in figures)
            each = ", ".join(f"{kind} {statistics.median(error for error, _ in figures):.3f}" for kind, figures in kinds.items())
            print(f"{name:<24} median {statistics.median(errors):.3f} max {max(errors):.3f} mm, {cpu:.1f} CPU s: {each}", flush=True)


if __name__ == "__main__":
    main()
