"""Scans that belong together, from files to files: a chain with its composed maps, and the space in the middle of one subject's scans."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from volstudio.errors import RegistrationError
from volstudio.geometry.cover import isotropic_cover
from volstudio.geometry.grid import Grid
from volstudio.progress import Progress
from volstudio.registration.group import register_chain
from volstudio.registration.masks import Region
from volstudio.registration.mean_space import mean_space
from volstudio.registration.plan import DEFAULT
from volstudio.registration.single import one_frame
from volstudio.tasks.group_names import labels_of
from volstudio.tasks.open import absolute
from volstudio.tasks.pair_outcome import image_of_file, plan_values, sidecar_parameters, trust_values, verdict_in_words
from volstudio.tasks.staging import staged
from volstudio.transforms.files import write_transform
from volstudio.transforms.names import transform_name
from volstudio.transforms.sidecar import Image, Sidecar, write_sidecar
from volstudio.volumes.readers import open_volume, volume_from_array
from volstudio.volumes.resample import resample
from volstudio.volumes.save import save_volume
from volstudio.volumes.spelling import readable

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from volstudio.geometry.affine import Affine
    from volstudio.registration.group import Chain
    from volstudio.registration.mean_space import MeanSpace
    from volstudio.registration.plan import RegistrationPlan
    from volstudio.registration.single import Time
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
    lines : tuple of str
        For a person.
    told : mapping
        For a machine: plain values.
    good : bool
        Whether nothing was judged wrong and no scan was left out.
    """

    lines: tuple[str, ...]
    told: Mapping[str, Any]
    good: bool

    def story(self) -> tuple[str, ...]:
        """The outcome for a person."""
        return self.lines

    def as_json(self) -> str:
        """The outcome for a machine."""
        return msgspec.json.format(msgspec.json.encode(self.told), indent=2).decode()


