"""``volstudio group``: several scans at once - many to one, one after the other, or all to the space in their middle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from volstudio.apps.commands.plan_options import (
    CLIMB,
    FROM_HERE,
    NO_TRUST,
    OUTPUT,
    PRESET,
    STARTS,
    Box,
    complete_preset,
    planned,
    refuse_contradictions,
    together,
)
from volstudio.apps.commands.register import UNTRUSTED
from volstudio.apps.terminal import progress_on_stderr, tell
from volstudio.errors import Cancelled

if TYPE_CHECKING:
    from volstudio.registration.plan import RegistrationPlan
    from volstudio.tasks.group_maps import GroupOutcome
    from volstudio.tasks.group_table import ManyOutcome

__all__ = ["group"]

STOPPED = 130
EXAMPLES = """
\b
Examples:
  volstudio group many t1.nii.gz run-*.nii.gz -o aligned
  volstudio group many t1.nii.gz run-*.nii.gz -o aligned --moving-mask '{folder}/{name}_mask.nii.gz'
  volstudio group many template.nii.gz --list scans.txt -o aligned --jobs 4
  volstudio group chain epi.nii.gz t1.nii.gz template.nii.gz -o maps --preset 1=epi-to-anatomy
  volstudio group mean visit-1.nii.gz visit-2.nii.gz visit-3.nii.gz -o middle
