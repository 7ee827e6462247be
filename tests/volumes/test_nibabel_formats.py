"""MINC, AFNI and PAR/REC: nibabel knows their headers, and here it is the other program as well; damage is judged by us alone."""

from __future__ import annotations

import gc
import gzip
import shutil
import sys
import warnings

import nibabel as nib
import numpy as np
import pytest

from volstudio.errors import MissingExtraError, UnreadableFileError
from volstudio.volumes.readers import open_volume

AFNI, PAR = "example4d+orig", "phantom_EPI_asc_CLEAR_2_1"


def codes(volume):
    return [finding.code for finding in volume.findings]


def by_nibabel(path):
    """Values and affine; nibabel leaves some files to be closed by the interpreter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        image = nib.load(path)
        values, affine = np.asanyarray(image.dataobj).copy(), image.affine
        del image
        gc.collect()
    return values, affine


@pytest.fixture
def odd(shared_data, tmp_path):
    """``odd(names)``: copies of real files that may be damaged; the path of the first."""

    def odd(*names):
        for name in names:
            shutil.copy(shared_data / "odd" / name, tmp_path / name)
            (tmp_path / name).chmod(0o644)
        return tmp_path / names[0]

    return odd


@pytest.mark.parametrize(
    ("name", "form", "times"),
    [
        ("tiny.mnc", "MINC1", 1),
        ("minc1_4d.mnc", "MINC1", 2),
        ("minc2_1_scale.mnc", "MINC2", 1),
        (f"{AFNI}.HEAD", "AFNI", 3),
        (f"{PAR}.PAR", "PAR/REC", 3),
    ],
)
def test_real_files_read_as_nibabel_reads_them(shared_data, name, form, times):
    pytest.importorskip("h5py", reason="h5py (the extra 'formats') is not installed")
    volume, (values, affine) = open_volume(shared_data / "odd" / name), by_nibabel(shared_data / "odd" / name)
    np.testing.assert_allclose(volume.affine.matrix, affine, atol=1e-9)
    np.testing.assert_allclose(volume.data, np.moveaxis(values, 0, 3) if name == "minc1_4d.mnc" else values, rtol=1e-6)
    assert (volume.source.format, volume.n_times) == (form, times)
    assert volume.data.dtype.itemsize <= 4
    assert ("series" in codes(volume)) == (times > 1)


@pytest.mark.parametrize(("given", "source"), [(f"{AFNI}.BRIK.gz", f"{AFNI}.HEAD"), (f"{PAR}.REC", f"{PAR}.PAR")])
def test_either_file_of_a_pair_opens_it(shared_data, given, source):
    volume = open_volume(shared_data / "odd" / given)
    assert volume.source.path.name == source
    assert len(volume.source.files) == 2
    assert volume.name == source.rpartition(".")[0]


def test_the_brik_may_be_plain_and_each_volume_have_its_factor(odd, tmp_path):
    head = odd(f"{AFNI}.HEAD", f"{AFNI}.BRIK.gz")
    packed = tmp_path / f"{AFNI}.BRIK.gz"
    (tmp_path / f"{AFNI}.BRIK").write_bytes(gzip.decompress(packed.read_bytes()))
    packed.unlink()
    plain = np.asarray(open_volume(head).data)
    text = head.read_text()
    at = text.index("BRICK_FLOAT_FACS")
    begin = text.index("\n", text.index("count", at)) + 1
    head.write_text(text[:begin] + " 0.5 0 2\n" + text[text.index("\n", begin) + 1 :])
    volume = open_volume(head)
    np.testing.assert_array_equal(volume.data, plain * [0.5, 1, 2])
    assert "scaled" in codes(volume)


@pytest.mark.parametrize(
    ("names", "damage", "words"),
    [
        ((f"{AFNI}.HEAD",), None, "missing"),
        ((f"{PAR}.PAR",), None, "missing"),
        (("tiny.mnc",), lambda content: content[:-300], "truncated"),
        (("tiny.mnc",), lambda content: content[:60], "truncated"),
        (("minc2_1_scale.mnc",), lambda content: content[: len(content) // 2], "truncated"),
        ((f"{AFNI}.HEAD", f"{AFNI}.BRIK.gz"), lambda content: content.replace(b"33 41 25", b"99999 41 25"), "truncated|more than"),
        ((f"{AFNI}.HEAD", f"{AFNI}.BRIK.gz"), lambda content: content[:200], "AFNI"),
        ((f"{AFNI}.BRIK.gz", f"{AFNI}.HEAD"), lambda content: content[:-500], "truncated"),
        ((f"{PAR}.REC", f"{PAR}.PAR"), lambda content: content[:-1], "truncated"),
        ((f"{PAR}.PAR", f"{PAR}.REC"), lambda content: content[:3000], "PAR/REC"),
    ],
    ids=str,
)
def test_damage_is_named(odd, names, damage, words):
    pytest.importorskip("h5py", reason="h5py (the extra 'formats') is not installed")
    path = odd(*names)
    if damage:
        content = damage(path.read_bytes())
        path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match=words):
        open_volume(path)


def test_voxels_in_another_file_are_not_followed(odd, tmp_path):
    h5py = pytest.importorskip("h5py", reason="h5py (the extra 'formats') is not installed")
    (tmp_path / "secret").write_bytes(bytes(4000))
    for how in ("external", "link"):
        path = odd("minc2_1_scale.mnc")
        with h5py.File(path, "r+") as file:
            group = file["minc-2.0/image/0"]
            old = group["image"]
            shape, dtype, attributes = old.shape, old.dtype, dict(old.attrs)
            del group["image"]
            if how == "link":
                group["image"] = h5py.ExternalLink(str(tmp_path / "secret"), "/x")
            else:
                made = group.create_dataset("image", shape, dtype, external=[(str(tmp_path / "secret"), 0, 4000)])
                made.attrs.update(attributes)
        with pytest.raises(UnreadableFileError, match="refused"):
            open_volume(path)


def test_a_missing_h5py_is_one_sentence(odd, monkeypatch):
    path = odd("minc2_1_scale.mnc")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r"pip install \"volstudio\[formats\]\""):
        open_volume(path)


@pytest.mark.parametrize("name", ["tiny.mnc", f"{AFNI}.HEAD", f"{PAR}.PAR"])
def test_they_have_no_form_and_keep_to_the_memory(shared_data, name):
    with pytest.raises(UnreadableFileError, match="neither sform nor qform"):
        open_volume(shared_data / "odd" / name, form="s")
    with pytest.raises(UnreadableFileError, match="memory"):
        open_volume(shared_data / "odd" / name, memory_limit=100)
