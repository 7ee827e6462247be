"""``volstudio view``: the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from volstudio.apps.terminal import give_signals_back, warn_of_changes
from volstudio.apps.values import FORM

if TYPE_CHECKING:
    from volstudio.tasks.open import Form

__all__ = ["view"]

EXAMPLES = """
\b
Examples:
  volstudio view epi.nii.gz t1.nii.gz
  volstudio view study.toml
"""


@click.command(epilog=EXAMPLES)
@click.argument("inputs", nargs=-1, metavar="[SCENE|FILE]...")
@click.option("--form", type=FORM, default="auto", show_default=True, help="Which placement of NIfTI files to use.")
@click.option("--follow-paths", is_flag=True, help="Open files that a scene names outside its folder without their digest.")
def view(inputs: tuple[str, ...], *, form: Form, follow_paths: bool) -> int:
    """Open the studio: three linked slices and a true 3D view.

    Without arguments it opens empty, or offers the session of a window that was killed. Of a folder with several DICOM series it asks which
    to open. Press ? in it for all keys.
    """
    give_signals_back()
    from volstudio.apps.studio import run
    from volstudio.tasks.open import open_scene, series_in

    if not inputs:
        return run(None)
    several = [name for name in inputs if len(series_in(name)) > 1]
    scene = open_scene([name for name in inputs if name not in several], form=form, follow_paths=follow_paths)
    warn_of_changes(scene)
    # *Save* goes back to the file that was opened, where it is one and alone.
    saved_in = inputs[0] if len(inputs) == 1 and inputs[0].lower().endswith((".toml", ".json")) else None
    return run(scene, session_path=saved_in, folders=several)
