"""``volstudio register``: where one scan lies on another, and every file that says so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from volstudio.apps.terminal import in_one_line, progress_on_stderr, say

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from volstudio.registration.plan import RegistrationPlan
    from volstudio.transforms.dialect import Direction

__all__ = ["UNTRUSTED", "register"]

# Exit code: results are written, and they are judged not to be believed.
UNTRUSTED = 3
STARTS = ("header", "centres", "moments", "search")
DIRECTION = click.Choice(["fixed-to-moving", "moving-to-fixed"])
METRICS = ("mi", "nmi", "ncc", "mse")

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


class _Box(click.ParamType):  # type: ignore[type-arg]  # generic for mypy since click 8.3, and not before
    """Two opposite corners of a box: six numbers."""

    name = "x,y,z,x,y,z"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 - click's signature
        """Corners as two points."""
        try:
            numbers = tuple(float(number) for number in value.split(","))
        except ValueError:
            numbers = ()
        if len(numbers) != 6:
            self.fail(f"{value!r} is no box; give two opposite corners in mm, such as -60,-80,-40,60,80,90", param, ctx)
        return numbers[:3], numbers[3:]


def _complete_preset(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001 - click's signature
    """Names of presets, each with what it is for."""
    from click.shell_completion import CompletionItem

    from volstudio.registration.presets import PRESETS

    return [CompletionItem(name, help=preset.words) for name, preset in PRESETS.items() if name.startswith(incomplete)]


def _complete_start(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001 - click's signature
    """The words, and files."""
    from click.shell_completion import CompletionItem

    return [*(CompletionItem(word) for word in STARTS if word.startswith(incomplete)), CompletionItem(incomplete, type="file")]


@click.command(epilog=EXAMPLES)
@click.argument("fixed")
@click.argument("moving")
@click.option("-o", "--output", metavar="DIR", help="Folder for the results; made if it is not there. Without it the answer is printed.")
@click.option("--preset", metavar="NAME", shell_complete=_complete_preset, help="A plan for a kind of pair, such as ct-to-mr.")
@click.option("--plan", "plan_file", metavar="FILE", help="A plan in TOML or JSON; other options overrule it.")
@click.option("--from-here", is_flag=True, help="Stay near the headers (or the start that is given): climb, never search.")
@click.option(
    "--start",
    metavar="TRANSFORM|WORD",
    shell_complete=_complete_start,
    help="Stay near this transform (fixed to moving points, any dialect), or begin at: header, centres, moments (middles of the scans, "
    "of the objects, on each other), search. Default: search.",
)
@click.option("--direction", type=DIRECTION, help="What a bare matrix of --start maps, where its file does not say it.")
@click.option("--max-turn", type=float, metavar="DEG", help="Largest turn from the start or the headers, degrees.")
@click.option("--max-shift", type=float, metavar="MM", help="Farthest way of the object's middle from there, mm.")
@click.option("--fixed-mask", metavar="FILE", help="Only what lies in its voxels other than zero counts; in FIXED's world, on any grid.")
@click.option("--moving-mask", metavar="FILE", help="The same of MOVING, in MOVING's world.")
@click.option("--roi", type=_Box(), help="A box as mask of FIXED: two corners in mm, in FIXED's world (RAS+).")
@click.option("--moving-roi", type=_Box(), help="A box as mask of MOVING, in MOVING's world.")
@click.option("--metric", type=click.Choice(METRICS), help="What is climbed: mi (default), nmi, or for one contrast ncc, mse.")
@click.option("--engine", type=click.Choice(["simpleitk", "builtin"]), help="Who climbs to the end. Default: simpleitk.")
@click.option("--time", metavar="N|mean", help="Time point of a 4D scan, from 0, or the mean of all. Default: the first.")
@click.option("--no-trust", is_flag=True, help="Do not judge the result; saves up to a third of the time.")
@click.option("--json", "as_json", is_flag=True, help="The numbers on stdout for a machine; nothing else.")
@click.option("--overwrite", is_flag=True, help="Replace results that are there.")
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
    _refuse_contradictions(
        click.get_current_context(), output=output, start=start, direction=direction, plan_file=plan_file, overwrite=overwrite, **wishes
    )
    plan = _plan(plan_file=plan_file, start=start, **wishes)
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
    if as_json:
        click.echo(outcome.as_json())
    else:
        for line in outcome.story():
            say(line)
    if outcome.failed and outcome.result.trust is not None:
        reasons = in_one_line("; ".join(outcome.result.trust.reasons))
        click.echo(f"volstudio: Do not believe this result unseen: {reasons}.", err=True)
        return UNTRUSTED
    return 0


def _refuse_contradictions(ctx: click.Context, **said: Any) -> None:  # noqa: ANN401 - options of different types
    """Options that cannot both be meant are one sentence."""
    if said["preset"] and said["plan_file"]:
        raise click.UsageError('Say either --preset or --plan; a plan file can begin from a preset by its key "preset"', ctx)
    if said["from_here"] and said["start"] in {"search", "centres", "moments"}:
        raise click.UsageError(
            f"--from-here stays where the scans lie, and --start {said['start']} leaves that; leave one of them out", ctx
        )
    for mask, box in (("fixed_mask", "roi"), ("moving_mask", "moving_roi")):
        if said[mask] and said[box]:
            raise click.UsageError(
                f"--{mask.replace('_', '-')} and --{box.replace('_', '-')} mask the same scan; leave one of them out", ctx
            )
    if said["metric"] == "nmi" and said["engine"] == "simpleitk":
        raise click.UsageError("SimpleITK has no normalised mutual information; say --engine builtin, or --metric mi", ctx)
    if said["direction"] and (said["start"] is None or said["start"] in STARTS):
        raise click.UsageError("--direction is about the transform of --start, and there is none", ctx)
    if said["overwrite"] and not said["output"]:
        raise click.UsageError("--overwrite is about files, and without --output none is written", ctx)


def _plan(*, plan_file: str | None, preset: str | None, start: str | None, from_here: bool, **said: Any) -> RegistrationPlan:  # noqa: ANN401
    """The plan of a file or a preset, with what was said on the command line over it."""
    from volstudio.registration.plan import DEFAULT, Mask, RegistrationPlan, load_plan

    plan = load_plan(Path(plan_file)) if plan_file else RegistrationPlan.named(preset) if preset else DEFAULT
    changes: dict[str, Any] = {"metric": said["metric"], "refine": said["engine"]}
    changes |= {"max_turn_deg": said["max_turn"], "max_shift_mm": said["max_shift"], "time": _time(said["time"])}
    for role, box in (("fixed_mask", said["roi"]), ("moving_mask", said["moving_roi"])):
        changes[role] = Mask(file=said[role]) if said[role] else Mask(box_mm=box) if box else None
    if start in STARTS:
        changes["start"] = start
    elif start is not None:
        _refuse_misspelt(start)
        changes["start"] = "given"
    elif from_here:
        changes["start"] = "given"
    return plan.with_(**{name: value for name, value in changes.items() if value is not None})


def _time(text: str | None) -> str | int | None:
    """A time point, or the word for all of them."""
    if text is None or text in {"first", "mean"}:
        return text
    if not text.isdecimal():
        raise click.BadParameter(f"{text!r} is no time point; give a number from 0, or mean", param_hint="--time")
    return int(text)


def _refuse_misspelt(start: str) -> None:
    """A word that is none and no file either is most likely a slip."""
    from difflib import get_close_matches

    near = get_close_matches(start, STARTS, n=1, cutoff=0.7)
    if near and not Path(start).exists():
        raise click.BadParameter(f"there is no file {start!r}; did you mean {near[0]!r}?", param_hint="--start")
