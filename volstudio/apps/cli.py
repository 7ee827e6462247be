"""The command ``volstudio``: the group, and how every command ends.

Only click is imported here; each command imports its rooms when it runs, so that ``--help`` and shell completion answer at once.

Exit codes: 0 done; 3 done, and the result is judged not to be believed; 2 refused with one sentence on stderr and nothing written; 130
stopped by the person; 141 the reader of the output went away; 1 a fault of volstudio itself.
"""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

import click

from volstudio import __version__
from volstudio.apps.commands.apply import apply
from volstudio.apps.commands.completion import completion
from volstudio.apps.commands.convert import convert
from volstudio.apps.commands.demo import demo
from volstudio.apps.commands.group import group
from volstudio.apps.commands.info import info
from volstudio.apps.commands.landmarks import landmarks
from volstudio.apps.commands.register import register
from volstudio.apps.commands.schema import schema
from volstudio.apps.commands.shot import shot
from volstudio.apps.commands.view import view
from volstudio.apps.terminal import speak_any_text, stop_on_signals
from volstudio.errors import Cancelled, VolstudioError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main", "run", "volstudio"]

DONE, FAULT, REFUSED, STOPPED, CUT_SHORT = 0, 1, 2, 130, 141

EPILOG = """
\b
First steps:
  volstudio demo                                       a real session on a built-in sample
  volstudio view epi.nii.gz t1.nii.gz                  the window
  volstudio shot epi.nii.gz t1.nii.gz -o both.png      a picture
  volstudio register t1.nii.gz epi.nii.gz -o aligned   an answer
"""


class Chapters(click.Group):
    """A group that lists its commands in the order of a session, not of the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names in the order they were added."""
        return list(self.commands)


@click.group(
    cls=Chapters, name="volstudio", epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, "-V", "--version", prog_name="volstudio", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show where in the program an error arose.")
def volstudio(*, debug: bool) -> None:
    """Place, look at and rigidly register 3D volumes in world space (mm, RAS+).

    Every volume lies where its own affine puts it, so that scans of one session overlap without resampling. No source file is ever changed.
    """


for command in (demo, view, info, shot, register, group, landmarks, apply, convert, schema, completion):
    volstudio.add_command(command)


def run(arguments: Sequence[str] | None = None) -> int:  # noqa: C901, PLR0911 - one return per way a command can end
    """Run one command line and give its exit code.

    Parameters
    ----------
    arguments : sequence of str or None
        What stands behind ``volstudio``; None: the process's own.

    Returns
    -------
    int
        0 done, 3 done and judged not to be believed, 2 refused, 130 stopped by the person, 141 nobody reads the output any more, 1 a fault
        of volstudio itself.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    try:
        _refuse_empty(words)
        code = volstudio.main(args=words or ["--help"], prog_name="volstudio", standalone_mode=False)
        _flush()
    except click.UsageError as error:
        return _refuse(_usage_sentence(error), debug=debug)
    except (click.Abort, Cancelled, KeyboardInterrupt):
        return _say("Stopped; nothing was changed.", STOPPED, debug=debug)
    except VolstudioError as error:
        return _refuse(str(error), debug=debug)
    except click.ClickException as error:
        return _refuse(error.format_message(), debug=debug)
    except BrokenPipeError:  # whoever reads the output, such as `head`, has enough of it
        return CUT_SHORT
    except SystemExit as ended:
        if ended.code != 1:  # completion has answered
            raise
        return CUT_SHORT  # click's own word for a broken pipe
    except MemoryError:
        return _refuse("There is not enough memory for this; close other programs or give smaller volumes.", debug=debug)
    except OSError as error:
        return _refuse(f"The system refused: {error}.", debug=debug)
    except Exception as error:  # noqa: BLE001 - the last line of defence of a command: a person gets a sentence, --debug shows everything
        sentence = f"volstudio met a fault of its own ({type(error).__name__}: {error}); please report it with the output of the same "
        return _say(sentence + "command after 'volstudio --debug'.", FAULT, debug=debug)
    return code if isinstance(code, int) else DONE


def main() -> None:
    """Entry point of the executable."""
    stop_on_signals()
    speak_any_text()
    try:
        code = run()
    finally:
        for stream in (sys.stdout, sys.stderr):
            _empty(stream)
    sys.exit(code)


def _flush() -> None:
    """What was printed is out, or an error says that it cannot be."""
    if sys.stdout is not None:  # as it is where a shell says >&-
        sys.stdout.flush()


def _empty(stream: TextIO | None) -> None:
    """Leave nothing for Python's own end to print: it ends with code 120, whatever the code was, where it cannot."""
    if stream is None:
        return
    try:
        stream.flush()
    except OSError:  # the stream keeps what it could not write; the person was told, or nobody can be told
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _refuse_empty(words: Sequence[str]) -> None:
    """An empty word is nearly always a variable of a shell that is not set; taken for a path it would mean the present folder."""
    if any(not word.strip() for word in words):
        raise click.UsageError("One of the words of the command is empty; give the name that was meant")


def _refuse(sentence: str, *, debug: bool) -> int:
    return _say(sentence, REFUSED, debug=debug)


def _say(sentence: str, code: int, *, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    with suppress(OSError):  # stderr may be full or gone, and the code still says how it ended
        click.echo(f"volstudio: {' '.join(sentence.split())}", err=True)
    return code


def _usage_sentence(error: click.UsageError) -> str:
    """What is wrong with the command line, and where its help is."""
    path = error.ctx.command_path if error.ctx else "volstudio"
    return f"{error.format_message().rstrip('.')} (see '{path} --help')."
