"""``volstudio completion``: the Tab key of a shell."""

from __future__ import annotations

import click

__all__ = ["completion"]

EXAMPLES = """
\b
Examples:
  volstudio completion bash >> ~/.bashrc
  volstudio completion zsh >> ~/.zshrc
  volstudio completion fish > ~/.config/fish/completions/volstudio.fish
"""

WHERE = {"bash": "~/.bashrc", "zsh": "~/.zshrc", "fish": "~/.config/fish/completions/volstudio.fish"}


@click.command(epilog=EXAMPLES)
@click.argument("shell", type=click.Choice(list(WHERE)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what teaches a shell to complete commands with Tab."""
    from click.shell_completion import get_completion_class

    how = get_completion_class(shell)
    if how is None:
        raise click.UsageError(f"click knows no completion for {shell}", ctx)
    root = ctx.find_root()
    # The script's text alone: click's own `source` also starts the shell to ask its version, and it need not be installed here.
    script = how(root.command, {}, "volstudio", "_VOLSTUDIO_COMPLETE")
    click.echo(script.source_template % script.source_vars())
