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
  volstudio apply epi_to_t1.tfm epi.nii.gz --isotropic 1.5 -o epi_1.5mm.nii.gz
  volstudio apply epi_to_t1.tfm epi.nii.gz --own-grid --background -1000 -o moved.nii.gz
  volstudio apply spm.mat4 epi.nii.gz --direction moving-to-fixed --header -o epi_aligned.nii.gz
"""


@click.command(epilog=EXAMPLES)
@click.argument("transform")
@click.argument("moving")
@click.option("-o", "--output", required=True, help="Volume to write.")
@click.option("--header", is_flag=True, help="Edit the header alone: voxels stay as they are, byte for byte.")
@click.option("--reference", metavar="FIXED", help="Resample onto the grid of this volume.")
@click.option("--own-grid", is_flag=True, help="Resample onto MOVING's own grid, as it lies in the fixed world.")
@click.option("--isotropic", type=float, metavar="MM", help="Resample onto cubes that cover MOVING, and FIXED where it is given.")
@click.option("--background", type=float, help="Value where MOVING has none; default: 0.")
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
    own_grid: bool,
    isotropic: float | None,
    background: float | None,
    interpolation: Interpolation,
    direction: Direction | None,
    invert: bool,
    overwrite: bool,
) -> None:
    """Put MOVING where TRANSFORM says, by its header or resampled.

    TRANSFORM maps points of the fixed scan to points of the moving scan, as the field's files do. A 4D volume keeps all its time points.
    """
    ctx = click.get_current_context()
    resampled = reference is not None or own_grid or isotropic is not None
    if header == resampled:
        raise click.UsageError(
            "Say either --header (edit the header alone), or where to resample: --reference FIXED, --own-grid or --isotropic MM", ctx
        )
    if own_grid and (reference is not None or isotropic is not None):
        raise click.UsageError("--own-grid is a grid of its own; leave --reference and --isotropic out", ctx)
    if header and (interpolation != "auto" or background is not None):
        raise click.UsageError("--interpolation and --background belong to resampling; --header touches no voxel", ctx)
    from volstudio.tasks.save import apply_header, apply_resampled

    if header:
        findings = apply_header(transform, moving, output, direction=direction, invert=invert, overwrite=overwrite)
    else:
        findings = apply_resampled(
            transform,
            moving,
            output,
            reference=reference,
            isotropic_mm=isotropic,
            background=0.0 if background is None else background,
            interpolation=interpolation,
            direction=direction,
            invert=invert,
            overwrite=overwrite,
        )
    click.echo(output)
    for finding in findings:
        click.echo(f"volstudio: {finding.text}", err=True)
