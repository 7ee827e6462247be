"""What volstudio and its neighbours make of the conformance cases, as the tables of docs/conformance.md.

    python tests/bench/bench_conformance.py ../shared/conformance [--big] [--itk PYTHON]

Every library opens every case in a child of its own (`conformance_peers.py`), with 15 seconds. A library is judged on the formats it has.
``--itk`` names a Python with ``pip install itk-io``, since two copies of ITK in one environment disturb each other.
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
NO_READER = {
    "volstudio": set(),
    "nibabel": {"nrrd", "metaimage", "dicom"},
    "SimpleITK": {"mgh"},
    "itk": {"mgh"},
    "VTK": {"mgh"},
    "PyVista": {"mgh"},
}
MEMORY_KB = 1 << 20
KINDS = ("right", "wrong", "refused valid", "refused, named", "refused, unnamed", "ACCEPTED", "CRASH", "HANG", "MEMORY")
IMAGES = ("image", "dicom")
QUIET = {"form-used", "scaled", "series"}  # findings of volstudio that tell of nothing odd


def main() -> int:
    given = argparse.ArgumentParser(description="Open every conformance case with volstudio and its neighbours.")
    given.add_argument("conformance", type=Path, help="folder of make_cases.py")
    given.add_argument("--big", action="store_true", help="bombs of a gibibyte too")
    given.add_argument("--itk", help="a Python that has the package itk-io")
    asked = given.parse_args()
    pythons = dict.fromkeys(("volstudio", "nibabel", "SimpleITK", "VTK", "PyVista"), sys.executable)
    if asked.itk:
        pythons["itk"] = asked.itk
    with tempfile.TemporaryDirectory() as folder:
        cases = make_cases(asked.conformance, Path(folder), big=asked.big)
        seen = {peer: outcomes(python, peer, Path(folder) / "manifest.json") for peer, python in pythons.items()}
        after = list(Path(folder).rglob("*volstudio_pwned*"))
    print(
        f"{len(cases)} cases, {datetime.now(UTC):%Y-%m-%d}; {', '.join(f'{peer} {version_of(peer, pythons[peer])}' for peer in pythons)}\n"
    )
    judged = {peer: judge_all(peer, cases, outcome) for peer, outcome in seen.items()}
    images = {peer: {name: each for name, each in verdicts.items() if cases[name]["reader"] in IMAGES} for peer, verdicts in judged.items()}
    print_summary(images, cases, seen)
    print_categories(judged, cases)
    for name, (kind, why) in judged["volstudio"].items():
        if kind in ("wrong", "refused valid", "ACCEPTED", "CRASH", "HANG", "MEMORY") or (kind == "refused, unnamed"):
            print(f"volstudio, {name}: {kind}: {why}")
    return len(after)


def make_cases(source: Path, folder: Path, *, big: bool) -> dict[str, dict]:
    """All cases; the hostile sessions in the words of volstudio's own files, so that only what is hostile is wrong with them."""
    sys.path.insert(0, str(source.resolve()))
    sys.dont_write_bytecode = True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of doubled names in an archive that is a case
        cases = importlib.import_module("make_cases").build(str(folder), big)
    for case in cases:
        path = folder / case["path"]
        if case["reader"] == "session" and path.suffix == ".json":
            text = path.read_text(encoding="utf-8")
            text = re.sub(r'\{"format":"volstudio-session","version":(\d+)', r'{"volstudio":\1', text)
            text = re.sub(r'"edit":(\[\[.*\]\])', r'"placement":{"matrix":\1}', text).replace('{"path"', '{"name":"x","path"')
            path.write_text(text, encoding="utf-8")
    return {case["name"]: case for case in cases}


def outcomes(python: str, peer: str, manifest: Path) -> dict[str, dict]:
    """What a library makes of each case, by name."""
    script = HERE / "conformance_peers.py"
    run = subprocess.run([python, script, peer, manifest], capture_output=True, text=True, check=True, cwd=manifest.parent)
    return {seen["name"]: seen for seen in map(json.loads, run.stdout.splitlines())}


def judge_all(peer: str, cases: dict[str, dict], seen: dict[str, dict]) -> dict[str, tuple[str, str]]:
    """Verdict and reason for each case that a library is judged on."""
    verdicts = {}
    for name, case in cases.items():
        reads = case["reader"] in IMAGES or peer == "volstudio"
        if reads and case["category"] not in NO_READER[peer] and name != "permission_denied":
            verdicts[name] = judge(case, seen[name])
    return verdicts


