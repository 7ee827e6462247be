"""``volstudio register``: where one scan lies on another, and every file that says so."""

from __future__ import annotations

import click

from volstudio.apps.terminal import progress_on_stderr, say

__all__ = ["register"]

EXAMPLES = """
\b
Examples:
  volstudio register t1.nii.gz epi.nii.gz -o aligned
  volstudio register t1.nii.gz epi.nii.gz -o aligned --start by_hand.tfm --json
  volstudio view aligned/scene.toml
"""


@click.command(epilog=EXAMPLES)
@click.argument("fixed")
@click.argument("moving")
@click.option("-o", "--output", required=True, metavar="DIR", help="Folder for the results; made if it is not there.")
@click.option("--start", metavar="TRANSFORM", help="Stay near this (fixed to moving points); default: search from anywhere.")
@click.option("--json", "as_json", is_flag=True, help="The numbers on stdout for a machine; nothing else.")
@click.option("--overwrite", is_flag=True, help="Replace results that are there.")
def register(fixed: str, moving: str, *, output: str, start: str | None, as_json: bool, overwrite: bool) -> None:
    """Find the rigid move that puts MOVING onto FIXED.

    DIR gets the transform (ITK text and a plain 4 x 4), MOVING with an edited header (voxels untouched), pictures before and after, a scene
    file to look at it, and a JSON file that says how it was made. All or nothing: an interrupted run leaves DIR as it was.
    """
    from volstudio.tasks.pair import register_pair

    with progress_on_stderr(quiet=as_json) as progress:
        outcome = register_pair(fixed, moving, output, start=start, overwrite=overwrite, progress=progress)
    if as_json:
        click.echo(outcome.as_json())
        return
    for line in outcome.story():
        say(line)
