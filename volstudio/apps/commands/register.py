"""``volstudio register``: where one scan lies on another, and every file that says so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from volstudio.apps.commands.plan_options import CLIMB, FROM_HERE, NO_TRUST, OUTPUT, PRESET, STARTS, Box, planned, refuse_contradictions
from volstudio.apps.terminal import in_one_line, progress_on_stderr, tell

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from volstudio.transforms.dialect import Direction

__all__ = ["UNTRUSTED", "register"]

# Exit code: results are written, and they are judged not to be believed.
UNTRUSTED = 3
DIRECTION = click.Choice(["fixed-to-moving", "moving-to-fixed"])

EXAMPLES = """
\b
Examples:
  volstudio register t1.nii.gz epi.nii.gz -o aligned
  volstudio register t1.nii.gz ct.nii.gz -o aligned --preset ct-to-mr
  volstudio register t1.nii.gz epi.nii.gz -o aligned --start by_hand.tfm --max-shift 10
  volstudio register t1.nii.gz epi.nii.gz --fixed-mask brain.nii.gz --json > answer.json
  volstudio view aligned/scene.toml

Exit code 3: the results are written, and judged not to be believed.
"""


def _complete_start(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001 - click's signature
    """The words, and files."""
    from click.shell_completion import CompletionItem

    return [*(CompletionItem(word) for word in STARTS if word.startswith(incomplete)), CompletionItem(incomplete, type="file")]


@click.command(epilog=EXAMPLES)
@click.argument("fixed")
@click.argument("moving")
@click.option("-o", "--output", metavar="DIR", help="Folder for the results; made if it is not there. Without it the answer is printed.")
@PRESET
@FROM_HERE
@click.option(
    "--start",
    metavar="TRANSFORM|WORD",
    shell_complete=_complete_start,
    help="Stay near this transform (fixed to moving points, any dialect), or begin at: header, centres, moments (middles of the scans, "
    "of the objects, on each other), search. Default: search.",
)
@click.option("--direction", type=DIRECTION, help="What a bare matrix of --start maps, where its file does not say it.")
@click.option("--fixed-mask", metavar="FILE", help="Only what lies in its voxels other than zero counts; in FIXED's world, on any grid.")
@click.option("--moving-mask", metavar="FILE", help="The same of MOVING, in MOVING's world.")
@click.option("--roi", type=Box(), help="A box as mask of FIXED: two corners in mm, in FIXED's world (RAS+).")
@click.option("--moving-roi", type=Box(), help="A box as mask of MOVING, in MOVING's world.")
@CLIMB
@NO_TRUST
@OUTPUT
def register(
    fixed: str,
    moving: str,
    *,
    output: str | None,
    start: str | None,
    direction: Direction | None,
    plan_file: str | None,
    no_trust: bool,
    as_json: bool,
    overwrite: bool,
    **wishes: Any,  # noqa: ANN401 - the options that make a plan, as click parses them
) -> int:
    """Find the rigid move that puts MOVING onto FIXED.

    DIR gets the transform (ITK text and a plain 4 x 4), MOVING with an edited header (voxels untouched), pictures before and after, a scene
    file to look at it, and a JSON file that says how it was made. All or nothing: an interrupted run leaves DIR as it was.
    """
    _refuse(
        click.get_current_context(), output=output, start=start, direction=direction, plan_file=plan_file, overwrite=overwrite, **wishes
    )
    plan = planned(plan_file=plan_file, start=start if start is None or start in STARTS else "given", **wishes)
    from volstudio.tasks.pair import register_pair

    with progress_on_stderr(quiet=as_json) as progress:
        outcome = register_pair(
            fixed,
            moving,
            output,
            plan=plan,
            plan_file=plan_file,
            start=None if start in STARTS else start,
            direction=direction,
            judge=not no_trust,
            overwrite=overwrite,
            progress=progress,
        )
    tell(outcome, as_json=as_json)
    if outcome.failed and outcome.result.trust is not None:
        reasons = in_one_line("; ".join(outcome.result.trust.reasons))
        click.echo(f"volstudio: Do not believe this result unseen: {reasons}.", err=True)
        return UNTRUSTED
    return 0


def _refuse(
    ctx: click.Context,
    *,
    start: str | None,
    direction: Direction | None,
    output: str | None,
    overwrite: bool,
    **said: Any,  # noqa: ANN401 - options of different types
) -> None:
    """Options that cannot both be meant, and words that are none, are one sentence."""
    refuse_contradictions(ctx, start=start, **said)
    if direction and (start is None or start in STARTS):
        raise click.UsageError("--direction is about the transform of --start, and there is none", ctx)
    if overwrite and not output:
        raise click.UsageError("--overwrite is about files, and without --output none is written", ctx)
    if start is not None and start not in STARTS:
        _refuse_misspelt(start)


def _refuse_misspelt(start: str) -> None:
    """A word that is none and no file either is most likely a slip."""
    from difflib import get_close_matches

    near = get_close_matches(start, STARTS, n=1, cutoff=0.7)
    if near and not Path(start).exists():
        raise click.BadParameter(f"there is no file {start!r}; did you mean {near[0]!r}?", param_hint="--start")
