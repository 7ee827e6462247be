"""Register one scan to another and write down everything that says where it lies."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from volstudio.errors import RegistrationError
from volstudio.geometry.measure import Distance, angle_deg, over_grid
from volstudio.geometry.spaces import scanner
from volstudio.progress import Progress
from volstudio.registration.rigid import register
from volstudio.scene.model import Scene, vec3
from volstudio.tasks.open import open_volumes
from volstudio.tasks.save import save_edited_header, save_session, save_transform
from volstudio.tasks.shots import shot
from volstudio.tasks.staging import staged
from volstudio.transforms.files import read_transform
from volstudio.transforms.names import transform_name
from volstudio.transforms.sidecar import Sidecar, sidecar_path, write_sidecar
from volstudio.volumes.spelling import readable, unspelled

if TYPE_CHECKING:
    import os

    from volstudio.geometry.affine import Affine
    from volstudio.registration.result import RegistrationResult
    from volstudio.scene.model import View
    from volstudio.tasks.staging import Staging
    from volstudio.volumes.volume import Finding, Volume

__all__ = ["PairOutcome", "register_pair"]

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
    folder : Path
    files : mapping of str to Path
        What each file is, in words, and where.
    """

    fixed: str
    moving: str
    result: RegistrationResult
    moved: Distance
    turned_deg: float
    findings: tuple[Finding, ...]
    folder: Path
    files: dict[str, Path]

    @property
    def session(self) -> Path:
        """The scene file among them."""
        return self.files[SESSION]

    def story(self) -> tuple[str, ...]:
        """The outcome in a few lines for a person."""
        result = self.result
        widest = max(len(path.name) for path in self.files.values())
        files = (f"  {path.name:<{widest}}  {what}" for what, path in self.files.items())
        return (
            f"{self.moving} moved by {self.moved.mean:.2f} mm (mean; at most {self.moved.max:.2f} mm) and {self.turned_deg:.2f} degrees.",
            f"Mutual information {result.metric:.4f} after {len(result.trace)} steps and {result.seconds:.1f} s.",
            f"At the finest level it {result.stop_reason}.",
            *(f"{note[:1].upper()}{note[1:]}." for note in result.notes),
            *(finding.text for finding in self.findings),
            f"Written to {self.folder}:",
            *files,
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
            "metric": result.metric,
            "steps": len(result.trace),
            "stop_reason": result.stop_reason,
            "seconds": result.seconds,
            "notes": list(result.notes),
            "findings": [asdict(finding) for finding in self.findings],
            "folder": readable(str(self.folder)),
            "files": {what: readable(str(path)) for what, path in self.files.items()},
        }
        return msgspec.json.format(msgspec.json.encode(told), indent=2).decode()


def register_pair(
    fixed: str,
    moving: str,
    folder: str | os.PathLike[str],
    *,
    start: str | os.PathLike[str] | None = None,
    view: View = "ortho",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> PairOutcome:
    """Register two files and write the results, all of them or none.

    Parameters
    ----------
    fixed, moving : str
        Paths or sample names.
    folder : path
        Where the results go.
    start : path or None
        Transform, fixed -> moving points, to climb from; None: every orientation is searched.
    view : str
        Of the pictures before and after.
    overwrite : bool
    progress : Progress or None

    Raises
    ------
    UnreadableFileError, RegistrationError, OutputError, Cancelled
        Nothing is written then.
    """
    report = progress or Progress()
    still, mover = open_volumes([fixed, moving])
    begin = None if start is None else _start(start, still, mover)
    names = _names(still, mover)
    protect = [*still.files, *mover.files]
    if start is not None:
        protect += [Path(start), sidecar_path(start)]
    with staged(folder, names.values(), overwrite=overwrite, protect=protect) as files:
        if still.source and mover.source and still.source.path.samefile(mover.source.path):
            raise RegistrationError(f"{fixed!r} and {moving!r} are one and the same file, which lies on itself already; give two scans.")
        result = register(still, mover, start=begin, progress=report.part(0.02, 0.9))
        before = Scene.of(still, mover)
        findings = _write(files=files, names=names, before=before, result=result, volumes=(still, mover), view=view, report=report)
        report("finishing", 1.0)
    headers = result.moving_to_fixed.identity(scanner(mover.name), scanner(still.name))
    return PairOutcome(
        still.name,
        mover.name,
        result,
        over_grid(result.moving_to_fixed, headers, mover.grid),
        angle_deg(result.moving_to_fixed, headers),
        findings,
        files.folder,
        {what: files.folder / name for what, name in names.items()},
    )


def _names(fixed: Volume, moving: Volume) -> dict[str, str]:
    """File names of the results, by what they are."""
    stem = transform_name(fixed.name, moving.name)
    names = {
        "transform, ITK text (fixed to moving points, LPS)": f"{stem}.tfm",
        "transform, plain 4 x 4 (fixed to moving points, RAS)": f"{stem}.mat4",
        "how it was made: parameters, digests, versions, trace": f"{stem}.json",
        "the moving scan with an edited header, voxels untouched": f"{moving.name.replace('/', '-')}_aligned.nii.gz",
        "picture before": "before.png",
        "picture after": "after.png",
        SESSION: "scene.toml",
    }
    return {what: unspelled(name) for what, name in names.items()}


def _start(path: str | os.PathLike[str], fixed: Volume, moving: Volume) -> Affine:
    """The start as `register` takes it: moving -> fixed points, from a file that maps fixed to moving points."""
    return read_transform(path, fixed=fixed, moving=moving).inverse()


def _write(
    *,
    files: Staging,
    names: dict[str, str],
    before: Scene,
    result: RegistrationResult,
    volumes: tuple[Volume, Volume],
    view: View,
    report: Progress,
) -> tuple[Finding, ...]:
    """Every file of a run, under its staged name."""
    fixed, moving = (volume.name for volume in volumes)
    itk, plain, sidecar, header, picture_before, picture_after, session = (files.path(name) for name in names.values())
    after = msgspec.structs.replace(before.place(moving, result.moving_to_fixed, made_by="registration"), view=view)
    report("drawing before and after", 0.9)
    # One frame and one point for both, so that whoever blinks between them sees the moving scan move and nothing else.
    at = vec3(volumes[0].affine.apply((np.array(volumes[0].shape) - 1) / 2))
    shot(before, picture_before, view=view, at=at, beside=after)
    shot(after, picture_after, view=view, at=at, beside=before)
    report("writing", 0.96)
    for path in (itk, plain):
        save_transform(after, moving, path, onto=fixed)
    findings = save_edited_header(after, moving, header, onto=fixed)
    write_sidecar(_sidecar(result, *volumes), sidecar)
    save_session(after, session)
    return findings


def _sidecar(result: RegistrationResult, fixed: Volume, moving: Volume) -> Sidecar:
    """How the transform was made, for whoever doubts it later."""
    steps = [{"level_mm": step.level_mm, "iteration": step.iteration, "metric": step.metric} for step in result.trace]
    parameters = {
        "plan": msgspec.to_builtins(msgspec.structs.asdict(result.plan)),
        "start_moving_to_fixed": result.start.matrix.tolist(),
        "metric": result.metric,
        "stop_reason": result.stop_reason,
        "seconds": round(result.seconds, 3),
        "notes": list(result.notes),
        "trace": steps,
    }
    return Sidecar.of(
        result.fixed_to_moving, fixed=fixed, moving=moving, made_by="registration", parameters=parameters, versions=dict(result.versions)
    )
