"""Scans that belong together, from files to files: a chain with its composed maps, and the space in the middle of one subject's scans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from volstudio.geometry.cover import isotropic_cover
from volstudio.geometry.grid import Grid
from volstudio.progress import Progress
from volstudio.registration.group import register_chain
from volstudio.registration.mean_space import mean_space
from volstudio.registration.plan import DEFAULT
from volstudio.registration.single import one_frame
from volstudio.tasks.group_names import labels_of
from volstudio.tasks.open import absolute
from volstudio.tasks.pair_outcome import sidecar_parameters
from volstudio.tasks.staging import staged
from volstudio.transforms.files import write_transform
from volstudio.transforms.names import transform_name
from volstudio.transforms.sidecar import Sidecar, write_sidecar
from volstudio.volumes.readers import open_volume, volume_from_array
from volstudio.volumes.resample import resample
from volstudio.volumes.save import save_volume
from volstudio.volumes.spelling import readable

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from volstudio.geometry.affine import Affine
    from volstudio.registration.mean_space import MeanSpace
    from volstudio.registration.plan import RegistrationPlan
    from volstudio.tasks.staging import Staging
    from volstudio.volumes.volume import Volume

__all__ = ["GroupOutcome", "chain_files", "mean_files"]

BRIGHT = 99.0  # percentile that every scan's brightness is divided by before they are averaged
MEAN = "mean"


@dataclass(frozen=True, slots=True)
class GroupOutcome:
    """What became of scans that were registered together.

    Parameters
    ----------
    story : tuple of str
        For a person.
    told : mapping
        For a machine: plain values.
    good : bool
        Whether nothing was judged wrong and no scan was left out.
    """

    story: tuple[str, ...]
    told: Mapping[str, Any]
    good: bool

    def as_json(self) -> str:
        """The outcome for a machine."""
        return msgspec.json.format(msgspec.json.encode(self.told), indent=2).decode()


def chain_files(
    scans: Sequence[str],
    folder: str | os.PathLike[str],
    *,
    plan: RegistrationPlan = DEFAULT,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> GroupOutcome:
    """Register each scan to the next and write every map of the chain: of each link, and composed to the last scan.

    Parameters
    ----------
    scans : sequence of str
        Paths or sample names, first to last: EPI, T1, template.
    folder : path
    plan : RegistrationPlan
        For every link.
    overwrite : bool
    progress : Progress or None

    Raises
    ------
    UnreadableFileError, RegistrationError, OutputError, Cancelled
        Nothing is written then.
    """
    progress = progress or Progress()
    volumes = _opened(scans)
    steps = [(j - 1, j) for j in range(1, len(volumes))]
    ends = [(i, len(volumes) - 1) for i in range(len(volumes) - 2)]
    names = {(i, j): transform_name(volumes[j].name, volumes[i].name) for i, j in (*steps, *ends)}
    written = [f"{stem}{suffix}" for stem in names.values() for suffix in (".tfm", ".json")]
    with staged(folder, written, overwrite=overwrite, protect=_sources(volumes)) as files:
        found = register_chain(volumes, plans=[plan], progress=progress.part(0.0, 0.97))
        for (i, j), stem in names.items():
            fixed, moving = volumes[j], volumes[i]
            if j == i + 1:
                made = "registration", sidecar_parameters(found.results[i], masks={}, start_file=None, plan_file=None)
            else:
                made = "chain of registrations", {"chain": [f"{names[k, k + 1]}.tfm" for k in range(i, j)]}
            _write(files, stem, found.between(moving.name, fixed.name).inverse(), (fixed, moving), made)
        progress("written", 1.0)
    verdicts = [result.trust.verdict if result.trust else "" for result in found.results]
    story = [
        f"{moving} -> {fixed}: {f'judged {verdict}' if verdict else 'not judged'}{''.join(f'; {note}' for note in result.notes)}."
        for (moving, fixed), verdict, result in zip(zip(found.names, found.names[1:], strict=False), verdicts, found.results, strict=True)
    ]
    told = {
        "scans": list(found.names),
        "links": [
            {"moving_to_fixed": r.moving_to_fixed.matrix.tolist(), "verdict": v} for r, v in zip(found.results, verdicts, strict=True)
        ],
        "first_to_last": found.first_to_last.matrix.tolist(),
        "folder": readable(str(files.folder)),
        "files": written,
    }
    listed = (f"Written to {files.folder}:", *(f"  {name}" for name in written if name.endswith(".tfm")))
    return GroupOutcome((*story, *listed), told, "fail" not in verdicts)


def mean_files(
    scans: Sequence[str],
    folder: str | os.PathLike[str],
    *,
    plan: RegistrationPlan = DEFAULT,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> GroupOutcome:
    """Find the space in the middle of several scans of one subject; write the map of each to it, and their average there.

    Parameters
    ----------
    scans : sequence of str
        Paths or sample names.
    folder : path
    plan : RegistrationPlan
        For every pair.
    overwrite : bool
    progress : Progress or None

    Raises
    ------
    UnreadableFileError, RegistrationError, OutputError, Cancelled
        Nothing is written then.

    Notes
    -----
    The average is there to be looked at and to stand for the space: each scan is divided by its 99th percentile, since scanners count in
    different units, and the mean is weighted as the scans are.
    """
    progress = progress or Progress()
    volumes = _opened(scans)
    stems = {volume.name: transform_name(MEAN, volume.name) for volume in volumes}
    picture = f"{MEAN}.nii.gz"
    names = [picture, *(f"{stem}{suffix}" for stem in stems.values() for suffix in (".tfm", ".json"))]
    with staged(folder, names, overwrite=overwrite, protect=_sources(volumes)) as files:
        found = mean_space(volumes, plan=plan, name=MEAN, progress=progress.part(0.0, 0.85))
        average = _average(found, volumes, progress.part(0.85, 0.98))
        save_volume(average, files.path(picture))
        for volume in volumes:
            if volume.name in found.to_mean:
                how = {
                    "weight": found.weights[volume.name],
                    "disagreement_mm": found.disagreement_mm[volume.name],
                    "plan": msgspec.to_builtins(msgspec.structs.asdict(plan)),
                    "notes": list(found.notes),
                }
                _write(files, stems[volume.name], found.to_mean[volume.name].inverse(), (average, volume), ("mean space", how))
        progress("written", 1.0)
    story = [f"{name}: weight {found.weights[name]:.2g}, {found.disagreement_mm[name]:.2f} mm from the others." for name in found.to_mean]
    story += [f"{name} was left out: {why}" for name, why in found.failures.items()]
    story += [f"{note[0].upper()}{note[1:]}{'' if note.endswith('?') else '.'}" for note in found.notes]
    told = {
        "to_mean": {name: to_mean.matrix.tolist() for name, to_mean in found.to_mean.items()},
        "weights": dict(found.weights),
        "disagreement_mm": dict(found.disagreement_mm),
        "failures": dict(found.failures),
        "notes": list(found.notes),
        "folder": readable(str(files.folder)),
        "files": {name: f"{stems[name]}.tfm" for name in found.to_mean},
    }
    return GroupOutcome(
        (*story, f"Written to {files.folder}, with the average of all in {picture}."), told, not (found.failures or found.outliers)
    )


def _opened(scans: Sequence[str]) -> list[Volume]:
    """Volumes under names that tell apart both them and the files that are named after them."""
    paths = [absolute(path) for path in scans]
    return [open_volume(path).renamed(label) for path, label in zip(paths, labels_of(paths, taken=MEAN), strict=True)]


def _sources(volumes: Sequence[Volume]) -> tuple[Path, ...]:
    return tuple(file for volume in volumes for file in volume.files)


def _write(files: Staging, stem: str, fixed_to_moving: Affine, ends: tuple[Volume, Volume], made: tuple[str, Mapping[str, Any]]) -> None:
    """A transform and its sidecar; ``made``: by what, and how."""
    import volstudio

    (fixed, moving), (made_by, how) = ends, made
    write_transform(fixed_to_moving, files.path(f"{stem}.tfm"), fixed=fixed, moving=moving)
    versions = {"volstudio": volstudio.__version__, "numpy": np.__version__}
    sidecar = Sidecar.of(fixed_to_moving, fixed=fixed, moving=moving, made_by=made_by, parameters=how, versions=versions)
    write_sidecar(sidecar, files.path(f"{stem}.json"))


def _average(found: MeanSpace, volumes: Sequence[Volume], progress: Progress) -> Volume:
    """The scans in the mean space, averaged by their weights, on cubes as fine as the finest scan's voxels."""
    there = [volume for volume in volumes if found.weights.get(volume.name, 0) > 0]
    placed = [Grid(volume.shape, found.to_mean[volume.name] @ volume.affine) for volume in there]
    grid = isotropic_cover(placed, min(float(np.prod(volume.grid.voxel_sizes)) ** (1 / 3) for volume in there))
    total, weights = np.zeros(grid.shape, np.float32), np.zeros(grid.shape, np.float32)
    for number, volume in enumerate(there):
        single, _ = one_frame(volume)
        values = single.frame().astype(np.float32)
        bright = float(np.nanpercentile(np.abs(values[np.isfinite(values)]), BRIGHT)) or 1.0
        scaled = volume_from_array(values / np.float32(bright), single.affine.matrix, name=volume.name)
        part = progress.part(number / len(there), (number + 1) / len(there))
        moved = resample(scaled, onto=grid, moving_to_fixed=found.to_mean[volume.name], background=np.nan, progress=part).frame()
        seen = np.isfinite(moved)
        weight = np.float32(found.weights[volume.name])
        total[seen] += weight * moved[seen]
        weights[seen] += weight
    average = np.divide(total, weights, out=np.zeros_like(total), where=weights > 0)
    return volume_from_array(average, grid.affine.matrix, name=found.name)
