"""The command line as a person meets it: help, versions, completion, how commands end."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

import click
import pytest

import volstudio
from volstudio.apps import cli, values
from volstudio.apps.commands.apply import DIRECTION, INTERPOLATION
from volstudio.errors import Cancelled, RegistrationError
from volstudio.scene.model import Convention, View
from volstudio.tasks.apply import Choice
from volstudio.tasks.open import Form
from volstudio.transforms.dialect import Direction

COMMANDS = ("demo", "view", "info", "shot", "register", "apply", "convert", "schema", "completion")


@pytest.fixture
def command(monkeypatch):
    """A command ``volstudio test`` that does what the test says."""

    def install(body):
        @click.command()
        def test() -> None:
            body()

        monkeypatch.setitem(cli.volstudio.commands, "test", test)

    return install


def raise_(error):
    raise error


def test_version(capsys):
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out == f"volstudio {volstudio.__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_examples(name, capsys):
    assert cli.run([name, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"volstudio {name}" in text
    assert "Examples:" in text
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize(
    ("choice", "words"),
    [(values.VIEW, View), (values.CONVENTION, Convention), (values.FORM, Form), (INTERPOLATION, Choice), (DIRECTION, Direction)],
)
def test_the_words_of_an_option_are_those_that_the_rooms_know(choice, words):
    # The command line is read before the rooms are imported, so it says them again.
    assert set(choice.choices) == set(get_args(words))


def test_help_lists_the_commands_in_the_order_of_a_session(capsys):
    assert cli.run([]) == 0
    text = capsys.readouterr().out
    places = [text.index(f"\n  {name} ") for name in COMMANDS]
    assert places == sorted(places)
    assert "..." not in text.partition("Commands:")[2], "a summary is cut off"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_name_the_program(shell, capsys):
    assert cli.run(["completion", shell]) == 0
    text = capsys.readouterr().out
    assert f"_VOLSTUDIO_COMPLETE={shell}_complete" in text


def test_completion_offers_commands(monkeypatch, capsys):
    monkeypatch.setenv("_VOLSTUDIO_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "volstudio re")
    monkeypatch.setenv("COMP_CWORD", "1")
    with pytest.raises(SystemExit) as end:
        cli.run(["re"])
    assert end.value.code == 0
    assert capsys.readouterr().out.split() == ["plain,register"]


@pytest.mark.parametrize(
    ("error", "code", "word"),
    [
        (RegistrationError("The two do not overlap."), 2, "volstudio: The two do not overlap.\n"),
        (Cancelled("Cancelled while climbing; nothing was changed."), 130, "Stopped"),
        (KeyboardInterrupt(), 130, "Stopped"),
        (MemoryError(), 2, "memory"),
        (OSError(28, "No space left on device"), 2, "No space left"),
        (ZeroDivisionError("division by zero"), 1, "fault of its own"),
    ],
)
def test_how_a_command_ends(command, capsys, error, code, word):
    command(lambda: raise_(error))
    assert cli.run(["test"]) == code
    told = capsys.readouterr()
    assert word in told.err
    assert told.err.strip().count("\n") == 0
    assert "Traceback" not in told.err


def test_debug_shows_where_it_happened(command, capsys):
    command(lambda: raise_(ZeroDivisionError("division by zero")))
    assert cli.run(["--debug", "test"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_message_of_several_lines_is_told_in_one(command, capsys):
    command(lambda: raise_(RegistrationError("One.\n   Two.")))
    cli.run(["test"])
    assert capsys.readouterr().err == "volstudio: One. Two.\n"


def test_the_command_line_starts_nothing_heavy():
    heavy = ("numpy", "nibabel", "vtk", "vtkmodules", "pyvista", "SimpleITK", "scipy", "PySide6", "msgspec", "rich")
    script = (
        "import sys; from volstudio.apps import cli\n"
        "for words in ([], ['shot', '--help'], ['completion', 'bash'], ['shot']): cli.run(words)\n"
        f"print('HEAVY', *(name for name in {heavy!r} if name in sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1].split() == ["HEAVY"]