def chain_files(
    scans: Sequence[str],
    folder: str | os.PathLike[str],
    *,
    plans: Sequence[RegistrationPlan] = (),
    plan_files: Sequence[str | None] = (),
    masks: Sequence[str | None] = (),
    judge: bool = True,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> GroupOutcome:
    """Register each scan to the next and write every map of the chain: of each link, and composed to the last scan.

    Parameters
    ----------
    scans : sequence of str
        Paths or sample names, first to last: EPI, T1, template.
    folder : path
    plans : sequence of RegistrationPlan
        One for each link, or one for all; empty: the default.
    plan_files : sequence of str or None
        The files that the plans came from, for the record; one for each link, or empty.
    masks : sequence of str or None
        Paths, one for each scan; empty: everything counts.
    judge : bool
        Whether the links are judged.
    overwrite : bool
    progress : Progress or None

    Raises
    ------
    UnreadableFileError, RegistrationError, OutputError, Cancelled
        Nothing is written then.
    """
    progress = progress or Progress()
    volumes, regions = _opened(scans, masks)
    steps = [(j - 1, j) for j in range(1, len(volumes))]
    ends = [(i, len(volumes) - 1) for i in range(len(volumes) - 2)]
    names = {(i, j): transform_name(volumes[j].name, volumes[i].name) for i, j in (*steps, *ends)}
    written = [f"{stem}{suffix}" for stem in names.values() for suffix in (".tfm", ".json")]
    with staged(folder, written, overwrite=overwrite, protect=_sources(volumes, regions, plan_files)) as files:
        found = register_chain(volumes, plans=plans, masks=regions, judge=judge, progress=progress.part(0.0, 0.97))
        for (i, j), stem in names.items():
            fixed, moving = volumes[j], volumes[i]
            if j == i + 1:
                images = _images({"fixed": regions[j], "moving": regions[i]})
                plan_file = image_of_file(plan_files[i] if plan_files else None)
                made = "registration", sidecar_parameters(found.results[i], masks=images, start_file=None, plan_file=plan_file)
            else:
                made = "chain of registrations", {"chain": [f"{names[k, k + 1]}.tfm" for k in range(i, j)]}
            _write(files, stem, found.between(moving.name, fixed.name).inverse(), (fixed, moving), made)
        progress("written", 1.0)
    return _chain_outcome(found, files.folder, written)


def _chain_outcome(found: Chain, folder: Path, written: Sequence[str]) -> GroupOutcome:
    """What became of a chain."""
    links = [(*ends, result) for ends, result in zip(pairwise(found.names), found.results, strict=True)]
    story = [
        f"{moving} -> {fixed}: {'not judged.' if result.trust is None else verdict_in_words(result.trust)}"
        + "".join(f" {note[:1].upper()}{note[1:]}." for note in result.notes)
        for moving, fixed, result in links
    ]
    told = {
        "scans": list(found.names),
        "links": [
            {
                "moving_to_fixed": result.moving_to_fixed.matrix.tolist(),
                "plan": plan_values(result.plan),
                "trust": trust_values(result.trust),
                "notes": list(result.notes),
            }
            for *_, result in links
        ],
        "first_to_last": found.first_to_last.matrix.tolist(),
        "folder": readable(str(folder)),
        "files": list(written),
    }
    listed = (f"Written to {folder}:", *(f"  {name}" for name in written if name.endswith(".tfm")))
    believed = all(result.trust is None or result.trust.verdict != "fail" for result in found.results)
    return GroupOutcome((*story, *listed), told, believed)


def mean_files(
    scans: Sequence[str],
    folder: str | os.PathLike[str],
    *,
    plan: RegistrationPlan = DEFAULT,
    plan_file: str | None = None,
    masks: Sequence[str | None] = (),
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
    plan_file, masks, overwrite, progress
        As `chain_files` takes them.

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
    volumes, regions = _opened(scans, masks)
    stems = {volume.name: transform_name(MEAN, volume.name) for volume in volumes}
    picture = f"{MEAN}.nii.gz"
    names = [picture, *(f"{stem}{suffix}" for stem in stems.values() for suffix in (".tfm", ".json"))]
    with staged(folder, names, overwrite=overwrite, protect=_sources(volumes, regions, [plan_file])) as files:
        found = mean_space(volumes, plan=plan, masks=regions, name=MEAN, progress=progress.part(0.0, 0.85))
        average = _average(found, volumes, plan.time, progress.part(0.85, 0.98))
        save_volume(average, files.path(picture))
        file = image_of_file(plan_file)
        shared = {"plan": plan_values(plan), "verdict": found.verdict, "notes": list(found.notes)}
        shared |= {} if file is None else {"plan_file": msgspec.to_builtins(file)}
        for volume, region in zip(volumes, regions, strict=True):
            if volume.name in found.to_mean:
                images = {f"{role}_mask_file": msgspec.to_builtins(image) for role, image in _images({"moving": region}).items()}
                own = {"weight": found.weights[volume.name], "disagreement_mm": found.disagreement_mm[volume.name]}
                made = "mean space", {**own, **shared, **images}
                _write(files, stems[volume.name], found.to_mean[volume.name].inverse(), (average, volume), made)
        progress("written", 1.0)
    return _mean_outcome(found, files.folder, stems)


def _mean_outcome(found: MeanSpace, folder: Path, stems: Mapping[str, str]) -> GroupOutcome:
    """What became of a mean space."""
    story = [f"{name}: weight {found.weights[name]:.2g}, {found.disagreement_mm[name]:.2f} mm from the others." for name in found.to_mean]
    story += [f"{name} was left out: {why}" for name, why in found.failures.items()]
    story += [f"{note[0].upper()}{note[1:]}{'' if note.endswith('?') else '.'}" for note in found.notes]
    story.append(f"Written to {folder}, with the average of all in {MEAN}.nii.gz.")
    told = {
        "to_mean": {name: to_mean.matrix.tolist() for name, to_mean in found.to_mean.items()},
        "verdict": found.verdict,
        "weights": dict(found.weights),
        "disagreement_mm": dict(found.disagreement_mm),
        "failures": dict(found.failures),
        "notes": list(found.notes),
        "folder": readable(str(folder)),
        "files": {name: f"{stems[name]}.tfm" for name in found.to_mean},
    }
    return GroupOutcome(tuple(story), told, not (found.failures or found.outliers or found.verdict == "fail"))


def _opened(scans: Sequence[str], masks: Sequence[str | None]) -> tuple[list[Volume], list[Volume | None]]:
    """Volumes under names that tell apart both them and the files that are named after them, and the mask of each."""
    if len(masks) not in (0, len(scans)):
        raise RegistrationError(f"{len(scans)} scans need as many masks, None for a scan that has none, got {len(masks)}.")
    paths = [absolute(path) for path in scans]
    volumes = [open_volume(path).renamed(label) for path, label in zip(paths, labels_of(paths, taken=MEAN), strict=True)]
    regions = [None if mask is None else open_volume(absolute(mask)) for mask in masks or [None] * len(scans)]
    for volume, region in zip(volumes, regions, strict=True):
        if region is not None:
            Region.of(region, volume)  # a mask that is none is said before the work
    return volumes, regions


def _sources(volumes: Sequence[Volume], masks: Sequence[Volume | None], plan_files: Sequence[str | None]) -> tuple[Path, ...]:
    """Files that took part."""
    opened = (volume for volume in (*volumes, *masks) if volume is not None)
    return (*(file for volume in opened for file in volume.files), *(Path(file) for file in plan_files if file is not None))


def _images(masks: Mapping[str, Volume | None]) -> dict[str, Image]:
    """What identifies the masks that there are."""
    return {role: Image.of(mask) for role, mask in masks.items() if mask is not None}


def _write(files: Staging, stem: str, fixed_to_moving: Affine, ends: tuple[Volume, Volume], made: tuple[str, Mapping[str, Any]]) -> None:
    """A transform and its sidecar; ``made``: by what, and how."""
    import volstudio

    (fixed, moving), (made_by, how) = ends, made
    write_transform(fixed_to_moving, files.path(f"{stem}.tfm"), fixed=fixed, moving=moving)
    versions = {"volstudio": volstudio.__version__, "numpy": np.__version__}
    sidecar = Sidecar.of(fixed_to_moving, fixed=fixed, moving=moving, made_by=made_by, parameters=how, versions=versions)
    write_sidecar(sidecar, files.path(f"{stem}.json"))


def _average(found: MeanSpace, volumes: Sequence[Volume], time: Time, progress: Progress) -> Volume:
    """The scans in the mean space, averaged by their weights, on cubes as fine as the finest scan's voxels."""
    there = [volume for volume in volumes if found.weights.get(volume.name, 0) > 0]
    placed = [Grid(volume.shape, found.to_mean[volume.name] @ volume.affine) for volume in there]
    grid = isotropic_cover(placed, min(float(np.prod(volume.grid.voxel_sizes)) ** (1 / 3) for volume in there))
    total, weights = np.zeros(grid.shape, np.float32), np.zeros(grid.shape, np.float32)
    for number, volume in enumerate(there):
        single, _ = one_frame(volume, time=time if volume.n_times > 1 else "first")
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
