"""``volstudio convert``: a transform for another program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from volstudio.apps.values import FORM

if TYPE_CHECKING:
    from volstudio.tasks.open import Form
    from volstudio.transforms.dialect import Direction

__all__ = ["convert"]

# As in transforms.files.DIALECTS, which a test holds against this list: the command line is read before the rooms are imported.
DIALECT = click.Choice(["itk", "itk-mat", "itk-h5", "x5", "lta", "register.dat", "npy", "plain", "fsl", "afni", "mrtrix", "c3d"])
DIRECTION = click.Choice(["fixed-to-moving", "moving-to-fixed"])

EXAMPLES = """
\b
Examples:
  volstudio convert epi_to_t1.tfm epi_to_t1.x5
  volstudio convert flirt.mat out.lta --fixed t1.nii.gz --moving epi.nii.gz
  volstudio convert t1_to_mni.tfm epi_to_t1.tfm epi_to_mni.tfm
  volstudio convert spm.txt out.tfm --from plain --direction moving-to-fixed
"""


@click.command(epilog=EXAMPLES)
@click.argument("paths", nargs=-1, required=True, metavar="IN [THEN...] OUT")
@click.option("--fixed", metavar="FILE", help="The fixed (reference) image of IN.")
@click.option("--moving", metavar="FILE", help="The moving image of the last input.")
@click.option("--via", multiple=True, metavar="FILE", help="Image between IN and THEN; once for each THEN.")
@click.option("--invert", is_flag=True, help="Write the inverse; --moving is then the fixed image of OUT.")
@click.option("--direction", type=DIRECTION, help="What a bare matrix maps, where its file does not say it.")
@click.option("--write-direction", type=DIRECTION, help="What a bare matrix as OUT shall map.")
@click.option("--from", "dialects", multiple=True, type=DIALECT, help="Dialect of the inputs; default: by content and name.")
@click.option("--to", type=DIALECT, help="Dialect of OUT; default: by the end of its name.")
@click.option("--form", type=FORM, default="auto", show_default=True, help="Which placement of NIfTI images to use.")
@click.option("--overwrite", is_flag=True, help="Replace OUT if it is there.")
def convert(
    paths: tuple[str, ...],
    *,
    fixed: str | None,
    moving: str | None,
    via: tuple[str, ...],
    invert: bool,
    direction: Direction | None,
    write_direction: Direction | None,
    dialects: tuple[str, ...],
    to: str | None,
    form: Form,
    overwrite: bool,
) -> None:
    """Write a transform for another program, or several as one.

    Several are given in the order in which a point of the fixed image passes through them: IN maps it to the image between, THEN from there
    to the moving image. The end of OUT's name chooses its dialect. Scale and shear are kept and said.
    """
    if len(paths) < 2:
        raise click.UsageError("Name the transform to read and the file to write", click.get_current_context())
    from volstudio.tasks.convert import convert as write_converted

    done = write_converted(
        paths[:-1],
        paths[-1],
        fixed=fixed,
        moving=moving,
        via=via,
        invert=invert,
        direction=direction,
        write_direction=write_direction,
        dialects=dialects,
        to=to,
        form=form,
        overwrite=overwrite,
    )
    click.echo(paths[-1])
    for note in done.notes:
        click.echo(f"volstudio: {note}", err=True)
