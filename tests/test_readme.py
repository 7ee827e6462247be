"""What the README and the pages promise is run as it stands: every command, every Python block, every scene."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from volstudio.rendering.gl_probe import APT_LINE, probe_opengl
from volstudio.scene.model import Landmark, Layer, Look, Scene
from volstudio.tasks.open import open_scene
from volstudio.tasks.shots import render
from volstudio.volumes.samples import sample_path

ROOT = Path(__file__).resolve().parents[1]
# Installing and testing are run by .ci/run on a fresh machine; here they would install and test themselves.
FOR_CI = ("python -m pip install ", "python -m pytest", "apt-get install ")


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(page: str) -> list[str]:
    lines = [line for block in blocks(page, "sh") for line in block.splitlines() if line.strip()]
    return [line for line in lines if not line.startswith(FOR_CI)]


@pytest.fixture
def desk(tmp_path) -> Path:
    shutil.copy(sample_path("t1"), tmp_path / "t1.nii.gz")
    # The page says .nii.gz; what a file is, is told by its content.
    shutil.copy(sample_path("epi"), tmp_path / "epi.nii.gz")
    return tmp_path


def run(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    plain = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return subprocess.run([sys.executable, *words], cwd=folder, env=plain, capture_output=True, text=True, check=False, timeout=240)


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "docs/command_line.md", "docs/transforms.md"])
def test_every_command_of_a_page_runs_in_the_order_of_the_page(page, desk):
    lines = commands(page)
    assert len(lines) >= 5
    for line in lines:
        words = shlex.split(line)
        assert words[0] == "volstudio", f"{page} holds a command that no test can run: {line}"
        done = run(["-m", *words], desk)
        if words[1] == "view":
            assert (done.returncode, done.stderr.count("\n")) == (2, 1), done
            assert "display" in done.stderr.lower()
        else:
            assert done.returncode == 0, (line, done.stderr)
        if "-o" in words:
            assert (desk / words[words.index("-o") + 1]).exists(), line


@pytest.mark.slow
def test_the_demo_command_of_the_readme_leaves_its_folder(desk):
    assert "volstudio demo" in commands("README.md")
    done = run(["-m", "volstudio", "demo"], desk)
    assert done.returncode == 0, done.stderr
    assert "mm off" in done.stdout
    assert (desk / "volstudio-demo" / "after.png").stat().st_size > 50_000


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "docs/python.md", "docs/registration.md", "docs/transforms.md"])
def test_every_python_block_of_a_page_runs(page, desk):
    script = "\n".join(blocks(page, "python"))
    if "pyvista" in script and not probe_opengl().ok:
        pytest.skip(probe_opengl().sentence)
    done = run(["-c", script], desk)
    assert done.returncode == 0, done.stderr


def test_the_python_example_of_the_readme_has_five_lines():
    (example,) = blocks("README.md", "python")
    assert len([line for line in example.splitlines() if line.strip()]) == 5


def test_the_scene_of_the_page_opens_and_draws(tmp_path):
    (text,) = blocks("docs/scene_files.md", "toml")
    (tmp_path / "scene.toml").write_text(text, encoding="utf-8")
    picture = render(open_scene([tmp_path / "scene.toml"]), size=(400, 160))
    assert picture.max() > 200


@pytest.mark.parametrize("kind", [Scene, Layer, Look, Landmark])
def test_the_page_of_scene_files_names_every_key(kind):
    named = set(re.findall(r"\w+", (ROOT / "docs" / "scene_files.md").read_text(encoding="utf-8")))
    assert set(kind.__struct_fields__) <= named


def test_the_apt_line_is_the_one_that_the_program_says():
    (line,) = [line for block in blocks("README.md", "sh") for line in block.splitlines() if line.startswith("apt-get")]
    assert line == APT_LINE


def test_every_link_and_picture_of_the_pages_is_there():
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name} points to {target}"
