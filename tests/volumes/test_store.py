from __future__ import annotations

import os
import threading

import numpy as np
import pytest

from volstudio.errors import UnreadableFileError
from volstudio.volumes import plain_voxels
from volstudio.volumes import store as module
from volstudio.volumes.readers import open_volume, volume_from_array
from volstudio.volumes.store import STORE, VolumeStore, path_of


def test_a_file_is_opened_once_whatever_it_is_called(write_nifti, ramp, oblique):
    path = str(write_nifti("a.nii", ramp, oblique))
    store = VolumeStore()
    first = store.get(path)
    assert store.get(path) is first
    named = store.get(path, name="epi")
    assert named.name == "epi"
    assert named.affine.target == "epi:scanner"
    assert named.data is first.data
    assert store.frame(named) is store.frame(first)


def test_a_changed_file_is_opened_again(write_nifti, ramp, oblique):
    path = write_nifti("a.nii", ramp, oblique)
    store = VolumeStore()
    old = store.get(str(path))
    fresh = write_nifti("b.nii", ramp + 1, oblique)
    fresh.replace(path)
    os.utime(path, ns=(1, 1))
    assert store.get(str(path)).data[0, 0, 0] == 2
    assert old.data[0, 0, 0] == 1


def test_forms_are_kept_apart(tmp_path, ramp, oblique):
    import nibabel as nib

    image = nib.Nifti1Image(ramp, oblique)
    image.set_qform(np.eye(4), 1)
    nib.save(image, tmp_path / "a.nii")
    store = VolumeStore()
    path = str(tmp_path / "a.nii")
    assert store.get(path).source.form == "sform"
    assert store.get(path, form="q").source.form == "qform"
    assert store.get(path).source.form == "sform"


def test_volumes_in_memory_have_a_path_of_their_own():
    store = VolumeStore()
    volume = volume_from_array(np.zeros((2, 2, 2)), np.eye(4), name="a")
    path = store.add(volume)
    assert path.startswith("memory:")
    assert store.add(volume) == path
    assert store.get(path) is volume
    assert store.get(path, name="b").name == "b"
    assert store.add(volume_from_array(volume.data, np.diag([2, 2, 2, 1]), name="a")) != path
    with pytest.raises(UnreadableFileError, match="another run's memory"):
        VolumeStore().get(path)


def test_a_path_leads_back_to_its_volume(write_nifti, ramp, oblique):
    volume = open_volume(write_nifti("a.nii.gz", ramp, oblique))
    assert path_of(volume) == str(volume.source.path)
    made = volume_from_array(ramp, oblique)
    assert STORE.get(path_of(made)) is made


def test_frames_are_the_same_array_each_time_and_read_only(write_nifti, oblique):
    data = np.arange(2 * 3 * 4 * 3, dtype=np.int16).reshape(2, 3, 4, 3)
    store = VolumeStore()
    volume = store.get(str(write_nifti("a.nii.gz", data, oblique)))
    frame = store.frame(volume, 2)
    assert store.frame(volume, 2) is frame
    assert not frame.flags.writeable
    np.testing.assert_array_equal(frame, data[..., 2])
    with pytest.raises(IndexError):
        store.frame(volume, 3)


def test_what_was_used_longest_ago_is_let_go(write_nifti, ramp, oblique):
    store = VolumeStore(limit=3 * ramp.nbytes)
    paths = [str(write_nifti(f"{n}.nii.gz", ramp + n, oblique)) for n in range(5)]
    first = store.get(paths[0])
    second = store.get(paths[1])
    for path in paths[2:4]:
        store.get(path)
        assert store.get(paths[1]) is second
    assert store.get(paths[0]) is not first


def test_files_read_when_they_are_asked_for_cost_nothing(write_nifti, ramp, oblique, monkeypatch):
    monkeypatch.setattr(plain_voxels, "AT_ONCE", 0)
    store = VolumeStore(limit=1)
    paths = [str(write_nifti(f"{n}.nii", ramp, oblique)) for n in range(3)]
    volumes = [store.get(path) for path in paths]
    assert [store.get(path) for path in paths] == volumes


def test_threads_that_want_the_same_file_share_one_volume(write_nifti, ramp, oblique, monkeypatch):
    opened = []
    together = threading.Barrier(4)

    def slow(path, *, form="auto"):
        opened.append(path)
        threading.Event().wait(0.05)
        return open_volume(path, form=form)

    monkeypatch.setattr(module, "open_volume", slow)
    path = str(write_nifti("a.nii.gz", ramp, oblique))
    store = VolumeStore()
    found = []

    def want():
        together.wait()
        found.append(store.get(path))

    threads = [threading.Thread(target=want) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 1
    assert len({id(volume) for volume in found}) == 1


def test_a_file_that_cannot_be_opened_is_told_each_time(tmp_path):
    store = VolumeStore()
    for _ in range(2):
        with pytest.raises(UnreadableFileError, match="no such file"):
            store.get(str(tmp_path / "gone.nii"))
    (tmp_path / "bad.nii").write_bytes(b"\x01" * 500)
    for _ in range(2):
        with pytest.raises(UnreadableFileError, match="sizeof_hdr"):
            store.get(str(tmp_path / "bad.nii"))
