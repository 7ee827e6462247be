"""The JSON beside a transform: what it says is what was done, and it speaks for files that cannot."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from volstudio.errors import OutputError, UnreadableFileError
from volstudio.geometry.affine import Affine
from volstudio.geometry.rigid import RigidTransform
from volstudio.transforms.files import read_transform, write_transform
from volstudio.transforms.sidecar import Image, Sidecar, read_sidecar, write_sidecar
from volstudio.volumes.volume import Source

if TYPE_CHECKING:
    from pathlib import Path

AFFINE = Affine(RigidTransform.from_six((1, 2, 3, 0.1, 0.2, 0.3)).matrix, "t1:scanner", "epi:scanner")


def sidecar(t1, epi, **known) -> Sidecar:
    parameters = {"levels_mm": [8, 4.5], "seed": 1}
    return Sidecar.of(AFFINE, fixed=t1, moving=epi, made_by="registration", parameters=parameters, versions={"numpy": "2"}, **known)


def test_comes_back_and_is_stable(tmp_path: Path, t1, epi):
    path = write_sidecar(sidecar(t1, epi), tmp_path / "脑.tfm")
    assert path == tmp_path / "脑.json"
    first = path.read_bytes()
    read = read_sidecar(tmp_path / "脑.tfm")
    assert read == sidecar(t1, epi)
    assert np.array_equal(np.array(read.fixed_to_moving), AFFINE.matrix)
    write_sidecar(read, tmp_path / "脑.tfm", overwrite=True)
    assert path.read_bytes() == first
    with pytest.raises(OutputError, match="exists"):
        write_sidecar(read, tmp_path / "脑.tfm")


def test_says_the_direction_in_words(t1, epi):
    assert "points of t1 to points of epi" in sidecar(t1, epi).in_words
    assert "points of epi to points of t1" in sidecar(t1, epi, direction="moving-to-fixed").in_words


def test_knows_its_images_by_digest_and_tells_no_folders(tmp_path: Path, t1):
    (tmp_path / "t1.nii").write_bytes(b"voxels")
    opened = replace(t1, source=Source(tmp_path / "t1.nii", "NIfTI-1", "sform", (tmp_path / "t1.nii",)))
    image = Image.of(opened)
    assert image.digest == f"sha256:{hashlib.sha256(b'voxels').hexdigest()}"
    assert image.path == "t1.nii"
    (tmp_path / "t1.nii").write_bytes(b"other voxels")
    assert Image.of(opened).digest != image.digest


@pytest.mark.parametrize("direction", ["fixed-to-moving", "moving-to-fixed"])
def test_speaks_for_a_numpy_array(tmp_path: Path, t1, epi, direction):
    write_transform(AFFINE, tmp_path / "t.npy", fixed=t1, moving=epi, direction=direction)
    write_sidecar(sidecar(t1, epi, direction=direction), tmp_path / "t.npy")
    assert read_transform(tmp_path / "t.npy", fixed=t1, moving=epi).is_close(AFFINE, atol=1e-9)


def test_json_of_others_is_left_alone_and_a_damaged_one_of_ours_is_said(tmp_path: Path, t1, epi):
    (tmp_path / "t.json").write_text('{"RepetitionTime": 2}')
    assert read_sidecar(tmp_path / "t.tfm") is None
    assert read_sidecar(tmp_path / "none.tfm") is None
    path = write_sidecar(sidecar(t1, epi), tmp_path / "t.tfm", overwrite=True)
    damaged = json.loads(path.read_text())
    damaged["direction"] = "sideways"
    path.write_text(json.dumps(damaged))
    with pytest.raises(UnreadableFileError, match="sideways"):
        read_sidecar(tmp_path / "t.tfm")


@pytest.mark.parametrize("damage", [b'"\xf4"', b"[" * 3000], ids=["no UTF-8", "nested without end"])
def test_text_that_no_json_reader_takes_is_damage_too(tmp_path: Path, t1, epi, damage):
    path = write_sidecar(sidecar(t1, epi), tmp_path / "t.npy")
    path.write_bytes(re.sub(rb'"seed": ?1', b'"seed":' + damage, path.read_bytes()))
    with pytest.raises(UnreadableFileError, match="sidecar"):
        read_sidecar(tmp_path / "t.npy")


def test_a_format_of_thousands_of_letters_is_not_repeated_whole(tmp_path: Path, t1, epi):
    path = write_sidecar(sidecar(t1, epi), tmp_path / "t.npy")
    path.write_text(path.read_text().replace("volstudio-transform-1", "volstudio-transform-1" + "9" * 5000))
    with pytest.raises(UnreadableFileError, match="sidecar") as refusal:
        read_sidecar(tmp_path / "t.npy")
    assert len(str(refusal.value)) < 1000
