"""``volstudio shot``: a picture in one command, no window needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from volstudio.apps.terminal import warn_of_changes
from volstudio.apps.values import CONVENTION, FORM, VIEW, Point, Size, as_point, as_size

if TYPE_CHECKING:
    from volstudio.scene.model import Convention, View
    from volstudio.tasks.open import Form

__all__ = ["shot"]

EXAMPLES = """
\b
Examples:
  volstudio shot epi.nii.gz t1.nii.gz -o both.png
  volstudio shot t1.nii.gz -o cut.png --view ortho --at -12,30.5,8 --size 1500
  volstudio shot study.toml -o figure.png --view 3d --size 2400x1800
  volstudio shot sample:t1 sample:stat -o map.png --view axial
"""


@click.command(epilog=EXAMPLES)
@click.argument("inputs", nargs=-1, required=True, metavar="SCENE|FILE...")
@click.option("-o", "--output", required=True, help="Picture to write: .png, .jpg or .tif.")
@click.option("--view", type=VIEW, help="What to show; default: the scene's own view, or quad.")
@click.option("--size", callback=as_size, metavar="WxH", help="Pixels, such as 1200x900; or a width alone.")
@click.option("--at", callback=as_point, metavar="X,Y,Z", help="World point in mm (RAS+) that the slices go through.")
@click.option("--convention", type=CONVENTION, help="Left of the patient on the left, or on the right.")
@click.option("--form", type=FORM, default="auto", show_default=True, help="Which placement of NIfTI files to use; files only.")
@click.option("--follow-paths", is_flag=True, help="Open files that a scene names outside its folder without their digest.")
@click.option("--overwrite", is_flag=True, help="Replace the picture if it is there.")
def shot(
    inputs: tuple[str, ...],
    *,
    output: str,
    view: View | None,
    size: Size | None,
    at: Point | None,
    convention: Convention | None,
    form: Form,
    follow_paths: bool,
    overwrite: bool,
) -> None:
    """Draw scans, or a scene file, into a picture.

    FILEs are arranged by what they are (anatomy below, EPI above, maps on top), so their order does not matter. Slices need no OpenGL;
    3D uses whatever the machine has, a display or not.
    """
    from volstudio.tasks.open import open_scene
    from volstudio.tasks.shots import shot as write_shot

    scene = open_scene(inputs, form=form, follow_paths=follow_paths)
    written = write_shot(scene, output, size=size, view=view, at=at, convention=convention, overwrite=overwrite, protect=inputs)
    click.echo(str(written))
    warn_of_changes(scene)
    if (view or scene.view) == "quad":
        from volstudio.rendering.gl_probe import probe_opengl

        probe = probe_opengl()
        if not probe.ok:
            click.echo(f"volstudio: {probe.sentence}", err=True)