def judge(case: dict, seen: dict) -> tuple[str, str]:
    """One of `KINDS`, and why."""
    if "died" in seen:
        return ("HANG" if seen["died"] == "hang" else "CRASH"), seen["died"]
    if seen["memory_kb"] > MEMORY_KB and case["name"] != "gz_valid_1gib":
        return "MEMORY", f"{seen['memory_kb']} kB"
    if "refused" in seen:
        if case["outcome"] == "load":
            return "refused valid", seen["refused"]
        words = f"{seen['refused']} {seen['noise']}".replace(Path(case["path"]).name, "").lower()
        return ("refused, named" if any(word.lower() in words for word in case["keywords"]) else "refused, unnamed"), seen["refused"]
    if case["outcome"] == "refuse":
        return "ACCEPTED", ""
    fault = fault_of(case, seen)
    return ("wrong", fault) if fault else ("right", "")


def fault_of(case: dict, seen: dict) -> str:
    """What is wrong with a case that was loaded."""
    matrices = [np.array(matrix) for matrix in ([case["affine"]] if case["affine"] else []) + case["accept"]]
    if case["reader"] == "transform":
        return "" if any(np.allclose(seen["affine"], matrix, atol=1e-3) for matrix in matrices) else f"matrix {seen['affine']}"
    if case["shape"] is not None and sorted((*case["shape"], 1, 1, 1)[:3]) != sorted((*seen["shape"], 1, 1, 1)[:3]):
        return f"shape {seen['shape']}"
    for (ijk, value), places in zip(case["probes"] or (), seen["places"], strict=True):
        if not places:
            return f"no voxel holds {value}"
        truths = [matrix[:3, :3] @ (*ijk, 0, 0)[:3] + matrix[:3, 3] for matrix in matrices]
        slack = 0.01 * min((np.linalg.norm(matrix[:3, :3], axis=0).min() for matrix in matrices), default=0)
        if truths and not any(np.linalg.norm(np.array(places) - truth, axis=1).min() <= slack for truth in truths):
            return f"{value} is at {places[:1]}, not at {truths[0]}"
    if not case["probes"] and matrices and not any(np.allclose(seen["affine"], matrix, atol=1e-3) for matrix in matrices):
        return f"affine {seen['affine']}"
    return ""


def print_summary(judged: dict[str, dict[str, tuple[str, str]]], cases: dict[str, dict], seen: dict[str, dict[str, dict]]) -> None:
    """One row for each library."""
    print("| library | cases | must load: right | silently wrong | refused | must refuse: refused | naming the cause | accepted | ", end="")
    print("either: wrong | odd and right: told | crash | hang | > 1 GiB |\n|" + "---|" * 13)
    for peer, verdicts in judged.items():
        load, refuse, either = (counted(verdicts, cases, outcome) for outcome in ("load", "refuse", "either"))
        total = load + refuse + either
        named, unnamed = refuse["refused, named"], refuse["refused, unnamed"]
        odd = [name for name, (kind, _) in verdicts.items() if kind == "right" and cases[name]["warn"]]
        told = sum(bool(seen[peer][name]["noise"] or set(seen[peer][name]["said"]) - QUIET) for name in odd)
        cells = [len(verdicts), f"{load['right']} of {load.total()}", load["wrong"], load["refused valid"]]
        cells += [f"{named + unnamed} of {refuse.total()}", named, refuse["ACCEPTED"], either["wrong"], f"{told} of {len(odd)}"]
        cells += [total[kind] for kind in ("CRASH", "HANG", "MEMORY")]
        print(f"| {peer} | {' | '.join(map(str, cells))} |")
    print()


def counted(verdicts: dict[str, tuple[str, str]], cases: dict[str, dict], outcome: str) -> Counter[str]:
    """How many verdicts of each kind there are among the cases that demand an outcome."""
    return Counter(kind for name, (kind, _) in verdicts.items() if cases[name]["outcome"] == outcome)


def print_categories(judged: dict[str, dict[str, tuple[str, str]]], cases: dict[str, dict]) -> None:
    """As demanded, of how many, by category."""
    categories = dict.fromkeys(case["category"] for case in cases.values())
    print(f"| category | cases | {' | '.join(judged)} |\n|---|---|" + "---|" * len(judged))
    for category in categories:
        row = [f"{category} | {sum(case['category'] == category for case in cases.values())}"]
        for verdicts in judged.values():
            mine = [kind for name, (kind, _) in verdicts.items() if cases[name]["category"] == category]
            row.append(f"{sum(kind in ('right', 'refused, named') for kind in mine)} of {len(mine)}" if mine else "-")
        print(f"| {' | '.join(row)} |")
    print()


def version_of(peer: str, python: str) -> str:
    if peer == "itk":
        code = "from importlib.metadata import version; print(version('itk-io'))"
        return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    return version(peer)


if __name__ == "__main__":
    sys.exit(main())
