"""``volstudio schema``: the rules of a scene file, for editors and checkers."""

from __future__ import annotations

import json

import click

__all__ = ["schema"]

EXAMPLES = """
\b
Examples:
  volstudio schema
  volstudio schema -o scene.schema.json
"""


@click.command(epilog=EXAMPLES)
@click.option("-o", "--output", help="File to write; default: stdout.")
@click.option("--overwrite", is_flag=True, help="Replace the file if it is there.")
def schema(*, output: str | None, overwrite: bool) -> None:
    """Print the JSON schema of scene files.

    An editor that is given it completes and checks scene files while they are written.
    """
    from volstudio.scene.files import schema as scene_schema

    text = json.dumps(scene_schema(), indent=2, ensure_ascii=False) + "\n"
    if output is None:
        click.echo(text, nl=False)
        return
    from pathlib import Path

    from volstudio.volumes.atomic import atomic_bytes

    atomic_bytes(Path(output), text.encode(), overwrite=overwrite)
    click.echo(output)
