"""The list of files opened last."""

from __future__ import annotations

from volstudio.apps.studio.recent import recent_files, remember, state_folder


def test_newest_first_without_doubles_and_only_what_is_there(tmp_path):
    files = [tmp_path / "扫描" / f"{k} .nii" for k in range(15)]
    files[0].parent.mkdir()
    for file in files:
        file.write_bytes(b"")
        remember([file])
    remember([files[3]])
    files[14].unlink()
    kept = recent_files()
    assert kept[:2] == (files[3], files[13])
    assert len(kept) == len(set(kept)) <= 12
    assert files[14] not in kept


def test_the_folder_is_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("VOLSTUDIO_STATE_DIR", str(tmp_path / "mine"))
    assert state_folder() == tmp_path / "mine"
    assert recent_files() == ()
