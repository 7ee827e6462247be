"""``volstudio apply``: a transform that is already there, put to use."""

from __future__ import annotations

import click

__all__ = ["apply"]

EXAMPLES = """
\b
Examples:
  volstudio apply epi_to_t1.tfm epi.nii.gz --header -o epi_aligned.nii.gz
  volstudio apply epi_to_t1.tfm epi.nii.gz --reference t1.nii.gz -o epi_on_t1.nii.gz
"""

INTERPOLATION = click.Choice(["auto", "linear", "nearest", "cubic"])


@click.command(epilog=EXAMPLES)
@click.argument("transform")
@click.argument("moving")
@click.option("-o", "--output", required=True, help="Volume to write.")
@click.option("--header", is_flag=True, help="Edit the header alone: voxels stay as they are, byte for byte.")
@click.option("--reference", metavar="FIXED", help="Resample onto the grid of this volume.")
@click.option(
    "--interpolation",
    type=INTERPOLATION,
    default="auto",
    show_default=True,
    help="Auto: nearest for labels, else linear.",
)
@click.option("--invert", is_flag=True, help="The file maps moving points to fixed points; take its inverse.")
@click.option("--overwrite", is_flag=True, help="Replace the output if it is there.")
def apply(
    transform: str, moving: str, *, output: str, header: bool, reference: str | None, interpolation: str, invert: bool, overwrite: bool
) -> None:
    """Put MOVING where TRANSFORM says, by its header or resampled.

    TRANSFORM maps points of the fixed scan to points of the moving scan, as the field's files do. A 4D volume keeps all its time points.
    """
    from volstudio.tasks.save import apply_header, apply_resampled

    ctx = click.get_current_context()
    if header == (reference is not None):
        raise click.UsageError("Say either --header (edit the header alone) or --reference FIXED (resample onto its grid)", ctx)
    if header and interpolation != "auto":
        raise click.UsageError("--interpolation belongs to --reference; --header touches no voxel", ctx)
    if reference is None:
        findings = apply_header(transform, moving, output, invert=invert, overwrite=overwrite)
    else:
        how = {"interpolation": interpolation, "invert": invert, "overwrite": overwrite}
        findings = apply_resampled(transform, moving, output, reference=reference, **how)
    click.echo(output)
    for finding in findings:
        click.echo(f"volstudio: {finding.text}", err=True)
