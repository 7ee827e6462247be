"""``volstudio info``: what a file states about itself, and what is odd about it."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import click

from volstudio.apps.terminal import in_one_line
from volstudio.apps.values import FORM

if TYPE_CHECKING:
    from volstudio.tasks.info import Description
    from volstudio.tasks.open import Form

__all__ = ["info"]

EXAMPLES = """
\b
Examples:
  volstudio info epi.nii.gz
  volstudio info t1.nii.gz epi.nii.gz --json
  volstudio info --form q epi.nii.gz          where would the qform put it?
  volstudio info dicom                        which series are in the folder?
  volstudio info dicom#2                      the second of them
"""

MARKS = {"error": ("x", "red"), "warning": ("!", "yellow"), "info": ("-", None)}


@click.command(epilog=EXAMPLES)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable, on stdout.")
@click.option("--form", type=FORM, default="auto", show_default=True, help="Placement of a NIfTI file to use; auto: as the standard says.")
def info(files: tuple[str, ...], *, as_json: bool, form: Form) -> None:
    """Say what is in each FILE, where it lies, and what is odd.

    With several files, also how each relates to the first: how far apart they lie and how much they overlap. Of a folder with several DICOM
    series these are listed. Nothing is written.
    """
    from volstudio.tasks.info import as_text, describe, list_series

    series = {file: list_series(file) for file in dict.fromkeys(files)}
    single = [file for file in files if not series[file]]
    described = describe(single, form=form) if single else ()
    listed = [each for found in series.values() for each in found]
    if as_json:
        click.echo(as_text(described, listed))
        return
    for number, description in enumerate(described):
        if number:
            click.echo()
        _print(description)
    for number, found in enumerate(filter(None, series.values())):
        if number or described:
            click.echo()
        click.echo(f"{len(found)} DICOM series")
        for each in found:
            click.echo(f"  {in_one_line(each.path)}  {in_one_line(each.text)}")


def _print(it: Description) -> None:
    times = f", {it.times} time points" if it.times > 1 else ""
    click.echo(f"{click.style(it.name, bold=True)}  {it.format}  {in_one_line(it.path)}")
    _row("voxels", f"{_by(it.shape)}{times}, {it.dtype}")
    _row("voxel size", f"{_by(it.voxel_sizes_mm, '.4g')} mm")
    _row("axes", f"{it.axis_codes}{'' if it.orientation_known else ' (orientation unknown)'}, {it.tilt}")
    _row("placed by", it.form)
    box = (f"{axis} {low:.1f} to {high:.1f}" for axis, low, high in zip("xyz", *it.bounds_mm, strict=True))
    _row("world box", "   ".join(box) + "   mm, RAS+")
    rows = textwrap.dedent("\n".join("".join(f"{number:12.5g}" for number in row) for row in it.affine)).splitlines()
    for label, row in zip(("affine", "", "", ""), rows, strict=True):
        _row(label, row)
    if it.relation:
        _row("to the first", it.relation)
    for finding in it.findings:
        mark, colour = MARKS[finding.severity]
        _row("findings" if finding is it.findings[0] else "", click.style(f"{mark} {finding.text}", fg=colour))
    if not it.findings:
        _row("findings", "nothing odd")


def _row(label: str, text: str) -> None:
    click.echo(f"  {label:<13}{text}")


def _by(numbers: tuple[float, ...], form: str = "") -> str:
    return " x ".join(f"{number:{form}}" for number in numbers)
