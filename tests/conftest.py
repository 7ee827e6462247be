"""Fixtures for all rooms."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real scans that lies beside the checkout; absent on other machines."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip(f"the folder of real scans is not beside the checkout ({folder})")
    return folder


@pytest.fixture(scope="session")
def shared_conformance() -> Path:
    """Folder of the conformance cases' writer."""
    folder = SHARED / "conformance"
    if not folder.is_dir():
        pytest.skip(f"the conformance cases are not beside the checkout ({folder})")
    return folder


@pytest.fixture(autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Journals and recent files of tests never meet the person's own."""
    monkeypatch.setenv("VOLSTUDIO_STATE_DIR", str(tmp_path_factory.mktemp("state")))


@pytest.fixture(scope="session")
def opengl():
    """What OpenGL there is; tests that ask for it are left out where none works."""
    from volstudio.rendering.gl_probe import probe_opengl

    probe = probe_opengl()
    if not probe.ok:
        pytest.skip(probe.sentence)
    return probe
