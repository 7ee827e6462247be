"""The options that make a registration plan, for every command that registers: declared once, and turned into a plan in one place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.shell_completion import CompletionItem

    from volstudio.registration.plan import RegistrationPlan

    Command = Callable[..., Any]
    Decorator = Callable[[Command], Command]

__all__ = [
    "CLIMB",
    "FROM_HERE",
    "NO_TRUST",
    "OUTPUT",
    "PRESET",
    "STARTS",
    "Box",
    "complete_preset",
    "planned",
    "refuse_contradictions",
    "together",
]

STARTS = ("header", "centres", "moments", "search")
METRICS = ("mi", "nmi", "ncc", "mse")


class Box(click.ParamType):  # type: ignore[type-arg]  # generic for mypy since click 8.3, and not before
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


def complete_preset(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001 - click's signature
    """Names of presets, each with what it is for; a number and a sign of equality may stand before."""
    from click.shell_completion import CompletionItem

    from volstudio.registration.presets import PRESETS

    before, sign, word = incomplete.rpartition("=")
    return [CompletionItem(before + sign + name, help=preset.words) for name, preset in PRESETS.items() if name.startswith(word)]


def together(*options: Decorator) -> Decorator:
    """Several options as one, in this order in the help."""

    def declare(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return declare


PRESET = together(
    click.option("--preset", metavar="NAME", shell_complete=complete_preset, help="A plan for a kind of pair, such as ct-to-mr."),
    click.option("--plan", "plan_file", metavar="FILE", help="A plan in TOML or JSON; other options overrule it."),
)
FROM_HERE = click.option("--from-here", is_flag=True, help="Stay near the headers (or the start that is given): climb, never search.")
NO_TRUST = click.option("--no-trust", is_flag=True, help="Do not judge the result; saves up to a third of the time.")
CLIMB = together(
    click.option("--max-turn", type=float, metavar="DEG", help="Largest turn from the start or the headers, degrees."),
    click.option("--max-shift", type=float, metavar="MM", help="Farthest way of the object's middle from there, mm."),
    click.option("--metric", type=click.Choice(METRICS), help="What is climbed: mi (default), nmi, or for one contrast ncc, mse."),
    click.option("--engine", type=click.Choice(["simpleitk", "builtin"]), help="Who climbs to the end. Default: simpleitk."),
    click.option("--time", metavar="N|mean", help="Time point of a 4D scan, from 0, or the mean of all. Default: the first."),
)
OUTPUT = together(
    click.option("--json", "as_json", is_flag=True, help="The numbers on stdout for a machine; nothing else."),
    click.option("--overwrite", is_flag=True, help="Replace results that are there."),
)


def refuse_contradictions(ctx: click.Context, **said: Any) -> None:  # noqa: ANN401 - options of different types
    """Options that cannot both be meant are one sentence; a command may lack some of them."""
    if said["preset"] and said["plan_file"]:
        raise click.UsageError('Say either --preset or --plan; a plan file can begin from a preset by its key "preset"', ctx)
    if said["from_here"] and said["start"] in {"search", "centres", "moments"}:
        raise click.UsageError(
            f"--from-here stays where the scans lie, and --start {said['start']} leaves that; leave one of them out", ctx
        )
    for mask, box in (("fixed_mask", "roi"), ("moving_mask", "moving_roi")):
        if said.get(mask) and said.get(box):
            raise click.UsageError(
                f"--{mask.replace('_', '-')} and --{box.replace('_', '-')} mask the same scan; leave one of them out", ctx
            )
    if said["metric"] == "nmi" and said["engine"] == "simpleitk":
        raise click.UsageError("SimpleITK has no normalised mutual information; say --engine builtin, or --metric mi", ctx)


def planned(
    *,
    plan_file: str | None,
    preset: str | None,
    from_here: bool,
    start: str | None,
    **said: Any,  # noqa: ANN401 - options of different types, which not every command has
) -> RegistrationPlan:
    """The plan of a file or a preset, with what was said on the command line over it.

    Parameters
    ----------
    plan_file, preset
        At most one of them.
    from_here : bool
    start : one of STARTS, "given" or None
    **said
        The options of `CLIMB`; where a command has them, ``fixed_mask`` and ``moving_mask`` (files), ``roi`` and ``moving_roi`` (boxes).
    """
    from volstudio.registration.plan import DEFAULT, Mask, RegistrationPlan, load_plan

    plan = load_plan(Path(plan_file)) if plan_file else RegistrationPlan.named(preset) if preset else DEFAULT
    changes: dict[str, Any] = {"metric": said["metric"], "refine": said["engine"], "start": start or ("given" if from_here else None)}
    changes |= {"max_turn_deg": said["max_turn"], "max_shift_mm": said["max_shift"], "time": _time(said["time"])}
    for role, box in (("fixed_mask", said.get("roi")), ("moving_mask", said.get("moving_roi"))):
        changes[role] = Mask(file=said[role]) if said.get(role) else Mask(box_mm=box) if box else None
    return plan.with_(**{name: value for name, value in changes.items() if value is not None})


def _time(text: str | None) -> str | int | None:
    """A time point, or the word for all of them."""
    if text is None or text in {"first", "mean"}:
        return text
    if not text.isdecimal():
        raise click.BadParameter(f"{text!r} is no time point; give a number from 0, or mean", param_hint="--time")
    return int(text)
