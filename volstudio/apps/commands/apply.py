"""``volstudio apply``: a transform that is already there, put to use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from volstudio.tasks.save import Interpolation
    from volstudio.transforms.dialect import Direction

__all__ = ["apply"]

INTERPOLATION = click.Choice(["auto", "linear", "nearest", "cubic"])
DIRECTION = click.Choice(["fixed-to-moving", "moving-to-fixed"])

EXAMPLES = """
\b
Examples:
  volstudio apply epi_to_t1.tfm epi.nii.gz --header -o epi_aligned.nii.gz
  volstudio apply epi_to_t1.tfm epi.nii.gz --reference t1.nii.gz -o epi_on_t1.nii.gz
  volstudio apply spm.mat4 epi.nii.gz --direction moving-to-fixed --header -o epi_aligned.nii.gz
"""


@click.command(epilog=EXAMPLES)
@click.argument("transform")
@click.argument("moving")
@click.option("-o", "--output", required=True, help="Volume to write.")
@click.option("--header", is_flag=True, help="Edit the header alone: voxels stay as they are, byte for byte.")
@click.option("--reference", metavar="FIXED", help="Resample onto the grid of this volume.")
@click.option("--interpolation", type=INTERPOLATION, default="auto", show_default=True, help="Auto: nearest for labels, else linear.")
@click.option("--direction", type=DIRECTION, help="What a bare matrix maps, where the file does not say it.")
@click.option("--invert", is_flag=True, help="Take the inverse of what the file says.")
@click.option("--overwrite", is_flag=True, help="Replace the output if it is there.")
def apply(
    transform: str,
    moving: str,
    *,
    output: str,
    header: bool,
    reference: str | None,
    interpolation: Interpolation,
    direction: Direction | None,
    invert: bool,
    overwrite: bool,
) -> None:
    """Put MOVING where TRANSFORM says, by its header or resampled.

    TRANSFORM maps points of the fixed scan to points of the moving scan, as the field's files do. A 4D volume keeps all its time points.
    """
    ctx = click.get_current_context()
    if header == (reference is not None):
        raise click.UsageError("Say either --header (edit the header alone) or --reference FIXED (resample onto its grid)", ctx)
    if header and interpolation != "auto":
        raise click.UsageError("--interpolation belongs to --reference; --header touches no voxel", ctx)
    from volstudio.tasks.save import apply_header, apply_resampled

    if reference is None:
        findings = apply_header(transform, moving, output, direction=direction, invert=invert, overwrite=overwrite)
    else:
        findings = apply_resampled(
            transform,
            moving,
            output,
            reference=reference,
            interpolation=interpolation,
            direction=direction,
            invert=invert,
            overwrite=overwrite,
        )
    click.echo(output)
    for finding in findings:
        click.echo(f"volstudio: {finding.text}", err=True)
