"""Fixtures for all rooms."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
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


class Blobs:
    """Small scans of one object without symmetry, in files."""

    SHAPE = (24, 28, 24)
    AFFINE = np.array([[4.0, 0, 0, -46], [0, 4, 0, -54], [0, 0, 4, -46], [0, 0, 0, 1]])

    @classmethod
    def write(cls, path, move, seed):
        """A noisy scan of the object with ``move`` (4, 4) put into its header."""
        x, y, z = cls.AFFINE[:3, :3] @ np.indices(cls.SHAPE).reshape(3, -1) + cls.AFFINE[:3, 3:]
        head = (x / 34) ** 2 + (y / 42) ** 2 + (z / 36) ** 2 < 1
        inner = ((x - 8) / 12) ** 2 + ((y - 12) / 16) ** 2 + ((z + 5) / 10) ** 2 < 1
        ball = ((x + 14) / 9) ** 2 + ((y + 18) / 8) ** 2 + ((z - 12) / 11) ** 2 < 1
        data = (head * 500.0 + inner * 300.0 - ball * 250.0).reshape(cls.SHAPE)
        data += np.random.default_rng(seed).normal(0, 8, cls.SHAPE)
        nibabel.Nifti1Image(np.clip(data, 0, 2000).astype(np.int16), move @ cls.AFFINE).to_filename(path)
        return str(path)

    @staticmethod
    def write_mask(path, scan, keep=np.s_[4:20, 4:24, 4:20]):
        """A mask of a scan, on its grid: what lies in the box of voxels ``keep``."""
        image = nibabel.load(scan)
        data = np.zeros(image.shape, np.uint8)
        data[keep] = 1
        nibabel.Nifti1Image(data, image.affine).to_filename(path)
        return str(path)


@pytest.fixture(scope="session")
def blobs() -> type[Blobs]:
    """Writer of small scans of one object."""
    return Blobs
