"""``volstudio apply``: a transform that is already there, put to use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from volstudio.apps.commands.convert import DIALECT, DIRECTION
from volstudio.apps.terminal import progress_on_stderr
from volstudio.apps.values import FORM

if TYPE_CHECKING:
    from volstudio.tasks.apply import Choice
    from volstudio.tasks.open import Form
    from volstudio.transforms.dialect import Direction

__all__ = ["apply"]

INTERPOLATION = click.Choice(["auto", "linear", "nearest", "cubic", "sinc"])

EXAMPLES = """
\b
Examples:
  volstudio apply epi_to_t1.tfm epi.nii.gz --header -o epi_aligned.nii.gz
  volstudio apply epi_to_t1.tfm mean.nii.gz bold.nii.gz mask.nii.gz --header -o aligned
  volstudio apply epi_to_t1.tfm epi.nii.gz --reference t1.nii.gz -o epi_on_t1.nii.gz
  volstudio apply epi_to_t1.tfm epi.nii.gz --isotropic 1.5 --interpolation sinc -o fine.nii.gz
  volstudio apply epi_to_t1.tfm epi.nii.gz --own-grid --background -1000 -o moved.nii.gz
  volstudio apply flirt.mat epi.nii.gz --fixed t1.nii.gz --header -o epi_aligned.nii.gz
  volstudio apply spm.mat4 epi.nii.gz --direction moving-to-fixed --header -o epi_aligned.nii.gz
"""


@click.command(epilog=EXAMPLES)
@click.argument("transform")
@click.argument("moving", nargs=-1, required=True, metavar="MOVING...")
@click.option("-o", "--output", required=True, help="Volume to write; for several MOVING the folder, where each keeps its name.")
@click.option("--header", is_flag=True, help="Edit the header alone: voxels stay as they are, byte for byte.")
@click.option("--reference", metavar="FIXED", help="Resample onto the grid of this volume.")
@click.option("--own-grid", is_flag=True, help="Resample onto MOVING's own grid, as it lies in the fixed world.")
@click.option("--isotropic", type=float, metavar="MM", help="Resample onto cubes that cover MOVING, and FIXED where it is given.")
@click.option("--background", type=float, help="Value where MOVING has none; default: 0.")
@click.option("--interpolation", type=INTERPOLATION, default="auto", show_default=True, help="Auto: nearest for labels, else linear.")
@click.option("--fixed", metavar="FILE", help="The fixed image, for transforms that count in its voxels; default: --reference.")
@click.option("--direction", type=DIRECTION, help="What a bare matrix maps, where the file does not say it.")
@click.option("--from", "dialect", type=DIALECT, help="Dialect of TRANSFORM; default: by content and name.")
@click.option("--invert", is_flag=True, help="Take the inverse of what the file says.")
@click.option("--form", type=FORM, default="auto", show_default=True, help="Which placement of NIfTI images to use.")
@click.option("--overwrite", is_flag=True, help="Replace the output if it is there.")
def apply(
    transform: str,
    moving: tuple[str, ...],
    *,
    output: str,
    header: bool,
    reference: str | None,
    own_grid: bool,
    isotropic: float | None,
    background: float | None,
    interpolation: Choice,
    fixed: str | None,
    direction: Direction | None,
    dialect: str | None,
    invert: bool,
    form: Form,
    overwrite: bool,
) -> None:
    """Put MOVING where TRANSFORM says, by its header or resampled.

    TRANSFORM maps points of the fixed scan to points of the moving scan, as the field's files do. A 4D volume keeps all its time points.
    Several MOVING that share the space of the first are moved with it: all are written, or none.
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
    if fixed is not None and reference is not None:
        raise click.UsageError("--reference is the fixed image; leave --fixed out", ctx)
    from volstudio.tasks.apply import Onto, Reading, apply_header, apply_resampled

    reading = Reading(fixed, direction, dialect, invert, form)
    if header:
        written = apply_header(transform, moving, output, reading=reading, overwrite=overwrite)
    else:
        onto = Onto(reference, isotropic, interpolation, 0.0 if background is None else background)
        with progress_on_stderr() as progress:
            written = apply_resampled(transform, moving, output, onto=onto, reading=reading, overwrite=overwrite, progress=progress)
    for file in written:
        click.echo(file.path)
        for finding in file.findings:
            click.echo(f"volstudio: {finding.text}", err=True)
