"""``volstudio demo``: a whole session on a built-in sample, in the window or without one."""

from __future__ import annotations

import click

from volstudio.apps.terminal import give_signals_back, progress_on_stderr, say, stop_on_signals

__all__ = ["demo"]

EXAMPLES = """
\b
Examples:
  volstudio demo
  volstudio demo --headless -o out
"""


@click.command(epilog=EXAMPLES)
@click.option("--headless", is_flag=True, help="No window, even where there is a display.")
@click.option("-o", "--output", default="volstudio-demo", show_default=True, metavar="DIR", help="Folder of a headless run.")
@click.option("--overwrite", is_flag=True, help="Replace the results of an earlier run.")
def demo(*, headless: bool, output: str, overwrite: bool) -> int:
    """Put an EPI with a wrong header right, on a built-in sample.

    The anatomy is the MNI 152 head; the EPI is simulated from it, so the truth is known and the answer is told in mm. With a display the
    studio opens; without one the same session runs here and writes pictures, transform, edited header and session file.
    """
    from volstudio.errors import MissingExtraError, OpenGLUnavailableError
    from volstudio.tasks.demo import demo_scene, run_headless

    why = "As asked, no window was opened."
    if not headless:
        scene = demo_scene()
        give_signals_back()
        from volstudio.apps.studio import run

        try:
            return run(scene)
        except (MissingExtraError, OpenGLUnavailableError) as error:
            stop_on_signals()
            why = str(error)
    with progress_on_stderr() as progress:
        outcome = run_headless(output, overwrite=overwrite, progress=progress)
    say(f"{why} The same session ran here without one.")
    for line in outcome.story():
        say(line)
    return 0
