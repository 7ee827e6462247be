"""Write the gallery, its pictures, the README's picture and the golden pictures of the tests anew, from the scene files.

    python docs/make_gallery.py

Look at every picture that changed before it is committed.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
SIZES = {"ortho": "1100", "quad": "1000", "3d": "560"}

HEAD = """\
# Gallery

Every picture is a scene file of [`scenes/`](../scenes), drawn by the line under it from the built-in sample alone: the MNI 152 head, an EPI
simulated from it, and a statistical map. `python docs/make_gallery.py` makes this page.
"""


def main() -> None:
    from volstudio.tasks.open import open_scene

    pages = [HEAD]
    for path in sorted([*(ROOT / "scenes").glob("*.toml"), *(ROOT / "scenes").glob("*.py")]):
        view = open_scene([path]).view
        shot(path, DOCS / "images" / f"{path.stem}.png", SIZES[view])
        title = path.stem.partition("_")[2].replace("_", " ").capitalize()
        line = f"volstudio shot scenes/{path.name} -o {path.stem}.png --size {SIZES[view]}"
        pages.append(f"## {title}\n\n{told(path)}\n\n![{title}](images/{path.stem}.png)\n\n```sh\n{line}\n```\n")
    (DOCS / "gallery.md").write_text("\n".join(pages), encoding="utf-8")
    shot(ROOT / "scenes" / "03_quad.toml", DOCS / "images" / "quad.png", "1200")
    update = {**os.environ, "VOLSTUDIO_UPDATE_GOLDENS": "1"}
    subprocess.run([sys.executable, "-m", "pytest", "-q", str(ROOT / "tests" / "scenes")], env=update, check=True)


def shot(scene: Path, picture: Path, size: str) -> None:
    command = [sys.executable, "-m", "volstudio", "shot", str(scene), "-o", str(picture), "--size", size, "--overwrite"]
    subprocess.run(command, check=True)


def told(path: Path) -> str:
    """What a scene file says of itself in its first lines."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return ast.get_docstring(ast.parse(text)) or ""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").strip())
    return " ".join(lines)


if __name__ == "__main__":
    main()
