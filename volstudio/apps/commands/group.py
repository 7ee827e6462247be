"""``volstudio group``: several scans at once - many to one, one after the other, or all to the space in their middle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from volstudio.apps.commands.register import UNTRUSTED
from volstudio.apps.terminal import progress_on_stderr, say
from volstudio.errors import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from volstudio.registration.plan import RegistrationPlan
    from volstudio.tasks.group_many import ManyOutcome
    from volstudio.tasks.group_maps import GroupOutcome

__all__ = ["group"]

STOPPED = 130
EXAMPLES = """
\b
Examples:
  volstudio group many t1.nii.gz run-*.nii.gz -o aligned
  volstudio group many template.nii.gz --list scans.txt -o aligned --jobs 4
  volstudio group chain epi.nii.gz t1.nii.gz template.nii.gz -o maps
  volstudio group mean visit-1.nii.gz visit-2.nii.gz visit-3.nii.gz -o middle
\b
Exit code 3: everything is written, and some of it failed or is judged not to be believed.
"""


def _shared(command: Callable[..., int]) -> Callable[..., int]:
    """The options that all commands of the group have."""
    options = (
        click.option("-o", "--output", required=True, metavar="DIR", help="Folder for the results; made if it is not there."),
        click.option("--preset", metavar="NAME", help="A plan for a kind of pair, such as same-modality."),
        click.option("--plan", "plan_file", metavar="FILE", help="A plan in TOML or JSON."),
        click.option("--engine", type=click.Choice(["simpleitk", "builtin"]), help="Who climbs to the end. Default: simpleitk."),
        click.option("--json", "as_json", is_flag=True, help="The numbers on stdout for a machine; nothing else."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group(epilog=EXAMPLES)
def group() -> None:
    """Several scans: many to one, in a chain, or to their middle."""


@group.command("many", epilog=EXAMPLES)
@click.argument("fixed")
@click.argument("moving", nargs=-1)
@click.option("--list", "list_file", metavar="FILE", help="A text file with one MOVING a line, relative to its own folder.")
@click.option("--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Scans that are worked on side by side.")
@click.option("--overwrite", is_flag=True, help="Do everything again and replace what is there.")
@_shared
def many(
    fixed: str,
    moving: tuple[str, ...],
    *,
    list_file: str | None,
    jobs: int,
    overwrite: bool,
    output: str,
    preset: str | None,
    plan_file: str | None,
    engine: str | None,
    as_json: bool,
) -> int:
    """Register every MOVING to FIXED.

    DIR gets a transform and a JSON file that says how it was made for each scan, and a table of all of them. One bad scan does not stop the
    others. The same command again does only what is missing: what was made of the same files by the same plan is kept.
    """
    plan = _plan(preset, plan_file, engine)
    from volstudio.tasks.group_many import register_files
    from volstudio.tasks.group_names import paths_in_list

    movings = (*moving, *(paths_in_list(list_file) if list_file else ()))
    try:
        with progress_on_stderr(quiet=as_json) as progress:
            outcome = register_files(fixed, movings, output, plan=plan, jobs=jobs, overwrite=overwrite, progress=progress)
    except Cancelled:
        click.echo("volstudio: Stopped; what was done is kept, and the same command goes on from there.", err=True)
        return STOPPED
    return _told(outcome, outcome.story(), as_json=as_json)


@group.command("chain", epilog=EXAMPLES)
@click.argument("scans", nargs=-1, required=True, metavar="SCAN SCAN...")
@click.option("--overwrite", is_flag=True, help="Replace results that are there.")
@_shared
def chain(
    scans: tuple[str, ...],
    *,
    overwrite: bool,
    output: str,
    preset: str | None,
    plan_file: str | None,
    engine: str | None,
    as_json: bool,
) -> int:
    """Register each SCAN to the next, such as EPI, T1, template.

    DIR gets the transform of every link, and the composed one from every scan to the last. All or nothing.
    """
    plan = _plan(preset, plan_file, engine)
    from volstudio.tasks.group_maps import chain_files

    with progress_on_stderr(quiet=as_json) as progress:
        outcome = chain_files(scans, output, plan=plan, overwrite=overwrite, progress=progress)
    return _told(outcome, outcome.story, as_json=as_json)


@group.command("mean", epilog=EXAMPLES)
@click.argument("scans", nargs=-1, required=True, metavar="SCAN SCAN...")
@click.option("--overwrite", is_flag=True, help="Replace results that are there.")
@_shared
def mean(
    scans: tuple[str, ...],
    *,
    overwrite: bool,
    output: str,
    preset: str | None,
    plan_file: str | None,
    engine: str | None,
    as_json: bool,
) -> int:
    """Find the space in the middle of several scans of one subject.

    No scan is the template, and their order does not matter. DIR gets the transform of each scan, and the average of all in that space. A
    scan that contradicts the others, such as another person's, counts for little and is said. All or nothing.
    """
    plan = _plan(preset, plan_file, engine)
    from volstudio.tasks.group_maps import mean_files

    with progress_on_stderr(quiet=as_json) as progress:
        outcome = mean_files(scans, output, plan=plan, overwrite=overwrite, progress=progress)
    return _told(outcome, outcome.story, as_json=as_json)


def _plan(preset: str | None, plan_file: str | None, engine: str | None) -> RegistrationPlan:
    """The plan that the options ask for."""
    if preset and plan_file:
        raise click.UsageError("A plan file says which preset it begins with; leave --preset out", click.get_current_context())
    from volstudio.registration.plan import DEFAULT, RegistrationPlan, load_plan

    plan = load_plan(Path(plan_file)) if plan_file else RegistrationPlan.named(preset) if preset else DEFAULT
    return plan.with_(refine=engine) if engine else plan


def _told(outcome: ManyOutcome | GroupOutcome, story: tuple[str, ...], *, as_json: bool) -> int:
    """Say what became of it, and the exit code."""
    if as_json:
        click.echo(outcome.as_json())
    else:
        for line in story:
            say(line)
    return 0 if outcome.good else UNTRUSTED
