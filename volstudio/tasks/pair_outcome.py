"""What became of a registration of two files: for a person, for a machine, and for whoever doubts it later."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from volstudio.transforms.sidecar import Image
from volstudio.volumes.integrity import digest
from volstudio.volumes.spelling import readable

if TYPE_CHECKING:
    import os

    from volstudio.geometry.measure import Distance
    from volstudio.registration.plan import RegistrationPlan
    from volstudio.registration.result import RegistrationResult
    from volstudio.registration.trust import Trust
    from volstudio.volumes.volume import Finding

__all__ = ["SESSION", "PairOutcome", "image_of_file", "plan_values", "sidecar_parameters", "trust_values", "verdict_in_words"]

SESSION = "session: open it with volstudio view"


@dataclass(frozen=True, slots=True)
class PairOutcome:
    """What a registration of two files found, and where it was written.

    Parameters
    ----------
    fixed, moving : str
        Names of the two volumes.
    result : RegistrationResult
    moved : Distance
        How far the moving volume's voxels went from where its header put them, mm.
    turned_deg : float
    findings : tuple of Finding
        What the edited header could not hold.
    folder : Path or None
        None: nothing was written.
    files : mapping of str to Path
        What each file is, in words, and where.
    """

    fixed: str
    moving: str
    result: RegistrationResult
    moved: Distance
    turned_deg: float
    findings: tuple[Finding, ...]
    folder: Path | None
    files: dict[str, Path]

    @property
    def session(self) -> Path:
        """The scene file among them."""
        return self.files[SESSION]

    @property
    def failed(self) -> bool:
        """Whether the result was judged, and not to be believed."""
        return self.result.trust is not None and self.result.trust.verdict == "fail"

    def story(self) -> tuple[str, ...]:
        """The outcome in a few lines for a person."""
        result = self.result
        name = result.metric_name
        return (
            f"{self.moving} moved by {self.moved.mean:.2f} mm (mean; at most {self.moved.max:.2f} mm) and {self.turned_deg:.2f} degrees.",
            *(() if result.trust is None else (verdict_in_words(result.trust),)),
            f"{name[0].upper()}{name[1:]} {result.metric:.4f} after {len(result.trace)} steps and {result.seconds:.1f} s.",
            f"At the finest level it {result.stop_reason}.",
            *(f"{note[:1].upper()}{note[1:]}." for note in result.notes),
            *(finding.text for finding in self.findings),
            *(self._matrix() if self.folder is None else self._listing()),
        )

    def as_json(self) -> str:
        """The outcome for a machine."""
        result = self.result
        told = {
            "fixed": self.fixed,
            "moving": self.moving,
            "moving_to_fixed": result.moving_to_fixed.matrix.tolist(),
            "moved_mm": asdict(self.moved),
            "turned_deg": self.turned_deg,
            "trust": trust_values(result.trust),
            "metric": result.metric,
            "metric_name": result.metric_name,
            "plan": plan_values(result.plan),
            "steps": len(result.trace),
            "stop_reason": result.stop_reason,
            "seconds": result.seconds,
            "notes": list(result.notes),
            "findings": [asdict(finding) for finding in self.findings],
            "folder": None if self.folder is None else readable(str(self.folder)),
            "files": {what: readable(str(path)) for what, path in self.files.items()},
        }
        return msgspec.json.format(msgspec.json.encode(told), indent=2).decode()

    def _matrix(self) -> tuple[str, ...]:
        """The answer itself, where no file holds it."""
        rows = (" ".join(f"{number:14.9f}" for number in row) for row in self.result.moving_to_fixed.matrix)
        return (f"Where a point of {self.moving} belongs in {self.fixed} (mm, RAS+):", *rows)

    def _listing(self) -> tuple[str, ...]:
        """The files and what they are."""
        widest = max(len(path.name) for path in self.files.values())
        return (f"Written to {self.folder}:", *(f"  {path.name:<{widest}}  {what}" for what, path in self.files.items()))


def verdict_in_words(trust: Trust) -> str:
    """A verdict in one or two sentences."""
    bound = f"The mean error is at most {trust.error_mm:.2g} mm, nineteen times in twenty."
    reasons = "; ".join(trust.reasons)
    if trust.verdict == "pass":
        return f"Trust: pass. {bound}" + (f" But {reasons}." if reasons else "")
    if trust.verdict == "look":
        told = f" If it is right: {bound[0].lower()}{bound[1:]}" if trust.error_mm < float("inf") else ""
        return f"Trust: look at it before you use it: {reasons}.{told}"
    return f"Trust: fail, do not use it as it is: {reasons}."


def sidecar_parameters(
    result: RegistrationResult, *, masks: dict[str, Image], start_file: Image | None, plan_file: Image | None
) -> dict[str, Any]:
    """How the transform was made, as plain values.

    Parameters
    ----------
    result : RegistrationResult
    masks : mapping of "fixed" and "moving" to Image
        Masks that were read from files.
    start_file, plan_file : Image or None
        The files that the start and the plan came from.
    """
    files = {"start_file": start_file, "plan_file": plan_file, **{f"{role}_mask_file": image for role, image in masks.items()}}
    return {
        "plan": plan_values(result.plan),
        **{name: msgspec.to_builtins(image) for name, image in files.items() if image is not None},
        "start_moving_to_fixed": result.start.matrix.tolist(),
        "metric": result.metric,
        "metric_name": result.metric_name,
        "trust": trust_values(result.trust),
        "stop_reason": result.stop_reason,
        "seconds": round(result.seconds, 3),
        "notes": list(result.notes),
        "trace": [
            {"engine": step.engine, "level_mm": step.level_mm, "iteration": step.iteration, "metric": step.metric} for step in result.trace
        ],
    }


def image_of_file(path: str | os.PathLike[str] | None) -> Image | None:
    """What identifies a file that took part."""
    return None if path is None else Image(Path(path).stem, readable(Path(path).name), digest(Path(path)))


def plan_values(plan: RegistrationPlan) -> dict[str, Any]:
    """Every field of a plan, none left out; of masks' files the names, for where they lie is nobody else's business."""
    told: dict[str, Any] = msgspec.to_builtins(msgspec.structs.asdict(plan))
    for mask in (told["fixed_mask"], told["moving_mask"]):
        if mask and mask.get("file"):
            mask["file"] = readable(Path(mask["file"]).name)
    return told


def trust_values(trust: Trust | None) -> dict[str, Any] | None:
    """A verdict as plain values; what is infinite has no number in JSON and is null."""
    if trust is None:
        return None
    told = asdict(trust)
    for part in (told, told["evidence"]):  # numpy's own floats are floats to everybody but JSON
        part.update({name: float(value) for name, value in part.items() if isinstance(value, float)})
    return told
