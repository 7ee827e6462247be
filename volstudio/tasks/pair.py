"""Register one scan to another and write down everything that says where it lies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from volstudio.errors import RegistrationError
from volstudio.geometry.measure import angle_deg, over_grid
from volstudio.geometry.spaces import scanner
from volstudio.progress import Progress
from volstudio.registration.masks import opened
from volstudio.registration.plan import DEFAULT
from volstudio.registration.rigid import register
from volstudio.scene.model import Scene, vec3
from volstudio.tasks.open import open_volumes
from volstudio.tasks.pair_outcome import SESSION, PairOutcome, image_of_file, sidecar_parameters
from volstudio.tasks.save import save_edited_header, save_session, save_transform
from volstudio.tasks.shots import shot
from volstudio.tasks.staging import staged
from volstudio.transforms.files import read_transform
from volstudio.transforms.names import transform_name
from volstudio.transforms.sidecar import Image, Sidecar, sidecar_path, write_sidecar
from volstudio.volumes.spelling import unspelled

if TYPE_CHECKING:
    import os

    from volstudio.registration.plan import RegistrationPlan
    from volstudio.registration.result import RegistrationResult
    from volstudio.scene.model import View
    from volstudio.tasks.staging import Staging
    from volstudio.transforms.dialect import Direction
    from volstudio.volumes.volume import Finding, Volume

__all__ = ["PairOutcome", "register_pair"]


def register_pair(
    fixed: str,
    moving: str,
    folder: str | os.PathLike[str] | None,
    *,
    plan: RegistrationPlan = DEFAULT,
    plan_file: str | os.PathLike[str] | None = None,
    start: str | os.PathLike[str] | None = None,
    direction: Direction | None = None,
    judge: bool = True,
    view: View = "ortho",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> PairOutcome:
    """Register two files and write the results, all of them or none.

    Parameters
    ----------
    fixed, moving : str
        Paths or sample names.
    folder : path or None
        Where the results go; None: nothing is written.
    plan : RegistrationPlan
    plan_file : path or None
        The file that the plan came from, for the record.
    start : path or None
        Transform, fixed -> moving points in any dialect, to climb from; None: as the plan says.
    direction : "fixed-to-moving", "moving-to-fixed" or None
        What the matrix of the start maps, where its file does not say it.
    judge : bool
        Whether the result is judged.
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
    begin = None if start is None else read_transform(start, fixed=still, moving=mover, direction=direction).inverse()
    masks = {role: opened(mask) for role, mask in (("fixed", plan.fixed_mask), ("moving", plan.moving_mask)) if mask is not None}

    def run(part: Progress) -> RegistrationResult:
        if still.source and mover.source and still.source.path.samefile(mover.source.path):
            raise RegistrationError(f"{fixed!r} and {moving!r} are one and the same file, which lies on itself already; give two scans.")
        fixed_mask, moving_mask = masks.get("fixed"), masks.get("moving")
        return register(still, mover, plan=plan, start=begin, fixed_mask=fixed_mask, moving_mask=moving_mask, judge=judge, progress=part)

    if folder is None:
        return _outcome(run(report), still, mover)
    protect = [file for volume in (still, mover, *masks.values()) for file in volume.files]
    protect += [] if start is None else [Path(start), sidecar_path(start)]
    protect += [] if plan_file is None else [Path(plan_file)]
    names = _names(still, mover)
    with staged(folder, names.values(), overwrite=overwrite, protect=protect) as files:
        result = run(report.part(0.02, 0.9))
        parameters = sidecar_parameters(
            result,
            masks={role: Image.of(mask) for role, mask in masks.items() if mask.source is not None},
            start_file=image_of_file(start),
            plan_file=image_of_file(plan_file),
        )
        findings = _write(files, names, (still, mover), result=result, parameters=parameters, view=view, report=report)
        report("finishing", 1.0)
    written = {what: files.folder / name for what, name in names.items()}
    return _outcome(result, still, mover, findings=findings, folder=files.folder, files=written)


def _outcome(
    result: RegistrationResult,
    still: Volume,
    mover: Volume,
    *,
    findings: tuple[Finding, ...] = (),
    folder: Path | None = None,
    files: dict[str, Path] | None = None,
) -> PairOutcome:
    """The outcome of a result, beside what the headers said."""
    headers = result.moving_to_fixed.identity(scanner(mover.name), scanner(still.name))
    return PairOutcome(
        still.name,
        mover.name,
        result,
        over_grid(result.moving_to_fixed, headers, mover.grid),
        angle_deg(result.moving_to_fixed, headers),
        findings,
        folder,
        files or {},
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


def _write(
    files: Staging,
    names: dict[str, str],
    volumes: tuple[Volume, Volume],
    *,
    result: RegistrationResult,
    parameters: dict[str, Any],
    view: View,
    report: Progress,
) -> tuple[Finding, ...]:
    """Every file of a run, under its staged name."""
    fixed, moving = (volume.name for volume in volumes)
    itk, plain, sidecar, header, picture_before, picture_after, session = (files.path(name) for name in names.values())
    before = _shown(volumes, result)
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
    told = Sidecar.of(
        result.fixed_to_moving,
        fixed=volumes[0],
        moving=volumes[1],
        made_by="registration",
        parameters=parameters,
        versions=dict(result.versions),
    )
    write_sidecar(told, sidecar)
    save_session(after, session)
    return findings


def _shown(volumes: tuple[Volume, Volume], result: RegistrationResult) -> Scene:
    """Both scans as their headers place them, of a series the time point that was compared."""
    scene, time = Scene.of(*volumes), result.plan.time
    if not isinstance(time, int):
        return scene
    series = {volume.name for volume in volumes if volume.n_times > 1}
    layers = (msgspec.structs.replace(layer, time=time) if layer.name in series else layer for layer in scene.layers)
    return msgspec.structs.replace(scene, layers=tuple(layers))
