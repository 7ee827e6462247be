"""Good, odd and hostile files: each must load right, be refused by its cause, or be told about."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

posix = pytest.mark.skipif(os.name != "posix", reason="children are forked, so that a crash is seen and not shared")
NIFTI = ("affine", "dtype", "scaling", "dims", "container", "corrupt", "offset_ext", "nifti2", "bomb")
CATEGORIES = (*NIFTI, "mgh", "nrrd", "metaimage", "dicom")
OTHER_ROOMS = ("transform_cases", "session_cases")
MEMORY_KB = 400_000  # of a child, the interpreter and its libraries included; the cases are tiny

# The finding that tells a person what the manifest's `warn` asks for.
TOLD = {
    "both_conflict_s1_q1": "qform-sform-differ",
    "both_conflict_s4_q1": "qform-sform-differ",
    "no_codes": "orientation-unknown",
    "sform_all_zero_q_ok": "sform-unusable",
    "sform_sheared_q_ortho": "qform-sform-differ",
    "sform_nan_q_ok": "sform-unusable",
    "pixdim_negative_q": "pixdim-negative",
    "pixdim_zero_no_codes": "voxel-size-unknown",
    "pixdim_1_sform_2mm": "pixdim-differs",
    "sform_code_99": "code-unknown",
    "units_micron": "units-converted",
    "units_bogus7": "units-unknown",
    "bitpix_mismatch": "bitpix-differs",
    "slope_inf": "scaling-odd",
    "float_all_nan": "no-finite-voxel",
    "analyze75": "analyze-left-right-unknown",
    "gz_trailing_garbage": "trailing-data",
    "gz_tail_bomb_1gib": "trailing-data",
    "mgh_goodRAS0": "orientation-unknown",
    "nrrd_no_space": "orientation-unknown",
    "nrrd_space_3d_units_um": "units-converted",
    "mha_no_spacing": "voxel-size-unknown",
    "dcm_missing_slice": "slices-missing",
    "dcm_duplicate_slice": "duplicate-slices",
    "dcm_gantry_tilt20": "gantry-tilt",
}


@pytest.fixture(scope="module")
def writer(shared_conformance):
    sys.path.insert(0, str(shared_conformance))
    try:
        spec = importlib.util.spec_from_file_location("make_cases", shared_conformance / "make_cases.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(shared_conformance))
    return module


@pytest.fixture(scope="module")
def cases(writer, tmp_path_factory) -> tuple[Path, dict[str, dict]]:
    return build(writer, tmp_path_factory.mktemp("cases"), [write for write in writer.CATEGORIES if write.__name__ not in OTHER_ROOMS])


@posix
@pytest.mark.parametrize("category", CATEGORIES)
def test_every_case_of_the_category_is_as_demanded(cases, category):
    assert wrong_outcomes(*cases, category) == {}


@posix
@pytest.mark.slow
def test_bombs_of_a_gibibyte_are_as_demanded(writer, tmp_path):
    assert wrong_outcomes(*build(writer, tmp_path, [writer.bomb_cases], big=True), "bomb") == {}


def build(writer, folder: Path, categories: list, *, big: bool = False) -> tuple[Path, dict[str, dict]]:
    made = writer.Cases(str(folder), big)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the writer leaves one file to be closed by the interpreter
        for write in categories:
            write(made)
        return folder / "manifest.json", {case["name"]: case for case in made.finish()}


def wrong_outcomes(manifest: Path, by_name: dict[str, dict], category: str) -> dict[str, str]:
    """What is wrong, by the name of the case."""
    script = Path(__file__).with_name("conformance_child.py")
    run = subprocess.run([sys.executable, script, manifest, category], capture_output=True, text=True, check=True, timeout=200)
    outcomes = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(outcomes) == sum(case["category"] == category for case in by_name.values())
    return {outcome["name"]: fault for outcome in outcomes if (fault := judge(by_name[outcome["name"]], outcome))}


def judge(case: dict, seen: dict) -> str:
    """What is wrong with an outcome; empty where it is as demanded."""
    if case["name"] == "permission_denied" and os.geteuid() == 0:
        return ""
    if "died" in seen:
        return f"the child died with status {seen['died']}"
    if seen["memory"] > MEMORY_KB and case["name"] != "gz_valid_1gib":
        return f"{seen['memory']} kB of memory"
    return judge_refused(case, seen) if "refused" in seen else judge_loaded(case, seen)


def judge_refused(case: dict, seen: dict) -> str:
    if case["outcome"] == "load":
        return f"refused: {seen['refused']}"
    words = seen["refused"].replace(Path(case["path"]).name, "").lower()  # its own name does not name the cause
    return "" if any(word.lower() in words for word in case["keywords"]) else f"does not name {case['cause']}: {words}"


def judge_loaded(case: dict, seen: dict) -> str:
    if case["outcome"] == "refuse":
        return "accepted"
    if case["shape"] is not None:
        kept = [n for axis, n in enumerate(case["shape"]) if axis < 3 or n > 1]
        components = case["name"] == "nrrd_vector_4d"  # the manifest gives the shape of space alone
        if (seen["shape"][:3] if components else seen["shape"]) != kept + [1] * (3 - len(kept)):
            return f"shape {seen['shape']}"
    if case["affine"] is not None:
        good = [case["affine"], *case["accept"]]
        slack = 0.01 * min(np.linalg.norm(np.array(case["affine"])[:3, :3], axis=0))
        if not any(np.allclose(seen["affine"], matrix, rtol=1e-6, atol=slack / 10) for matrix in good):
            return f"affine {seen['affine']}"
    for (ijk, truth), value in zip(case["probes"] or (), seen["values"], strict=True):
        wanted = brightness(truth) if isinstance(truth, list) else truth
        if not np.isclose(value, wanted, rtol=1e-4, atol=0.5 if isinstance(truth, list) else 0):
            return f"{value} at {ijk}, not {truth}"
    if case["warn"] and TOLD.get(case["name"]) not in [code for code, _, _ in seen["findings"]]:
        return f"not told: {case['warn']}; findings {seen['findings']}"
    return ""


def brightness(colour: list[int]) -> float:
    return float(np.dot(colour[:3], (0.299, 0.587, 0.114)))