\b
Exit code 3: everything is written, and some of it failed or is judged not to be believed.
"""

TARGET = click.option("-o", "--output", required=True, metavar="DIR", help="Folder for the results; made if it is not there.")
WISHES = together(
    FROM_HERE,
    click.option("--start", type=click.Choice(STARTS), help="Where every pair begins; the first three stay near it. Default: search."),
    CLIMB,
)
MASK = click.option(
    "--mask",
    "masks",
    multiple=True,
    metavar="FILE|N=FILE|PATTERN",
    help="Only what lies in its voxels other than zero counts, in its scan's world: once for each SCAN in their order; N=FILE for scan N "
    "alone; or a pattern with {name} (of a scan's file, without suffixes) and {folder}.",
)


@click.group(epilog=EXAMPLES)
def group() -> None:
    """Several scans: many to one, in a chain, or to their middle."""


@group.command("many", epilog=EXAMPLES)
@click.argument("fixed")
@click.argument("moving", nargs=-1)
@click.option(
    "--list", "list_file", metavar="FILE", help="A text file with one MOVING a line, and its mask after a tab; relative to its own folder."
)
@click.option("--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Scans that are worked on side by side.")
@TARGET
@PRESET
@WISHES
@click.option("--fixed-mask", metavar="FILE", help="Only what lies in its voxels other than zero counts; in FIXED's world, on any grid.")
@click.option("--roi", type=Box(), help="A box as mask of FIXED: two corners in mm, in FIXED's world (RAS+).")
@click.option(
    "--moving-mask",
    "masks",
    multiple=True,
    metavar="FILE|N=FILE|PATTERN",
    help="The same of the moving scans, each in its own world: once for each MOVING in their order; N=FILE for MOVING N alone; or a "
    "pattern with {name} (of a scan's file, without suffixes) and {folder}.",
)
@click.option("--moving-roi", type=Box(), help="A box as mask of every MOVING, in its own world.")
@NO_TRUST
@OUTPUT
def many(
    fixed: str,
    moving: tuple[str, ...],
    *,
    list_file: str | None,
    jobs: int,
    output: str,
    masks: tuple[str, ...],
    no_trust: bool,
    as_json: bool,
    overwrite: bool,
    **wishes: Any,  # noqa: ANN401 - the options that make a plan, as click parses them
) -> int:
    """Register every MOVING to FIXED.

    DIR gets a transform and a JSON file that says how it was made for each scan, and a table of all of them. One bad scan does not stop the
    others. The same command again does only what is missing: what was made of the same files by the same plan is kept.
    """
    refuse_contradictions(click.get_current_context(), moving_mask=masks, **wishes)
    plan = planned(**wishes)
    from volstudio.tasks.group_many import register_files
    from volstudio.tasks.group_names import scans_in_list
    from volstudio.tasks.group_words import masks_of

    listed = scans_in_list(list_file) if list_file else ()
    movings = (*moving, *(scan for scan, _ in listed))
    if masks and any(mask for _, mask in listed):
        raise click.UsageError("--moving-mask and the list of --list both name masks; leave one of them out", click.get_current_context())
    own = masks_of(masks, movings, what="--moving-mask") if masks else (*(None for _ in moving), *(mask for _, mask in listed))
    try:
        with progress_on_stderr(quiet=as_json) as progress:
            outcome = register_files(
                fixed, movings, output, plan=plan, masks=own, judge=not no_trust, jobs=jobs, overwrite=overwrite, progress=progress
            )
    except Cancelled:
        click.echo("volstudio: Stopped; what was done is kept, and the same command goes on from there.", err=True)
        return STOPPED
    return _told(outcome, as_json=as_json)


@group.command("chain", epilog=EXAMPLES)
@click.argument("scans", nargs=-1, required=True, metavar="SCAN SCAN...")
@TARGET
@click.option(
    "--preset",
    "presets",
    multiple=True,
    metavar="NAME|N=NAME",
    shell_complete=complete_preset,
    help="A plan for a kind of pair: once for all links, or once for each in their order; N=NAME for link N alone.",
)
@click.option(
    "--plan",
    "plan_files",
    multiple=True,
    metavar="FILE|N=FILE",
    help="A plan in TOML or JSON, told in the same way; other options overrule it.",
)
@WISHES
@MASK
@NO_TRUST
@OUTPUT
def chain(
    scans: tuple[str, ...],
    *,
    output: str,
    presets: tuple[str, ...],
    plan_files: tuple[str, ...],
    masks: tuple[str, ...],
    no_trust: bool,
    as_json: bool,
    overwrite: bool,
    **wishes: Any,  # noqa: ANN401 - the options that make a plan, as click parses them
) -> int:
    """Register each SCAN to the next, such as EPI, T1, template.

    DIR gets the transform of every link, and the composed one from every scan to the last. All or nothing. Link 1 is from the first SCAN to
    the second.
    """
    from volstudio.tasks.group_maps import chain_files
    from volstudio.tasks.group_words import masks_of

    plans, files = _plans_of_links(presets, plan_files, max(len(scans) - 1, 1), **wishes)
    own = masks_of(masks, scans, what="--mask") if masks else ()
    with progress_on_stderr(quiet=as_json) as progress:
        outcome = chain_files(
            scans,
            output,
            plans=plans,
            plan_files=files,
            masks=own,
            judge=not no_trust,
            overwrite=overwrite,
            progress=progress,
        )
    return _told(outcome, as_json=as_json)


@group.command("mean", epilog=EXAMPLES)
@click.argument("scans", nargs=-1, required=True, metavar="SCAN SCAN...")
@TARGET
@PRESET
@WISHES
@MASK
@OUTPUT
def mean(
    scans: tuple[str, ...],
    *,
    output: str,
    masks: tuple[str, ...],
    as_json: bool,
    overwrite: bool,
    **wishes: Any,  # noqa: ANN401 - the options that make a plan, as click parses them
) -> int:
    """Find the space in the middle of several scans of one subject.

    No scan is the template, and their order does not matter. DIR gets the transform of each scan, and the average of all in that space. A
    scan that contradicts the others, such as another person's, counts for little and is said. All or nothing.
    """
    refuse_contradictions(click.get_current_context(), **wishes)
    plan = planned(**wishes)
    from volstudio.tasks.group_maps import mean_files
    from volstudio.tasks.group_words import masks_of

    own = masks_of(masks, scans, what="--mask") if masks else ()
    with progress_on_stderr(quiet=as_json) as progress:
        outcome = mean_files(scans, output, plan=plan, plan_file=wishes["plan_file"], masks=own, overwrite=overwrite, progress=progress)
    return _told(outcome, as_json=as_json)


def _plans_of_links(
    presets: tuple[str, ...],
    plan_files: tuple[str, ...],
    links: int,
    **wishes: Any,  # noqa: ANN401 - as in the commands
) -> tuple[tuple[RegistrationPlan, ...], tuple[str | None, ...]]:
    """A plan for each link, or one for all of them, and the files they came from."""
    from volstudio.tasks.group_words import one_each

    named = one_each(presets, links, what="--preset", noun="link")
    files = one_each(plan_files, links, what="--plan", noun="link")
    for preset, file in zip(named, files, strict=True):
        refuse_contradictions(click.get_current_context(), preset=preset, plan_file=file, **wishes)
    plans = tuple(planned(preset=preset, plan_file=file, **wishes) for preset, file in zip(named, files, strict=True))
    return (plans if len(set(zip(named, files, strict=True))) > 1 else plans[:1]), files


def _told(outcome: ManyOutcome | GroupOutcome, *, as_json: bool) -> int:
    """Say what became of it, and the exit code."""
    tell(outcome, as_json=as_json)
    return 0 if outcome.good else UNTRUSTED
